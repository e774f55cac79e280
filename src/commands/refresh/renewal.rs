//! The steps of a renewal, each under the tenant's own lock and never with a person.

use std::time::Duration;

use super::job::{Job, Step};
use super::queue::Queue;
use crate::cache::Cache;
use crate::config::Config;
use crate::credential::{Interactive, Origin, Request, Settings, Want};
use crate::device_login::{Person, Wishes};
use crate::error::Result;
use crate::host::{Clock, Deadline, Terminal};
use crate::resolve::{Clients, Ladder, Means, Trail};
use crate::warnings::Warnings;

/// How long one step may take, the wait for the tenant's lock included.
const ONE_STEP: Duration = Duration::from_secs(60);

/// What every thread renews with.
pub(super) struct Renewal<'a> {
    pub(super) config: &'a Config,
    pub(super) cache: &'a Cache,
    pub(super) clock: &'a dyn Clock,
    pub(super) terminal: &'a dyn Terminal,
    pub(super) clients: &'a Clients,
    pub(super) deadline: Deadline,
}

impl Renewal<'_> {
    /// Takes one step after the other until the queue is empty.
    pub(super) fn work_off(&self, queue: &Queue) {
        while let Some(job) = queue.take(self.clock) {
            let warnings = Warnings::default();
            let result = self.next_step(&job, &warnings);
            queue.took(job, result, warnings.take(), self.clock);
        }
    }

    fn next_step(&self, job: &Job, warnings: &Warnings) -> Result<bool> {
        let settings = self.config.settings(&job.tenant)?;
        let deadline = Deadline::after(self.clock, ONE_STEP.min(self.deadline.left(self.clock)));
        match job.next() {
            Some(Step::SignIn(_)) => {
                self.ladder(&settings, Want::Entra, None, warnings, |ladder| ladder.renew_sign_in(deadline))
            }
            Some(Step::Server(server)) => {
                self.ladder(&settings, Want::Veeam, Some(server), warnings, |ladder| ladder.renew_server(deadline))
            }
            None => Ok(false),
        }
    }

    fn ladder<T>(
        &self,
        settings: &Settings,
        want: Want,
        server: Option<&Origin>,
        warnings: &Warnings,
        climb: impl FnOnce(&Ladder<'_>) -> Result<T>,
    ) -> Result<T> {
        let request = Request {
            tenant: settings.tenant.clone(),
            server: server.cloned(),
            want,
            min_ttl: None,
            interactive: Interactive::Never,
            refused_token: None,
            timeout: None,
        };
        let Self { cache, clock, terminal, clients, .. } = *self;
        let trail = Trail::default();
        // Nobody is asked, so nothing has to be known of them.
        let person = Person { terminal, variables: &|_| None, wishes: Wishes::default() };
        climb(&Ladder::new(settings, &request, Means { cache, clock, person, warnings, trail: &trail, clients })?)
    }
}
