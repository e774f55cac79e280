//! The same question as a part of `login`, which can name a server for the first time.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use super::question::Question;
use super::{look, words};
use crate::commands::Context;
use crate::config::Told;
use crate::credential::{Fingerprint, Origin, Settings};
use crate::error::Result;
use crate::http::Certificate;

/// What a person has seen in one run of the command, and is not shown again.
#[derive(Debug, Default)]
pub struct Seen {
    /// Servers with the certificates to which they said yes, and whether they knew that another was pinned.
    trusted: BTreeMap<(Origin, Fingerprint), bool>,
    /// Servers whose certificate ends soon.
    mentioned: BTreeSet<Origin>,
}

/// Has the certificate of `server` looked at before anything else is said to it: what a person trusts is
/// added to what was `told`, and what ends soon is mentioned. `again` is the same `login` once more.
///
/// # Errors
/// Kind `untrusted_server`, `unavailable` or `config`.
pub fn at_login(
    context: &Context<'_>,
    settings: &Settings,
    server: &Origin,
    told: &mut Told,
    seen: &mut Seen,
    is_plain: bool,
    again: &str,
) -> Result<()> {
    let (origin, trust) = (server.clone(), settings.trust.clone());
    let looked = context.unless_cancelled(&settings.tenant, move || look(&origin, &trust))?;
    let Some(presented) = looked else { return Ok(()) };
    let own = presented.certificate.fingerprint;
    // What is pinned for the tenant's other servers says nothing of one that is new to it.
    let known = context.config.settings(&settings.tenant).ok().filter(|known| known.servers.contains(server));
    let pinned = known.map(|known| known.trust.pins).unwrap_or_default();
    if presented.distrust.is_some() {
        let question = Question { server, presented: &presented, pinned: &pinned, offered: &told.pins, command: again };
        let saw_alarm = seen.trusted.entry((server.clone(), own));
        // A yes to a stranger is none to a certificate in the place of another.
        let is_answered = matches!(&saw_alarm, Entry::Occupied(saw) if *saw.get() || pinned.is_empty());
        if !is_answered {
            question.ask(context, is_plain)?;
        }
        *saw_alarm.or_default() |= !pinned.is_empty();
        told.pins.push(own);
        if let Some(words) = words::counts_elsewhere(server, &settings.servers) {
            // Without the terminal the sign-in itself says so.
            let _ = context.terminal.show(&words);
        }
    }
    // With several servers nobody can tell whose the other pins are.
    told.replaces_pins = told.pins.contains(&own) && !pinned.contains(&own) && settings.servers.len() == 1;
    mention_ending(context, server, &presented.certificate, seen, is_plain);
    Ok(())
}

/// Says once of a certificate that it ends soon.
fn mention_ending(context: &Context<'_>, server: &Origin, certificate: &Certificate, seen: &mut Seen, is_plain: bool) {
    let ending = words::ending(server, certificate, context.screen(is_plain), context.clock.now());
    if let Some(words) = ending.filter(|_| seen.mentioned.insert(server.clone())) {
        let _ = context.terminal.show(&words);
    }
}
