//! What this user may do with a file or directory, and who else may: asked before anything is written.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::check_regular;

/// Checks, before anything is written, that a file can be put at `path`, in directories that may have to
/// be made; and that nobody is locked out of what is theirs by it (with `sudo` that keeps `HOME`, say).
///
/// # Errors
/// What is there belongs to another user, or the directory does, or nothing can be made in that.
pub fn check_place(path: &Path) -> io::Result<()> {
    if fs::symlink_metadata(path).is_ok_and(|old| !is_own(&old)) {
        return Err(io::Error::other("it belongs to another user"));
    }
    let is_there = |dir: &&Path| fs::symlink_metadata(dir).is_ok();
    let Some(dir) = path.ancestors().skip(1).find(is_there) else { return Ok(()) };
    let metadata = fs::metadata(dir)?;
    if !metadata.is_dir() {
        return Err(io::Error::other(format!("{} is not a directory", dir.display())));
    }
    if !is_own(&metadata) && !is_roots(&metadata) {
        return Err(io::Error::other(format!("the directory {} belongs to another user", dir.display())));
    }
    check_writable(dir)
}

/// What on the way to `path`, itself included, other users can replace or write to; `None` where nothing is.
#[cfg(unix)]
pub fn shared_part(path: &Path) -> Option<PathBuf> {
    use std::os::unix::fs::MetadataExt;
    /// In a directory with this bit nobody can replace another's files, as in `/tmp`.
    const STICKY: u32 = 0o1000;
    let own_group = rustix::process::getegid().as_raw();
    let is_shared = |metadata: fs::Metadata| {
        let mode = metadata.mode();
        // Many systems give each user a group of their own, in which nobody else is.
        let group = mode & 0o020 != 0 && metadata.gid() != own_group && metadata.gid() != 0;
        let is_kept = metadata.is_dir() && mode & STICKY != 0;
        (mode & 0o002 != 0 || group) && !is_kept || !is_own(&metadata) && !is_roots(&metadata)
    };
    let path = std::path::absolute(path).ok()?;
    let shared = path.ancestors().find(|part| fs::metadata(part).is_ok_and(is_shared));
    shared.map(Path::to_owned)
}

/// Windows' access lists are not read here.
#[cfg(windows)]
pub fn shared_part(_: &Path) -> Option<PathBuf> {
    None
}

#[cfg(unix)]
fn is_own(metadata: &fs::Metadata) -> bool {
    std::os::unix::fs::MetadataExt::uid(metadata) == rustix::process::geteuid().as_raw()
}

#[cfg(unix)]
fn is_roots(metadata: &fs::Metadata) -> bool {
    std::os::unix::fs::MetadataExt::uid(metadata) == 0
}

/// Checks that this user can make files in `dir`.
///
/// # Errors
/// What the system says.
#[cfg(unix)]
pub fn check_writable(dir: &Path) -> io::Result<()> {
    use rustix::fs::{Access, AtFlags, CWD, accessat};
    Ok(accessat(CWD, dir, Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS)?)
}

/// Windows keeps the owner in the access list that a file inherits.
#[cfg(windows)]
fn is_own(_: &fs::Metadata) -> bool {
    true
}

#[cfg(windows)]
fn is_roots(_: &fs::Metadata) -> bool {
    false
}

/// An access list is best asked by writing.
///
/// # Errors
/// None.
#[cfg(windows)]
pub fn check_writable(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Checks that this user can start the program at `path`.
///
/// # Errors
/// What the system says.
#[cfg(unix)]
pub fn check_executable(path: &Path) -> io::Result<()> {
    use rustix::fs::{Access, AtFlags, CWD, accessat};
    check_regular(&fs::metadata(path)?)?;
    Ok(accessat(CWD, path, Access::EXEC_OK, AtFlags::EACCESS)?)
}

/// On Windows the name tells what can be started.
///
/// # Errors
/// What the system says.
#[cfg(windows)]
pub fn check_executable(path: &Path) -> io::Result<()> {
    check_regular(&fs::metadata(path)?)
}
