//! Files that only their owner reads and that are never half written. A reader sees the old
//! content or the new; a crash leaves at most a temporary file of a fixed name, which is put in place
//! if it is complete, and otherwise removed.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

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
    let file = match platform::patiently(|| options.open(path)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(platform::explain(error)),
    };
    let metadata = file.metadata()?;
    check_file(&metadata)?;
    if metadata.len() > LARGEST {
        return Err(too_large());
    }
    let mut content = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or_default() + 1);
    file.take(LARGEST).read_to_end(&mut content)?;
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
    let file = platform::patiently(|| options.open(path)).map_err(platform::explain)?;
    check_file(&file.metadata()?)?;
    Ok(file)
}

/// Whether other users can read what is at `path`.
pub(super) fn is_exposed(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| platform::is_exposed(&metadata))
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
    options.open(temporary)?.sync_all()?;
    put_in_place(temporary, path)
}

/// Replaces `path` by `content` through the file `temporary` beside it.
///
/// The content is on disk before the name points to it, so that a crash leaves the old or the new
/// file; the directory is synchronised last, so that after success a crash leaves the new one.
///
/// # Errors
/// What the system says; `path` is as it was then, or as it should be but not certain to stay so.
pub(super) fn replace(path: &Path, temporary: &Path, content: &[u8]) -> io::Result<()> {
    if content.len() as u64 > LARGEST {
        return Err(too_large());
    }
    let written = write_new(temporary, content).and_then(|()| put_in_place(temporary, path));
    // Best effort: the next write replaces it in any case.
    written.inspect_err(|_| drop(fs::remove_file(temporary)))
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
    match platform::patiently(|| fs::remove_file(path)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

fn put_in_place(temporary: &Path, path: &Path) -> io::Result<()> {
    platform::patiently(|| fs::rename(temporary, path))?;
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
    let mut file = platform::patiently(|| options.open(path))?;
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

#[cfg(unix)]
mod platform {
    use std::fs::{DirBuilder, File, Metadata, OpenOptions};
    use std::io;
    use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
    use std::path::Path;

    use rustix::fs::OFlags;
    use rustix::io::Errno;

    /// Mode 0600 from the first moment; a link is not followed and a FIFO not waited for.
    pub(super) fn without_surprises(options: &mut OpenOptions) {
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
        options.mode(0o600).custom_flags(flags.bits().cast_signed());
    }

    pub(super) fn explain(error: io::Error) -> io::Error {
        if error.raw_os_error() == Some(Errno::LOOP.raw_os_error()) {
            return io::Error::other("it is a symbolic link");
        }
        error
    }

    pub(super) fn check_owner(metadata: &Metadata) -> io::Result<()> {
        if metadata.uid() == rustix::process::geteuid().as_raw() {
            return Ok(());
        }
        Err(io::Error::other("it belongs to another user"))
    }

    /// Who can write into the directory can put other tokens in place of these.
    pub(super) fn check_unshared(metadata: &Metadata) -> io::Result<()> {
        if metadata.mode() & 0o022 == 0 {
            return Ok(());
        }
        Err(io::Error::other("it is writable by other users"))
    }

    pub(super) fn is_exposed(metadata: &Metadata) -> bool {
        metadata.mode() & 0o077 != 0
    }

    pub(super) fn make_directory(dir: &Path) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(dir)
    }

    /// Nobody can keep a file from being opened, replaced or removed.
    pub(super) fn patiently<T>(mut deed: impl FnMut() -> io::Result<T>) -> io::Result<T> {
        deed()
    }

    pub(super) fn sync_directory(of: &Path) -> io::Result<()> {
        of.parent().map_or(Ok(()), |dir| File::open(dir)?.sync_all())
    }

    /// File systems whose locks another machine, or another program, gives, by their numbers in
    /// statfs(2): NFS; SMB of three ages; OpenAFS and the kernel's AFS; Ceph; 9P; FUSE; Lustre; GPFS;
    /// GFS2; OCFS2; Coda.
    #[cfg(target_os = "linux")]
    const REMOTE: [u32; 14] = [
        0x6969,
        0x517b,
        0xff53_4d42,
        0xfe53_4d42,
        0x5346_414f,
        0x6b41_4653,
        0x00c3_6400,
        0x0102_1997,
        0x6573_5546,
        0x0bd0_0bd0,
        0x4750_4653,
        0x0116_1970,
        0x7461_636f,
        0x7375_7245,
    ];

    #[cfg(target_os = "linux")]
    pub(super) fn is_remote(file: &File) -> bool {
        // The numbers have 32 bits, whatever width the platform gives them.
        rustix::fs::fstatfs(file).is_ok_and(|system| REMOTE.contains(&(system.f_type as u32)))
    }

    /// What flock(2) says where there are no locks, beside `Unsupported`.
    pub(super) fn has_no_locks(error: &io::Error) -> bool {
        error.raw_os_error() == Some(Errno::NOLCK.raw_os_error())
    }

    /// Elsewhere the numbers are others; to ask in a way that cannot hang costs a thread, and no more.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn is_remote(_: &File) -> bool {
        true
    }
}

#[cfg(windows)]
mod platform {
    use std::fs::{self, File, Metadata, OpenOptions};
    use std::io;
    use std::os::windows::fs::OpenOptionsExt;
    use std::path::Path;

    /// `FILE_FLAG_OPEN_REPARSE_POINT`: a link is opened itself, and refused as no regular file.
    const OPEN_REPARSE_POINT: u32 = 0x0020_0000;

    pub(super) fn without_surprises(options: &mut OpenOptions) {
        options.custom_flags(OPEN_REPARSE_POINT);
    }

    pub(super) fn explain(error: io::Error) -> io::Error {
        error
    }

    /// The local data directory's access list, which files inherit, names the user alone.
    pub(super) fn check_owner(_: &Metadata) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn check_unshared(_: &Metadata) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn is_exposed(_: &Metadata) -> bool {
        false
    }

    pub(super) fn make_directory(dir: &Path) -> io::Result<()> {
        fs::create_dir_all(dir)
    }

    /// `ERROR_ACCESS_DENIED`, `ERROR_SHARING_VIOLATION` and `ERROR_LOCK_VIOLATION`.
    const HELD: [i32; 3] = [5, 32, 33];

    /// A virus scanner or a reader may hold a file for a moment; what it is held from is then tried again.
    #[allow(clippy::disallowed_methods, reason = "half a second at most, and no clock is at hand below the cache")]
    pub(super) fn patiently<T>(mut deed: impl FnMut() -> io::Result<T>) -> io::Result<T> {
        const TRIES: u32 = 50;
        for _ in 1..TRIES {
            match deed() {
                Err(error) if error.raw_os_error().is_some_and(|code| HELD.contains(&code)) => {
                    std::thread::sleep(std::time::Duration::from_millis(10));
                }
                done => return done,
            }
        }
        deed()
    }

    /// NTFS keeps its directories in a journal; there is nothing to synchronise by hand.
    pub(super) fn sync_directory(_: &Path) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn has_no_locks(_: &io::Error) -> bool {
        false
    }

    /// A share's server that does not answer fails a request in a time that Windows sets.
    pub(super) fn is_remote(_: &File) -> bool {
        false
    }
}
