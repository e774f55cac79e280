//! Whom the program believes to be a server, with real TLS: the configured roots and pins, and
//! nobody else; and where tokens may go at all.
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

// At a terminal of Unix.
#[cfg(unix)]
#[path = "trust/asked.rs"]
mod asked;

use std::fs;

use crate::support::server::{Options, Sandbox};
use crate::support::{Home, Machine, ORGANIZATION, TENANT};

/// Somebody who signed in, whose sandbox speaks TLS, and whose configuration has `lines` about it.
fn machine(no_san: bool, lines: impl Fn(&Sandbox) -> String) -> Machine {
    let machine = Machine::with(Options { tls: true, no_san, ..Options::default() });
    let Machine { sandbox, .. } = &machine;
    fs::write(machine.home().join("root.pem"), sandbox.certificate_pem().unwrap()).unwrap();
    machine.write_config(&format!(
        "[tenants.\"{TENANT}\"]\nserver = \"{}\"\nauthority = \"{}\"\norganization = \"{ORGANIZATION}\"\n{}\n",
        sandbox.url(),
        sandbox.authority(),
        lines(sandbox)
    ));
    machine.run(&["store", TENANT], sandbox.token_response().as_bytes()).answer();
    machine
}

#[test]
fn a_root_from_ca_file_is_trusted_for_both_systems() {
    let machine = machine(false, |_| "ca_file = \"root.pem\"".into());
    assert_eq!(machine.get(TENANT, &[]).answer()["source"], "exchange");
    assert_eq!(machine.get(TENANT, &["--want", "entra", "--min-ttl", "1h"]).answer()["source"], "cache");
}

#[test]
fn a_pinned_certificate_needs_no_subject_alternative_name() {
    let machine = machine(true, |sandbox| format!("pin_sha256 = [\"{}\"]", sandbox.certificate_sha256().unwrap()));
    assert_eq!(machine.get(TENANT, &[]).answer()["source"], "exchange");
}

#[test]
fn an_unknown_certificate_is_refused_and_the_hint_has_it_looked_at() {
    let machine = machine(true, |_| String::new());
    let error = machine.get(TENANT, &[]).error("untrusted_server");
    let fingerprint = machine.sandbox.certificate_sha256().unwrap();
    assert!(error["message"].as_str().unwrap().ends_with(&format!("its SHA-256 is {fingerprint}")));
    assert_eq!(error["hint"], format!("vb365-helper trust {}", machine.sandbox.url()));
    assert_eq!(machine.sandbox.requests("veeam_token"), 0, "the assertion went to a stranger");
}

#[test]
fn another_pin_is_refused_and_nothing_is_sent() {
    let machine = machine(true, |_| format!("pin_sha256 = [\"{}\"]", "ab".repeat(32)));
    let error = machine.get(TENANT, &[]).error("untrusted_server");
    let (url, own) = (machine.sandbox.url(), machine.sandbox.certificate_sha256().unwrap());
    let pinned = "ab".repeat(32);
    let message = format!("the certificate of {url} is not the pinned one ({pinned}); its SHA-256 is {own}");
    assert_eq!((&error["message"], &error["hint"]), (&message.into(), &format!("vb365-helper trust {url}").into()));
    assert_eq!(machine.sandbox.requests("service_instance") + machine.sandbox.requests("veeam_token"), 0);
}

#[test]
fn a_request_cannot_name_a_new_destination() {
    let machine = machine(false, |_| "ca_file = \"root.pem\"".into());
    let other = Sandbox::start(Options::default()).unwrap();
    let error = machine.get(TENANT, &["--server", &other.url()]).error("config");
    assert_eq!(error["hint"], format!("vb365-helper login {TENANT} --server {}", other.url()));
    assert_eq!(other.requests("veeam_token") + other.requests("service_instance"), 0);
}

#[test]
fn a_file_of_the_working_directory_is_not_read() {
    let (machine, stray) = (machine(false, |_| "ca_file = \"root.pem\"".into()), Home::new());
    stray.write_config("not TOML at all");
    let mut list = machine.command(&["list"]);
    list.env_remove("VB365_HELPER_CONFIG").env("APPDATA", machine.home()).current_dir(stray.home());
    let output = list.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
