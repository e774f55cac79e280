//! Machines whose clock is wrong, and is set right: a jump costs a renewal, never a sign-in, and no
//! token is handed out that the clock of the call calls dead. Deadlines are counted by another
//! clock, which nobody sets.

use std::fs::{self, File};
use std::io::{self, Read};
use std::sync::Mutex;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use vb365_helper::host::{Clock, Input};

use crate::support::inside::{AnyTerminal, ManualClock};
use crate::support::server::{Fault, Options};
use crate::support::{Answers, HOUR, Machine, TENANT, World, ago, entra, hold_lock, veeam, veeam_living};

const GET: [&str; 4] = ["get", TENANT, "--interactive", "never"];

/// A good token that still lives by `clock`.
fn token(machine: &Machine, clock: &ManualClock) -> (String, String) {
    let answer = machine.run_inside(clock, &GET, b"").answer();
    let text = |name: &str| answer[name].as_str().unwrap().to_owned();
    let ends: DateTime<Utc> = text("expires_at").parse().unwrap();
    assert!(ends > clock.now(), "it ended at {ends}");
    assert!(machine.sandbox.accepts(&text("access_token")));
    (text("access_token"), text("source"))
}

fn jumps() -> [(&'static str, TimeDelta); 6] {
    let since_1970 = Utc::now() - DateTime::UNIX_EPOCH;
    [
        ("a day back", -TimeDelta::days(1)),
        ("an hour back", -TimeDelta::hours(1)),
        ("a day forward", TimeDelta::days(1)),
        ("a year forward", TimeDelta::days(366)),
        ("to 1970", -since_1970),
        ("to 2106", TimeDelta::days(80 * 366)),
    ]
}

#[test]
fn a_jump_and_the_way_back_cost_a_renewal_each() {
    for (jump, by) in jumps() {
        let (machine, clock) = (Machine::signed_in(), ManualClock::new());
        let (before, _) = token(&machine, &clock);
        clock.jump(by);
        let (meanwhile, source) = token(&machine, &clock);
        assert_ne!(meanwhile, before, "{jump}");
        assert_eq!(source, "veeam_refresh", "{jump}");
        assert_eq!(token(&machine, &clock), (meanwhile, "cache".to_owned()), "{jump}: it is kept by the new time");
        clock.jump(-by);
        assert_eq!(token(&machine, &clock).1, "veeam_refresh", "{jump}, and back");
        machine.assert_no_complaints();
    }
}

#[test]
fn a_jump_makes_no_assertion_of_an_old_answer_and_no_dead_token_of_microsofts() {
    for (jump, by) in jumps() {
        let (machine, clock) = (Machine::signed_in(), ManualClock::new());
        machine.change_entry(TENANT, |entry| drop(entry.as_object_mut().unwrap().remove("veeam")));
        clock.jump(by);
        assert_eq!(token(&machine, &clock).1, "entra_refresh", "{jump}");
        assert_eq!(machine.sandbox.requests("entra_token"), 1, "{jump}");
    }
}

#[test]
fn a_few_minutes_do_not_matter() {
    let (machine, clock) = (Machine::signed_in(), ManualClock::new());
    let before = token(&machine, &clock);
    clock.jump(-TimeDelta::minutes(4));
    assert_eq!(token(&machine, &clock), before);
}

#[test]
fn a_token_from_the_future_is_renewed() {
    let mut world = World::new();
    world.store_veeam("1", 0);
    let ahead = -2 * HOUR;
    let text = fs::read_to_string(world.cache_file()).unwrap();
    let mut kept: Value = serde_json::from_str(&text).unwrap();
    kept["veeam"][0]["obtained_at"] = ago(ahead).into();
    kept["veeam"][0]["access_expires_at"] = ago(ahead - HOUR).into();
    fs::write(world.cache_file(), kept.to_string()).unwrap();
    let refresh = world.veeam_refresh("1").answers(&veeam("2"));
    world.assert_gave(&world.get(&[]), "2", "veeam_refresh", HOUR);
    refresh.assert();
    // Nobody can store one either, but for clocks that differ by a little.
    let request = json!({ "version": 1, "tenant": TENANT, "entra": entra("1"), "obtained_at": ago(ahead) });
    let outcome = world.run(&["store"], request.to_string().as_bytes());
    let message = "field `obtained_at` lies in the future of this machine's clock";
    assert_eq!(outcome.error("bad_request")["message"], message);
}

#[test]
fn a_life_beyond_all_reason_is_cut_to_a_year_and_one_that_is_kept_is_not_believed() {
    let mut world = World::new();
    world.store_veeam("1", HOUR);
    let refresh = world.veeam_refresh("1").answers(&veeam_living("2", i64::MAX));
    world.assert_gave(&world.get(&[]), "2", "veeam_refresh", 366 * 24 * HOUR);
    world.assert_gave(&world.get(&[]), "2", "cache", 366 * 24 * HOUR);
    refresh.assert();

    let mut kept: Value = serde_json::from_slice(&world.kept().unwrap()).unwrap();
    kept["veeam"][0]["access_expires_at"] = "2999-01-01T00:00:00Z".into();
    fs::write(world.cache_file(), kept.to_string()).unwrap();
    let refresh = world.veeam_refresh("2").answers(&veeam("3"));
    world.assert_gave(&world.get(&[]), "3", "veeam_refresh", HOUR);
    refresh.assert();
}

#[test]
fn half_of_a_short_life_is_enough() {
    let mut world = World::new();
    world.store_veeam("1", HOUR);
    let refresh = world.veeam_refresh("1").answers(&veeam_living("2", 120));
    world.assert_gave(&world.get(&[]), "2", "veeam_refresh", 120);
    world.assert_gave(&world.get(&[]), "2", "cache", 120);
    refresh.assert();
}

/// A clock by which another process lets go of a lock after so many seconds.
struct Releasing {
    clock: ManualClock,
    held: Mutex<Option<File>>,
    after: u64,
}

impl Clock for Releasing {
    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }

    fn sleep(&self, duration: Duration) {
        self.clock.sleep(duration);
        if self.clock.elapsed() >= Duration::from_secs(self.after) {
            drop(self.held.lock().unwrap().take());
        }
    }
}

