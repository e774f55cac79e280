//! A tenant to be renewed, step by step: Microsoft's tokens first, which keeps the sign-in alive, then the
//! access token of each server that gave one, or where none did yet, of the first. A step asks one host.

use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};

use crate::cache::Cache;
use crate::commands::list::Listed;
use crate::config::Config;
use crate::credential::{Origin, Settings, Tenant};
use crate::error::{Error, Kind, Result};

/// One step, and the host that it asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Microsoft's tokens.
    SignIn(Origin),
    /// A server's access token.
    Server(Origin),
}

/// A tenant, and what is still to be done for it.
pub(super) struct Job {
    pub(super) tenant: Tenant,
    /// When a person has to sign in if nothing is renewed before, as far as anybody can tell.
    pub(super) needed_by: Option<DateTime<Utc>>,
    /// How often the next step was tried.
    pub(super) tries: usize,
    steps: VecDeque<Step>,
    /// Servers that gave a refresh token of their own.
    self_renewing: Vec<Origin>,
    has_begun: bool,
    was_anything_kept: bool,
    failure: Option<Error>,
}

/// How one tenant's renewal ended.
pub(super) struct Outcome {
    pub(super) tenant: Tenant,
    pub(super) result: Result<()>,
}

impl Job {
    /// What is to be done for `tenant`, by what is configured and kept now.
    pub(super) fn new(config: &Config, cache: &Cache, tenant: &Tenant, now: DateTime<Utc>) -> Self {
        let found = cache.read(tenant).ok();
        let settings = config.settings(tenant);
        let needed_by =
            found.as_ref().and_then(|found| Listed::new(found, settings.as_ref().ok(), now).sign_in_needed_by(now));
        let kept = |server: &Origin| found.as_ref().and_then(|found| found.entry.veeam(server));
        let steps = |settings: &Settings| {
            let known: Vec<_> = settings.servers.iter().filter(|server| kept(server).is_some()).collect();
            // Whether the first, which `get` would ask, takes the sign-in at all must not be left to a `get`.
            let first = settings.servers.first().filter(|_| known.is_empty());
            let servers = known.into_iter().chain(first).cloned().map(Step::Server);
            [Step::SignIn(settings.authority.clone())].into_iter().chain(servers).collect()
        };
        let renews_itself = |server: &&Origin| kept(server).is_some_and(|record| record.refresh_token.is_some());
        let servers = settings.as_ref().map(|settings| settings.servers.as_slice()).unwrap_or_default();
        Self {
            tenant: tenant.clone(),
            needed_by,
            tries: 0,
            steps: settings.as_ref().map(steps).unwrap_or_default(),
            self_renewing: servers.iter().filter(renews_itself).cloned().collect(),
            has_begun: false,
            was_anything_kept: false,
            failure: settings.err(),
        }
    }

    /// One that takes these `steps`.
    #[cfg(test)]
    pub(super) fn of(tenant: &str, steps: &[Step]) -> Self {
        Self {
            tenant: tenant.parse().unwrap(),
            needed_by: None,
            tries: 0,
            steps: steps.iter().cloned().collect(),
            self_renewing: Vec::new(),
            has_begun: false,
            was_anything_kept: false,
            failure: None,
        }
    }

    /// Whether the sign-in would end before `end`; one of which that cannot be told is due.
    pub(super) fn is_due_before(&self, end: Option<DateTime<Utc>>) -> bool {
        self.needed_by.zip(end).is_none_or(|(needed_by, end)| needed_by <= end)
    }

    pub(super) fn next(&self) -> Option<&Step> {
        self.steps.front()
    }

    /// Whether a step was taken already.
    pub(super) fn has_begun(&self) -> bool {
        self.has_begun
    }

    /// The next step ended: whether there was anything to renew, or why it could not be.
    pub(super) fn took(&mut self, result: Result<bool>) {
        let step = self.steps.pop_front();
        (self.has_begun, self.tries) = (true, 0);
        match result {
            Ok(was_kept) => self.was_anything_kept |= was_kept,
            Err(error) => {
                // A server may take its own refresh token where Microsoft's is dead or cannot be used. Without
                // one its step would only ask the same identity host again.
                if matches!(step, Some(Step::SignIn(_))) && error.kind() != Kind::LoginRequired {
                    let can_renew = |step: &Step| matches!(step, Step::Server(at) if self.self_renewing.contains(at));
                    self.steps.retain(can_renew);
                }
                self.failure.get_or_insert(error);
            }
        }
    }

    /// What came of it.
    pub(super) fn into_outcome(self) -> Outcome {
        let nobody = || {
            let tenant = &self.tenant;
            Error::new(Kind::LoginRequired, format!("nobody on this machine is signed in to {tenant}"))
                .with_hint(format!("vb365-helper login {tenant}"))
        };
        let failure = self.failure.or_else(|| (!self.was_anything_kept).then(nobody));
        Outcome { result: failure.map_or(Ok(()), |error| Err(error.with_tenant(&self.tenant))), tenant: self.tenant }
    }

    /// What came of it where nothing more is done, because of `why`.
    pub(super) fn into_stopped(mut self, why: &str) -> Outcome {
        let what = if self.has_begun { "was not renewed at all servers" } else { "was not renewed" };
        self.failure.get_or_insert_with(|| Error::new(Kind::Unavailable, format!("{} {what}: {why}", self.tenant)));
        self.into_outcome()
    }
}

impl Step {
    /// Who is asked.
    pub(super) fn host(&self) -> &str {
        match self {
            Self::SignIn(origin) | Self::Server(origin) => origin.host(),
        }
    }
}

/// The end of the time `within` which what ends is due; `None` where everything is.
pub(super) fn end_of(within: Option<std::time::Duration>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    now.checked_add_signed(TimeDelta::from_std(within?).ok()?)
}
