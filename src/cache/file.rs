//! Files that only their owner reads and that are never half written. A reader sees the old
//! content or the new; a crash leaves at most a temporary file of a fixed name, which is put in place
//! if it is complete, and otherwise removed.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

#[cfg(any(windows, test))]
mod acl;
#[cfg(unix)]
#[path = "file/unix.rs"]
mod platform;
#[cfg(windows)]
#[path = "file/windows.rs"]
mod platform;

use crate::files::{is_held, patiently};
use crate::secret::Secret;
use crate::steps::{self, Step};

/// Largest file that is read or written, in bytes: a hundred times what tokens need.
const LARGEST: u64 = 1024 * 1024;

/// Checks that `dir` is a directory of this user, not reached by a link and not writable by others.
///
/// # Errors
/// `NotFound` where there is none; otherwise what is wrong with it.
pub(super) fn check_directory(dir: &Path) -> io::Result<()> {
    let metadata = fs::symlink_metadata(dir)?;
    if metadata.file_type().is_symlink() {
        return Err(io::Error::other("it is a symbolic link"));
    }
    if !metadata.is_dir() {
        return Err(io::Error::other("it is not a directory"));
    }
    platform::check_owner(&metadata)?;
    platform::check_unshared(&metadata)
}

/// Makes `dir` and what leads to it, for this user alone, and checks it.
///
/// # Errors
/// As [`check_directory`], and what the system says.
pub(super) fn ensure_directory(dir: &Path) -> io::Result<()> {
    match check_directory(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            platform::make_directory(dir)?;
            check_directory(dir)
        }
        checked => checked,
    }
}

/// The content of `path`, or `None` where there is no such file.
///
/// # Errors
/// A link, a file of another user or of a special kind, and what the system says; `FileTooLarge`
/// over 1 MiB.
pub(super) fn read(path: &Path) -> io::Result<Option<Secret<Vec<u8>>>> {
    let mut options = OpenOptions::new();
    platform::without_surprises(options.read(true));
    let mut file = match patiently(|| options.open(path)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(platform::explain(error)),
    };
    let metadata = file.metadata()?;
    check_file(&metadata)?;
    if metadata.len() > LARGEST {
        return Err(too_large());
    }
    // Whoever writes it replaces it, so that it keeps this length.
    let mut content = vec![0; usize::try_from(metadata.len()).unwrap_or_default()];
    file.read_exact(&mut content)?;
    Ok(Some(Secret::new(content)))
}

/// Opens `path` for a lock: made where it is missing, never followed, never cut.
///
/// # Errors
/// As for [`read`].
pub(super) fn open_lock(path: &Path) -> io::Result<File> {
    lock_with(OpenOptions::new().create(true), path)
}

/// The same where it is not to be made.
///
/// # Errors
/// The same, and `NotFound`.
pub(super) fn open_present_lock(path: &Path) -> io::Result<File> {
    lock_with(&mut OpenOptions::new(), path)
}

fn lock_with(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    platform::without_surprises(options.read(true).write(true).truncate(false));
    let file = patiently(|| options.open(path)).map_err(platform::explain)?;
    check_file(&file.metadata()?)?;
    Ok(file)
}

/// Whether other users can read what is at `path`.
pub(super) fn is_exposed(path: &Path) -> bool {
    platform::is_exposed(path)
}

/// Whether asking for a lock on `file` may wait for another machine.
pub(super) fn is_remote(file: &File) -> bool {
    platform::is_remote(file)
}

/// Whether a lock failed with `error` because there are none to be had, or nobody to give one.
pub(super) fn has_no_locks(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::TimedOut) || platform::has_no_locks(error)
}

/// Lets `temporary`, which a writer that was killed has left complete, take the place of `path`.
///
/// # Errors
/// What the system says.
pub(super) fn adopt(temporary: &Path, path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    platform::without_surprises(options.read(true).write(true));
    // Its writer may have been killed before that.
    patiently(|| options.open(temporary))?.sync_all()?;
    put_in_place(temporary, path)
}

/// Replaces `path` by `content` through the file `temporary` beside it.
///
/// The content is on disk before the name points to it, so that a crash leaves the old or the new
/// file; the directory is synchronised last, so that after success a crash leaves the new one.
///
/// # Errors
/// What the system says; `path` is as it was then, or as it should be but not certain to stay so. Where another
/// program held it for too long, what should stand there stays in `temporary` for [`adopt`].
pub(super) fn replace(path: &Path, temporary: &Path, content: &[u8]) -> io::Result<()> {
    if content.len() as u64 > LARGEST {
        return Err(too_large());
    }
    // Best effort: the next write replaces it in any case.
    let remove = |_: &io::Error| drop(fs::remove_file(temporary));
    write_new(temporary, content).inspect_err(remove)?;
    put_in_place(temporary, path).inspect_err(|error| {
        // It is complete: the next holder of the lock puts it in place.
        if !only_waits(error, path) {
            remove(error);
        }
    })
}

/// Whether the file could not be put at `path` because another program has the one there open.
pub(super) fn only_waits(error: &io::Error, path: &Path) -> bool {
    is_held(error) && path.is_file()
}

/// Makes what happened to the names in the directory of `path` last.
///
/// # Errors
/// What the system says.
pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    platform::sync_directory(path)
}

/// Removes `path`; where it is not, nothing.
///
/// # Errors
/// What the system says.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match patiently(|| fs::remove_file(path)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

fn put_in_place(temporary: &Path, path: &Path) -> io::Result<()> {
    patiently(|| fs::rename(temporary, path))?;
    steps::reached(Step::Renamed);
    platform::sync_directory(path)?;
    steps::reached(Step::DirectorySynced);
    Ok(())
}

fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    // Left over from a crash, or put there by somebody: neither is written into.
    remove(path)?;
    let mut options = OpenOptions::new();
    platform::without_surprises(options.write(true).create_new(true));
    let mut file = patiently(|| options.open(path))?;
    steps::reached(Step::TemporaryMade);
    file.write_all(content)?;
    steps::reached(Step::TemporaryWritten);
    file.sync_all()?;
    steps::reached(Step::TemporarySynced);
    Ok(())
}

fn too_large() -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 1 MiB")
}

fn check_file(metadata: &Metadata) -> io::Result<()> {
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    platform::check_owner(metadata)
}
