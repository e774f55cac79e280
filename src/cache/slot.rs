//! What is kept under one name: a file, the same file while it is written, and its lock. Whatever
//! stands in it is judged by whoever knows the content; how it is kept is the same for all.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::lock::FileLock;
use super::{Unreadable, file};
use crate::error::{Error, Kind, Result};
use crate::host::{Clock, Deadline};
use crate::secret::Secret;
use crate::steps::{self, Step};

/// A directory of slots, in one of this user's or by itself.
#[derive(Clone, Debug)]
pub(super) struct Directory {
    path: PathBuf,
    above: Option<PathBuf>,
}

/// The files of one name.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    dir: Directory,
    name: String,
}

/// What a slot's file is found to hold.
#[derive(Debug)]
pub(super) enum Content<T> {
    Nothing,
    Kept(T),
    /// Nothing that can be used; in words that name the file.
    Damaged(String),
}

impl Directory {
    /// The directory at `path`.
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, above: None }
    }

    /// The directory `name` in this one.
    pub(super) fn within(&self, name: &str) -> Self {
        Self { path: self.path.join(name), above: Some(self.path.clone()) }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The slot of `name`.
    pub(super) fn slot(&self, name: impl Into<String>) -> Slot {
        Slot { dir: self.clone(), name: name.into() }
    }

    /// The names that have a file with one of `endings`, in no order and perhaps twice.
    ///
    /// # Errors
    /// Kind `cache`, naming the directory.
    pub(super) fn names(&self, endings: &[&str]) -> Result<Vec<String>> {
        let listed = match self.check()? {
            true => fs::read_dir(&self.path),
            false => return Ok(Vec::new()),
        };
        let mut stems = Vec::new();
        for name in listed.map_err(|error| self.unusable(&error))? {
            let name = name.map_err(|error| self.unusable(&error))?.file_name();
            let stem = name.to_str().and_then(|name| endings.iter().find_map(|ending| name.strip_suffix(ending)));
            stems.extend(stem.map(str::to_owned));
        }
        Ok(stems)
    }

    /// Whether it is there, and then fit to keep tokens in.
    pub(super) fn check(&self) -> Result<bool> {
        for path in self.paths() {
            match file::check_directory(path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
                checked => checked.map_err(|error| unusable("cache directory", path, &error))?,
            }
        }
        Ok(true)
    }

    /// Makes it where it is missing.
    pub(super) fn ensure(&self) -> Result<()> {
        let mut paths = self.paths();
        paths.try_for_each(|path| {
            file::ensure_directory(path).map_err(|error| unusable("cache directory", path, &error))
        })
    }

    /// From the outermost on.
    fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        self.above.iter().chain([&self.path])
    }

    pub(super) fn unusable(&self, error: &io::Error) -> Error {
        unusable("cache directory", &self.path, error)
    }
}

impl Slot {
    /// What is kept, as `parse` understands it.
    ///
    /// # Errors
    /// Kind `cache`, naming the file: it cannot be read, or a newer version of the program wrote it.
    pub(super) fn read<T>(&self, parse: impl FnOnce(&[u8]) -> Result<T, Unreadable>) -> Result<Content<T>> {
        if !self.dir.check()? {
            return Ok(Content::Nothing);
        }
        let path = self.file();
        let damaged =
            |why: &dyn fmt::Display| format!("the cache file {} is damaged and counts as empty: {why}", path.display());
        let text = match file::read(&path) {
            Ok(Some(text)) => text,
            Ok(None) => return Ok(Content::Nothing),
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => return Ok(Content::Damaged(damaged(&error))),
            Err(error) => return Err(unusable("cache file", &path, &error)),
        };
        match parse(text.expose()) {
            Ok(content) => Ok(Content::Kept(content)),
            Err(Unreadable::Damaged(why)) => Ok(Content::Damaged(damaged(&why))),
            Err(Unreadable::Newer(version)) => Err(newer(&path, version)),
        }
    }

