//! `examples/ansible/`, by ansible-playbook.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::desk::{Desk, MARKS, example, with_tls};
use crate::support::server::Fault;
use crate::support::{Machine, ORGANIZATION, Outcome, TENANT, tool};

/// The playbook as loud as it can be; nothing of it holds a token, its temporary files included.
fn play(machine: &Machine, more: &[&str]) -> Option<Outcome> {
    let desk = Desk::new(machine);
    let mut command = desk.command(&tool("ansible-playbook")?);
    let tenant = format!("vb365_tenant={TENANT}");
    command.arg("-vvv").arg(example("ansible/vb365.yml")).args(["-e", &tenant]).args(more);
    command.envs([("LANG", "C.UTF-8"), ("PYTHONDONTWRITEBYTECODE", "1"), ("ANSIBLE_LOCALHOST_WARNING", "0")]);
    let (log, temporary) = (machine.home().join("ansible.log"), machine.home().join(".ansible"));
    command.env("ANSIBLE_LOG_PATH", &log).env("ANSIBLE_REMOTE_TMP", &temporary).env("ANSIBLE_LOCAL_TEMP", &temporary);
    let outcome = watched(&temporary, || run(&desk, command));
    crate::desk::assert_no_token("the log", &fs::read_to_string(log).unwrap());
    Some(outcome)
}

fn run(desk: &Desk<'_>, command: Command) -> Outcome {
    let outcome = desk.run(command);
    assert!(desk.observations().contains("vb365-helper\nget\n"), "{outcome:?}");
    outcome
}

/// Looks into every file below `dir` as long as `deed` lasts.
fn watched<T>(dir: &Path, deed: impl FnOnce() -> T) -> T {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut found = Vec::new();
            while !is_over.load(Ordering::SeqCst) {
                look(dir, &mut found);
                thread::sleep(Duration::from_millis(1));
            }
            found
        });
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(deed));
        is_over.store(true, Ordering::SeqCst);
        assert_eq!(watcher.join().unwrap(), Vec::<String>::new(), "a token in a file");
        done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn look(path: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        let path = entry.path();
        look(&path, found);
        let text = fs::read(&path).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        found.extend(MARKS.iter().filter(|mark| text.contains(**mark)).map(|_| path.display().to_string()));
    }
}

#[test]
fn the_playbook_shows_the_organization() {
    let machine = Machine::signed_in();
    let Some(outcome) = play(&machine, &[]) else { return };
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert!(outcome.stdout.contains(&format!("{ORGANIZATION}, last backup: never")), "{outcome:?}");
    assert!(outcome.stdout.contains(" changed=0 "), "{outcome:?}");
    assert_eq!((machine.sandbox.requests("organization"), machine.sandbox.requests("veeam_token")), (1, 1));
    machine.assert_no_complaints();
}

#[test]
fn a_refused_token_is_renewed_once() {
    let machine = Machine::signed_in();
    machine.sandbox.expire_veeam_access();
    let Some(outcome) = play(&machine, &["--check"]) else { return };
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert_eq!((machine.sandbox.requests("organization"), machine.sandbox.requests("veeam_token")), (2, 2));
    machine.assert_no_complaints();
}

#[test]
fn a_second_refusal_fails_the_play() {
    let machine = Machine::signed_in();
    for _ in 0..9 {
        machine.sandbox.fault("organization", Fault::Answer { status: 401, headers: vec![], body: "{}".into() });
    }
    let Some(outcome) = play(&machine, &[]) else { return };
    assert_eq!(outcome.code, 2, "{outcome:?}");
    assert!(outcome.stdout.contains("the VB365 server: HTTP Error 401: Unauthorized"), "{outcome:?}");
    assert_eq!((machine.sandbox.requests("organization"), machine.sandbox.requests("veeam_token")), (2, 2));
}

#[test]
fn whoever_is_not_signed_in_reads_how() {
    let machine = Machine::new();
    let Some(outcome) = play(&machine, &[]) else { return };
    assert_eq!(outcome.code, 2, "{outcome:?}");
    let words = format!("nobody on this machine is signed in to {TENANT}; hint: vb365-helper login {TENANT}");
    assert!(outcome.stdout.contains(&words), "{outcome:?}");
    assert_eq!(machine.sandbox.requests("organization"), 0);
}

