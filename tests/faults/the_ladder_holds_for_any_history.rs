//! Whatever happened before, in any order: a person is asked for a dead sign-in or an empty cache
//! alone, no token is handed out past its end, what a server refused is not offered to it again, and
//! the newest refresh token is the one that is kept. Random histories against a small model of what
//! the two systems know.

use std::time::Duration;

use chrono::{DateTime, Utc};
use proptest::prelude::*;
use serde_json::{Value, json};
use vb365_helper::host::Clock;

use crate::support::inside::{ManualClock, killed_at};
use crate::support::server::Fault;
use crate::support::{HOUR, Machine, Outcome, TENANT, rounds, tell};

/// Something that happens.
#[derive(Clone, Debug)]
enum Event {
    /// Time passes, in seconds.
    Wait(u64),
    /// The next request to an endpoint goes wrong.
    Trouble(&'static str, Trouble),
    /// The VB365 server forgets its refresh tokens.
    ServerForgets,
    /// Microsoft ends the sign-in.
    SignInEnds,
    /// A person signs in.
    SignIn,
    /// The access tokens are erased.
    Erase,
    /// `get`, by a caller whose last token was refused or not, killed at a step or not.
    Get { refuses: bool, killed_at: Option<usize> },
}

#[derive(Clone, Copy, Debug)]
enum Trouble {
    Busy,
    Portal,
    Silence,
    Throttled,
    Policy,
    Rejected,
    Nonsense,
}

impl Trouble {
    fn fault(self) -> Fault {
        let (status, body) = match self {
            Self::Silence => return Fault::Drop,
            Self::Busy => (503, ""),
            Self::Portal => (200, "<html>sign in to the hotel network</html>"),
            Self::Throttled => (400, r#"{"error":"invalid_grant","error_codes":[50196]}"#),
            Self::Policy => (400, r#"{"error":"invalid_grant","error_codes":[53003]}"#),
            Self::Rejected => (401, ""),
            Self::Nonsense => (200, r#"{"access_token":"a b","expires_in":-1}"#),
        };
        Fault::Answer { status, headers: Vec::new(), body: body.to_owned() }
    }
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    use Trouble::{Busy, Nonsense, Policy, Portal, Rejected, Silence, Throttled};
    let trouble = prop_oneof![
        Just(Busy),
        Just(Portal),
        Just(Silence),
        Just(Throttled),
        Just(Policy),
        Just(Rejected),
        Just(Nonsense)
    ];
    let endpoint = prop_oneof![Just("entra_token"), Just("veeam_token")];
    let killed_at = prop_oneof![3 => Just(None), 2 => (1..15usize).prop_map(Some)];
    let event = prop_oneof![
        4 => prop_oneof![Just(30), Just(1800), Just(3400), Just(3700), Just(86_400)].prop_map(Event::Wait),
        2 => (endpoint, trouble).prop_map(|(endpoint, trouble)| Event::Trouble(endpoint, trouble)),
        1 => Just(Event::ServerForgets),
        1 => Just(Event::SignInEnds),
        2 => Just(Event::SignIn),
        1 => Just(Event::Erase),
        9 => (any::<bool>(), killed_at).prop_map(|(refuses, killed_at)| Event::Get { refuses, killed_at }),
    ];
    proptest::collection::vec(event, 1..40)
}

/// A machine, and what is true of it.
struct History {
    machine: Machine,
    clock: ManualClock,
    /// A token response was stored, and its sign-in has not been ended since.
    signed_in: bool,
    /// When the newest access token of either system ends, at the latest.
    newest_ends: DateTime<Utc>,
    last_token: Option<String>,
    kills: usize,
    gets: usize,
}

impl History {
    fn new() -> Self {
        let clock = ManualClock::new();
        let newest_ends = clock.now();
        Self { machine: Machine::new(), clock, signed_in: false, newest_ends, last_token: None, kills: 0, gets: 0 }
    }

    fn happen(&mut self, event: &Event) {
        let sandbox = &self.machine.sandbox;
        match event {
            Event::Wait(seconds) => {
                self.clock.advance(Duration::from_secs(*seconds));
                if self.clock.now() >= self.newest_ends {
                    sandbox.expire_veeam_access();
                    sandbox.expire_entra_access();
                }
            }
            Event::Trouble(endpoint, trouble) => sandbox.fault(endpoint, trouble.fault()),
            Event::ServerForgets => sandbox.revoke_veeam_refresh(),
            Event::SignInEnds => {
                sandbox.revoke_entra_refresh();
                sandbox.expire_entra_access();
                self.signed_in = false;
            }
            Event::SignIn => {
                let response: Value = serde_json::from_str(&sandbox.token_response()).unwrap();
                let request = json!({ "version": 1, "tenant": TENANT, "entra": response });
                self.run(&["store"], &request).answer();
                self.signed_in = true;
                self.newest_ends = self.clock.now() + Duration::from_secs(3600);
            }
            Event::Erase => drop(self.run(&["erase", TENANT, "--access-only"], &Value::Null).answer()),
            Event::Get { refuses, killed_at } => self.get(*refuses, *killed_at),
        }
    }

    fn run(&self, args: &[&str], request: &Value) -> Outcome {
        self.machine.run_inside(&self.clock, args, request.to_string().as_bytes())
    }

    fn get(&mut self, refuses: bool, step: Option<usize>) {
        let refused = self.last_token.clone().filter(|_| refuses);
        let mut request = json!({ "version": 1, "tenant": TENANT, "interactive": "never" });
        request.as_object_mut().unwrap().extend(refused.iter().map(|token| ("refused_token".to_owned(), json!(token))));
        let (requests, trouble) = (self.requests(), self.machine.sandbox.faults_waiting() > 0);
        let outcome = match step {
            Some(step) => killed_at(step, || self.run(&["get"], &request)),
            None => Some(self.run(&["get"], &request)),
        };
        if self.requests() > requests {
            self.newest_ends = self.clock.now() + Duration::from_secs(3600);
        }
        let Some(outcome) = outcome else { return self.kills += 1 };
        self.gets += 1;
        match outcome.code {
            0 => self.check_answer(&outcome, refused.as_deref()),
            3 => assert!(!self.signed_in, "a person is asked for without need: {outcome:?}"),
            _ => assert!(trouble, "nothing went wrong but this: {outcome:?}"),
        }
        // A process that was killed may have sent a token, and could not note what became of it.
        let complaints = self.machine.sandbox.complaints();
        assert!(complaints.len() <= self.kills, "{} kills and {complaints:?}", self.kills);
    }

    fn check_answer(&mut self, outcome: &Outcome, refused: Option<&str>) {
        let answer = outcome.document();
        let text = |name: &str| answer[name].as_str().unwrap().to_owned();
        let (token, ends) = (text("access_token"), text("expires_at").parse::<DateTime<Utc>>().unwrap());
        assert!(ends > self.clock.now(), "it ended at {ends}: {outcome:?}");
        assert!(ends <= self.clock.now() + Duration::from_secs(HOUR.unsigned_abs()), "nothing lives until {ends}");
        assert!(self.machine.sandbox.accepts(&token), "the server does not know its token: {outcome:?}");
        assert_ne!(refused, Some(token.as_str()), "the refused token again");
        if text("source") != "cache" {
            let kept: Value = serde_json::from_slice(&self.machine.kept().unwrap()).unwrap();
            let refresh_token = kept["veeam"][0]["refresh_token"].as_str().unwrap();
            assert!(self.machine.sandbox.is_unspent(refresh_token), "a rotated refresh token was lost");
        }
        self.last_token = Some(token);
    }

    fn requests(&self) -> usize {
        self.machine.sandbox.requests("entra_token") + self.machine.sandbox.requests("veeam_token")
    }
}

#[test]
fn no_history_breaks_the_ladder() {
    let cases = u32::try_from(rounds(60, 3000)).unwrap();
    let config =
        ProptestConfig { failure_persistence: None, max_shrink_time: 60_000, ..ProptestConfig::with_cases(cases) };
    let mut totals = [0; 3];
    let counted = std::sync::Mutex::new(&mut totals);
    proptest!(config, |(events in events())| {
        let mut history = History::new();
        events.iter().for_each(|event| history.happen(event));
        let mut totals = counted.lock().unwrap();
        totals[0] += history.gets;
        totals[1] += history.kills;
        totals[2] += history.requests();
    });
    let [gets, kills, requests] = totals;
    assert!(gets > kills && kills > 0 && requests > 0);
    tell(&format!("histories: {cases}, with {gets} gets, {kills} kills, {requests} token requests"));
}
