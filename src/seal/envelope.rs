//! The form of a sealed file (`schemas/sealed-entry-v1.schema.json`): what a list shows stands in clear and is
//! authenticated, the rest is sealed by AES-256-GCM (NIST SP 800-38D) under a random nonce of 96 bits. The name of
//! the file is authenticated too, so that no file passes for another's.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::key::Key;
use crate::json;
use crate::secret::Secret;

/// The version of the file; one that is not sealed is of version 1.
pub const VERSION: u32 = 2;
/// How every sealed file begins. Its bytes are authenticated as they stand, so no other spelling is one.
const START: &[u8] = br#"{"version":2,"header":"#;

/// A sealed file.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Envelope<'a> {
    version: u32,
    #[serde(borrow)]
    header: &'a RawValue,
    #[serde(borrow)]
    sealed: Cow<'a, str>,
}

/// What stands in it in clear.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header<'a> {
    /// Who keeps the key.
    #[serde(borrow)]
    pub(super) protection: Cow<'a, str>,
    /// What the key is found by.
    #[serde(borrow)]
    pub(super) key: Cow<'a, str>,
    /// What a list shows.
    #[serde(borrow)]
    pub(super) outline: &'a RawValue,
}

/// Whether `text` is one.
pub(super) fn is_one(text: &[u8]) -> bool {
    text.starts_with(START)
}

impl<'a> Envelope<'a> {
    /// Reads a file.
    ///
    /// # Errors
    /// Why it is none, without values.
    pub(super) fn read(text: &'a [u8]) -> Result<(Self, Header<'a>), String> {
        let envelope: Self = serde_json::from_slice(text).map_err(|error| json::words(&error))?;
        let header = serde_json::from_str(envelope.header.get()).map_err(|error| json::words(&error))?;
        Ok((envelope, header))
    }

    /// What is sealed in it, if nothing was changed since, for the file that is called `name`.
    ///
    /// # Errors
    /// Why it cannot be opened.
    pub(super) fn open(&self, name: &str, key: &Key) -> Result<Secret<Vec<u8>>, &'static str> {
        const ALTERED: &str = "it was altered, or belongs to another name";
        let mut sealed = Zeroizing::new(STANDARD.decode(self.sealed.as_bytes()).map_err(|_| ALTERED)?);
        let nonce = sealed.get(..NONCE_LEN).and_then(|nonce| Nonce::try_assume_unique_for_key(nonce).ok());
        let about = Aad::from(about(name, self.header.get()));
        let text = cipher(key).open_within(nonce.ok_or(ALTERED)?, about, &mut sealed, NONCE_LEN..);
        Ok(Secret::new(text.map_err(|_| ALTERED)?.to_vec()))
    }
}

/// Seals `text` for the file that is called `name`; `None` where the system gives no random numbers, or `outline`
/// is no JSON.
pub(super) fn seal(name: &str, header: &Header<'_>, key: &Key, text: &Secret<Vec<u8>>) -> Option<Secret<Vec<u8>>> {
    let header = serde_json::value::to_raw_value(header).ok()?;
    let mut nonce = [0; NONCE_LEN];
    SystemRandom::new().fill(&mut nonce).ok()?;
    let mut sealed = nonce.to_vec();
    let mut body = Zeroizing::new(text.expose().clone());
    let about = Aad::from(about(name, header.get()));
    let tag = cipher(key).seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), about, &mut body).ok()?;
    sealed.extend_from_slice(&body);
    sealed.extend_from_slice(tag.as_ref());
    let envelope = Envelope { version: VERSION, header: &header, sealed: STANDARD.encode(&sealed).into() };
    let mut text = serde_json::to_vec(&envelope).ok()?;
    text.push(b'\n');
    debug_assert!(is_one(&text), "the form begins otherwise");
    Some(Secret::new(text))
}

#[allow(clippy::expect_used, reason = "the length of a key is in its type")]
fn cipher(key: &Key) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.expose()).expect("a key of 256 bits"))
}

/// What is authenticated beside the sealed text. No name holds a zero.
fn about(name: &str, header: &str) -> Vec<u8> {
    format!("vb365-helper sealed file {VERSION}\0{name}\0{header}").into_bytes()
}
