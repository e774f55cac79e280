//! The same question as a part of `login`, which can name a server for the first time.

use std::collections::BTreeSet;

use super::question::Question;
use super::{look, words};
use crate::commands::Context;
use crate::config::Told;
use crate::credential::{Fingerprint, Origin, Settings};
use crate::error::Result;

/// What a person has seen in one run of the command, and is not shown again.
#[derive(Debug, Default)]
pub struct Seen {
    /// Servers with the certificates to which they said yes.
    trusted: BTreeSet<(Origin, Fingerprint)>,
    /// Servers whose certificate ends soon.
    mentioned: BTreeSet<Origin>,
}

/// Has the certificate of `server` looked at before anything else is said to it: what a person trusts is
/// added to what was `told`, and what ends soon is mentioned.
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
) -> Result<()> {
    let (origin, trust) = (server.clone(), settings.trust.clone());
    let looked = context.unless_cancelled(&settings.tenant, move || look(&origin, &trust))?;
    let Some(presented) = looked else { return Ok(()) };
    let (own, pinned) = (presented.certificate.fingerprint, &settings.trust.pins);
    if presented.distrust.is_some() {
        let question = Question {
            server,
            presented: &presented,
            pinned,
            offered: &told.pins,
            command: &format!("vb365-helper login {} --server {server}", settings.tenant),
        };
        let is_known = seen.trusted.contains(&(server.clone(), own));
        let is_replacing = if is_known { !pinned.is_empty() } else { question.ask(context, is_plain)? };
        // With several servers nobody can tell whose the other pins are.
        told.replaces_pins = is_replacing && settings.servers.len() == 1;
        told.pins.push(own);
        seen.trusted.insert((server.clone(), own));
    }
    let ending = words::ending(server, &presented.certificate, context.screen(is_plain), context.clock.now());
    if let Some(words) = ending.filter(|_| seen.mentioned.insert(server.clone())) {
        // Without the terminal the sign-in itself says so.
        let _ = context.terminal.show(&words);
    }
    Ok(())
}
