//! `schema`: the documents' JSON Schemas (draft 2020-12), as they lie in `schemas/`.

use super::Answer;
use crate::cli::SchemaArgs;
use crate::error::{Error, Kind, Result};
use crate::secret::Secret;
use crate::text::without_tokens;
use crate::typo;

macro_rules! schemas {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../schemas/", $name, ".schema.json")))),*]
    };
}

/// Every schema by name.
const SCHEMAS: &[(&str, &str)] = schemas![
    "cache-entry-v1",
    "doctor-v1",
    "erase-request-v1",
    "erase-response-v1",
    "error-v1",
    "external-request-v1",
    "external-response-v1",
    "get-request-v1",
    "get-response-v1",
    "headers-request-v1",
    "headers-response-v1",
    "host-entry-v1",
    "kubernetes-request-v1",
    "kubernetes-response-v1",
    "list-v1",
    "login-v1",
    "logins-v1",
    "prompt-v1",
    "refresh-v1",
    "sealed-entry-v1",
    "store-request-v1",
    "store-response-v1",
    "terraform-credentials-v1",
];

/// The schema asked for, or the names.
///
/// # Errors
/// Kind `bad_request` for a name that is not known.
pub fn run(args: &SchemaArgs) -> Result<Answer> {
    let Some(name) = &args.name else {
        let names: Vec<_> = names().map(|name| format!("{name}\n")).collect();
        return Ok(Secret::new(names.concat().into_bytes()));
    };
    let schema = SCHEMAS.iter().find(|(known, _)| known == name);
    let (_, text) = schema.ok_or_else(|| unknown(name))?;
    Ok(Secret::new(text.as_bytes().to_vec()))
}

/// The names of all schemas.
pub fn names() -> impl Iterator<Item = &'static str> {
    SCHEMAS.iter().map(|(name, _)| *name)
}

fn unknown(name: &str) -> Error {
    let near = typo::nearest(name, names()).map(|near| format!("vb365-helper schema {near}"));
    Error::new(Kind::BadRequest, format!("there is no schema {}", without_tokens(name)))
        .with_hint(near.unwrap_or("vb365-helper schema".to_owned()))
}
