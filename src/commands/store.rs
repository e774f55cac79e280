//! `store`: takes a token response that another program came by. It is believed no more than one
//! from the network, and kept only for a server that the configuration names.

use chrono::TimeDelta;

use super::{Answer, Context, LOCK_TIMEOUT};
use crate::credential::{Host, ServerName};
use crate::entra::tokens::EntraTokens;
use crate::error::{Error, Kind, Result};
use crate::host::Deadline;
use crate::protocol::{Output, StoreRequest};
use crate::resolve::{entra_record, veeam_record};
use crate::secret::Secret;
use crate::token::whole_seconds;
use crate::veeam::VeeamTokens;

/// How far `obtained_at` may lie ahead of this machine's clock.
const CLOCK_SKEW: TimeDelta = TimeDelta::minutes(5);

/// Keeps token responses.
///
/// # Errors
/// Kind `bad_request`, `config` or `cache`.
pub fn run(context: &Context<'_>, request: &StoreRequest, write: fn(&StoreRequest) -> Output) -> Result<Answer> {
    keep(context, request).map_err(|error| error.with_tenant(&request.tenant))?;
    Ok(write(request))
}

/// Keeps a token for a host of another service.
///
/// # Errors
/// Kind `bad_request`: a VB365 server's tokens come from a sign-in; kind `config` or `cache`.
pub fn run_for(context: &Context<'_>, host: &Host, token: &Secret<String>, answer: Output) -> Result<Answer> {
    if let Some(server) = context.config.somebodys(&ServerName::Host(host.clone()))? {
        let message = format!("{host} is a configured VB365 server, whose tokens come from a sign-in");
        return Err(
            Error::new(Kind::BadRequest, message).with_hint(format!("vb365-helper login TENANT --server {server}"))
        );
    }
    let deadline = Deadline::after(context.clock, LOCK_TIMEOUT);
    context.cache.keep_host_token(host, token, context.clock, deadline)?;
    Ok(answer)
}

fn keep(context: &Context<'_>, request: &StoreRequest) -> Result<()> {
    let tenant = &request.tenant;
    let settings = context.config.settings(tenant)?;
    let now = whole_seconds(context.clock.now());
    let obtained_at = request.obtained_at.map_or(now, whole_seconds);
    if obtained_at > now + CLOCK_SKEW {
        return Err(Error::new(Kind::BadRequest, "field `obtained_at` lies in the future of this machine's clock"));
    }

    let entra = request.entra.as_ref().map(|body| read(body, "entra", EntraTokens::read)).transpose()?;
    let entra = entra.map(|tokens| entra_record(&settings, &tokens, obtained_at));
    let veeam = match &request.veeam {
        Some((server, _)) if !settings.servers.contains(server) => {
            return Err(Error::new(Kind::Config, format!("{server} is no configured server of {tenant}"))
                .with_hint(format!("vb365-helper login {tenant} --server {server}")));
        }
        Some((server, body)) => {
            let tokens = read(body, "veeam", VeeamTokens::read)?;
            Some(veeam_record(server.as_str(), &tokens, settings.api_version, obtained_at))
        }
        None => None,
    };

    let deadline = Deadline::after(context.clock, LOCK_TIMEOUT);
    let mut lock = context.cache.lock(tenant, context.clock, deadline)?;
    let found = lock.read()?;
    let mut entry = found.entry;
    entra.into_iter().for_each(|record| entry.put_entra(record));
    veeam.into_iter().for_each(|record| entry.put_veeam(record));
    if let Some(damage) = found.damage {
        context.warnings.add(damage);
    }
    lock.write(&entry)
}

fn read<T>(body: &Secret<Vec<u8>>, whose: &str, read: impl Fn(&Secret<Vec<u8>>) -> Result<T, String>) -> Result<T> {
    read(body).map_err(|why| {
        Error::new(Kind::BadRequest, format!("the {whose} token response: {why}"))
            .with_hint("vb365-helper schema store-request-v1")
    })
}
