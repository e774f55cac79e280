//! What the process gives up for the sake of the tokens in its memory. Best effort by design: no
//! call of the program fails because the system would not take one of these wishes.

use std::io::{self, Write};
use std::panic;
use std::process;

use crate::error::Kind;

/// Keeps tokens out of core dumps and out of the sight of the user's other processes, as far as
/// the platform can: core(5) and `PR_SET_DUMPABLE` of prctl(2). Does nothing on Windows.
pub fn harden() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    }
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        // The limit above does not hold where dumps are piped to a program, as systemd has it.
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}

/// Has a panic say where it happened and end the process with the exit code of kind `internal`. What
/// it was about may be a secret, and is not said.
#[allow(clippy::disallowed_methods, reason = "a bug was hit in the midst of anything: there is no way back to `main`")]
pub fn hide_panics() {
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(|place| format!(" at {}:{}", place.file(), place.line())).unwrap_or_default();
        let line = format!("vb365-helper: internal error{place}, please report it\n");
        // Where stderr is closed, the exit code says it alone.
        let _ = io::stderr().write_all(line.as_bytes());
        process::exit(Kind::Internal.exit_code().into());
    }));
}

#[cfg(all(test, any(target_os = "linux", target_os = "android")))]
mod tests {
    use super::*;
    use rustix::process::{DumpableBehavior, Resource, Rlimit, dumpable_behavior, getrlimit};

    #[test]
    fn no_core_is_dumped_and_the_program_still_finds_itself() {
        harden();
        assert_eq!(getrlimit(Resource::Core), Rlimit { current: Some(0), maximum: Some(0) });
        assert_eq!(dumpable_behavior(), Ok(DumpableBehavior::NotDumpable));
        assert!(std::env::current_exe().is_ok());
        assert!(std::fs::read_dir("/proc/self/fd").is_ok());
    }
}
