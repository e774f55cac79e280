//! What each rung found, in words for a person: told to the log, and kept for who wants it explained. No
//! secret is in it, and nothing is put into words that nobody asked for.

use std::cell::RefCell;
use std::time::Duration;

use crate::host::Clock;

/// The way of one call through the ladder.
#[derive(Debug, Default)]
pub struct Trail {
    kept: Option<RefCell<Vec<Mark>>>,
}

/// What was found, and when, counted in [`Clock::elapsed`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The moment.
    pub at: Duration,
    /// A rung and what was found there.
    pub words: String,
}

impl Trail {
    /// One that is kept, to be explained.
    pub fn kept() -> Self {
        Self { kept: Some(RefCell::default()) }
    }

    /// Everything that was found so far, in order.
    pub fn take(&self) -> Vec<Mark> {
        self.kept.as_ref().map(RefCell::take).unwrap_or_default()
    }

    /// Notes what was found; `words` are made only if somebody will read them.
    pub(super) fn note(&self, clock: &dyn Clock, words: impl FnOnce() -> String) {
        let is_logged = log::log_enabled!(log::Level::Debug);
        if self.kept.is_none() && !is_logged {
            return;
        }
        let words = words();
        log::debug!("{words}");
        if let Some(kept) = &self.kept {
            kept.borrow_mut().push(Mark { at: clock.elapsed(), words });
        }
    }
}
