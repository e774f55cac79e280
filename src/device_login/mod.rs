//! Asking a person to sign in: a code is shown by whatever [`Prompt`] there is, and waited for. What the
//! platform's answers mean stands in `entra::device`.

mod at_terminal;
mod by_command;
mod invitation;
mod person;
mod prompt;
#[cfg(test)]
mod tests;
mod tree;

use std::time::Duration;

pub use self::person::{Person, Wishes};
pub use self::prompt::{Invitation, Prompt, Waiting};
use crate::credential::{Origin, Settings, Tenant};
use crate::entra::Entra;
use crate::entra::device::{Answer, DeviceCode, Pace};
use crate::entra::tokens::EntraTokens;
use crate::error::{Error, Kind, Result};
use crate::host::{Clock, Deadline, GLANCE, aside};
use crate::steps::{self, Step};

/// No single question to the platform takes longer than this.
const REQUEST_LIMIT: Duration = Duration::from_secs(20);
/// How long the last question, which comes at the deadline, may take.
const LAST_WORD: Duration = Duration::from_secs(5);

/// Why nobody signed in.
#[derive(Debug)]
pub enum NotSignedIn {
    /// The person said no, here or in the browser.
    Declined(Error),
    /// Nobody has seen a code.
    Untold(Error),
    /// Everything else.
    Failed(Error),
}

impl NotSignedIn {
    /// The error for the caller.
    pub fn into_error(self) -> Error {
        let (Self::Declined(error) | Self::Untold(error) | Self::Failed(error)) = self;
        error
    }
}

impl From<Error> for NotSignedIn {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// What a person is to sign in to.
pub struct SignIn<'a> {
    /// The identity platform.
    pub entra: &'a Entra,
    /// The tenant's settings.
    pub settings: &'a Settings,
    /// Whom the tokens are for, beside the identity host.
    pub server: Option<&'a Origin>,
    /// Who signed in last, if that is known.
    pub account: Option<&'a str>,
    /// What the sign-in has to satisfy.
    pub claims: Option<&'a str>,
    /// When it is over, whatever the code's own life is.
    pub limit: Option<Deadline>,
}

/// Shows a code by `prompt` and waits until the person has signed in, until the limit or the code's own end.
/// `before` is called when there is a code and nobody has seen it.
///
/// # Errors
/// See [`NotSignedIn`]; nothing was kept then.
pub fn run(
    sign_in: &SignIn<'_>,
    clock: &dyn Clock,
    prompt: &mut dyn Prompt,
    before: &mut dyn FnMut() -> Result<()>,
) -> Result<EntraTokens, NotSignedIn> {
    let SignIn { entra, settings, server, account, claims, limit } = *sign_in;
    let first = limit.map_or(REQUEST_LIMIT, |limit| limit.left(clock).min(REQUEST_LIMIT));
    let (platform, claims) = (entra.clone(), claims.map(str::to_owned));
    let code = aside(move || platform.device_code(claims.as_deref(), first), || prompt.check())?;
    let code = code.unwrap_or_else(|| Err(Error::new(Kind::Unavailable, "this machine can start no thread now")));
    let code = code.map_err(NotSignedIn::Untold)?;
    prompt.check()?;
    let life = limit.map_or(code.life, |limit| code.life.min(limit.left(clock)));
    let deadline = Deadline::after(clock, life);
    let expires_at = clock.now() + life;
    let invitation = Invitation { settings, server, account, code: &code, life, expires_at };
    before()?;
    prompt.show(&invitation).map_err(NotSignedIn::Untold)?;
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
            self.rest(pause.min(deadline.left(clock)), prompt)?;
            // The poll after the deadline is the last, so that the platform's own reason is seen.
            let is_last = deadline.is_over(clock);
            let limit = REQUEST_LIMIT.min(deadline.left(clock) + LAST_WORD);
            (self.stands, pause) = match self.poll(limit, prompt)? {
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

    /// Waits, unless the person gives up.
    fn rest(&self, duration: Duration, prompt: &mut dyn Prompt) -> Result<(), NotSignedIn> {
        let until = Deadline::after(self.clock, duration);
        loop {
            prompt.check()?;
            let left = until.left(self.clock);
            if left.is_zero() {
                return Ok(());
            }
            prompt.tell(self.stands, self.deadline.left(self.clock));
            self.clock.sleep(left.min(GLANCE));
        }
    }

    /// Asks once, unless the person gives up.
    fn poll(&self, limit: Duration, prompt: &mut dyn Prompt) -> Result<Answer, NotSignedIn> {
        let (entra, code) = (self.entra.clone(), self.code.clone());
        let answer = aside(
            move || entra.poll(&code, limit),
            || {
                prompt.check()?;
                prompt.tell(self.stands, self.deadline.left(self.clock));
                Ok::<_, NotSignedIn>(())
            },
        )?;
        Ok(answer.unwrap_or(Answer::NoAnswer { retry_after: None }))
    }
}

/// The person at the terminal has had enough.
pub fn cancelled(tenant: &Tenant) -> Error {
    Error::new(Kind::LoginFailed, format!("the sign-in for {tenant} was cancelled")).with_tenant(tenant)
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
