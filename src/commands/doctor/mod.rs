//! `doctor`: looks at everything that a call needs, from the configuration to the servers, and says how it
//! stands and what mends it. It changes nothing anywhere, renews nothing, and sends no token but an access
//! token that still lives, to the server that issued it.

mod cache;
mod configuration;
mod finding;
mod identity;
mod page;
mod server;
mod tenant;
mod visits;

use serde::Serialize;

use self::finding::{Finding, Findings, State, Written};
use self::visits::Visits;
use super::{Answer, Context, Report};
use crate::cli::DoctorArgs;
use crate::credential::Tenant;
use crate::error::{Error, Result};
use crate::host::Deadline;
use crate::http;
use crate::protocol::{document, native};
use crate::screen::Screen;
use crate::secret::Secret;

/// Of so many tenants each is told about; of more, only those that are not well.
const MANY: usize = 10;

/// The document.
#[derive(Serialize)]
struct Document<'a> {
    version: u64,
    state: &'a str,
    findings: Vec<Written<'a>>,
}

/// Looks at everything, or at what concerns one tenant.
///
/// # Errors
/// None: what fails is a finding, and the report fails with the first of them.
pub fn run(context: &Context<'_>, args: &DoctorArgs) -> Result<Report> {
    let mut findings = configuration::check(context.config, context.variables);
    findings.extend(cache::check(context.cache));
    let tenants = match &args.tenant {
        Some(tenant) => vec![tenant.clone()],
        None => tenants(context),
    };
    let (mut about_tenants, visits) = look_at(context, &tenants);
    if let Some(near) = args.tenant.as_ref().and_then(|tenant| context.near(tenant)) {
        let hints = about_tenants.iter_mut().filter_map(|finding| finding.hint.as_mut());
        hints.for_each(|hint| *hint = format!("did you mean {near}? if not: {hint}"));
    }
    findings.extend(network());
    // From now on: a slow disk with many tenants on it must not use up the servers' time.
    let deadline = Deadline::after(context.clock, args.timeout);
    findings.extend(visits.pay(context.clock, deadline));
    findings.extend(about_tenants);
    Ok(report(&findings, args.json, context.page(false)))
}

/// What can be said where the configuration cannot be read.
pub fn without_configuration(error: &Error, args: &DoctorArgs, screen: Screen) -> Report {
    let mut findings = Findings::about(configuration::ABOUT);
    findings.fail("file", error);
    report(&findings.list, args.json, screen)
}

/// Everybody who is configured or of whom something is kept.
fn tenants(context: &Context<'_>) -> Vec<Tenant> {
    // Where the directory cannot be read, that is a finding about the cache.
    let kept = context.cache.tenants().unwrap_or_default();
    let mut tenants: Vec<_> = context.config.tenants().cloned().chain(kept).collect();
    // The configuration's spelling stands first, and stays.
    tenants.sort_by(|a, b| a.key().cmp(b.key()));
    tenants.dedup_by(|a, b| a.key() == b.key());
    tenants
}

/// What is found about each tenant here, and where it leads. Of many who are well, their number is told.
fn look_at(context: &Context<'_>, tenants: &[Tenant]) -> (Vec<Finding>, Visits) {
    let (mut findings, mut visits, mut well) = (Vec::new(), Visits::default(), 0);
    for tenant in tenants {
        let found = tenant::check(context, tenant, &mut visits);
        let is_well = found.iter().all(|finding| finding.state == State::Ok);
        if is_well && tenants.len() > MANY {
            well += 1;
        } else {
            findings.extend(found);
        }
    }
    if well > 0 {
        let mut all = Findings::about("tenants");
        all.ok(
            "all",
            if well == tenants.len() { format!("all {well} are ok") } else { format!("{well} others are ok") },
        );
        findings.extend(all.list);
    }
    (findings, visits)
}

fn network() -> Vec<Finding> {
    let mut findings = Findings::about("network");
    match http::proxy() {
        Some(proxy) => findings.ok("proxy", format!("{proxy}, for every host that no_proxy does not name")),
        None => findings.ok("proxy", "none"),
    }
    findings.list
}

fn report(findings: &[Finding], json: bool, screen: Screen) -> Report {
    let is_warned = findings.iter().any(|finding| finding.state == State::Warning);
    let failure = failure(findings);
    let answer: Answer = if json {
        let state = match failure {
            Some(_) => "failure",
            None if is_warned => State::Warning.name(),
            None => State::Ok.name(),
        };
        let findings = findings.iter().map(Written::from).collect();
        document(&Document { version: native::VERSION, state, findings })
    } else {
        Secret::new(page::draw(findings, screen).into_bytes())
    };
    Report { answer, failure }
}

/// The first that failed stands for all: it is what to mend first.
fn failure(findings: &[Finding]) -> Option<Error> {
    let failed = findings.iter().filter_map(|finding| match finding.state {
        State::Failure(kind) => Some((kind, finding)),
        _ => None,
    });
    let failed: Vec<_> = failed.collect();
    let (kind, first) = failed.first()?;
    let message = match failed.len() {
        1 => format!("one check failed: {}", first.message),
        more => format!("{more} checks failed, the first of them: {}", first.message),
    };
    let error = Error::new(*kind, message);
    Some(match &first.hint {
        Some(hint) => error.with_hint(hint),
        None => error,
    })
}
