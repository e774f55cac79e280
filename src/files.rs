//! Files of the user's own, that other programs and editors write too: read with a limit, and replaced
//! as a whole, so that a crash leaves the old file or the new one. Links stay links, and group and
//! mode stay as they are. (The cache, whose files are this program's alone, is stricter.)

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

mod patience;
mod rights;

pub use self::patience::{is_held, patiently};
pub use self::rights::{check_executable, check_place, check_writable, shared_part};
use crate::error::{Error, Kind, Result};
use crate::host::{Clock, Deadline};

/// How long another process's edit is waited for, and how often it is looked at.
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(20);
/// Largest file that is read, in bytes; a configuration of ten thousand tenants has 2 MB.
const LARGEST: u64 = 16 * 1024 * 1024;
/// A chain of links longer than this is a circle.
const MOST_LINKS: usize = 40;

/// The file that `path` leads to, over links as dotfile managers make them: those stay links.
pub fn target(path: &Path) -> PathBuf {
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
pub fn lock(path: &Path, clock: &dyn Clock) -> Result<File> {
    let path = with_ending(path, ".lock");
    waited_for(&path, clock, || locked(&path))
}

/// The same kind of lock for a file that is changed once, where a lock file that stays would be wondered
/// at: it goes with its holder. One that a killed holder left hinders nobody.
pub struct Turn {
    path: PathBuf,
    file: Option<File>,
}

impl Turn {
    /// Takes the turn at changing `path`, until the answer is dropped.
    ///
    /// # Errors
    /// Kind `config`, naming the lock file.
    pub fn take(path: &Path, clock: &dyn Clock) -> Result<Self> {
        let path = with_ending(path, ".vb365-lock");
        let file = waited_for(&path, clock, || locked_for_a_turn(&path))?;
        Ok(Self { path, file: Some(file) })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if cfg!(windows) {
            // Nobody can remove it while it is open, not even its holder.
            self.file = None;
        }
        let _ = fs::remove_file(&self.path);
    }
}

/// What `attempt` takes when nobody else has it any more.
fn waited_for(path: &Path, clock: &dyn Clock, attempt: impl Fn() -> io::Result<Option<File>>) -> Result<File> {
    let failed = |why: &dyn std::fmt::Display| {
        Error::new(Kind::Config, format!("the lock file {} cannot be used: {why}", path.display()))
    };
    let deadline = Deadline::after(clock, LOCK_TIMEOUT);
    loop {
        match attempt().map_err(|error| failed(&error))? {
            Some(file) => return Ok(file),
            None if deadline.is_over(clock) => return Err(failed(&"another process holds it")),
            None => clock.sleep(PAUSE),
        }
    }
}

/// The file `path`, locked; `None` while another process holds it.
fn locked(path: &Path) -> io::Result<Option<File>> {
    let mut options = OpenOptions::new();
    let file = private(options.write(true).create(true).truncate(false)).open(path)?;
    // In full: since Rust 1.89 the short form is the standard library's own method.
    match fs2::FileExt::try_lock_exclusive(&file) {
        Ok(()) => Ok(Some(file)),
        Err(error) if error.raw_os_error() == fs2::lock_contended_error().raw_os_error() => Ok(None),
        Err(error) => Err(error),
    }
}

/// The same; the file that its holder has removed since it was opened is nobody's lock.
#[cfg(unix)]
fn locked_for_a_turn(path: &Path) -> io::Result<Option<File>> {
    use std::os::unix::fs::MetadataExt;
    let Some(file) = locked(path)? else { return Ok(None) };
    let own = file.metadata()?;
    let is_there = fs::metadata(path).is_ok_and(|there| (there.dev(), there.ino()) == (own.dev(), own.ino()));
    Ok(is_there.then_some(file))
}

/// The same, by nothing but having it open.
#[cfg(windows)]
fn locked_for_a_turn(path: &Path) -> io::Result<Option<File>> {
    use std::os::windows::fs::OpenOptionsExt;
    const SHARING_VIOLATION: i32 = 32;
    match OpenOptions::new().write(true).create(true).truncate(false).share_mode(0).open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.raw_os_error() == Some(SHARING_VIOLATION) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The content of `path`, which is no pipe that nobody writes to, and not without end.
///
/// # Errors
/// What the system says; a directory or a special file; over 16 MiB.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let metadata = fs::metadata(path)?;
    check_regular(&metadata)?;
    if metadata.len() > LARGEST {
        return Err(io::Error::other("it is larger than 16 MiB"));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or_default() + 1);
    patiently(|| File::open(path))?.take(LARGEST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Checks that what is at `path`, if anything, is no directory, device, pipe or socket: to root, those are
/// as good to rename a file over.
///
/// # Errors
/// It is one.
pub fn check_replaceable(path: &Path) -> io::Result<()> {
    fs::metadata(path).map_or(Ok(()), |metadata| check_regular(&metadata))
}

fn check_regular(metadata: &fs::Metadata) -> io::Result<()> {
    if metadata.is_file() { Ok(()) } else { Err(io::Error::other("it is not a regular file")) }
}

/// Replaces `path` by `text`, with the group and mode that it had, or as a new file for the user alone. Only for
/// whoever keeps others from writing it meanwhile.
///
/// # Errors
/// The file is as it was; so is everything that is no regular file.
pub fn replace(path: &Path, text: &str) -> io::Result<()> {
    replace_with(path, text, private)
}

/// The same for a text that other users are meant to read: as a new file it has the rights that the user
/// gives to new files.
///
/// # Errors
/// As [`replace`].
pub fn publish(path: &Path, text: &str) -> io::Result<()> {
    replace_with(path, text, |options| options)
}

fn replace_with(path: &Path, text: &str, rights: fn(&mut OpenOptions) -> &mut OpenOptions) -> io::Result<()> {
    check_replaceable(path)?;
    let temporary = with_ending(path, ".vb365-tmp");
    // One that a crash has left would keep its own mode.
    let _ = fs::remove_file(&temporary);
    let write = || {
        let mut options = OpenOptions::new();
        let mut file = rights(options.write(true).create_new(true)).open(&temporary)?;
        file.write_all(text.as_bytes())?;
        keep_access(path, &file)?;
        file.sync_all()?;
        patiently(|| fs::rename(&temporary, path))
    };
    write().inspect_err(|_| drop(fs::remove_file(&temporary)))
}

/// `path` with `ending` behind its name.
pub fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Has what is made with `options` readable for the user alone.
#[cfg(unix)]
pub fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(0o600)
}

/// On Windows a new file inherits its directory's access list.
#[cfg(windows)]
pub fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

/// Gives `file` the group and the mode of `path`, if that is there. Where this user may not give the group,
/// what it was allowed is allowed to no other.
///
/// # Errors
/// What the system says.
#[cfg(unix)]
pub fn keep_access(path: &Path, file: &File) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
    let Ok(old) = fs::metadata(path) else { return Ok(()) };
    // Before the mode, some bits of which end with a change of the group.
    let is_given = fchown(file, None, Some(old.gid())).is_ok();
    file.set_permissions(fs::Permissions::from_mode(kept_mode(old.mode(), is_given)))
}

/// The mode for a file that takes the place of one with `mode`, in the same group or not.
#[cfg(unix)]
fn kept_mode(mode: u32, in_same_group: bool) -> u32 {
    if in_same_group { mode & 0o7777 } else { mode & 0o7707 }
}

/// On Windows a new file inherits its directory's access list.
///
/// # Errors
/// None.
#[cfg(windows)]
pub fn keep_access(_: &Path, _: &File) -> io::Result<()> {
    Ok(())
}

/// Makes `dir` and what leads to it, for the user alone.
///
/// # Errors
/// What the system says.
#[cfg(unix)]
pub fn make_directory(dir: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

/// Makes `dir` and what leads to it.
///
/// # Errors
/// What the system says.
#[cfg(windows)]
pub fn make_directory(dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)
}

#[cfg(all(test, unix))]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::host::SystemClock;
    use crate::host::fake::FakeClock;

    #[test]
    fn what_is_no_regular_file_is_neither_read_nor_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        assert_eq!(read(&path).unwrap_err().to_string(), "it is not a regular file");
        assert_eq!(replace(&path, "text").unwrap_err().to_string(), "it is not a regular file");
        assert!(!fs::symlink_metadata(&path).unwrap().is_file());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_one_group_was_allowed_is_allowed_to_no_other() {
        assert_eq!((kept_mode(0o100_640, true), kept_mode(0o100_640, false)), (0o640, 0o600));
        assert_eq!((kept_mode(0o100_664, true), kept_mode(0o100_664, false)), (0o664, 0o604));
    }

    #[test]
    fn a_turn_is_had_by_one_and_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let (path, lock) = (dir.path().join("file"), dir.path().join("file.vb365-lock"));
        // Of a holder that was killed.
        File::create(&lock).unwrap();
        let turn = Turn::take(&path, &FakeClock::default()).unwrap();
        let waiting = File::open(&lock).unwrap();
        let error = Turn::take(&path, &FakeClock::default()).err().unwrap();
        let message = format!("the lock file {} cannot be used: another process holds it", lock.display());
        assert_eq!((error.kind(), error.message()), (Kind::Config, message.as_str()));
        drop(turn);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        // Whoever gets what was removed has nothing.
        fs2::FileExt::try_lock_exclusive(&waiting).unwrap();
        let turn = Turn::take(&path, &FakeClock::default()).unwrap();
        assert_eq!(turn.path, lock);
    }

    #[test]
    fn turns_are_taken_one_after_the_other() {
        let dir = tempfile::tempdir().unwrap();
        let (path, clock, inside) = (dir.path().join("file"), SystemClock::start(), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let _turn = Turn::take(&path, &clock).unwrap();
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        inside.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
