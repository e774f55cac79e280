//! Sealing: what protects the tokens on disk beside the rights of their files. A file is sealed with a key that the
//! operating system or a file of the user's keeps; who copies the cache alone has nothing.

mod envelope;
mod key;
mod key_file;
#[cfg(test)]
mod tests;

#[cfg(windows)]
#[path = "dpapi.rs"]
mod keeper;
#[cfg(target_os = "macos")]
#[path = "keychain.rs"]
mod keeper;
#[cfg(all(unix, not(target_os = "macos"), feature = "secret-service"))]
#[path = "secret_service.rs"]
mod keeper;
#[cfg(all(unix, not(target_os = "macos"), not(feature = "secret-service")))]
#[path = "no_keeper.rs"]
mod keeper;

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::value::RawValue;

pub use self::envelope::VERSION;
use self::envelope::{Envelope, Header};
use self::key::Key;
use crate::error::{Error, Kind, Result};
use crate::secret::Secret;

/// How long a keyring may take that nobody insists on.
const OFFERED: Duration = Duration::from_millis(200);
/// How long one may take that is needed.
const NEEDED: Duration = Duration::from_secs(2);

/// How new files are protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Sealed by the operating system where that is to be had at once and without a person, else as [`Mode::Plain`].
    #[default]
    Auto,
    /// Sealed by the operating system.
    Os,
    /// Sealed with a key from a file.
    KeyFile,
    /// By the rights of the files alone.
    Plain,
}

impl Mode {
    /// Every mode with its name in the configuration.
    pub const ALL: [(Self, &str); 4] =
        [(Self::Auto, "auto"), (Self::Os, "os"), (Self::KeyFile, "key_file"), (Self::Plain, "none")];

    /// The name in the configuration.
    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].1
    }
}

/// What the configuration says of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Protection {
    /// How new files are protected.
    pub mode: Mode,
    /// Files with one key each: the first seals, all open.
    pub key_files: Vec<PathBuf>,
}

/// Who keeps the key of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// The profile of a Windows user.
    Dpapi,
    /// The login keychain of macOS.
    Keychain,
    /// The keyring of a Linux desktop.
    SecretService,
    /// A file.
    KeyFile,
}

impl Guard {
    const ALL: [Self; 4] = [Self::Dpapi, Self::Keychain, Self::SecretService, Self::KeyFile];

    /// The one that `header` names.
    fn of(header: &Header<'_>) -> Option<Self> {
        Self::ALL.into_iter().find(|guard| guard.name() == header.protection)
    }

    /// The name in files and documents.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dpapi => "dpapi",
            Self::Keychain => "keychain",
            Self::SecretService => "secret_service",
            Self::KeyFile => "key_file",
        }
    }

    /// The name in sentences.
    pub fn words(self) -> &'static str {
        match self {
            Self::Dpapi => "Windows (DPAPI)",
            Self::Keychain => "the keychain",
            Self::SecretService => "the keyring (Secret Service)",
            Self::KeyFile => "a key file",
        }
    }
}

/// A key, and what it is found by.
#[derive(Clone, Debug)]
struct Located {
    label: String,
    key: Key,
}

/// Why there is no key, in words that go on after "because" or a colon.
#[derive(Debug)]
enum Missing {
    /// It may be there another time.
    Away(String),
    /// It will not come back.
    Lost(String),
}

/// What a file holds, and what protects it.
#[derive(Debug)]
pub struct Opened {
    /// The text.
    pub text: Secret<Vec<u8>>,
    /// Who keeps its key; `None` where it is not sealed.
    pub guard: Option<Guard>,
}

/// Why a file cannot be opened.
#[derive(Debug)]
pub enum Unopened {
    /// It is not as it was written.
    Damaged(String),
    /// Its key is gone.
    Lost(String),
    /// Its key cannot be had now; kind `cache`.
    Away(Error),
}

/// Seals and opens files.
#[derive(Debug, Default)]
pub struct Vault {
    protection: Protection,
    known: Mutex<Known>,
}

/// What was found out in this process.
#[derive(Debug, Default)]
struct Known {
    keys: Vec<(Guard, Located)>,
    /// Why the operating system gives no key now: it is not asked again, and waited for, for each file.
    away: Option<String>,
    /// The key that seals, or `None` inside where nobody gives one.
    current: Option<Option<(Guard, Located)>>,
}

