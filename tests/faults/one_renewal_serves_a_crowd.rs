//! Many processes at once, against a server whose refresh tokens are good once: one of them renews,
//! and all have the same token. Nearly all of each crowd are there before the first answer comes.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;

use crate::support::server::Fault;
use crate::support::{Machine, Outcome, TENANT, crowd, fewer, tell};

const CROWD: usize = fewer(200);
/// Long enough that nobody gives up on a busy machine; how long is waited is another test's matter.
const GET: [&str; 5] = ["--interactive", "never", "--timeout", "50s", "--min-ttl=5m"];
/// The first answer comes this late.
const LATE: Fault = Fault::Delay(Duration::from_secs(1));

/// How many requests for tokens both systems had, Microsoft's first.
fn token_requests(machine: &Machine) -> [usize; 2] {
    ["entra_token", "veeam_token"].map(|endpoint| machine.sandbox.requests(endpoint))
}

/// Starts a crowd of `get` for one tenant; answers what it cost.
fn gets(machine: &Machine) -> (Vec<Outcome>, [usize; 2]) {
    let before = token_requests(machine);
    let commands = (0..CROWD).map(|_| machine.command(&[&["get", TENANT], &GET[..]].concat()));
    let outcomes = crowd(commands, b"");
    let after = token_requests(machine);
    (outcomes, [after[0] - before[0], after[1] - before[1]])
}

/// All succeeded in silence with one token that is good, and one of them alone came by it.
fn assert_one_renewed(machine: &Machine, outcomes: &[Outcome], source: &str) {
    let answers: Vec<_> = outcomes.iter().map(Outcome::answer).collect();
    let tokens: BTreeSet<_> = answers.iter().map(|answer| answer["access_token"].as_str().unwrap()).collect();
    assert_eq!(tokens.len(), 1, "different tokens were handed out");
    assert!(tokens.iter().all(|token| machine.sandbox.accepts(token)));
    let renewed = answers.iter().filter(|answer| answer["source"] == source).count();
    let cached = answers.iter().filter(|answer| answer["source"] == "cache").count();
    assert_eq!((renewed, cached), (1, answers.len() - 1));
    machine.assert_no_complaints();
}

#[test]
fn two_hundred_on_an_expired_token_cost_one_refresh() {
    let machine = Machine::signed_in();
    machine.expire_veeam(TENANT);
    machine.sandbox.fault("veeam_token", LATE);
    let (outcomes, cost) = gets(&machine);
    assert_eq!(cost, [0, 1]);
    assert_one_renewed(&machine, &outcomes, "veeam_refresh");
    tell(&format!("crowd: {CROWD} processes, {cost:?} requests"));
}

#[test]
fn two_hundred_without_a_server_token_cost_one_renewal_of_microsofts() {
    let machine = Machine::signed_in();
    machine.expire_veeam(TENANT);
    machine.expire_entra(TENANT);
    machine.sandbox.revoke_veeam_refresh();
    machine.sandbox.fault("entra_token", LATE);
    let (outcomes, cost) = gets(&machine);
    assert_eq!(cost, [1, 2], "one refusal, one renewal, one exchange");
    assert_one_renewed(&machine, &outcomes, "entra_refresh");
}

#[test]
fn fifty_tenants_at_once_cost_one_refresh_each() {
    let machine = Machine::new();
    let tenants: Vec<_> = (0..CROWD / 4).map(|n| format!("tenant{n}.onmicrosoft.com")).collect();
    machine.configure(&tenants.iter().map(String::as_str).collect::<Vec<_>>());
    tenants.iter().for_each(|tenant| machine.sign_in(tenant));
    tenants.iter().for_each(|tenant| machine.expire_veeam(tenant));
    let before = token_requests(&machine);
    let asked = (0..CROWD).map(|n| tenants[n % tenants.len()].as_str());
    let commands = asked.clone().map(|tenant| machine.command(&[&["get", tenant], &GET[..]].concat()));
    let outcomes = crowd(commands, b"");
    assert_eq!(token_requests(&machine), [before[0], before[1] + tenants.len()]);
    let mut tokens = BTreeSet::new();
    for (tenant, outcome) in asked.zip(&outcomes) {
        let answer = outcome.answer();
        assert_eq!(answer["tenant"], tenant);
        tokens.insert((tenant, answer["access_token"].as_str().unwrap().to_owned()));
    }
    assert_eq!(tokens.len(), tenants.len(), "a tenant has one token, and nobody else's");
    machine.assert_no_complaints();
}

