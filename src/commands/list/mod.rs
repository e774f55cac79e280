//! `list`: what the cache holds, and which configured tenants it does not, for people, programs and
//! monitors. It opens every entry, shows no token of any, and asks nobody.

mod filter;
mod listed;
mod metrics;
mod table;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::Serialize;

pub use self::listed::{Listed, State};
use super::{Answer, Context, Report};
use crate::cli::{FailOnArg, ListArgs};
use crate::config::Config;
use crate::credential::Tenant;
use crate::error::{Error, Kind, Result};
use crate::files;
use crate::protocol::{document, native};
use crate::secret::Secret;
use crate::text::in_a_row;

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
/// Kind `cache` where the directory cannot be read; a tenant's unreadable file is only listed so. The
/// report fails as `--fail-on` has it.
pub fn run(context: &Context<'_>, args: &ListArgs) -> Result<Report> {
    let now = context.clock.now();
    let mut tenants = tenants(context, now)?;
    filter::apply(&mut tenants, args, now);
    filter::sort(&mut tenants, now);
    let hosts = if filter::is_any(args) { Vec::new() } else { hosts(context) };
    let failure = failure(&tenants, &args.fail_on);
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
        table::draw(&tenants, &hosts, context.page(false), args.wide, now)
    };
    let Some(file) = &args.output else { return Ok(Secret::new(text.into_bytes())) };
    let unusable = |error| Error::new(Kind::Config, format!("the file {} cannot be written: {error}", file.display()));
    files::publish(&files::target(file), &text).map_err(unusable)?;
    Ok(Secret::new(Vec::new()))
}

/// Every tenant that has an entry, and every one that is configured.
fn tenants(context: &Context<'_>, now: DateTime<Utc>) -> Result<Vec<Listed>> {
    let mut damages = Vec::new();
    let mut keys = BTreeSet::new();
    let mut tenants = Vec::new();
    for tenant in context.cache.tenants()? {
        keys.insert(tenant.key().to_owned());
        tenants.push(match context.cache.read(&tenant) {
            Ok(found) if found.damage.is_none() => {
                // What the cache holds can be told where the configuration is wrong, too.
                let settings = context.config.settings(&tenant).ok();
                Listed::new(&found.entry, settings.as_ref(), now)
            }
            Ok(found) => damaged(&tenant, found.damage.unwrap_or_default(), &mut damages),
            Err(error) => damaged(&tenant, error.to_string(), &mut damages),
        });
    }
    tell(context, &damages);
    let missing = context.config.tenants().filter(|tenant| !keys.contains(tenant.key()));
    tenants.extend(missing.map(|tenant| configured(context.config, tenant)));
    Ok(tenants)
}

fn damaged(tenant: &Tenant, why: String, damages: &mut Vec<String>) -> Listed {
    damages.push(why);
    Listed::damaged(tenant)
}

/// A disk that went bad damages many at once, and nobody reads thousands of lines.
fn tell(context: &Context<'_>, damages: &[String]) {
    damages.iter().take(MOST_DAMAGED).for_each(|damage| context.warnings.add(damage.as_str()));
    let more = damages.len().saturating_sub(MOST_DAMAGED);
    if more > 0 {
        context.warnings.add(format!("{more} more cache files are damaged"));
    }
}

fn configured(config: &Config, tenant: &Tenant) -> Listed {
    Listed::configured(tenant, config.settings(tenant).ok().as_ref())
}

fn hosts(context: &Context<'_>) -> Vec<ListedHost> {
    let hosts = context.cache.hosts().unwrap_or_else(|error| {
        context.warnings.add(error.to_string());
        Vec::new()
    });
    hosts.iter().map(|host| ListedHost { host: host.to_string() }).collect()
}

/// What a monitor is told by the exit code; a sign-in that is due comes before a damaged entry, because
/// the next write heals that one.
fn failure(tenants: &[Listed], fail_on: &[FailOnArg]) -> Option<Error> {
    let in_state = |state| {
        let names: Vec<_> =
            tenants.iter().filter(|tenant| tenant.state == state).map(|tenant| tenant.tenant.as_str()).collect();
        (!names.is_empty()).then_some(names)
    };
    let due = in_state(State::LoginRequired).filter(|_| fail_on.contains(&FailOnArg::LoginRequired)).map(|names| {
        let message = format!("a sign-in is due for {}", in_a_row(names.iter().copied()));
        Error::new(Kind::LoginRequired, message).with_hint(format!("vb365-helper login {}", names[0]))
    });
    let damaged = in_state(State::Damaged).filter(|_| fail_on.contains(&FailOnArg::Damaged)).map(|names| {
        let message = format!("the cache files of {} are damaged", in_a_row(names.iter().copied()));
        Error::new(Kind::Cache, message).with_hint(format!("vb365-helper login {}", names[0]))
    });
    due.or(damaged)
}
