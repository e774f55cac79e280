//! Asking a person to sign in: a code is shown by whatever [`Prompt`] there is, and waited for. What the
//! platform's answers mean stands in `entra::device`.

mod at_terminal;
mod invitation;
mod person;
mod prompt;
#[cfg(test)]
mod tests;

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

pub use self::at_terminal::AtTerminal;
pub use self::person::{Person, Wishes};
pub use self::prompt::{Invitation, Prompt, Waiting};
use crate::credential::{Origin, Settings};
use crate::entra::Entra;
use crate::entra::device::{Answer, DeviceCode, Pace};
use crate::entra::tokens::EntraTokens;
use crate::error::{Error, Kind};
use crate::host::{Clock, Deadline};
use crate::steps::{self, Step};

/// No single question to the platform takes longer than this.
const REQUEST_LIMIT: Duration = Duration::from_secs(20);
/// How long the last question, which comes at the deadline, may take.
const LAST_WORD: Duration = Duration::from_secs(5);
/// How soon Ctrl-C is noticed.
const GLANCE: Duration = Duration::from_millis(100);

/// Why nobody signed in.
#[derive(Debug)]
pub enum NotSignedIn {
    /// The person said no, here or in the browser.
    Declined(Error),
    /// Everything else.
    Failed(Error),
}

impl From<Error> for NotSignedIn {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Shows a code by `prompt` and waits until the person has signed in, until `limit` or the code's own end.
///
/// # Errors
/// See [`NotSignedIn`]; nothing was kept then.
pub fn run(
    entra: &Entra,
    settings: &Settings,
    server: Option<&Origin>,
    claims: Option<&str>,
    limit: Option<Deadline>,
    clock: &dyn Clock,
    prompt: &mut dyn Prompt,
) -> Result<EntraTokens, NotSignedIn> {
    let first = limit.map_or(REQUEST_LIMIT, |limit| limit.left(clock).min(REQUEST_LIMIT));
    let code = entra.device_code(claims, first)?;
    let life = limit.map_or(code.life, |limit| code.life.min(limit.left(clock)));
    let deadline = Deadline::after(clock, life);
    prompt.show(&Invitation { settings, server, code: &code, life })?;
    steps::reached(Step::CodeShown);
    let result = Wait { entra, settings, code: &code, deadline, clock, stands: Waiting::ForPerson }.run(prompt);
    prompt.close();
    result
}

/// The wait for a person who has seen the code.
struct Wait<'a> {
    entra: &'a Entra,
    settings: &'a Settings,
    code: &'a DeviceCode,
    deadline: Deadline,
    clock: &'a dyn Clock,
    stands: Waiting,
}

impl Wait<'_> {
    fn run(&mut self, prompt: &mut dyn Prompt) -> Result<EntraTokens, NotSignedIn> {
        let Self { settings, clock, deadline, .. } = *self;
        let mut pace = Pace::new(self.code);
        let mut pause = pace.first();
        loop {
            if !self.rest(pause.min(deadline.left(clock)), prompt) {
                return Err(cancelled(settings));
            }
            // The poll after the deadline is the last, so that the platform's own reason is seen.
            let is_last = deadline.is_over(clock);
            let limit = REQUEST_LIMIT.min(deadline.left(clock) + LAST_WORD);
            let Some(answer) = self.poll(limit, prompt) else { return Err(cancelled(settings)) };
            (self.stands, pause) = match answer {
                Answer::Tokens(tokens) => return Ok(tokens),
                Answer::Declined(error) => return Err(NotSignedIn::Declined(error.with_tenant(&settings.tenant))),
                Answer::Failed(error) => return Err(error.with_tenant(&settings.tenant).into()),
                Answer::Expired => return Err(expired(settings).into()),
                _ if is_last => return Err(expired(settings).into()),
                Answer::Pending => (Waiting::ForPerson, pace.after_pending()),
                Answer::SlowDown => (Waiting::SlowedDown, pace.after_slow_down()),
                Answer::NoAnswer { retry_after } => (Waiting::NoAnswer, pace.after_no_answer(retry_after)),
            }
        }
    }

    /// Waits; false if the person gave up.
    fn rest(&self, duration: Duration, prompt: &mut dyn Prompt) -> bool {
        let until = Deadline::after(self.clock, duration);
        while !prompt.is_given_up() {
            let left = until.left(self.clock);
            if left.is_zero() {
                return true;
            }
            prompt.tell(self.stands, self.deadline.left(self.clock));
            self.clock.sleep(left.min(GLANCE));
        }
        false
    }

    /// Asks once; `None` if the person gave up. The question has a thread of its own, so that a server
    /// that does not answer cannot hold the person.
    fn poll(&self, limit: Duration, prompt: &mut dyn Prompt) -> Option<Answer> {
        let (answered, answer) = mpsc::channel();
        let (entra, code) = (self.entra.clone(), self.code.clone());
        // Nobody listens any more after Ctrl-C.
        let ask = move || drop(answered.send(entra.poll(&code, limit)));
        if thread::Builder::new().spawn(ask).is_err() {
            return Some(Answer::NoAnswer { retry_after: None });
        }
        loop {
            match answer.recv_timeout(GLANCE) {
                Ok(answer) => return Some(answer),
                Err(RecvTimeoutError::Disconnected) => return Some(Answer::NoAnswer { retry_after: None }),
                Err(RecvTimeoutError::Timeout) if prompt.is_given_up() => return None,
                Err(RecvTimeoutError::Timeout) => prompt.tell(self.stands, self.deadline.left(self.clock)),
            }
        }
    }
}

fn cancelled(settings: &Settings) -> NotSignedIn {
    let message = format!("the sign-in for {} was cancelled", settings.tenant);
    NotSignedIn::Declined(Error::new(Kind::LoginFailed, message).with_tenant(&settings.tenant))
}

fn expired(settings: &Settings) -> Error {
    let tenant = &settings.tenant;
    let message = format!(
        "the code for {tenant} was not used in time: nobody signed in, or a policy of the tenant blocks device \
         codes (the browser then shows AADSTS53003, and an administrator can exclude the account from that \
         Conditional Access policy)"
    );
    Error::new(Kind::LoginFailed, message).with_hint(format!("vb365-helper login {tenant}")).with_tenant(tenant)
}
