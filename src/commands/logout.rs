//! `logout`: tells each server that its access token is no longer wanted, as far as it can be told, and
//! erases what is kept, whatever it says.

use std::time::Duration;

use super::{Answer, Context, LOCK_TIMEOUT, erase};
use crate::cache::VeeamRecord;
use crate::cli::LogoutArgs;
use crate::credential::{ApiVersion, Origin, Settings};
use crate::error::Result;
use crate::host::Deadline;
use crate::http::Client;
use crate::protocol::EraseRequest;
use crate::secret::Secret;
use crate::veeam::Veeam;

/// How long a server is listened to: what it says decides nothing.
const PATIENCE: Duration = Duration::from_secs(3);

/// Logs out and erases.
///
/// # Errors
/// Kind `cache`: it is still there.
pub fn run(context: &Context<'_>, args: &LogoutArgs) -> Result<Answer> {
    let tenant = &args.tenant;
    let told = tell_servers(context, args);
    let request = EraseRequest { tenant: tenant.clone(), server: args.server.clone(), access_only: false };
    let deadline = Deadline::after(context.clock, LOCK_TIMEOUT);
    erase::one(context, &request, deadline).map_err(|error| error.with_tenant(tenant))?;
    let whose = args.server.as_ref().map_or_else(|| tenant.to_string(), |server| format!("{tenant} at {server}"));
    let told: String = told.iter().map(|server| format!("; {server} has ended the access token")).collect();
    Ok(Secret::new(format!("nothing is kept of {whose} any more{told}\n").into_bytes()))
}

/// Those servers that ended their tokens. A token goes to its own server alone, and only while the
/// configuration still names that one.
fn tell_servers(context: &Context<'_>, args: &LogoutArgs) -> Vec<Origin> {
    let Ok(settings) = context.config.settings(&args.tenant) else { return Vec::new() };
    let Ok(found) = context.cache.read(&args.tenant) else { return Vec::new() };
    let servers = settings.servers.iter().filter(|server| args.server.as_ref().is_none_or(|only| only == *server));
    let kept = servers.filter_map(|server| Some((server, found.entry.veeam(server)?)));
    let told = kept.filter(|(server, record)| tell(context, &settings, server, record));
    told.map(|(server, _)| server.clone()).collect()
}

fn tell(context: &Context<'_>, settings: &Settings, server: &Origin, record: &VeeamRecord) -> bool {
    let spoken = record.api_version.as_deref().and_then(|version| version.parse().ok());
    let version = settings.api_version.or(spoken).filter(|version| *version >= ApiVersion::V7);
    let token = record.access_token.as_ref().filter(|_| record.life().is_alive(context.clock.now()));
    let (Some(version), Some(token)) = (version, token) else { return false };
    let told = Client::new(&settings.trust)
        .and_then(|http| Veeam::new(http, &settings.tenant, server, version).log_out(token, PATIENCE));
    if let Err(error) = &told {
        context.warnings.add(format!("the access token at {server} lives on until it ends by itself: {error}"));
    }
    told.is_ok()
}
