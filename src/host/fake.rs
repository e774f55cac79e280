//! A clock and a terminal for unit tests: time moves only when it is told to or slept through, and
//! what is shown is kept. Both can be shared with other threads.

use std::collections::VecDeque;
use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeZone, Utc};

use super::{Clock, Surface, Terminal};

/// A clock that stands still between the calls of [`FakeClock::advance`] and [`Clock::sleep`].
#[derive(Debug)]
pub struct FakeClock(Mutex<Times>);

#[derive(Debug)]
struct Times {
    now: DateTime<Utc>,
    elapsed: Duration,
    sleeps: Vec<Duration>,
}

impl FakeClock {
    /// It is `now`, and nothing has elapsed.
    pub fn at(now: DateTime<Utc>) -> Self {
        Self(Mutex::new(Times { now, elapsed: Duration::ZERO, sleeps: Vec::new() }))
    }

    /// Changes the time of day alone, as a person or a time server does.
    pub fn set_now(&self, now: DateTime<Utc>) {
        self.0.lock().unwrap().now = now;
    }

    /// Lets time pass for both the time of day and [`Clock::elapsed`].
    pub fn advance(&self, duration: Duration) {
        let mut times = self.0.lock().unwrap();
        times.now += duration;
        times.elapsed += duration;
    }

    /// Every wait so far, in order.
    pub fn sleeps(&self) -> Vec<Duration> {
        self.0.lock().unwrap().sleeps.clone()
    }
}

impl Default for FakeClock {
    /// 2026-11-23T04:00:00Z.
    fn default() -> Self {
        Self::at(Utc.with_ymd_and_hms(2026, 11, 23, 4, 0, 0).unwrap())
    }
}

impl Clock for FakeClock {
    fn now(&self) -> DateTime<Utc> {
        self.0.lock().unwrap().now
    }

    fn elapsed(&self) -> Duration {
        self.0.lock().unwrap().elapsed
    }

    fn sleep(&self, duration: Duration) {
        self.advance(duration);
        self.0.lock().unwrap().sleeps.push(duration);
    }
}

/// A terminal that keeps what it was shown; there is one unless [`FakeTerminal::absent`] made it.
#[derive(Debug)]
pub struct FakeTerminal {
    available: AtomicBool,
    stuck: AtomicBool,
    catches: AtomicBool,
    interrupted_after: AtomicUsize,
    shown: Mutex<Vec<String>>,
    lines: Mutex<VecDeque<String>>,
    surface: Mutex<Surface>,
}

impl Default for FakeTerminal {
    /// A terminal with a patient person.
    fn default() -> Self {
        Self {
            available: true.into(),
            stuck: false.into(),
            catches: false.into(),
            interrupted_after: usize::MAX.into(),
            shown: Mutex::default(),
            lines: Mutex::default(),
            surface: Mutex::new(Surface { columns: 80, rows: 24, takes_sequences: true }),
        }
    }
}

impl FakeTerminal {
    /// No terminal, as in a service.
    pub fn absent() -> Self {
        Self { available: false.into(), ..Self::default() }
    }

    /// Makes it appear or vanish.
    pub fn set_available(&self, available: bool) {
        self.available.store(available, Ordering::SeqCst);
    }

    /// Nothing that moves is taken while it is stuck, as after Ctrl-S.
    pub fn set_stuck(&self, stuck: bool) {
        self.stuck.store(stuck, Ordering::SeqCst);
    }

    /// The person presses Ctrl-C once `count` texts were shown.
    pub fn interrupt_after(&self, count: usize) {
        self.interrupted_after.store(count, Ordering::SeqCst);
    }

    /// The person will type these lines, and then none.
    pub fn will_type(&self, lines: &[&str]) {
        self.lines.lock().unwrap().extend(lines.iter().map(|line| (*line).to_owned()));
    }

    /// It becomes as large as `columns` and `rows`.
    pub fn resize(&self, columns: u16, rows: u16) {
        *self.surface.lock().unwrap() = Surface { columns, rows, takes_sequences: true };
    }

    /// Everything that was shown, joined.
    pub fn text(&self) -> String {
        self.shown.lock().unwrap().concat()
    }

    /// How many texts were shown.
    pub fn shows(&self) -> usize {
        self.shown.lock().unwrap().len()
    }

    /// Whether Ctrl-C would be remembered instead of ending the process.
    pub fn catches_interrupts(&self) -> bool {
        self.catches.load(Ordering::SeqCst)
    }
}

impl Terminal for FakeTerminal {
    fn is_available(&self) -> bool {
        self.available.load(Ordering::SeqCst)
    }

    fn show(&self, text: &str) -> io::Result<()> {
        if !self.is_available() {
            return Err(io::ErrorKind::NotFound.into());
        }
        self.shown.lock().unwrap().push(text.to_owned());
        Ok(())
    }

    fn draw(&self, frame: &str) -> io::Result<()> {
        if self.stuck.load(Ordering::SeqCst) { Err(io::ErrorKind::WouldBlock.into()) } else { self.show(frame) }
    }

    fn surface(&self) -> Option<Surface> {
        self.is_available().then(|| *self.surface.lock().unwrap())
    }

    fn read_line(&self, _: Duration) -> io::Result<String> {
        if self.is_interrupted() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        self.lines.lock().unwrap().pop_front().ok_or_else(|| io::ErrorKind::TimedOut.into())
    }

    fn catch_interrupts(&self) {
        self.catches.store(true, Ordering::SeqCst);
    }

    fn is_interrupted(&self) -> bool {
        self.catches_interrupts() && self.shows() >= self.interrupted_after.load(Ordering::SeqCst)
    }
}
