//! The guided tour ends well: the real program, step by step against the sandbox, each token from
//! the rung it should come from. It runs without a terminal, as in continuous integration, and so
//! makes one for the sign-in, which is what the other tests are about. Such a terminal is Unix's.
#![cfg(unix)]
#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test, which starts processes and says why it does not"
)]

#[path = "../examples/support/pty.rs"]
mod pty;

use std::env;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, test_kill_process_group};

use self::pty::Session;

/// How long the tour may take on a busy machine; it waits for a token's half-life itself.
const LIMIT: Duration = Duration::from_secs(180);
/// How long a shell may take for next to nothing.
const SOON: Duration = Duration::from_secs(20);

#[test]
fn the_tour_goes_down_the_whole_ladder() {
    if skipped() {
        return;
    }
    let helper = Path::new(env!("CARGO_BIN_EXE_vb365-helper"));
    let tour = helper.with_file_name("examples").join("tour");
    assert!(tour.is_file(), "{} is missing: cargo build --examples", tour.display());

    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("log");
    let output = File::create(&log).unwrap();
    let mut command = Command::new("setsid");
    command.arg(tour).arg("--helper").arg(helper);
    // What a user has set must not reach the program through the tour.
    command.env("VB365_HELPER_CONFIG", "/nowhere").env("KUBERNETES_EXEC_INFO", "{}");
    command.stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(output);
    let mut child = command.spawn().unwrap();

    let ended = pty::wait(&mut child, LIMIT);
    if ended.is_none() {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let shown = fs::read_to_string(log).unwrap();
    assert!(ended.is_some_and(|status| status.success()), "{ended:?}\n{shown}");
    assert!(shown.contains("Never enter a code"), "the prompt is missing:\n{shown}");
}

#[test]
fn a_terminal_is_apart_from_the_streams() {
    if skipped() {
        return;
    }
    let script = "cat; echo $NAME >&2; echo who? >/dev/tty; read answer </dev/tty; echo $answer; exit 3";
    let session = Session::start(Path::new("/bin/sh"), &["-c", script], &[("NAME", "value")], b"from stdin\n");
    assert_eq!(session.wait_for("who?\n", SOON), "who?\n");
    session.send("me\n");
    let finished = session.finish(SOON);
    assert_eq!(finished.code, Some(3));
    assert_eq!(finished.stdout, b"from stdin\nme\n");
    assert_eq!(finished.stderr, b"value\n");
    assert_eq!(finished.terminal, "who?\nme\n");
}

#[test]
fn ctrl_c_at_the_terminal_reaches_the_program() {
    if skipped() {
        return;
    }
    // A parent that ignores the signal, as a shell in the background does, would hand that down.
    let script = "trap 'exit 7' INT; echo ready >/dev/tty; while :; do sleep 0.1; done";
    let args = ["--default-signal=INT", "sh", "-c", script];
    let session = Session::start(Path::new("/usr/bin/env"), &args, &[], b"");
    session.wait_for("ready", SOON);
    session.send("\x03");
    assert_eq!(session.finish(SOON).code, Some(7));
}

#[test]
fn nothing_outlives_its_session() {
    if skipped() {
        return;
    }
    let session = Session::start(Path::new("/bin/sh"), &["-c", "echo ready >/dev/tty; exec sleep 600"], &[], b"");
    session.wait_for("ready", SOON);
    let group = Pid::from_raw(session.id().try_into().unwrap()).unwrap();
    assert!(test_kill_process_group(group).is_ok());
    drop(session);
    assert!(test_kill_process_group(group).is_err());
}

/// Whether these tests cannot run here; where they must, that is a failure.
fn skipped() -> bool {
    let Some(tool) = pty::missing_tool() else { return false };
    let is_strict = env::var_os("VB365_HELPER_TESTS_STRICT").is_some_and(|strict| strict == "1");
    assert!(!is_strict, "{tool} (util-linux) is missing");
    // Past what the tests' harness keeps to itself.
    let _ = writeln!(std::io::stderr(), "SKIPPED: this test needs {tool} (util-linux), which is not here");
    true
}
