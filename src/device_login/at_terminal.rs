//! The prompt at a terminal: the invitation, one line below it that tells how the wait stands, and questions.
//! Whatever ends the wait, the terminal is left as it was found: nothing is hidden, and the line is gone.

use std::time::Duration;

use super::person::Person;
use super::prompt::{Invitation, Prompt, Waiting};
use super::{NotSignedIn, cancelled, invitation};
use crate::credential::Settings;
use crate::error::{Error, Kind, Result};
use crate::screen::{Meaning, MovingLine, Screen, ask};

/// How long a browser's start is watched: what fails does so at once.
const LAUNCH: Duration = Duration::from_millis(500);

/// A prompt at a terminal.
pub(super) struct AtTerminal<'a> {
    person: Person<'a>,
    screen: Screen,
    settings: &'a Settings,
    told: Option<Waiting>,
    line: Option<MovingLine<'a>>,
}

impl<'a> AtTerminal<'a> {
    pub(super) fn new(person: Person<'a>, settings: &'a Settings) -> Self {
        let screen = Screen::of_terminal(person.terminal, person.variables, person.wishes.is_plain);
        Self { person, screen, settings, told: None, line: None }
    }

    fn words(&self, waiting: Waiting) -> String {
        let host = self.settings.authority.host();
        match waiting {
            Waiting::ForPerson => "waiting for your sign-in".to_owned(),
            Waiting::SlowedDown => format!("waiting; {host} wants to be asked less often"),
            Waiting::NoAnswer => format!("no answer from {host}, trying again"),
        }
    }

    /// A browser is a convenience: without one the address is there to be opened by hand.
    fn open_browser(&self, address: &str) {
        // In a session of its own: a browser for text would take the terminal for itself.
        if open::that_detached_with_timeout(address, LAUNCH).is_err() {
            let _ = self.person.terminal.show("No browser can be started here; open the address yourself.\n\n");
        }
    }
}

impl Prompt for AtTerminal<'_> {
    fn show(&mut self, invitation: &Invitation<'_>) -> Result<()> {
        let Person { terminal, wishes, .. } = self.person;
        terminal.catch_interrupts();
        terminal.show(&invitation::text(invitation, self.screen, wishes)).map_err(|error| {
            let message = format!("the terminal cannot be written to: {error}");
            Error::new(Kind::LoginRequired, message).with_tenant(&self.settings.tenant)
        })?;
        if wishes.opens_browser {
            let code = invitation.code;
            self.open_browser(code.complete_uri.as_deref().unwrap_or(&code.verification_uri));
        }
        self.line = MovingLine::new(terminal, self.screen);
        Ok(())
    }

    fn tell(&mut self, waiting: Waiting, left: Duration) {
        let words = self.words(waiting);
        if let Some(line) = &mut self.line {
            let meaning = if waiting == Waiting::NoAnswer { Meaning::Warning } else { Meaning::Faint };
            // The time comes first: a line that is too short loses its end.
            let left = format!("{}:{:02} left", left.as_secs() / 60, left.as_secs() % 60);
            line.show(Some(meaning), &format!("{left}, {words}"));
        } else if self.told.unwrap_or(Waiting::ForPerson) != waiting {
            // Where nothing moves, a line for each change.
            let _ = self.person.terminal.show(&format!("{words} ...\n"));
        }
        self.told = Some(waiting);
    }

    fn check(&mut self) -> Result<(), NotSignedIn> {
        if self.person.terminal.is_interrupted() {
            Err(NotSignedIn::Declined(cancelled(&self.settings.tenant)))
        } else {
            Ok(())
        }
    }

    fn close(&mut self) {
        if let Some(line) = self.line.take() {
            line.end();
        }
    }

    fn confirms(&mut self, question: &str) -> bool {
        ask::confirm(self.person.terminal, question).unwrap_or(false)
    }
}
