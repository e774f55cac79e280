//! The native protocol, version 1: one JSON document in, one out (`schemas/`). A field that is not
//! known is refused by name, so that a caller's mistake is never silently another request; no
//! message ever holds a field's value.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

use super::asked::{Asked, EraseRequest, StoreRequest};
use super::call::{Action, Call, Flags};
use super::fields::{Fields, bad_request};
use super::form::{Output, document, instant};
use crate::credential::{Credential, Grant, Interactive, Origin, Request, Source, Tenant, Want};
use crate::error::{Cause, Error, Result};
use crate::secret::Secret;
use crate::token::is_spellable;

/// The version spoken.
pub const VERSION: u64 = 1;

/// Reads what the arguments or stdin ask: stdin only where no tenant is named, so that a program that
/// is started with an open, silent stdin never hangs, and for `store`.
///
/// # Errors
/// Kind `bad_request`, naming the field or flag.
pub(super) fn read(call: &mut Call<'_>) -> Result<Asked> {
    let tenant = call.tenant()?;
    if call.flags.all {
        call.only(&["--all", "--interactive"], "--all")?;
        return Ok(Asked::EraseAll(all_erased()));
    }
    if tenant.is_none() {
        call.only(&["--interactive", "--timeout"], "a request on stdin")?;
    }
    Ok(match (call.action, tenant) {
        (Action::Get, Some(tenant)) => Asked::Get(call.request(tenant), credential),
        (Action::Get, None) => {
            let mut request = read_get(call.stdin.text().map_err(or_an_argument)?.expose())?;
            // What the caller's configuration says outweighs what its request does.
            request.interactive = call.flags.interactive.unwrap_or(request.interactive);
            request.timeout = call.flags.timeout;
            Asked::Get(request, credential)
        }
        (Action::Store, tenant) => Asked::Store(store(call, tenant)?, stored),
        (Action::Erase, Some(tenant)) => {
            let Flags { server, access_only, .. } = call.flags.clone();
            Asked::Erase(EraseRequest { tenant, server, access_only }, erased)
        }
        (Action::Erase, None) => Asked::Erase(read_erase(call.stdin.text().map_err(or_an_argument)?.expose())?, erased),
    })
}

/// With a tenant named, stdin is the bare response as Microsoft sent it, or as the server named did.
fn store(call: &mut Call<'_>, tenant: Option<Tenant>) -> Result<StoreRequest> {
    let text = call.stdin.text()?.clone();
    let Some(tenant) = tenant else { return read_store(text.expose()) };
    let (entra, veeam) = match call.flags.server.clone() {
        None => (Some(text), None),
        Some(server) => (None, Some((server, text))),
    };
    Ok(StoreRequest { tenant, entra, veeam, obtained_at: None })
}

/// Adds what else there is where a request could have been an argument.
fn or_an_argument(error: Error) -> Error {
    error.with_hint("name the tenant as an argument, or send a JSON request and close stdin")
}

/// Reads a `get` request.
///
/// # Errors
/// Kind `bad_request`, naming the field.
pub fn read_get(text: &[u8]) -> Result<Request> {
    let mut fields = Fields::versioned(text, VERSION)?;
    let request = Request {
        tenant: fields.required("tenant", "a tenant's name", parsed)?,
        server: fields.optional("server", "an https URL of host and port", parsed)?,
        want: fields.optional("want", "veeam, entra or assertion", want)?.unwrap_or_default(),
        min_ttl: fields.optional("min_ttl", "a whole number of seconds", seconds)?,
        interactive: fields
            .optional("interactive", "auto, always, elsewhere or never", interactive)?
            .unwrap_or_default(),
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
    let mut fields = Fields::versioned(text, VERSION)?;
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
    let mut fields = Fields::versioned(text, VERSION)?;
    let request = EraseRequest {
        tenant: fields.required("tenant", "a tenant's name", parsed)?,
        server: fields.optional("server", "an https URL of host and port", parsed)?,
        access_only: fields.optional("access_only", "true or false", |value| value.as_bool())?.unwrap_or_default(),
    };
    fields.nothing_else()?;
    Ok(request)
}

/// The answer to `get`.
pub(super) fn credential(credential: &Credential, _: DateTime<Utc>) -> Result<Output> {
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
    Ok(match &credential.grant {
        Grant::Veeam { server, token: value } => document(&token(Some(server.as_str()), value.expose())),
        Grant::Entra { token: value } => document(&token(None, value.expose())),
        Grant::Assertion { organization, assertion } => document(&Assertion {
            version: VERSION,
            tenant,
            client_id: organization,
            assertion: assertion.expose(),
            expires_at,
        }),
    })
}

/// The answer to `store`.
pub(super) fn stored(request: &StoreRequest) -> Output {
    let whose = [request.entra.as_ref().map(|_| "entra"), request.veeam.as_ref().map(|_| "veeam")];
    let stored: Vec<_> = whose.into_iter().flatten().collect();
    document(&serde_json::json!({ "version": VERSION, "tenant": request.tenant.as_str(), "stored": stored }))
}

/// The answer to `erase`.
pub(super) fn erased(request: &EraseRequest) -> Output {
    gone(Some(&request.tenant))
}

/// The answer to the erasure of all.
pub(super) fn all_erased() -> Output {
    gone(None)
}

fn gone(tenant: Option<&Tenant>) -> Output {
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
pub fn error(error: &Error) -> Output {
    #[derive(Serialize)]
    struct Failed<'a> {
        version: u64,
        error: ErrorDetails<'a>,
    }
    document(&Failed { version: VERSION, error: error.into() })
}

/// A failure as every document has it.
#[derive(Serialize)]
pub struct ErrorDetails<'a> {
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

impl<'a> From<&'a Error> for ErrorDetails<'a> {
    fn from(error: &'a Error) -> Self {
        Self {
            kind: error.kind().name(),
            message: error.message(),
            hint: error.hint(),
            tenant: error.tenant(),
            retry_after: error.retry_after().map(|delay| delay.as_secs()),
            cause: error.cause().map(Said::from).filter(|said| *said != Said::default()),
        }
    }
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

pub(super) fn parsed<T: std::str::FromStr>(value: &Value) -> Option<T> {
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

pub(super) fn want(value: &Value) -> Option<Want> {
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
        "elsewhere" => Some(Interactive::Elsewhere),
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
