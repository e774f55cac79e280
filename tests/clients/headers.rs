//! Bazel, and what else asks for request headers as EngFlow specified it: `get` and nothing more, a
//! URI on stdin, an answer within ten seconds that is read when the program has ended. Bazel itself
//! is no small download; this does what its `CredentialHelper` does.

use std::io::Write;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

#[cfg(unix)]
use crate::support::can_use_terminals;
#[cfg(unix)]
use crate::support::seat::SOON;
use crate::support::server::Fault;
use crate::support::{Machine, ORGANIZATION, Outcome, TENANT, finish, hold_lock};

/// How long Bazel waits; the program's own limit is seven seconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// Starts the program with the environment of a build, and asks for `uri`.
fn ask(machine: &Machine, uri: &str) -> Child {
    let mut command = machine.command(&["get"]);
    command.env("BUILD_WORKSPACE_DIRECTORY", machine.home()).env("BAZEL", "1").env("CI", "true");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(json!({ "uri": uri }).to_string().as_bytes()).unwrap();
    child
}

/// What came, read after the end, and that in time.
fn answer(machine: &Machine, uri: &str) -> Outcome {
    let start = Instant::now();
    let mut child = ask(machine, uri);
    while child.try_wait().unwrap().is_none() {
        assert!(start.elapsed() < PATIENCE, "the caller has given up");
        std::thread::sleep(Duration::from_millis(5));
    }
    finish(child)
}

/// A page of the VB365 server's.
fn page(machine: &Machine) -> String {
    format!("{}/v8/Organization?limit=1", machine.sandbox.url())
}

/// No token, and why is said on stderr alone.
fn assert_failed(outcome: &Outcome, code: i32, said: &str) {
    assert_eq!((outcome.code, outcome.stdout.as_str()), (code, ""), "{outcome:?}");
    assert!(outcome.stderr.contains(said), "{outcome:?}");
}

#[test]
fn a_page_of_a_configured_server_gets_the_header_of_its_tenant() {
    let machine = Machine::signed_in();
    let outcome = answer(&machine, &page(&machine));
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{outcome:?}");
    let kept = machine.get(TENANT, &[]).answer();
    let document = outcome.document();
    assert_eq!(
        document["headers"],
        json!({ "Authorization": [format!("Bearer {}", kept["access_token"].as_str().unwrap())] })
    );
    // Bazel reads whole seconds, and this one is a minute before the token's end.
    let instant = |value: &Value| chrono::DateTime::parse_from_rfc3339(value.as_str().unwrap()).unwrap();
    assert_eq!((instant(&kept["expires_at"]) - instant(&document["expires"])).num_seconds(), 60);
    assert!(!document["expires"].as_str().unwrap().contains('.'));
}

#[test]
fn a_page_of_anybody_elses_gets_no_header_and_costs_nothing() {
    let machine = Machine::new();
    for uri in ["https://bcr.bazel.build/modules/x", "https://127.0.0.1:1/x", "grpcs://remote.example/", "file:///x"] {
        let outcome = answer(&machine, uri);
        assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{uri}: {outcome:?}");
        assert_eq!(outcome.document(), json!({ "headers": {} }), "{uri}");
    }
    assert!(!machine.cache_dir().exists());
}

#[test]
fn without_a_sign_in_the_build_is_told_at_once_what_to_do() {
    let machine = Machine::new();
    assert_failed(&answer(&machine, &page(&machine)), 3, &format!("hint: vb365-helper login {ORGANIZATION}\n"));
    assert_eq!(machine.sandbox.requests("device_code"), 0);
}

#[cfg(unix)]
#[test]
fn a_build_at_a_terminal_is_asked_nothing_either() {
    if !can_use_terminals() {
        return;
    }
    let machine = Machine::new();
    let get = machine.command(&["get"]);
    let mut shell = std::process::Command::new("/bin/sh");
    shell.args(["-c", r#"printf %s "$1" | "$2" get"#, "sh", &json!({ "uri": page(&machine) }).to_string()]);
    shell.arg(get.get_program()).envs(get.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let finished = machine.at_a_terminal_by(&shell, &[]).finish(SOON);
    assert_eq!(finished.terminal, "");
    assert_failed(&Outcome::at_a_terminal(finished), 3, "is signed in to");
}

#[test]
fn a_server_that_hangs_lets_no_caller_wait_too_long() {
    for fault in [Fault::Delay(Duration::from_secs(30)), Fault::Late(Duration::from_secs(30))] {
        let machine = Machine::signed_in();
        machine.expire_veeam(TENANT);
        machine.sandbox.fault("veeam_token", fault);
        assert_failed(&answer(&machine, &page(&machine)), 6, "vb365-helper: ");
    }
}

#[test]
fn another_process_with_the_lock_lets_no_caller_wait_too_long() {
    let machine = Machine::signed_in();
    machine.expire_veeam(TENANT);
    let held = hold_lock(&machine, &format!("{TENANT}.lock"));
    assert_failed(&answer(&machine, &page(&machine)), 7, &format!("{TENANT}.lock"));
    drop(held);
    assert_eq!(answer(&machine, &page(&machine)).code, 0);
    machine.assert_no_complaints();
}
