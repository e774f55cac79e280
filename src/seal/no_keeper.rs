//! A system, or a build, in which nobody keeps keys.

use std::time::Duration;

use super::key::Key;
use super::{Guard, Located, Missing};

/// Who keeps the key.
pub(super) const GUARD: Option<Guard> = None;
/// Whether the next file may be sealed with the same key.
pub(super) const IS_SHARED: bool = true;

/// None.
pub(super) fn current(_: Duration) -> Result<Located, Missing> {
    Err(nobody())
}

/// None.
pub(super) fn find(_: &str, _: Duration) -> Result<Key, Missing> {
    Err(nobody())
}

/// None.
pub(super) fn check(_: Duration) -> Result<(), Missing> {
    Err(nobody())
}

/// None.
pub(super) fn renew() -> Result<(), Missing> {
    Err(nobody())
}

/// None.
pub(super) fn forget_all_but(_: &str) -> Result<(), Missing> {
    Ok(())
}

fn nobody() -> Missing {
    Missing::Away("this build knows no keyring of this system".to_owned())
}
