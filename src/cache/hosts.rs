//! Tokens of other services that are kept for Terraform, which allows one helper for all of them: one
//! file per host in a directory of their own, with the same care, and nothing to renew.

use serde::{Deserialize, Serialize};

use super::entry::{Unreadable, VERSION, version_of};
use super::slot::{Content, Directory, Slot};
use super::{Cache, Error, Kind, Result};
use crate::credential::Host;
use crate::host::{Clock, Deadline};
use crate::json::{self, Object};
use crate::secret::Secret;
use crate::token::is_one_word;

/// The directory in the cache's.
const DIRECTORY: &str = "hosts";

/// What is kept for one host, in its form in the file (`schemas/host-entry-v1.schema.json`).
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct HostEntry {
    version: u32,
    host: String,
    #[serde(serialize_with = "exposed")]
    token: Secret<String>,
}

impl Cache {
    /// The token that is kept for `host`, and what is wrong with a damaged file, which counts as none.
    ///
    /// # Errors
    /// Kind `cache`, naming the file: it cannot be read, or a newer version of the program wrote it.
    pub fn host_token(&self, host: &Host) -> Result<(Option<Secret<String>>, Option<String>)> {
        Ok(match self.host_slot(host).read(|text| parse(host, text))? {
            Content::Nothing => (None, None),
            Content::Kept(token, _) => (Some(token), None),
            Content::Damaged(why) => (None, Some(why)),
        })
    }

    /// Keeps `token` for `host`, in the place of what was kept.
    ///
    /// # Errors
    /// Kind `cache`, naming the file, which is as it was.
    pub fn keep_host_token(
        &self,
        host: &Host,
        token: &Secret<String>,
        clock: &dyn Clock,
        deadline: Deadline,
    ) -> Result<()> {
        let text = written(host, token)?;
        let mut slot = self.host_slot(host).lock(clock, deadline)?;
        // What a newer version wrote is left alone, and what is no file of this user's.
        slot.read(|text| parse(host, text))?;
        slot.write(&text, outline)
    }

    /// Whether the file of `host` is protected as a new one would be, or there is none.
    ///
    /// # Errors
    /// Kind `cache`: it cannot be read, or nothing can be protected as it should be.
    pub fn is_host_protected(&self, host: &Host) -> Result<bool> {
        self.host_slot(host).is_protected()
    }

    /// Writes what is kept for `host` anew, protected as a new file is.
    ///
    /// # Errors
    /// Kind `cache`, naming the file, which is as it was: damaged, too.
    pub fn reseal_host(&self, host: &Host, clock: &dyn Clock, deadline: Deadline) -> Result<()> {
        let mut slot = self.host_slot(host).lock(clock, deadline)?;
        match slot.read(|text| parse(host, text))? {
            Content::Nothing => Ok(()),
            Content::Kept(token, _) => slot.write(&written(host, &token)?, outline),
            Content::Damaged(why) => Err(Error::new(Kind::Cache, why)),
        }
    }

    /// Removes what is kept for `host`; where there is nothing, nothing.
    ///
    /// # Errors
    /// Kind `cache`, naming the file.
    pub fn forget_host(&self, host: &Host, clock: &dyn Clock, deadline: Deadline) -> Result<()> {
        let slot = self.host_slot(host);
        if !slot.is_taken()? {
            return Ok(());
        }
        slot.lock(clock, deadline)?.remove()
    }

    /// Every host that has a file, sorted.
    ///
    /// # Errors
    /// Kind `cache`, naming the directory.
    pub fn hosts(&self) -> Result<Vec<Host>> {
        self.hosts_with(&[".json"])
    }

    /// The same with those of whom only a temporary file is left, by a write that was killed.
    ///
    /// # Errors
    /// As [`Cache::hosts`].
    pub fn hosts_and_leftovers(&self) -> Result<Vec<Host>> {
        self.hosts_with(&[".json", ".json.tmp"])
    }

    fn hosts_with(&self, endings: &[&str]) -> Result<Vec<Host>> {
        let names = self.host_directory().names(endings)?;
        let mut hosts: Vec<_> = names.iter().filter_map(|name| Host::from_key(name)).collect();
        hosts.sort();
        hosts.dedup();
        Ok(hosts)
    }

    pub(super) fn host_directory(&self) -> Directory {
        self.dir.within(DIRECTORY)
    }

    fn host_slot(&self, host: &Host) -> Slot {
        self.host_directory().slot(host.key())
    }
}

/// What of a sealed file stands in clear: nothing that its name does not say.
fn outline() -> Result<Secret<Vec<u8>>> {
    Ok(Secret::new(b"{}".to_vec()))
}

fn written(host: &Host, token: &Secret<String>) -> Result<Secret<Vec<u8>>> {
    let entry = HostEntry { version: VERSION, host: host.to_string(), token: token.clone() };
    let mut text = serde_json::to_vec(&entry).map_err(|_| Error::new(Kind::Internal, "a token is not JSON"))?;
    text.push(b'\n');
    Ok(Secret::new(text))
}

fn parse(host: &Host, text: &[u8]) -> Result<Secret<String>, Unreadable> {
    let damaged = |why: &str| Err(Unreadable::Damaged(why.into()));
    match serde_json::from_slice(text).map(|Object::<HostEntry>(entry)| entry) {
        Ok(entry) if entry.version != VERSION => version_of(text).map_or_else(|| damaged("it has no version"), Err),
        Ok(entry) if entry.host != host.to_string() => damaged("it belongs to another host"),
        Ok(entry) if !is_one_word(entry.token.expose()) => damaged("its token is not one word of printable ASCII"),
        Ok(entry) => Ok(entry.token),
        Err(error) => version_of(text).map_or_else(|| damaged(&json::words(&error)), Err),
    }
}

fn exposed<S: serde::Serializer>(secret: &Secret<String>, serializer: S) -> Result<S::Ok, S::Error> {
    secret.expose().serialize(serializer)
}
