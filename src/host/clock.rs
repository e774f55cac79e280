//! The real clock: the one place where the library reads the time or waits.

use std::thread;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use super::Clock;

/// The machine's clock.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// Counts [`Clock::elapsed`] from now.
    #[allow(clippy::disallowed_methods, reason = "this is the clock that everything else uses")]
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }
}

#[allow(clippy::disallowed_methods, reason = "this is the clock that everything else uses")]
impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    fn sleep(&self, duration: Duration) {
        thread::sleep(duration);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Deadline;

    #[test]
    fn sleeping_uses_up_a_deadline() {
        let clock = SystemClock::start();
        let deadline = Deadline::after(&clock, Duration::from_millis(5));
        clock.sleep(deadline.left(&clock));
        assert!(deadline.is_over(&clock));
        assert!(!Deadline::after(&clock, Duration::MAX).is_over(&clock));
    }
}
