//! The requests that the program makes, made by curl: what the network and the server take.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::case::output;
use super::support::{CLIENT_ID, EXCHANGE, Machine, ORGANIZATION, SCOPE, TENANT};

/// curl in the home of a user.
pub struct Curl<'a> {
    program: PathBuf,
    machine: &'a Machine,
    /// The tokens of the answer before.
    last: RefCell<Value>,
}

impl<'a> Curl<'a> {
    /// It speaks to the sandbox of `machine`.
    pub fn new(program: &Path, machine: &'a Machine) -> Self {
        Self { program: program.to_owned(), machine, last: RefCell::default() }
    }

    /// Writes what the requests of a rung will have as bodies.
    pub fn prepare(&self, rung: &str) {
        match rung {
            "veeam_refresh" => {
                // A refresh token is good once: this gets the next one.
                self.write("veeam", &self.exchange());
                let answer = output(&mut self.command("exchange"), b"").stdout;
                self.last.replace(serde_json::from_slice(&answer).expect("curl answers tokens"));
                let token = self.last.borrow()["refresh_token"].as_str().unwrap().to_owned();
                let fields =
                    [("grant_type", "refresh_token"), ("refresh_token", &token), ("disable_antiforgery_token", "true")];
                self.write("veeam", &form(&fields));
            }
            "exchange" => self.write("veeam", &self.exchange()),
            _ => {
                self.write("veeam", &self.exchange());
                self.write("entra", &self.entra_refresh());
            }
        }
    }

    /// The requests of a rung.
    pub fn command(&self, rung: &str) -> Command {
        let sandbox = &self.machine.sandbox;
        let mut command = Command::new(&self.program);
        command.env_clear().current_dir(self.machine.home()).arg("-q");
        if rung == "entra_refresh" {
            let url = format!("{}/{TENANT}/oauth2/v2.0/token", sandbox.authority());
            self.post(&mut command, "entra", &url);
            command.arg("--next");
        }
        self.post(&mut command, "veeam", &format!("{}/v8/token", sandbox.url()));
        command
    }

    /// Secrets go by a file: arguments are everybody's.
    fn post(&self, command: &mut Command, body: &str, url: &str) {
        command.args(["--silent", "--show-error", "--fail", "--data", &format!("@{body}.form")]);
        if self.machine.sandbox.certificate_pem().is_some() {
            command.args(["--cacert", super::rungs::CA_FILE]);
        }
        command.arg(url);
    }

    fn exchange(&self) -> String {
        let assertion = self.machine.sandbox.token_response();
        form(&[
            ("grant_type", EXCHANGE),
            ("client_id", ORGANIZATION),
            ("assertion", &assertion),
            ("disable_antiforgery_token", "true"),
        ])
    }

    fn entra_refresh(&self) -> String {
        let response: Value = serde_json::from_str(&self.machine.sandbox.token_response()).unwrap();
        let token = response["refresh_token"].as_str().unwrap();
        form(&[("grant_type", "refresh_token"), ("client_id", CLIENT_ID), ("refresh_token", token), ("scope", SCOPE)])
    }

    fn write(&self, body: &str, form: &str) {
        fs::write(self.machine.home().join(format!("{body}.form")), form).unwrap();
    }
}

fn form(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}
