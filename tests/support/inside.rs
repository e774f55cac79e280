//! Runs of the program inside the test's own process, where time can be moved: the whole of it but
//! `main`, with real files and real servers.

use std::ffi::OsString;
use std::io;
use std::sync::Mutex;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use vb365_helper::config::Places;
use vb365_helper::host::{Clock, Terminal};
use vb365_helper::{Streams, run};

use super::{Home, Outcome};

/// A clock that goes only when it is told to, or waited by.
pub struct ManualClock(Mutex<Times>);

struct Times {
    now: DateTime<Utc>,
    elapsed: Duration,
}

impl ManualClock {
    /// It is the time of the machine.
    pub fn new() -> Self {
        Self(Mutex::new(Times { now: Utc::now(), elapsed: Duration::ZERO }))
    }

    /// Time passes.
    pub fn advance(&self, duration: Duration) {
        let mut times = self.0.lock().unwrap();
        times.now += duration;
        times.elapsed += duration;
    }

    /// Somebody sets the time of day.
    pub fn set(&self, now: DateTime<Utc>) {
        self.0.lock().unwrap().now = now;
    }

    /// Somebody sets the time of day forwards or back.
    pub fn jump(&self, by: TimeDelta) {
        self.0.lock().unwrap().now += by;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        self.0.lock().unwrap().now
    }

    fn elapsed(&self) -> Duration {
        self.0.lock().unwrap().elapsed
    }

    fn sleep(&self, duration: Duration) {
        self.advance(duration);
    }
}

/// Nobody is there to be asked.
pub struct NoTerminal;

impl Terminal for NoTerminal {
    fn is_available(&self) -> bool {
        false
    }

    fn show(&self, _: &str) -> io::Result<()> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn catch_interrupts(&self) {}

    fn is_interrupted(&self) -> bool {
        false
    }
}

impl Home {
    /// A run by `clock`, without a terminal.
    pub fn run_inside(&self, clock: &dyn Clock, args: &[&str], stdin: &[u8]) -> Outcome {
        let args: Vec<OsString> = ["vb365-helper"].iter().chain(args).map(OsString::from).collect();
        let places = Places { config_file: Some(self.home().join("config.toml")), cache_dir: Some(self.cache_dir()) };
        let (mut stdin, mut stdout, mut stderr) = (stdin, Vec::new(), Vec::new());
        let streams = Streams { stdin: &mut stdin, stdout: &mut stdout, stderr: &mut stderr };
        let code = run(&args, places, streams, clock, &NoTerminal);
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Outcome { code: code.into(), stdout: text(stdout), stderr: text(stderr) }
    }
}
