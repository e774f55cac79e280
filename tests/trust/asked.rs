//! The question whether a certificate is the server's, at a real pseudo-terminal and without one.

use std::fs;
use std::sync::{Arc, Mutex};

use crate::support::inside::ManualClock;
use crate::support::pty::{Finished, Session};
use crate::support::screens::{assert_screen, seen};
use crate::support::seat::{PROMPT, SOON};
use crate::support::server::{Options, Sandbox};
use crate::support::{Machine, ORGANIZATION, Outcome, TENANT, can_use_terminals};

const QUESTION: &str = "Trust this certificate? [y/N] ";
const CHANGED: &str = "(Enter: no): ";
const PINNED_BEFORE: &str = "abababababababababababababababababababababababababababababababab";

/// Somebody's machine with a server that has a common name alone, and `lines` in the tenant's table; and what
/// the server was asked.
fn machine(lines: &str) -> (Machine, Arc<Mutex<Vec<String>>>) {
    let requests = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&requests);
    let machine = Machine::with(Options {
        tls: true,
        no_san: true,
        auto_approve: true,
        log: Some(Box::new(move |line: &str| log.lock().unwrap().push(line.to_owned()))),
        ..Options::default()
    });
    let (url, authority) = (machine.sandbox.url(), machine.sandbox.authority());
    machine.write_config(&format!(
        "# mine\n[tenants.\"{TENANT}\"]\nserver = \"{url}\"\nauthority = \"{authority}\"\n\
         organization = \"{ORGANIZATION}\" # as there\n{lines}"
    ));
    (machine, requests)
}

fn config(machine: &Machine) -> String {
    fs::read_to_string(machine.home().join("config.toml")).unwrap()
}

fn pin(sandbox: &Sandbox) -> String {
    sandbox.certificate_sha256().unwrap()
}

fn trust(machine: &Machine) -> Session {
    machine.at_a_terminal(&["trust", &machine.sandbox.url()])
}

fn stderr(finished: &Finished) -> String {
    String::from_utf8(finished.stderr.clone()).unwrap()
}

/// The same for every certificate and port.
fn still(shown: &str, sandbox: &Sandbox) -> String {
    let digits = pin(sandbox).to_uppercase();
    let bytes: Vec<_> = digits.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap()).collect();
    let line = |half: &[&str]| half.join(":");
    shown
        .replace(&line(&bytes[..16]), &line(&["11"; 16]))
        .replace(&line(&bytes[16..]), &line(&["22"; 16]))
        .replace(&sandbox.url(), "https://127.0.0.1:4443")
}

fn assert_nothing_was_asked(requests: &Mutex<Vec<String>>) {
    let requests = requests.lock().unwrap();
    let talk: Vec<_> = requests.iter().filter(|line| line.starts_with("GET") || line.starts_with("POST")).collect();
    assert!(talk.is_empty(), "{talk:?}");
}

#[test]
fn a_certificate_is_shown_and_trusted_by_a_yes() {
    if !can_use_terminals() {
        return;
    }
    let (machine, requests) = machine("");
    let (url, pin, before) = (machine.sandbox.url(), pin(&machine.sandbox), config(&machine));
    let session = trust(&machine);
    session.wait_for(QUESTION, SOON);
    session.send("y\n");
    let finished = session.finish(SOON);
    assert_screen("trust", &seen(still(&finished.terminal, &machine.sandbox).as_bytes(), 80, 24));
    let file = machine.home().join("config.toml");
    let said = format!(
        "{url} is trusted by its certificate alone from now on (SHA-256 {pin})\nwritten to {} for {TENANT}\n",
        file.display()
    );
    assert_eq!(
        (finished.code, String::from_utf8(finished.stdout).unwrap(), &finished.stderr[..]),
        (Some(0), said, &b""[..])
    );
    assert_nothing_was_asked(&requests);
    assert_eq!(config(&machine), format!("{before}pin_sha256 = [\"{pin}\"]\n"));

    let outcome = machine.run_raw(&["trust", &url]);
    let said =
        format!("the certificate of {url}, issued by CN=VB365 sandbox, is trusted already; nothing was changed\n");
    assert_eq!((outcome.code, outcome.stdout.as_str(), outcome.stderr.as_str()), (0, said.as_str(), ""));
    machine.run(&["store", TENANT], machine.sandbox.token_response().as_bytes()).answer();
    assert_eq!(machine.get(TENANT, &[]).answer()["source"], "exchange");
}

