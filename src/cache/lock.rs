//! Locks between processes: a sidecar file of its own, because locking the data file breaks its
//! replacement on Windows, and never unlinked, because two processes would then hold two locks.
//! The kernel releases a lock when its holder ends, however it ends.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::file;
use crate::error::{Error, Kind, Result};
use crate::host::{Clock, Deadline};

/// How often a busy lock is tried again.
const PAUSE: Duration = Duration::from_millis(20);

/// Longest content of a lock file that is looked at, in bytes: one instant.
const LONGEST_NOTE: u64 = 64;

/// A lock that this process holds until it is dropped.
#[derive(Debug)]
pub(super) struct FileLock {
    file: File,
    path: PathBuf,
}

impl FileLock {
    /// Takes the lock on `path`; `on_wait` is called once if another process holds it.
    ///
    /// # Errors
    /// Kind `cache`, naming the file: it cannot be opened, or is still held at `deadline`.
    pub(super) fn acquire(
        path: &Path,
        clock: &dyn Clock,
        deadline: Deadline,
        on_wait: &mut dyn FnMut(),
    ) -> Result<Self> {
        let mut announced = false;
        loop {
            if let Some(lock) = Self::try_acquire(path)? {
                return Ok(lock);
            }
            if !announced {
                announced = true;
                on_wait();
            }
            let left = deadline.left(clock);
            if left.is_zero() {
                let message =
                    format!("another process holds the lock {} and did not release it in time", path.display());
                return Err(Error::new(Kind::Cache, message).with_hint("try again, or allow more time with --timeout"));
            }
            clock.sleep(left.min(PAUSE));
        }
    }

    /// Takes the lock on `path` unless another process holds it.
    ///
    /// # Errors
    /// Kind `cache`, naming the file: it cannot be opened or locked.
    pub(super) fn try_acquire(path: &Path) -> Result<Option<Self>> {
        let failed = |error: io::Error| {
            let message = format!("the lock file {} cannot be used: {error}", path.display());
            Error::new(Kind::Cache, message)
        };
        let file = file::open_lock(path).map_err(failed)?;
        // In full: since Rust 1.89 the short form is the standard library's own method.
        match fs2::FileExt::try_lock_exclusive(&file) {
            Ok(()) => Ok(Some(Self { file, path: path.to_owned() })),
            Err(error) if error.raw_os_error() == fs2::lock_contended_error().raw_os_error() => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    /// The instant noted in the lock file by its last holder.
    pub(super) fn note(&mut self) -> Option<DateTime<Utc>> {
        let mut text = String::new();
        self.file.rewind().ok()?;
        (&self.file).take(LONGEST_NOTE).read_to_string(&mut text).ok()?;
        text.trim().parse().ok()
    }

    /// Notes an instant for the next holder.
    pub(super) fn set_note(&mut self, instant: DateTime<Utc>) -> Result<()> {
        let text = format!("{}\n", instant.to_rfc3339());
        let mut write = || {
            self.file.rewind()?;
            self.file.set_len(0)?;
            self.file.write_all(text.as_bytes())
        };
        write().map_err(|error| {
            Error::new(Kind::Cache, format!("the lock file {} cannot be written: {error}", self.path.display()))
        })
    }
}
