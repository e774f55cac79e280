//! One tenant as far as it can be told on this machine: its settings, what is kept for it, and how its
//! sign-in stands. Which hosts that leads to is noted for the visits.

use super::finding::{Finding, Findings};
use super::visits::Visits;
use crate::cache::{Entry, Found};
use crate::commands::Context;
use crate::commands::list::{Listed, State};
use crate::credential::{Origin, Settings, Tenant};
use crate::error::{Error, Kind};
use crate::text::{printable, span};

/// How long before its end a sign-in is to be thought of.
const SOON: chrono::TimeDelta = chrono::TimeDelta::days(14);

/// Checks what is here about `tenant`, and plans the visits to its hosts.
pub(super) fn check(context: &Context<'_>, tenant: &Tenant, visits: &mut Visits) -> Vec<Finding> {
    let mut findings = Findings::about(tenant.as_str());
    let settings = match context.config.settings(tenant) {
        Ok(settings) => Some(settings),
        Err(error) => {
            findings.fail("settings", &error);
            None
        }
    };
    if let Some(settings) = &settings {
        check_settings(&mut findings, settings);
    }
    match context.cache.read(tenant) {
        Err(error) => findings.fail("entry", &error),
        Ok(Found { damage: Some(damage), .. }) => {
            let error = Error::new(Kind::Cache, damage).with_hint(format!("vb365-helper login {tenant}"));
            findings.fail("entry", &error);
        }
        Ok(found) => {
            check_sign_in(context, &mut findings, tenant, &found, settings.as_ref());
            if let Some(settings) = &settings {
                check_servers(&mut findings, settings, &found.entry);
                visits.plan(settings, &found.entry, context.clock.now());
            }
        }
    }
    findings.list
}

/// Scopes that miss what Veeam requires are no settings at all.
fn check_settings(findings: &mut Findings, settings: &Settings) {
    let tenant = &settings.tenant;
    match settings.servers.first() {
        None => findings.warn(
            "settings",
            "no server is configured",
            format!("vb365-helper login {tenant} --server https://HOST:4443"),
        ),
        Some(first) => findings.ok("settings", format!("server {first}, scopes {}", settings.scopes.joined())),
    }
}

fn check_sign_in(
    context: &Context<'_>,
    findings: &mut Findings,
    tenant: &Tenant,
    found: &Found,
    settings: Option<&Settings>,
) {
    let (now, entry) = (context.clock.now(), &found.entry);
    let listed = Listed::new(found, settings, now);
    let record = settings.and_then(|settings| entry.entra(settings));
    let due =
        |message: String| Error::new(Kind::LoginRequired, message).with_hint(format!("vb365-helper login {tenant}"));
    if listed.state() == State::LoginRequired {
        let error = match record.and_then(|record| record.rejected.as_ref()) {
            None if entry.is_empty() => due("nobody on this machine is signed in".to_owned()),
            None if record.is_none() && !entry.entra.is_empty() => {
                due("the kept sign-in is for another identity host, client id or set of scopes".to_owned())
            }
            None => due("what is kept has ended and cannot be renewed".to_owned()),
            Some(rejected) => {
                let codes: Vec<_> = rejected.codes.iter().map(|code| format!("AADSTS{code}")).collect();
                due(format!("the sign-in was ended on {} ({})", rejected.at.format("%Y-%m-%d"), codes.join(", ")))
            }
        };
        return findings.fail("sign-in", &error);
    }
    let account = record.and_then(|record| record.account.as_deref()).map(|name| format!("as {}, ", printable(name)));
    let account = account.unwrap_or_default();
    match listed.sign_in_needed_by(now) {
        Some(by) if !listed.is_renewable() => findings.warn(
            "sign-in",
            format!("{account}ends in {} and cannot be renewed", span(by - now)),
            format!("vb365-helper login {tenant}"),
        ),
        Some(by) if by - now <= SOON => findings.warn(
            "sign-in",
            format!("{account}ends in {} unless something is renewed before", span(by - now)),
            format!("vb365-helper refresh {tenant}"),
        ),
        Some(by) => {
            findings.ok("sign-in", format!("{account}lasts until {} and anew with each renewal", by.format("%Y-%m-%d")))
        }
        None => findings.ok("sign-in", format!("{account}renewed by the server alone")),
    }
    if listed.is_unaccepted() {
        // By `refresh`, which shows no token.
        findings.warn("token", "no server has accepted this sign-in yet", format!("vb365-helper refresh {tenant}"));
    }
}

/// Tokens of servers that the configuration does not name any more are of no use to anybody here.
fn check_servers(findings: &mut Findings, settings: &Settings, entry: &Entry) {
    let named: Vec<_> = settings.servers.iter().map(Origin::as_str).collect();
    for record in entry.veeam.iter().filter(|record| !named.contains(&record.server.as_str())) {
        let server = printable(&record.server);
        findings.warn(
            "servers",
            format!("tokens of {server} are kept, which is no configured server of this tenant"),
            format!("vb365-helper erase {} --server {server}", settings.tenant),
        );
    }
}
