//! The token alone, on a line of its own, for shells: `TF_VAR_token=$(vb365-helper get T --protocol token)`.

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
    Ok(form::line(&[form::token(credential)?.expose()]))
}
