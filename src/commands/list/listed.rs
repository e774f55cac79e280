//! One tenant as lists have it: what may be shown of its entry, which is everything but the tokens.

use std::collections::HashSet;
use std::path::Path;

use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer};

use super::usable::{Kept, Usable};
use crate::cache::{Found, VeeamRecord};
use crate::credential::{Fingerprint, Origin, Settings, Tenant, Trust};
use crate::protocol::instant;
use crate::seal::Guard;
use crate::text::printable;

/// How entries are protected on disk that are not sealed: by the rights of their files.
pub(super) const UNSEALED: &str = "none";

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
    /// When it ends if nothing is renewed before; `None` where nobody can tell.
    #[serde(skip)]
    end: Option<DateTime<Utc>>,
    #[serde(skip)]
    is_renewable: bool,
    #[serde(skip)]
    is_unaccepted: bool,
    /// What mends an entry that cannot be read, where no sign-in does.
    #[serde(skip)]
    pub(super) remedy: Option<String>,
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
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "spelled")]
    access_expires_at: Option<DateTime<Utc>>,
    pub(super) refreshable: bool,
    #[serde(serialize_with = "spelled")]
    pub(super) last_renewed_at: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "spelled")]
    refresh_expires_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Serialize)]
pub(super) struct ListedServer {
    pub(super) server: String,
    /// When the access token ends; `None` where none is kept.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "spelled")]
    pub(super) access_expires_at: Option<DateTime<Utc>>,
    pub(super) refreshable: bool,
    /// Certificates to accept instead of any chain and name, as configured.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pin_sha256: Vec<String>,
    /// Further roots to trust, as configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    ca_file: Option<String>,
}

impl Listed {
    /// What may be shown of what was `found`, with whom its tenant's `settings` trust.
    pub fn new(found: &Found, settings: Option<&Settings>, now: DateTime<Utc>) -> Self {
        let entry = &found.entry;
        let usable = Usable::new(entry, settings);
        // What is kept for other settings is shown where there is nothing else.
        let newest = || entry.entra.iter().max_by_key(|record| record.obtained_at).map(Kept::new);
        let entra = usable.newest().or_else(newest);
        // As for `get`, the first of each server counts, whatever else somebody wrote into the file.
        let mut names = HashSet::new();
        let records = entry.veeam.iter().filter(|record| names.insert(record.server.as_str()));
        let kept = records.map(|record| ListedServer::new(record, trust(settings, &record.server)));
        let awaited = if usable.is_unaccepted() { configured(settings) } else { Vec::new() };
        let servers = kept.chain(awaited).collect();
        let account = entra.and_then(|kept| kept.record.account.clone());
        let account = account.or_else(|| entry.veeam.iter().find_map(|record| record.account.clone()));
        Self {
            tenant: entry.tenant().to_owned(),
            state: usable.state(now),
            account: account.as_deref().map(printable).filter(|name| !name.is_empty()),
            entra: entra.map(ListedEntra::new),
            servers,
            protection: found.guard.map_or(UNSEALED, Guard::name),
            end: usable.end(),
            is_renewable: usable.is_renewable(),
            is_unaccepted: usable.is_unaccepted(),
            remedy: None,
        }
    }

    /// A tenant whose entry cannot be read, with what mends that where no sign-in does.
    pub(super) fn damaged(tenant: &Tenant, remedy: Option<String>) -> Self {
        Self {
            tenant: tenant.as_str().to_owned(),
            state: State::Damaged,
            account: None,
            entra: None,
            servers: Vec::new(),
            protection: UNSEALED,
            end: None,
            is_renewable: false,
            is_unaccepted: false,
            remedy,
        }
    }

    /// A tenant of whom nothing is kept.
    pub(super) fn missing(tenant: &Tenant, settings: Option<&Settings>) -> Self {
        Self { state: State::LoginRequired, servers: configured(settings), ..Self::damaged(tenant, None) }
    }

    /// What the next `get` could do.
    pub fn state(&self) -> State {
        self.state
    }

    /// Whether anything is kept.
    pub(super) fn is_kept(&self) -> bool {
        self.entra.is_some() || !self.servers.is_empty() && self.state != State::LoginRequired
    }

    /// The tenant.
    pub(super) fn name(&self) -> &str {
        &self.tenant
    }

    /// When a person has to sign in again if nothing is renewed before; `None` where nobody can tell.
    pub fn sign_in_needed_by(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self.state {
            State::LoginRequired => Some(now),
            State::Damaged | State::Valid | State::Renewable => self.end,
        }
    }

    /// Whether no server that is configured has given a token for the sign-in (yet).
    pub fn is_unaccepted(&self) -> bool {
        self.is_unaccepted
    }

    /// Whether anything that `get` would use can be renewed.
    pub fn is_renewable(&self) -> bool {
        self.is_renewable
    }
}

impl ListedEntra {
    fn new(kept: Kept<'_>) -> Self {
        let record = kept.record;
        Self {
            authority: record.authority.clone(),
            client_id: record.client_id.clone(),
            scopes: record.scopes.clone(),
            access_expires_at: kept.presence.access_token.then_some(record.access_expires_at),
            refreshable: kept.is_refreshable(),
            last_renewed_at: record.obtained_at,
            refresh_expires_at: kept.refresh_end(),
        }
    }
}

/// The servers that `settings` name, of which nothing is kept.
fn configured(settings: Option<&Settings>) -> Vec<ListedServer> {
    let servers = settings.map(|settings| settings.servers.as_slice()).unwrap_or_default();
    let trust = settings.map(|settings| &settings.trust);
    servers.iter().map(|server| ListedServer::of(server.as_str(), None, false, trust)).collect()
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
            access_expires_at: access_ends,
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

/// An instant as every document has it.
fn spelled<'a, S: Serializer>(at: impl Into<Option<&'a DateTime<Utc>>>, serializer: S) -> Result<S::Ok, S::Error> {
    at.into().map(|at| instant(*at)).serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::Entry;

    #[test]
    fn a_name_with_nothing_to_show_is_none() {
        let tenant = "abc.com".parse().unwrap();
        let entry = concat!(
            r#"{"version":1,"tenant":"abc.com","veeam":[{"server":"https://v:4443","account":"\u001b","#,
            r#""obtained_at":"2026-11-23T04:00:00Z","access_expires_at":"2026-11-23T05:00:00Z"}]}"#
        );
        let entry = Entry::read(&tenant, entry.as_bytes()).unwrap();
        let found = Found { entry, damage: None, guard: None };
        assert_eq!(Listed::new(&found, None, DateTime::UNIX_EPOCH).account, None);
    }
}