#[test]
fn whatever_is_no_yes_changes_nothing() {
    if !can_use_terminals() {
        return;
    }
    for typed in ["\n", "n\n", "sure\nreplace\n?\n", "\x03", "\x04"] {
        let (machine, requests) = machine("");
        let before = config(&machine);
        let session = trust(&machine);
        session.wait_for(QUESTION, SOON);
        session.send(typed);
        let finished = session.finish(SOON);
        let url = machine.sandbox.url();
        let said = format!(
            "vb365-helper: the certificate of {url} is not trusted, and nothing was changed\n\
             vb365-helper: hint: vb365-helper trust {url}\n"
        );
        assert_eq!((finished.code, stderr(&finished), &finished.stdout[..]), (Some(9), said, &b""[..]), "{typed:?}");
        assert_eq!(config(&machine), before);
        assert_nothing_was_asked(&requests);
    }
}

#[test]
fn without_a_terminal_the_certificate_has_to_be_named() {
    let (machine, requests) = machine("");
    let (url, pin, before) = (machine.sandbox.url(), pin(&machine.sandbox), config(&machine));
    let run = |args: &[&str]| machine.run_inside(&ManualClock::new(), &[&["trust", &url], args].concat(), b"");

    let outcome = run(&[]);
    let hint = format!(
        "hint: compare the fingerprint with the server's own, then run `vb365-helper trust {url} --pin-sha256 {pin}`\n"
    );
    assert_eq!(outcome.code, 9);
    assert!(outcome.stderr.contains("is not trusted (") && outcome.stderr.ends_with(&hint), "{outcome:?}");

    let outcome = run(&["--pin-sha256", PINNED_BEFORE]);
    let said = format!(
        "vb365-helper: the certificate of {url} is not the one that --pin-sha256 names ({PINNED_BEFORE}); its SHA-256 \
         is {pin}\nvb365-helper: hint: compare both fingerprints with the server's own\n"
    );
    assert_eq!((outcome.code, outcome.stderr), (9, said));
    assert_eq!(config(&machine), before);

    let colons: Vec<_> = pin.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap()).collect();
    let outcome = run(&["--pin-sha256", &colons.join(":").to_uppercase()]);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""));
    assert_eq!(config(&machine), format!("{before}pin_sha256 = [\"{pin}\"]\n"));
    // Named wrongly, it is wrong even where the server is trusted by now.
    assert_eq!(run(&["--pin-sha256", PINNED_BEFORE]).code, 9);
    assert_nothing_was_asked(&requests);
}

#[test]
fn a_pin_that_changed_takes_more_than_a_yes() {
    if !can_use_terminals() {
        return;
    }
    let (machine, requests) = machine(&format!("pin_sha256 = [\"{PINNED_BEFORE}\"] # the old one\n"));
    let (pin, before) = (pin(&machine.sandbox), config(&machine));
    let digits = &pin[60..];
    let other = if digits == "0000" { "1111" } else { "0000" };
    for typed in ["y\n", "yes\n", "\n", &format!("{other}\n"), &format!("{}\n", &pin[..4]), "\x03"] {
        let session = trust(&machine);
        session.wait_for(CHANGED, SOON);
        session.send(typed);
        let finished = session.finish(SOON);
        assert_eq!((finished.code, config(&machine)), (Some(9), before.clone()), "{typed:?}");
    }
    let command = machine.command(&["trust", &machine.sandbox.url()]);
    let session = machine.at_a_terminal_by(&command, &[("TERM", "xterm")]);
    session.wait_for(CHANGED, SOON);
    session.send(format!("{}\n", digits.to_uppercase()));
    let finished = session.finish(SOON);
    let shown = still(&finished.terminal, &machine.sandbox);
    let shown = shown.replace(&digits.to_uppercase(), "2222").replace(digits, "2222");
    assert_screen("trust-changed", &seen(shown.as_bytes(), 80, 40));
    assert_eq!(finished.code, Some(0));
    assert_eq!(config(&machine), before.replace(PINNED_BEFORE, &pin));
    assert_nothing_was_asked(&requests);
}

#[test]
fn a_server_that_nobody_has_is_not_even_looked_at() {
    let (machine, _) = machine("");
    let other = Sandbox::start(Options { tls: true, ..Options::default() }).unwrap();
    let outcome = machine.run_raw(&["trust", &other.url()]);
    let url = other.url();
    let said = format!(
        "vb365-helper: {url} is no configured server of anybody\n\
         vb365-helper: hint: vb365-helper login TENANT --server {url}\n"
    );
    assert_eq!((outcome.code, outcome.stdout.as_str(), outcome.stderr), (8, "", said));
    let outcome = machine.run_raw(&["trust", &machine.sandbox.url(), "--tenant", "other.com"]);
    assert_eq!(outcome.code, 8);
    assert!(outcome.stderr.contains("is no configured server of other.com"), "{outcome:?}");
}