impl Vault {
    /// One that protects new files so.
    pub fn new(protection: Protection) -> Self {
        Self { protection, known: Mutex::default() }
    }

    /// What `file` holds, which stands under `name` in the cache.
    ///
    /// # Errors
    /// See [`Unopened`].
    pub fn open(&self, name: &str, file: Secret<Vec<u8>>) -> Result<Opened, Unopened> {
        if !envelope::is_one(file.expose()) {
            return Ok(Opened { text: file, guard: None });
        }
        let (envelope, header) = Envelope::read(file.expose()).map_err(Unopened::Damaged)?;
        let guard =
            Guard::of(&header).ok_or_else(|| Unopened::Damaged("nobody is known who could keep its key".to_owned()))?;
        let key = self.key(guard, &header.key)?;
        let text = envelope.open(name, &key).map_err(|why| Unopened::Damaged(why.to_owned()))?;
        Ok(Opened { text, guard: Some(guard) })
    }

    /// What a list shows of `file`, for which no key is needed, and so nothing is certain; all of it, where it is
    /// not sealed.
    ///
    /// # Errors
    /// Why it is no file, in words.
    pub fn outline(file: Secret<Vec<u8>>) -> Result<Opened, String> {
        if !envelope::is_one(file.expose()) {
            return Ok(Opened { text: file, guard: None });
        }
        let (_, header) = Envelope::read(file.expose())?;
        Ok(Opened { text: Secret::new(header.outline.get().as_bytes().to_vec()), guard: Guard::of(&header) })
    }

    /// The sealed file with `text` that is to stand under `name`, of which a list shows the `outline`, a JSON text;
    /// `None` where files are not sealed.
    ///
    /// # Errors
    /// Kind `cache`: it cannot be protected as it should be; and those of `outline`.
    pub fn seal(
        &self,
        name: &str,
        text: &Secret<Vec<u8>>,
        outline: impl FnOnce() -> Result<Secret<Vec<u8>>>,
    ) -> Result<Option<Secret<Vec<u8>>>> {
        // Asked for under the lock of the name: a key that was replaced meanwhile may be gone soon.
        self.known().current.take_if(|current| current.is_some());
        let Some((guard, Located { label, key })) = self.current()? else { return Ok(None) };
        let outline = outline()?;
        let outline: &RawValue = serde_json::from_slice(outline.expose()).map_err(|_| broken())?;
        let header = Header { protection: guard.name().into(), key: label.into(), outline };
        envelope::seal(name, &header, &key, text).ok_or_else(broken).map(Some)
    }

    /// Who would keep the key of a new file; `None` where that would not be sealed.
    ///
    /// # Errors
    /// Kind `cache`: it cannot be protected as it should be.
    pub fn guard(&self) -> Result<Option<Guard>> {
        Ok(self.current()?.map(|(guard, _)| guard))
    }

    /// The same as far as it can be told without making a key.
    ///
    /// # Errors
    /// As [`Vault::guard`].
    pub fn likely_guard(&self) -> Result<Option<Guard>> {
        match self.protection.mode {
            Mode::Auto => Ok(keeper::GUARD.filter(|_| keeper::check(OFFERED).is_ok())),
            Mode::Os if keeper::GUARD.is_some() => match keeper::check(NEEDED) {
                Ok(()) => Ok(keeper::GUARD),
                Err(missing) => Err(self.unprotected(missing)),
            },
            Mode::Os | Mode::KeyFile | Mode::Plain => self.guard(),
        }
    }

    /// Whether the operating system was to seal files, and did not where one is not sealed.
    pub fn falls_back(&self) -> bool {
        self.protection.mode == Mode::Auto && keeper::GUARD.is_some()
    }

    /// Whether `file` is protected as a new one would be: by the same guard, and with the same key where several
    /// files have one.
    ///
    /// # Errors
    /// As [`Vault::guard`].
    pub fn is_up_to_date(&self, file: &Secret<Vec<u8>>) -> Result<bool> {
        let current = self.current()?;
        if !envelope::is_one(file.expose()) {
            return Ok(current.is_none());
        }
        let Ok((_, header)) = Envelope::read(file.expose()) else { return Ok(false) };
        Ok(current.is_some_and(|(guard, located)| {
            guard.name() == header.protection && (!is_shared(guard) || located.label == header.key)
        }))
    }

