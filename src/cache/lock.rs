//! Locks between processes: a sidecar file of its own, because locking the data file breaks its
//! replacement on Windows, and never unlinked, because two processes would then hold two locks.
//! The kernel releases a lock when its holder ends, however it ends.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::file;
use crate::error::{Error, Kind, Result};
use crate::host::{Clock, Deadline};

/// How often a busy lock is tried again.
const PAUSE: Duration = Duration::from_millis(20);

/// The least time in which a file server can be expected to say whose a lock is.
const ANSWER_TIME: Duration = Duration::from_millis(500);

/// Longest content of a lock file that is looked at, in bytes: one instant.
const LONGEST_NOTE: u64 = 64;

/// A lock that this process holds until it is dropped.
#[derive(Debug)]
pub(super) struct FileLock {
    file: File,
    path: PathBuf,
}

impl FileLock {
    /// Takes the lock on `path`; `while_held` is called again and again while another process holds it.
    ///
    /// # Errors
    /// Kind `cache`, naming the file: it cannot be opened or locked, or is still held at `deadline`; and the
    /// error of `while_held`, which ends the wait.
    pub(super) fn acquire(
        path: &Path,
        clock: &dyn Clock,
        deadline: Deadline,
        while_held: &mut dyn FnMut() -> Result<()>,
    ) -> Result<Self> {
        let file = open(path)?;
        let mut announced = false;
        loop {
            let left = deadline.left(clock);
            if try_to_take(&file, path, left)? {
                return Ok(Self { file, path: path.to_owned() });
            }
            if !announced {
                announced = true;
                log::debug!("another process holds {}", path.display());
            }
            while_held()?;
            if left.is_zero() {
                let message =
                    format!("another process holds the lock {} and did not release it in time", path.display());
                return Err(
                    Error::new(Kind::Cache, message).with_hint("try again; get and login wait longer with --timeout")
                );
            }
            clock.sleep(left.min(PAUSE));
        }
    }

    /// Whether another process holds the lock on `path` now; what cannot be told is not held.
    pub(super) fn is_held_elsewhere(path: &Path) -> bool {
        let take = |file: File| try_to_take(&file, path, Duration::ZERO).inspect(|_| release(&file));
        file::open_present_lock(path).is_ok_and(|file| take(file).is_ok_and(|is_taken| !is_taken))
    }

    /// The instant noted in the lock file by its last holder.
    pub(super) fn note(&mut self) -> Option<DateTime<Utc>> {
        self.content().ok()?.trim().parse().ok()
    }

    /// Notes an instant for the next holder.
    ///
    /// # Errors
    /// Kind `cache`, naming the file: it cannot be written, or holds something that is no note.
    pub(super) fn set_note(&mut self, instant: DateTime<Utc>) -> Result<()> {
        let mut write = || {
            // Under a second name the file may be anything of the user's.
            let content = self.content()?;
            if !content.is_empty() && content.trim().parse::<DateTime<Utc>>().is_err() {
                return Err(io::Error::other("it is no lock file: something else stands in it"));
            }
            self.file.rewind()?;
            self.file.set_len(0)?;
            self.file.write_all(format!("{}\n", instant.to_rfc3339()).as_bytes())
        };
        write().map_err(|error| self.unwritable(&error))
    }

    /// Takes the note away; what is no note stays.
    ///
    /// # Errors
    /// Kind `cache`, naming the file.
    pub(super) fn clear_note(&mut self) -> Result<()> {
        if self.note().is_none() {
            return Ok(());
        }
        self.file.set_len(0).map_err(|error| self.unwritable(&error))
    }

    fn unwritable(&self, error: &io::Error) -> Error {
        Error::new(Kind::Cache, format!("the lock file {} cannot be written: {error}", self.path.display()))
    }

    fn content(&mut self) -> io::Result<String> {
        let mut text = String::new();
        self.file.rewind()?;
        (&self.file).take(LONGEST_NOTE).read_to_string(&mut text)?;
        Ok(text)
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        release(&self.file);
    }
}

/// Lets the lock go at once. Closing the file would leave it to a process that another thread is
/// just starting, until that one has closed the file as well.
fn release(file: &File) {
    // What cannot be let go ends with the file.
    let _ = fs2::FileExt::unlock(file);
}

fn open(path: &Path) -> Result<File> {
    file::open_lock(path).map_err(|error| unusable(path, &error))
}

