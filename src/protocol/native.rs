//! The native protocol, version 1: one JSON document in, one out (`schemas/`). A field that is not
//! known is refused by name, so that a caller's mistake is never silently another request; no
//! message ever holds a field's value.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use serde_json::Value;

use super::fields::{Fields, bad_request};
use crate::credential::{Credential, Grant, Interactive, Origin, Request, Source, Tenant, Want};
use crate::error::{Cause, Error, Result};
use crate::secret::Secret;
use crate::token::is_spellable;

/// The version spoken.
pub const VERSION: u64 = 1;

/// What a caller asks of `store`.
#[derive(Debug)]
pub struct StoreRequest {
    /// Whose tokens.
    pub tenant: Tenant,
    /// The identity platform's token response.
    pub entra: Option<Secret<Vec<u8>>>,
    /// A VB365 server and its token response.
    pub veeam: Option<(Origin, Secret<Vec<u8>>)>,
    /// When the responses came; now without it.
    pub obtained_at: Option<DateTime<Utc>>,
}

/// What a caller asks of `erase`.
#[derive(Debug)]
pub struct EraseRequest {
    /// Whose tokens.
    pub tenant: Tenant,
    /// Only this server's.
    pub server: Option<Origin>,
    /// Only the access tokens.
    pub access_only: bool,
}

/// Reads a `get` request.
///
/// # Errors
/// Kind `bad_request`, naming the field.
pub fn read_get(text: &[u8]) -> Result<Request> {
    let mut fields = Fields::read(text, VERSION)?;
    let request = Request {
        tenant: fields.required("tenant", "a tenant's name", parsed)?,
        server: fields.optional("server", "an https URL of host and port", parsed)?,
        want: fields.optional("want", "veeam, entra or assertion", want)?.unwrap_or_default(),
        min_ttl: fields.optional("min_ttl", "a whole number of seconds", seconds)?,
        interactive: fields.optional("interactive", "auto, always or never", interactive)?.unwrap_or_default(),
        refused_token: fields.optional("refused_token", "a token", text_of)?.map(Secret::new),
        timeout: None,
    };
    fields.nothing_else()?;
    Ok(request)
}

/// Reads a `store` request.
///
/// # Errors
/// Kind `bad_request`, naming the field.
pub fn read_store(text: &[u8]) -> Result<StoreRequest> {
    let mut fields = Fields::read(text, VERSION)?;
    let tenant = fields.required("tenant", "a tenant's name", parsed)?;
    let entra = fields.optional("entra", "a token response", object)?;
    let server: Option<Origin> = fields.optional("server", "an https URL of host and port", parsed)?;
    let veeam = fields.optional("veeam", "a token response", object)?;
    let obtained_at = fields.optional("obtained_at", "an instant as RFC 3339 has it", instant_of)?;
    fields.nothing_else()?;
    let veeam = match (server, veeam) {
        (Some(server), Some(response)) => Some((server, response)),
        (None, None) => None,
        (Some(_), None) => return Err(bad_request("`server` without `veeam`")),
        (None, Some(_)) => return Err(bad_request("`veeam` without the `server` that issued it")),
    };
    if entra.is_none() && veeam.is_none() {
        return Err(bad_request("neither `entra` nor `veeam` is there to be stored"));
    }
    Ok(StoreRequest { tenant, entra, veeam, obtained_at })
}

/// Reads an `erase` request.
///
/// # Errors
/// Kind `bad_request`, naming the field.
pub fn read_erase(text: &[u8]) -> Result<EraseRequest> {
    let mut fields = Fields::read(text, VERSION)?;
    let request = EraseRequest {
        tenant: fields.required("tenant", "a tenant's name", parsed)?,
        server: fields.optional("server", "an https URL of host and port", parsed)?,
        access_only: fields.optional("access_only", "true or false", |value| value.as_bool())?.unwrap_or_default(),
    };
    fields.nothing_else()?;
    Ok(request)
}

