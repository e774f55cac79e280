//! What a wiring changes in the user's files, planned for all of them before one is written. A file
//! that was there is kept beside the new one; nobody else's words are replaced without being told to.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Kind, Result};
use crate::files::{self, Turn};
use crate::host::Clock;
use crate::text::printable;

/// A file changed more often than this is nobody's.
const MOST_BACKUPS: usize = 10_000;

/// How the new text comes of the old one, which is `None` where there is no file; `None` if all is
/// there already. The flag is `--force`.
pub(super) type Change = Box<dyn Fn(Option<&str>, bool) -> Result<Option<String>, Refusal>>;

/// Why a file is left as it is.
#[derive(Debug, PartialEq)]
pub(super) enum Refusal {
    /// It is not what it should be; in words.
    Unreadable(String),
    /// Something else is there, which `--force` replaces; in words.
    Other(String),
    /// Something else is in another file, and both together would be too much; in words.
    Elsewhere(String),
    /// It is written in a way in which only a person can change it.
    ByHand,
}

/// A change of one place.
pub(super) struct Edit {
    /// The file, as its reader calls it.
    pub(super) path: PathBuf,
    pub(super) deed: Deed,
}

/// What is done there.
pub(super) enum Deed {
    /// The text changes.
    Text(Change),
    /// The same while the lock file is held that kubectl has beside it.
    LockedText(Change),
    /// The place leads to this program.
    Link(PathBuf),
}

/// What an [`Edit`] comes to.
pub(super) struct Plan<'a> {
    edit: &'a Edit,
    /// Where the path leads.
    target: PathBuf,
    /// `None` if there is nothing to do.
    step: Option<Step>,
    force: bool,
    hint: &'a str,
}

#[derive(PartialEq)]
enum Step {
    Write { old: Option<Vec<u8>>, new: String },
    Link { to: PathBuf, is_taken: bool },
}

impl Edit {
    /// A file that is to be as `content` says, and nothing else.
    pub(super) fn whole(path: PathBuf, content: String) -> Self {
        let change = move |old: Option<&str>, force: bool| match old {
            Some(old) if old == content => Ok(None),
            Some(old) if !force && !old.is_empty() => Err(Refusal::Other("other content".into())),
            _ => Ok(Some(content.clone())),
        };
        Self { path, deed: Deed::Text(Box::new(change)) }
    }

    /// Looks at what is there; nothing is changed. What is to be replaced is a file: to root, a device
    /// (`/dev/null` for none) is as good as one.
    ///
    /// # Errors
    /// Kind `config`, naming the file; `hint` says how to get the text that is to be put there by hand.
    pub(super) fn plan<'a>(&'a self, force: bool, hint: &'a str) -> Result<Plan<'a>> {
        let target = match &self.deed {
            Deed::Text(_) | Deed::LockedText(_) => files::target(&self.path),
            Deed::Link(_) => self.path.clone(),
        };
        let step = self.step(&target, force, hint)?;
        Ok(Plan { edit: self, target, step, force, hint })
    }

    /// What is to be done, and can be; `None` if it is done already.
    fn step(&self, target: &Path, force: bool, hint: &str) -> Result<Option<Step>> {
        let step = match &self.deed {
            Deed::Text(change) | Deed::LockedText(change) => self.planned_text(target, change, force, hint),
            Deed::Link(to) => self.planned_link(to, force, hint),
        }?;
        let check = |_: &Step| files::check_place(target);
        step.as_ref().map_or(Ok(()), check).map_err(|error| unusable(&self.path, &error).with_hint(hint))?;
        Ok(step)
    }

    fn planned_text(&self, target: &Path, change: &Change, force: bool, hint: &str) -> Result<Option<Step>> {
        let old = current(target).map_err(|error| unusable(&self.path, &error).with_hint(hint))?;
        let text = old.as_deref().map(std::str::from_utf8).transpose();
        let text = text.map_err(|_| self.refused(Refusal::Unreadable("it is not UTF-8".into()), hint))?;
        let new = change(text, force).map_err(|refusal| self.refused(refusal, hint))?;
        Ok(new.map(|new| Step::Write { old, new }))
    }

