//! Who can be told of a sign-in that is due: the person at the terminal, somebody elsewhere by the configured
//! command, or nobody. Whoever is elsewhere is told rarely, and only where there is time to act.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::Ladder;
use crate::cache::LoginLock;
use crate::credential::{Interactive, PromptCommand};
use crate::device_login::NotSignedIn;
use crate::error::{Error, Kind};
use crate::host::Deadline;
use crate::text::span;

/// How long a sign-in that was declined is not offered again: kubectl runs a failed plugin twice.
const NOT_AGAIN: TimeDelta = TimeDelta::seconds(10);
/// What somebody elsewhere needs at least to see a message and sign in. A call that may take less sends
/// none: its code would be worthless when it is read, and the next call would have to be quiet.
const TIME_TO_ACT: Duration = Duration::from_secs(60);

/// Who is told.
#[derive(Clone, Copy)]
pub(super) enum Reach<'a> {
    /// The person at the terminal.
    Terminal,
    /// Somebody elsewhere.
    Elsewhere(&'a PromptCommand),
    /// Nobody, for this reason.
    Nobody(&'static str),
}

impl<'a> Reach<'a> {
    /// The command that tells, where one does.
    pub(super) fn command(self) -> Option<&'a PromptCommand> {
        if let Self::Elsewhere(command) = self { Some(command) } else { None }
    }
}

impl Ladder<'_> {
    /// Who can be told of this call's sign-in.
    pub(super) fn reach(&self) -> Reach<'_> {
        let has_no_time = || self.limit.is_some_and(|limit| limit.left(self.clock) < TIME_TO_ACT);
        match (self.request.interactive, &self.settings.prompt) {
            (Interactive::Never, _) => Reach::Nobody("needed, and not to be asked"),
            (Interactive::Auto | Interactive::Always, _) if self.person.terminal.is_available() => Reach::Terminal,
            (Interactive::Elsewhere, None) => Reach::Nobody("needed, and no prompt command is configured"),
            (_, None) => Reach::Nobody("needed, and there is no terminal"),
            (_, Some(_)) if has_no_time() => {
                Reach::Nobody("needed, and the call's limit leaves nobody elsewhere the time to act")
            }
            (_, Some(command)) => Reach::Elsewhere(command),
        }
    }

    /// When the person is waited for no longer, whatever the code's own life is.
    pub(super) fn limit_of_sign_in(&self, reach: Reach<'_>) -> Option<Deadline> {
        let configured = reach.command().and_then(|command| command.timeout);
        let configured = configured.map(|time| Deadline::after(self.clock, time));
        self.limit.into_iter().chain(configured).min_by_key(|deadline| deadline.left(self.clock))
    }

    /// Until when a sign-in is not offered again; `None` if it may be now.
    pub(super) fn not_again_before(&self, login: &mut LoginLock, reach: Reach<'_>) -> Option<DateTime<Utc>> {
        let quiet = reach
            .command()
            .map_or(NOT_AGAIN, |command| TimeDelta::from_std(command.repeat_after).unwrap_or(TimeDelta::MAX));
        let (last, now) = (login.asked_at()?, self.clock.now());
        let again_at = last.checked_add_signed(quiet).unwrap_or(DateTime::<Utc>::MAX_UTC);
        (last <= now && now < again_at).then_some(again_at)
    }

    /// The error in place of a sign-in that is not offered again before `again_at`.
    pub(super) fn not_offered(&self, again_at: DateTime<Utc>, reach: Reach<'_>) -> Error {
        let tenant = &self.settings.tenant;
        let error = if reach.command().is_some() {
            let wait = span(again_at - self.clock.now());
            let message = format!("a sign-in to {tenant} is due; somebody was told, and is not told again for {wait}");
            Error::new(Kind::LoginRequired, message)
        } else {
            let message = format!("the sign-in for {tenant} was declined a moment ago and is not offered again yet");
            Error::new(Kind::LoginFailed, message)
        };
        error.with_hint(format!("vb365-helper login {tenant}")).with_tenant(tenant)
    }

    /// Notes for the next call whether somebody was asked in vain.
    pub(super) fn note_outcome<T>(&self, login: &mut LoginLock, outcome: &Result<T, NotSignedIn>) {
        let noted = match outcome {
            Err(NotSignedIn::Declined(_)) => login.note_asked(self.clock.now()),
            Ok(_) | Err(NotSignedIn::Untold(_)) => login.forget_asked(),
            Err(NotSignedIn::Failed(_)) => Ok(()),
        };
        if let Err(error) = noted {
            self.warnings.add(error.to_string());
        }
    }
}
