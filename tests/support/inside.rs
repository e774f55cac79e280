//! Runs of the program inside the test's own process, where time can be moved: the whole of it but
//! `main`, with real files and real servers.

use std::cell::Cell;
use std::ffi::OsString;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Mutex, Once};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use log::{LevelFilter, Log, Metadata, Record};
use vb365_helper::host::{Clock, Input, Surface, Terminal};
use vb365_helper::steps::TARGET;
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

/// Somebody who does not care what is shown.
pub struct AnyTerminal;

impl Terminal for AnyTerminal {
    fn is_available(&self) -> bool {
        true
    }

    fn show(&self, _: &str) -> io::Result<()> {
        Ok(())
    }

    fn surface(&self) -> Option<Surface> {
        Some(Surface { columns: 80, rows: 24, takes_sequences: true })
    }

    fn read_line(&self, _: Duration) -> io::Result<String> {
        Err(io::ErrorKind::TimedOut.into())
    }

    fn catch_interrupts(&self) {}

    fn is_interrupted(&self) -> bool {
        false
    }
}

/// Nobody is there to be asked.
struct NoTerminal;

impl Terminal for NoTerminal {
    fn is_available(&self) -> bool {
        false
    }

    fn show(&self, _: &str) -> io::Result<()> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn surface(&self) -> Option<Surface> {
        None
    }

    fn read_line(&self, _: Duration) -> io::Result<String> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn catch_interrupts(&self) {}

    fn is_interrupted(&self) -> bool {
        false
    }
}

impl Home {
    /// A run by `clock`, without a terminal.
    pub fn run_inside(&self, clock: &dyn Clock, args: &[&str], mut stdin: &[u8]) -> Outcome {
        self.run_reading(clock, args, &mut stdin)
    }

    /// A run by `clock` at a terminal.
    pub fn run_inside_at(&self, terminal: &dyn Terminal, clock: &dyn Clock, args: &[&str]) -> Outcome {
        self.run_with(clock, terminal, args, &mut &b""[..])
    }

    /// The same with a request that comes as it likes.
    pub fn run_reading(&self, clock: &dyn Clock, args: &[&str], stdin: &mut dyn Input) -> Outcome {
        self.run_with(clock, &NoTerminal, args, stdin)
    }

    fn run_with(&self, clock: &dyn Clock, terminal: &dyn Terminal, args: &[&str], stdin: &mut dyn Input) -> Outcome {
        let args: Vec<OsString> = ["vb365-helper"].iter().chain(args).map(OsString::from).collect();
        let variables = |name: &str| match name {
            "VB365_HELPER_CONFIG" => Some(self.home().join("config.toml").into_os_string()),
            "VB365_HELPER_CACHE_DIR" => Some(self.cache_dir().into_os_string()),
            // No run of a test asks for the keyring of whoever runs it.
            "VB365_HELPER_PROTECTION" => Some("none".into()),
            _ => None,
        };
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let streams = Streams { stdin, stdout: &mut stdout, stdout_surface: &|| None, stderr: &mut stderr };
        let code = run(&args, &variables, &std::env::current_exe, streams, clock, terminal);
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Outcome { code: code.into(), stdout: text(stdout), stderr: text(stderr) }
    }
}

thread_local! {
    /// After how many steps of this thread's run it ends.
    static STEPS_LEFT: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Why a run ended.
struct Killed;

/// The log's steps, which tell where a run is.
struct Steps;

impl Log for Steps {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == TARGET
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let left = STEPS_LEFT.get().map(|left| left - 1);
        STEPS_LEFT.set(left.filter(|left| *left > 0));
        if left == Some(0) {
            // Unlike a panic it says nothing, and nothing in the program catches it.
            resume_unwind(Box::new(Killed));
        }
    }

    fn flush(&self) {}
}

/// Ends `run` at its step number `step`, counted from 1, as a kill would: files stay as they are,
/// and locks are let go. None if it got that far.
pub fn killed_at<T>(step: usize, run: impl FnOnce() -> T) -> Option<T> {
    static STEPS: Steps = Steps;
    static START: Once = Once::new();
    START.call_once(|| {
        log::set_logger(&STEPS).unwrap();
        log::set_max_level(LevelFilter::Trace);
    });
    STEPS_LEFT.set(Some(step));
    let ended = catch_unwind(AssertUnwindSafe(run));
    STEPS_LEFT.set(None);
    match ended {
        Ok(done) => Some(done),
        Err(why) if why.is::<Killed>() => None,
        Err(why) => resume_unwind(why),
    }
}
