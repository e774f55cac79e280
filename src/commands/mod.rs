//! The commands: each turns its arguments into one answer. None of them prints, and none knows how
//! tokens are renewed.

pub mod cache;
pub mod completions;
pub mod doctor;
pub mod erase;
pub mod exchange;
pub mod get;
pub mod help;
pub mod list;
pub mod login;
pub mod logout;
pub mod man;
pub mod refresh;
pub mod schema;
pub mod setup;
pub mod store;
pub mod trust;

use std::io;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::cache::Cache;
use crate::config::Config;
use crate::credential::Tenant;
use crate::device_login::{Person, Wishes, cancelled};
use crate::error::{Error, Kind, Result};
use crate::host::{Clock, Deadline, Input, Surface, Terminal, aside};
use crate::protocol::{Output, Variables};
use crate::resolve::{Clients, Means, Trail};
use crate::screen::Screen;
use crate::secret::Secret;
use crate::typo;
use crate::warnings::Warnings;

/// How long a command that only changes the cache waits for its lock.
const LOCK_TIMEOUT: Duration = Duration::from_secs(8);
/// Largest request that is read from stdin, in bytes.
const LARGEST_REQUEST: usize = 1024 * 1024;
/// How much behind a request that is too large is still read, in bytes.
const LARGEST_REST: usize = 64 * 1024 * 1024;
/// Room for most requests, in bytes.
const USUAL_REQUEST: usize = 1024;

/// What every command works with.
pub struct Context<'a> {
    /// The configuration.
    pub config: &'a Config,
    /// The cache.
    pub cache: &'a Cache,
    /// The time.
    pub clock: &'a dyn Clock,
    /// The person's terminal.
    pub terminal: &'a dyn Terminal,
    /// The environment.
    pub variables: Variables<'a>,
    /// What stdout can show, if it is a terminal.
    pub stdout: &'a dyn Fn() -> Option<Surface>,
    /// What goes wrong without ending the command.
    pub warnings: &'a Warnings,
    /// What each rung of the ladder found.
    pub trail: &'a Trail,
    /// Connections to both systems.
    pub clients: &'a Clients,
}

impl<'a> Context<'a> {
    /// What a ladder is climbed with, where the person has these `wishes`.
    pub fn means(&self, wishes: Wishes) -> Means<'a> {
        let Self { cache, clock, terminal, variables, warnings, trail, clients, .. } = *self;
        Means { cache, clock, person: Person { terminal, variables, wishes }, warnings, trail, clients }
    }

    /// The tenant that was probably meant by one of which nothing at all is known.
    pub fn near(&self, tenant: &Tenant) -> Option<String> {
        let is_known = self.config.tenants().any(|known| known == tenant) || self.cache.holds(tenant).unwrap_or(true);
        if is_known {
            return None;
        }
        let kept = self.cache.tenants().unwrap_or_default();
        let known = self.config.tenants().chain(&kept).map(Tenant::as_str);
        typo::nearest(tenant.as_str(), known).map(str::to_owned)
    }

    /// `error` with that name in its hint, where it is about what is known of `tenant`.
    pub fn meant(&self, error: Error, tenant: &Tenant) -> Error {
        let hint = error.hint().filter(|_| matches!(error.kind(), Kind::Config | Kind::LoginRequired));
        let meant = hint.and_then(|hint| Some(format!("did you mean {}? if not: {hint}", self.near(tenant)?)));
        match meant {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }

    /// Asks a server that may not answer, for the sign-in to `tenant`: who has pressed Ctrl-C is not held.
    ///
    /// # Errors
    /// Those of `ask`, and kind `login_failed` after Ctrl-C.
    pub fn unless_cancelled<T: Send + 'static>(
        &self,
        tenant: &Tenant,
        ask: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let is_wanted = || if self.terminal.is_interrupted() { Err(cancelled(tenant)) } else { Ok(()) };
        let no_thread = || Err(Error::new(Kind::Unavailable, "this machine can start no thread now"));
        aside(ask, is_wanted)?.unwrap_or_else(no_thread)
    }

    /// Where the answer is shown.
    pub fn page(&self, is_plain: bool) -> Screen {
        Screen::new((self.stdout)(), self.variables, is_plain)
    }

    /// The person's terminal, as texts for them see it.
    pub fn screen(&self, is_plain: bool) -> Screen {
        Screen::of_terminal(self.terminal, self.variables, is_plain)
    }
}

/// What a command has to say, for stdout and as a whole.
pub type Answer = Output;

/// An answer that can tell of a failure: it is written all the same, and the exit code is the error's.
#[derive(Debug)]
pub struct Report {
    /// For stdout.
    pub answer: Answer,
    /// What has to be seen to, if anything has.
    pub failure: Option<Error>,
}

impl From<Answer> for Report {
    fn from(answer: Answer) -> Self {
        Self { answer, failure: None }
    }
}

/// Reads a request to its end, which must be there by `deadline`.
///
/// # Errors
/// Kind `bad_request`: over 1 MiB, not there in time, or not readable.
fn read_request(stdin: &mut dyn Input, clock: &dyn Clock, deadline: Deadline) -> Result<Secret<Vec<u8>>> {
    let (mut text, mut length) = (Zeroizing::new(vec![0; USUAL_REQUEST]), 0);
    loop {
        match stdin.read_within(&mut text[length..], deadline.left(clock)) {
            Ok(0) if length == 0 => return Err(bad_request("is empty")),
            Ok(0) => {
                text.truncate(length);
                return Ok(Secret::new(std::mem::take(&mut *text)));
            }
            Ok(more) => length += more,
            Err(error) if !is_passing(&error) => return Err(bad_request(&format!("cannot be read: {error}"))),
            Err(_) if !deadline.is_over(clock) => {}
            Err(_) => return Err(bad_request("did not come in time")),
        }
        if length > LARGEST_REQUEST {
            pass_over(stdin, &mut text, clock, deadline);
            return Err(bad_request("is larger than 1 MiB"));
        } else if length == text.len() {
            text = larger(&text);
        }
    }
}

/// Whether a read that failed with `error` may be tried again, while there is time.
fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), Interrupted | TimedOut | WouldBlock)
}

/// Reads what is left, so that the caller is not stopped by a broken pipe before it sees the answer.
fn pass_over(stdin: &mut dyn Input, buffer: &mut [u8], clock: &dyn Clock, deadline: Deadline) {
    let mut rest = LARGEST_REST;
    // Whoever writes on and on is stopped all the same.
    while let Ok(length @ 1..) = stdin.read_within(buffer, deadline.left(clock)) {
        rest = rest.saturating_sub(length);
        if rest == 0 {
            return;
        }
    }
}

/// `text` with more room behind it; the old copy is overwritten, as no growing `Vec` does.
fn larger(text: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut larger = Zeroizing::new(vec![0; (2 * text.len()).min(LARGEST_REQUEST + 1)]);
    larger[..text.len()].copy_from_slice(text);
    larger
}

fn bad_request(what: &str) -> Error {
    Error::new(Kind::BadRequest, format!("the request on stdin {what}"))
}
