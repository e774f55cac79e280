//! One tenant's sign-in. It finds out whether the server is there, and is the one it should be, before it
//! bothers anybody.

use std::time::Duration;

use crate::cli::LoginArgs;
use crate::commands::Context;
use crate::config::Told;
use crate::credential::{ApiVersion, Interactive, Origin, Request, Scopes, Settings, Tenant, Want};
use crate::device_login::{Wishes, cancelled};
use crate::error::{Error, Kind, Result};
use crate::host::aside;
use crate::http::Client;
use crate::resolve::{Ladder, SignedIn};
use crate::veeam::Veeam;

/// How long finding out the API version may take for each version asked for.
const PROBE_LIMIT: Duration = Duration::from_secs(15);

/// Signs in to `tenant`, and answers what is remembered now and what that brought.
///
/// # Errors
/// Every kind.
pub(super) fn run(context: &Context<'_>, tenant: &Tenant, args: &LoginArgs) -> Result<(Settings, SignedIn)> {
    let mut told = told(args)?;
    let settings = context.config.settings_with(tenant, &told)?;
    let server = told.server.as_ref().or(settings.servers.first()).cloned().ok_or_else(|| no_server(tenant))?;
    // Nobody would see it if a new destination were written here.
    if !context.terminal.is_available() {
        return Err(Error::new(
            Kind::LoginRequired,
            "a sign-in needs a terminal to show its code on, and there is none",
        ));
    }
    if settings.api_version.is_none() {
        told.api_version = Some(newest_version(context, &settings, &server)?);
    }
    remember(context, tenant, &told)?;

    let settings = context.config.settings_with(tenant, &told)?;
    let request = request(tenant, server, args.timeout);
    let ladder = Ladder::new(&settings, &request, context.means(wishes(args)))?;
    let signed_in = ladder.login()?;
    Ok((settings, signed_in))
}

/// Asks the server, unless the person has had enough: it may be one that does not answer.
fn newest_version(context: &Context<'_>, settings: &Settings, server: &Origin) -> Result<ApiVersion> {
    let (client, tenant, server) = (Client::new(&settings.trust)?, settings.tenant.clone(), server.clone());
    let is_wanted = || if context.terminal.is_interrupted() { Err(cancelled(&settings.tenant)) } else { Ok(()) };
    let found = aside(move || Veeam::newest_version(&client, &tenant, &server, PROBE_LIMIT), is_wanted)?;
    found.unwrap_or_else(|| Err(Error::new(Kind::Unavailable, "this machine can start no thread now")))
}

/// Writes what was told into the configuration. Where that cannot be written, and lacks nothing but the
/// version of the API, which can be found out again, the person is not turned away.
fn remember(context: &Context<'_>, tenant: &Tenant, told: &Told) -> Result<()> {
    let Err(error) = context.config.remember(tenant, told, context.clock) else { return Ok(()) };
    let unversioned = Told { api_version: None, ..told.clone() };
    let is_known = context.config.settings_with(tenant, &unversioned)? == context.config.settings(tenant)?;
    if !is_known || error.kind() != Kind::Config {
        return Err(error);
    }
    context.warnings.add(format!("the version of the API is not remembered: {error}"));
    Ok(())
}

fn request(tenant: &Tenant, server: Origin, timeout: Option<Duration>) -> Request {
    Request {
        tenant: tenant.clone(),
        server: Some(server),
        want: Want::Veeam,
        min_ttl: None,
        interactive: Interactive::Always,
        refused_token: None,
        timeout,
    }
}

fn wishes(args: &LoginArgs) -> Wishes {
    Wishes { is_plain: args.plain, has_qr: !args.no_qr, opens_browser: args.browser }
}

fn told(args: &LoginArgs) -> Result<Told> {
    let scopes = (!args.scopes.is_empty()).then(|| Scopes::new(args.scopes.clone())).transpose();
    Ok(Told {
        server: args.server.clone(),
        organization: args.organization.clone(),
        client_id: args.client_id.clone(),
        scopes: scopes.map_err(|why| Error::new(Kind::BadRequest, format!("--scope: {why}")))?,
        authority: args.authority.clone(),
        ca_file: args.ca_file.clone(),
        pins: args.pins.clone(),
        api_version: args.api_version,
    })
}

fn no_server(tenant: &Tenant) -> Error {
    Error::new(Kind::Config, format!("no server is configured for {tenant}"))
        .with_hint(format!("vb365-helper login {tenant} --server https://HOST:4443"))
}
