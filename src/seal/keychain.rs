//! A key in the login keychain of macOS. Each key is an item under its name, and one more item has the name of the
//! key that seals: two processes that make the first key at once make two, and none is lost.

use std::time::Duration;

use security_framework::base::Error;
use security_framework::os::macos::keychain::SecKeychain;
use security_framework::passwords::{delete_generic_password, get_generic_password, set_generic_password};
use zeroize::Zeroizing;

use super::key::Key;
use super::{Guard, Located, Missing};

/// Who keeps the key.
pub(super) const GUARD: Option<Guard> = Some(Guard::Keychain);
/// Whether the next file may be sealed with the same key.
pub(super) const IS_SHARED: bool = true;

const SERVICE: &str = "vb365-helper cache key";
/// The item with the name of the key that seals.
const CURRENT: &str = "current";
/// The item with the name of the one before it.
const PREVIOUS: &str = "previous";
/// `errSecItemNotFound`
const NOT_FOUND: i32 = -25300;

/// The key that seals, made where there is none.
pub(super) fn current(_: Duration) -> Result<Located, Missing> {
    if current_name()?.is_none() {
        renew()?;
    }
    let label = current_name()?.ok_or_else(|| Missing::Away("the keychain kept no key".to_owned()))?;
    Ok(Located { key: find(&label, Duration::ZERO)?, label })
}

/// The key with this name.
pub(super) fn find(name: &str, _: Duration) -> Result<Key, Missing> {
    // A locked keychain would have a person asked for the password, and wait.
    let _quiet = SecKeychain::disable_user_interaction();
    match get_generic_password(SERVICE, name).map(Zeroizing::new) {
        Ok(bytes) => Key::read(&bytes).ok_or_else(|| Missing::Lost(format!("the keychain's key {name} is damaged"))),
        Err(error) if error.code() == NOT_FOUND => {
            Err(Missing::Lost(format!("it is sealed with the key {name}, which is not in the keychain")))
        }
        Err(error) => Err(away(&error)),
    }
}

/// Whether the keychain answers.
pub(super) fn check(_: Duration) -> Result<(), Missing> {
    current_name().map(drop)
}

/// Makes a new key the one that seals.
pub(super) fn renew() -> Result<(), Missing> {
    let key = Key::random().ok_or_else(|| Missing::Away("the system gives no random numbers".to_owned()))?;
    set_generic_password(SERVICE, &key.name(), key.expose()).map_err(|error| away(&error))?;
    if let Some(old) = current_name()? {
        // Found again by `forget_all_but`.
        let _ = set_generic_password(SERVICE, PREVIOUS, old.as_bytes());
    }
    set_generic_password(SERVICE, CURRENT, key.name().as_bytes()).map_err(|error| away(&error))
}

/// Removes the key that sealed before this one.
pub(super) fn forget_all_but(name: &str) -> Result<(), Missing> {
    let Ok(previous) = get_generic_password(SERVICE, PREVIOUS) else { return Ok(()) };
    let previous = String::from_utf8_lossy(&previous).into_owned();
    if previous != name {
        let _ = delete_generic_password(SERVICE, &previous);
    }
    delete_generic_password(SERVICE, PREVIOUS).map_err(|error| away(&error))
}

fn current_name() -> Result<Option<String>, Missing> {
    let _quiet = SecKeychain::disable_user_interaction();
    match get_generic_password(SERVICE, CURRENT) {
        Ok(name) => Ok(Some(String::from_utf8_lossy(&name).into_owned())),
        Err(error) if error.code() == NOT_FOUND => Ok(None),
        Err(error) => Err(away(&error)),
    }
}

fn away(error: &Error) -> Missing {
    Missing::Away(format!("the keychain gives no key ({error})"))
}