    /// Makes a new key of the operating system's the one that seals.
    ///
    /// # Errors
    /// Kind `cache`.
    pub fn renew_key(&self) -> Result<()> {
        keeper::renew().map_err(|missing| self.unprotected(missing))?;
        self.known().current = None;
        Ok(())
    }

    /// Removes the keys of the operating system's that do not seal any more.
    ///
    /// # Errors
    /// Kind `cache`.
    pub fn forget_old_keys(&self) -> Result<()> {
        match self.current()? {
            Some((guard, located)) if guard != Guard::KeyFile => {
                keeper::forget_all_but(&located.label).map_err(|missing| self.unprotected(missing))
            }
            _ => Ok(()),
        }
    }

    /// The key with this `label`, which is asked for once in a process.
    fn key(&self, guard: Guard, label: &str) -> Result<Key, Unopened> {
        // Held meanwhile: who works beside this one waits for the same answer.
        let mut known = self.known();
        let is_it = |(known, located): &&(Guard, Located)| *known == guard && located.label == label;
        if let Some((_, located)) = known.keys.iter().chain(known.current.iter().flatten()).find(is_it) {
            return Ok(located.key.clone());
        }
        let found = match (guard, &known.away) {
            (Guard::KeyFile, _) => key_file::find(&self.protection.key_files, label),
            (_, Some(why)) => Err(Missing::Away(why.clone())),
            _ if keeper::GUARD == Some(guard) => keeper::find(label, NEEDED),
            _ => Err(Missing::Away(format!("its key is kept by {}, which is not to be had here", guard.words()))),
        };
        let key = found.map_err(|missing| match missing {
            Missing::Lost(why) => Unopened::Lost(why),
            Missing::Away(why) => {
                let error = away(guard, &why);
                known.away = Some(why).filter(|_| guard != Guard::KeyFile);
                Unopened::Away(error)
            }
        })?;
        known.keys.push((guard, Located { label: label.to_owned(), key: key.clone() }));
        Ok(key)
    }

    /// The key for new files; `None` where they are not sealed.
    fn current(&self) -> Result<Option<(Guard, Located)>> {
        if let Some(current) = &self.known().current {
            return Ok(current.clone());
        }
        let located = match self.protection.mode {
            Mode::Plain => None,
            Mode::KeyFile => Some((Guard::KeyFile, key_file::current(&self.protection.key_files))),
            Mode::Auto => keeper::GUARD.map(|guard| (guard, keeper::current(OFFERED))),
            Mode::Os => {
                let nobody = || Missing::Away("this build knows no keyring of this system".to_owned());
                let guard = keeper::GUARD.ok_or_else(|| self.unprotected(nobody()))?;
                Some((guard, keeper::current(NEEDED)))
            }
        };
        let current = match located {
            None => None,
            Some((guard, Ok(located))) => Some((guard, located)),
            // What was sealed stays so: the key that opened it just now seals it again.
            Some((guard, Err(_))) if self.protection.mode == Mode::Auto => {
                let known = self.known();
                let opened = known.keys.iter().rev().find(|(keeper, _)| *keeper == guard && is_shared(guard));
                if let Some(opened) = opened {
                    return Ok(Some(opened.clone()));
                }
                None
            }
            Some((_, Err(missing))) => return Err(self.unprotected(missing)),
        };
        if current.as_ref().is_none_or(|(guard, _)| is_shared(*guard)) {
            self.known().current = Some(current.clone());
        }
        Ok(current)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        // Nothing that is half done could be seen.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unprotected(&self, missing: Missing) -> Error {
        let (Missing::Away(why) | Missing::Lost(why)) = missing;
        let error = Error::new(Kind::Cache, format!("tokens cannot be sealed: {why}"));
        match self.protection.mode {
            Mode::KeyFile => error.with_hint("vb365-helper help protection"),
            _ => error.with_hint("unlock the keyring, or: vb365-helper cache protect key_file --key-file FILE"),
        }
    }
}

/// Whether several files have the same key.
fn is_shared(guard: Guard) -> bool {
    guard == Guard::KeyFile || keeper::IS_SHARED
}

fn away(guard: Guard, why: &str) -> Error {
    let hint = match guard {
        Guard::KeyFile => "vb365-helper help protection",
        _ => "unlock it, or set up a key file for jobs without a desktop: vb365-helper help protection",
    };
    Error::new(Kind::Cache, why).with_hint(hint)
}

fn broken() -> Error {
    Error::new(Kind::Internal, "this machine cannot seal a file now")
}
