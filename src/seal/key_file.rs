//! A key in a file that somebody else looks after: systemd's LoadCredential, a mounted secret of Kubernetes, a TPM.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::key::{Key, LENGTH};
use super::{Located, Missing};
use crate::files;

/// The key that seals: that of the first file.
pub(super) fn current(files: &[PathBuf]) -> Result<Located, Missing> {
    let first = files.first().ok_or_else(unnamed)?;
    let key = read(first)?;
    Ok(Located { label: key.name(), key })
}

/// The key with this name, in any of the files.
pub(super) fn find(files: &[PathBuf], name: &str) -> Result<Key, Missing> {
    let mut unreadable = None;
    for file in files {
        match read(file) {
            Ok(key) if key.name() == name => return Ok(key),
            Ok(_) => {}
            Err(why) => unreadable = Some(why),
        }
    }
    let named: Vec<_> = files.iter().map(|file| file.display().to_string()).collect();
    let lost = || Missing::Lost(format!("it is sealed with the key {name}, which is not in {}", named.join(", ")));
    Err(unreadable.unwrap_or_else(|| if files.is_empty() { unnamed() } else { lost() }))
}

fn unnamed() -> Missing {
    Missing::Away("no key_file is configured under [cache]".to_owned())
}

fn read(file: &Path) -> Result<Key, Missing> {
    let away = |why: &str| Missing::Away(format!("the key file {} {why}", file.display()));
    let bytes = files::read(file).map(Zeroizing::new).map_err(|error| away(&format!("cannot be read: {error}")))?;
    Key::read(&bytes).ok_or_else(|| away(&format!("has {} bytes, and a key has {LENGTH}", bytes.len())))
}
