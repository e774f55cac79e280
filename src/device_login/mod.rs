//! Asking a person to sign in. The prompt goes to the terminal and nowhere else, names who signs in
//! where, and warns of the one trick played with device codes: sending somebody one's own.
//! What the platform's answers mean stands in `entra::device`; here they are waited for.

#[cfg(test)]
mod tests;

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use crate::credential::{Origin, Settings};
use crate::entra::Entra;
use crate::entra::device::{Answer, DeviceCode, Pace};
use crate::entra::tokens::EntraTokens;
use crate::error::{Error, Kind};
use crate::host::{Clock, Deadline, Terminal};
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

/// Shows a code and waits until the person has signed in, until `limit` or the code's own end.
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
    terminal: &dyn Terminal,
) -> Result<EntraTokens, NotSignedIn> {
    let first = limit.map_or(REQUEST_LIMIT, |limit| limit.left(clock).min(REQUEST_LIMIT));
    let code = entra.device_code(claims, first)?;
    let life = limit.map_or(code.life, |limit| code.life.min(limit.left(clock)));
    let deadline = Deadline::after(clock, life);
    terminal.catch_interrupts();
    terminal.show(&prompt(settings, server, &code, life)).map_err(|error| {
        let message = format!("the terminal cannot be written to: {error}");
        Error::new(Kind::LoginRequired, message).with_tenant(&settings.tenant)
    })?;
    steps::reached(Step::CodeShown);
    wait(entra, settings, &code, deadline, clock, terminal)
}

fn wait(
    entra: &Entra,
    settings: &Settings,
    code: &DeviceCode,
    deadline: Deadline,
    clock: &dyn Clock,
    terminal: &dyn Terminal,
) -> Result<EntraTokens, NotSignedIn> {
    let mut pace = Pace::new(code);
    let mut pause = pace.first();
    loop {
        if !rest(pause.min(deadline.left(clock)), clock, terminal) {
            return Err(cancelled(settings));
        }
        // The poll after the deadline is the last, so that the platform's own reason is seen.
        let is_last = deadline.is_over(clock);
        let limit = REQUEST_LIMIT.min(deadline.left(clock) + LAST_WORD);
        let Some(answer) = poll(entra, code, limit, terminal) else { return Err(cancelled(settings)) };
        pause = match answer {
            Answer::Tokens(tokens) => return Ok(tokens),
            Answer::Declined(error) => return Err(NotSignedIn::Declined(error.with_tenant(&settings.tenant))),
            Answer::Failed(error) => return Err(error.with_tenant(&settings.tenant).into()),
            Answer::Expired => return Err(expired(settings).into()),
            _ if is_last => return Err(expired(settings).into()),
            Answer::Pending => pace.after_pending(),
            Answer::SlowDown => pace.after_slow_down(),
            Answer::NoAnswer { retry_after } => pace.after_no_answer(retry_after),
        }
    }
}

/// Waits; false if Ctrl-C was pressed.
fn rest(duration: Duration, clock: &dyn Clock, terminal: &dyn Terminal) -> bool {
    let until = Deadline::after(clock, duration);
    while !terminal.is_interrupted() {
        let left = until.left(clock);
        if left.is_zero() {
            return true;
        }
        clock.sleep(left.min(GLANCE));
    }
    false
}

/// Asks once; `None` if Ctrl-C was pressed. The question has a thread of its own, so that a server
/// that does not answer cannot hold the person.
fn poll(entra: &Entra, code: &DeviceCode, limit: Duration, terminal: &dyn Terminal) -> Option<Answer> {
    let (answered, answer) = mpsc::channel();
    let (entra, code) = (entra.clone(), code.clone());
    // Nobody listens any more after Ctrl-C.
    let ask = move || drop(answered.send(entra.poll(&code, limit)));
    if thread::Builder::new().spawn(ask).is_err() {
        return Some(Answer::NoAnswer { retry_after: None });
    }
    loop {
        match answer.recv_timeout(GLANCE) {
            Ok(answer) => return Some(answer),
            Err(RecvTimeoutError::Disconnected) => return Some(Answer::NoAnswer { retry_after: None }),
            Err(RecvTimeoutError::Timeout) if terminal.is_interrupted() => return None,
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

fn prompt(settings: &Settings, server: Option<&Origin>, code: &DeviceCode, life: Duration) -> String {
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

fn cancelled(settings: &Settings) -> NotSignedIn {
    let message = format!("the sign-in for {} was cancelled", settings.tenant);
    NotSignedIn::Declined(Error::new(Kind::LoginFailed, message).with_tenant(&settings.tenant))
}

fn expired(settings: &Settings) -> Error {
    let tenant = &settings.tenant;
    let message = format!(
        "the code for {tenant} was not used in time: nobody signed in, or a policy of the tenant \
         blocks device codes (the browser then shows AADSTS53003)"
    );
    Error::new(Kind::LoginFailed, message).with_hint(format!("vb365-helper login {tenant}")).with_tenant(tenant)
}
