//! `cache protect`: seals every kept file anew. The configuration comes first, so that whatever is written meanwhile
//! is sealed in the new way, and the old key goes last.

use std::path::PathBuf;

use super::{Answer, Context, LOCK_TIMEOUT, Report};
use crate::cache::Cache;
use crate::cli::{CacheActionArg, CacheArgs};
use crate::credential::{Host, Tenant};
use crate::error::{Error, Kind, Result};
use crate::host::{Clock, Deadline};
use crate::seal::{Guard, Mode, Protection, Vault};
use crate::secret::Secret;

/// Protects what is kept as the arguments say.
///
/// # Errors
/// Kind `cache`: nothing can be sealed in that way; `config`; `bad_request`. The report fails, kind `cache`, where
/// a file stays as it was.
pub fn run(context: &Context<'_>, args: &CacheArgs) -> Result<Report> {
    let CacheActionArg::Protect = args.action;
    let wanted = wanted(context, args)?;
    let vault = Vault::new(wanted.clone());
    if args.new_key {
        vault.renew_key()?;
    }
    // Before anything is changed.
    let guard = vault.guard()?;
    context.config.protect(&wanted, context.clock)?;
    let cache = Cache::new(context.cache.dir(), vault);
    let done = reseal_all(&cache, context.clock, args.new_key)?;
    let failure = failure(&done, args);
    if failure.is_none() {
        // Nothing needs the old keys any more.
        if args.new_key {
            cache.vault().forget_old_keys()?;
        }
        context.config.protect(&final_one(wanted), context.clock)?;
    }
    Ok(Report { answer: answer(&done, guard), failure })
}

/// What is to be, with the keys that still open what is.
fn wanted(context: &Context<'_>, args: &CacheArgs) -> Result<Protection> {
    let mode = Mode::from(args.mode);
    let before = &context.config.protection().key_files;
    if args.key_file.is_some() && mode != Mode::KeyFile {
        return Err(Error::new(Kind::BadRequest, "--key-file goes with key_file alone"));
    }
    if args.new_key && matches!(mode, Mode::KeyFile | Mode::Plain) {
        return Err(Error::new(Kind::BadRequest, "--new-key goes with os and auto alone")
            .with_hint("for key_file, name the file with the new key by --key-file"));
    }
    if mode == Mode::KeyFile && args.key_file.is_none() && before.is_empty() {
        return Err(Error::new(Kind::BadRequest, "--key-file is missing").with_hint("vb365-helper cache --help"));
    }
    let named = args.key_file.as_ref().map(std::path::absolute).transpose();
    let named = named.map_err(|error| Error::new(Kind::BadRequest, format!("--key-file: {error}")))?;
    let mut key_files: Vec<PathBuf> = named.into_iter().collect();
    for file in before {
        if !key_files.contains(file) {
            key_files.push(file.clone());
        }
    }
    Ok(Protection { mode, key_files })
}

/// The same without the keys that only opened.
fn final_one(mut protection: Protection) -> Protection {
    protection.key_files.truncate(usize::from(protection.mode == Mode::KeyFile));
    protection
}

/// What became of each file.
#[derive(Default)]
struct Done {
    resealed: usize,
    kept: usize,
    failures: Vec<Error>,
}

fn reseal_all(cache: &Cache, clock: &dyn Clock, is_key_new: bool) -> Result<Done> {
    let mut done = Done::default();
    for tenant in cache.tenants_and_leftovers()? {
        done.note(reseal(cache, &tenant, clock, is_key_new));
    }
    for host in cache.hosts_and_leftovers()? {
        done.note(reseal_host(cache, &host, clock, is_key_new));
    }
    Ok(done)
}

impl Done {
    fn note(&mut self, was_resealed: Result<bool>) {
        match was_resealed {
            Ok(true) => self.resealed += 1,
            Ok(false) => self.kept += 1,
            Err(error) => self.failures.push(error),
        }
    }
}

fn reseal(cache: &Cache, tenant: &Tenant, clock: &dyn Clock, is_key_new: bool) -> Result<bool> {
    if !is_key_new && cache.is_protected(tenant)? {
        return Ok(false);
    }
    let mut lock = cache.lock(tenant, clock, Deadline::after(clock, LOCK_TIMEOUT))?;
    let found = lock.read()?;
    match found.damage {
        Some(damage) => Err(Error::new(Kind::Cache, damage)),
        None => lock.write(&found.entry).map(|()| true),
    }
}

fn reseal_host(cache: &Cache, host: &Host, clock: &dyn Clock, is_key_new: bool) -> Result<bool> {
    if !is_key_new && cache.is_host_protected(host)? {
        return Ok(false);
    }
    cache.reseal_host(host, clock, Deadline::after(clock, LOCK_TIMEOUT)).map(|()| true)
}

fn answer(done: &Done, guard: Option<Guard>) -> Answer {
    let how = match guard {
        Some(guard) => format!("tokens are sealed by {}", guard.words()),
        None => "tokens are protected by the rights of their files alone".to_owned(),
    };
    let files = |count| if count == 1 { "1 file".to_owned() } else { format!("{count} files") };
    Secret::new(format!("{how}: {} rewritten, {} so already\n", files(done.resealed), done.kept).into_bytes())
}

fn failure(done: &Done, args: &CacheArgs) -> Option<Error> {
    let first = done.failures.first()?;
    let message = format!("{} could not be rewritten, the first because: {first}", done.failures.len());
    Some(
        Error::new(Kind::Cache, message)
            .with_hint(format!("vb365-helper cache protect {}", Mode::from(args.mode).name())),
    )
}
