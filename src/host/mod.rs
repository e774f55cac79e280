//! What the program needs of the machine it runs on and tests must be able to replace: the time,
//! the terminal and stdin. Everything else (files, network) is passed in as a place.

mod aside;
mod clock;
mod crash;
#[cfg(test)]
pub mod fake;
mod input;
mod journal;
mod process;
mod terminal;
mod writer;

use std::io;
use std::time::Duration;

use chrono::{DateTime, Utc};

pub use self::aside::{GLANCE, aside};
pub use self::clock::SystemClock;
#[cfg(debug_assertions)]
pub use self::crash::plan_crash;
pub use self::input::SystemInput;
pub use self::journal::keep_journal;
pub use self::process::{harden, hide_panics};
pub use self::terminal::{SystemTerminal, stdout_surface};

/// The time of day, time that only goes forward, and waiting.
pub trait Clock: Sync {
    /// The time of day; it may jump.
    fn now(&self) -> DateTime<Utc>;
    /// Time since some fixed instant; it never goes back. Deadlines are counted in it.
    fn elapsed(&self) -> Duration;
    /// Waits.
    fn sleep(&self, duration: Duration);
}

/// Where a request comes from.
pub trait Input {
    /// Reads what is there into `buffer`; zero at the end.
    ///
    /// # Errors
    /// `TimedOut` if nothing comes within `limit`, and what the system says.
    fn read_within(&mut self, buffer: &mut [u8], limit: Duration) -> io::Result<usize>;
}

/// The terminal of the person who started the program, reached past its streams.
pub trait Terminal: Sync {
    /// Whether there is one that can be opened now.
    fn is_available(&self) -> bool;
    /// How much it can show; `None` where there is none.
    fn surface(&self) -> Option<Surface>;
    /// Shows `text` there.
    ///
    /// # Errors
    /// The terminal is not there (any more), or takes nothing (`TimedOut`).
    fn show(&self, text: &str) -> io::Result<()>;
    /// Has something shown that moves, and does not wait until it is.
    ///
    /// # Errors
    /// As [`Terminal::show`]; `WouldBlock` if the terminal takes nothing now.
    fn draw(&self, frame: &str) -> io::Result<()> {
        self.show(frame)
    }
    /// Forgets what was typed up to now: it answers no question that comes later.
    fn forget_typed(&self) {}
    /// What the person types there, up to the line's end, which is not part of it.
    ///
    /// # Errors
    /// `TimedOut` if no line is finished within `limit`, `Interrupted` if Ctrl-C was pressed since
    /// [`Terminal::catch_interrupts`], `UnexpectedEof` if no line will come, and what the system says.
    fn read_line(&self, limit: Duration) -> io::Result<String>;
    /// From now on Ctrl-C does not end the process but is remembered.
    fn catch_interrupts(&self);
    /// Whether Ctrl-C was pressed since [`Terminal::catch_interrupts`].
    fn is_interrupted(&self) -> bool;
}

/// What a terminal can show, whatever the user wants to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Surface {
    /// Width in characters.
    pub columns: u16,
    /// Height in lines.
    pub rows: u16,
    /// Whether escape sequences (ECMA-48) can steer it, as far as the system knows.
    pub takes_sequences: bool,
}

/// A moment after which nothing waits any longer, counted in [`Clock::elapsed`].
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Duration);

impl Deadline {
    /// The moment `duration` from now.
    pub fn after(clock: &dyn Clock, duration: Duration) -> Self {
        Self(clock.elapsed().saturating_add(duration))
    }

    /// The moment `duration` after one that [`Clock::elapsed`] told.
    pub fn since(start: Duration, duration: Duration) -> Self {
        Self(start.saturating_add(duration))
    }

    /// The time left; zero when it is over.
    pub fn left(self, clock: &dyn Clock) -> Duration {
        self.0.saturating_sub(clock.elapsed())
    }

    /// Whether it is over.
    pub fn is_over(self, clock: &dyn Clock) -> bool {
        self.left(clock).is_zero()
    }
}
