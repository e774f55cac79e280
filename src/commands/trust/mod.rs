//! `trust`: has a server's certificate looked at by a person, and pinned by the configuration. Nothing is
//! sent to a server before its certificate is trusted, and no pin is changed that nobody saw.

mod at_login;
mod question;
mod words;

use std::collections::BTreeSet;
use std::time::Duration;

pub use self::at_login::{Seen, at_login};
use self::question::{Question, mistaken};
use super::{Answer, Context};
use crate::cli::TrustArgs;
use crate::config::Believer;
use crate::credential::{Fingerprint, Origin, Trust};
use crate::error::{Error, Kind, Result};
use crate::http::{Presented, Probe};
use crate::secret::Secret;
use crate::veeam::verdict;

/// How long a look at a certificate may take.
const LIMIT: Duration = Duration::from_secs(15);

/// Asks about the certificate of a configured server, and pins it.
///
/// # Errors
/// Kind `untrusted_server` where nobody says yes, `config` where nobody has the server, `unavailable`.
pub fn run(context: &Context<'_>, args: &TrustArgs) -> Result<Answer> {
    let server = &args.server;
    let believers = context.config.believers(server, args.tenant.as_ref())?;
    let looks = looks(server, &believers)?;
    let (certificate, unbelieving) = match looks.as_slice() {
        [] => return Err(nobodys(args)),
        [Look { presented: None, .. }, ..] => return Ok(text(words::without_tls(server))),
        [Look { presented: Some(first), .. }, ..] => (first.certificate.clone(), unbelieving(&looks)),
    };
    if let Some(other) = args.pin.filter(|pin| *pin != certificate.fingerprint) {
        return Err(mistaken(server, certificate.fingerprint, &[other]));
    }
    let Some(presented) = unbelieving.iter().find_map(|look| look.presented.as_ref()) else {
        return Ok(text(words::trusted_already(server, &certificate, context.clock.now())));
    };
    let pins: BTreeSet<Fingerprint> = unbelieving.iter().flat_map(|look| &look.trust.pins).copied().collect();
    let for_tenant = args.tenant.as_ref().map(|tenant| format!(" --tenant {tenant}")).unwrap_or_default();
    let question = Question {
        server,
        presented,
        pinned: &Vec::from_iter(pins),
        offered: args.pin.as_slice(),
        command: &format!("vb365-helper trust {server}{for_tenant}"),
    };
    question.ask(context, args.plain)?;
    let is_replacing = !question.pinned.is_empty();
    let believers: Vec<_> = unbelieving.iter().flat_map(|look| &look.believers).copied().collect();
    context.config.pin(&believers, certificate.fingerprint, is_replacing, context.clock)?;
    Ok(text(words::pinned(server, &certificate, &believers, context.config.path())))
}

/// The certificate as those see it who believe the same.
struct Look<'b> {
    trust: &'b Trust,
    believers: Vec<&'b Believer>,
    presented: Option<Presented>,
}

/// Those who do not believe what they saw.
fn unbelieving<'l, 'b>(looks: &'l [Look<'b>]) -> Vec<&'l Look<'b>> {
    let is_stranger = |look: &&Look<'_>| look.presented.as_ref().is_some_and(|seen| seen.distrust.is_some());
    let mut unbelieving: Vec<_> = looks.iter().filter(is_stranger).collect();
    // Whoever has a pin is to hear that it changed.
    unbelieving.sort_by_key(|look| look.trust.pins.is_empty());
    unbelieving
}

/// Looks once for each rule there is.
fn looks<'b>(server: &Origin, believers: &'b [Believer]) -> Result<Vec<Look<'b>>> {
    let mut looks: Vec<Look<'b>> = Vec::new();
    for believer in believers {
        match looks.iter_mut().find(|look| *look.trust == believer.trust) {
            Some(look) => look.believers.push(believer),
            None => {
                let presented = look(server, &believer.trust)?;
                looks.push(Look { trust: &believer.trust, believers: vec![believer], presented });
            }
        }
    }
    let mut shown = looks.iter().filter_map(|look| Some(look.presented.as_ref()?.certificate.fingerprint));
    let first = shown.next();
    if shown.any(|other| Some(other) != first) {
        let message = format!("{server} shows one certificate now and another then");
        return Err(Error::new(Kind::Unavailable, message).with_hint("look at its machines one by one, by --tenant"));
    }
    Ok(looks)
}

/// What `server` presents; `None` where it speaks no TLS.
fn look(server: &Origin, trust: &Trust) -> Result<Option<Presented>> {
    Probe::new(trust)?.look(server, LIMIT).map_err(|failure| verdict::of_failure(server, failure))
}

fn nobodys(args: &TrustArgs) -> Error {
    let server = &args.server;
    let (message, tenant) = match &args.tenant {
        Some(tenant) => (format!("{server} is no configured server of {tenant}"), tenant.as_str()),
        None => (format!("{server} is no configured server of anybody"), "TENANT"),
    };
    Error::new(Kind::Config, message).with_hint(format!("vb365-helper login {tenant} --server {server}"))
}

fn text(words: String) -> Answer {
    Secret::new(words.into_bytes())
}
