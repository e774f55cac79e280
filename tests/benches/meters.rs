//! What a call costs beside time: instructions by valgrind, system calls by strace, CPU and memory by a small program
//! of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::floors::{compile, temporary};

/// The meters that this machine has.
pub struct Meters {
    valgrind: Option<PathBuf>,
    strace: Option<PathBuf>,
    usage: Option<PathBuf>,
}

/// What the kernel says of a process that has ended.
#[derive(Clone, Copy)]
pub struct Usage {
    /// Its own time and the kernel's.
    pub cpu: Duration,
    /// The most memory it had at once.
    pub peak_kib: u64,
}

/// Makes a command that measures another.
type Wrap<'a> = Box<dyn FnOnce(Command) -> Command + 'a>;

impl Meters {
    /// Looks for them; what is not there is `missing`.
    pub fn find(missing: &mut Vec<String>) -> Self {
        let mut meter = |name: &str, what: &str| {
            let found = find(name);
            if found.is_none() {
                missing.push(format!("{what} ({name})"));
            }
            found
        };
        let (valgrind, strace) = (meter("valgrind", "instructions"), meter("strace", "system calls"));
        // Static, because it is to have next to no memory itself.
        let options: [&[&str]; 2] = [&["cc", "-O2", "-static"], &["cc", "-O2"]];
        let mut made = options.iter().filter(|_| cfg!(unix)).filter_map(|cc| compile(cc, "usage.c", "usage"));
        let usage = made.next();
        if usage.is_none() {
            missing.push("CPU and memory (cc)".to_owned());
        }
        Self { valgrind, strace, usage }
    }

    /// The instructions of what `run` runs.
    pub fn instructions(&self, run: impl FnOnce(Wrap<'_>)) -> Option<u64> {
        self.valgrind.as_ref().map(|valgrind| instructions(valgrind, run))
    }

    /// The system calls of what `run` runs.
    pub fn system_calls(&self, run: impl FnOnce(Wrap<'_>)) -> Option<u64> {
        let (strace, report) = (self.strace.as_ref()?, temporary().join("strace.txt"));
        run(Box::new(|command| within(strace, &["-f", "-c", "-o"], &[&report], &command)));
        let text = fs::read_to_string(&report).unwrap();
        let total = text.lines().rfind(|line| line.ends_with(" total"))?;
        total.split_whitespace().nth(3)?.parse().ok()
    }

    /// What the kernel says of what `run` runs.
    pub fn usage(&self, run: impl FnOnce(Wrap<'_>)) -> Option<Usage> {
        let (meter, report) = (self.usage.as_ref()?, temporary().join("usage.txt"));
        run(Box::new(|command| within(meter, &[], &[&report], &command)));
        let text = fs::read_to_string(&report).unwrap();
        let (cpu, peak) = text.trim().split_once(' ')?;
        Some(Usage { cpu: Duration::from_micros(cpu.parse().ok()?), peak_kib: peak.parse().ok()? })
    }
}

/// Where a program of this name is: among the clients that tests run, or on this machine.
pub fn find(name: &str) -> Option<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/bin");
    let machine = std::env::var_os("PATH").unwrap_or_default();
    let mut places = [own].into_iter().chain(std::env::split_paths(&machine)).map(|place| place.join(name));
    places.find(|path| path.is_file())
}

/// The instructions of what `run` runs, in user space, from the loader's first to the last.
pub fn instructions(valgrind: &Path, run: impl FnOnce(Wrap<'_>)) -> u64 {
    let report = temporary().join("valgrind.txt");
    let mut log = std::ffi::OsString::from("--log-file=");
    log.push(&report);
    let options = ["--tool=callgrind", "--callgrind-out-file=/dev/null"];
    run(Box::new(|command| within(valgrind, &options, &[Path::new(&log)], &command)));
    let text = fs::read_to_string(&report).unwrap();
    let count = text.lines().find_map(|line| line.split_once("Collected :")).map(|(_, count)| count.trim().to_owned());
    count.and_then(|count| count.parse().ok()).expect("callgrind tells a number")
}

/// `command` as the argument of a meter.
fn within(meter: &Path, options: &[&str], files: &[&Path], command: &Command) -> Command {
    let mut outer = Command::new(meter);
    outer.args(options).args(files).arg(command.get_program()).args(command.get_args());
    // What is set is the whole environment: no case inherits this process's.
    outer.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(dir) = command.get_current_dir() {
        outer.current_dir(dir);
    }
    outer
}
