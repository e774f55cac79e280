//! The credential-helper protocol that EngFlow specified and Bazel speaks: a URI on stdin, request
//! headers on stdout. Its callers pass no flag and no tenant, wait ten seconds and nobody sits
//! before them; for a URI that is none of the helper's business the answer is no header.
//! <https://github.com/EngFlow/credential-helper-spec>

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use url::Url;

use super::asked::{Asked, Token};
use super::call::{Action, Call, wrong};
use super::fields::Fields;
use super::form::{self, Output};
use crate::credential::{Interactive, Origin, ServerName};
use crate::error::Result;

/// How long an answer may take, whatever a flag says: callers give up after ten seconds.
pub(super) const LIMIT: Duration = Duration::from_secs(7);

/// What no other request has, to be looked for before a request is read twice.
const FIELD: &[u8] = b"\"uri\"";

/// Whether the request has a URI, and no version as the native one has.
pub(super) fn is_spoken(call: &mut Call<'_>) -> bool {
    // With a tenant in the arguments, stdin is nobody's request.
    if call.action != Action::Get || call.subject.is_some() || call.flags.tenant.is_some() {
        return false;
    }
    // What cannot be read is told by the protocol that takes every call.
    let Ok(text) = call.stdin.text() else { return false };
    let text = text.expose();
    let is_mentioned = text.windows(FIELD.len()).any(|part| part == FIELD);
    is_mentioned && Fields::read(text).is_ok_and(|fields| fields.has("uri") && !fields.has("version"))
}

/// Reads the URI; whatever else stands beside it, a later version may know.
///
/// # Errors
/// Kind `bad_request`.
pub(super) fn read(call: &mut Call<'_>) -> Result<Asked> {
    if call.subject.is_some() {
        return Err(wrong("the headers protocol has its URI on stdin, and takes --tenant as a flag"));
    }
    call.only(&["--tenant", "--min-ttl", "--interactive", "--timeout"], "a URI")?;
    let mut fields = Fields::read(call.stdin.text()?.expose())?;
    let uri = fields.required("uri", "an absolute URI", |value| Url::parse(value.as_str()?).ok())?;
    // What could not be configured (http, or no host at all) is somebody else's.
    let Ok(origin) = Origin::of(&uri) else {
        return Ok(Asked::Nothing(write(None, DateTime::UNIX_EPOCH)));
    };
    let mut request = call.server_request(ServerName::Origin(origin));
    request.interactive = Interactive::Never;
    request.timeout = Some(request.timeout.map_or(LIMIT, |timeout| timeout.min(LIMIT)));
    Ok(Asked::GetFor(request, write))
}

fn write(token: Option<&Token>, now: DateTime<Utc>) -> Output {
    #[derive(Serialize)]
    struct Answer {
        headers: Headers,
        /// In whole seconds: Bazel reads no fractions.
        #[serde(skip_serializing_if = "Option::is_none")]
        expires: Option<String>,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Headers {
        #[serde(skip_serializing_if = "Option::is_none")]
        authorization: Option<[String; 1]>,
    }
    let authorization = token.map(|token| [format!("Bearer {}", token.value.expose())]);
    let ends = token.and_then(|token| token.expires_at);
    let expires = ends.map(|ends| form::instant(form::early(ends, now)));
    form::document(&Answer { headers: Headers { authorization }, expires })
}
