//! `get`: one credential, for a tenant or for whoever's server it is.

use chrono::{DateTime, Utc};

use super::{Answer, Context};
use crate::credential::{Credential, Origin, Request, ServerName, ServerRequest, Tenant, Want};
use crate::device_login::Wishes;
use crate::error::Result;
use crate::host::Deadline;
use crate::protocol::{Output, Token};
use crate::resolve::Ladder;

/// Answers a request for a tenant's credential.
///
/// # Errors
/// Every kind.
pub fn run(
    context: &Context<'_>,
    request: Request,
    write: fn(&Credential, DateTime<Utc>) -> Result<Output>,
    deadline: Deadline,
) -> Result<Answer> {
    // What was spent on reading the request counts for a person's time, too.
    let timeout = request.timeout.map(|_| deadline.left(context.clock));
    let request = Request { timeout, ..request };
    let answer = || write(&credential(context, &request, deadline)?, context.clock.now());
    answer().map_err(|error| context.meant(error, &request.tenant).with_tenant(&request.tenant))
}

/// Answers a request for whatever token there is for a server.
///
/// # Errors
/// Every kind.
pub fn run_for(
    context: &Context<'_>,
    request: ServerRequest,
    write: fn(Option<&Token>, DateTime<Utc>) -> Output,
    deadline: Deadline,
) -> Result<Answer> {
    let token = match context.config.whose(&request.server, request.tenant.as_ref())? {
        Some((tenant, server)) => token(context, &of(request, tenant, server), deadline)?,
        None => kept(context, &request.server)?,
    };
    Ok(write(token.as_ref(), context.clock.now()))
}

/// The same request, now that it is known whose server it is about.
fn of(request: ServerRequest, tenant: Tenant, server: Origin) -> Request {
    let ServerRequest { min_ttl, interactive, timeout, .. } = request;
    let (server, want) = (Some(server), Want::Veeam);
    Request { tenant, server, want, min_ttl, interactive, refused_token: None, timeout }
}

fn token(context: &Context<'_>, request: &Request, deadline: Deadline) -> Result<Option<Token>> {
    let credential = credential(context, request, deadline).map_err(|error| error.with_tenant(&request.tenant))?;
    let expires_at = Some(credential.expires_at);
    Ok(credential.grant.token().map(|value| Token { value: value.clone(), expires_at }))
}

/// What Terraform gave to be kept.
fn kept(context: &Context<'_>, server: &ServerName) -> Result<Option<Token>> {
    let ServerName::Host(host) = server else { return Ok(None) };
    let (token, damage) = context.cache.host_token(host)?;
    damage.into_iter().for_each(|damage| context.warnings.add(damage));
    Ok(token.map(|value| Token { value, expires_at: None }))
}

fn credential(context: &Context<'_>, request: &Request, deadline: Deadline) -> Result<Credential> {
    let settings = context.config.settings(&request.tenant)?;
    let ladder = Ladder::new(&settings, request, context.means(Wishes::default()))?;
    ladder.get(deadline)
}
