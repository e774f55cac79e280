//! Terraform's `external` data source: a flat object of strings in, a flat object of strings out.
//! Terraform keeps the result in its state and writes it to its trace log, tokens included: the
//! README shows the better way. A failure is what stands on stderr.
//! <https://registry.terraform.io/providers/hashicorp/external/latest/docs/data-sources/external>

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

use super::asked::Asked;
use super::call::Call;
use super::fields::{Fields, bad_request};
use super::form::{self, Output};
use super::native;
use crate::credential::{Credential, Grant};
use crate::error::Result;

/// Reads the query; what it leaves open may stand in the arguments, and nothing in both.
///
/// # Errors
/// Kind `bad_request`, naming the key.
pub(super) fn read(call: &mut Call<'_>) -> Result<Asked> {
    let mut query = Fields::read(call.stdin.text()?.expose())?;
    let tenant = query.optional("tenant", "a tenant's name", native::parsed)?;
    let tenant = one("tenant", tenant, call.tenant()?)?.ok_or_else(|| bad_request("field `tenant` is missing"))?;
    let mut request = call.request(tenant);
    let server = query.optional("server", "an https URL of host and port", native::parsed)?;
    request.server = one("server", server, request.server)?;
    let want = query.optional("want", "veeam, entra or assertion", native::want)?;
    request.want = one("want", want, call.flags.want)?.unwrap_or_default();
    let min_ttl = query.optional("min_ttl", "a duration, as in 10m", duration)?;
    request.min_ttl = one("min_ttl", min_ttl, request.min_ttl)?;
    query.nothing_else()?;
    Ok(Asked::Get(request, write))
}

/// What the query or the arguments say.
fn one<T>(name: &str, in_query: Option<T>, in_arguments: Option<T>) -> Result<Option<T>> {
    if in_query.is_some() && in_arguments.is_some() {
        return Err(bad_request(format!("`{name}` stands in the query and in the arguments")));
    }
    Ok(in_query.or(in_arguments))
}

/// As the configuration spells it, or in seconds as the native protocol counts them.
fn duration(value: &Value) -> Option<Duration> {
    let text = value.as_str()?;
    text.parse().ok().map(Duration::from_secs).or_else(|| humantime::parse_duration(text).ok())
}

fn write(credential: &Credential, _: DateTime<Utc>) -> Result<Output> {
    #[derive(Serialize)]
    struct Answer<'a> {
        tenant: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        server: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        access_token: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        client_id: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        assertion: Option<&'a str>,
        expires_at: String,
    }
    let mut answer = Answer {
        tenant: credential.tenant.as_str(),
        server: None,
        access_token: None,
        client_id: None,
        assertion: None,
        expires_at: form::instant(credential.expires_at),
    };
    match &credential.grant {
        Grant::Veeam { server, token } => {
            (answer.server, answer.access_token) = (Some(server.as_str()), Some(token.expose().as_str()));
        }
        Grant::Entra { token } => answer.access_token = Some(token.expose()),
        Grant::Assertion { organization, assertion } => {
            (answer.client_id, answer.assertion) = (Some(organization.as_str()), Some(assertion.expose().as_str()));
        }
    }
    Ok(form::document(&answer))
}
