//! A key in the keyring of a desktop, by the Secret Service of freedesktop.org. Two processes that make the first
//! key at once make two, and none is lost: the name in a file's header says which one it is sealed with.

use std::collections::HashMap;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use dbus_secret_service::{Collection, EncryptionType, Error, Item, SecretService};
use zeroize::Zeroizing;

use super::key::Key;
use super::{Guard, Located, Missing};

/// Who keeps the key.
pub(super) const GUARD: Option<Guard> = Some(Guard::SecretService);
/// Whether the next file may be sealed with the same key.
pub(super) const IS_SHARED: bool = true;

/// What the items of these keys have in common.
const ATTRIBUTES: [(&str, &str); 2] = [("application", "vb365-helper"), ("use", "cache key")];
/// The attribute that says when.
const MADE: &str = "made";
/// What a person sees in the keyring's own window.
const LABEL: &str = "vb365-helper: key of the token cache";
/// How long making and removing keys may take, which a person asked for.
const PATIENCE: Duration = Duration::from_secs(10);

/// The key that seals, made where there is none.
pub(super) fn current(limit: Duration) -> Result<Located, Missing> {
    within(limit, || {
        let service = connect()?;
        let key = match items(&service)?.iter().max_by_key(|item| made(item)) {
            Some(newest) => read(newest)?,
            None => make(&service)?,
        };
        Ok(Located { label: key.name(), key })
    })
}

/// The key with this name.
pub(super) fn find(name: &str, limit: Duration) -> Result<Key, Missing> {
    let name = name.to_owned();
    within(limit, move || {
        let service = connect()?;
        for item in items(&service)? {
            let key = read(&item)?;
            if key.name() == name {
                return Ok(key);
            }
        }
        // One that is just starting has nothing yet.
        open_collection(&service)?;
        Err(Missing::Lost(format!("it is sealed with the key {name}, which is not in the keyring")))
    })
}

/// Whether a keyring answers that has a key, or would take one.
pub(super) fn check(limit: Duration) -> Result<(), Missing> {
    within(limit, || {
        let service = connect()?;
        if items(&service)?.is_empty() { open_collection(&service).map(drop) } else { Ok(()) }
    })
}

/// Makes a new key the one that seals.
pub(super) fn renew() -> Result<(), Missing> {
    within(PATIENCE, || make(&connect()?).map(drop))
}

/// Removes all keys but this one.
pub(super) fn forget_all_but(name: &str) -> Result<(), Missing> {
    let name = name.to_owned();
    within(PATIENCE, move || {
        let service = connect()?;
        for item in items(&service)? {
            if read(&item)?.name() != name {
                item.delete().map_err(|error| away(&error))?;
            }
        }
        Ok(())
    })
}

/// Has `work` done in time, or not at all: a bus can be silent for as long as it likes.
fn within<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> Result<T, Missing> + Send + 'static,
) -> Result<T, Missing> {
    let (sender, receiver) = mpsc::sync_channel(1);
    let worker = move || drop(sender.send(work()));
    if thread::Builder::new().spawn(worker).is_err() {
        return Err(Missing::Away("this machine can start no thread now".to_owned()));
    }
    let late = |_| Err(Missing::Away(format!("the keyring did not answer within {} ms", limit.as_millis())));
    receiver.recv_timeout(limit).unwrap_or_else(late)
}

/// The service, which then never asks a person for anything. What goes over the user's own socket is not encrypted
/// once more: who can read that can ask the keyring as well.
fn connect() -> Result<SecretService, Missing> {
    SecretService::connect_with_max_prompt_timeout(EncryptionType::Plain, 0).map_err(|error| away(&error))
}

fn items(service: &SecretService) -> Result<Vec<Item<'_>>, Missing> {
    let found = service.search_items(HashMap::from(ATTRIBUTES)).map_err(|error| away(&error))?;
    if found.unlocked.is_empty() && !found.locked.is_empty() {
        return Err(Missing::Away("the keyring is locked".to_owned()));
    }
    Ok(found.unlocked)
}

/// When the key was made, in nanoseconds: the keyring's own time has seconds.
fn made(item: &Item<'_>) -> u128 {
    let attributes = item.get_attributes().unwrap_or_default();
    attributes.get(MADE).and_then(|made| made.parse().ok()).unwrap_or_default()
}

fn read(item: &Item<'_>) -> Result<Key, Missing> {
    let secret = item.get_secret().map(Zeroizing::new).map_err(|error| away(&error))?;
    Key::read(&secret).ok_or_else(|| Missing::Lost("a key in the keyring is damaged".to_owned()))
}

fn open_collection(service: &SecretService) -> Result<Collection<'_>, Missing> {
    let collection = service.get_default_collection().map_err(|error| away(&error))?;
    match collection.is_locked().map_err(|error| away(&error))? {
        true => Err(Missing::Away("the keyring is locked".to_owned())),
        false => Ok(collection),
    }
}

#[allow(clippy::disallowed_methods, reason = "only the order of a user's own keys hangs on it")]
fn make(service: &SecretService) -> Result<Key, Missing> {
    let collection = open_collection(service)?;
    let key = Key::random().ok_or_else(|| Missing::Away("the system gives no random numbers".to_owned()))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos().to_string();
    let attributes = ATTRIBUTES.into_iter().chain([(MADE, now.as_str())]).collect();
    let made = collection.create_item(LABEL, attributes, key.expose(), false, "application/octet-stream");
    made.map_err(|error| away(&error))?;
    Ok(key)
}

fn away(error: &Error) -> Missing {
    Missing::Away(match error {
        Error::Locked | Error::Prompt => "the keyring is locked".to_owned(),
        Error::NoResult => "there is no keyring".to_owned(),
        _ => format!("no keyring answers ({error})"),
    })
}
