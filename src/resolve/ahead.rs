//! Renewal ahead of time, for whoever keeps sign-ins alive: the same steps as rungs 2 to 4, taken whether or
//! not they are due, and never a person.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Held, Ladder, Stop};
use crate::credential::Source;
use crate::entra::tokens;
use crate::error::{Error, Kind, Result};
use crate::host::Deadline;

/// What another process renewed so short ago is as good as renewed now.
const JUST_NOW: TimeDelta = TimeDelta::seconds(60);

impl Ladder<'_> {
    /// Renews Microsoft's tokens, which keeps the sign-in alive; false where there are none to renew.
    ///
    /// # Errors
    /// Every kind but `bad_request` and `login_failed`.
    pub fn renew_sign_in(&self, deadline: Deadline) -> Result<bool> {
        let mut held = self.hold(deadline)?;
        let Some(record) = held.entry.entra(self.settings) else { return Ok(false) };
        let is_whole = record.rejected.is_none() && tokens::access_token(&record.token_response).is_some();
        if !is_whole || !self.is_just_now(record.obtained_at) {
            held.renew_entra().map_err(Stop::into_error)?;
        }
        self.saved().map(|()| true)
    }

    /// Renews the server's access token, by the assertion if there is one; false where nothing is kept of the
    /// server (any more), unless none of the tenant's servers has taken the assertion yet.
    ///
    /// # Errors
    /// As [`Ladder::renew_sign_in`].
    pub fn renew_server(&self, deadline: Deadline) -> Result<bool> {
        let mut held = self.hold(deadline)?;
        let is_due = match held.entry.veeam(&self.server) {
            Some(record) => record.access_token.is_none() || !self.is_just_now(record.obtained_at),
            None if held.is_unaccepted() => true,
            None => return Ok(false),
        };
        if is_due {
            held.renew_token().map_err(Stop::into_error)?;
        }
        self.saved().map(|()| true)
    }

    /// Nobody is handed a token here: what was not saved was renewed for nothing.
    fn saved(&self) -> Result<()> {
        if !self.unsaved.get() {
            return Ok(());
        }
        let tenant = &self.settings.tenant;
        Err(Error::new(Kind::Cache, format!("the tokens of {tenant} were renewed, and could not be saved"))
            .with_hint("vb365-helper doctor")
            .with_tenant(tenant))
    }

    fn is_just_now(&self, obtained_at: DateTime<Utc>) -> bool {
        let ago = self.clock.now() - obtained_at;
        ago >= TimeDelta::zero() && ago < JUST_NOW
    }
}

impl Held<'_, '_> {
    /// Whether there is an assertion that none of the tenant's servers has taken yet.
    fn is_unaccepted(&self) -> bool {
        let mut servers = self.ladder.settings.servers.iter();
        self.living_assertion().is_some() && !servers.any(|server| self.entry.veeam(server).is_some())
    }

    fn renew_token(&mut self) -> Result<(), Stop> {
        if self.living_assertion().is_some() {
            self.exchange(Source::Exchange).map(drop)
        } else {
            self.climb().map(drop)
        }
    }
}
