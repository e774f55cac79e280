//! `examples/ci/`: the workflow's step, run by bash as a runner does it, with curl.

use std::fs;
use std::process::Command;

use crate::desk::{Desk, assert_no_token, example, with_tls};
use crate::support::server::Fault;
use crate::support::{Machine, ORGANIZATION, Outcome, TENANT, tool};

/// The step that runs the script, as the workflow has it.
fn step() -> String {
    let workflow = fs::read_to_string(example("ci/vb365.yml")).unwrap();
    let runs: Vec<_> = workflow.lines().filter_map(|line| line.trim().strip_prefix("run: ")).collect();
    assert_eq!(runs, ["bash ci/backup-report.sh"]);
    runs[0].to_owned()
}

/// A checkout of a repository with the script, and a job's environment.
fn job(desk: &Desk<'_>, machine: &Machine, step: &str) -> Command {
    let repository = machine.home().join("repository");
    fs::create_dir_all(repository.join("ci")).unwrap();
    fs::copy(example("ci/backup-report.sh"), repository.join("ci/backup-report.sh")).unwrap();
    let mut command = desk.command("bash".as_ref());
    command.args(["-e", "-c", step]).current_dir(repository);
    command.envs([("VB365_TENANT", TENANT), ("VB365_SERVER", &machine.sandbox.url())]);
    command
}

/// What the runner lets people see of a job: it takes its commands out, and masks what they say.
fn seen(outcome: &Outcome) -> Outcome {
    let (mut stdout, mut masks) = (String::new(), vec![]);
    for line in outcome.stdout.lines() {
        match line.strip_prefix("::add-mask::") {
            Some(mask) => masks.push(mask),
            None => stdout += &(masks.iter().fold(line.to_owned(), |line, mask| line.replace(mask, "***")) + "\n"),
        }
    }
    assert!(masks.iter().all(|mask| mask.starts_with("veeam-access-")));
    assert_no_token("what people see", &stdout);
    assert_no_token("stderr", &outcome.stderr);
    Outcome { code: outcome.code, stdout, stderr: outcome.stderr.clone() }
}

/// Runs the step as GitHub's runner does.
fn run(machine: &Machine) -> Option<Outcome> {
    let desk = Desk::with(machine, &["curl"])?;
    let mut job = job(&desk, machine, &step());
    job.env("GITHUB_ACTIONS", "true");
    tool("bash").map(|_| seen(&desk.run_unseen(job)))
}

fn assert_reported(machine: &Machine, outcome: &Outcome) {
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""));
    assert_eq!(outcome.stdout, format!("backup-report.json is the organization of {TENANT}\n"));
    let report = fs::read_to_string(machine.home().join("repository/backup-report.json")).unwrap();
    assert!(report.contains(ORGANIZATION), "{report}");
    assert_no_token("the report", &report);
}

#[test]
fn a_job_writes_its_report_and_shows_no_token() {
    let machine = Machine::signed_in();
    let Some(outcome) = run(&machine) else { return };
    assert_reported(&machine, &outcome);
    assert_eq!((machine.sandbox.requests("organization"), machine.sandbox.requests("veeam_token")), (1, 1));
    machine.assert_no_complaints();
}

#[test]
fn a_refused_token_is_renewed_once() {
    let machine = Machine::signed_in();
    machine.sandbox.expire_veeam_access();
    let Some(outcome) = run(&machine) else { return };
    assert_reported(&machine, &outcome);
    assert_eq!((machine.sandbox.requests("organization"), machine.sandbox.requests("veeam_token")), (2, 2));
    machine.assert_no_complaints();
}

#[test]
fn a_second_refusal_ends_the_job() {
    let machine = Machine::signed_in();
    for _ in 0..9 {
        machine.sandbox.fault("organization", Fault::Answer { status: 401, headers: vec![], body: "{}".into() });
    }
    let Some(outcome) = run(&machine) else { return };
    assert_eq!((outcome.code, outcome.stderr.as_str()), (1, "the VB365 server answered 401\n"));
    assert_eq!((machine.sandbox.requests("organization"), machine.sandbox.requests("veeam_token")), (2, 2));
}

#[test]
fn a_job_that_nobody_signed_in_for_says_how() {
    let machine = Machine::new();
    let Some(outcome) = run(&machine) else { return };
    assert_eq!((outcome.code, outcome.stdout.as_str()), (3, ""));
    assert!(outcome.stderr.ends_with(&format!("vb365-helper: hint: vb365-helper login {TENANT}\n")), "{outcome:?}");
    assert_eq!(machine.sandbox.requests("organization"), 0, "curl was started without a token");
}

#[test]
fn a_server_that_is_away_ends_the_job_with_the_helpers_code() {
    let machine = Machine::signed_in();
    machine.expire_veeam(TENANT);
    for _ in 0..9 {
        machine.sandbox.fault("veeam_token", Fault::Answer { status: 503, headers: vec![], body: String::new() });
    }
    let Some(outcome) = run(&machine) else { return };
    assert_eq!((outcome.code, outcome.stdout.as_str()), (6, ""), "{outcome:?}");
}

#[test]
fn a_server_that_is_not_configured_gets_nothing() {
    let (machine, other) = (Machine::signed_in(), Machine::new());
    let Some(desk) = Desk::with(&machine, &["curl"]) else { return };
    let mut job = job(&desk, &machine, &step());
    job.env("VB365_SERVER", other.sandbox.url());
    assert_eq!(desk.run(job).code, 8);
    assert_eq!(other.sandbox.requests("organization"), 0);
}

#[test]
fn curls_own_exit_code_is_not_taken_for_the_helpers() {
    let machine = Machine::signed_in();
    machine.sandbox.fault("organization", Fault::Drop);
    let Some(outcome) = run(&machine) else { return };
    assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""), "{outcome:?}");
    assert!(outcome.stderr.starts_with("curl: (52)"), "{outcome:?}");
    assert!(outcome.stderr.ends_with("the VB365 server answered 000\n"), "{outcome:?}");
}

#[test]
fn a_root_of_ones_own_is_trusted_where_it_is_named() {
    let machine = with_tls(false);
    let Some(desk) = Desk::with(&machine, &["curl"]) else { return };
    assert_eq!(desk.run(job(&desk, &machine, &step())).code, 1);
    let mut job = job(&desk, &machine, &step());
    job.env("VB365_CA_FILE", machine.home().join("root.pem"));
    assert_reported(&machine, &desk.run(job));
    assert_eq!(machine.sandbox.requests("organization"), 1);
}

#[test]
fn outside_of_a_job_and_while_bash_tells_each_step_no_token_is_printed() {
    let machine = Machine::signed_in();
    machine.sandbox.expire_veeam_access();
    let Some(desk) = Desk::with(&machine, &["curl"]) else { return };
    let outcome = desk.run(job(&desk, &machine, "bash -x ci/backup-report.sh"));
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert!(outcome.stderr.contains("+ set +x"), "{outcome:?}");
    let seen = desk.observations();
    assert!(seen.contains("--header\n@-\n") && seen.contains("--protocol\nnative\n"), "{seen}");
}
