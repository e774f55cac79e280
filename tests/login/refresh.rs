//! `refresh` at a terminal: progress that moves while it lasts, and nothing left of it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::screens::seen;
use crate::support::seat::SOON;
use crate::support::server::{Fault, Options};
use crate::support::{HOUR, Machine, TENANT, ago, can_use_terminals};

const SIZE: (u16, u16) = (100, 30);

/// A machine on which twelve tenants have signed in, whose platform takes its time.
fn machine() -> Machine {
    let machine = Machine::with(Options { latency: Duration::from_millis(150), ..Options::default() });
    let names: Vec<_> = (0..12).map(|n| format!("t{n:02}.{TENANT}")).collect();
    machine.configure(&names.iter().map(String::as_str).collect::<Vec<_>>());
    for name in &names {
        let response: Value = serde_json::from_str(&machine.sandbox.token_response()).unwrap();
        let request = json!({ "version": 1, "tenant": name, "entra": response, "obtained_at": ago(HOUR) });
        // Not `run`, which looks at every entry after each.
        let outcome = machine.run_with_stdin(&["store"], request.to_string().as_bytes());
        assert_eq!(outcome.code, 0, "{outcome:?}");
    }
    machine
}

#[test]
fn progress_is_seen_while_it_lasts_and_stdout_has_the_result_alone() {
    if !can_use_terminals() {
        return;
    }
    let machine = machine();
    let session = machine.at_a_terminal_of(SIZE, &["refresh", "--all", "--jobs", "2"], &[]);
    let shown = session.wait_for(" 4/12 ", SOON);
    assert!(shown.contains("\u{2588}") && shown.contains(&format!(".{TENANT}")), "{shown}");
    let finished = session.finish(SOON);
    assert_eq!(String::from_utf8_lossy(&finished.stdout), "renewed 12 tenants\n");
    assert_eq!((finished.code, &finished.stderr[..]), (Some(0), &b""[..]));
    assert_eq!(seen(finished.terminal.as_bytes(), SIZE.0, SIZE.1), "\n");
    assert!(!finished.terminal.contains("[?25"), "{}", finished.terminal);
}

#[test]
fn where_nothing_moves_nothing_is_shown() {
    if !can_use_terminals() {
        return;
    }
    let machine = machine();
    for (args, more) in [(&["refresh", "--all", "--plain"][..], &[][..]), (&["refresh", "--all"], &[("TERM", "dumb")])]
    {
        let finished = machine.at_a_terminal_of(SIZE, args, more).finish(SOON);
        assert_eq!((finished.code, finished.terminal.as_str()), (Some(0), ""));
    }
    let finished = machine.at_a_terminal_of(SIZE, &["refresh", "--all", "--jobs", "12"], &[("LANG", "C")]).finish(SOON);
    assert!(finished.terminal.is_ascii(), "{}", finished.terminal);
}

#[test]
fn ctrl_c_lets_those_under_way_end_and_says_who_is_left() {
    if !can_use_terminals() {
        return;
    }
    let machine = machine();
    let session = machine.at_a_terminal_of(SIZE, &["refresh", "--all", "--jobs", "2"], &[]);
    session.wait_for(" 2/12 ", SOON);
    session.send("\x03");
    let finished = session.finish(SOON);
    assert_eq!(finished.code, Some(6), "{finished:?}");
    let told = String::from_utf8_lossy(&finished.stdout);
    assert!(told.contains("was not renewed: stopped by Ctrl-C"), "{told}");
    // What was under way is kept: each token that was spent has its successor.
    let rest = machine.run_raw(&["refresh", "--all"]);
    assert_eq!((rest.code, rest.stdout.as_str()), (0, "renewed 12 tenants\n"));
    machine.assert_no_complaints();
}

#[test]
fn a_wait_that_a_host_asks_for_is_told_and_can_be_left() {
    if !can_use_terminals() {
        return;
    }
    let machine = machine();
    let headers = vec![("Retry-After".to_owned(), "600".to_owned())];
    machine.sandbox.fault("entra_token", Fault::Answer { status: 429, headers, body: "{}".to_owned() });
    let session = machine.at_a_terminal_of(SIZE, &["refresh", "--all", "--jobs", "1"], &[]);
    let host = machine.sandbox.authority().trim_start_matches("http://").to_owned();
    session.wait_for(&format!("0/12 {host} asks to wait, 9 min more"), SOON);
    session.send("\x03");
    let finished = session.finish(SOON);
    assert_eq!((finished.code, machine.sandbox.requests("entra_token")), (Some(6), 1), "{finished:?}");
}
