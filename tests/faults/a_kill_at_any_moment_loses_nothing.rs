//! A process that is killed, at each named step of a call and at random moments: the next `get`
//! answers without a sign-in, a refresh token that was on disk is never lost, and no temporary file
//! with a piece of a token stays. Killed means that nothing was cleaned up, as by `kill -9`.

use std::fs;
use std::process::ExitStatus;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::server::Fault;
use crate::support::{Machine, TENANT, fewer, finish, rounds, started, tell};

/// From which rung the next token has to come.
#[derive(Clone, Copy, Debug)]
enum Rung {
    VeeamRefresh,
    Exchange,
    EntraRefresh,
}

const RUNGS: [Rung; 3] = [Rung::VeeamRefresh, Rung::Exchange, Rung::EntraRefresh];
const GET: [&str; 4] = ["get", TENANT, "--interactive", "never"];
/// The refresh token is neither sent nor spent before.
const BEFORE_THE_REQUEST: [&str; 2] = ["lock_taken", "request_ready"];
/// It is spent, and what it bought is on no disk.
const IN_MEMORY_ALONE: [&str; 3] = ["answer_begun", "answer_read", "temporary_made"];
/// The answer is on disk, in one place or another.
const ON_DISK: [&str; 5] = ["temporary_written", "temporary_synced", "renamed", "directory_synced", "answer_ready"];

/// Makes `rung` the first that can answer.
fn leave_only(machine: &Machine, rung: Rung) {
    machine.expire_veeam(TENANT);
    match rung {
        Rung::VeeamRefresh => return,
        Rung::Exchange => {}
        Rung::EntraRefresh => machine.expire_entra(TENANT),
    }
    machine.change_entry(TENANT, |entry| drop(entry["veeam"][0].as_object_mut().unwrap().remove("refresh_token")));
}

/// Runs `args` until `plan`; how it ended.
fn killed(machine: &Machine, args: &[&str], stdin: &[u8], plan: &str) -> ExitStatus {
    let mut command = assert_cmd::Command::from_std(machine.command(args));
    command.env("VB365_HELPER_CRASH", plan).write_stdin(stdin).timeout(Duration::from_secs(60));
    started(|| command.output()).status
}

/// The next call has a good token without a person, and nothing but whole files is left.
fn assert_recovers(machine: &Machine, after: &str) -> String {
    let outcome = machine.get(TENANT, &[]);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{after}: {outcome:?}");
    let answer = outcome.document();
    assert!(machine.sandbox.accepts(answer["access_token"].as_str().unwrap()), "{after}: a dead token");
    assert_eq!(machine.sandbox.requests("device_code"), 0);
    let entry: serde_json::Value = serde_json::from_slice(&machine.kept().unwrap()).unwrap();
    let refresh_token = entry["veeam"][0]["refresh_token"].as_str().unwrap();
    assert!(machine.sandbox.is_unspent(refresh_token), "{after}: a spent refresh token is kept");
    assert_eq!(leftovers(machine), Vec::<String>::new(), "{after}");
    answer["source"].as_str().unwrap().to_owned()
}

fn leftovers(machine: &Machine) -> Vec<String> {
    let names = fs::read_dir(machine.cache_dir()).unwrap().map(|file| file.unwrap().file_name());
    names.filter_map(|name| name.into_string().ok().filter(|name| name.ends_with(".tmp"))).collect()
}

#[test]
fn a_renewal_killed_at_a_step_loses_no_more_than_it_must() {
    let lists = [BEFORE_THE_REQUEST.as_slice(), &IN_MEMORY_ALONE, &ON_DISK].concat();
    for step in lists {
        let machine = Machine::signed_in();
        leave_only(&machine, Rung::VeeamRefresh);
        let requests = || machine.sandbox.requests("veeam_token");
        let before = requests();
        assert!(!killed(&machine, &GET, b"", &format!("kill@{step}")).success(), "{step} was not reached");
        let spent = requests() - before;
        let source = assert_recovers(&machine, step);
        let expected = match step {
            _ if BEFORE_THE_REQUEST.contains(&step) => (0, "veeam_refresh", 1),
            // The server's refresh token died with the process; what Microsoft gave is still there.
            _ if IN_MEMORY_ALONE.contains(&step) => (1, "exchange", 3),
            _ => (1, "cache", 1),
        };
        assert_eq!((spent, source.as_str(), requests() - before), expected, "{step}");
    }
}

#[test]
fn every_rung_survives_a_kill_at_its_every_step() {
    let mut kills = 0;
    for rung in RUNGS {
        for n in 1.. {
            let machine = Machine::signed_in();
            leave_only(&machine, rung);
            if killed(&machine, &GET, b"", &format!("kill@{n}")).success() {
                assert!(n > 9, "{rung:?} has only {n} steps");
                break;
            }
            kills += 1;
            assert_recovers(&machine, &format!("{rung:?}, step {n}"));
        }
    }
    tell(&format!("kills at steps: {kills}"));
}

