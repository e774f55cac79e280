//! Rungs 2 to 4, each a few lines. An assertion that the server rejects is renewed and offered once
//! more; rejected again, only an administrator can help, and no sign-in would.

use std::fmt::Display;
use std::time::Duration;

use super::held::Held;
use super::trail::{NONE, RENEWED, dead, failed, status};
use super::{Due, Ladder, Stop};
use crate::credential::{ApiVersion, Credential, Settings, Source};
use crate::entra::Entra;
use crate::entra::tokens;
use crate::entra::verdict::Class;
use crate::error::{Error, Kind, Result};
use crate::secret::Secret;
use crate::veeam::{Failure, Rejection, Veeam};

/// No request takes longer than this, whatever the caller allows.
const REQUEST_LIMIT: Duration = Duration::from_secs(30);

impl Held<'_, '_> {
    /// Rungs 2, 3 and 4 for the VB365 server's access token.
    pub(super) fn climb(&mut self) -> Result<Credential, Stop> {
        if self.refresh_veeam()? {
            return self.answer(Source::VeeamRefresh);
        }
        if self.living_assertion().is_some() {
            return self.exchange(Source::Exchange);
        }
        self.note(Source::Exchange, || self.ladder.why_no_assertion(&self.entry));
        self.renew_entra()?;
        self.exchange(Source::EntraRefresh)
    }

    /// Rung 2; false where there is no refresh token that the server takes.
    fn refresh_veeam(&mut self) -> Result<bool, Stop> {
        let record = self.entry.veeam(&self.ladder.server);
        let Some(refresh_token) = record.and_then(|record| record.refresh_token.clone()) else {
            self.note(Source::VeeamRefresh, || NONE);
            return Ok(false);
        };
        let veeam = self.veeam()?;
        match veeam.refresh(&refresh_token, self.limit()?) {
            Ok(tokens) => {
                self.keep_veeam(&tokens, veeam.version());
                self.note(Source::VeeamRefresh, || RENEWED);
                Ok(true)
            }
            Err(Failure::Rejected(rejection)) => {
                self.note(Source::VeeamRefresh, || format!("rejected{}", status(&rejection)));
                self.forget_veeam_refresh();
                Ok(false)
            }
            Err(Failure::Other(error)) => {
                self.note(Source::VeeamRefresh, || failed(&error));
                Err(self.failed(error))
            }
        }
    }

    /// Hands the kept assertion over; rejected, renews it and tries once more.
    pub(super) fn exchange(&mut self, source: Source) -> Result<Credential, Stop> {
        if self.hand_over(source)?.is_none() {
            return self.answer(source);
        }
        self.renew_entra()?;
        let source = if source == Source::Login { source } else { Source::EntraRefresh };
        match self.hand_over(source)? {
            None => self.answer(source),
            Some(rejection) => Err(self.rejected_twice(rejection).into()),
        }
    }

    /// One exchange of what came from `source`; the rejection, if it was one.
    fn hand_over(&mut self, source: Source) -> Result<Option<Rejection>, Stop> {
        // Only ever called with one; unless it came with no life worth the name.
        let Some(assertion) = self.living_assertion() else {
            let message = format!("the token that {} gave has ended already", self.ladder.settings.authority.host());
            return Err(self.failed(Error::new(Kind::Unavailable, message)));
        };
        let veeam = self.veeam()?;
        match veeam.exchange(&self.ladder.settings.organization, &assertion, self.limit()?) {
            Ok(tokens) => {
                self.keep_veeam(&tokens, veeam.version());
                self.note(source, || format!("{} took the assertion", self.ladder.server));
                Ok(None)
            }
            Err(Failure::Rejected(rejection)) => {
                self.note(source, || format!("{} rejected the assertion{}", self.ladder.server, status(&rejection)));
                Ok(Some(rejection))
            }
            Err(Failure::Other(error)) => {
                self.note(source, || failed(&error));
                Err(self.failed(error))
            }
        }
    }

