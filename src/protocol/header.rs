//! One request header (RFC 6750 section 2.1), for tools that read headers from a file, as `curl -H @-` does.

use chrono::{DateTime, Utc};

use super::asked::Asked;
use super::call::Call;
use super::form::{self, Output};
use crate::credential::Credential;
use crate::error::Result;

/// Reads the arguments; stdin is not for this.
///
/// # Errors
/// Kind `bad_request`.
pub(super) fn read(call: &mut Call<'_>) -> Result<Asked> {
    Ok(Asked::Get(call.token_request()?, write))
}

fn write(credential: &Credential, _: DateTime<Utc>) -> Result<Output> {
    Ok(form::line(&["Authorization: Bearer ", form::token(credential)?.expose()]))
}
