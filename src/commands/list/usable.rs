//! How far what is kept of a tenant goes: what of it `get` would use, which is what was issued for the tenant's
//! present settings, and until when that works without a person.

use chrono::{DateTime, TimeDelta, Utc};

use super::State;
use crate::cache::{EntraRecord, Entry, VeeamRecord};
use crate::credential::Settings;
use crate::entra::tokens::{self, Presence};
use crate::token::is_spellable;

/// Microsoft: a refresh token that is not used lives for 90 days.
const REFRESH_LIFE: TimeDelta = TimeDelta::days(90);

/// A record of Microsoft's, and which tokens it has: to learn that, each has to be read.
#[derive(Clone, Copy)]
pub(super) struct Kept<'e> {
    pub(super) record: &'e EntraRecord,
    pub(super) presence: Presence,
}

/// The records that count.
pub(super) struct Usable<'e> {
    entra: Vec<Kept<'e>>,
    veeam: Vec<&'e VeeamRecord>,
    /// Whether a server is to take Microsoft's tokens; else they are all that is wanted.
    is_for_servers: bool,
}

impl<'e> Usable<'e> {
    /// Those of `entry` that are for `settings`; all, where they say nothing of the tenant's servers.
    pub(super) fn new(entry: &'e Entry, settings: Option<&Settings>) -> Self {
        let Some(settings) = settings.filter(|settings| !settings.servers.is_empty()) else {
            let (entra, veeam) = (entry.entra.iter().map(Kept::new).collect(), entry.veeam.iter().collect());
            return Self { entra, veeam, is_for_servers: false };
        };
        let is_named = |record: &&VeeamRecord| settings.servers.iter().any(|server| server.as_str() == record.server);
        Self {
            entra: entry.entra(settings).into_iter().map(Kept::new).collect(),
            veeam: entry.veeam.iter().filter(is_named).collect(),
            is_for_servers: true,
        }
    }

    /// Whether none of the servers that are to take the sign-in has given a token for it (yet).
    pub(super) fn is_unaccepted(&self) -> bool {
        self.is_for_servers && self.veeam.is_empty()
    }

    /// Microsoft's tokens that came last.
    pub(super) fn newest(&self) -> Option<Kept<'e>> {
        self.entra.iter().copied().max_by_key(|kept| kept.record.obtained_at)
    }

    /// What the next `get` could do: answer at once, renew, or only ask a person.
    pub(super) fn state(&self, now: DateTime<Utc>) -> State {
        let has_assertion = self.entra.iter().any(|kept| kept.has_access() && kept.record.life().is_alive(now));
        let is_valid = |record: &&VeeamRecord| record.access_token.is_some() && record.life().is_alive(now);
        let is_all_there = !self.is_for_servers && self.veeam.is_empty() && has_assertion;
        if self.veeam.iter().any(is_valid) || is_all_there {
            State::Valid
        } else if has_assertion || self.is_renewable() {
            State::Renewable
        } else {
            State::LoginRequired
        }
    }

    /// Whether there is any refresh token.
    pub(super) fn is_renewable(&self) -> bool {
        self.entra.iter().any(Kept::is_refreshable) || self.veeam.iter().any(|record| record.refresh_token.is_some())
    }

    /// When it ends if nothing is renewed before; `None` where nobody can tell.
    pub(super) fn end(&self) -> Option<DateTime<Utc>> {
        if let Some(end) = self.newest().and_then(|kept| kept.refresh_end()) {
            return Some(end);
        }
        if self.is_renewable() {
            // How long a server's own refresh token lives is its secret.
            return None;
        }
        let entra = self.entra.iter().filter(|kept| kept.has_access()).map(|kept| kept.record.access_expires_at);
        let veeam = self.veeam.iter().filter(|record| record.access_token.is_some());
        entra.chain(veeam.map(|record| record.access_expires_at)).max()
    }
}

impl<'e> Kept<'e> {
    pub(super) fn new(record: &'e EntraRecord) -> Self {
        Self { record, presence: tokens::presence(&record.token_response) }
    }

    /// Whether there is an access token that Microsoft has not ended.
    fn has_access(&self) -> bool {
        self.record.rejected.is_none() && self.presence.access_token
    }

    /// Whether there is a refresh token that Microsoft has not ended.
    pub(super) fn is_refreshable(&self) -> bool {
        self.record.rejected.is_none() && self.presence.refresh_token
    }

    /// When the refresh token ends; `None` where there is none, or no calendar has that day.
    pub(super) fn refresh_end(&self) -> Option<DateTime<Utc>> {
        self.is_refreshable().then(|| end_of_refresh(self.record.obtained_at)).flatten()
    }
}

fn end_of_refresh(obtained_at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    obtained_at.checked_add_signed(REFRESH_LIFE).filter(|end| is_spellable(*end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::instant;

    #[test]
    fn a_refresh_token_ends_after_90_days_unless_the_calendar_does() {
        let end = |obtained_at: &str| end_of_refresh(obtained_at.parse().unwrap()).map(instant);
        assert_eq!(end("2026-11-23T04:00:00Z").as_deref(), Some("2027-02-21T04:00:00Z"));
        assert_eq!(end("9999-12-31T23:59:59Z"), None);
        assert_eq!(end_of_refresh(DateTime::<Utc>::MAX_UTC), None);
    }
}
