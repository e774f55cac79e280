//! A value that never shows itself: no `Display`, a redacted `Debug`, no `Serialize`, overwritten
//! when dropped. Reading it takes a call of [`Secret::expose`], which is easy to search for.

use std::fmt;

use serde::{Deserialize, Deserializer};
use zeroize::Zeroize;

/// A token, an assertion or a response body.
///
/// ```
/// use vb365_helper::secret::Secret;
///
/// let token = Secret::new(String::from("eyJ0eXAi"));
/// assert_eq!(format!("{token:?}"), "[redacted]");
/// assert_eq!(token.expose(), "eyJ0eXAi");
/// ```
///
/// It cannot be printed:
///
/// ```compile_fail
/// let token = vb365_helper::secret::Secret::new(String::from("eyJ0eXAi"));
/// println!("{token}");
/// ```
///
/// nor end in a document unnoticed:
///
/// ```compile_fail
/// let token = vb365_helper::secret::Secret::new(String::from("eyJ0eXAi"));
/// serde_json::to_string(&token);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Wraps `value`.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// Reads the value, at the place where it is sent or written.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl From<String> for Secret<String> {
    fn from(value: String) -> Self {
        Self(value)
    }
}

impl From<&str> for Secret<String> {
    fn from(value: &str) -> Self {
        Self(value.to_owned())
    }
}

impl<'de> Deserialize<'de> for Secret<String> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}
