//! Several tenants in one go, one after the other.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::pty::Session;
use crate::support::seat::{PROMPT, SOON};
use crate::support::server::Fault;
use crate::support::{Machine, TENANT, assert_valid, can_use_terminals, hold_lock, wait_until};
use crate::{json, machine, run};

/// Three tenants, of whom the sandbox knows the first alone.
fn three(is_approved: bool) -> Machine {
    let machine = machine(|options| options.auto_approve = is_approved);
    machine.configure(&[TENANT, "second.com", "third.com"]);
    machine
}

#[test]
fn one_tenants_failure_stops_no_other_and_is_in_the_summary() {
    if !can_use_terminals() {
        return;
    }
    let machine = three(true);
    let finished = run(&machine, &["login", "second.com", TENANT, "second.com"]);
    assert_eq!(finished.code, Some(5), "{finished:?}");
    let shown = &finished.terminal;
    assert!(shown.contains("[1 of 2] second.com\n") && shown.contains(&format!("[2 of 2] {TENANT}\n")), "{shown}");
    let (shown, hints) = shown.trim_end().rsplit_once("\n\n").unwrap();
    assert_eq!(hints, "second.com: check the tenant's name");
    let summary = shown.rsplit_once("\n\n").unwrap().1;
    let words = summary.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.starts_with("second.com failed 127.0.0.1:") && words.contains(" refused second.com: "), "{summary}");
    assert!(words.ends_with(&format!("{TENANT} signed in admin@abc.onmicrosoft.com")), "{summary}");
    assert!(summary.lines().all(|line| line.chars().count() <= 80), "{summary}");
    let stderr = String::from_utf8_lossy(&finished.stderr);
    assert!(stderr.starts_with("vb365-helper: 1 of 2 sign-ins failed, the first because: 127.0.0.1:"), "{stderr}");
    assert!(stderr.ends_with("vb365-helper: hint: check the tenant's name\n"), "{stderr}");
}

#[test]
fn only_those_are_to_be_signed_in_again_of_whom_that_helps() {
    if !can_use_terminals() {
        return;
    }
    let machine = three(true);
    let busy = Fault::Answer { status: 503, headers: Vec::new(), body: String::new() };
    machine.sandbox.fault("device_code", Fault::Delay(Duration::ZERO));
    machine.sandbox.fault("device_code", busy);
    let authority = machine.sandbox.authority();
    let finished = run(&machine, &["login", "second.com", TENANT, "--authority", &authority]);
    assert_eq!(finished.code, Some(5), "{finished:?}");
    let stderr = String::from_utf8_lossy(&finished.stderr);
    let hint = format!("vb365-helper: hint: vb365-helper login {TENANT} --authority {authority}\n");
    assert!(stderr.ends_with(&hint), "{stderr}");
}

#[test]
fn the_document_has_an_entry_or_an_error_for_each() {
    if !can_use_terminals() {
        return;
    }
    let machine = three(true);
    let finished = run(&machine, &["login", "--from-config", "--json"]);
    assert_eq!(finished.code, Some(5));
    let document = json(&finished.stdout);
    assert_valid("logins-v1", &document);
    let tenants = document["tenants"].as_array().unwrap();
    let told = |n: usize| (&tenants[n]["tenant"], &tenants[n]["error"]["kind"], &tenants[n]["state"]);
    assert_eq!(told(0), (&TENANT.into(), &Value::Null, &"valid".into()));
    assert_eq!(told(1), (&"second.com".into(), &"refused".into(), &Value::Null));
    assert_eq!(told(2), (&"third.com".into(), &"refused".into(), &Value::Null));
}

