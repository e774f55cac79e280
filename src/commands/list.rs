//! `list`: what the cache holds, as a table for people and a document for programs. It opens every
//! entry and shows no token of any.

use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use comfy_table::{Table, presets};
use serde::Serialize;

use super::{Answer, Context};
use crate::cache::{EntraRecord, Entry, VeeamRecord};
use crate::cli::ListArgs;
use crate::credential::{Fingerprint, Origin, Settings, Tenant, Trust};
use crate::entra::tokens;
use crate::error::Result;
use crate::protocol::{document, instant, native};
use crate::secret::Secret;
use crate::text::printable;
use crate::token::is_spellable;

/// Microsoft: a refresh token that is not used lives for 90 days.
const REFRESH_LIFE: TimeDelta = TimeDelta::days(90);

/// What a person reads before the first sign-in.
const NOTHING: &str = "nothing is kept; sign in with: vb365-helper login TENANT --server https://HOST:4443\n";

/// The document of `list --json`.
#[derive(Debug, Serialize)]
struct Listing {
    version: u64,
    tenants: Vec<Listed>,
    hosts: Vec<ListedHost>,
}

/// Another host whose token is kept; only its name is ever shown.
#[derive(Debug, Serialize)]
struct ListedHost {
    host: String,
}

/// One tenant, as the documents have it.
#[derive(Debug, Serialize)]
pub struct Listed {
    tenant: String,
    state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entra: Option<ListedEntra>,
    servers: Vec<ListedServer>,
    protection: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Valid,
    Renewable,
    LoginRequired,
    Damaged,
}

#[derive(Debug, Serialize)]
struct ListedEntra {
    authority: String,
    client_id: String,
    scopes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_expires_at: Option<String>,
    refreshable: bool,
    last_renewed_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_expires_at: Option<String>,
}

#[derive(Debug, Serialize)]
struct ListedServer {
    server: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_expires_at: Option<String>,
    refreshable: bool,
    /// Certificates to accept instead of any chain and name, as configured.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pin_sha256: Vec<String>,
    /// Further roots to trust, as configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    ca_file: Option<String>,
}

/// Lists every tenant.
///
/// # Errors
/// Kind `cache` where the directory cannot be read; a tenant's unreadable file is only listed so.
pub fn run(context: &Context<'_>, args: &ListArgs) -> Result<Answer> {
    let now = context.clock.now();
    let mut tenants = Vec::new();
    for tenant in context.cache.tenants()? {
        match context.cache.read(&tenant) {
            Ok(found) if found.damage.is_none() => {
                // What the cache holds can be told where the configuration is wrong, too.
                let settings = context.config.settings(&tenant).ok();
                tenants.push(Listed::new(&found.entry, settings.as_ref(), now));
            }
            Ok(found) => {
                found.damage.into_iter().for_each(|damage| context.warnings.add(damage));
                tenants.push(Listed::damaged(&tenant));
            }
            Err(error) => {
                context.warnings.add(error.to_string());
                tenants.push(Listed::damaged(&tenant));
            }
        }
    }
    let hosts = context.cache.hosts().unwrap_or_else(|error| {
        context.warnings.add(error.to_string());
        Vec::new()
    });
    let hosts: Vec<_> = hosts.iter().map(|host| ListedHost { host: host.to_string() }).collect();
    if tenants.is_empty() && hosts.is_empty() && !args.json {
        return Ok(Secret::new(NOTHING.into()));
    }
    Ok(match args.json {
        true => document(&Listing { version: native::VERSION, tenants, hosts }),
        false => Secret::new((table(&tenants, now) + &lines(&hosts)).into_bytes()),
    })
}

impl Listed {
    /// What may be shown of `entry`, with whom its tenant's `settings` trust.
    pub fn new(entry: &Entry, settings: Option<&Settings>, now: DateTime<Utc>) -> Self {
        // The one renewed last is the one in use.
        let entra = entry.entra.iter().max_by_key(|record| record.obtained_at);
        let servers: Vec<_> =
            entry.veeam.iter().map(|record| ListedServer::new(record, trust(settings, &record.server))).collect();
        let account = entra.and_then(|record| record.account.clone());
        let account = account.or_else(|| entry.veeam.iter().find_map(|record| record.account.clone()));
        Self {
            tenant: entry.tenant().to_owned(),
            state: state(entry, now),
            account: account.as_deref().map(printable).filter(|name| !name.is_empty()),
            entra: entra.map(ListedEntra::new),
            servers,
            protection: "none",
        }
    }

    fn damaged(tenant: &Tenant) -> Self {
        Self {
            tenant: tenant.as_str().to_owned(),
            state: State::Damaged,
            account: None,
            entra: None,
            servers: Vec::new(),
            protection: "none",
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
        let pins = trust.map(|trust| trust.pins.as_slice()).unwrap_or_default();
        Self {
            server: record.server.clone(),
            access_expires_at: record.access_token.as_ref().map(|_| instant(record.access_expires_at)),
            refreshable: record.refresh_token.is_some(),
            pin_sha256: pins.iter().map(Fingerprint::to_string).collect(),
            ca_file: trust.and_then(|trust| trust.ca_file.as_deref()).and_then(whole),
        }
    }
}

/// The path as whoever reads the document finds it, from whatever directory; `None` if it is not Unicode.
fn whole(path: &Path) -> Option<String> {
    std::path::absolute(path).ok()?.to_str().map(str::to_owned)
}

fn table(tenants: &[Listed], now: DateTime<Utc>) -> String {
    if tenants.is_empty() {
        return String::new();
    }
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(["TENANT", "STATE", "ACCOUNT", "SERVER", "ACCESS TOKEN"]);
    for tenant in tenants {
        let lines =
            if tenant.servers.is_empty() { &[None][..] } else { &tenant.servers.iter().map(Some).collect::<Vec<_>>() };
        for server in lines {
            table.add_row([
                tenant.tenant.clone(),
                tenant.state.words().to_owned(),
                tenant.account.clone().unwrap_or_else(|| "-".to_owned()),
                server.map_or_else(|| "-".to_owned(), |server| server.server.clone()),
                server.map_or_else(|| "-".to_owned(), |server| server.left(now)),
            ]);
        }
    }
    let lines: Vec<_> = table.lines().map(|line| line.trim().to_owned() + "\n").collect();
    lines.concat()
}

fn lines(hosts: &[ListedHost]) -> String {
    let lines: String = hosts.iter().map(|ListedHost { host }| format!("for Terraform, a token of {host}\n")).collect();
    if hosts.is_empty() { lines } else { lines + "forget one with: vb365-helper forget HOST --protocol terraform\n" }
}

impl State {
    fn words(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Renewable => "renewable",
            Self::LoginRequired => "login required",
            Self::Damaged => "damaged",
        }
    }
}

impl ListedServer {
    fn left(&self, now: DateTime<Utc>) -> String {
        let ends = self.access_expires_at.as_ref().and_then(|text| text.parse::<DateTime<Utc>>().ok());
        match ends.map(|ends| (ends - now).num_seconds()) {
            None => "-".to_owned(),
            Some(..=0) => "ended".to_owned(),
            Some(seconds @ 1..60) => format!("{seconds} s left"),
            Some(seconds) => format!("{} min left", seconds / 60),
        }
    }
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
