//! `login`: signs people in now, one tenant after the other, and remembers the settings. It is the only
//! command that can name a new destination for tokens.

mod again;
mod several;
mod sign_in;
mod summary;

use super::list::{Listed, State};
use super::trust::Seen;
use super::{Answer, Context, Report};
use crate::cli::LoginArgs;
use crate::credential::{Settings, Tenant};
use crate::error::{Error, Kind, Result};
use crate::protocol::document;
use crate::secret::Secret;

/// Signs in.
///
/// # Errors
/// Every kind. Where several tenants can be meant, one's failure is reported and stops no other.
pub fn run(context: &Context<'_>, args: LoginArgs) -> Result<Report> {
    let tenants = tenants(context, &args)?;
    // By what was asked for, not by how many it turns out to be: a program has to know what it will read.
    match args.tenants.as_slice() {
        [tenant] if !args.from_config && !args.due => one(context, tenant, &args).map(Report::from),
        _ => several::run(context, &tenants, &args),
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
    // Of an entry that cannot be read nobody knows; the tenant's own sign-in says why.
    !context
        .cache
        .read(tenant)
        .is_ok_and(|found| Listed::new(&found, settings.as_ref(), context.clock.now()).state() != State::LoginRequired)
}

fn one(context: &Context<'_>, tenant: &Tenant, args: &LoginArgs) -> Result<Answer> {
    let result = sign_in::run(context, tenant, args, &mut Seen::default());
    let (settings, signed_in) = result.map_err(|error| error.with_tenant(tenant))?;
    let words = summary::of_one(&settings, &signed_in, context.screen(args.plain), context.clock.now());
    if context.terminal.show(&words).is_err() {
        context.warnings.add(words.trim());
    }
    if args.json { Ok(document(&entry(context, &settings)?)) } else { Ok(Secret::new(Vec::new())) }
}

/// The tenant as `list --json` has it.
fn entry(context: &Context<'_>, settings: &Settings) -> Result<Listed> {
    let found = context.cache.read(&settings.tenant)?;
    Ok(Listed::new(&found, Some(settings), context.clock.now()))
}
