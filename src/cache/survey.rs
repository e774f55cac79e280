//! A look over the whole directory for somebody who wants to know how it is. It changes nothing: no file is
//! made, no lock is kept, and whoever works on the cache meanwhile does not notice.

use std::collections::{BTreeSet, HashMap};
use std::fs::DirEntry;
use std::io;
use std::path::{Path, PathBuf};

use super::lock::FileLock;
use super::slot::Directory;
use super::{Cache, file};
use crate::error::Result;

/// How the directory is found.
#[derive(Debug, Default)]
pub struct Survey {
    /// Whether it is there at all.
    pub is_there: bool,
    /// Whether other users can see what is in it.
    pub is_exposed: bool,
    /// Files that other users can read.
    pub exposed: Vec<PathBuf>,
    /// Temporary files that a writer has left who was killed.
    pub leftovers: Vec<PathBuf>,
    /// Locks that a process holds now.
    pub locks: Vec<HeldLock>,
}

/// A lock that is held.
#[derive(Debug)]
pub struct HeldLock {
    /// The lock file.
    pub path: PathBuf,
    /// Who holds it, where the system tells.
    pub holder: Option<Holder>,
}

/// A process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its id.
    pub pid: u32,
    /// Its name, as the system has it.
    pub program: Option<String>,
}

impl Cache {
    /// How the directory is now.
    ///
    /// # Errors
    /// Kind `cache`, naming the directory: nothing may be kept there, or it cannot be read.
    pub fn survey(&self) -> Result<Survey> {
        let mut survey = Survey::default();
        let holders = holders();
        for dir in [&self.dir, &self.host_directory()] {
            if dir.check()? {
                survey.is_there = true;
                survey.is_exposed |= file::is_exposed(dir.path());
                survey.walk(dir, holders.as_ref()).map_err(|error| dir.unusable(&error))?;
            }
        }
        survey.exposed.sort();
        survey.leftovers.sort();
        survey.locks.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(survey)
    }
}

impl Survey {
    fn walk(&mut self, dir: &Directory, holders: Option<&Holders>) -> io::Result<()> {
        let (mut temporary, mut held) = (Vec::new(), BTreeSet::new());
        for entry in std::fs::read_dir(dir.path())? {
            let entry = entry?;
            let (name, path) = (entry.file_name(), entry.path());
            let Some(name) = name.to_str() else { continue };
            if let Some(stem) = name.strip_suffix(".json.tmp") {
                temporary.push((stem.to_owned(), path));
            } else if name.ends_with(".lock") {
                if let Some(holder) = held_by(&entry, &path, holders) {
                    held.insert(name.trim_end_matches(".lock").to_owned());
                    self.locks.push(HeldLock { path, holder });
                }
            } else if name.ends_with(".json") && file::is_exposed(&path) {
                self.exposed.push(path);
            }
        }
        // What is being written now is not left over.
        self.leftovers.extend(temporary.into_iter().filter(|(stem, _)| !held.contains(stem)).map(|(_, path)| path));
        Ok(())
    }
}

/// Who holds the lock, as far as it is known; `None` where nobody does.
fn held_by(entry: &DirEntry, path: &Path, holders: Option<&Holders>) -> Option<Option<Holder>> {
    let holder = holders.and_then(|holders| holders.get(&number(entry)?).cloned());
    // Where the system has a list, what is not on it need not be tried.
    let is_candidate = holders.is_none() || holder.is_some();
    (is_candidate && FileLock::is_held_elsewhere(path)).then_some(holder)
}

/// Those who hold locks, by the file's number.
type Holders = HashMap<u64, Holder>;

/// The kernel's list of locks (proc(5)). A lock's file is told by its number alone: its device is not always
/// the one that the file shows.
#[cfg(target_os = "linux")]
fn holders() -> Option<Holders> {
    let list = std::fs::read_to_string("/proc/locks").ok()?;
    let mut holders = Holders::new();
    for line in list.lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        // `1: FLOCK ADVISORY WRITE 4711 fe:01:1234 0 EOF`; with an arrow it is one who waits.
        let [_, "FLOCK", _, _, pid, file, ..] = words[..] else { continue };
        let number = file.rsplit(':').next().and_then(|number| number.parse().ok());
        if let Some((number, pid)) = number.zip(pid.parse::<i64>().ok()) {
            // One of another container has no id here.
            let pid = u32::try_from(pid).unwrap_or_default();
            let comm = std::fs::read_to_string(format!("/proc/{pid}/comm")).ok();
            let program = comm.map(|name| crate::text::printable(&name)).filter(|name| !name.is_empty());
            holders.insert(number, Holder { pid, program });
        }
    }
    Some(holders)
}

#[cfg(not(target_os = "linux"))]
fn holders() -> Option<Holders> {
    None
}

#[cfg(unix)]
fn number(entry: &DirEntry) -> Option<u64> {
    Some(std::os::unix::fs::DirEntryExt::ino(entry))
}

#[cfg(windows)]
fn number(_: &DirEntry) -> Option<u64> {
    None
}
