//! A process that holds a lock and does not go on, for whatever reason, costs the others the time
//! that they allow and no more; they go on with a token that still lives, or say which lock it is.

use std::process::Child;
use std::time::{Duration, Instant};

use crate::support::server::Fault;
use crate::support::{HOUR, Machine, Outcome, TENANT, ago, crowd, finish, wait_until};

const OTHERS: usize = 20;
/// What the others allow; and by when, with all the slowness of a busy machine, they must have ended.
const ALLOWED: &str = "1s";
const SOON: Duration = Duration::from_secs(20);
/// A server that does not answer as long as a test lasts.
const STALL: Fault = Fault::Delay(Duration::from_secs(120));

/// A machine whose next `get` has to renew, where the server's token, 100 s before its end, `lives`
/// or does not.
fn due(lives: bool) -> Machine {
    let machine = Machine::signed_in();
    machine.expire_veeam(TENANT);
    if lives {
        machine.change_entry(TENANT, |entry| {
            entry["veeam"][0]["obtained_at"] = ago(HOUR - 100).into();
            entry["veeam"][0]["access_expires_at"] = ago(-100).into();
        });
    }
    machine
}

/// A holder of the tenant's lock that waits for the server behind `endpoint`.
fn waiting_holder(machine: &Machine, endpoint: &str) -> Child {
    let before = machine.sandbox.requests(endpoint);
    machine.sandbox.fault(endpoint, STALL);
    let holder = machine.start(&["get", TENANT, "--interactive", "never", "--timeout", "100s"]);
    wait_until("the holder asks", || machine.sandbox.requests(endpoint) > before);
    holder
}

fn others(machine: &Machine) -> Vec<Outcome> {
    let start = Instant::now();
    let get = || machine.command(&["get", TENANT, "--interactive", "never", "--timeout", ALLOWED]);
    let outcomes = crowd((0..OTHERS).map(|_| get()), b"");
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    outcomes
}

/// Each of them names the lock.
fn assert_held_up(machine: &Machine, outcomes: &[Outcome]) {
    let lock = machine.cache_dir().join(format!("{TENANT}.lock"));
    let message = format!("another process holds the lock {} and did not release it in time", lock.display());
    for outcome in outcomes {
        let error = outcome.error("cache");
        assert_eq!((error["message"].as_str(), outcome.code), (Some(message.as_str()), 7));
    }
}

fn end(mut holder: Child) {
    holder.kill().unwrap();
    holder.wait().unwrap();
}

#[test]
fn a_server_that_stalls_one_process_holds_none_of_the_others() {
    for endpoint in ["veeam_token", "entra_token"] {
        let machine = due(false);
        if endpoint == "entra_token" {
            machine.expire_entra(TENANT);
            machine.sandbox.revoke_veeam_refresh();
        }
        let holder = waiting_holder(&machine, endpoint);
        let requests = || ["veeam_token", "entra_token"].map(|endpoint| machine.sandbox.requests(endpoint));
        let before = requests();
        assert_held_up(&machine, &others(&machine));
        assert_eq!(requests(), before, "only the lock's holder asks");
        end(holder);
    }
}

#[test]
fn a_token_that_still_lives_is_handed_out_meanwhile() {
    let machine = due(true);
    let token = machine.get(TENANT, &["--min-ttl", "10s"]).answer()["access_token"].clone();
    let holder = waiting_holder(&machine, "veeam_token");
    for outcome in others(&machine) {
        assert_eq!((outcome.code, &outcome.document()["access_token"]), (0, &token));
        let [warning] = outcome.warnings()[..] else { panic!("not one warning: {outcome:?}") };
        assert!(warning.starts_with("handing out a token that ends in "), "{warning}");
        assert!(warning.contains(&format!("{TENANT}.lock")), "{warning}");
    }
    end(holder);
}

#[test]
fn a_process_that_hangs_anywhere_in_its_renewal_is_survived() {
    for step in ["lock_taken", "request_ready", "answer_read", "temporary_written", "renamed"] {
        let machine = due(false);
        let mut command = machine.command(&["get", TENANT, "--interactive", "never"]);
        let holder = command.env("VB365_HELPER_CRASH", format!("stall@{step}")).env("VB365_HELPER_LOG", "trace");
        let mut holder = crate::support::piped(holder).spawn().unwrap();
        read_until(&mut holder, &format!(": {step}"));
        let outcomes = others(&machine);
        if step == "renamed" {
            // What is renewed is there for everybody, whatever became of who renewed it.
            outcomes.iter().for_each(|outcome| assert_eq!(outcome.answer()["source"], "cache"));
        } else {
            assert_held_up(&machine, &outcomes);
        }
        end(holder);
        machine.get(TENANT, &[]).answer();
    }
}

#[test]
fn who_waits_takes_over_when_the_holder_is_killed() {
    let machine = due(false);
    let holder = waiting_holder(&machine, "veeam_token");
    let mut waiter = machine.command(&["get", TENANT, "--interactive", "never", "--timeout", "50s"]);
    let mut waiter = crate::support::piped(waiter.env("VB365_HELPER_LOG", "debug")).spawn().unwrap();
    read_until(
        &mut waiter,
        &format!("another process holds {}", machine.cache_dir().join(format!("{TENANT}.lock")).display()),
    );
    end(holder);
    assert_eq!(finish(waiter).answer()["source"], "veeam_refresh");
}

/// Reads the log of `child` until a line ends with `end`.
fn read_until(child: &mut Child, end: &str) {
    use std::io::{BufRead, BufReader};
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().ends_with(end)), "the log has no line that ends with {end}");
}

#[cfg(unix)]
mod signals {
    use rustix::process::{Pid, Signal, kill_process};

    use super::*;

    fn send(child: &Child, signal: Signal) {
        kill_process(Pid::from_child(child), signal).unwrap();
    }

    #[test]
    fn a_stopped_holder_is_survived_and_goes_on_later() {
        let machine = due(false);
        machine.sandbox.fault("veeam_token", Fault::Delay(Duration::from_secs(2)));
        let holder = machine.start(&["get", TENANT, "--interactive", "never", "--timeout", "100s"]);
        wait_until("the holder asks", || machine.sandbox.requests("veeam_token") == 2);
        send(&holder, Signal::STOP);
        assert_held_up(&machine, &others(&machine));
        send(&holder, Signal::CONT);
        assert_eq!(finish(holder).answer()["source"], "veeam_refresh");
        assert_eq!(machine.get(TENANT, &[]).answer()["source"], "cache");
        machine.assert_no_complaints();
    }

    /// Without a handler of its own a process is interrupted by being stopped and continued (signal(7)).
    #[test]
    fn a_renewal_that_is_interrupted_all_the_time_goes_on() {
        let machine = due(false);
        machine.sandbox.fault("veeam_token", Fault::Late(Duration::from_millis(500)));
        let mut child = machine.start(&["get", TENANT, "--interactive", "never", "--timeout", "50s"]);
        let mut interruptions = 0;
        while child.try_wait().unwrap().is_none() {
            send(&child, Signal::STOP);
            send(&child, Signal::CONT);
            interruptions += 1;
            std::thread::sleep(Duration::from_millis(2));
        }
        assert!(interruptions > 5, "only {interruptions} interruptions");
        assert_eq!(finish(child).answer()["source"], "veeam_refresh");
        machine.assert_no_complaints();
    }
}
