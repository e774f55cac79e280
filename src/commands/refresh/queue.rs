//! The tenants that are waited for, taken by several threads. A host that asks to be left alone is left alone
//! by all of them, while those of other hosts go on.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::job::{Job, Outcome};
use crate::credential::Tenant;
use crate::error::{Error, Kind, Result};
use crate::host::Clock;

/// How often a step is tried whose host asks to be left alone.
const TRIES: usize = 5;
/// How soon a thread looks again whether a host may be asked.
const GLANCE: Duration = Duration::from_millis(100);

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
    /// Why no more are begun.
    stopped: Option<&'static str>,
}

/// What a person may want to see of it.
pub(super) struct Standing {
    pub(super) done: usize,
    pub(super) failed: usize,
    pub(super) under_way: Vec<Tenant>,
    /// Hosts that are left alone, and for how long.
    pub(super) closed: Vec<(String, Duration)>,
    pub(super) is_stopped: bool,
}

impl Queue {
    /// A queue in which the first of `jobs` are the first to be taken.
    pub(super) fn new(jobs: impl IntoIterator<Item = Job>) -> Self {
        let mut state = State::default();
        jobs.into_iter().for_each(|job| state.put_back(job, VecDeque::push_back));
        let length = state.waiting.len() + state.outcomes.len();
        Self { state: Mutex::new(state), changed: Condvar::new(), length }
    }

    pub(super) fn len(&self) -> usize {
        self.length
    }

