//! A sign-in that is due where nobody sits: a command of the user's is told, and a person elsewhere acts.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::server::{Fault, Options};
use crate::support::{Machine, Outcome, TENANT, assert_valid, can_use_terminals, wait_until};

/// A machine whose prompt command is a shell script, with more `lines` in its table.
fn told_by(script: &str, lines: &str, options: Options) -> Machine {
    let machine = Machine::with(options);
    let path = machine.home().join("tell");
    fs::write(&path, format!("#!/bin/sh\ncd '{}' || exit 9\n{script}\n", machine.home().display())).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let text = fs::read_to_string(machine.home().join("config.toml")).unwrap();
    machine.write_config(&format!("{text}[prompt]\ncommand = [\"./tell\", \"an argument\"]\n{lines}\n"));
    machine
}

/// The same with a sandbox that approves by itself as soon as it is asked, or never.
fn told(script: &str, is_approved: bool) -> Machine {
    told_by(script, "", Options { auto_approve: is_approved, ..Options::default() })
}

/// A run without any terminal, as a service's.
fn detached(machine: &Machine, args: &[&str]) -> Child {
    let plain = machine.command(args);
    let mut command = Command::new("setsid");
    command.arg("--wait").arg(plain.get_program()).args(plain.get_args()).env_clear();
    command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env("PATH", std::env::var_os("PATH").unwrap()).env("CANARY_OF_THE_ENVIRONMENT", "1");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn outcome_of(child: Child) -> Outcome {
    Outcome::of(child.wait_with_output().unwrap())
}

fn get(machine: &Machine, args: &[&str]) -> Outcome {
    outcome_of(detached(machine, &[&["get", TENANT], args].concat()))
}

/// What a file of the home directory says by now.
fn written(machine: &Machine, name: &str) -> String {
    fs::read_to_string(machine.home().join(name)).unwrap_or_default()
}

fn status(id: u32) -> String {
    fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default()
}

fn is_gone(id: u32) -> bool {
    let status = status(id);
    status.is_empty() || status.contains("\nState:\tZ")
}

fn parent_of(id: u32) -> Option<u32> {
    status(id).lines().find_map(|line| line.strip_prefix("PPid:")?.trim().parse().ok())
}

const KEEP: &str = "cat >told.tmp; env >env; echo \"$@\" >args; mv told.tmp told";

#[test]
fn a_person_elsewhere_is_told_and_the_call_waits_for_them() {
    if !can_use_terminals() {
        return;
    }
    let machine = told(KEEP, false);
    let call = detached(&machine, &["get", TENANT]);
    wait_until("the command is told", || !written(&machine, "told").is_empty());
    let text = written(&machine, "told");
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_valid("prompt-v1", &document);
    assert_eq!(document["tenant"], TENANT);
    assert_eq!(document["server"], machine.sandbox.url());
    assert_eq!(document["verification_uri"], format!("{}/device", machine.sandbox.authority()));
    let ends: chrono::DateTime<chrono::Utc> = document["expires_at"].as_str().unwrap().parse().unwrap();
    assert!((880..=900).contains(&(ends - chrono::Utc::now()).num_seconds()), "{text}");
    assert_eq!(written(&machine, "args"), "an argument\n");
    assert!(written(&machine, "env").contains("CANARY_OF_THE_ENVIRONMENT=1"));
    for seen in [text, written(&machine, "env"), written(&machine, "args")] {
        assert!(!seen.contains("device-code") && !seen.contains("eyJ") && !seen.contains("refresh"), "{seen}");
    }
    assert!(machine.sandbox.approve());
    let answer = outcome_of(call);
    assert_eq!((answer.code, answer.stderr.as_str()), (0, ""));
    assert_eq!(answer.document()["source"], "login");

    // Who signed in last is told, so that the right person acts.
    let told_again = |machine: &Machine| -> Value { serde_json::from_str(&written(machine, "told")).unwrap() };
    machine.sandbox.revoke_entra_refresh();
    machine.sandbox.revoke_veeam_refresh();
    machine.expire_entra(TENANT);
    machine.expire_veeam(TENANT);
    fs::remove_file(machine.home().join("told")).unwrap();
    let call = detached(&machine, &["get", TENANT]);
    wait_until("the command is told again", || !written(&machine, "told").is_empty());
    assert_eq!(told_again(&machine)["account"], "admin@abc.onmicrosoft.com");
    assert!(machine.sandbox.approve());
    assert_eq!(outcome_of(call).code, 0);
}

#[test]
fn a_second_process_sends_no_second_message() {
    if !can_use_terminals() {
        return;
    }
    let machine = told("cat >>all; echo >>all", false);
    let calls = [0, 1, 2].map(|_| detached(&machine, &["get", TENANT]));
    wait_until("the command is told", || written(&machine, "all").contains("user_code"));
    thread::sleep(Duration::from_millis(500));
    assert!(machine.sandbox.approve());
    let answers = calls.map(|call| outcome_of(call).document());
    assert!(answers.iter().all(|answer| answer["access_token"] == answers[0]["access_token"]), "{answers:?}");
    assert_eq!(written(&machine, "all").matches("user_code").count(), 1);
    assert_eq!(machine.sandbox.requests("device_code"), 1);
}

#[test]
fn a_message_that_nobody_acted_on_is_not_sent_again_at_each_call() {
    if !can_use_terminals() {
        return;
    }
    let machine = told_by("cat >>all; echo >>all", "timeout = \"1s\"", Options::default());
    let first = get(&machine, &[]);
    assert_eq!((first.code, &first.document()["error"]["kind"]), (4, &"login_failed".into()), "{first:?}");
    let start = Instant::now();
    let second = get(&machine, &[]);
    assert!(start.elapsed() < Duration::from_secs(5));
    let error = &second.document()["error"];
    assert_eq!((second.code, &error["kind"]), (3, &"login_required".into()), "{second:?}");
    let words = error["message"].as_str().unwrap();
    assert!(words.contains("somebody was told, and is not told again for 59 min"), "{words}");
    assert_eq!(written(&machine, "all").matches("user_code").count(), 1);

    let text = fs::read_to_string(machine.home().join("config.toml")).unwrap();
    machine.write_config(&text.replace("timeout = \"1s\"", "timeout = \"1s\"\nrepeat_after = \"0s\""));
    assert_eq!(get(&machine, &[]).code, 4);
    assert_eq!(written(&machine, "all").matches("user_code").count(), 2);
}

#[test]
fn a_command_that_fails_ends_the_wait_and_says_why() {
    if !can_use_terminals() {
        return;
    }
    let machine = told("echo 'no route to the mail server' >&2; echo canary >&2; exit 7", false);
    let start = Instant::now();
    let failed = get(&machine, &[]);
    assert!(start.elapsed() < Duration::from_secs(10));
    let error = &failed.document()["error"];
    assert_eq!((failed.code, &error["kind"]), (3, &"login_required".into()), "{failed:?}");
    let words = error["message"].as_str().unwrap();
    assert!(words.ends_with("/tell failed (exit status: 7): no route to the mail server"), "{words}");
    assert_eq!(error["hint"], format!("vb365-helper login {TENANT}"));

    for (change, why) in [("missing", "cannot be started: No such file"), ("plain", "cannot be started: Permission")] {
        let machine = told("exit 0", false);
        fs::write(machine.home().join("plain"), "no program").unwrap();
        let text = fs::read_to_string(machine.home().join("config.toml")).unwrap();
        machine.write_config(&text.replace("./tell", &format!("./{change}")));
        let outcome = get(&machine, &[]);
        assert_eq!(outcome.code, 3, "{outcome:?}");
        assert!(outcome.document()["error"]["message"].as_str().unwrap().contains(why), "{outcome:?}");
    }
}

#[test]
fn a_command_that_hangs_holds_nothing_and_does_not_outlive_the_call() {
    if !can_use_terminals() {
        return;
    }
    // Neither what it reads nor what it has started matters.
    let machine = told("sleep 1000 & echo $! >child; echo $$ >parent; sleep 1000", true);
    let answer = get(&machine, &[]);
    assert_eq!((answer.code, answer.stderr.as_str()), (0, ""));
    for name in ["parent", "child"] {
        let id = written(&machine, name).trim().to_owned();
        assert!(!id.is_empty(), "{name} was not started");
        wait_until("it is gone", || is_gone(id.parse().unwrap()));
    }
}

#[test]
fn a_flood_of_words_and_a_closed_stdin_are_no_trouble() {
    if !can_use_terminals() {
        return;
    }
    for script in [
        "exec <&-; yes canary; exit 1",
        "yes canary >&2 & yes canary",
        "exec <&- >&- 2>&-; exit 0",
        "yes canary | head -c 20000000 >&2; exit 0",
    ] {
        let machine = told(script, true);
        let answer = get(&machine, &[]);
        assert_eq!((answer.code, answer.stderr.as_str()), (0, ""), "{script}");
        assert_eq!(answer.document()["source"], "login", "{script}");
    }
    let machine = told("yes \"$(printf 'canary\\033[31m')\" | head -c 20000000 >&2; exit 5", false);
    let failed = get(&machine, &[]);
    let words = failed.document()["error"]["message"].as_str().unwrap().to_owned();
    assert!(words.ends_with("failed (exit status: 5): canary[31m"), "{words}");
}

#[test]
fn nobody_is_told_where_nobody_is_to_be_asked() {
    if !can_use_terminals() {
        return;
    }
    let machine = told(KEEP, true);
    assert_eq!(get(&machine, &["--interactive", "never"]).code, 3);
    assert_eq!((written(&machine, "told"), machine.sandbox.requests("device_code")), (String::new(), 0));

    // At a terminal the person is there.
    let finished = crate::run(&machine, &["get", TENANT]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(finished.terminal.contains("  enter     "));
    assert_eq!(written(&machine, "told"), "");
}

#[test]
fn a_caller_who_waits_less_long_is_answered_in_time() {
    if !can_use_terminals() {
        return;
    }
    // Nobody elsewhere could act in time: they are not bothered, and the next call is free to.
    let machine = told(KEEP, false);
    let start = Instant::now();
    let outcome = get(&machine, &["--timeout", "2s", "--explain"]);
    assert_eq!(outcome.code, 3, "{outcome:?}");
    assert!(start.elapsed() < Duration::from_secs(8), "took {:?}", start.elapsed());
    let why = "needed, and the call's limit leaves nobody elsewhere the time to act";
    assert!(outcome.stderr.contains(why), "{outcome:?}");
    assert_eq!((written(&machine, "told"), machine.sandbox.requests("device_code")), (String::new(), 0));

    // Where there is time, whoever is told is told how much.
    let call = detached(&machine, &["get", TENANT, "--timeout", "90s"]);
    wait_until("the command is told", || !written(&machine, "told").is_empty());
    let document: Value = serde_json::from_str(&written(&machine, "told")).unwrap();
    let ends: chrono::DateTime<chrono::Utc> = document["expires_at"].as_str().unwrap().parse().unwrap();
    assert!((60..=90).contains(&(ends - chrono::Utc::now()).num_seconds()), "{document}");
    assert!(machine.sandbox.approve());
    assert_eq!(outcome_of(call).code, 0);
}

#[test]
fn who_was_not_told_is_told_by_the_next_call() {
    if !can_use_terminals() {
        return;
    }
    // The command fails once; then the identity host does not answer; then both work.
    let machine = told("test -e tried || { touch tried; exit 1; }\ncat >told", true);
    let first = get(&machine, &[]);
    assert_eq!((first.code, first.document()["error"]["kind"].as_str()), (3, Some("login_required")), "{first:?}");

    let text = fs::read_to_string(machine.home().join("config.toml")).unwrap();
    let nowhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    machine.write_config(&text.replace(&machine.sandbox.authority(), &format!("http://{nowhere}")));
    let second = get(&machine, &[]);
    assert_eq!((second.code, second.document()["error"]["kind"].as_str()), (6, Some("unavailable")), "{second:?}");

    machine.write_config(&text);
    let third = get(&machine, &[]);
    assert_eq!((third.code, third.stderr.as_str()), (0, ""), "{third:?}");
    assert!(written(&machine, "told").contains("user_code"));
}

#[test]
fn who_was_killed_before_there_was_a_code_has_told_nobody() {
    if !can_use_terminals() {
        return;
    }
    let machine = told("echo $$ >command; cat >told", true);
    machine.sandbox.fault("device_code", Fault::Delay(Duration::from_secs(3)));
    let mut killed = machine.command(&["get", TENANT]);
    let mut killed = killed.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_until("the platform is asked", || machine.sandbox.requests("device_code") == 1);
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert_eq!(written(&machine, "told"), "");
    let next = get(&machine, &[]);
    assert_eq!((next.code, next.stderr.as_str()), (0, ""), "{next:?}");
    assert!(written(&machine, "told").contains("user_code"));
}

#[test]
fn a_terminal_that_nobody_sees_can_be_passed_over() {
    if !can_use_terminals() {
        return;
    }
    let machine = told(KEEP, true);
    let finished = crate::run(&machine, &["get", TENANT, "--interactive", "elsewhere"]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert_eq!(finished.terminal, "");
    assert!(written(&machine, "told").contains("user_code"));

    // Where no command is configured, nobody is asked.
    let machine = Machine::with(Options { auto_approve: true, ..Options::default() });
    let finished = crate::run(&machine, &["get", TENANT, "--interactive", "elsewhere"]);
    assert_eq!((finished.code, finished.terminal.as_str()), (Some(3), ""), "{finished:?}");
    assert_eq!(machine.sandbox.requests("device_code"), 0);
}

#[test]
fn a_service_that_is_stopped_leaves_no_command_behind() {
    if !can_use_terminals() {
        return;
    }
    let machine = {
        let script = "echo $$ >parent.tmp; mv parent.tmp parent; exec sleep 1000";
        told_by(script, "timeout = \"30s\"", Options::default())
    };
    let call = detached(&machine, &["get", TENANT]);
    wait_until("the command runs", || !written(&machine, "parent").is_empty());
    let command: u32 = written(&machine, "parent").trim().parse().unwrap();
    let helper = parent_of(command).unwrap();
    assert!(Command::new("kill").args(["-TERM", &helper.to_string()]).status().unwrap().success());
    let outcome = outcome_of(call);
    assert_eq!((outcome.code, outcome.document()["error"]["kind"].as_str()), (4, Some("login_failed")), "{outcome:?}");
    wait_until("it is gone", || is_gone(command));
}

#[test]
fn another_account_is_taken_from_nobody_who_is_not_asked() {
    if !can_use_terminals() {
        return;
    }
    let machine = told(KEEP, true);
    machine.sign_in(TENANT);
    machine.change_entry(TENANT, |entry| entry["entra"][0]["account"] = "else@abc.com".into());
    machine.sandbox.revoke_entra_refresh();
    machine.sandbox.revoke_veeam_refresh();
    machine.expire_entra(TENANT);
    machine.expire_veeam(TENANT);
    let outcome = get(&machine, &[]);
    assert_eq!(outcome.code, 4, "{outcome:?}");
    let words = outcome.document()["error"]["message"].as_str().unwrap().to_owned();
    assert!(words.contains("was dropped: it is for the account admin@abc.onmicrosoft.com"), "{words}");
}
