//! `store`: takes a token response that another program came by. It is believed no more than one
//! from the network, and kept only for a server that the configuration names.

use std::time::Duration;

use chrono::TimeDelta;

use super::{Answer, Context, read_request};
use crate::cli::StoreArgs;
use crate::entra::tokens::EntraTokens;
use crate::error::{Error, Kind, Result};
use crate::host::{Deadline, Input};
use crate::protocol::native::{self, StoreRequest};
use crate::resolve::{entra_record, veeam_record};
use crate::secret::Secret;
use crate::token::whole_seconds;
use crate::veeam::VeeamTokens;

/// How long a token response is waited for: who pipes it in may first have somebody sign in.
const PATIENCE: Duration = Duration::from_secs(3600);
/// How far `obtained_at` may lie ahead of this machine's clock.
const CLOCK_SKEW: TimeDelta = TimeDelta::minutes(5);

/// Keeps what stdin brings.
///
/// # Errors
/// Kind `bad_request`, `config` or `cache`.
pub fn run(context: &Context<'_>, args: StoreArgs, stdin: &mut dyn Input) -> Result<Answer> {
    let text = read_request(stdin, context.clock, Deadline::after(context.clock, PATIENCE))?;
    let request = match args {
        StoreArgs { tenant: None, .. } => native::read_store(text.expose())?,
        StoreArgs { tenant: Some(tenant), server: None } => {
            StoreRequest { tenant, entra: Some(text), veeam: None, obtained_at: None }
        }
        StoreArgs { tenant: Some(tenant), server: Some(server) } => {
            StoreRequest { tenant, entra: None, veeam: Some((server, text)), obtained_at: None }
        }
    };
    keep(context, &request).map_err(|error| error.with_tenant(&request.tenant))
}

fn keep(context: &Context<'_>, request: &StoreRequest) -> Result<Answer> {
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

    let deadline = Deadline::after(context.clock, super::LOCK_TIMEOUT);
    let mut lock = context.cache.lock(tenant, context.clock, deadline)?;
    let found = lock.read()?;
    let mut entry = found.entry;
    let stored: Vec<_> =
        [entra.as_ref().map(|_| "entra"), veeam.as_ref().map(|_| "veeam")].into_iter().flatten().collect();
    entra.into_iter().for_each(|record| entry.put_entra(record));
    veeam.into_iter().for_each(|record| entry.put_veeam(record));
    if let Some(damage) = found.damage {
        context.warnings.add(damage);
    }
    lock.write(&entry)?;
    Ok(native::stored(tenant, &stored))
}

fn read<T>(body: &Secret<Vec<u8>>, whose: &str, read: impl Fn(&Secret<Vec<u8>>) -> Result<T, String>) -> Result<T> {
    read(body).map_err(|why| Error::new(Kind::BadRequest, format!("the {whose} token response: {why}")))
}
