//! The tokens on disk: one file per tenant, replaced as a whole, written only by the holder of the
//! tenant's lock. Reading takes no lock: a file is always the old or the new one.

mod entry;
mod file;
mod hosts;
mod life;
mod lock;
mod slot;
mod survey;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};

pub use self::entry::{EntraRecord, Entry, Rejected, Unreadable, VeeamRecord};
pub use self::life::Life;
use self::lock::FileLock;
use self::slot::{Content, Directory, Slot, SlotLock};
pub use self::survey::{HeldLock, Holder, Survey};
use crate::credential::Tenant;
use crate::error::{Error, Kind, Result};
use crate::host::{Clock, Deadline};
use crate::seal::{Guard, Vault};
use crate::steps::{self, Step};

/// The cache directory.
#[derive(Clone, Debug)]
pub struct Cache {
    dir: Directory,
    vault: Arc<Vault>,
}

/// What was found for a tenant.
#[derive(Debug)]
pub struct Found {
    /// The entry; empty where there is none or it is damaged.
    pub entry: Entry,
    /// What is wrong with a damaged one, or one that cannot be opened any more, naming the file.
    pub damage: Option<String>,
    /// Who keeps its key, if it is sealed.
    pub guard: Option<Guard>,
}

impl Cache {
    /// The cache in `dir`, which need not exist yet, and whose files `vault` seals.
    pub fn new(dir: impl Into<PathBuf>, vault: Vault) -> Self {
        let vault = Arc::new(vault);
        Self { dir: Directory::new(dir.into(), "tenants", Arc::clone(&vault)), vault }
    }

    /// What seals its files.
    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// What is kept for `tenant`.
    ///
    /// A damaged file counts as empty: the next write heals it.
    ///
    /// # Errors
    /// Kind `cache`, naming the file: it cannot be read, or a newer version of the program wrote it.
    pub fn read(&self, tenant: &Tenant) -> Result<Found> {
        let content = self.slot(tenant).read(|text| Entry::read(tenant, text))?;
        Ok(Found::new(tenant, content))
    }

    /// What may be shown of it, for which no key is needed: in the place of tokens that are sealed stands something
    /// else.
    ///
    /// # Errors
    /// As [`Cache::read`].
    pub fn glance(&self, tenant: &Tenant) -> Result<Found> {
        let content = self.slot(tenant).glance(|text| Entry::read(tenant, text))?;
        Ok(Found::new(tenant, content))
    }

    /// Whether the file of `tenant` is protected as a new one would be, or there is none.
    ///
    /// # Errors
    /// Kind `cache`: it cannot be read, or nothing can be protected as it should be.
    pub fn is_protected(&self, tenant: &Tenant) -> Result<bool> {
        self.slot(tenant).is_protected()
    }

    /// Takes `tenant`'s lock, which covers reading, renewing and writing.
    ///
    /// # Errors
    /// Kind `cache`, naming the file: the directory or lock cannot be used, or is held past `deadline`.
    pub fn lock(&self, tenant: &Tenant, clock: &dyn Clock, deadline: Deadline) -> Result<TenantLock> {
        Ok(TenantLock { tenant: tenant.clone(), slot: self.slot(tenant).lock(clock, deadline)? })
    }

    /// Takes the lock under which one person signs in; `while_held` is called again and again while another
    /// process's sign-in is under way.
    ///
    /// # Errors
    /// As [`Cache::lock`], and the error of `while_held`, which ends the wait.
    pub fn lock_login(
        &self,
        tenant: &Tenant,
        clock: &dyn Clock,
        deadline: Deadline,
        while_held: &mut dyn FnMut() -> Result<()>,
    ) -> Result<LoginLock> {
        self.dir.ensure()?;
        let held = FileLock::acquire(&self.slot(tenant).path("login.lock"), clock, deadline, while_held)?;
        steps::reached(Step::LoginLockTaken);
        Ok(LoginLock(held))
    }

    /// Whether another process's sign-in for `tenant` is under way.
    pub fn is_login_under_way(&self, tenant: &Tenant) -> bool {
        FileLock::is_held_elsewhere(&self.slot(tenant).path("login.lock"))
    }

    /// Whether there is a file for `tenant`, in whatever state.
    ///
    /// # Errors
    /// Kind `cache`, naming the file or directory that cannot be looked at.
    pub fn holds(&self, tenant: &Tenant) -> Result<bool> {
        self.slot(tenant).is_taken()
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
        let names = self.dir.names(endings)?;
        let mut tenants: Vec<Tenant> = names.iter().filter_map(|name| Tenant::from_file_name(name)).collect();
        tenants.sort_by(|a, b| a.key().cmp(b.key()));
        tenants.dedup();
        Ok(tenants)
    }

    fn slot(&self, tenant: &Tenant) -> Slot {
        self.dir.slot(tenant.file_name())
    }
}

impl Found {
    fn new(tenant: &Tenant, content: Content<Entry>) -> Self {
        match content {
            Content::Nothing => Self { entry: Entry::empty(tenant), damage: None, guard: None },
            Content::Kept(entry, guard) => Self { entry, damage: None, guard },
            Content::Damaged(damage) => Self { entry: Entry::empty(tenant), damage: Some(damage), guard: None },
        }
    }
}

/// The right to change one tenant's file.
#[derive(Debug)]
pub struct TenantLock {
    tenant: Tenant,
    slot: SlotLock,
}

impl TenantLock {
    /// What is kept for the tenant now: what was read before the lock may be spent.
    ///
    /// # Errors
    /// As [`Cache::read`].
    pub fn read(&self) -> Result<Found> {
        let content = self.slot.read(|text| Entry::read(&self.tenant, text))?;
        Ok(Found::new(&self.tenant, content))
    }

    /// Replaces what is kept; an empty entry removes the file.
    ///
    /// # Errors
    /// Kind `cache`, naming the file, which is as it was.
    pub fn write(&mut self, entry: &Entry) -> Result<()> {
        if entry.is_empty() {
            return self.remove();
        }
        let written = |entry: &Entry| {
            entry.write().map_err(|_| Error::new(Kind::Internal, "a token response in memory is not JSON"))
        };
        self.slot.write(&written(entry)?, || written(&entry.outline()))
    }

    /// Removes the tenant's file, whatever its state; where there is none, nothing.
    ///
    /// # Errors
    /// Kind `cache`, naming the file.
    pub fn remove(&mut self) -> Result<()> {
        self.slot.remove()
    }
}

/// The right to ask a person to sign in.
#[derive(Debug)]
pub struct LoginLock(FileLock);

impl LoginLock {
    /// When somebody was last asked in vain, if that was noted.
    pub fn asked_at(&mut self) -> Option<DateTime<Utc>> {
        self.0.note()
    }

    /// Notes that somebody was asked `now` who has not signed in.
    ///
    /// # Errors
    /// Kind `cache`, naming the file.
    pub fn note_asked(&mut self, now: DateTime<Utc>) -> Result<()> {
        self.0.set_note(now)
    }

    /// Takes that back.
    ///
    /// # Errors
    /// Kind `cache`, naming the file.
    pub fn forget_asked(&mut self) -> Result<()> {
        self.0.clear_note()
    }
}
