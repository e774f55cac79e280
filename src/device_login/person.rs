//! The person who can be asked to sign in, by way of the terminal. The prompt names who signs in where,
//! and warns of the one trick played with device codes: sending somebody one's own.

use std::time::Duration;

use super::prompt::{Invitation, Prompt, Waiting};
use crate::error::{Error, Kind, Result};
use crate::host::Terminal;
use crate::protocol::Variables;

/// The person at the terminal, and how they want to be asked.
#[derive(Clone, Copy)]
pub struct Person<'a> {
    /// Their terminal.
    pub terminal: &'a dyn Terminal,
    /// Their environment.
    pub variables: Variables<'a>,
    /// What they told `login`.
    pub wishes: Wishes,
}

/// How a person wants to be asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    /// Text alone: nothing that moves, no colour, no QR code.
    pub is_plain: bool,
}

impl<'a> Person<'a> {
    /// The prompt at their terminal.
    pub fn prompt(self) -> AtTerminal<'a> {
        AtTerminal { person: self }
    }
}

/// A prompt at a terminal.
pub struct AtTerminal<'a> {
    person: Person<'a>,
}

impl Prompt for AtTerminal<'_> {
    fn show(&mut self, invitation: &Invitation<'_>) -> Result<()> {
        let terminal = self.person.terminal;
        terminal.catch_interrupts();
        terminal.show(&text(invitation)).map_err(|error| {
            let message = format!("the terminal cannot be written to: {error}");
            Error::new(Kind::LoginRequired, message).with_tenant(&invitation.settings.tenant)
        })
    }

    fn tell(&mut self, _: Waiting, _: Duration) {}

    fn is_given_up(&self) -> bool {
        self.person.terminal.is_interrupted()
    }

    fn close(&mut self) {}
}

fn text(invitation: &Invitation<'_>) -> String {
    let Invitation { settings, server, code, life } = invitation;
    let server = server.map(|server| format!("  server         {server}\n")).unwrap_or_default();
    let minutes = life.as_secs().div_ceil(60);
    format!(
        "\nSign in to Veeam Backup for Microsoft 365\n\
         \n  tenant         {tenant}\n  identity host  {host}\n{server}\
         \n  open           {uri}\n  enter the code {user_code}\n\
         \nThe code is valid for {minutes} minute{s}. It belongs to the command you have just started:\n\
         never enter a code that someone sent you. Ctrl-C cancels.\n\n",
        tenant = settings.tenant,
        host = settings.authority.host(),
        uri = code.verification_uri,
        user_code = code.user_code,
        s = if minutes == 1 { "" } else { "s" },
    )
}