    /// Rung 4's first half: Microsoft's refresh token for a new token response.
    pub(super) fn renew_entra(&mut self) -> Result<(), Stop> {
        let settings = self.ladder.settings;
        let record = self.entry.entra(settings);
        if let Some(rejected) = record.and_then(|record| record.rejected.as_ref()) {
            self.note(Source::EntraRefresh, || format!("known to be {}", dead(&rejected.codes)));
            return Err(Due::dead(settings, rejected).into());
        }
        let Some(refresh_token) = record.and_then(|record| tokens::refresh_token(&record.token_response)) else {
            self.note(Source::EntraRefresh, || NONE);
            return Err(Due::nothing_kept(settings).into());
        };
        let entra = self.ladder.entra()?;
        match entra.refresh(&refresh_token, self.limit()?) {
            Ok(tokens) => {
                self.note(Source::EntraRefresh, || RENEWED);
                self.keep_entra(&tokens);
                Ok(())
            }
            Err(verdict) if verdict.class == Class::Dead => {
                self.note(Source::EntraRefresh, || dead(&verdict.cause.codes));
                self.note_dead(&verdict);
                let claims = verdict.claims.clone();
                Err(Stop::SignIn(Due { error: verdict.into_error(settings), claims }))
            }
            Err(verdict) => {
                let error = verdict.into_error(settings);
                self.note(Source::EntraRefresh, || failed(&error));
                Err(error.into())
            }
        }
    }

    fn note<W: Display>(&self, rung: Source, found: impl FnOnce() -> W) {
        self.ladder.note(rung, found);
    }

    /// The kept token response, if its access token still lives: only such a one is an assertion.
    pub(super) fn living_assertion(&self) -> Option<Secret<String>> {
        let record = self.entry.entra(self.ladder.settings)?;
        let lives = record.life().is_alive(self.ladder.clock.now());
        (lives && tokens::access_token(&record.token_response).is_some()).then(|| record.token_response.clone())
    }

    /// The server, in the version that is configured, was spoken before, or is found out now.
    fn veeam(&self) -> Result<Veeam, Stop> {
        let Ladder { settings, server, clients, .. } = self.ladder;
        let http = clients.server(&settings.trust)?;
        let spoken = || self.entry.veeam(server)?.api_version.as_deref()?.parse::<ApiVersion>().ok();
        let version = match settings.api_version.or_else(spoken) {
            Some(version) => version,
            None => Veeam::newest_version(&http, server, self.limit()?).map_err(|error| self.failed(error))?,
        };
        Ok(Veeam::new(http, &settings.tenant, server, version))
    }

    /// The time the next request may take.
    ///
    /// # Errors
    /// Kind `unavailable` when the call's time is over.
    fn limit(&self) -> Result<Duration, Stop> {
        let left = self.deadline.left(self.ladder.clock);
        if left.is_zero() {
            let error = Error::new(Kind::Unavailable, "the call's time was over before the tokens were renewed");
            return Err(self.failed(error.with_hint("allow more time with --timeout")));
        }
        Ok(left.min(REQUEST_LIMIT))
    }

    fn failed(&self, error: Error) -> Stop {
        Stop::Failed(error.with_tenant(&self.ladder.settings.tenant))
    }

    /// All the server says is that the credentials are incorrect, so this lists what that can mean.
    fn rejected_twice(&self, rejection: Rejection) -> Error {
        let Settings { tenant, organization, client_id, .. } = self.ladder.settings;
        let server = &self.ladder.server;
        let words = if rejection.words.is_empty() { "no reason given" } else { &rejection.words };
        let message = format!(
            "{server} rejected the sign-in of {tenant} twice: {words}; check on the server that \
             tenant authentication is enabled in General Options, \
             that the organization was added with modern app-only authentication and is spelled {organization} there (case matters), \
             that the account may sign in (for a service provider: Global Administrator) \
             and that the application {client_id} is allowed"
        );
        Error::new(Kind::Refused, message)
            .with_hint(format!("vb365-helper login {tenant} --server {server} --organization NAME-AS-SPELLED-THERE"))
            .with_tenant(tenant)
            .with_cause(*rejection.cause)
    }
}

impl Ladder<'_> {
    /// The identity platform for this tenant.
    pub(super) fn entra(&self) -> Result<Entra> {
        Ok(Entra::new(self.clients.identity(&self.settings.trust)?, self.settings))
    }
}

impl From<Due> for Stop {
    fn from(due: Due) -> Self {
        Self::SignIn(due)
    }
}
