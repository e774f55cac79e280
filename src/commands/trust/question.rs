//! The question whether a certificate is the server's own. Only a person who sees its fingerprint can say
//! so, or a flag that names it; a pin that changed takes more than a `y` out of habit.

use super::words;
use crate::commands::Context;
use crate::credential::{Fingerprint, Origin};
use crate::error::{Error, Kind, Result};
use crate::http::Presented;
use crate::screen::ask;

/// A certificate that is not trusted, and what is known of it.
pub(super) struct Question<'a> {
    /// Who presented it.
    pub(super) server: &'a Origin,
    /// The certificate, and why it is not trusted.
    pub(super) presented: &'a Presented,
    /// What was trusted until now.
    pub(super) pinned: &'a [Fingerprint],
    /// What the command line names.
    pub(super) offered: &'a [Fingerprint],
    /// The command that would trust it, without `--pin-sha256`.
    pub(super) command: &'a str,
}

impl Question<'_> {
    /// Has it answered: yes, where this returns.
    ///
    /// # Errors
    /// Kind `untrusted_server`: no, or nobody can be asked.
    pub(super) fn ask(&self, context: &Context<'_>, is_plain: bool) -> Result<()> {
        let own = self.presented.certificate.fingerprint;
        match self.offered {
            [] if !context.terminal.is_available() => Err(self.unanswered()),
            [] => {
                context.terminal.catch_interrupts();
                let is_trusted = self.is_trusted(context, is_plain).unwrap_or(false);
                if is_trusted { Ok(()) } else { Err(self.refused()) }
            }
            offered if offered.contains(&own) => Ok(()),
            offered => Err(mistaken(self.server, own, offered)),
        }
    }

    fn is_trusted(&self, context: &Context<'_>, is_plain: bool) -> std::io::Result<bool> {
        let (terminal, screen) = (context.terminal, context.screen(is_plain));
        let Self { server, presented, pinned, .. } = self;
        if pinned.is_empty() {
            terminal.show(&words::stranger(server, presented, screen, context.clock.now()))?;
            return ask::confirm(terminal, "Trust this certificate?");
        }
        terminal.show(&words::changed(server, presented, pinned, screen, context.clock.now()))?;
        let question = "To trust the new one instead, type the last 4 digits of its SHA-256 (Enter: no):";
        ask::confirm_by_word(terminal, question, &self.last_digits())
    }

    fn last_digits(&self) -> String {
        let digits = self.presented.certificate.fingerprint.to_string();
        digits[digits.len() - 4..].to_owned()
    }

    /// Nobody is there.
    fn unanswered(&self) -> Error {
        let fingerprint = self.presented.certificate.fingerprint;
        let distrust = self.presented.distrust.as_deref().unwrap_or_default();
        let message = format!("the certificate of {} {distrust}; its SHA-256 is {fingerprint}", self.server);
        let command = self.command;
        Error::new(Kind::UntrustedServer, message).with_hint(format!(
            "compare the fingerprint with the server's own, then run `{command} --pin-sha256 {fingerprint}`"
        ))
    }

    /// The person said no.
    fn refused(&self) -> Error {
        let message = format!("the certificate of {} is not trusted, and nothing was changed", self.server);
        Error::new(Kind::UntrustedServer, message).with_hint(self.command)
    }
}

/// The certificate that was `offered` is not the server's `own`.
pub(super) fn mistaken(server: &Origin, own: Fingerprint, offered: &[Fingerprint]) -> Error {
    let offered: Vec<_> = offered.iter().map(Fingerprint::to_string).collect();
    let message = format!(
        "the certificate of {server} is not the one that --pin-sha256 names ({}); its SHA-256 is {own}",
        offered.join(", ")
    );
    Error::new(Kind::UntrustedServer, message).with_hint("compare both fingerprints with the server's own")
}
