//! One tenant as lists have it: what may be shown of its entry, which is everything but the tokens.

use std::collections::HashSet;
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use crate::cache::{EntraRecord, Entry, VeeamRecord};
use crate::credential::{Fingerprint, Origin, Settings, Tenant, Trust};
use crate::entra::tokens;
use crate::protocol::instant;
use crate::text::printable;
use crate::token::is_spellable;

/// Microsoft: a refresh token that is not used lives for 90 days.
const REFRESH_LIFE: TimeDelta = TimeDelta::days(90);

/// How entries are protected on disk, beside the rights of their files.
const PROTECTION: &str = "none";

/// One tenant, as the documents have it.
#[derive(Debug, Serialize)]
pub struct Listed {
    pub(super) tenant: String,
    pub(super) state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) account: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) entra: Option<ListedEntra>,
    pub(super) servers: Vec<ListedServer>,
    pub(super) protection: &'static str,
}

/// What the next `get` could do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Answer from the cache.
    Valid,
    /// Renew without a person.
    Renewable,
    /// Only ask for a sign-in.
    LoginRequired,
    /// Not read the entry at all.
    Damaged,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Valid, Self::Renewable, Self::LoginRequired, Self::Damaged];

    /// The name in documents.
    pub fn name(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Renewable => "renewable",
            Self::LoginRequired => "login_required",
            Self::Damaged => "damaged",
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct ListedEntra {
    pub(super) authority: String,
    pub(super) client_id: String,
    pub(super) scopes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_expires_at: Option<String>,
    pub(super) refreshable: bool,
    pub(super) last_renewed_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_expires_at: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct ListedServer {
    pub(super) server: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_expires_at: Option<String>,
    pub(super) refreshable: bool,
    /// Certificates to accept instead of any chain and name, as configured.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pin_sha256: Vec<String>,
    /// Further roots to trust, as configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    ca_file: Option<String>,
}

impl Listed {
    /// What may be shown of `entry`, with whom its tenant's `settings` trust.
    pub fn new(entry: &Entry, settings: Option<&Settings>, now: DateTime<Utc>) -> Self {
        // The one renewed last is the one in use.
        let entra = entry.entra.iter().max_by_key(|record| record.obtained_at);
        // As for `get`, the first of each server counts, whatever else somebody wrote into the file.
        let mut names = HashSet::new();
        let records = entry.veeam.iter().filter(|record| names.insert(record.server.as_str()));
        let servers = records.map(|record| ListedServer::new(record, trust(settings, &record.server))).collect();
        let account = entra.and_then(|record| record.account.clone());
        let account = account.or_else(|| entry.veeam.iter().find_map(|record| record.account.clone()));
        Self {
            tenant: entry.tenant().to_owned(),
            state: state(entry, now),
            account: account.as_deref().map(printable).filter(|name| !name.is_empty()),
            entra: entra.map(ListedEntra::new),
            servers,
            protection: PROTECTION,
        }
    }

    /// A tenant whose entry cannot be read.
    pub(super) fn damaged(tenant: &Tenant) -> Self {
        Self {
            tenant: tenant.as_str().to_owned(),
            state: State::Damaged,
            account: None,
            entra: None,
            servers: Vec::new(),
            protection: PROTECTION,
        }
    }

    /// A tenant of whom nothing is kept.
    pub(super) fn missing(tenant: &Tenant, settings: Option<&Settings>) -> Self {
        let servers = settings.map(|settings| settings.servers.as_slice()).unwrap_or_default();
        let trust = settings.map(|settings| &settings.trust);
        let servers = servers.iter().map(|server| ListedServer::of(server.as_str(), None, false, trust));
        Self { state: State::LoginRequired, servers: servers.collect(), ..Self::damaged(tenant) }
    }

    /// What the next `get` could do.
    pub fn state(&self) -> State {
        self.state
    }

    /// The tenant.
    pub(super) fn name(&self) -> &str {
        &self.tenant
    }

    /// When a person has to sign in again if nothing is renewed before; `None` where nobody can tell.
    pub fn sign_in_needed_by(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self.state {
            State::LoginRequired => Some(now),
            State::Damaged => None,
            State::Valid | State::Renewable => self.entra.as_ref()?.refresh_expires_at.as_deref().and_then(read_back),
        }
    }
}

/// What the next `get` could do: answer at once, renew, or only ask a person.
fn state(entry: &Entry, now: DateTime<Utc>) -> State {
    let is_valid = |record: &VeeamRecord| record.access_token.is_some() && record.life().is_alive(now);
    let is_assertion = |record: &EntraRecord| {
        let lives = record.rejected.is_none() && record.life().is_alive(now);
        lives && tokens::access_token(&record.token_response).is_some()
    };
    let has_assertion = entry.entra.iter().any(is_assertion);
    let has_refresh_token =
        entry.veeam.iter().any(|record| record.refresh_token.is_some()) || entry.entra.iter().any(is_refreshable);
    if entry.veeam.iter().any(is_valid) || entry.veeam.is_empty() && has_assertion {
        State::Valid
    } else if has_assertion || has_refresh_token {
        State::Renewable
    } else {
        State::LoginRequired
    }
}

fn is_refreshable(record: &EntraRecord) -> bool {
    record.rejected.is_none() && tokens::refresh_token(&record.token_response).is_some()
}

impl ListedEntra {
    fn new(record: &EntraRecord) -> Self {
        let has_access = tokens::access_token(&record.token_response).is_some();
        let refreshable = is_refreshable(record);
        Self {
            authority: record.authority.clone(),
            client_id: record.client_id.clone(),
            scopes: record.scopes.clone(),
            access_expires_at: has_access.then(|| instant(record.access_expires_at)),
            refreshable,
            last_renewed_at: instant(record.obtained_at),
            refresh_expires_at: refreshable.then_some(record.obtained_at).and_then(refresh_end).map(instant),
        }
    }
}

/// When a refresh token ends that came at `obtained_at`; `None` where no calendar has that day.
fn refresh_end(obtained_at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    obtained_at.checked_add_signed(REFRESH_LIFE).filter(|end| is_spellable(*end))
}

/// Whom `settings` trust to be `server`; `None` where they do not name it any more.
fn trust<'a>(settings: Option<&'a Settings>, server: &str) -> Option<&'a Trust> {
    let is_named = |settings: &&Settings| settings.servers.iter().map(Origin::as_str).any(|named| named == server);
    settings.filter(is_named).map(|settings| &settings.trust)
}