#[test]
fn a_server_that_is_away_is_told_in_the_helpers_words() {
    let machine = Machine::signed_in();
    machine.expire_veeam(TENANT);
    for _ in 0..9 {
        machine.sandbox.fault("veeam_token", Fault::Answer { status: 503, headers: vec![], body: String::new() });
    }
    let Some(outcome) = play(&machine, &[]) else { return };
    assert_eq!(outcome.code, 2, "{outcome:?}");
    assert!(outcome.stdout.contains("503"), "{outcome:?}");
    assert_eq!(machine.sandbox.requests("organization"), 0);
}

#[test]
fn a_redirect_is_not_followed() {
    let (machine, other) = (Machine::signed_in(), Machine::new());
    let headers = vec![("Location".to_owned(), format!("{}/v8/Organization", other.sandbox.url()))];
    machine.sandbox.fault("organization", Fault::Answer { status: 302, headers, body: String::new() });
    let Some(outcome) = play(&machine, &[]) else { return };
    assert_eq!(outcome.code, 2, "{outcome:?}");
    assert_eq!(other.sandbox.requests("organization"), 0);
}

#[test]
fn a_root_of_ones_own_is_trusted_where_it_is_named() {
    let machine = with_tls(false);
    let Some(outcome) = play(&machine, &[]) else { return };
    assert_eq!(outcome.code, 2, "{outcome:?}");
    assert!(outcome.stdout.contains("CERTIFICATE_VERIFY_FAILED"), "{outcome:?}");
    let root = format!("vb365_ca_file={}", machine.home().join("root.pem").display());
    assert_eq!(play(&machine, &["-e", &root]).unwrap().code, 0);
    assert_eq!(machine.sandbox.requests("organization"), 1);
}

#[test]
fn a_helper_that_is_missing_is_named() {
    let machine = Machine::signed_in();
    let desk = Desk::new(&machine);
    fs::remove_file(desk.bin().join("vb365-helper")).unwrap();
    let Some(program) = tool("ansible-playbook") else { return };
    let mut command = desk.command(&program);
    command.arg(example("ansible/vb365.yml")).args(["-e", &format!("vb365_tenant={TENANT}")]);
    command.envs([("LANG", "C.UTF-8"), ("PYTHONDONTWRITEBYTECODE", "1")]);
    let outcome = desk.run(command);
    assert_eq!(outcome.code, 2, "{outcome:?}");
    assert!(outcome.stdout.contains("vb365-helper gave no answer: Error executing command"), "{outcome:?}");
}

/// The task that `setup` prints, in a playbook of its own.
fn play_printed(machine: &Machine) -> Option<Outcome> {
    let ansible = tool("ansible-playbook")?;
    let printed = machine.run_raw(&["setup", "ansible", TENANT]).stdout;
    let tasks: String = printed.lines().map(|line| format!("    {line}\n")).collect();
    let shown = "    - debug: {msg: \"the name is {{ vb365_organization.json.name }}\"}\n";
    let playbook = machine.home().join("printed.yml");
    let head = "- hosts: localhost\n  connection: local\n  gather_facts: false\n  tasks:\n";
    fs::write(&playbook, format!("{head}{tasks}{shown}")).unwrap();
    let desk = Desk::new(machine);
    let mut command = desk.command(&ansible);
    command.arg("-vvv").arg(playbook);
    let temporary = machine.home().join(".ansible");
    command.envs([("LANG", "C.UTF-8"), ("PYTHONDONTWRITEBYTECODE", "1"), ("ANSIBLE_LOCALHOST_WARNING", "0")]);
    command.env("ANSIBLE_REMOTE_TMP", &temporary).env("ANSIBLE_LOCAL_TEMP", &temporary);
    Some(watched(&temporary, || desk.run(command)))
}

#[test]
fn the_task_that_setup_prints_is_one_that_works() {
    let machine = Machine::signed_in();
    let Some(outcome) = play_printed(&machine) else { return };
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert!(outcome.stdout.contains(&format!("the name is {ORGANIZATION}")), "{outcome:?}");
    assert_eq!(machine.sandbox.requests("organization"), 1);
    machine.assert_no_complaints();
}

#[test]
fn the_task_that_setup_prints_takes_the_token_nowhere_else() {
    let (machine, other) = (Machine::signed_in(), Machine::new());
    let headers = vec![("Location".to_owned(), format!("{}/v8/Organization", other.sandbox.url()))];
    machine.sandbox.fault("organization", Fault::Answer { status: 302, headers, body: String::new() });
    let Some(outcome) = play_printed(&machine) else { return };
    assert_eq!(outcome.code, 2, "{outcome:?}");
    assert_eq!((machine.sandbox.requests("organization"), other.sandbox.requests("organization")), (1, 0));
}
