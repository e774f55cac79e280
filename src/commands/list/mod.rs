//! `list`: what the cache holds, and which configured tenants it does not, for people, programs and
//! monitors. It opens every entry, shows no token of any, and asks nobody.

mod abreast;
mod filter;
mod listed;
mod metrics;
mod table;
mod usable;

use chrono::{DateTime, Utc};
use serde::Serialize;

use self::abreast::abreast;
use self::listed::UNSEALED;
pub use self::listed::{Listed, State};
use super::{Answer, Context, Report};
use crate::cache::{Cache, Found};
use crate::cli::{FailOnArg, ListArgs};
use crate::config::Config;
use crate::credential::Tenant;
use crate::error::{Error, Kind, Result};
use crate::files;
use crate::protocol::{document, native};
use crate::secret::Secret;
use crate::text::{in_a_row, span};

/// What a person reads before the first sign-in.
const NOTHING: &str = "nothing is kept; sign in with: vb365-helper login TENANT --server https://HOST:4443\n";
/// How many damaged entries are told one by one.
const MOST_DAMAGED: usize = 5;

/// The document of `list --json`.
#[derive(Debug, Serialize)]
struct Listing {
    version: u64,
    tenants: Vec<Listed>,
    hosts: Vec<ListedHost>,
}

/// Another host whose token is kept; only its name is ever shown.
#[derive(Debug, Serialize)]
struct ListedHost {
    host: String,
}

/// Lists every tenant, or those that were asked for.
///
/// # Errors
/// Kind `cache` where the directory cannot be read; a tenant's unreadable file is only listed so. Kind
/// `config`: nobody knows one that is named. The report fails as `--fail-on` has it.
pub fn run(context: &Context<'_>, args: &ListArgs) -> Result<Report> {
    let now = context.clock.now();
    check_known(context, &args.tenants)?;
    let mut tenants = tenants(context, &args.tenants, now)?;
    filter::apply(&mut tenants, args, now);
    filter::sort(&mut tenants, now);
    let hosts = if filter::is_any(args) { Vec::new() } else { hosts(context) };
    let failure = failure(&tenants, args, now);
    let answer = answer(context, args, tenants, hosts, now)?;
    Ok(Report { answer, failure })
}

fn answer(
    context: &Context<'_>,
    args: &ListArgs,
    tenants: Vec<Listed>,
    hosts: Vec<ListedHost>,
    now: DateTime<Utc>,
) -> Result<Answer> {
    if args.json {
        return Ok(document(&Listing { version: native::VERSION, tenants, hosts }));
    }
    let text = if args.prometheus {
        metrics::write(&tenants, now)
    } else if args.quiet {
        tenants.iter().map(|tenant| format!("{}\n", tenant.tenant)).collect()
    } else if tenants.is_empty() && hosts.is_empty() {
        if filter::is_any(args) { String::new() } else { NOTHING.to_owned() }
    } else {
        tell_unsealed(context, &tenants);
        table::draw(&tenants, &hosts, context.page(false), args.wide, now)
    };
    let Some(file) = &args.output else { return Ok(Secret::new(text.into_bytes())) };
    let unusable = |error| Error::new(Kind::Config, format!("the file {} cannot be written: {error}", file.display()));
    files::publish(&files::target(file), &text).map_err(unusable)?;
    Ok(Secret::new(Vec::new()))
}

/// A slip must not pass for a tenant, least of all at a monitor.
fn check_known(context: &Context<'_>, named: &[Tenant]) -> Result<()> {
    let Context { config, cache, .. } = context;
    for tenant in named {
        let is_served = config.settings(tenant).is_ok_and(|settings| !settings.servers.is_empty());
        if !is_served && !config.tenants().any(|known| known == tenant) && !cache.holds(tenant)? {
            let error = Error::new(Kind::Config, format!("{tenant} is neither configured nor kept"));
            let error = error.with_hint("vb365-helper list --quiet").with_tenant(tenant);
            return Err(context.meant(error, tenant));
        }
    }
    Ok(())
}