impl ListedServer {
    fn new(record: &VeeamRecord, trust: Option<&Trust>) -> Self {
        let ends = record.access_token.as_ref().map(|_| record.access_expires_at);
        Self::of(&record.server, ends, record.refresh_token.is_some(), trust)
    }

    fn of(server: &str, access_ends: Option<DateTime<Utc>>, refreshable: bool, trust: Option<&Trust>) -> Self {
        let pins = trust.map(|trust| trust.pins.as_slice()).unwrap_or_default();
        Self {
            server: server.to_owned(),
            access_expires_at: access_ends.map(instant),
            refreshable,
            pin_sha256: pins.iter().map(Fingerprint::to_string).collect(),
            ca_file: trust.and_then(|trust| trust.ca_file.as_deref()).and_then(whole),
        }
    }
}

/// The path as whoever reads the document finds it, from whatever directory; `None` if it is not Unicode.
fn whole(path: &Path) -> Option<String> {
    std::path::absolute(path).ok()?.to_str().map(str::to_owned)
}

impl ListedServer {
    /// When the access token ends; `None` where none is kept.
    pub(super) fn access_ends(&self) -> Option<DateTime<Utc>> {
        self.access_expires_at.as_deref().and_then(read_back)
    }
}

/// An instant that this program spelled.
fn read_back(text: &str) -> Option<DateTime<Utc>> {
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_nothing_to_show_is_none() {
        let tenant = "abc.com".parse().unwrap();
        let entry = concat!(
            r#"{"version":1,"tenant":"abc.com","veeam":[{"server":"https://v:4443","account":"\u001b","#,
            r#""obtained_at":"2026-11-23T04:00:00Z","access_expires_at":"2026-11-23T05:00:00Z"}]}"#
        );
        let entry = Entry::read(&tenant, entry.as_bytes()).unwrap();
        assert_eq!(Listed::new(&entry, None, DateTime::UNIX_EPOCH).account, None);
    }

    #[test]
    fn a_refresh_token_ends_after_90_days_unless_the_calendar_does() {
        let end = |obtained_at: &str| refresh_end(obtained_at.parse().unwrap()).map(instant);
        assert_eq!(end("2026-11-23T04:00:00Z").as_deref(), Some("2027-02-21T04:00:00Z"));
        assert_eq!(end("9999-12-31T23:59:59Z"), None);
        assert_eq!(refresh_end(DateTime::<Utc>::MAX_UTC), None);
    }
}
