//! What each rung found, in words for a person: told to the log, and kept for who wants it explained. No
//! secret is in it, and nothing is put into words that nobody asked for.

use std::cell::RefCell;
use std::fmt::Display;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::Ladder;
use crate::cache::{Entry, Life};
use crate::credential::{Credential, Source, Want};
use crate::entra::tokens;
use crate::error::Error;
use crate::host::Clock;
use crate::text::span;
use crate::veeam::Rejection;

pub(super) const NONE: &str = "none is kept";
pub(super) const RENEWED: &str = "renewed";

/// The way of one call through the ladder.
#[derive(Debug, Default)]
pub struct Trail {
    kept: Option<RefCell<Vec<Mark>>>,
}

/// What was found, and when, counted in [`Clock::elapsed`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The moment.
    pub at: Duration,
    /// A rung and what was found there.
    pub words: String,
}

impl Trail {
    /// One that is kept, to be explained.
    pub fn kept() -> Self {
        Self { kept: Some(RefCell::default()) }
    }

    /// Everything that was found so far, in order.
    pub fn take(&self) -> Vec<Mark> {
        self.kept.as_ref().map(RefCell::take).unwrap_or_default()
    }

    /// Notes what was found; `words` are made only if somebody will read them.
    fn note(&self, clock: &dyn Clock, words: impl FnOnce() -> String) {
        let is_logged = log::log_enabled!(log::Level::Debug);
        if self.kept.is_none() && !is_logged {
            return;
        }
        let words = words();
        log::debug!("{words}");
        if let Some(kept) = &self.kept {
            kept.borrow_mut().push(Mark { at: clock.elapsed(), words });
        }
    }
}

impl Ladder<'_> {
    /// Notes what was `found` on a rung; it is put into words only if somebody will read them.
    pub(super) fn note<W: Display>(&self, rung: Source, found: impl FnOnce() -> W) {
        self.trail.note(self.clock, || format!("{}: {}", self.name_of(rung), found()));
    }

    pub(super) fn note_answer(&self, credential: &Credential) {
        self.trail.note(self.clock, || {
            let left = span(credential.expires_at - self.clock.now());
            format!("answer: by {}, ends in {left}", credential.source)
        });
    }

    fn name_of(&self, rung: Source) -> String {
        match rung {
            Source::Cache => "rung 1, cached token".to_owned(),
            Source::VeeamRefresh => format!("rung 2, refresh token of {}", self.server),
            Source::Exchange => "rung 3, kept token response".to_owned(),
            Source::EntraRefresh => format!("rung 4, refresh token of {}", self.settings.authority.host()),
            Source::Login => "rung 5, a person".to_owned(),
        }
    }

    /// How the cached token stands.
    pub(super) fn how_cached(&self, entry: &Entry) -> String {
        let now = self.clock.now();
        let Some((_, life)) = self.kept(entry) else { return self.why_none_is_kept(entry).to_owned() };
        if life.is_enough(now, self.min_ttl()) {
            format!("{} left, that is enough", span(life.expires_at() - now))
        } else if life.is_alive(now) {
            let wanted = TimeDelta::from_std(self.min_ttl()).unwrap_or(TimeDelta::MAX);
            format!("{} left, {} wanted", span(life.expires_at() - now), span(wanted))
        } else {
            ended(life, now)
        }
    }

    fn why_none_is_kept(&self, entry: &Entry) -> &'static str {
        let is_kept = match self.request.want {
            Want::Veeam => entry.veeam(&self.server).is_some_and(|record| record.access_token.is_some()),
            Want::Entra | Want::Assertion => {
                entry.entra(self.settings).is_some_and(|record| tokens::access_token(&record.token_response).is_some())
            }
        };
        if is_kept { "it is the one that was refused" } else { NONE }
    }

    /// Why what is kept of Microsoft's cannot be handed over.
    pub(super) fn why_no_assertion(&self, entry: &Entry) -> String {
        let record = entry.entra(self.settings);
        let record = record.filter(|record| tokens::access_token(&record.token_response).is_some());
        record.map_or_else(|| NONE.to_owned(), |record| ended(record.life(), self.clock.now()))
    }
}

/// How long ago a token ended that is not taken to live.
fn ended(life: Life, now: DateTime<Utc>) -> String {
    let ago = now - life.expires_at();
    if ago < TimeDelta::zero() { "its times cannot be right".to_owned() } else { format!("ended {} ago", span(ago)) }
}

/// With which status a server rejected what it was sent.
pub(super) fn status(rejection: &Rejection) -> String {
    rejection.cause.http_status.map(|status| format!(" (HTTP {status})")).unwrap_or_default()
}

/// What the error that ends the call is, which tells the rest.
pub(super) fn failed(error: &Error) -> String {
    format!("failed ({})", error.kind().name())
}

/// What the identity platform says of a refresh token that it takes no more.
pub(super) fn dead(codes: &[u32]) -> String {
    let codes: Vec<_> = codes.iter().map(|code| format!("AADSTS{code}")).collect();
    if codes.is_empty() { "dead".to_owned() } else { format!("dead ({})", codes.join(", ")) }
}
