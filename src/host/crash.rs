//! Crashes on demand, for the tests that prove that none loses anything. A release build has none
//! of it: what `VB365_HELPER_CRASH` says is not even read there.

#[cfg(debug_assertions)]
pub use self::on_demand::plan_crash;
#[cfg(debug_assertions)]
pub(super) use self::on_demand::{at, is_planned};

#[cfg(not(debug_assertions))]
pub(super) fn is_planned() -> bool {
    false
}

#[cfg(not(debug_assertions))]
pub(super) fn at(_: &str) {}

#[cfg(debug_assertions)]
mod on_demand {
    use std::ffi::OsStr;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    static PLAN: OnceLock<Plan> = OnceLock::new();
    static STEPS: AtomicUsize = AtomicUsize::new(0);

    #[derive(Clone, Debug)]
    struct Plan {
        action: Action,
        place: Place,
    }

    #[derive(Clone, Copy, Debug)]
    enum Action {
        /// Ends the process as `kill -9` does: nothing is cleaned up.
        Kill,
        /// Panics, as a bug would.
        Panic,
        /// Goes on an hour later: for as long as a test lasts, the process just hangs.
        Stall,
    }

    #[derive(Clone, Debug)]
    enum Place {
        /// The nth step, counted from 1.
        Nth(usize),
        /// The first step of this name.
        Named(String),
    }

    /// Takes a plan as `kill@3` or `stall@lock_taken`: what to do, and at which step.
    #[allow(clippy::panic, reason = "a test that misspells its plan must not pass")]
    pub fn plan_crash(plan: Option<&OsStr>) {
        let Some(text) = plan else { return };
        let parsed = text.to_str().and_then(parse);
        let _ = PLAN.set(parsed.unwrap_or_else(|| panic!("{} is no plan for a crash", text.display())));
    }

    fn parse(text: &str) -> Option<Plan> {
        let (action, place) = text.split_once('@')?;
        let action = match action {
            "kill" => Action::Kill,
            "panic" => Action::Panic,
            "stall" => Action::Stall,
            _ => return None,
        };
        let place = place.parse().map_or_else(|_| Place::Named(place.to_owned()), Place::Nth);
        Some(Plan { action, place })
    }

    pub(in crate::host) fn is_planned() -> bool {
        PLAN.get().is_some()
    }

    /// Crashes if it is planned for this step.
    #[allow(clippy::panic, clippy::disallowed_methods, reason = "this is what was asked for")]
    pub(in crate::host) fn at(step: &str) {
        let Some(plan) = PLAN.get() else { return };
        let n = STEPS.fetch_add(1, Ordering::SeqCst) + 1;
        let is_here = match &plan.place {
            Place::Nth(wanted) => n == *wanted,
            Place::Named(wanted) => step == wanted,
        };
        match plan.action {
            _ if !is_here => {}
            Action::Kill => std::process::abort(),
            Action::Panic => panic!("planned, with canary words that nobody may see"),
            Action::Stall => std::thread::sleep(Duration::from_secs(3600)),
        }
    }
}
