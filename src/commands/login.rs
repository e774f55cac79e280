//! `login`: signs a person in now and remembers the settings. It is the only command that can name
//! a new destination for tokens, and it finds out whether the server is there, and is the one it
//! should be, before it bothers anybody.

use std::time::Duration;

use super::list::Listed;
use super::{Answer, Context};
use crate::cli::{LoginArgs, USUAL_PORT};
use crate::config::Told;
use crate::credential::{Interactive, Origin, Request, Scopes, Settings, Tenant, Want};
use crate::device_login::Wishes;
use crate::error::{Error, Kind, Result};
use crate::http::Client;
use crate::protocol::{document, instant};
use crate::resolve::{Ladder, SignedIn};
use crate::secret::Secret;
use crate::text::printable;
use crate::veeam::Veeam;

/// How long finding out the API version may take for each version asked for.
const PROBE_LIMIT: Duration = Duration::from_secs(15);

/// Signs in.
///
/// # Errors
/// Every kind.
pub fn run(context: &Context<'_>, args: LoginArgs) -> Result<Answer> {
    let tenant = args.tenant.clone();
    sign_in(context, args).map_err(|error| error.with_tenant(&tenant))
}

fn sign_in(context: &Context<'_>, args: LoginArgs) -> Result<Answer> {
    let (tenant, timeout, json) = (args.tenant.clone(), args.timeout, args.json);
    let mut told = told(args)?;
    let settings = context.config.settings_with(&tenant, &told)?;
    let server = told.server.as_ref().or(settings.servers.first()).cloned().ok_or_else(|| no_server(&tenant))?;
    // Nobody would see it if a new destination were written here.
    if !context.terminal.is_available() {
        return Err(Error::new(
            Kind::LoginRequired,
            "a sign-in needs a terminal to show its code on, and there is none",
        ));
    }
    if let Some(near) = context.near(&tenant) {
        // It may be a new one; who mistyped sees it before there is a code.
        let words = format!("{tenant} is new here. If you mean {near}: Ctrl-C, then vb365-helper login {near}\n");
        let _ = context.terminal.show(&words);
    }
    if settings.api_version.is_none() {
        let newest = Veeam::newest_version(&Client::new(&settings.trust)?, &tenant, &server, PROBE_LIMIT);
        told.api_version = Some(newest.map_err(|error| with_usual_port(error, &tenant, &server))?);
    }
    context.config.remember(&tenant, &told, context.clock)?;

    let settings = context.config.settings_with(&tenant, &told)?;
    let request = Request {
        tenant,
        server: Some(server),
        want: Want::Veeam,
        min_ttl: None,
        interactive: Interactive::Always,
        refused_token: None,
        timeout,
    };
    let person = context.person(Wishes::default());
    let ladder = Ladder::new(&settings, &request, context.cache, context.clock, person, context.warnings)?;
    let signed_in = ladder.login()?;
    let stdout = if json { entry(context, &settings)? } else { Secret::new(Vec::new()) };
    if context.terminal.show(&summary(&settings, &signed_in)).is_err() {
        context.warnings.add(summary(&settings, &signed_in).trim_end());
    }
    Ok(stdout)
}

fn told(args: LoginArgs) -> Result<Told> {
    let scopes = (!args.scopes.is_empty()).then(|| Scopes::new(args.scopes)).transpose();
    Ok(Told {
        server: args.server,
        organization: args.organization,
        client_id: args.client_id,
        scopes: scopes.map_err(|why| Error::new(Kind::BadRequest, format!("--scope: {why}")))?,
        authority: args.authority,
        ca_file: args.ca_file,
        pins: args.pins,
        api_version: args.api_version,
    })
}

fn no_server(tenant: &Tenant) -> Error {
    Error::new(Kind::Config, format!("no server is configured for {tenant}"))
        .with_hint(format!("vb365-helper login {tenant} --server https://HOST:4443"))
}

/// Where https listens by itself, there is nothing or something else: VB365 listens elsewhere as a rule.
fn with_usual_port(error: Error, tenant: &Tenant, server: &Origin) -> Error {
    match server.name_and_port() {
        (name, 443) if matches!(error.kind(), Kind::Unavailable | Kind::Config) => {
            error.with_hint(format!("vb365-helper login {tenant} --server https://{name}:{USUAL_PORT}"))
        }
        _ => error,
    }
}

fn entry(context: &Context<'_>, settings: &Settings) -> Result<Secret<Vec<u8>>> {
    let found = context.cache.read(&settings.tenant)?;
    Ok(document(&Listed::new(&found.entry, Some(settings), context.clock.now())))
}

fn summary(settings: &Settings, signed_in: &SignedIn) -> String {
    let tenant = &settings.tenant;
    let account = signed_in.account.as_deref().map(|account| format!(" as {}", printable(account))).unwrap_or_default();
    let server = settings.servers.iter().map(Origin::as_str).next().unwrap_or_default();
    let until = instant(signed_in.credential.expires_at);
    format!(
        "Signed in to {tenant}{account}. The token for {server} lasts until {until} and is renewed silently.\n\
         Next: vb365-helper get {tenant}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_not_at_the_port_of_https_is_looked_for_at_the_usual_one() {
        let hint = |kind, server: &str| {
            let error =
                with_usual_port(Error::new(kind, "gone"), &"abc.com".parse().unwrap(), &server.parse().unwrap());
            error.hint().map(str::to_owned)
        };
        let usual = Some("vb365-helper login abc.com --server https://vb365.abc.local:4443".to_owned());
        assert_eq!(hint(Kind::Unavailable, "https://vb365.abc.local"), usual);
        assert_eq!(hint(Kind::Config, "https://vb365.abc.local"), usual);
        assert_eq!(hint(Kind::Unavailable, "https://vb365.abc.local:9443"), None);
        assert_eq!(hint(Kind::UntrustedServer, "https://vb365.abc.local"), None);
    }
}
