//! Replaces the configuration file as a whole, one process at a time: a crash leaves the old file
//! or the new one, and two logins at once do not lose each other's words.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{Error, Kind, Result};
use crate::host::{Clock, Deadline};

/// How long another login's edit is waited for, and how often it is looked at.
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(20);
/// A chain of links longer than this is a circle.
const MOST_LINKS: usize = 40;

/// The file that `path` leads to, over links as dotfile managers make them: those stay links.
pub(super) fn target(path: &Path) -> PathBuf {
    let mut target = path.to_owned();
    for _ in 0..MOST_LINKS {
        let Ok(link) = fs::read_link(&target) else { break };
        target = target.parent().unwrap_or(Path::new("")).join(link);
    }
    target
}

/// Takes the lock that covers reading, editing and replacing `path`, until the answer is dropped.
///
/// # Errors
/// Kind `config`, naming the lock file.
pub(super) fn lock(path: &Path, clock: &dyn Clock) -> Result<File> {
    let path = with_ending(path, ".lock");
    let failed = |why: &dyn std::fmt::Display| {
        Error::new(Kind::Config, format!("the lock file {} cannot be used: {why}", path.display()))
    };
    let mut options = OpenOptions::new();
    let file = private(options.write(true).create(true).truncate(false)).open(&path).map_err(|error| failed(&error))?;
    let deadline = Deadline::after(clock, LOCK_TIMEOUT);
    loop {
        // In full: since Rust 1.89 the short form is the standard library's own method.
        match fs2::FileExt::try_lock_exclusive(&file) {
            Ok(()) => return Ok(file),
            Err(error) if error.raw_os_error() != fs2::lock_contended_error().raw_os_error() => {
                return Err(failed(&error));
            }
            Err(_) if deadline.is_over(clock) => return Err(failed(&"another process holds it")),
            Err(_) => clock.sleep(PAUSE),
        }
    }
}

/// Replaces `path` by `text`; only for the holder of its lock.
///
/// # Errors
/// The file is as it was.
pub(super) fn replace(path: &Path, text: &str) -> io::Result<()> {
    let temporary = with_ending(path, ".tmp");
    // One that a crash has left would keep its own mode.
    let _ = fs::remove_file(&temporary);
    let write = || {
        let mut options = OpenOptions::new();
        let mut file = private(options.write(true).create_new(true)).open(&temporary)?;
        file.write_all(text.as_bytes())?;
        keep_mode(path, &file)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    };
    write().inspect_err(|_| drop(fs::remove_file(&temporary)))
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

#[cfg(unix)]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(0o600)
}

/// On Windows a new file inherits its directory's access list.
#[cfg(windows)]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

#[cfg(unix)]
fn keep_mode(path: &Path, file: &File) -> io::Result<()> {
    fs::metadata(path).map_or(Ok(()), |old| file.set_permissions(old.permissions()))
}

#[cfg(windows)]
fn keep_mode(_: &Path, _: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
pub(super) fn make_directory(dir: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

#[cfg(windows)]
pub(super) fn make_directory(dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)
}