/// What was stored before is there, or what was to be stored: nothing between.
#[test]
fn a_store_killed_at_its_every_step_keeps_the_old_or_the_new() {
    for n in 1.. {
        let machine = Machine::signed_in();
        let response = machine.sandbox.token_response();
        let done = killed(&machine, &["store", TENANT], response.as_bytes(), &format!("kill@{n}")).success();
        // The next write is the one that clears up.
        machine.run(&["erase", TENANT, "--access-only"], b"").answer();
        assert_recovers(&machine, &format!("store, step {n}"));
        let kept = String::from_utf8(machine.kept().unwrap()).unwrap();
        let new: serde_json::Value = serde_json::from_str(&response).unwrap();
        assert!(kept.contains(new["refresh_token"].as_str().unwrap()) || !done, "step {n}");
        if done {
            assert!(n > 5, "a store has only {n} steps");
            break;
        }
    }
}

/// What should be gone is gone, or the whole of it is still there to be erased again.
#[test]
fn an_erasure_killed_at_its_every_step_can_be_done_again() {
    for n in 1.. {
        let machine = Machine::signed_in();
        let done = killed(&machine, &["erase", TENANT], b"", &format!("kill@{n}")).success();
        machine.run(&["erase", TENANT], b"").answer();
        assert_eq!((machine.kept(), leftovers(&machine)), (None, Vec::new()), "step {n}");
        if done {
            assert!(n > 2, "an erasure has only {n} steps");
            break;
        }
    }
}

/// For every rung, and with servers that have or have not done their work when the process is killed.
#[test]
fn a_renewal_killed_at_a_random_moment_loses_nothing() {
    let (mut kills, mut ended) = (0, 0);
    let machine = Machine::signed_in();
    let mut usual = time_of_a_renewal(&machine);
    for round in 0..rounds(fewer(100), 3000) {
        leave_only(&machine, RUNGS[round % RUNGS.len()]);
        let slow = usual / 4;
        for endpoint in ["veeam_token", "entra_token"].iter().take(1 + round % 2) {
            machine.sandbox.fault(endpoint, if round % 4 < 2 { Fault::Delay(slow) } else { Fault::Late(slow) });
        }
        let mut child = machine.start(&GET);
        thread::sleep(usual.mul_f64(random_fraction() * 2.0));
        // It may have ended by itself.
        child.kill().unwrap();
        // Half of them should be killed, however busy the machine gets meanwhile.
        if child.wait().unwrap().success() {
            (ended, usual) = (ended + 1, usual.mul_f64(0.95));
        } else {
            (kills, usual) = (kills + 1, usual.mul_f64(1.05));
        }
        machine.sandbox.clear_faults();
        assert_recovers(&machine, &format!("round {round}"));
    }
    assert!(kills > 0 && ended > 0, "{kills} killed, {ended} ended by themselves: the moments are no good");
    let requests = ["entra_token", "veeam_token"].map(|endpoint| machine.sandbox.requests(endpoint));
    let spent_twice = machine.sandbox.complaints().len();
    tell(&format!(
        "random kills: {kills} of {} rounds, {requests:?} requests, {spent_twice} refresh tokens lost in memory, 0 sign-ins",
        kills + ended
    ));
}

/// How long one takes here and now.
fn time_of_a_renewal(machine: &Machine) -> Duration {
    leave_only(machine, Rung::EntraRefresh);
    let start = Instant::now();
    finish(machine.start(&GET)).answer();
    start.elapsed()
}

/// Between 0 and 1.
fn random_fraction() -> f64 {
    let mut bytes = [0; 4];
    ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut bytes).unwrap();
    f64::from(u32::from_ne_bytes(bytes)) / f64::from(u32::MAX)
}

#[cfg(unix)]
mod at_a_terminal {
    use super::*;
    use crate::support::can_use_terminals;

    const SOON: Duration = Duration::from_secs(30);

    /// Once what Microsoft answered is on disk, nobody has to sign in again.
    #[test]
    fn a_sign_in_survives_a_kill_at_its_every_step_from_the_first_write_on() {
        if !can_use_terminals() {
            return;
        }
        let machine = Machine::with(crate::support::server::Options { auto_approve: true, ..Default::default() });
        let mut kept = false;
        for n in 1.. {
            let _ = fs::remove_dir_all(machine.cache_dir());
            let login = machine.command(&["login", TENANT]);
            let login = machine.at_a_terminal_by(&login, &[("VB365_HELPER_CRASH", &format!("kill@{n}"))]);
            let done = login.finish(SOON).code == Some(0);
            let next = machine.get(TENANT, &[]);
            assert!(next.code == 0 || !kept && next.code == 3, "step {n}: {next:?}");
            kept |= next.code == 0;
            if done {
                assert!(kept && n > 15, "a sign-in has only {n} steps");
                break;
            }
        }
    }
}