/// Tries once to lock `file`; false while another process has it. `limit` is for a file server that
/// has to be asked.
///
/// # Errors
/// Kind `cache`, naming the file.
fn try_to_take(file: &File, path: &Path, limit: Duration) -> Result<bool> {
    match try_lock(file, limit) {
        Ok(()) => Ok(true),
        Err(error) if is_held(&error) => Ok(false),
        Err(error) if file::has_no_locks(&error) => Err(unusable(path, &error).with_hint(
            "keep the cache on a local disk: set [cache] dir in the configuration, or VB365_HELPER_CACHE_DIR",
        )),
        Err(error) => Err(unusable(path, &error)),
    }
}

// In full: since Rust 1.89 the short form of fs2's methods is the standard library's own.
fn try_lock(file: &File, limit: Duration) -> io::Result<()> {
    if !file::is_remote(file) {
        return lock_now(file);
    }
    within(limit, file.try_clone()?, lock_now)
}

fn lock_now(file: &File) -> io::Result<()> {
    loop {
        match fs2::FileExt::try_lock_exclusive(file) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            tried => return tried,
        }
    }
}

fn is_held(error: &io::Error) -> bool {
    error.raw_os_error().is_some() && error.raw_os_error() == fs2::lock_contended_error().raw_os_error()
}

/// Does what may never return: on a network file system, even a try that must not wait waits for
/// the file server (flock(2), nfs(5)). A lock that comes too late is let go again.
fn within(
    limit: Duration,
    file: File,
    try_lock: impl FnOnce(&File) -> io::Result<()> + Send + 'static,
) -> io::Result<()> {
    let (tried, answer) = mpsc::channel();
    thread::Builder::new().spawn(move || {
        if tried.send(try_lock(&file)).is_err() {
            release(&file);
        }
    })?;
    let silent = io::Error::new(ErrorKind::TimedOut, "its file system is on the network and does not answer");
    answer.recv_timeout(limit.max(ANSWER_TIME)).unwrap_or(Err(silent))
}

fn unusable(path: &Path, error: &io::Error) -> Error {
    Error::new(Kind::Cache, format!("the lock file {} cannot be used: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    #[allow(clippy::disallowed_methods, reason = "a file server that hangs takes real time")]
    fn a_file_server_that_does_not_answer_holds_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("abc.com.lock");
        let (start, file) = (Instant::now(), open(&path).unwrap());
        let slow = |file: &File| {
            thread::sleep(Duration::from_secs(2));
            lock_now(file)
        };
        let error = within(Duration::from_millis(50), file, slow).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(start.elapsed() < Duration::from_secs(2));
        // What comes too late is let go.
        thread::sleep(Duration::from_secs(2));
        assert!(lock_now(&open(&path).unwrap()).is_ok());
    }

    #[test]
    fn a_lock_asked_for_by_way_of_a_thread_is_a_lock() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("abc.com.lock");
        let [first, second] = [(); 2].map(|()| open(&path).unwrap());
        let try_remotely = |file: &File| within(Duration::from_secs(60), file.try_clone().unwrap(), lock_now);
        try_remotely(&first).unwrap();
        assert!(is_held(&try_remotely(&second).unwrap_err()));
        release(&first);
        try_remotely(&second).unwrap();
    }

    #[test]
    fn a_lock_is_let_go_even_while_another_process_has_its_file_open() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("abc.com.lock");
        let clock = crate::host::fake::FakeClock::default();
        let lock = || FileLock::acquire(&path, &clock, Deadline::after(&clock, Duration::ZERO), &mut || Ok(()));
        let held = lock().unwrap();
        // As a process has it that is being started.
        let _inherited = held.file.try_clone().unwrap();
        lock().unwrap_err();
        drop(held);
        lock().unwrap();
        assert!(!FileLock::is_held_elsewhere(&path));
    }

    #[test]
    fn a_note_is_written_over_nothing_but_a_note() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("abc.com.login.lock");
        std::fs::write(&path, "what somebody else wrote").unwrap();
        let now = "2026-11-23T04:00:00Z".parse().unwrap();
        let clock = crate::host::fake::FakeClock::default();
        let lock =
            || FileLock::acquire(&path, &clock, Deadline::after(&clock, Duration::ZERO), &mut || Ok(())).unwrap();
        let error = lock().set_note(now).unwrap_err();
        let message = format!(
            "the lock file {} cannot be written: it is no lock file: something else stands in it",
            path.display()
        );
        assert_eq!(error.message(), message);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "what somebody else wrote");

        std::fs::write(&path, "").unwrap();
        lock().set_note(now).unwrap();
        lock().set_note(now).unwrap();
        assert_eq!(lock().note(), Some(now));
    }
}
