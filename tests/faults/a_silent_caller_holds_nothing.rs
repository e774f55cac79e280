//! A caller that opens a pipe for its request and does not write it, or not to its end, or without
//! end: the program gives up in time and says why.

use std::io::Write;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{Machine, TENANT, finish, piped};

const SOON: Duration = Duration::from_secs(20);

fn assert_gives_up(machine: &Machine, write: impl FnOnce(&mut dyn Write)) {
    let start = Instant::now();
    let mut command = machine.command(&["get", "--interactive", "never", "--timeout", "1s"]);
    let mut child = piped(&mut command).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    write(&mut stdin);
    let outcome = finish(child);
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    let error = outcome.error("bad_request");
    assert_eq!(error["message"], "the request on stdin did not come in time");
    assert_eq!(error["hint"], "name the tenant as an argument, or send a JSON request and close stdin");
    drop(stdin);
}

#[test]
fn a_pipe_that_stays_silent_is_given_up() {
    assert_gives_up(&Machine::signed_in(), |_| {});
}

#[test]
fn a_request_that_drips_is_given_up() {
    assert_gives_up(&Machine::signed_in(), |stdin| {
        for _ in 0..30 {
            // The program may have ended.
            let _ = stdin.write_all(b" ");
            thread::sleep(Duration::from_millis(100));
        }
    });
}

#[test]
fn a_request_that_is_whole_but_has_no_end_is_given_up() {
    let request = json!({ "version": 1, "tenant": TENANT }).to_string();
    assert_gives_up(&Machine::signed_in(), |stdin| stdin.write_all(request.as_bytes()).unwrap());
}

#[test]
fn a_request_without_end_is_too_large_for_every_command() {
    let machine = Machine::signed_in();
    for command in [&["get", "--interactive", "never"][..], &["store"], &["store", TENANT], &["erase"]] {
        let start = Instant::now();
        let mut child = piped(&mut machine.command(command)).stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let writer = thread::spawn(move || while stdin.write_all(&[b' '; 64 * 1024]).is_ok() {});
        let outcome = finish(child);
        writer.join().unwrap();
        assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
        assert_eq!(outcome.error("bad_request")["message"], "the request on stdin is larger than 1 MiB");
    }
}

#[test]
fn a_request_that_comes_in_pieces_in_time_is_answered() {
    let machine = Machine::signed_in();
    let mut command = machine.command(&["get", "--interactive", "never", "--timeout", "50s"]);
    let mut child = piped(&mut command).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // Longer than any buffer on its way.
    let request = json!({ "version": 1, "tenant": TENANT, "refused_token": "x".repeat(300_000) }).to_string();
    for piece in request.as_bytes().chunks(70_000) {
        stdin.write_all(piece).unwrap();
        thread::sleep(Duration::from_millis(20));
    }
    drop(stdin);
    assert_eq!(finish(child).answer()["source"], "cache");
}

#[cfg(unix)]
#[test]
fn a_configuration_that_is_no_file_is_refused_and_not_waited_for() {
    let machine = Machine::signed_in();
    let fifo = machine.home().join("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    for path in [fifo.to_str().unwrap(), "/dev/zero"] {
        let outcome = finish(machine.start(&["get", TENANT, "--config", path]));
        let message = format!("the configuration file {path} cannot be used: it is not a regular file");
        assert_eq!(outcome.error("config")["message"], message);
    }
    let huge = machine.home().join("huge");
    std::fs::File::create(&huge).unwrap().set_len(16 * 1024 * 1024 + 1).unwrap();
    let outcome = finish(machine.start(&["get", TENANT, "--config", huge.to_str().unwrap()]));
    let message = format!("the configuration file {} cannot be used: it is larger than 16 MiB", huge.display());
    assert_eq!(outcome.error("config")["message"], message);
    assert_eq!(finish(machine.start(&["list", "--config", "/dev/null"])).code, 0);
}
