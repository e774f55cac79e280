//! The Windows program at a console of wine's, which shows itself on a terminal of this machine: a person signs
//! in there while the program's streams belong to a caller. `VB365_HELPER_TESTS_WINDOWS` names the program.
#![cfg(target_os = "linux")]
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "tests: real time, real processes, and failing is their way to speak"
)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::pty::Session;
use crate::support::{Machine, TENANT, can_use_terminals, skip};

/// How long anything may take there.
const SOON: Duration = Duration::from_secs(60);

/// The program, as cmd.exe is told of it.
fn program() -> Option<String> {
    let program = std::env::var("VB365_HELPER_TESTS_WINDOWS");
    let Ok(program) = program else {
        skip("VB365_HELPER_TESTS_WINDOWS names no program for Windows");
        return None;
    };
    assert!(Path::new(&program).is_file(), "{program} is not there");
    can_use_terminals().then(|| format!("Z:{}", program.replace('/', "\\")))
}

/// Runs a command of Windows at a console, in the machine's home.
fn at_a_console(machine: &Machine, command: &[&str]) -> Session {
    let runner = Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci/wine/run");
    let home = machine.home();
    // The shell, which Ctrl-C reaches too, keeps the pipes that tell that the run has not ended.
    let script = format!(
        "trap : INT; cd '{}' && '{}' \"$@\" </dev/tty >/dev/tty 2>/dev/tty; exit $?",
        home.display(),
        runner.display()
    );
    let file = |name: &str| format!("Z:{}", home.join(name).to_str().unwrap().replace('/', "\\"));
    let (config, cache) = (file("config.toml"), file("cache"));
    let prefix = std::env::var("WINEPREFIX").unwrap_or_default();
    let mut env = vec![
        ("HOME", home.to_str().unwrap()),
        ("TERM", "xterm"),
        ("VB365_HELPER_CONFIG", &config),
        ("VB365_HELPER_CACHE_DIR", &cache),
    ];
    if !prefix.is_empty() {
        env.push(("WINEPREFIX", &prefix));
    }
    Session::start("sh".as_ref(), &[&["-c", &script, "sh"], command].concat(), &env, b"")
}

/// A document that a run wrote into a file.
fn written(machine: &Machine, name: &str) -> Value {
    let path: PathBuf = machine.home().join(name);
    let text = fs::read_to_string(&path).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|_| panic!("{}: {text}", path.display()))
}

#[test]
fn a_person_signs_in_at_the_console_while_the_streams_are_a_callers() {
    let Some(program) = program() else { return };
    let machine = Machine::new();
    let session = at_a_console(&machine, &["cmd", "/c", &format!("{program} get {TENANT} < nul > out 2> err")]);
    let shown = session.wait_for("Ctrl-C cancels.", SOON);
    // A console of this age takes sequences, whatever the streams are.
    assert!(shown.contains("\x1b[1mSign in to Veeam Backup for Microsoft 365"), "{shown:?}");
    assert!(machine.sandbox.approve());
    let finished = session.finish(SOON);
    assert!(!finished.terminal.contains("veeam-access"), "{}", finished.terminal);
    let answer = written(&machine, "out");
    assert!(machine.sandbox.accepts(answer["access_token"].as_str().unwrap()));
    assert_eq!(
        (finished.code, &answer["source"], fs::read(machine.home().join("err")).unwrap()),
        (Some(0), &"login".into(), vec![])
    );
}

#[test]
fn ctrl_c_at_the_console_cancels() {
    let Some(program) = program() else { return };
    let machine = Machine::new();
    let session = at_a_console(&machine, &[&program, "get", TENANT]);
    session.wait_for("Ctrl-C cancels.", SOON);
    session.send("\x03");
    let finished = session.finish(SOON);
    assert_eq!((finished.code, machine.kept()), (Some(4), None), "{finished:?}");
    assert!(finished.terminal.contains("was cancelled"), "{}", finished.terminal);
}

/// The account's name is shown in any code page, and what is typed at the question is the answer.
#[test]
fn a_question_is_answered_at_the_console() {
    let Some(program) = program() else { return };
    for (typed, code) in [("n\r", 4), ("y\r", 0)] {
        let machine = Machine::signed_in();
        machine.change_entry(TENANT, |entry| entry["entra"][0]["account"] = json!("j\u{f6}rg@abc.onmicrosoft.com"));
        let before = machine.kept();
        let session = at_a_console(&machine, &[&program, "login", TENANT]);
        session.wait_for("Ctrl-C cancels.", SOON);
        assert!(machine.sandbox.approve());
        let shown = session.wait_for("[y/N]", SOON);
        assert!(shown.contains("j\u{f6}rg@abc.onmicrosoft.com"), "{shown}");
        session.send(typed);
        let finished = session.finish(SOON);
        assert_eq!((finished.code, machine.kept() == before), (Some(code), code != 0), "{finished:?}");
    }
}
