//! Terraform's and OpenTofu's credentials helper: a program named `terraform-credentials-NAME` that
//! is asked to `get`, `store` and `forget` by host. Terraform allows one helper, so this one keeps
//! what belongs to other hosts too; "nothing" is an empty object and success, because Terraform
//! asks for every registry it meets. It shows stderr only of failures.
//! <https://developer.hashicorp.com/terraform/internals/credentials-helpers>

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::asked::{Asked, Token};
use super::call::{Action, Call, wrong};
use super::fields::Fields;
use super::form::{self, Output};
use crate::credential::{Host, ServerName};
use crate::error::Result;
use crate::secret::Secret;
use crate::token::is_one_word;

/// Reads the host, and for `store` the token, to the end of stdin even if it is refused.
///
/// # Errors
/// Kind `bad_request`.
pub(super) fn read(call: &mut Call<'_>) -> Result<Asked> {
    let token = if call.action == Action::Store { Some(call.stdin.text()?.clone()) } else { None };
    let typed = call.subject.as_ref().ok_or_else(|| wrong("the host is missing"))?;
    let host: Host = typed.parse().map_err(|why: String| wrong(format!("the host: {why}")))?;
    call.only(&["--tenant", "--min-ttl", "--interactive", "--timeout"], "a host")?;
    let request = call.server_request(ServerName::Host(host.clone()));
    Ok(match (call.action, token) {
        (Action::Store, Some(text)) => Asked::StoreFor(host, token_in(&text)?, form::silence()),
        (Action::Erase, _) => Asked::EraseFor(request, form::silence()),
        _ => Asked::GetFor(request, write),
    })
}

/// The token of a request to `store`: anything beside it could not be kept, and Terraform wants to know.
fn token_in(text: &Secret<Vec<u8>>) -> Result<Secret<String>> {
    let mut fields = Fields::read(text.expose())?;
    let token = fields.required("token", "one word of printable ASCII", |value| {
        value.as_str().filter(|token| is_one_word(token)).map(Secret::from)
    })?;
    fields.nothing_else()?;
    Ok(token)
}

fn write(token: Option<&Token>, _: DateTime<Utc>) -> Output {
    #[derive(Serialize)]
    struct Credentials<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        token: Option<&'a str>,
    }
    form::document(&Credentials { token: token.map(|token| token.value.expose().as_str()) })
}
