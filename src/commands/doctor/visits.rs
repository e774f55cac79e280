//! The hosts to ask, each once, however many tenants it has: a few at a time, and none after the time that
//! is allowed for all of them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::finding::{Finding, Findings};
use super::identity::IdentityVisit;
use super::server::ServerVisit;
use crate::cache::Entry;
use crate::credential::{Origin, Settings, Trust};
use crate::host::{Clock, Deadline};

/// How many hosts are asked at once.
const AT_ONCE: usize = 8;
/// How long a host may take for one answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);
/// Of so many tenants a host is asked: what a host with thousands says of these, it says of all.
pub(super) const MOST_ASKED: usize = 10;
/// How far clocks may differ before that is worth a word.
const CLOCK_TOLERANCE: TimeDelta = TimeDelta::seconds(60);

/// Hosts in the order in which they are told of, by what tells them apart.
#[derive(Default)]
pub(super) struct Visits {
    servers: BTreeMap<(Origin, Trust), ServerVisit>,
    identities: BTreeMap<(Origin, Trust), IdentityVisit>,
}

/// A visit to one host.
pub(super) trait Visit: Sync {
    /// Which host.
    fn host(&self) -> &Origin;
    /// Goes there.
    fn pay(&self, time: Time<'_>) -> Vec<Finding>;
}

/// The time that is left for a visit.
#[derive(Clone, Copy)]
pub(super) struct Time<'a> {
    pub(super) clock: &'a dyn Clock,
    deadline: Deadline,
}

impl Time<'_> {
    /// How long the next answer may take.
    pub(super) fn limit(self) -> Duration {
        self.deadline.left(self.clock).min(ANSWER_LIMIT)
    }
}

impl Visits {
    /// Notes what there is to ask about a tenant.
    pub(super) fn plan(&mut self, settings: &Settings, entry: &Entry, now: DateTime<Utc>) {
        let trust = &settings.trust;
        for server in &settings.servers {
            let visit = self.servers.entry((server.clone(), trust.clone()));
            visit.or_insert_with(|| ServerVisit::new(server, trust)).note(settings, entry, now);
        }
        // Pins are the VB365 server's.
        let trust = Trust { ca_file: trust.ca_file.clone(), pins: Vec::new() };
        let visit = self.identities.entry((settings.authority.clone(), trust.clone()));
        visit.or_insert_with(|| IdentityVisit::new(&settings.authority, trust)).note(settings);
    }

    /// Goes to all of them, until `deadline`.
    pub(super) fn pay(self, clock: &dyn Clock, deadline: Deadline) -> Vec<Finding> {
        let servers = self.servers.values().map(|visit| visit as &dyn Visit);
        let visits: Vec<_> = servers.chain(self.identities.values().map(|visit| visit as &dyn Visit)).collect();
        let (next, found) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
        let go = || {
            while let Some((number, visit)) = take(&next, &visits) {
                let time = Time { clock, deadline };
                let findings = if deadline.is_over(clock) { not_paid(visit.host()) } else { visit.pay(time) };
                found.lock().unwrap_or_else(PoisonError::into_inner).insert(number, findings);
            }
        };
        thread::scope(|scope| {
            for _ in 0..AT_ONCE.min(visits.len()) {
                // Whoever cannot be started is not needed: this thread goes, too.
                let _ = thread::Builder::new().spawn_scoped(scope, go);
            }
            go();
        });
        found.into_inner().unwrap_or_else(PoisonError::into_inner).into_values().flatten().collect()
    }
}

fn take<'v>(next: &AtomicUsize, visits: &[&'v dyn Visit]) -> Option<(usize, &'v dyn Visit)> {
    let number = next.fetch_add(1, Ordering::SeqCst);
    visits.get(number).map(|visit| (number, *visit))
}

fn not_paid(host: &Origin) -> Vec<Finding> {
    let mut findings = Findings::about(host.as_str());
    findings.warn("reachable", "not asked: the time for all hosts was over", "vb365-helper doctor --timeout 5m");
    findings.list
}

/// Compares a server's clock with this machine's.
pub(super) fn check_clock(findings: &mut Findings, date: Option<DateTime<Utc>>, now: DateTime<Utc>) {
    let Some(date) = date else { return };
    let ahead = date - now;
    if ahead.abs() < CLOCK_TOLERANCE {
        return findings.ok("clock", "the same as here");
    }
    let side = if ahead > TimeDelta::zero() { "ahead of" } else { "behind" };
    let message = format!("{} s {side} this machine's; Microsoft allows 5 minutes", ahead.abs().num_seconds());
    findings.warn("clock", message, "let both machines take the time from the same source");
}
