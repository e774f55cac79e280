//! Whoever tells a person of a code: a terminal as a rule. The wait for the person knows it by this alone.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::NotSignedIn;
use crate::credential::{Origin, Settings};
use crate::entra::device::DeviceCode;
use crate::error::Result;

/// What a person is asked to do.
#[derive(Clone, Copy, Debug)]
pub struct Invitation<'a> {
    /// Who signs in.
    pub settings: &'a Settings,
    /// Whom the tokens are for, beside the identity host.
    pub server: Option<&'a Origin>,
    /// Who signed in last, if that is known.
    pub account: Option<&'a str>,
    /// What is entered where.
    pub code: &'a DeviceCode,
    /// How long it is waited for.
    pub life: Duration,
    /// When that is over.
    pub expires_at: DateTime<Utc>,
}

/// How the wait for a person stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// The person has not finished yet.
    ForPerson,
    /// The platform wants to be asked less often.
    SlowedDown,
    /// The last question got no answer.
    NoAnswer,
}

/// Tells a person of a code.
pub trait Prompt {
    /// Shows the code. From now on the person can give up.
    ///
    /// # Errors
    /// Kind `login_required`: nobody can see it.
    fn show(&mut self, invitation: &Invitation<'_>) -> Result<()>;
    /// Tells how the wait stands, several times a second; `left` is the time left.
    fn tell(&mut self, waiting: Waiting, left: Duration);
    /// Whether somebody may still sign in; asked several times a second.
    ///
    /// # Errors
    /// Why nobody will any more.
    fn check(&mut self) -> Result<(), NotSignedIn>;
    /// The wait is over, however it ended.
    fn close(&mut self);
    /// Whether the person says yes to `question`, which comes after the sign-in; silence is a no.
    fn confirms(&mut self, question: &str) -> bool;
}
