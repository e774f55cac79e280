//! Windows seals a key of its own for each file, by the secrets of the user's profile (DPAPI). The sealed key is
//! its label.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use windows_dpapi::{Scope, decrypt_data, encrypt_data};
use zeroize::Zeroizing;

use super::key::Key;
use super::{Guard, Located, Missing};

/// Who keeps the key.
pub(super) const GUARD: Option<Guard> = Some(Guard::Dpapi);
/// Whether the next file may be sealed with the same key.
pub(super) const IS_SHARED: bool = false;

/// Keeps other programs' sealed data apart from these.
const ENTROPY: Option<&[u8]> = Some(b"vb365-helper cache key");

/// A new key.
pub(super) fn current(_: Duration) -> Result<Located, Missing> {
    let key = Key::random().ok_or_else(|| Missing::Away("Windows gives no random numbers".to_owned()))?;
    let sealed = encrypt_data(key.expose(), Scope::User, ENTROPY);
    let sealed = sealed.map_err(|error| Missing::Away(format!("Windows seals nothing for this user ({error:#})")))?;
    Ok(Located { label: STANDARD.encode(sealed), key })
}

/// The key that is sealed in `label`.
pub(super) fn find(label: &str, _: Duration) -> Result<Key, Missing> {
    let lost = |why: &str| Missing::Lost(format!("Windows does not open it for this user on this machine ({why})"));
    let sealed = STANDARD.decode(label).map_err(|_| lost("its key is damaged"))?;
    let key = decrypt_data(&sealed, Scope::User, ENTROPY).map(Zeroizing::new);
    let key = key.map_err(|error| lost(&format!("{error:#}")))?;
    Key::read(&key).ok_or_else(|| lost("its key is damaged"))
}

/// Whether a key can be sealed; it is sealed for nothing.
pub(super) fn check(_: Duration) -> Result<(), Missing> {
    current(Duration::ZERO).map(drop)
}

/// Nothing: each file has a key of its own.
pub(super) fn renew() -> Result<(), Missing> {
    Ok(())
}

/// Nothing: a key goes with its file.
pub(super) fn forget_all_but(_: &str) -> Result<(), Missing> {
    Ok(())
}
