//! `login`: signs people in now, one tenant after the other, and remembers the settings. It is the only
//! command that can name a new destination for tokens.

mod sign_in;
mod summary;

use serde::Serialize;

use super::list::{Listed, State};
use super::trust::Seen;
use super::{Answer, Context, Report};
use crate::cli::LoginArgs;
use crate::credential::{Settings, Tenant};
use crate::error::{Error, Kind, Result};
use crate::protocol::native::ErrorDetails;
use crate::protocol::{document, native};
use crate::secret::Secret;

/// How one tenant's sign-in ended.
struct Ended {
    tenant: Tenant,
    /// What is remembered about the tenant now.
    result: Result<Settings>,
}

/// The document for several tenants (`schemas/logins-v1.schema.json`).
#[derive(Serialize)]
struct Logins<'a> {
    version: u64,
    tenants: Vec<Login<'a>>,
}

/// One tenant of it: its entry, or why there is none.
#[derive(Serialize)]
#[serde(untagged)]
enum Login<'a> {
    Entry(Listed),
    Failed { tenant: &'a str, error: ErrorDetails<'a> },
}

/// Signs in.
///
/// # Errors
/// Every kind. Where several tenants were named, one's failure is reported and stops no other.
pub fn run(context: &Context<'_>, args: LoginArgs) -> Result<Report> {
    let tenants = tenants(context, &args)?;
    match tenants.as_slice() {
        [] => Ok(nothing_to_do(&args)),
        [tenant] if !args.from_config => one(context, tenant, &args).map(Report::from),
        tenants => several(context, tenants, &args),
    }
}

/// Whom to sign in, in order.
fn tenants(context: &Context<'_>, args: &LoginArgs) -> Result<Vec<Tenant>> {
    let mut tenants: Vec<Tenant> = Vec::new();
    let configured = context.config.tenants().filter(|_| args.from_config);
    for tenant in args.tenants.iter().chain(configured) {
        if !tenants.contains(tenant) {
            tenants.push(tenant.clone());
        }
    }
    if tenants.is_empty() {
        return Err(Error::new(Kind::Config, "no tenant is configured")
            .with_hint("vb365-helper login TENANT --server https://HOST:4443"));
    }
    if args.organization.is_some() && tenants.len() > 1 {
        let message = "--organization is one tenant's name, and several are named";
        return Err(Error::new(Kind::BadRequest, message).with_hint("sign in to that tenant by itself"));
    }
    if args.due {
        tenants.retain(|tenant| is_due(context, tenant));
    }
    Ok(tenants)
}

/// Whether the next `get` could only ask for a sign-in.
fn is_due(context: &Context<'_>, tenant: &Tenant) -> bool {
    let settings = context.config.settings(tenant).ok();
    let found = context.cache.read(tenant);
    found.is_ok_and(|found| {
        Listed::new(&found.entry, settings.as_ref(), context.clock.now()).state() == State::LoginRequired
    })
}

fn nothing_to_do(args: &LoginArgs) -> Report {
    let document = document(&Logins { version: native::VERSION, tenants: Vec::new() });
    Report::from(if args.json { document } else { Secret::new(b"no sign-in is due\n".to_vec()) })
}

fn one(context: &Context<'_>, tenant: &Tenant, args: &LoginArgs) -> Result<Answer> {
    let settings =
        sign_in::run(context, tenant, args, &mut Seen::default()).map_err(|error| error.with_tenant(tenant))?;
    if args.json { Ok(document(&entry(context, &settings)?)) } else { Ok(Secret::new(Vec::new())) }
}

/// One after the other; whoever presses Ctrl-C has had enough of all.
fn several(context: &Context<'_>, tenants: &[Tenant], args: &LoginArgs) -> Result<Report> {
    let (mut ended, mut seen): (Vec<Ended>, _) = (Vec::new(), Seen::default());
    for (index, tenant) in tenants.iter().enumerate() {
        let result = if context.terminal.is_interrupted() {
            Err(Error::new(Kind::LoginFailed, "not asked any more, after Ctrl-C"))
        } else {
            // Without the terminal the sign-in itself says so.
            let _ = context.terminal.show(&format!("\n[{} of {}] {tenant}\n", index + 1, tenants.len()));
            sign_in::run(context, tenant, args, &mut seen)
        };
        ended.push(Ended { tenant: tenant.clone(), result: result.map_err(|error| error.with_tenant(tenant)) });
    }
    let table = summary::of_several(&ended, context.screen(args.plain));
    if context.terminal.show(&table).is_err() {
        ended
            .iter()
            .filter_map(|one| one.result.as_ref().err())
            .for_each(|error| context.warnings.add(error.message()));
    }
    let answer = if args.json { logins(context, &ended)? } else { Secret::new(Vec::new()) };
    Ok(Report { answer, failure: failure(&ended) })
}

fn logins(context: &Context<'_>, ended: &[Ended]) -> Result<Answer> {
    let tenants = ended.iter().map(|one| login(context, one)).collect::<Result<_>>()?;
    Ok(document(&Logins { version: native::VERSION, tenants }))
}

fn login<'e>(context: &Context<'_>, one: &'e Ended) -> Result<Login<'e>> {
    Ok(match &one.result {
        Ok(settings) => Login::Entry(entry(context, settings)?),
        Err(error) => Login::Failed { tenant: one.tenant.as_str(), error: error.into() },
    })
}

/// What the exit code tells of all: the kind of the first that failed.
fn failure(ended: &[Ended]) -> Option<Error> {
    let failed: Vec<_> = ended.iter().filter_map(|one| Some((&one.tenant, one.result.as_ref().err()?))).collect();
    let (_, first) = failed.first()?;
    let again: Vec<_> = failed.iter().map(|(tenant, _)| tenant.as_str()).collect();
    let message = format!("{} of {} sign-ins failed, the first because: {first}", failed.len(), ended.len());
    Some(Error::new(first.kind(), message).with_hint(format!("vb365-helper login {}", again.join(" "))))
}

/// The tenant as `list --json` has it.
fn entry(context: &Context<'_>, settings: &Settings) -> Result<Listed> {
    let found = context.cache.read(&settings.tenant)?;
    Ok(Listed::new(&found.entry, Some(settings), context.clock.now()))
}
