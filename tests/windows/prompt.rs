//! A sign-in where there is no console: nobody is asked, or a command of the user's tells a person elsewhere.

use std::fs;
use std::os::windows::process::CommandExt;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::support::server::Options;
use crate::support::{Machine, Outcome, TENANT, assert_valid, finish, piped};

/// `DETACHED_PROCESS`: as a service, a scheduled task or a remote PowerShell starts it.
const WITHOUT_A_CONSOLE: u32 = 8;

fn get(machine: &Machine) -> Outcome {
    let mut command = machine.command(&["get", TENANT]);
    command.env("PATH", std::env::var_os("PATH").unwrap()).creation_flags(WITHOUT_A_CONSOLE);
    finish(piped(&mut command).spawn().unwrap())
}

/// A machine whose prompt command is a script of cmd.exe, in its home.
fn told_by(script: &str, is_approved: bool) -> Machine {
    let machine = Machine::with(Options { auto_approve: is_approved, ..Options::default() });
    fs::write(machine.home().join("tell.cmd"), format!("@echo off\r\ncd /d \"%~dp0\"\r\n{script}\r\n")).unwrap();
    let text = fs::read_to_string(machine.home().join("config.toml")).unwrap();
    machine.write_config(&format!("{text}[prompt]\ncommand = ['.\\tell.cmd', 'an argument']\n"));
    machine
}

#[test]
fn without_a_console_nobody_is_asked() {
    let machine = Machine::new();
    let outcome = get(&machine);
    assert_eq!((outcome.code, outcome.error("login_required")["tenant"].as_str()), (3, Some(TENANT)));
    assert_eq!(machine.sandbox.requests("device_code"), 0);
}

#[test]
fn a_script_is_told_and_the_call_goes_on_when_somebody_signed_in() {
    let machine = told_by("more > told.json\r\necho %1> argument", true);
    let outcome = get(&machine);
    assert_eq!((outcome.code, outcome.document()["source"].as_str()), (0, Some("login")), "{outcome:?}");
    let told: Value = serde_json::from_str(&fs::read_to_string(machine.home().join("told.json")).unwrap()).unwrap();
    assert_valid("prompt-v1", &told);
    assert_eq!(told["tenant"], TENANT);
    assert_eq!(fs::read_to_string(machine.home().join("argument")).unwrap().trim(), "\"an argument\"");
}

#[test]
fn a_script_that_fails_says_why() {
    let machine = told_by("echo no route to the mail server 1>&2\r\nexit /b 7", false);
    let outcome = get(&machine);
    let message = outcome.error("login_required")["message"].as_str().unwrap().to_owned();
    assert!(message.contains("failed (exit code: 7): no route to the mail server"), "{message}");
}

/// The script waits for what it has started, and that for longer than anybody signs in.
#[test]
fn what_a_script_has_started_is_ended_with_it() {
    let machine = told_by("echo started> started\r\ncmd /c \"ping -n 8 127.0.0.1 > nul & echo late> late\"", true);
    let outcome = get(&machine);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert!(machine.home().join("started").exists());
    thread::sleep(Duration::from_secs(9));
    assert!(!machine.home().join("late").exists(), "it lived on");
}
