//! Reading JSON that may hold secrets. serde's messages repeat the values they stumble over, so
//! none of them leaves this file: only what kind of mistake it was, and where.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::error::Category;

/// Reads a document, which is an object.
///
/// # Errors
/// What is wrong and where, in words without any value.
pub fn read<T: DeserializeOwned>(text: &[u8]) -> Result<T, String> {
    serde_json::from_slice(text).map(|Object(document)| document).map_err(|error| words(&error))
}

/// A document that is an object: serde's own structs also take their fields from an array, in order.
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map))
            }
        }

        deserializer.deserialize_map(Fields(PhantomData)).map(Self)
    }
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
        let error = read::<std::collections::BTreeMap<String, u8>>(br#"{"a":"secret-canary"}"#).unwrap_err();
        assert_eq!(error, "a field is missing or of the wrong type (line 1, column 20)");
        assert_eq!(read::<Document>(b"{\"n\":").unwrap_err(), "the JSON ends too early (line 1, column 5)");
        assert_eq!(read::<Document>(b"<html>").unwrap_err(), "not JSON (line 1, column 1)");
    }

    #[test]
    fn an_array_is_not_taken_for_the_fields_of_an_object() {
        for other in ["[5]", r#"["5"]"#, "[]", "5", "null"] {
            let error = read::<Document>(other.as_bytes()).unwrap_err();
            assert!(error.starts_with("a field is missing or of the wrong type"), "{other}: {error}");
        }
    }
}