#[test]
fn the_time_of_day_moves_no_deadline() {
    let (machine, clock) = (Machine::signed_in(), ManualClock::new());
    machine.expire_veeam(TENANT);
    let _held = hold_lock(&machine, &format!("{TENANT}.lock"));
    clock.set(DateTime::UNIX_EPOCH);
    machine.run_inside(&clock, &GET, b"").error("cache");
    assert_eq!(clock.elapsed(), Duration::from_secs(8));
}

/// A request whose end comes 5 s after its beginning.
struct Late<'a>(&'a ManualClock, &'a [u8]);

impl Input for Late<'_> {
    fn read_within(&mut self, buffer: &mut [u8], _: Duration) -> io::Result<usize> {
        if self.1.is_empty() {
            self.0.advance(Duration::from_secs(5));
        }
        self.1.read(buffer)
    }
}

#[test]
fn a_request_that_is_long_in_coming_leaves_less_time_for_the_rest() {
    let (machine, clock) = (Machine::signed_in(), ManualClock::new());
    machine.expire_veeam(TENANT);
    let _held = hold_lock(&machine, &format!("{TENANT}.lock"));
    let request = json!({ "version": 1, "tenant": TENANT, "interactive": "never" }).to_string();
    machine.run_reading(&clock, &["get"], &mut Late(&clock, request.as_bytes())).error("cache");
    assert_eq!(clock.elapsed(), Duration::from_secs(8));
}

#[test]
fn all_waits_of_a_call_share_one_deadline() {
    let machine = Machine::signed_in();
    machine.run(&["erase", TENANT], b"").answer();
    let held = Mutex::new(Some(hold_lock(&machine, &format!("{TENANT}.lock"))));
    // Somebody signs in elsewhere, and never ends.
    let _login = hold_lock(&machine, &format!("{TENANT}.login.lock"));
    let clock = Releasing { clock: ManualClock::new(), held, after: 20 };
    let outcome = machine.run_inside(&clock, &[&GET[..], &["--timeout", "30s"]].concat(), b"");
    let message = outcome.error("cache")["message"].as_str().unwrap().to_owned();
    assert!(message.contains(".login.lock"), "{message}");
    assert_eq!(clock.elapsed(), Duration::from_secs(30));
}

/// Neither is the time that the lock takes taken from the server's, nor is what came lost to it.
#[test]
fn a_sign_in_outlasts_a_lock_that_is_held_for_half_a_minute() {
    for after in [30, 33] {
        let machine = Machine::with(Options { auto_approve: true, ..Options::default() });
        machine.get(TENANT, &[]).error("login_required");
        let held = Mutex::new(Some(hold_lock(&machine, &format!("{TENANT}.lock"))));
        let clock = Releasing { clock: ManualClock::new(), held, after };
        // Longer than what would be left of the half minute.
        machine.sandbox.fault("veeam_token", Fault::Late(Duration::from_secs(2)));
        let outcome = machine.run_inside_at(&AnyTerminal, &clock, &["login", TENANT]);
        assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "after {after} s");
        assert_eq!(machine.get(TENANT, &[]).answer()["source"], "cache", "after {after} s");
        assert_eq!(machine.sandbox.requests("device_code"), 1);
    }
}
