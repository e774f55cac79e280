//! The tokens on disk: one file per tenant, replaced as a whole, written only by the holder of the
//! tenant's lock. Reading takes no lock: a file is always the old or the new one.

mod entry;
mod file;
mod life;
mod lock;
#[cfg(test)]
mod tests;

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

pub use self::entry::{EntraRecord, Entry, Rejected, Unreadable, VeeamRecord};
pub use self::life::Life;
use self::lock::FileLock;
use crate::credential::Tenant;
use crate::error::{Error, Kind, Result};
use crate::host::{Clock, Deadline};
use crate::steps::{self, Step};

/// The cache directory.
#[derive(Clone, Debug)]
pub struct Cache {
    dir: PathBuf,
}

/// What was found for a tenant.
#[derive(Debug)]
pub struct Found {
    /// The entry; empty where there is none or it is damaged.
    pub entry: Entry,
    /// What is wrong with a damaged one, naming the file.
    pub damage: Option<String>,
}

impl Cache {
    /// The cache in `dir`, which need not exist yet.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What is kept for `tenant`.
    ///
    /// A damaged file counts as empty: the next write heals it.
    ///
    /// # Errors
    /// Kind `cache`, naming the file: it cannot be read, or a newer version of the program wrote it.
    pub fn read(&self, tenant: &Tenant) -> Result<Found> {
        match file::check_directory(&self.dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::nothing(tenant)),
            Err(error) => return Err(self.unusable_directory(&error)),
            Ok(()) => {}
        }
        let path = self.path(tenant, "json");
        let damaged = |why: &dyn fmt::Display| {
            let damage = format!("the cache file {} is damaged and counts as empty: {why}", path.display());
            Ok(Found { entry: Entry::empty(tenant), damage: Some(damage) })
        };
        let text = match file::read(&path) {
            Ok(Some(text)) => text,
            Ok(None) => return Ok(Found::nothing(tenant)),
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => return damaged(&error),
            Err(error) => return Err(unusable("cache file", &path, &error)),
        };
        match Entry::read(tenant, text.expose()) {
            Ok(entry) => Ok(Found { entry, damage: None }),
            Err(Unreadable::Damaged(why)) => damaged(&why),
            Err(Unreadable::Newer(version)) => Err(newer(&path, version)),
        }
    }

    /// Takes `tenant`'s lock, which covers reading, renewing and writing.
    ///
    /// # Errors
    /// Kind `cache`, naming the file: the directory or lock cannot be used, or is held past `deadline`.
    pub fn lock(&self, tenant: &Tenant, clock: &dyn Clock, deadline: Deadline) -> Result<TenantLock<'_>> {
        self.ensure_directory()?;
        let held = FileLock::acquire(&self.path(tenant, "lock"), clock, deadline, &mut || {})?;
        steps::reached(Step::LockTaken);
        Ok(TenantLock { cache: self, tenant: tenant.clone(), _held: held })
    }

    /// Takes the lock under which one person signs in; `on_wait` is called once if another
    /// process's sign-in is under way.
    ///
    /// # Errors
    /// As [`Cache::lock`].
    pub fn lock_login(
        &self,
        tenant: &Tenant,
        clock: &dyn Clock,
        deadline: Deadline,
        on_wait: &mut dyn FnMut(),
    ) -> Result<LoginLock> {
        self.ensure_directory()?;
        let held = FileLock::acquire(&self.path(tenant, "login.lock"), clock, deadline, on_wait)?;
        steps::reached(Step::LoginLockTaken);
        Ok(LoginLock(held))
    }

    /// Whether another process's sign-in for `tenant` is under way.
    pub fn is_login_under_way(&self, tenant: &Tenant) -> bool {
        FileLock::is_held_elsewhere(&self.path(tenant, "login.lock"))
    }

    /// Whether there is a file for `tenant`, in whatever state.
    ///
    /// # Errors
    /// Kind `cache`, naming the file or directory that cannot be looked at.
    pub fn holds(&self, tenant: &Tenant) -> Result<bool> {
        for ending in ["json", "json.tmp"] {
            let path = self.path(tenant, ending);
            match path.symlink_metadata() {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(unusable("cache file", &path, &error)),
                Ok(_) => return Ok(true),
            }
        }
        Ok(false)
    }

    /// Every tenant that has a file, sorted.
    ///
    /// # Errors
    /// Kind `cache`, naming the directory.
    pub fn tenants(&self) -> Result<Vec<Tenant>> {
        self.tenants_with(&[".json"])
    }

    /// The same with those of whom only a temporary file is left, by a write that was killed.
    ///
    /// # Errors
    /// As [`Cache::tenants`].
    pub fn tenants_and_leftovers(&self) -> Result<Vec<Tenant>> {
        self.tenants_with(&[".json", ".json.tmp"])
    }

    fn tenants_with(&self, endings: &[&str]) -> Result<Vec<Tenant>> {
        let listed = file::check_directory(&self.dir).and_then(|()| fs::read_dir(&self.dir));
        let names = match listed {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(self.unusable_directory(&error)),
            Ok(names) => names,
        };
        let mut tenants = Vec::new();
        for name in names {
            let name = name.map_err(|error| self.unusable_directory(&error))?.file_name();
            let stem = name.to_str().and_then(|name| endings.iter().find_map(|ending| name.strip_suffix(ending)));
            tenants.extend(stem.and_then(|stem| stem.parse::<Tenant>().ok()));
        }
        tenants.sort_by(|a, b| a.key().cmp(b.key()));
        tenants.dedup();
        Ok(tenants)
    }

    fn path(&self, tenant: &Tenant, ending: &str) -> PathBuf {
        self.dir.join(format!("{}.{ending}", tenant.key()))
    }

    fn ensure_directory(&self) -> Result<()> {
        file::ensure_directory(&self.dir).map_err(|error| self.unusable_directory(&error))
    }

    fn unusable_directory(&self, error: &io::Error) -> Error {
        unusable("cache directory", &self.dir, error)
    }
}