#[test]
fn an_entry_that_cannot_be_read_is_not_taken_for_well() {
    if !can_use_terminals() {
        return;
    }
    let machine = Machine::signed_in();
    let newer = format!(r#"{{"version":99,"tenant":"{TENANT}"}}"#);
    std::fs::write(machine.cache_file(), &newer).unwrap();
    let finished = run(&machine, &["login", "--from-config", "--due"]);
    assert_eq!(finished.code, Some(7), "{finished:?}");
    assert!(String::from_utf8_lossy(&finished.stderr).contains("newer version"), "{finished:?}");
    assert_eq!(machine.sandbox.requests("device_code"), 0);
}

#[test]
fn only_those_that_are_due_are_asked_for() {
    if !can_use_terminals() {
        return;
    }
    let machine = three(true);
    machine.sign_in(TENANT);
    let codes = machine.sandbox.requests("device_code");
    let finished = run(&machine, &["login", TENANT, "--due"]);
    assert_eq!((finished.code, &finished.stdout[..]), (Some(0), &b""[..]));
    assert_eq!(finished.terminal, "No sign-in is due.\n");
    let document = json(&run(&machine, &["login", TENANT, "--due", "--json"]).stdout);
    assert_valid("logins-v1", &document);
    assert_eq!(machine.sandbox.requests("device_code"), codes);
    // The same kind of document for one that is due as for none.
    let document = json(&run(&machine, &["login", "second.com", "--due", "--json"]).stdout);
    assert_valid("logins-v1", &document);
    assert_eq!(document["tenants"][0]["error"]["kind"], "refused");
    let finished = run(&machine, &["login", "--from-config", "--due"]);
    assert!(finished.terminal.contains("[1 of 2] second.com\n"), "{}", finished.terminal);
}

#[test]
fn ctrl_c_ends_all_of_them() {
    if !can_use_terminals() {
        return;
    }
    let machine = three(false);
    let session = machine.at_a_terminal(&["login", TENANT, "second.com", "third.com"]);
    session.wait_for(PROMPT, SOON);
    session.send("\x03");
    let finished = session.finish(SOON);
    assert_eq!(finished.code, Some(4));
    assert_eq!(finished.terminal.matches("not asked any more, after Ctrl-C").count(), 2, "{}", finished.terminal);
    assert_eq!(machine.sandbox.requests("device_code"), 1);
}

#[test]
fn what_is_one_tenants_own_cannot_be_told_of_several() {
    let machine = three(false);
    let outcome = machine.run_raw(&["login", TENANT, "second.com", "--organization", "Abc"]);
    assert_eq!(outcome.code, 2);
    assert!(outcome.stderr.contains("--organization is one tenant's name, and several are named"));
    let nobody = Machine::new();
    nobody.write_config("");
    let outcome = nobody.run_raw(&["login", "--from-config"]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (8, ""));
    assert!(outcome.stderr.contains("no tenant is configured"), "{}", outcome.stderr);
    assert_eq!(nobody.run_raw(&["login"]).code, 2);
}

#[test]
fn ctrl_c_is_heard_whatever_the_next_one_waits_for() {
    if !can_use_terminals() {
        return;
    }
    let machine = three(true);
    let path = machine.home().join("config.toml");
    let text = fs::read_to_string(path).unwrap().replace("api_version = \"v8\"\n", "");
    let first = format!("[tenants.\"{TENANT}\"]\n");
    machine.write_config(&text.replace(&first, &format!("{first}api_version = \"v8\"\n")));
    // The next server says nothing about its version, the one after that is signed in to elsewhere.
    machine.sandbox.fault("service_instance", Fault::Delay(Duration::ZERO));
    machine.sandbox.fault("service_instance", Fault::Delay(Duration::from_secs(15)));
    let session = machine.at_a_terminal(&["login", TENANT, "second.com"]);
    wait_until("the server is asked", || machine.sandbox.requests("service_instance") == 2);
    ends_at_once(session, "second.com");

    let _held = hold_lock(&machine, "third.com.login.lock");
    let session = machine.at_a_terminal(&["login", TENANT, "third.com", "--api-version", "v8"]);
    session.wait_for("Waiting for the sign-in to third.com in another window", SOON);
    ends_at_once(session, "third.com");
}

/// Presses Ctrl-C, which nobody but `tenant` is the worse for.
fn ends_at_once(session: Session, tenant: &str) {
    let pressed = Instant::now();
    session.send("\x03");
    let finished = session.finish(SOON);
    assert!(pressed.elapsed() < Duration::from_secs(2), "took {:?}", pressed.elapsed());
    assert_eq!(finished.code, Some(4), "{finished:?}");
    let words = format!("the sign-in for {tenant} was cancelled");
    assert!(finished.terminal.contains(&words) && finished.terminal.contains(" signed in "), "{finished:?}");
}
