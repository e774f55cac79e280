//! The same question as a part of `login`, which can name a server for the first time.

use super::question::Question;
use super::{look, words};
use crate::commands::Context;
use crate::config::Told;
use crate::credential::{Origin, Settings};
use crate::error::Result;

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
    is_plain: bool,
) -> Result<()> {
    let Some(presented) = look(server, &settings.trust)? else { return Ok(()) };
    if presented.distrust.is_some() {
        let question = Question {
            server,
            presented: &presented,
            pinned: &settings.trust.pins,
            offered: &told.pins,
            command: &format!("vb365-helper login {} --server {server}", settings.tenant),
        };
        // With several servers nobody can tell whose the other pins are.
        told.replaces_pins = question.ask(context, is_plain)? && settings.servers.len() == 1;
        told.pins.push(presented.certificate.fingerprint);
    }
    if let Some(words) = words::ending(server, &presented.certificate, context.screen(is_plain), context.clock.now()) {
        // Without the terminal the sign-in itself says so.
        let _ = context.terminal.show(&words);
    }
    Ok(())
}
