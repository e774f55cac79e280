//! Processes beside each other: started at once, and each waited for with an end.

use std::io::{self, Write};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::{Outcome, piped};

/// How long any process of these tests may run, however busy the machine is.
const LIMIT: Duration = Duration::from_secs(60);

/// What Wine says of a program that it ended before the program had begun: now and then it does, on a busy machine.
const NEVER_BEGUN: i32 = 1359;

/// What comes of starting a process: of one that was never begun, by starting it again.
pub fn started<T>(mut start: impl FnMut() -> io::Result<T>) -> T {
    let is_never_begun = |error: &io::Error| cfg!(windows) && error.raw_os_error() == Some(NEVER_BEGUN);
    for _ in 0..3 {
        match start() {
            Err(error) if is_never_begun(&error) => thread::sleep(Duration::from_millis(200)),
            outcome => return outcome.unwrap(),
        }
    }
    start().unwrap()
}

/// Starts all of `commands` before it waits for the first; each reads `stdin` to its end.
pub fn crowd(commands: impl IntoIterator<Item = Command>, stdin: &[u8]) -> Vec<Outcome> {
    let start = |mut command: Command| {
        let mut child = started(|| piped(&mut command).stdin(Stdio::piped()).spawn());
        // Who asks for no request has perhaps closed it.
        let _ = child.stdin.take().unwrap().write_all(stdin);
        child
    };
    let children: Vec<_> = commands.into_iter().map(start).collect();
    children.into_iter().map(finish).collect()
}

/// Waits for the end of `child`, which must come by itself.
pub fn finish(mut child: Child) -> Outcome {
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if start.elapsed() > LIMIT {
            child.kill().unwrap();
            panic!("a process hangs; {:?}", child.wait_with_output());
        }
        thread::sleep(Duration::from_millis(5));
    }
    Outcome::of(child.wait_with_output().unwrap())
}

/// Waits until `condition` holds.
pub fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < LIMIT, "it does not come to that: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
