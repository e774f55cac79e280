//! Signing in at a real pseudo-terminal: what the person sees there, what the caller gets, and what happens
//! when either of them, or the network, does not play along. On Unix: what a console of Windows shows is a matter
//! of `tests/console.rs`, and whom a script tells there of `tests/windows/prompt.rs`.
#![cfg(unix)]
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

mod account;
mod browser;
mod hints;
mod refresh;
mod screens;
mod several;
mod sign_in;
#[path = "../support/mod.rs"]
mod support;
mod unattended;

use std::fs;

use serde_json::Value;

use crate::support::Machine;
use crate::support::pty::Finished;
use crate::support::seat::SOON;
use crate::support::server::Options;

/// A machine whose sandbox is played as `change` has it.
fn machine(change: impl Fn(&mut Options)) -> Machine {
    let mut options = Options::default();
    change(&mut options);
    Machine::with(options)
}

/// The same without a configuration.
fn unconfigured(change: impl Fn(&mut Options)) -> Machine {
    let machine = machine(change);
    fs::remove_file(machine.home().join("config.toml")).unwrap();
    machine
}

fn run(machine: &Machine, args: &[&str]) -> Finished {
    machine.at_a_terminal(args).finish(SOON)
}

/// The code in a prompt, as a person would copy it.
fn code_of(shown: &str) -> &str {
    shown.split_once("  enter     ").unwrap().1.split_whitespace().next().unwrap()
}

fn json(text: &[u8]) -> Value {
    serde_json::from_slice(text).unwrap_or_else(|_| panic!("not JSON: {}", String::from_utf8_lossy(text)))
}

/// What is kept and handed out must not have been shown.
fn assert_nothing_secret(finished: &Finished) {
    for shown in [&finished.terminal, &String::from_utf8_lossy(&finished.stderr).into_owned()] {
        for token in ["veeam-access", "veeam-refresh", "entra-refresh", "eyJ", "device-"] {
            assert!(!shown.contains(token), "{token} in: {shown}");
        }
    }
}
