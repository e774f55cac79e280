//! `erase`: removes tokens from this machine. It works on damaged entries, and erasing what is not
//! there is no mistake.

use super::{Answer, Context, LOCK_TIMEOUT};
use crate::cache::{Entry, Found, TenantLock};
use crate::credential::{Origin, ServerName, ServerRequest};
use crate::entra::tokens;
use crate::error::Result;
use crate::host::Deadline;
use crate::protocol::{EraseRequest, Output};

/// Removes what the request names.
///
/// # Errors
/// Kind `cache`.
pub fn run(context: &Context<'_>, request: &EraseRequest, write: fn(&EraseRequest) -> Output) -> Result<Answer> {
    let deadline = Deadline::after(context.clock, LOCK_TIMEOUT);
    one(context, request, deadline).map_err(|error| error.with_tenant(&request.tenant))?;
    Ok(write(request))
}

/// Removes whatever there is for a server.
///
/// # Errors
/// Kind `config` where it is not clear whose it is, or `cache`.
pub fn run_for(context: &Context<'_>, request: &ServerRequest, answer: Output) -> Result<Answer> {
    let deadline = Deadline::after(context.clock, LOCK_TIMEOUT);
    if let Some((tenant, server)) = context.config.whose(&request.server, request.tenant.as_ref())? {
        let of = EraseRequest { tenant, server: Some(server), access_only: false };
        one(context, &of, deadline).map_err(|error| error.with_tenant(&of.tenant))?;
    }
    // Kept perhaps before the host became a VB365 server's.
    if let ServerName::Host(host) = &request.server {
        context.cache.forget_host(host, context.clock, deadline)?;
    }
    Ok(answer)
}

/// Everything, what comes after a failure as well; the first failure is the answer.
///
/// # Errors
/// Kind `cache`.
pub fn all(context: &Context<'_>, answer: Output) -> Result<Answer> {
    let Context { cache, clock, .. } = *context;
    let deadline = Deadline::after(clock, LOCK_TIMEOUT);
    let whole = |tenant| EraseRequest { tenant, server: None, access_only: false };
    let tenants = cache.tenants_and_leftovers()?.into_iter();
    let mut results: Vec<_> = tenants.map(|tenant| one(context, &whole(tenant), deadline)).collect();
    match cache.hosts_and_leftovers() {
        Ok(hosts) => results.extend(hosts.iter().map(|host| cache.forget_host(host, clock, deadline))),
        Err(error) => results.push(Err(error)),
    }
    results.into_iter().collect::<Result<()>>()?;
    Ok(answer)
}

/// Removes it, without an answer.
///
/// # Errors
/// Kind `cache`.
pub(super) fn one(context: &Context<'_>, request: &EraseRequest, deadline: Deadline) -> Result<()> {
    if !context.cache.holds(&request.tenant)? {
        return Ok(());
    }
    let mut lock = context.cache.lock(&request.tenant, context.clock, deadline)?;
    if request.server.is_none() && !request.access_only {
        // Unread: what a newer version wrote goes as well.
        return lock.remove();
    }
    let found = lock.read()?;
    forget(&mut lock, found, request)
}

/// The same by whoever holds the lock and has `found` what is kept.
///
/// # Errors
/// Kind `cache`.
pub(super) fn forget(lock: &mut TenantLock, found: Found, request: &EraseRequest) -> Result<()> {
    let is_whole = request.server.is_none() && !request.access_only;
    if is_whole || found.damage.is_some() {
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