/// Those that are `named`; else every tenant that has an entry, and every one that is configured.
fn tenants(context: &Context<'_>, named: &[Tenant], now: DateTime<Utc>) -> Result<Vec<Listed>> {
    let kept = if named.is_empty() { context.cache.tenants()? } else { Vec::new() };
    let known = context.config.tenants().filter(|_| named.is_empty()).chain(&kept);
    // Of the same tenant the first stays, which is as the user spells it.
    let mut tenants: Vec<_> = named.iter().chain(known).collect();
    tenants.sort_by_key(|tenant| tenant.key());
    tenants.dedup();
    let Context { config, cache, .. } = *context;
    let (listed, damages): (_, Vec<_>) =
        abreast(&tenants, |tenant| look(config, cache, tenant, now)).into_iter().unzip();
    tell(context, &damages.into_iter().flatten().collect::<Vec<_>>());
    Ok(listed)
}

/// What is listed of `tenant`, and why its entry cannot be read if it cannot.
fn look(config: &Config, cache: &Cache, tenant: &Tenant, now: DateTime<Utc>) -> (Listed, Option<String>) {
    // What the cache holds can be told where the configuration is wrong, too.
    let settings = config.settings(tenant).ok();
    match cache.glance(tenant) {
        Ok(Found { damage: Some(damage), .. }) => (Listed::damaged(tenant, None), Some(damage)),
        Ok(found) if found.entry.is_empty() => (Listed::missing(tenant, settings.as_ref()), None),
        Ok(found) => (Listed::new(&found, settings.as_ref(), now), None),
        Err(error) => {
            let doctor = || format!("vb365-helper doctor {tenant}");
            let remedy = Some(error.hint().map_or_else(doctor, str::to_owned));
            (Listed::damaged(tenant, remedy), Some(error.to_string()))
        }
    }
}

/// Where the operating system was to seal tokens and no keyring answered, a person hears of it.
fn tell_unsealed(context: &Context<'_>, tenants: &[Listed]) {
    let is_unsealed =
        |tenant: &Listed| tenant.state != State::Damaged && tenant.protection == UNSEALED && tenant.is_kept();
    if (context.stdout)().is_some() && context.cache.vault().falls_back() && tenants.iter().any(is_unsealed) {
        context.warnings.add(
            "tokens are protected by the rights of their files alone, because no keyring answered; \
             see vb365-helper help protection",
        );
    }
}

/// A disk that went bad damages many at once, and nobody reads thousands of lines.
fn tell(context: &Context<'_>, damages: &[String]) {
    damages.iter().take(MOST_DAMAGED).for_each(|damage| context.warnings.add(damage.as_str()));
    let more = damages.len().saturating_sub(MOST_DAMAGED);
    if more > 0 {
        context.warnings.add(format!("{more} more cache files are damaged"));
    }
}

fn hosts(context: &Context<'_>) -> Vec<ListedHost> {
    let hosts = context.cache.hosts().unwrap_or_else(|error| {
        context.warnings.add(error.to_string());
        Vec::new()
    });
    hosts.iter().map(|host| ListedHost { host: host.to_string() }).collect()
}

/// What a monitor is told by the exit code. A sign-in comes before a damaged entry, because it heals that.
fn failure(tenants: &[Listed], args: &ListArgs, now: DateTime<Utc>) -> Option<Error> {
    let within = span(filter::time(args.due_within.unwrap_or_default()));
    let mut kinds = [FailOnArg::LoginRequired, FailOnArg::Due, FailOnArg::Damaged].into_iter();
    kinds.find_map(|kind| {
        let has_it = |tenant: &&Listed| match kind {
            FailOnArg::LoginRequired => tenant.state == State::LoginRequired,
            // The others are not listed.
            FailOnArg::Due => tenant.sign_in_needed_by(now).is_some(),
            FailOnArg::Damaged => tenant.state == State::Damaged,
        };
        let found: Vec<_> = tenants.iter().filter(|_| args.fail_on.contains(&kind)).filter(has_it).collect();
        let (first, names) = (*found.first()?, in_a_row(found.iter().map(|tenant| tenant.name())));
        let (kind, message) = match kind {
            FailOnArg::LoginRequired => (Kind::LoginRequired, format!("a sign-in is due for {names}")),
            FailOnArg::Due => (Kind::LoginRequired, format!("a sign-in is due within {within} for {names}")),
            FailOnArg::Damaged => (Kind::Cache, format!("the cache files of {names} are damaged")),
        };
        let login = || format!("vb365-helper login {}", first.name());
        Some(Error::new(kind, message).with_hint(first.remedy.clone().unwrap_or_else(login)))
    })
}