#[test]
fn login_asks_about_a_stranger_before_anything_else() {
    if !can_use_terminals() {
        return;
    }
    let (machine, requests) = machine("");
    fs::remove_file(machine.home().join("config.toml")).unwrap();
    let (url, authority) = (machine.sandbox.url(), machine.sandbox.authority());
    let args = ["login", TENANT, "--server", &url, "--authority", &authority, "--organization", ORGANIZATION];
    let ask = |typed: &str| {
        let session = machine.at_a_terminal(&args);
        session.wait_for(QUESTION, SOON);
        assert_nothing_was_asked(&requests);
        session.send(typed);
        session
    };
    let finished = ask("\n").finish(SOON);
    assert_eq!(finished.code, Some(9));
    let typed = format!("--server {url} --organization {ORGANIZATION} --authority {authority}");
    assert!(stderr(&finished).ends_with(&format!("hint: vb365-helper login {TENANT} {typed}\n")));
    assert!(!machine.home().join("config.toml").exists(), "a server that is not trusted was remembered");

    let session = ask("y\n");
    session.wait_for(PROMPT, SOON);
    assert_eq!(session.finish(SOON).code, Some(0));
    assert!(config(&machine).contains(&format!("pin_sha256 = [\"{}\"]", pin(&machine.sandbox))));
    assert_eq!(machine.get(TENANT, &[]).answer()["source"], "cache");
    // Once is enough.
    let again = machine.at_a_terminal(&["login", TENANT]).finish(SOON);
    assert_eq!((again.code, again.terminal.contains("certificate")), (Some(0), false));
}

#[test]
fn several_tenants_of_a_server_are_one_question() {
    if !can_use_terminals() {
        return;
    }
    let (machine, _) = machine("");
    let other = format!("b.{TENANT}");
    let (url, authority) = (machine.sandbox.url(), machine.sandbox.authority());
    let table = |tenant: &str| {
        format!(
            "[tenants.\"{tenant}\"]\nserver = \"{url}\"\nauthority = \"{authority}\"\n\
             organization = \"{ORGANIZATION}\"\n"
        )
    };
    machine.write_config(&(table(TENANT) + &table(&other)));
    let session = machine.at_a_terminal(&["login", TENANT, &other]);
    session.wait_for(QUESTION, SOON);
    session.send("y\n");
    let finished = session.finish(SOON);
    assert_eq!((finished.code, finished.terminal.matches(QUESTION).count()), (Some(0), 1), "{}", finished.terminal);
    assert_eq!(config(&machine).matches(&pin(&machine.sandbox)).count(), 2);
}

#[test]
fn login_shouts_about_a_pin_that_changed() {
    if !can_use_terminals() {
        return;
    }
    let (machine, requests) = machine(&format!("api_version = \"v8\"\npin_sha256 = \"{PINNED_BEFORE}\"\n"));
    let session = machine.at_a_terminal(&["login", TENANT]);
    session.wait_for(CHANGED, SOON);
    assert_nothing_was_asked(&requests);
    session.send(format!("{}\n", &pin(&machine.sandbox)[60..]));
    assert_eq!(session.finish(SOON).code, Some(0));
    assert!(config(&machine).contains(&pin(&machine.sandbox)) && !config(&machine).contains(PINNED_BEFORE));
}

#[test]
fn a_yes_for_one_tenant_is_none_where_another_certificate_is_pinned() {
    if !can_use_terminals() {
        return;
    }
    let (machine, _) = machine("");
    let pinned = format!("b.{TENANT}");
    let table = |tenant: &str| {
        let (url, authority) = (machine.sandbox.url(), machine.sandbox.authority());
        format!(
            "[tenants.\"{tenant}\"]\nserver = \"{url}\"\nauthority = \"{authority}\"\n\
             organization = \"{ORGANIZATION}\"\n"
        )
    };
    let pin_before = format!("pin_sha256 = \"{PINNED_BEFORE}\"\n");
    let third = table(&format!("c.{TENANT}"));
    machine.write_config(&(table(TENANT) + &table(&pinned) + &pin_before + &third + &pin_before));
    let session = machine.at_a_terminal(&["login", TENANT, &pinned]);
    session.wait_for(QUESTION, SOON);
    session.send("y\n");
    session.wait_for(CHANGED, SOON);
    session.send("y\n");
    let finished = session.finish(SOON);
    assert_eq!(finished.code, Some(9), "{}", finished.terminal);
    assert_eq!(config(&machine).matches(PINNED_BEFORE).count(), 2);

    // Who saw the alarm and typed the digits has answered for the others as well.
    let session = machine.at_a_terminal(&["login", &pinned, &format!("c.{TENANT}")]);
    session.wait_for(CHANGED, SOON);
    session.send(format!("{}\n", &pin(&machine.sandbox)[60..]));
    let finished = session.finish(SOON);
    assert_eq!((finished.code, finished.terminal.matches(CHANGED).count()), (Some(0), 1), "{}", finished.terminal);
    assert!(!config(&machine).contains(PINNED_BEFORE));
}

