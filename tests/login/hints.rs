//! What a sign-in that failed says to do next: the command as it was typed, and nothing that asks a person in
//! vain.

use std::fs;

use crate::support::inside::ManualClock;
use crate::support::seat::SOON;
use crate::support::{Machine, ORGANIZATION, Outcome, TENANT, can_use_terminals};
use crate::{machine, run, unconfigured};

fn without_a_terminal(machine: &Machine, args: &[&str]) -> Outcome {
    machine.run_inside(&ManualClock::new(), args, b"")
}

fn hint(outcome: &Outcome) -> &str {
    outcome.stderr.trim_end().rsplit_once("vb365-helper: hint: ").unwrap().1
}

#[test]
fn what_was_typed_stands_in_the_command_that_would_go_on() {
    let machine = unconfigured(|options| (options.tls, options.no_san) = (true, true));
    let (server, pin) = (machine.sandbox.url(), machine.sandbox.certificate_sha256().unwrap());
    let typed = [
        "--server",
        &server,
        "--organization",
        "Abc's Ltd",
        "--client-id",
        "11111111-2222-4333-8444-555555555555",
        "--scope",
        "Directory.Read.All",
        "--scope",
        "User.Read offline_access",
        "--authority",
        "https://login.microsoftonline.us",
        "--ca-file",
        "root.pem",
        "--api-version",
        "v7",
    ];
    fs::write(machine.home().join("root.pem"), machine.sandbox.certificate_pem().unwrap()).unwrap();
    let ca_file = machine.home().join("root.pem").display().to_string();
    let mut typed = typed.map(str::to_owned);
    typed[13].clone_from(&ca_file);
    let typed: Vec<_> = typed.iter().map(String::as_str).collect();
    let outcome = without_a_terminal(&machine, &[&["login", "new.com"], &typed[..]].concat());
    let command = format!(
        "login new.com --server {server} --organization 'Abc'\\''s Ltd' --client-id 11111111-2222-4333-8444-555555555555 \
         --scope Directory.Read.All --scope User.Read --scope offline_access \
         --authority https://login.microsoftonline.us --ca-file {ca_file} --api-version v7"
    );
    let expected =
        format!("compare the fingerprint with the server's own, then run `vb365-helper {command} --pin-sha256 {pin}`");
    assert_eq!((outcome.code, hint(&outcome)), (9, expected.as_str()));
    // What is trusted needs a terminal all the same; the file that was named is named again.
    let config = machine.home().join("my config.toml").display().to_string();
    let named = [&["login", "new.com"], &typed[..], &["--pin-sha256", &pin, "--config", &config]].concat();
    let outcome = without_a_terminal(&machine, &named);
    let command = command.replace(" --api-version", &format!(" --pin-sha256 {pin} --api-version"));
    let expected = format!(
        "at a terminal: vb365-helper --config '{config}' {command}; for jobs that nobody watches: vb365-helper help unattended"
    );
    assert_eq!((outcome.code, hint(&outcome)), (3, expected.as_str()));
}

#[test]
fn a_file_that_was_named_is_named_in_every_hint() {
    let machine = Machine::new();
    let config = machine.home().join("config.toml").display().to_string();
    let error = machine.run(&["--config", &config, "get", TENANT, "--interactive", "never"], b"");
    let error = error.error("login_required");
    assert_eq!(error["hint"], format!("vb365-helper --config {config} login {TENANT}"));
    let error = machine.run(&["get", TENANT, "--interactive", "never"], b"").error("login_required");
    assert_eq!(error["hint"], format!("vb365-helper login {TENANT}"));
}

#[test]
fn a_name_with_a_slip_is_answered_by_the_one_that_was_probably_meant() {
    let machine = Machine::new();
    machine.write_config(&format!("[tenants.\"{ORGANIZATION}\"]\nserver = \"{}\"\n", machine.sandbox.url()));
    let outcome = without_a_terminal(&machine, &["login", "abd.onmicrosoft.com"]);
    let expected = format!(
        "did you mean {ORGANIZATION}? if not: vb365-helper login abd.onmicrosoft.com --server https://HOST:4443"
    );
    assert_eq!((outcome.code, hint(&outcome)), (8, expected.as_str()));
}

#[test]
fn a_server_that_does_not_speak_the_version_is_noticed_before_anybody_is_asked() {
    if !can_use_terminals() {
        return;
    }
    // The configuration says v8.
    let machine = machine(|options| (options.versions, options.auto_approve) = (vec![5, 6], true));
    let url = machine.sandbox.url();
    let finished = run(&machine, &["login", TENANT]);
    let said = format!(
        "vb365-helper: {url} does not speak API version v8; it speaks v6, v5\n\
         vb365-helper: hint: vb365-helper login {TENANT} --server {url} --api-version v6\n"
    );
    assert_eq!((finished.code, String::from_utf8_lossy(&finished.stderr).as_ref()), (Some(8), said.as_str()));
    assert_eq!((machine.sandbox.requests("device_code"), finished.terminal.as_str()), (0, ""));
    // What it says helps.
    let args = ["login", TENANT, "--server", &url, "--api-version", "v6"];
    assert_eq!(machine.at_a_terminal(&args).finish(SOON).code, Some(0));
    assert!(fs::read_to_string(machine.home().join("config.toml")).unwrap().contains("api_version = \"v6\""));
}
