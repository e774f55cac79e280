//! What is kept under one name: a file, the same file while it is written, and its lock. Whatever
//! stands in it is judged by whoever knows the content; how it is kept is the same for all.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::lock::FileLock;
use super::{Unreadable, file};
use crate::error::{Error, Kind, Result};
use crate::host::{Clock, Deadline};
use crate::seal::{Guard, Opened, Unopened, Vault};
use crate::secret::Secret;
use crate::steps::{self, Step};

/// A directory of slots, in one of this user's or by itself.
#[derive(Clone, Debug)]
pub(super) struct Directory {
    path: PathBuf,
    above: Option<PathBuf>,
    /// What its files are called by when they are sealed.
    family: &'static str,
    vault: Arc<Vault>,
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
    /// Something, and who keeps its key if it is sealed.
    Kept(T, Option<Guard>),
    /// Nothing that can be used; in words that name the file.
    Damaged(String),
}

impl Directory {
    /// The directory at `path`, whose files `vault` seals.
    pub(super) fn new(path: PathBuf, family: &'static str, vault: Arc<Vault>) -> Self {
        Self { path, above: None, family, vault }
    }

    /// The directory `name` in this one.
    pub(super) fn within(&self, name: &'static str) -> Self {
        let (path, above) = (self.path.join(name), Some(self.path.clone()));
        Self { path, above, family: name, vault: Arc::clone(&self.vault) }
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
    /// Kind `cache`, naming the file: it cannot be read or opened now, or a newer version of the program wrote it.
    pub(super) fn read<T>(&self, parse: impl FnOnce(&[u8]) -> Result<T, Unreadable>) -> Result<Content<T>> {
        self.read_with(|file| self.opened(file), parse)
    }

    /// The same of what stands in clear: no key is needed, and nothing is certain.
    ///
    /// # Errors
    /// As [`Slot::read`].
    pub(super) fn glance<T>(&self, parse: impl FnOnce(&[u8]) -> Result<T, Unreadable>) -> Result<Content<T>> {
        self.read_with(|file| Vault::outline(file).map_err(Unreadable::Damaged), parse)
    }

    fn read_with<T>(
        &self,
        open: impl FnOnce(Secret<Vec<u8>>) -> Result<Opened, Unreadable>,
        parse: impl FnOnce(&[u8]) -> Result<T, Unreadable>,
    ) -> Result<Content<T>> {
        if !self.dir.check()? {
            return Ok(Content::Nothing);
        }
        let path = self.file();
        let useless = |how: &str, why: &dyn fmt::Display| {
            Ok(Content::Damaged(format!("the cache file {} {how} and counts as empty: {why}", path.display())))
        };
        let file = match file::read(&path) {
            Ok(Some(file)) => file,
            Ok(None) => return Ok(Content::Nothing),
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => return useless("is damaged", &error),
            Err(error) => return Err(unusable("cache file", &path, &error)),
        };
        match open(file).and_then(|opened| Ok((parse(opened.text.expose())?, opened.guard))) {
            Ok((content, guard)) => Ok(Content::Kept(content, guard)),
            Err(Unreadable::Damaged(why)) => useless("is damaged", &why),
            Err(Unreadable::Lost(why)) => useless("cannot be opened", &why),
            Err(Unreadable::Newer(version)) => Err(newer(&path, version)),
            Err(Unreadable::Away(error)) => Err(closed(&path, &error)),
        }
    }

    fn opened(&self, file: Secret<Vec<u8>>) -> Result<Opened, Unreadable> {
        self.dir.vault.open(&self.sealed_name(), file).map_err(|error| match error {
            Unopened::Damaged(why) => Unreadable::Damaged(why),
            Unopened::Lost(why) => Unreadable::Lost(why),
            Unopened::Away(error) => Unreadable::Away(error),
        })
    }

    /// Whether the file is protected as a new one would be, or there is none.
    ///
    /// # Errors
    /// Kind `cache`: it cannot be read, or nothing can be protected as it should be.
    pub(super) fn is_protected(&self) -> Result<bool> {
        let path = self.file();
        match file::read(&path).map_err(|error| unusable("cache file", &path, &error))? {
            Some(file) => self.dir.vault.is_up_to_date(&file),
            None => Ok(true),
        }
    }

    /// What the file is called by when it is sealed: sealed for one, it is nothing for another.
    fn sealed_name(&self) -> String {
        format!("{}/{}", self.dir.family, self.name)
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
        match self.finish_killed_write(&parse)? {
            Some(waiting) => Ok(waiting),
            None => self.slot.read(parse),
        }
    }

    /// Replaces what is kept; `outline`, a JSON text, is what of it may stand in clear where it is sealed.
    ///
    /// # Errors
    /// Kind `cache`, naming the file, which is as it was; and those of `outline`.
    pub(super) fn write(
        &mut self,
        text: &Secret<Vec<u8>>,
        outline: impl FnOnce() -> Result<Secret<Vec<u8>>>,
    ) -> Result<()> {
        let path = self.slot.file();
        let sealed = self.slot.dir.vault.seal(&self.slot.sealed_name(), text, outline)?;
        file::replace(&path, &self.slot.temporary(), sealed.as_ref().unwrap_or(text).expose())
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
    /// that is still good; what is not complete is nothing but a piece of a token. Answers what still has to
    /// wait for its place.
    fn finish_killed_write<T>(&self, parse: impl Fn(&[u8]) -> Result<T, Unreadable>) -> Result<Option<Content<T>>> {
        let (temporary, path) = (self.slot.temporary(), self.slot.file());
        // What is no file of this user's is nobody's last word; the next write removes it.
        let Ok(Some(file)) = file::read(&temporary) else { return Ok(None) };
        let understood = |opened: Opened| Ok((parse(opened.text.expose())?, opened.guard));
        let finished = match self.slot.opened(file).and_then(understood) {
            Ok((content, guard)) => match file::adopt(&temporary, &path) {
                Err(error) if file::only_waits(&error, &path) => return Ok(Some(Content::Kept(content, guard))),
                adopted => adopted,
            },
            Err(Unreadable::Damaged(_)) => file::remove(&temporary),
            // Whoever has its key back finds it; the next write removes it.
            Err(Unreadable::Lost(_)) => return Ok(None),
            Err(Unreadable::Newer(version)) => return Err(newer(&temporary, version)),
            Err(Unreadable::Away(error)) => return Err(closed(&temporary, &error)),
        };
        finished.map(|()| None).map_err(|error| unusable("cache file", &temporary, &error))
    }
}

fn newer(path: &Path, version: u32) -> Error {
    let message = format!("the cache file {} is of the newer version {version}", path.display());
    Error::new(Kind::Cache, message).with_hint("use the version of vb365-helper that wrote it, or a newer one")
}

/// The key of `path` cannot be had now.
fn closed(path: &Path, error: &Error) -> Error {
    let closed = Error::new(error.kind(), format!("the cache file {} cannot be opened now: {error}", path.display()));
    match error.hint() {
        Some(hint) => closed.with_hint(hint),
        None => closed,
    }
}

fn unusable(what: &str, path: &Path, error: &io::Error) -> Error {
    Error::new(Kind::Cache, format!("the {what} {} cannot be used: {error}", path.display()))
}
