//! The cache on a real file system.

mod files;
mod garbage;
mod locks;
#[cfg(unix)]
mod rights;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use chrono::{TimeZone, Utc};
use tempfile::TempDir;

use super::*;
use crate::host::fake::FakeClock;
use crate::seal::{Mode, Protection};
use crate::secret::Secret;

const CANARY: &str = "canary-9c2e";

/// What protects nothing beside the rights of the files.
fn unsealed() -> Vault {
    Vault::new(Protection { mode: Mode::Plain, key_files: Vec::new() })
}

/// A cache in a directory that is not there yet.
struct Home {
    _dir: TempDir,
    cache: Cache,
    clock: FakeClock,
}

impl Home {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::new(dir.path().join("data").join("cache"), unsealed());
        Self { _dir: dir, cache, clock: FakeClock::default() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.cache.dir().join(name)
    }

    fn lock(&self) -> Result<TenantLock> {
        self.cache.lock(&abc(), &self.clock, Deadline::after(&self.clock, Duration::from_millis(50)))
    }

    fn login_lock(&self, while_held: &mut dyn FnMut() -> Result<()>) -> Result<LoginLock> {
        let deadline = Deadline::after(&self.clock, Duration::from_millis(50));
        self.cache.lock_login(&abc(), &self.clock, deadline, while_held)
    }

    /// Writes an entry with `token` in it.
    fn keep(&self, token: &str) {
        self.lock().unwrap().write(&entry(token)).unwrap();
    }

    /// Puts `content` where the entry belongs.
    fn plant(&self, content: impl AsRef<[u8]>) {
        self.cache.dir.ensure().unwrap();
        fs::write(self.path("abc.com.json"), content).unwrap();
    }

    fn token(&self) -> Option<String> {
        let found = self.cache.read(&abc()).unwrap();
        assert_eq!(found.damage, None);
        found.entry.veeam(&server()).and_then(|record| record.access_token.as_ref().map(|token| token.expose().clone()))
    }

    fn files(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.cache.dir())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

fn abc() -> Tenant {
    "Abc.com".parse().unwrap()
}

fn server() -> crate::credential::Origin {
    "https://v:4443".parse().unwrap()
}

fn entry(token: &str) -> Entry {
    let obtained_at = Utc.with_ymd_and_hms(2026, 11, 23, 4, 0, 0).unwrap();
    let mut entry = Entry::empty(&abc());
    entry.put_veeam(VeeamRecord {
        server: server().as_str().to_owned(),
        api_version: Some("v8".into()),
        obtained_at,
        account: Some("admin@abc.com".into()),
        access_token: Some(token.into()),
        access_expires_at: obtained_at + Duration::from_secs(3600),
        refresh_token: Some(format!("{token}-refresh").as_str().into()),
    });
    entry.put_entra(EntraRecord {
        authority: "https://login.microsoftonline.com".into(),
        client_id: "c".into(),
        scopes: vec!["offline_access".into()],
        obtained_at,
        access_expires_at: obtained_at + Duration::from_secs(3600),
        account: None,
        tenant_id: None,
        token_response: Secret::new(format!(r#"{{"access_token":"{token}","refresh_token":"r"}}"#)),
        rejected: Some(Rejected {
            at: obtained_at,
            error: Some("invalid_grant".into()),
            codes: vec![70008],
            claims: None,
        }),
    });
    entry
}

fn message<T: std::fmt::Debug>(result: Result<T>) -> String {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), Kind::Cache);
    error.message().to_owned()
}
