//! A value that never shows itself: no `Display`, a redacted `Debug`, no `Serialize`, overwritten
//! when dropped. Reading it takes a call of [`Secret::expose`], which is easy to search for.

use std::fmt;
use std::mem;

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
pub struct Secret<T: Wipe>(T);

/// What can be overwritten.
pub trait Wipe {
    /// Leaves nothing of it in memory, its spare room included.
    fn wipe(&mut self);
}

impl Wipe for Vec<u8> {
    fn wipe(&mut self) {
        overwrite(self);
        self.clear();
    }
}

impl Wipe for String {
    fn wipe(&mut self) {
        mem::take(self).into_bytes().wipe();
    }
}

/// All of its room. As a slice it is done at once; as a vector, byte by byte, it would be a fifth of a call.
fn overwrite(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.capacity(), 0);
    bytes.as_mut_slice().zeroize();
}

impl<T: Wipe> Secret<T> {
    /// Wraps `value`.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// Reads the value, at the place where it is sent or written.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Wipe> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.wipe();
    }
}

impl<T: Wipe> fmt::Debug for Secret<T> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_in_the_room_that_a_value_had() {
        let mut bytes = Vec::with_capacity(100);
        bytes.extend_from_slice(b"canary");
        let room = (bytes.as_ptr(), bytes.capacity());
        overwrite(&mut bytes);
        assert_eq!((bytes.as_ptr(), bytes.len()), room);
        assert!(bytes.iter().all(|byte| *byte == 0));
    }

    #[test]
    fn what_was_wiped_is_empty_in_the_same_room() {
        let mut bytes = Vec::with_capacity(100);
        bytes.extend_from_slice(b"canary");
        let room = (bytes.as_ptr(), bytes.capacity());
        bytes.wipe();
        assert_eq!((bytes.len(), (bytes.as_ptr(), bytes.capacity())), (0, room));
        let mut text = "canary".to_owned();
        text.wipe();
        assert_eq!(text, "");
    }
}