    /// Whether there is a file, in whatever state, or one that was being written.
    ///
    /// # Errors
    /// Kind `cache`, naming the file or directory that cannot be looked at.
    pub(super) fn is_taken(&self) -> Result<bool> {
        for path in [self.file(), self.temporary()] {
            match path.symlink_metadata() {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(unusable("cache file", &path, &error)),
                Ok(_) => return Ok(true),
            }
        }
        Ok(false)
    }

    /// Takes the lock, which covers reading, renewing and writing.
    ///
    /// # Errors
    /// Kind `cache`, naming the file: the directory or lock cannot be used, or is held past `deadline`.
    pub(super) fn lock(self, clock: &dyn Clock, deadline: Deadline) -> Result<SlotLock> {
        self.dir.ensure()?;
        let held = FileLock::acquire(&self.path("lock"), clock, deadline, &mut || Ok(()))?;
        steps::reached(Step::LockTaken);
        Ok(SlotLock { slot: self, _held: held })
    }

    /// The path of one of its files.
    pub(super) fn path(&self, ending: &str) -> PathBuf {
        self.dir.path.join(format!("{}.{ending}", self.name))
    }

    fn file(&self) -> PathBuf {
        self.path("json")
    }

    fn temporary(&self) -> PathBuf {
        self.path("json.tmp")
    }
}

/// The right to change one slot's file.
#[derive(Debug)]
pub(super) struct SlotLock {
    slot: Slot,
    _held: FileLock,
}

impl SlotLock {
    /// What is kept now: what was read before the lock may be spent.
    ///
    /// # Errors
    /// As [`Slot::read`].
    pub(super) fn read<T>(&self, parse: impl Fn(&[u8]) -> Result<T, Unreadable>) -> Result<Content<T>> {
        self.finish_killed_write(&parse)?;
        self.slot.read(parse)
    }

    /// Replaces what is kept.
    ///
    /// # Errors
    /// Kind `cache`, naming the file, which is as it was.
    pub(super) fn write(&mut self, text: &Secret<Vec<u8>>) -> Result<()> {
        let path = self.slot.file();
        file::replace(&path, &self.slot.temporary(), text.expose())
            .map_err(|error| unusable("cache file", &path, &error))
    }

    /// Removes the file, whatever its state; where there is none, nothing.
    ///
    /// # Errors
    /// Kind `cache`, naming the file.
    pub(super) fn remove(&mut self) -> Result<()> {
        let path = self.slot.file();
        let removed = file::remove(&self.slot.temporary()).and_then(|()| file::remove(&path));
        // A loss of power must not bring back what was said to be gone.
        let removed = removed.and_then(|()| file::sync_directory(&path));
        removed.map_err(|error| unusable("cache file", &path, &error))?;
        steps::reached(Step::Removed);
        Ok(())
    }

    /// Goes on where a writer was killed. Only a holder of the lock writes the temporary file, so what
    /// is complete there is newer than what stands in its place, and may hold the one refresh token
    /// that is still good; what is not complete is nothing but a piece of a token.
    fn finish_killed_write<T>(&self, parse: impl Fn(&[u8]) -> Result<T, Unreadable>) -> Result<()> {
        let (temporary, path) = (self.slot.temporary(), self.slot.file());
        // What is no file of this user's is nobody's last word; the next write removes it.
        let Ok(Some(text)) = file::read(&temporary) else { return Ok(()) };
        let finished = match parse(text.expose()) {
            Ok(_) => file::adopt(&temporary, &path),
            Err(Unreadable::Damaged(_)) => file::remove(&temporary),
            Err(Unreadable::Newer(version)) => return Err(newer(&temporary, version)),
        };
        finished.map_err(|error| unusable("cache file", &temporary, &error))
    }
}

fn newer(path: &Path, version: u32) -> Error {
    let message = format!("the cache file {} is of the newer version {version}", path.display());
    Error::new(Kind::Cache, message).with_hint("use the version of vb365-helper that wrote it, or a newer one")
}

fn unusable(what: &str, path: &Path, error: &io::Error) -> Error {
    Error::new(Kind::Cache, format!("the {what} {} cannot be used: {error}", path.display()))
}
