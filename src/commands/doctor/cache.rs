//! The cache directory: its rights, what writers have left, and who works on it now. What stands in the
//! entries is a matter of their tenants.

use std::io::ErrorKind;
use std::path::Path;

use super::finding::{Finding, Findings};
use crate::cache::{Cache, HeldLock, Survey};
use crate::credential::{Host, Tenant};
use crate::error::{Error, Kind, Result};
use crate::files;
use crate::text::in_a_row;

const ABOUT: &str = "cache";

/// Checks the directory.
pub(super) fn check(cache: &Cache) -> Vec<Finding> {
    let mut findings = Findings::about(ABOUT);
    let dir = cache.dir().display().to_string();
    match cache.survey() {
        Err(error) => findings.fail("directory", &error),
        Ok(survey) => {
            match writable(cache.dir()) {
                Err(error) => findings.fail("directory", &error),
                Ok(()) if survey.is_there => findings.ok("directory", dir.as_str()),
                Ok(()) => findings.ok("directory", format!("{dir} is not there yet")),
            }
            permissions(&mut findings, &dir, &survey);
            leftovers(&mut findings, cache.dir(), &survey);
            survey.locks.iter().for_each(|lock| findings.ok("lock", held(lock)));
        }
    }
    protection(&mut findings, cache);
    if let Some(part) = cache.dir().parent().and_then(files::shared_part) {
        let part = part.display();
        let message = format!("other users can change {part}, and put another directory in the place of {dir}");
        findings.warn("permissions", message, format!("chmod go-w '{part}'"));
    }
    hosts(&mut findings, cache);
    findings.list
}

/// What protects a new file beside its rights.
fn protection(findings: &mut Findings, cache: &Cache) {
    let vault = cache.vault();
    match vault.likely_guard() {
        Ok(Some(guard)) => findings.ok("protection", format!("sealed by {}", guard.words())),
        Ok(None) if vault.falls_back() => {
            findings.ok("protection", "the rights of the files alone: no keyring answers here");
        }
        Ok(None) => findings.ok("protection", "the rights of the files alone"),
        Err(error) => findings.fail("protection", &error),
    }
}

/// Whether something can be written in `dir`, or it can be made: without a lock file no call renews anything.
fn writable(dir: &Path) -> Result<()> {
    let is_there = |part: &&Path| part.exists();
    let Some(there) = dir.ancestors().find(is_there) else { return Ok(()) };
    files::check_writable(there).map_err(|error| {
        let (shown, there_shown) = (dir.display(), there.display());
        let message = match there == dir {
            true => format!("the cache directory {shown} cannot be written: {error}"),
            false => format!("the cache directory {shown} cannot be made: {there_shown}: {error}"),
        };
        let hint = match error.kind() {
            // Nobody else's directory gets here.
            ErrorKind::PermissionDenied if there == dir => format!("chmod u+rwx '{shown}'"),
            _ => "keep the cache where it can be written: set [cache] dir in the configuration".to_owned(),
        };
        Error::new(Kind::Cache, message).with_hint(hint)
    })
}

fn permissions(findings: &mut Findings, dir: &str, survey: &Survey) {
    if survey.is_exposed {
        let message = format!("other users can see in {dir} whose tokens are kept");
        findings.warn("permissions", message, keeping_out(dir));
    }
    if let Some(first) = survey.exposed.first() {
        let message = match survey.exposed.len() {
            1 => format!("other users can read {}", first.display()),
            more => format!("other users can read {more} files, {} among them", first.display()),
        };
        findings.warn("permissions", message, keeping_out(dir));
    }
}

/// The command after which nobody else can look into `dir`.
fn keeping_out(dir: &str) -> String {
    if cfg!(windows) {
        // Whoever owns a file, by the number that is the same in every language of Windows.
        format!("icacls \"{dir}\" /inheritance:r /grant:r \"*S-1-3-4:(OI)(CI)F\" /t")
    } else {
        format!("chmod -R go= '{dir}'")
    }
}

/// Complete or not, whoever takes the lock next sees to it.
fn leftovers(findings: &mut Findings, dir: &Path, survey: &Survey) {
    let Some(first) = survey.leftovers.first() else { return };
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    let names: Vec<_> = survey.leftovers.iter().filter_map(|path| name(path)).collect();
    let names = in_a_row(names.iter().map(String::as_str));
    let message = format!("a write was ended before its time and has left {names}; the next one goes on there");
    let stem = name(first).and_then(|name| name.strip_suffix(".json.tmp").map(str::to_owned)).unwrap_or_default();
    let hint = match Host::from_key(&stem).filter(|_| first.parent() != Some(dir)) {
        Some(host) => format!("vb365-helper forget {host} --protocol terraform"),
        None => {
            let tenant = Tenant::from_file_name(&stem);
            format!("vb365-helper refresh {}", tenant.map_or(stem, |tenant| tenant.key().to_owned()))
        }
    };
    findings.warn("leftovers", message, hint);
}

fn held(lock: &HeldLock) -> String {
    let path = lock.path.display();
    match &lock.holder {
        None => format!("{path} is held by a process"),
        Some(holder) => {
            let program = holder.program.as_deref().map(|name| format!(" ({name})")).unwrap_or_default();
            format!("{path} is held by process {}{program}", holder.pid)
        }
    }
}

/// What is kept for Terraform.
fn hosts(findings: &mut Findings, cache: &Cache) {
    for host in cache.hosts().unwrap_or_default() {
        match cache.host_token(&host) {
            Err(error) => findings.fail("hosts", &error),
            Ok((_, Some(damage))) => {
                findings.warn("hosts", damage, format!("vb365-helper forget {host} --protocol terraform"));
            }
            Ok((_, None)) => {}
        }
    }
}
