//! `erase`: removes tokens from this machine. It works on damaged entries, and erasing what is not
//! there is no mistake.

use super::{Answer, Context, LOCK_TIMEOUT, or_an_argument, read_request};
use crate::cache::Entry;
use crate::cli::EraseArgs;
use crate::credential::Origin;
use crate::entra::tokens;
use crate::error::Result;
use crate::host::{Deadline, Input};
use crate::protocol::native::{self, EraseRequest};

/// Removes what the arguments or stdin name.
///
/// # Errors
/// Kind `bad_request` or `cache`.
pub fn run(context: &Context<'_>, args: EraseArgs, stdin: &mut dyn Input) -> Result<Answer> {
    let deadline = Deadline::after(context.clock, LOCK_TIMEOUT);
    if args.all {
        return all(context, deadline);
    }
    let request = match args.tenant {
        Some(tenant) => EraseRequest { tenant, server: args.server, access_only: args.access_only },
        None => {
            let text = read_request(stdin, context.clock, deadline).map_err(or_an_argument)?;
            native::read_erase(text.expose())?
        }
    };
    one(context, &request, deadline).map_err(|error| error.with_tenant(&request.tenant))?;
    Ok(native::erased(Some(&request.tenant)))
}

/// Every tenant, the ones after a failure as well; the first failure is the answer.
fn all(context: &Context<'_>, deadline: Deadline) -> Result<Answer> {
    let whole = |tenant| EraseRequest { tenant, server: None, access_only: false };
    let tenants = context.cache.tenants_and_leftovers()?.into_iter();
    let results: Vec<_> = tenants.map(|tenant| one(context, &whole(tenant), deadline)).collect();
    results.into_iter().collect::<Result<()>>()?;
    Ok(native::erased(None))
}

fn one(context: &Context<'_>, request: &EraseRequest, deadline: Deadline) -> Result<()> {
    if !context.cache.holds(&request.tenant)? {
        return Ok(());
    }
    let mut lock = context.cache.lock(&request.tenant, context.clock, deadline)?;
    if request.server.is_none() && !request.access_only {
        return lock.remove();
    }
    let found = lock.read()?;
    if found.damage.is_some() {
        // What is in it cannot be told, so all of it goes: nothing that should be gone may stay.
        return lock.remove();
    }
    let mut entry = found.entry;
    match (&request.server, request.access_only) {
        (Some(server), false) => entry.veeam.retain(|record| record.server != server.as_str()),
        (server, _) => forget_access(&mut entry, server.as_ref()),
    }
    lock.write(&entry)
}

/// The access tokens of one server, or of all servers and of the identity platform.
fn forget_access(entry: &mut Entry, server: Option<&Origin>) {
    for record in &mut entry.veeam {
        if server.is_none_or(|server| record.server == server.as_str()) {
            record.access_token = None;
        }
    }
    if server.is_none() {
        for record in &mut entry.entra {
            record.token_response = tokens::without_access_token(&record.token_response);
        }
    }
}