#[test]
fn the_first_certificate_of_a_further_server_is_no_changed_one() {
    if !can_use_terminals() {
        return;
    }
    let (machine, _) = machine("");
    let (url, authority) = (machine.sandbox.url(), machine.sandbox.authority());
    machine.write_config(&format!(
        "[tenants.\"{TENANT}\"]\nservers = [\"https://vb365.abc.local:4443\"]\nauthority = \"{authority}\"\n\
         organization = \"{ORGANIZATION}\"\npin_sha256 = \"{PINNED_BEFORE}\"\n"
    ));
    let session = machine.at_a_terminal(&["login", TENANT, "--server", &url]);
    session.wait_for(QUESTION, SOON);
    session.send("y\n");
    let finished = session.finish(SOON);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let everywhere = "pins count at every server of a tenant; if it is not pinned yet, go on with: vb365-helper trust \
                      https://vb365.abc.local:4443\n";
    assert!(finished.terminal.contains(everywhere), "{}", finished.terminal);
    assert!(config(&machine).contains(PINNED_BEFORE) && config(&machine).contains(&pin(&machine.sandbox)));
}

#[test]
fn a_certificate_that_is_named_takes_the_place_of_the_pinned_one() {
    for args in [["trust"].as_slice(), &["login", TENANT, "--server"]] {
        let (machine, _) = machine(&format!("api_version = \"v8\"\npin_sha256 = \"{PINNED_BEFORE}\"\n"));
        let (url, pin) = (machine.sandbox.url(), pin(&machine.sandbox));
        let args = [args, &[&url, "--pin-sha256", &pin]].concat();
        if args[0] == "login" {
            if !can_use_terminals() {
                return;
            }
            assert_eq!(machine.at_a_terminal(&args).finish(SOON).code, Some(0));
        } else {
            assert_eq!(machine.run_inside(&ManualClock::new(), &args, b"").code, 0);
        }
        assert!(config(&machine).contains(&pin) && !config(&machine).contains(PINNED_BEFORE), "{}", config(&machine));
    }
}

#[test]
fn login_without_a_terminal_says_how_a_stranger_is_trusted() {
    let (machine, requests) = machine("");
    let (url, pin, before) = (machine.sandbox.url(), pin(&machine.sandbox), config(&machine));
    let outcome = machine.run_inside(&ManualClock::new(), &["login", TENANT, "--json"], b"");
    let hint = format!(
        "compare the fingerprint with the server's own, then run `vb365-helper login {TENANT} --server {url} \
         --pin-sha256 {pin}`"
    );
    let error = outcome.error("untrusted_server");
    assert_eq!((&error["hint"], &error["tenant"]), (&hint.into(), &TENANT.into()));
    assert_eq!(config(&machine), before);
    assert_nothing_was_asked(&requests);
}

#[test]
fn a_certificate_that_ends_soon_is_mentioned_by_login() {
    if !can_use_terminals() {
        return;
    }
    let machine =
        Machine::with(Options { tls: true, no_san: true, auto_approve: true, days: Some(12), ..Options::default() });
    let (url, authority, pin) = (machine.sandbox.url(), machine.sandbox.authority(), pin(&machine.sandbox));
    machine.write_config(&format!(
        "[tenants.\"{TENANT}\"]\nserver = \"{url}\"\nauthority = \"{authority}\"\norganization = \"{ORGANIZATION}\"\n\
         pin_sha256 = \"{pin}\"\n"
    ));
    let finished = machine.at_a_terminal(&["login", TENANT]).finish(SOON);
    assert!(finished.terminal.starts_with(&format!("The certificate of {url} ends in 11 days, on 20")), "{finished:?}");
    assert_eq!(Outcome::at_a_terminal(finished).code, 0);
}
