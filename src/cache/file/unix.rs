//! What is the cache's own way with files on Unix: modes, owners, links and file systems without locks.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::LazyLock;

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
    // Nothing here changes it, and a list of thousands need not ask for each.
    static USER: LazyLock<u32> = LazyLock::new(|| rustix::process::geteuid().as_raw());
    if metadata.uid() == *USER {
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

pub(super) fn is_exposed(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.mode() & 0o077 != 0)
}

pub(super) fn make_directory(dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)
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
