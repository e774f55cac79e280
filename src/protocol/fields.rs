//! The fields of a JSON request, taken out one by one. What is left over is refused by name, and no
//! message ever holds a field's value.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::error::{Error, Kind, Result};
use crate::json;
use crate::text::without_tokens;

/// The fields of a request, taken out one by one; what is left over is not known.
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    /// Reads a JSON object.
    ///
    /// # Errors
    /// Kind `bad_request`: no object, or a field twice.
    pub(super) fn read(text: &[u8]) -> Result<Self> {
        let Once { fields, twice } =
            json::read(text).map_err(|why| bad_request(format!("the request is not a JSON object: {why}")))?;
        if let Some(name) = twice {
            return Err(bad_request(format!("field `{}` is there twice", without_tokens(&name))));
        }
        Ok(Self(fields))
    }

    /// The same of this `version` of its protocol.
    ///
    /// # Errors
    /// As [`Fields::read`], or another version.
    pub(super) fn versioned(text: &[u8], version: u64) -> Result<Self> {
        let mut fields = Self::read(text)?;
        match fields.required("version", "a whole number", |value| value.as_u64())? {
            known if known == version => Ok(fields),
            _ => Err(bad_request(format!("field `version`: only version {version} is known"))),
        }
    }

    /// Whether there is a field of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Takes a field that may be there; `what` says in words what it has to be.
    ///
    /// # Errors
    /// Kind `bad_request`: it is something else.
    pub(super) fn optional<T>(
        &mut self,
        name: &str,
        what: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<Option<T>> {
        let Some(value) = self.0.remove(name) else { return Ok(None) };
        read(&value).map(Some).ok_or_else(|| bad_request(format!("field `{name}` is not {what}")))
    }

    /// Takes a field that must be there.
    ///
    /// # Errors
    /// Kind `bad_request`: it is missing, or something else.
    pub(super) fn required<T>(&mut self, name: &str, what: &str, read: impl Fn(&Value) -> Option<T>) -> Result<T> {
        let value = self.optional(name, what, read)?;
        value.ok_or_else(|| bad_request(format!("field `{name}` is missing")))
    }

    /// Checks that all fields were taken.
    ///
    /// # Errors
    /// Kind `bad_request`, naming the first that was not.
    pub(super) fn nothing_else(self) -> Result<()> {
        match self.0.keys().next() {
            Some(name) => Err(bad_request(format!("field `{}` is not known", without_tokens(name)))),
            None => Ok(()),
        }
    }
}

/// The fields of an object, and the name of one that stands there twice: readers disagree on which
/// of the two would count.
struct Once {
    fields: Map<String, Value>,
    twice: Option<String>,
}

impl<'de> Deserialize<'de> for Once {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = Once;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Once, A::Error> {
                let mut once = Once { fields: Map::new(), twice: None };
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    if once.fields.insert(name.clone(), value).is_some() {
                        once.twice = Some(name);
                    }
                }
                Ok(once)
            }
        }

        deserializer.deserialize_map(Fields)
    }
}

/// The error for a request that is wrong.
pub(super) fn bad_request(message: impl Into<String>) -> Error {
    Error::new(Kind::BadRequest, message).with_hint("vb365-helper help protocol")
}
