//! The path that callers are told to start this program by: one that stays the same when the program
//! is updated. The system knows the file behind all links (`/opt/vb365-helper-1.2/..`); the user called
//! a name, and that is what stays, what allowlists of kubectl name, and what a package manager moves on.

use std::env::split_paths;
use std::ffi::OsStr;
use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::protocol::Variables;

/// The path for a program that was called as `called`; `own` is its file as the system tells it.
///
/// The name as it was typed if it was absolute, else where `PATH` has it, if that is this same file;
/// else the file itself.
pub(super) fn stable_path(called: &OsStr, variables: Variables<'_>, own: PathBuf) -> PathBuf {
    let called = Path::new(called);
    let mut candidates = Vec::new();
    if called.is_absolute() {
        candidates.push(called.to_owned());
    } else if called.components().count() == 1 && called.file_name() == Some(called.as_os_str()) {
        let path = variables("PATH").unwrap_or_default();
        candidates.extend(split_paths(&path).filter(|dir| dir.is_absolute()).map(|dir| dir.join(called)));
    }
    candidates.into_iter().find(|candidate| is_clean(candidate) && is_same(candidate, &own)).unwrap_or(own)
}

/// Whether it is spelled in the one way that allowlists know.
fn is_clean(path: &Path) -> bool {
    let is_up = path.components().any(|part| part == Component::ParentDir);
    !is_up && path.components().collect::<PathBuf>().as_os_str() == path.as_os_str()
}

fn is_same(candidate: &Path, own: &Path) -> bool {
    fs::canonicalize(candidate).is_ok_and(|found| fs::canonicalize(own).is_ok_and(|own| own == found))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_link_that_was_called_is_kept_and_a_detour_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let dir = fs::canonicalize(dir.path()).unwrap();
        let (own, link, other) = (dir.join("helper-1.2"), dir.join("bin/helper"), dir.join("helper"));
        fs::create_dir(dir.join("bin")).unwrap();
        fs::write(&own, "").unwrap();
        fs::write(&other, "").unwrap();
        std::os::unix::fs::symlink(&own, &link).unwrap();
        let path = std::env::join_paths([Path::new("bin"), &dir.join("none"), &dir.join("bin")]).unwrap();
        let variables = |name: &str| (name == "PATH").then(|| path.clone());
        let stable = |called: &Path| stable_path(called.as_os_str(), &variables, own.clone());
        assert_eq!(stable(&link), link);
        assert_eq!(stable(Path::new("helper")), link);
        // Another program, a path that depends on where one is, a detour, and one that is nowhere.
        let detour = dir.join("bin/../bin/helper");
        for called in
            [&other, Path::new("bin/helper"), Path::new("./helper"), &detour, Path::new("nowhere"), Path::new("")]
        {
            assert_eq!(stable(called), own, "{}", called.display());
        }
    }
}
