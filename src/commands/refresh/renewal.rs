//! The renewal of one tenant: Microsoft's tokens first, which keeps the sign-in alive, then the access token
//! of each server that was given one.

use std::time::Duration;

use super::queue::Queue;
use crate::cache::Cache;
use crate::config::Config;
use crate::credential::{Interactive, Origin, Request, Settings, Tenant, Want};
use crate::device_login::{Person, Wishes};
use crate::error::{Error, Kind, Result};
use crate::host::{Clock, Deadline, Terminal};
use crate::resolve::{Clients, Ladder, Means, Trail};
use crate::warnings::Warnings;

/// How long one tenant may take.
const ONE_TENANT: Duration = Duration::from_secs(60);

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
    /// Renews one tenant after the other until the queue is empty.
    pub(super) fn work_off(&self, queue: &Queue) {
        while let Some(job) = queue.take(self.clock) {
            let warnings = Warnings::default();
            let result = self.renew(&job.tenant, &warnings).map_err(|error| error.with_tenant(&job.tenant));
            queue.end(job, result, warnings.take(), self.clock);
        }
    }

    fn renew(&self, tenant: &Tenant, warnings: &Warnings) -> Result<()> {
        let settings = self.config.settings(tenant)?;
        let deadline = Deadline::after(self.clock, ONE_TENANT.min(self.deadline.left(self.clock)));
        let has_sign_in =
            self.ladder(&settings, Want::Entra, None, warnings, |ladder| ladder.renew_sign_in(deadline))?;
        let kept = self.cache.read(tenant)?.entry;
        let mut servers = settings.servers.iter().filter(|server| kept.veeam(server).is_some()).peekable();
        if !has_sign_in && servers.peek().is_none() {
            return Err(Error::new(Kind::LoginRequired, format!("nobody on this machine is signed in to {tenant}"))
                .with_hint(format!("vb365-helper login {tenant}")));
        }
        servers.try_for_each(|server| {
            self.ladder(&settings, Want::Veeam, Some(server), warnings, |ladder| ladder.renew_server(deadline))
        })
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
