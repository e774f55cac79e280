//! Reading JSON that may hold secrets. serde's messages repeat the values they stumble over, so
//! none of them leaves this file: only what kind of mistake it was, and where.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::error::Category;

/// Reads a document.
///
/// # Errors
/// What is wrong and where, in words without any value.
pub fn read<T: DeserializeOwned>(text: &[u8]) -> Result<T, String> {
    serde_json::from_slice(text).map_err(|error| words(&error))
}

/// What `error` may say of a document that holds secrets.
pub fn words(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        Category::Eof => "the JSON ends too early",
        Category::Syntax => "not JSON",
        Category::Data => "a field is missing or of the wrong type",
        Category::Io => "not readable",
    };
    format!("{what} (line {}, column {})", error.line(), error.column())
}

/// A whole number that may come as a string, as both systems send theirs.
///
/// Anything else (negative, fractional, absurd) is `None`: the caller names the field.
pub fn lenient_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Ok(match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::Number(number) => number.as_u64(),
        serde_json::Value::String(text) => text.trim().parse().ok(),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Document {
        #[serde(default, deserialize_with = "lenient_number")]
        n: Option<u64>,
    }

    #[test]
    fn numbers_come_as_numbers_or_strings() {
        let n = |text: &str| read::<Document>(text.as_bytes()).unwrap().n;
        assert_eq!(n(r#"{"n":5}"#), Some(5));
        assert_eq!(n(r#"{"n":"5"}"#), Some(5));
        for other in ["{}", r#"{"n":-1}"#, r#"{"n":1e300}"#, r#"{"n":"NaN"}"#, r#"{"n":null}"#, r#"{"n":[]}"#] {
            assert_eq!(n(other), None, "{other}");
        }
    }

    #[test]
    fn mistakes_are_placed_but_never_quoted() {
        let error = read::<Vec<u8>>(br#"["secret-canary"]"#).unwrap_err();
        assert_eq!(error, "a field is missing or of the wrong type (line 1, column 16)");
        assert_eq!(read::<Document>(b"{\"n\":").unwrap_err(), "the JSON ends too early (line 1, column 5)");
        assert_eq!(read::<Document>(b"<html>").unwrap_err(), "not JSON (line 1, column 1)");
    }
}