    fn planned_link(&self, to: &Path, force: bool, hint: &str) -> Result<Option<Step>> {
        let is_taken = fs::symlink_metadata(&self.path).is_ok();
        if !self.path.is_symlink() {
            files::check_replaceable(&self.path).map_err(|error| unusable(&self.path, &error).with_hint(hint))?;
        }
        if is_taken && is_link_to(&self.path, to) {
            return Ok(None);
        }
        if is_taken && !force {
            return Err(self.refused(Refusal::Other("something else".into()), ""));
        }
        Ok(Some(Step::Link { to: to.to_owned(), is_taken }))
    }

    fn refused(&self, refusal: Refusal, hint: &str) -> Error {
        let path = self.path.display();
        let (message, hint) = match refusal {
            Refusal::Unreadable(why) => (format!("{path} cannot be read: {}", printable(&why)), hint),
            Refusal::Other(what) => {
                (format!("{path} has {what} in this place"), "--force replaces it and keeps a backup")
            }
            Refusal::Elsewhere(what) => (format!("{path} would be one too many: {what}"), hint),
            Refusal::ByHand => (format!("{path} is written in a way that only a person can change"), hint),
        };
        Error::new(Kind::Config, message).with_hint(hint)
    }
}

impl Plan<'_> {
    /// Does it, and says what was done.
    ///
    /// # Errors
    /// Kind `config`, naming the file, which is as it was.
    pub(super) fn carry_out(&self, clock: &dyn Clock) -> Result<String> {
        let failed = |error: io::Error| unusable(&self.edit.path, &error);
        let path = self.edit.path.display();
        let is_there = || Ok(format!("{path}: is already there\n"));
        let Some(planned) = &self.step else { return is_there() };
        self.target.parent().map_or(Ok(()), files::make_directory).map_err(failed)?;
        let _turn = Turn::take(&self.target, clock).map_err(|error| error.with_hint(self.hint))?;
        let _lock = match self.edit.deed {
            Deed::LockedText(_) => Some(Lock::take(&self.edit.path)?),
            _ => None,
        };
        // Somebody may have changed it since it was looked at, and what `--force` was meant for.
        let Some(step) = self.edit.step(&self.target, self.force, self.hint)? else { return is_there() };
        if self.force && step != *planned {
            return Err(failed(io::Error::other("another program is writing it; try again")));
        }
        let backup = match &step {
            Step::Write { old, new } => self.write(old.as_deref(), new),
            Step::Link { to, is_taken } => self.link(to, *is_taken),
        };
        Ok(match backup.map_err(failed)? {
            Some(backup) => format!("{path}: changed; what was there is kept in {}\n", backup.display()),
            None => format!("{path}: made\n"),
        })
    }

    fn write(&self, old: Option<&[u8]>, new: &str) -> io::Result<Option<PathBuf>> {
        let backup = old.map(|old| back_up(&self.target, old)).transpose()?;
        let written = files::replace(&self.target, new);
        written.inspect_err(|_| backup.iter().for_each(|backup| drop(fs::remove_file(backup))))?;
        Ok(backup)
    }

    fn link(&self, to: &Path, is_taken: bool) -> io::Result<Option<PathBuf>> {
        let temporary = files::with_ending(&self.target, ".vb365-tmp");
        let _ = fs::remove_file(&temporary);
        make_link(to, &temporary)?;
        let put = || {
            let backup = is_taken.then(|| move_away(&self.target)).transpose()?;
            let put = fs::rename(&temporary, &self.target);
            put.inspect_err(|_| backup.iter().for_each(|backup| drop(fs::rename(backup, &self.target))))?;
            Ok(backup)
        };
        put().inspect_err(|_| drop(fs::remove_file(&temporary)))
    }
}