    /// The next tenant whose next host may be asked now; waits for one. `None` when none is left.
    pub(super) fn take(&self, clock: &dyn Clock) -> Option<Job> {
        let mut state = self.state();
        loop {
            state.open(clock.elapsed());
            if let Some(index) = state.waiting.iter().position(|job| !state.is_closed(job)) {
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

    /// A step of a tenant ended. Where its host only wants to be left alone, it is tried again.
    pub(super) fn took(&self, mut job: Job, result: Result<bool>, warnings: Vec<String>, clock: &dyn Clock) {
        let mut state = self.state();
        state.under_way.retain(|tenant| *tenant != job.tenant);
        state.warnings.extend(warnings);
        let delay = result.as_ref().err().filter(|error| error.kind() == Kind::Unavailable);
        match (delay.and_then(Error::retry_after), job.next()) {
            (Some(delay), Some(step)) if job.tries + 1 < TRIES && state.stopped.is_none() => {
                let until = clock.elapsed().saturating_add(delay);
                let closed = state.closed.entry(step.host().to_owned()).or_default();
                *closed = until.max(*closed);
                job.tries += 1;
            }
            _ => job.took(result),
        }
        state.put_back(job, VecDeque::push_front);
        state.end_who_waits();
        self.changed.notify_all();
    }

    /// From now on none is begun, and no host is waited for; who is under way ends.
    pub(super) fn stop(&self, why: &'static str) {
        let mut state = self.state();
        state.stopped.get_or_insert(why);
        state.end_who_waits();
        self.changed.notify_all();
    }

    pub(super) fn is_done(&self) -> bool {
        self.state().outcomes.len() == self.length
    }

    /// Waits for the end of all, but not longer than `limit`.
    pub(super) fn wait(&self, limit: Duration) {
        drop(self.changed.wait_timeout_while(self.state(), limit, |state| state.outcomes.len() < self.length));
    }

    pub(super) fn standing(&self, clock: &dyn Clock) -> Standing {
        let (state, now) = (self.state(), clock.elapsed());
        Standing {
            done: state.outcomes.len(),
            failed: state.outcomes.iter().filter(|outcome| outcome.result.is_err()).count(),
            under_way: state.under_way.clone(),
            closed: state.closed.iter().map(|(host, until)| (host.clone(), until.saturating_sub(now))).collect(),
            is_stopped: state.stopped.is_some(),
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

impl State {
    /// Has a job wait for its next step, if it has one.
    fn put_back(&mut self, job: Job, put: fn(&mut VecDeque<Job>, Job)) {
        match job.next() {
            Some(_) => put(&mut self.waiting, job),
            None => self.outcomes.push(job.into_outcome()),
        }
    }

    /// Lets those hosts be asked again whose time is over.
    fn open(&mut self, now: Duration) {
        self.closed.retain(|_, until| *until > now);
    }

    fn is_closed(&self, job: &Job) -> bool {
        job.next().is_some_and(|step| self.closed.contains_key(step.host()))
    }

    /// Once it is stopped: only those go on who have begun and need not wait.
    fn end_who_waits(&mut self) {
        let Some(why) = self.stopped else { return };
        for job in std::mem::take(&mut self.waiting) {
            if job.has_begun() && !self.is_closed(&job) {
                self.waiting.push_back(job);
            } else {
                self.outcomes.push(job.into_stopped(why));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::refresh::job::Step;
    use crate::host::fake::FakeClock;

    fn queue() -> Queue {
        let (identity, server) =
            ("https://login.example.com".parse().unwrap(), "https://s.example.com".parse().unwrap());
        let steps = [Step::SignIn(identity), Step::Server(server)];
        Queue::new(["a.example.com", "b.example.com", "c.example.com"].map(|tenant| Job::of(tenant, &steps)))
    }

    fn asks_to_wait(seconds: u64) -> Result<bool> {
        Err(Error::new(Kind::Unavailable, "later").with_retry_after(Some(Duration::from_secs(seconds))))
    }

    fn told(queue: Queue) -> Vec<(String, String)> {
        let told = |outcome: Outcome| {
            (outcome.tenant.to_string(), outcome.result.map_or_else(|e| e.to_string(), |()| "renewed".into()))
        };
        queue.into_outcomes().0.into_iter().map(told).collect()
    }

    #[test]
    fn a_host_that_asks_to_wait_is_asked_again_when_its_time_is_over() {
        let (queue, clock) = (queue(), FakeClock::default());
        let job = queue.take(&clock).unwrap();
        queue.took(job, Ok(true), Vec::new(), &clock);
        // The same tenant's server is next, and wants peace; so the next tenant's sign-in is.
        let job = queue.take(&clock).unwrap();
        assert_eq!(job.next().unwrap().host(), "s.example.com");
        queue.took(job, asks_to_wait(60), Vec::new(), &clock);
        assert_eq!(queue.standing(&clock).closed, [("s.example.com".to_owned(), Duration::from_secs(60))]);
        let job = queue.take(&clock).unwrap();
        assert_eq!((job.tenant.as_str(), job.next().unwrap().host()), ("b.example.com", "login.example.com"));
        clock.advance(Duration::from_secs(61));
        assert_eq!(queue.take(&clock).unwrap().tenant.as_str(), "a.example.com");
    }

    #[test]
    fn a_host_that_only_asks_to_wait_is_not_asked_for_ever() {
        let (queue, clock) = (queue(), FakeClock::default());
        for _ in 0..TRIES {
            let job = queue.take(&clock).unwrap();
            assert_eq!(job.tenant.as_str(), "a.example.com");
            queue.took(job, asks_to_wait(0), Vec::new(), &clock);
        }
        assert_eq!(queue.take(&clock).unwrap().tenant.as_str(), "b.example.com");
    }

    #[test]
    #[allow(clippy::disallowed_methods, reason = "a thread that waits takes real time")]
    fn who_watches_is_not_woken_by_each_change_but_by_the_end() {
        let (queue, clock) = (queue(), FakeClock::default());
        let works = || {
            while let Some(job) = queue.take(&clock) {
                std::thread::sleep(Duration::from_millis(20));
                queue.took(job, Ok(true), Vec::new(), &clock);
            }
        };
        std::thread::scope(|scope| {
            scope.spawn(works);
            queue.wait(Duration::from_secs(60));
            assert!(queue.is_done());
        });
    }

    #[test]
    fn once_stopped_only_those_go_on_who_have_begun_and_need_not_wait() {
        let (queue, clock) = (queue(), FakeClock::default());
        let (first, second) = (queue.take(&clock).unwrap(), queue.take(&clock).unwrap());
        queue.stop("enough");
        queue.took(first, asks_to_wait(60), Vec::new(), &clock);
        queue.took(second, Ok(true), Vec::new(), &clock);
        let second = queue.take(&clock).unwrap();
        assert_eq!(second.next().unwrap().host(), "s.example.com");
        queue.took(second, Ok(true), Vec::new(), &clock);
        assert!(queue.take(&clock).is_none() && queue.is_done());
        let told = told(queue);
        let told: Vec<_> = told.iter().map(|(_, words)| words.as_str()).collect();
        assert_eq!(told, ["later", "renewed", "c.example.com was not renewed: enough"]);
    }
}
