//! The person who can be asked to sign in, by way of the terminal, and how they want to be asked.

use super::at_terminal::AtTerminal;
use super::by_command::ByCommand;
use super::prompt::Prompt;
use crate::credential::{PromptCommand, Settings};
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wishes {
    /// Text alone: nothing that moves, no colour, no QR code.
    pub is_plain: bool,
    /// The page's address as a QR code, where it can be shown.
    pub has_qr: bool,
    /// The page is opened in the browser.
    pub opens_browser: bool,
}

impl Default for Wishes {
    /// As much as the screen can show.
    fn default() -> Self {
        Self { is_plain: false, has_qr: true, opens_browser: false }
    }
}

impl<'a> Person<'a> {
    /// The way to tell them: by `command` where they are elsewhere, else at their terminal.
    pub fn prompt(self, settings: &'a Settings, command: Option<&'a PromptCommand>) -> Box<dyn Prompt + 'a> {
        match command {
            Some(command) => Box::new(ByCommand::new(command, self.terminal, settings)),
            None => Box::new(AtTerminal::new(self, settings)),
        }
    }
}