/// The content of `path`; `None` where there is no file.
fn current(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match files::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Names for what was in `path`, none of which was used yet when it was asked for.
fn backups(path: &Path) -> impl Iterator<Item = PathBuf> {
    let name = |n| if n == 1 { ".vb365-backup".to_owned() } else { format!(".vb365-backup-{n}") };
    (1..=MOST_BACKUPS).map(move |n| files::with_ending(path, &name(n)))
}

/// Keeps `content`, with the group and mode of `path`, in a new file beside it.
fn back_up(path: &Path, content: &[u8]) -> io::Result<PathBuf> {
    for backup in backups(path) {
        let mut options = OpenOptions::new();
        let mut file = match files::private(options.write(true).create_new(true)).open(&backup) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            Err(error) => return Err(error),
        };
        let written =
            file.write_all(content).and_then(|()| files::keep_access(path, &file)).and_then(|()| file.sync_all());
        return written.map(|()| backup.clone()).inspect_err(|_| drop(fs::remove_file(&backup)));
    }
    Err(io::Error::other("there are too many backups beside it"))
}

/// Renames `path` to a name that nothing has.
fn move_away(path: &Path) -> io::Result<PathBuf> {
    let free = backups(path).find(|backup| fs::symlink_metadata(backup).is_err());
    let backup = free.ok_or_else(|| io::Error::other("there are too many backups beside it"))?;
    fs::rename(path, &backup).map(|()| backup)
}

#[cfg(unix)]
fn make_link(to: &Path, path: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(to, path)
}

/// Symbolic links are a privilege on Windows, and hard ones stay on one drive.
#[cfg(windows)]
fn make_link(to: &Path, path: &Path) -> io::Result<()> {
    fs::hard_link(to, path).or_else(|_| fs::copy(to, path).map(drop))
}

#[cfg(unix)]
fn is_link_to(path: &Path, to: &Path) -> bool {
    fs::read_link(path).is_ok_and(|link| link == to)
}

#[cfg(windows)]
fn is_link_to(path: &Path, to: &Path) -> bool {
    fs::read(path).is_ok_and(|content| fs::read(to).is_ok_and(|program| program == content))
}

/// kubectl's lock on a kubeconfig: who could make the file beside the name that was given, links and all,
/// has it, and removes it afterwards (client-go, `tools/clientcmd/config.go`).
struct Lock(PathBuf);

impl Lock {
    fn take(path: &Path) -> Result<Self> {
        let lock = files::with_ending(path, ".lock");
        match File::create_new(&lock) {
            Ok(_) => Ok(Self(lock)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let message = format!("kubectl is writing {}: {} is there", path.display(), lock.display());
                Err(Error::new(Kind::Config, message)
                    .with_hint("try again; a kubectl that was killed leaves that file, remove it then"))
            }
            Err(error) => Err(unusable(path, &error)),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn unusable(path: &Path, error: &io::Error) -> Error {
    Error::new(Kind::Config, format!("{} cannot be changed: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fake::FakeClock;

    /// A plan changes nothing; it must never be carried out here.
    #[cfg(unix)]
    #[test]
    fn a_device_is_no_file_to_write() {
        let edit = Edit::whole("/dev/null".into(), "new".into());
        let error = edit.plan(true, "paste").err().unwrap();
        assert_eq!(
            (error.kind(), error.message()),
            (Kind::Config, "/dev/null cannot be changed: it is not a regular file")
        );
        assert_eq!(error.hint(), Some("paste"));
    }

    #[test]
    fn what_changes_between_the_look_and_the_write_is_not_lost() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let edit = Edit::whole(path.clone(), "new".into());
        for (old, since) in [(None, "made since"), (Some("old"), "changed since")] {
            old.into_iter().for_each(|old| fs::write(&path, old).unwrap());
            let plan = edit.plan(true, "").unwrap();
            fs::write(&path, since).unwrap();
            let error = plan.carry_out(&FakeClock::default()).unwrap_err();
            assert!(error.message().ends_with("another program is writing it; try again"), "{error}");
            assert_eq!(fs::read_to_string(&path).unwrap(), since);
            assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        }
    }
}
