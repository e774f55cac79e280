//! The log that `VB365_HELPER_LOG` asks for: every decision of the ladder (`debug`), and every step
//! of the way (`trace`), a line each on stderr. No secret is ever given to the log; what comes from
//! outside is made fit to show here once more.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::sync::OnceLock;
use std::time::Instant;

use log::{LevelFilter, Log, Metadata, Record};

use crate::steps;
use crate::text::printable;

/// The program's records; those of libraries could hold anything.
const OWN: &str = env!("CARGO_CRATE_NAME");

static JOURNAL: OnceLock<Journal> = OnceLock::new();

struct Journal {
    level: LevelFilter,
    start: Instant,
}

/// Starts the log at the `level` that the environment names; nothing is logged without one.
pub fn keep_journal(level: Option<&OsStr>) {
    let level = match level.map(|level| level.to_ascii_lowercase()) {
        None => LevelFilter::Off,
        Some(level) if level == "off" => LevelFilter::Off,
        Some(level) if level == "debug" => LevelFilter::Debug,
        Some(level) if level == "trace" => LevelFilter::Trace,
        Some(_) => {
            say("warning: VB365_HELPER_LOG is none of off, debug and trace");
            LevelFilter::Off
        }
    };
    start(level);
}

#[allow(clippy::disallowed_methods, reason = "a log tells how long things really took")]
fn start(level: LevelFilter) {
    let steps = if super::crash::is_planned() { LevelFilter::Trace } else { LevelFilter::Off };
    let widest = level.max(steps);
    if widest == LevelFilter::Off {
        return;
    }
    // There is one process and one log: a second start changes nothing.
    if log::set_logger(JOURNAL.get_or_init(|| Journal { level, start: Instant::now() })).is_ok() {
        log::set_max_level(widest);
    }
}

impl Log for Journal {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().split("::").next() == Some(OWN)
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let (words, is_step) = (printable(&record.args().to_string()), record.target() == steps::TARGET);
        if record.level() <= self.level {
            let what = if is_step { "step".to_owned() } else { record.level().as_str().to_lowercase() };
            say(&format!("{what} at {} ms: {words}", self.start.elapsed().as_millis()));
        }
        if is_step {
            super::crash::at(&words);
        }
    }

    fn flush(&self) {}
}

/// One line, in one write; where stderr is closed, nobody is there to be told.
#[allow(clippy::disallowed_methods, reason = "the log has no other place")]
fn say(words: &str) {
    let _ = io::stderr().write_all(format!("vb365-helper: {words}\n").as_bytes());
}
