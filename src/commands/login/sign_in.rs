//! One tenant's sign-in. It finds out whether the server is there, and is the one it should be, before it
//! bothers anybody.

use std::time::Duration;

use super::again::again;
use crate::cli::{LoginArgs, USUAL_PORT};
use crate::commands::Context;
use crate::commands::trust::{self, Seen};
use crate::config::Told;
use crate::credential::{ApiVersion, Interactive, Origin, Request, Scopes, Settings, Tenant, Want};
use crate::device_login::Wishes;
use crate::error::{Error, Kind, Result};
use crate::http::Client;
use crate::resolve::{Ladder, SignedIn};
use crate::text::in_a_row;
use crate::veeam::Veeam;

/// How long finding out the API version may take for each version asked for.
const PROBE_LIMIT: Duration = Duration::from_secs(15);

/// Signs in to `tenant`, and answers what is remembered now and what that brought; of certificates that were
/// `seen` before, nothing is asked again.
///
/// # Errors
/// Every kind.
pub(super) fn run(
    context: &Context<'_>,
    tenant: &Tenant,
    args: &LoginArgs,
    seen: &mut Seen,
) -> Result<(Settings, SignedIn)> {
    let mut told = told(args)?;
    let settings = context.config.settings_with(tenant, &told)?;
    let server = told.server.as_ref().or(settings.servers.first()).cloned();
    let server = server.ok_or_else(|| context.meant(no_server(tenant, &told), tenant))?;
    let there = again([tenant.as_str()], &Told { server: Some(server.clone()), ..told.clone() });
    trust::at_login(context, &settings, &server, &mut told, seen, args.plain, &there)?;
    let settings = context.config.settings_with(tenant, &told)?;
    // Nobody would see it if a new destination were written here.
    if !context.terminal.is_available() {
        return Err(no_terminal(tenant, &told));
    }
    if let Some(near) = context.near(tenant) {
        // It may be a new one; who mistyped sees it before there is a code.
        let words = format!("{tenant} is new here. If you mean {near}: Ctrl-C, then vb365-helper login {near}\n");
        let _ = context.terminal.show(&words);
    }
    match settings.api_version {
        Some(version) => check_version(context, &settings, &server, version, &told)?,
        None => told.api_version = Some(newest_version(context, &settings, &server, &told)?),
    }
    let settings = context.config.settings_with(tenant, &told)?;
    let request = request(tenant, server, args.timeout);
    let ladder = Ladder::new(&settings, &request, context.means(wishes(args)))?;
    let signed_in = ladder.login(&mut || remember(context, tenant, &told))?;
    Ok((settings, signed_in))
}

fn newest_version(context: &Context<'_>, settings: &Settings, server: &Origin, told: &Told) -> Result<ApiVersion> {
    let (client, origin) = (Client::new(&settings.trust)?, server.clone());
    let found =
        context.unless_cancelled(&settings.tenant, move || Veeam::newest_version(&client, &origin, PROBE_LIMIT));
    found.map_err(|error| with_usual_port(error, &settings.tenant, server, told))
}

/// Whether `server` speaks the configured version: another server of the tenant did, or this one did once.
fn check_version(
    context: &Context<'_>,
    settings: &Settings,
    server: &Origin,
    version: ApiVersion,
    told: &Told,
) -> Result<()> {
    let (client, origin, tenant) = (Client::new(&settings.trust)?, server.clone(), &settings.tenant);
    let spoken = context.unless_cancelled(tenant, move || {
        let is_served = Veeam::asked_for(&client, &origin, version, None, PROBE_LIMIT)?.is_served;
        if is_served { Ok(vec![version]) } else { Veeam::versions(&client, &origin, PROBE_LIMIT) }
    });
    let spoken = spoken.map_err(|error| with_usual_port(error, tenant, server, told))?;
    if spoken.contains(&version) {
        return Ok(());
    }
    let names: Vec<_> = spoken.iter().map(|version| version.as_str()).collect();
    let names = in_a_row(names.iter().copied());
    let message = format!("{server} does not speak API version {version}; it speaks {names}");
    let newest = Told { server: Some(server.clone()), api_version: spoken.first().copied(), ..told.clone() };
    Err(Error::new(Kind::Config, message).with_hint(again([tenant.as_str()], &newest)))
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

/// What the command line says.
///
/// # Errors
/// Kind `bad_request`, naming the flag.
pub(super) fn told(args: &LoginArgs) -> Result<Told> {
    let scopes = (!args.scopes.is_empty()).then(|| Scopes::new(args.scopes.clone())).transpose();
    Ok(Told {
        server: args.server.clone(),
        organization: args.organization.clone(),
        client_id: args.client_id.clone(),
        scopes: scopes.map_err(|why| Error::new(Kind::BadRequest, format!("--scope: {why}")))?,
        authority: args.authority.clone(),
        ca_file: args.ca_file.clone(),
        pins: args.pins.clone(),
        replaces_pins: false,
        api_version: args.api_version,
    })
}

fn no_server(tenant: &Tenant, told: &Told) -> Error {
    let again = again([tenant.as_str()], told);
    Error::new(Kind::Config, format!("no server is configured for {tenant}"))
        .with_hint(format!("{again} --server https://HOST:4443"))
}

fn no_terminal(tenant: &Tenant, told: &Told) -> Error {
    let again = again([tenant.as_str()], told);
    Error::new(Kind::LoginRequired, "a sign-in needs a terminal to show its code on, and there is none")
        .with_hint(format!("at a terminal: {again}; for jobs that nobody watches: vb365-helper help unattended"))
}

/// Where https listens by itself, there is nothing or something else: VB365 listens elsewhere as a rule.
fn with_usual_port(error: Error, tenant: &Tenant, server: &Origin, told: &Told) -> Error {
    let (name, port) = server.name_and_port();
    let usual = format!("https://{name}:{USUAL_PORT}").parse::<Origin>().ok();
    if port != 443 || usual.is_none() || !matches!(error.kind(), Kind::Unavailable | Kind::Config) {
        return error;
    }
    error.with_hint(again([tenant.as_str()], &Told { server: usual, ..told.clone() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_not_at_the_port_of_https_is_looked_for_at_the_usual_one() {
        let told = Told { organization: Some("Abc.com".into()), ..Told::default() };
        let hint = |kind, server: &str| {
            let error =
                with_usual_port(Error::new(kind, "gone"), &"abc.com".parse().unwrap(), &server.parse().unwrap(), &told);
            error.hint().map(str::to_owned)
        };
        let usual = "vb365-helper login abc.com --server https://vb365.abc.local:4443 --organization Abc.com";
        let usual = Some(usual.to_owned());
        assert_eq!(hint(Kind::Unavailable, "https://vb365.abc.local"), usual);
        assert_eq!(hint(Kind::Config, "https://vb365.abc.local"), usual);
        assert_eq!(hint(Kind::Unavailable, "https://vb365.abc.local:9443"), None);
        assert_eq!(hint(Kind::UntrustedServer, "https://vb365.abc.local"), None);
    }
}