/// The answer to `get`.
pub fn credential(credential: &Credential) -> Secret<Vec<u8>> {
    #[derive(Serialize)]
    struct Token<'a> {
        version: u64,
        tenant: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        server: Option<&'a str>,
        token_type: &'a str,
        access_token: &'a str,
        expires_at: String,
        source: &'a str,
    }
    #[derive(Serialize)]
    struct Assertion<'a> {
        version: u64,
        tenant: &'a str,
        client_id: &'a str,
        assertion: &'a str,
        expires_at: String,
    }
    let tenant = credential.tenant.as_str();
    let expires_at = instant(credential.expires_at);
    let token = |server, token| Token {
        version: VERSION,
        tenant,
        server,
        token_type: "Bearer",
        access_token: token,
        expires_at: expires_at.clone(),
        source: source(credential.source),
    };
    match &credential.grant {
        Grant::Veeam { server, token: value } => document(&token(Some(server.as_str()), value.expose())),
        Grant::Entra { token: value } => document(&token(None, value.expose())),
        Grant::Assertion { organization, assertion } => document(&Assertion {
            version: VERSION,
            tenant,
            client_id: organization,
            assertion: assertion.expose(),
            expires_at,
        }),
    }
}

/// The answer to `store`.
pub fn stored(tenant: &Tenant, stored: &[&str]) -> Secret<Vec<u8>> {
    document(&serde_json::json!({ "version": VERSION, "tenant": tenant.as_str(), "stored": stored }))
}

/// The answer to `erase`; without a tenant, to the erasure of all.
pub fn erased(tenant: Option<&Tenant>) -> Secret<Vec<u8>> {
    #[derive(Serialize)]
    struct Erased<'a> {
        version: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        tenant: Option<&'a str>,
        erased: bool,
    }
    document(&Erased { version: VERSION, tenant: tenant.map(Tenant::as_str), erased: true })
}

/// The answer of every action that failed.
pub fn error(error: &Error) -> Secret<Vec<u8>> {
    #[derive(Serialize)]
    struct Failed<'a> {
        version: u64,
        error: Details<'a>,
    }
    #[derive(Serialize)]
    struct Details<'a> {
        kind: &'a str,
        message: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        hint: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        tenant: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        retry_after: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cause: Option<Said<'a>>,
    }
    document(&Failed {
        version: VERSION,
        error: Details {
            kind: error.kind().name(),
            message: error.message(),
            hint: error.hint(),
            tenant: error.tenant(),
            retry_after: error.retry_after().map(|delay| delay.as_secs()),
            cause: error.cause().map(Said::from).filter(|said| *said != Said::default()),
        },
    })
}

/// What a server said, without what says nothing.
#[derive(Default, PartialEq, Serialize)]
struct Said<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "<[u32]>::is_empty")]
    codes: &'a [u32],
    #[serde(skip_serializing_if = "Option::is_none")]
    suberror: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    http_status: Option<u16>,
}

impl<'a> From<&'a Cause> for Said<'a> {
    fn from(cause: &'a Cause) -> Self {
        let words = |text: &'a Option<String>| text.as_deref().filter(|text| !text.is_empty());
        Self {
            error: words(&cause.error),
            codes: &cause.codes,
            suberror: words(&cause.suberror),
            correlation_id: words(&cause.correlation_id),
            http_status: cause.http_status,
        }
    }
}

/// A document and its line end, to be written at once.
pub fn document(document: &impl Serialize) -> Secret<Vec<u8>> {
    let mut text = serde_json::to_vec(document).unwrap_or_default();
    text.push(b'\n');
    Secret::new(text)
}

/// An instant as every document has it: RFC 3339 in UTC, whole seconds.
pub fn instant(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn parsed<T: std::str::FromStr>(value: &Value) -> Option<T> {
    value.as_str()?.parse().ok()
}

fn text_of(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

fn seconds(value: &Value) -> Option<Duration> {
    value.as_u64().map(Duration::from_secs)
}

fn instant_of(value: &Value) -> Option<DateTime<Utc>> {
    let instant = DateTime::parse_from_rfc3339(value.as_str()?).ok()?.to_utc();
    is_spellable(instant).then_some(instant)
}

fn object(value: &Value) -> Option<Secret<Vec<u8>>> {
    value.as_object().and_then(|_| serde_json::to_vec(value).ok()).map(Secret::new)
}

fn want(value: &Value) -> Option<Want> {
    match value.as_str()? {
        "veeam" => Some(Want::Veeam),
        "entra" => Some(Want::Entra),
        "assertion" => Some(Want::Assertion),
        _ => None,
    }
}

fn interactive(value: &Value) -> Option<Interactive> {
    match value.as_str()? {
        "auto" => Some(Interactive::Auto),
        "always" => Some(Interactive::Always),
        "never" => Some(Interactive::Never),
        _ => None,
    }
}

fn source(source: Source) -> &'static str {
    match source {
        Source::Cache => "cache",
        Source::VeeamRefresh => "veeam_refresh",
        Source::Exchange => "exchange",
        Source::EntraRefresh => "entra_refresh",
        Source::Login => "login",
    }
}
