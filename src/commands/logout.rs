//! `logout`: erases what is kept, and then tells each server that its access token is no longer wanted, as far
//! as it can be told, whatever it says.

use std::time::Duration;

use super::{Answer, Context, LOCK_TIMEOUT, erase};
use crate::cache::VeeamRecord;
use crate::cli::LogoutArgs;
use crate::credential::{ApiVersion, Origin, Settings};
use crate::error::{Error, Result};
use crate::host::Deadline;
use crate::http::Client;
use crate::protocol::EraseRequest;
use crate::secret::Secret;
use crate::text::printable;
use crate::veeam::Veeam;

/// How long a server is listened to: what it says decides nothing.
const PATIENCE: Duration = Duration::from_secs(3);

/// Logs out and erases.
///
/// # Errors
/// Kind `cache`: it is still there, and no server was told.
pub fn run(context: &Context<'_>, args: &LogoutArgs) -> Result<Answer> {
    let tenant = &args.tenant;
    if let Some(near) = context.near(tenant) {
        context.warnings.add(format!("nothing was kept of {tenant}; did you mean {near}?"));
    }
    let erased = erased(context, args).map_err(|error| error.with_tenant(tenant))?;
    let told = tell_servers(context, args, &erased);
    let whose = args.server.as_ref().map_or_else(|| tenant.to_string(), |server| format!("{tenant} at {server}"));
    let told: String = told.iter().map(|server| format!("; {server} has ended the access token")).collect();
    Ok(Secret::new(format!("nothing is kept of {whose} any more{told}\n").into_bytes()))
}

/// Erases before any server is told: a token that is ended there must not be handed out here. Answers what
/// was kept of the servers that are meant.
fn erased(context: &Context<'_>, args: &LogoutArgs) -> Result<Vec<VeeamRecord>> {
    let LogoutArgs { tenant, server } = args;
    if !context.cache.holds(tenant)? {
        return Ok(Vec::new());
    }
    let deadline = Deadline::after(context.clock, LOCK_TIMEOUT);
    let mut lock = context.cache.lock(tenant, context.clock, deadline)?;
    let found = lock.read()?;
    if let Some(damage) = &found.damage {
        context.warnings.add(format!("{damage}; an access token of it may live on"));
    }
    let is_meant = |record: &&VeeamRecord| server.as_ref().is_none_or(|only| only.as_str() == record.server);
    let records = found.entry.veeam.iter().filter(is_meant).cloned().collect();
    let request = EraseRequest { tenant: tenant.clone(), server: server.clone(), access_only: false };
    erase::forget(&mut lock, found, &request)?;
    Ok(records)
}

/// Those servers that ended their tokens; of the others it is said that their tokens live on.
fn tell_servers(context: &Context<'_>, args: &LogoutArgs, erased: &[VeeamRecord]) -> Vec<Origin> {
    let settings = context.config.settings(&args.tenant);
    let mut told = Vec::new();
    for record in erased {
        let token = record.access_token.as_ref().filter(|_| record.life().is_alive(context.clock.now()));
        let Some(token) = token else { continue };
        match settings.as_ref().map_err(Error::to_string).and_then(|settings| tell(settings, record, token)) {
            Ok(server) => told.push(server),
            Err(why) => {
                let server = printable(&record.server);
                context.warnings.add(format!("the access token at {server} lives on until it ends by itself: {why}"));
            }
        }
    }
    told
}

/// Has the server end `token`. It goes to its own server alone, and only while the configuration still names
/// that one.
fn tell(settings: &Settings, record: &VeeamRecord, token: &Secret<String>) -> Result<Origin, String> {
    let Settings { tenant, servers, trust, .. } = settings;
    let server = servers.iter().find(|server| server.as_str() == record.server);
    let server = server.ok_or_else(|| format!("that is no configured server of {tenant}"))?;
    let spoken = record.api_version.as_deref().and_then(|version| version.parse().ok());
    let version = settings.api_version.or(spoken).ok_or("its API version is not known")?;
    if version < ApiVersion::V7 {
        return Err(format!("its API {version} has no logout"));
    }
    Client::new(trust)
        .and_then(|http| Veeam::new(http, tenant, server, version).log_out(token, PATIENCE))
        .map_err(|error| error.to_string())?;
    Ok(server.clone())
}