impl Found {
    fn nothing(tenant: &Tenant) -> Self {
        Self { entry: Entry::empty(tenant), damage: None }
    }
}

/// The right to change one tenant's file.
#[derive(Debug)]
pub struct TenantLock<'a> {
    cache: &'a Cache,
    tenant: Tenant,
    _held: FileLock,
}

impl TenantLock<'_> {
    /// What is kept for the tenant now: what was read before the lock may be spent.
    ///
    /// # Errors
    /// As [`Cache::read`].
    pub fn read(&self) -> Result<Found> {
        self.finish_killed_write()?;
        self.cache.read(&self.tenant)
    }

    /// Replaces what is kept; an empty entry removes the file.
    ///
    /// # Errors
    /// Kind `cache`, naming the file, which is as it was.
    pub fn write(&mut self, entry: &Entry) -> Result<()> {
        if entry.is_empty() {
            return self.remove();
        }
        let path = self.cache.path(&self.tenant, "json");
        let text = entry.write().map_err(|_| Error::new(Kind::Internal, "a token response in memory is not JSON"))?;
        file::replace(&path, &self.temporary(), text.expose()).map_err(|error| unusable("cache file", &path, &error))
    }

    /// Removes the tenant's file, whatever its state; where there is none, nothing.
    ///
    /// # Errors
    /// Kind `cache`, naming the file.
    pub fn remove(&mut self) -> Result<()> {
        let path = self.cache.path(&self.tenant, "json");
        let removed = file::remove(&self.temporary()).and_then(|()| file::remove(&path));
        // A loss of power must not bring back what was said to be gone.
        let removed = removed.and_then(|()| file::sync_directory(&path));
        removed.map_err(|error| unusable("cache file", &path, &error))?;
        steps::reached(Step::Removed);
        Ok(())
    }

    /// Goes on where a writer was killed. Only a holder of the lock writes the temporary file, so what
    /// is complete there is newer than what stands in its place, and may hold the one refresh token
    /// that is still good; what is not complete is nothing but a piece of a token.
    fn finish_killed_write(&self) -> Result<()> {
        let (temporary, path) = (self.temporary(), self.cache.path(&self.tenant, "json"));
        // What is no file of this user's is nobody's last word; the next write removes it.
        let Ok(Some(text)) = file::read(&temporary) else { return Ok(()) };
        let finished = match Entry::read(&self.tenant, text.expose()) {
            Ok(_) => file::adopt(&temporary, &path),
            Err(Unreadable::Damaged(_)) => file::remove(&temporary),
            Err(Unreadable::Newer(version)) => return Err(newer(&temporary, version)),
        };
        finished.map_err(|error| unusable("cache file", &temporary, &error))
    }

    fn temporary(&self) -> PathBuf {
        self.cache.path(&self.tenant, "json.tmp")
    }
}

/// The right to ask a person to sign in.
#[derive(Debug)]
pub struct LoginLock(FileLock);

impl LoginLock {
    /// When the last sign-in was declined or cancelled, if that was noted.
    pub fn declined_at(&mut self) -> Option<DateTime<Utc>> {
        self.0.note()
    }

    /// Notes that the sign-in was declined or cancelled.
    ///
    /// # Errors
    /// Kind `cache`, naming the file.
    pub fn note_declined(&mut self, now: DateTime<Utc>) -> Result<()> {
        self.0.set_note(now)
    }
}

fn newer(path: &Path, version: u32) -> Error {
    let message = format!("the cache file {} is of the newer version {version}", path.display());
    Error::new(Kind::Cache, message).with_hint("use the version of vb365-helper that wrote it, or a newer one")
}

fn unusable(what: &str, path: &Path, error: &io::Error) -> Error {
    Error::new(Kind::Cache, format!("the {what} {} cannot be used: {error}", path.display()))
}
