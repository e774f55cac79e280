//! Whom the program believes to be a server, with real TLS: the configured roots and pins, and
//! nobody else; and where tokens may go at all.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

#[path = "../examples/sandbox/server/mod.rs"]
mod server;

use std::fs;
use std::process::Output;

use assert_cmd::Command;
use serde_json::Value;
use server::{Options, Sandbox};
use tempfile::TempDir;

const TENANT: &str = "abc.onmicrosoft.com";

/// A sandbox over TLS, and a home whose configuration has `lines` about it.
struct Setting {
    sandbox: Sandbox,
    home: TempDir,
}

impl Setting {
    fn new(no_san: bool, lines: impl Fn(&Sandbox, &TempDir) -> String) -> Self {
        let sandbox = Sandbox::start(Options { tls: true, no_san, ..Options::default() }).unwrap();
        let home = TempDir::new().unwrap();
        fs::write(home.path().join("root.pem"), sandbox.certificate_pem().unwrap()).unwrap();
        let config = format!(
            "[tenants.\"{TENANT}\"]\nserver = \"{}\"\nauthority = \"{}\"\norganization = \"Abc.onmicrosoft.com\"\n{}\n",
            sandbox.url(),
            sandbox.authority(),
            lines(&sandbox, &home)
        );
        fs::write(home.path().join("config.toml"), config).unwrap();
        let setting = Self { sandbox, home };
        let stored = setting.run(&["store", TENANT], &setting.sandbox.token_response());
        assert!(stored.status.success());
        setting
    }

    fn run(&self, args: &[&str], stdin: &str) -> Output {
        let mut command = Command::cargo_bin("vb365-helper").unwrap();
        command.env_clear().args(args).write_stdin(stdin).current_dir(&self.home);
        // The standard library needs it on Windows.
        command.envs(std::env::var_os("SYSTEMROOT").map(|root| ("SYSTEMROOT", root)));
        command.env("VB365_HELPER_CONFIG", self.home.path().join("config.toml"));
        command.env("VB365_HELPER_CACHE_DIR", self.home.path().join("cache"));
        command.output().unwrap()
    }

    fn get(&self, more: &[&str]) -> (Option<i32>, Value, String) {
        let output = self.run(&[&["get", TENANT, "--interactive", "never"], more].concat(), "");
        let answer = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code(), answer, String::from_utf8(output.stderr).unwrap())
    }
}

#[test]
fn a_root_from_ca_file_is_trusted_for_both_systems() {
    let setting = Setting::new(false, |_, _| "ca_file = \"root.pem\"".into());
    let (code, answer, stderr) = setting.get(&[]);
    assert_eq!((code, answer["source"].as_str(), stderr.as_str()), (Some(0), Some("exchange"), ""));
    let (code, answer, _) = setting.get(&["--want", "entra", "--min-ttl", "1h"]);
    assert_eq!((code, answer["source"].as_str()), (Some(0), Some("cache")));
}

#[test]
fn a_pinned_certificate_needs_no_subject_alternative_name() {
    let pin = |sandbox: &Sandbox, _: &TempDir| format!("pin_sha256 = [\"{}\"]", sandbox.certificate_sha256().unwrap());
    let setting = Setting::new(true, pin);
    let (code, answer, stderr) = setting.get(&[]);
    assert_eq!((code, answer["source"].as_str(), stderr.as_str()), (Some(0), Some("exchange"), ""));
}

#[test]
fn an_unknown_certificate_is_refused_and_the_hint_pins_it() {
    let setting = Setting::new(true, |_, _| String::new());
    let (code, answer, stderr) = setting.get(&[]);
    let fingerprint = setting.sandbox.certificate_sha256().unwrap();
    assert_eq!((code, answer["error"]["kind"].as_str()), (Some(9), Some("untrusted_server")));
    assert!(answer["error"]["message"].as_str().unwrap().ends_with(&format!("its SHA-256 is {fingerprint}")));
    let command = format!("vb365-helper login {TENANT} --server {} --pin-sha256 {fingerprint}", setting.sandbox.url());
    assert!(answer["error"]["hint"].as_str().unwrap().contains(&command) && stderr.contains(&command));
    assert_eq!(setting.sandbox.requests("veeam_token"), 0, "the assertion went to a stranger");
}

#[test]
fn another_pin_is_refused_and_nothing_is_sent() {
    let setting = Setting::new(true, |_, _| format!("pin_sha256 = [\"{}\"]", "ab".repeat(32)));
    let (code, answer, _) = setting.get(&[]);
    assert_eq!((code, answer["error"]["kind"].as_str()), (Some(9), Some("untrusted_server")));
    assert!(answer["error"]["message"].as_str().unwrap().contains("is not the pinned one"));
    assert_eq!(setting.sandbox.requests("service_instance") + setting.sandbox.requests("veeam_token"), 0);
}

#[test]
fn a_request_cannot_name_a_new_destination() {
    let setting = Setting::new(false, |_, _| "ca_file = \"root.pem\"".into());
    let other = Sandbox::start(Options::default()).unwrap();
    let (code, answer, _) = setting.get(&["--server", &other.url()]);
    assert_eq!((code, answer["error"]["kind"].as_str()), (Some(8), Some("config")));
    let hint = format!("vb365-helper login {TENANT} --server {}", other.url());
    assert_eq!(answer["error"]["hint"].as_str(), Some(hint.as_str()));
    assert_eq!(other.requests("veeam_token") + other.requests("service_instance"), 0);
}

#[test]
fn a_file_of_the_working_directory_is_not_read() {
    let setting = Setting::new(false, |_, _| "ca_file = \"root.pem\"".into());
    let stray = TempDir::new().unwrap();
    fs::write(stray.path().join("config.toml"), "not TOML at all").unwrap();
    let mut command = Command::cargo_bin("vb365-helper").unwrap();
    command.env_clear().env("HOME", setting.home.path()).env("APPDATA", setting.home.path());
    command.envs(std::env::var_os("SYSTEMROOT").map(|root| ("SYSTEMROOT", root)));
    let output = command.current_dir(stray.path()).args(["list"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
