//! What a check has found. A failure is what a call would fail of now, and has that call's kind; a warning
//! is what works and should be seen to.

use serde::Serialize;

use crate::error::{Error, Kind};

/// What one check has found about one thing.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    /// The thing: a host, a tenant, or a part of the program.
    pub(super) about: String,
    /// The check, in one word.
    pub(super) check: &'static str,
    /// How it stands.
    pub(super) state: State,
    /// What was found, in one line.
    pub(super) message: String,
    /// What mends it, with the exact command where there is one.
    pub(super) hint: Option<String>,
}

/// How something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Ok,
    Warning,
    Failure(Kind),
}

impl State {
    /// The name in documents and for people.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failure(_) => "failure",
        }
    }
}

/// Findings about one thing.
pub(super) struct Findings {
    about: String,
    pub(super) list: Vec<Finding>,
}

impl Findings {
    pub(super) fn about(about: impl Into<String>) -> Self {
        Self { about: about.into(), list: Vec::new() }
    }

    pub(super) fn ok(&mut self, check: &'static str, message: impl Into<String>) {
        self.add(check, State::Ok, message.into(), None);
    }

    pub(super) fn warn(&mut self, check: &'static str, message: impl Into<String>, hint: impl Into<String>) {
        self.add(check, State::Warning, message.into(), Some(hint.into()));
    }

    /// What a call would fail of, as that call would say it.
    pub(super) fn fail(&mut self, check: &'static str, error: &Error) {
        let hint = error.hint().map(str::to_owned);
        self.add(check, State::Failure(error.kind()), error.message().to_owned(), hint);
    }

    fn add(&mut self, check: &'static str, state: State, message: String, hint: Option<String>) {
        self.list.push(Finding { about: self.about.clone(), check, state, message, hint });
    }
}

/// A finding as the document has it.
#[derive(Serialize)]
pub(super) struct Written<'a> {
    about: &'a str,
    check: &'a str,
    state: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'a str>,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
}

impl<'a> From<&'a Finding> for Written<'a> {
    fn from(finding: &'a Finding) -> Self {
        let kind = if let State::Failure(kind) = finding.state { Some(kind.name()) } else { None };
        Self {
            about: &finding.about,
            check: finding.check,
            state: finding.state.name(),
            kind,
            message: &finding.message,
            hint: finding.hint.as_deref(),
        }
    }
}