#[test]
fn two_hundred_whose_token_was_refused_cost_one_refresh() {
    let machine = Machine::signed_in();
    let refused = machine.get(TENANT, &[]).answer()["access_token"].clone();
    machine.sandbox.expire_veeam_access();
    machine.sandbox.fault("veeam_token", LATE);
    let before = token_requests(&machine);
    let commands = (0..CROWD).map(|_| machine.command(&["get", "--interactive", "never", "--timeout", "50s"]));
    let request = json!({ "version": 1, "tenant": TENANT, "refused_token": refused });
    let outcomes = crowd(commands, request.to_string().as_bytes());
    assert_eq!(token_requests(&machine), [before[0], before[1] + 1]);
    assert_one_renewed(&machine, &outcomes, "veeam_refresh");
    assert!(outcomes.iter().all(|outcome| outcome.answer()["access_token"] != refused));
}

#[test]
fn a_crowd_on_a_dead_sign_in_asks_microsoft_once() {
    let machine = Machine::signed_in();
    machine.expire_veeam(TENANT);
    machine.expire_entra(TENANT);
    machine.sandbox.revoke_veeam_refresh();
    machine.sandbox.revoke_entra_refresh();
    machine.sandbox.fault("entra_token", LATE);
    let (outcomes, cost) = gets(&machine);
    assert_eq!(cost, [1, 1], "what is dead is offered once");
    outcomes.iter().for_each(|outcome| drop(outcome.error("login_required")));
    machine.assert_no_complaints();
}

#[cfg(unix)]
mod at_a_terminal {
    use super::*;
    use crate::support::{can_use_terminals, finish};

    const SOON: Duration = Duration::from_secs(30);

    #[test]
    fn a_sign_in_serves_the_twenty_that_wait_for_it() {
        if !can_use_terminals() {
            return;
        }
        let machine = Machine::new();
        let login = machine.at_a_terminal(&["login", TENANT]);
        login.wait_for("Ctrl-C cancels.", SOON);
        let args = [&["get", TENANT], &GET[..]].concat();
        let waiting: Vec<_> = (0..20).map(|_| machine.start(&args)).collect();
        // Whoever comes before the person has answered waits; whoever comes later finds the token.
        std::thread::sleep(Duration::from_millis(500));
        assert!(machine.sandbox.approve());
        let login = login.finish(SOON);
        assert_eq!((login.code, login.stdout.as_slice(), login.stderr.as_slice()), (Some(0), &b""[..], &b""[..]));
        let token = machine.get(TENANT, &[]).answer()["access_token"].clone();
        for child in waiting {
            let answer = finish(child).answer();
            assert_eq!((&answer["access_token"], &answer["source"]), (&token, &"cache".into()));
        }
        assert_eq!(["device_code", "veeam_token"].map(|endpoint| machine.sandbox.requests(endpoint)), [1, 1]);
        machine.assert_no_complaints();
    }

    #[test]
    fn who_waits_at_a_terminal_takes_over_when_the_prompts_holder_is_killed() {
        if !can_use_terminals() {
            return;
        }
        let machine = Machine::new();
        let first = machine.at_a_terminal(&["get", TENANT]);
        first.wait_for("Ctrl-C cancels.", SOON);
        let second = machine.at_a_terminal(&["get", TENANT]);
        second.wait_for("Waiting for the sign-in", SOON);
        drop(first);
        let shown = second.wait_for("Ctrl-C cancels.", SOON);
        assert_eq!(shown.matches("  enter     ").count(), 1);
        assert!(machine.sandbox.approve());
        let finished = second.finish(SOON);
        assert_eq!(finished.code, Some(0));
        assert_eq!(machine.sandbox.requests("device_code"), 2);
        machine.assert_no_complaints();
    }
}
