//! What is the cache's own way with files on Windows: links are refused, and an access list keeps others out.
//! Files are opened as the standard library does it, so that another process may replace or remove them meanwhile.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::windows::fs::OpenOptionsExt;
use std::path::Path;

use super::acl;

/// `FILE_FLAG_OPEN_REPARSE_POINT`: a link is opened itself, and refused as no regular file.
const OPEN_REPARSE_POINT: u32 = 0x0020_0000;

pub(super) fn without_surprises(options: &mut OpenOptions) {
    options.custom_flags(OPEN_REPARSE_POINT);
}

pub(super) fn explain(error: io::Error) -> io::Error {
    error
}

/// An owner means little here: what an administrator makes may belong to all of them.
pub(super) fn check_owner(_: &Metadata) -> io::Result<()> {
    Ok(())
}

/// Whom an access list lets in is a matter for `doctor`, not for a refusal: groups may be meant.
pub(super) fn check_unshared(_: &Metadata) -> io::Result<()> {
    Ok(())
}

pub(super) fn is_exposed(path: &Path) -> bool {
    acl::is_exposed(path)
}

/// Below the user's profile a directory inherits what keeps others out; elsewhere it is given that.
pub(super) fn make_directory(dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    if acl::is_exposed(dir) { acl::make_private(dir) } else { Ok(()) }
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
