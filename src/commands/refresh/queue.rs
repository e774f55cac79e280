//! The tenants that are waited for, taken by several threads. A host that asks to be left alone is left alone
//! by all of them, while those of other hosts go on.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::config::Config;
use crate::credential::Tenant;
use crate::error::{Error, Kind};
use crate::host::Clock;

/// How often a tenant is tried again whose host asked to be left alone.
const TRIES: usize = 5;
/// How soon a thread looks again whether a host may be asked.
const GLANCE: Duration = Duration::from_millis(100);

/// A tenant to be renewed.
#[derive(Clone)]
pub(super) struct Job {
    pub(super) tenant: Tenant,
    /// The identity host, as far as the configuration tells.
    host: String,
    tries: usize,
}

/// How one tenant's renewal ended.
pub(super) struct Outcome {
    pub(super) tenant: Tenant,
    pub(super) result: Result<(), Error>,
}

/// All of them.
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    length: usize,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Job>,
    under_way: Vec<Tenant>,
    outcomes: Vec<Outcome>,
    warnings: Vec<String>,
    /// Until when a host is left alone, counted in [`Clock::elapsed`].
    closed: BTreeMap<String, Duration>,
}

/// What a person may want to see of it.
pub(super) struct Standing {
    pub(super) done: usize,
    pub(super) failed: usize,
    pub(super) under_way: Vec<Tenant>,
    /// Hosts that are left alone, and for how long from the start of the process.
    pub(super) closed: Vec<String>,
}

impl Job {
    pub(super) fn new(config: &Config, tenant: &Tenant) -> Self {
        let host = config.settings(tenant).map(|settings| settings.authority.host().to_owned()).unwrap_or_default();
        Self { tenant: tenant.clone(), host, tries: 0 }
    }
}

impl Queue {
    pub(super) fn new(jobs: impl Iterator<Item = Job>) -> Self {
        let waiting: VecDeque<_> = jobs.collect();
        let length = waiting.len();
        Self { state: Mutex::new(State { waiting, ..State::default() }), changed: Condvar::new(), length }
    }

    pub(super) fn len(&self) -> usize {
        self.length
    }

    /// The next tenant whose host may be asked now; waits for one. `None` when none is left.
    pub(super) fn take(&self, clock: &dyn Clock) -> Option<Job> {
        let mut state = self.state();
        loop {
            let now = clock.elapsed();
            state.closed.retain(|_, until| *until > now);
            let State { waiting, closed, .. } = &*state;
            if let Some(index) = waiting.iter().position(|job| !closed.contains_key(&job.host)) {
                let job = state.waiting.remove(index)?;
                state.under_way.push(job.tenant.clone());
                return Some(job);
            }
            // One that is under way may come back.
            if state.waiting.is_empty() && state.under_way.is_empty() {
                return None;
            }
            state = self.changed.wait_timeout(state, GLANCE).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// A tenant's renewal ended. Where its host only wants to be left alone, it is tried again.
    pub(super) fn end(&self, job: Job, result: Result<(), Error>, warnings: Vec<String>, clock: &dyn Clock) {
        let mut state = self.state();
        state.under_way.retain(|tenant| *tenant != job.tenant);
        state.warnings.extend(warnings);
        let delay = result.as_ref().err().filter(|error| error.kind() == Kind::Unavailable);
        match delay.and_then(Error::retry_after) {
            Some(delay) if job.tries + 1 < TRIES => {
                let until = clock.elapsed().saturating_add(delay);
                let closed = state.closed.entry(job.host.clone()).or_default();
                *closed = until.max(*closed);
                state.waiting.push_front(Job { tries: job.tries + 1, ..job });
            }
            _ => state.outcomes.push(Outcome { tenant: job.tenant, result }),
        }
        self.changed.notify_all();
    }

    /// Nobody who waits is taken any more; who is under way ends.
    pub(super) fn stop(&self, why: &str) {
        let mut state = self.state();
        while let Some(job) = state.waiting.pop_front() {
            let error = Error::new(Kind::Unavailable, format!("{} was not renewed: {why}", job.tenant));
            let result = Err(error.with_tenant(&job.tenant));
            state.outcomes.push(Outcome { tenant: job.tenant, result });
        }
        self.changed.notify_all();
    }

    pub(super) fn is_done(&self) -> bool {
        self.state().outcomes.len() == self.length
    }

    /// Waits for a change, but not longer than `limit`.
    pub(super) fn wait(&self, limit: Duration) {
        let state = self.state();
        if state.outcomes.len() < self.length {
            drop(self.changed.wait_timeout(state, limit));
        }
    }

    pub(super) fn standing(&self) -> Standing {
        let state = self.state();
        Standing {
            done: state.outcomes.len(),
            failed: state.outcomes.iter().filter(|outcome| outcome.result.is_err()).count(),
            under_way: state.under_way.clone(),
            closed: state.closed.keys().cloned().collect(),
        }
    }

    /// How each ended, by name, and what went wrong on the way.
    pub(super) fn into_outcomes(self) -> (Vec<Outcome>, Vec<String>) {
        let mut state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        state.outcomes.sort_by(|a, b| a.tenant.key().cmp(b.tenant.key()));
        (state.outcomes, state.warnings)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A thread that panicked ends the process anyway.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
