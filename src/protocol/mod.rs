//! How callers speak to the program. Each file knows one protocol: how a request is read and how its
//! answer is written; nothing but the table below knows that it exists. A protocol knows requests and
//! credentials, and nothing of where tokens come from.

mod asked;
mod call;
mod external;
mod fields;
mod form;
mod header;
mod headers;
mod kubernetes;
pub mod native;
mod terraform;
#[cfg(test)]
mod tests;
mod token;

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::time::Duration;

pub use self::asked::{Asked, EraseRequest, StoreRequest, Token};
use self::call::wrong;
pub use self::call::{Action, Call, Flags, Stdin, Variables};
pub use self::form::{Output, document, instant};
use crate::error::{Error, Result};

/// One way to speak.
pub struct Protocol {
    /// Its name, as `--protocol` has it.
    pub name: &'static str,
    /// What it is for, in a few words.
    pub about: &'static str,
    /// How the program is called whose callers know no other protocol; more may follow.
    program: Option<&'static str>,
    /// What its callers can ask for.
    actions: &'static [Action],
    /// How long an answer may take, whatever the caller's flags say.
    pub limit: Option<Duration>,
    /// Whether a call that names no protocol is one of this.
    is_spoken: fn(&mut Call<'_>) -> bool,
    read: fn(&mut Call<'_>) -> Result<Asked>,
    /// How a failure is told on stdout, where the protocol has a form for it; else stdout stays empty.
    pub failure: Option<fn(&Error) -> Output>,
}

/// Everything that a caller can ask for.
const ALL: &[Action] = &[Action::Get, Action::Store, Action::Erase];

/// Every protocol, in the order in which a call that names none is tried for them.
pub const PROTOCOLS: [Protocol; 7] = [
    Protocol {
        name: "kubernetes",
        about: "ExecCredential, for kubectl and all that is made with client-go",
        is_spoken: kubernetes::is_spoken,
        ..Protocol::chosen(kubernetes::read)
    },
    Protocol {
        name: "terraform",
        about: "credentials helper of Terraform and OpenTofu",
        program: Some("terraform-credentials-"),
        actions: ALL,
        ..Protocol::chosen(terraform::read)
    },
    Protocol { name: "external", about: "Terraform's external data source", ..Protocol::chosen(external::read) },
    Protocol {
        name: "headers",
        about: "credential helper of Bazel and others",
        limit: Some(headers::LIMIT),
        is_spoken: headers::is_spoken,
        ..Protocol::chosen(headers::read)
    },
    Protocol { name: "token", about: "the token alone", ..Protocol::chosen(token::read) },
    Protocol { name: "header", about: "a header for curl -H @-", ..Protocol::chosen(header::read) },
    Protocol {
        name: "native",
        about: "this program's own JSON",
        actions: ALL,
        is_spoken: |_| true,
        failure: Some(native::error),
        ..Protocol::chosen(native::read)
    },
];

impl Protocol {
    /// The protocol called `name`.
    pub fn named(name: &str) -> Option<&'static Self> {
        PROTOCOLS.iter().find(|protocol| protocol.name == name)
    }

    /// The protocol whose callers start a program called `program`, and no other.
    pub fn of_program(program: &OsStr) -> Option<&'static Self> {
        let name = Path::new(program).file_name()?.to_string_lossy().to_ascii_lowercase();
        PROTOCOLS.iter().find(|protocol| protocol.program.is_some_and(|start| name.starts_with(start)))
    }

    /// The protocol of a call that names none.
    pub fn of(call: &mut Call<'_>) -> &'static Self {
        let named = Self::of_program(call.program);
        let spoken = || PROTOCOLS.iter().find(|protocol| (protocol.is_spoken)(call));
        // The last one takes every call.
        named.or_else(spoken).unwrap_or(&PROTOCOLS[PROTOCOLS.len() - 1])
    }

    /// How long a request of a call may be waited for that allows `limit` for everything: who names no
    /// protocol and no time may turn out to speak one with a limit.
    pub fn reading_limit(named: Option<&Self>, timeout: Option<Duration>, limit: Duration) -> Duration {
        let shortest = || PROTOCOLS.iter().filter_map(|protocol| protocol.limit).min();
        let most = match (named, timeout) {
            (Some(named), _) => named.limit,
            (None, None) => shortest(),
            (None, Some(_)) => None,
        };
        most.map_or(limit, |most| most.min(limit))
    }

    /// A protocol that only `--protocol` or a program's name chooses.
    const fn chosen(read: fn(&mut Call<'_>) -> Result<Asked>) -> Self {
        let (actions, is_spoken): (_, fn(&mut Call<'_>) -> bool) = (&[Action::Get], |_| false);
        Self { name: "", about: "", program: None, actions, limit: None, is_spoken, read, failure: None }
    }

    /// The refusal of a command that this protocol does not have.
    pub fn unknown_command(&self) -> Error {
        wrong(format!("the {} protocol has no such command", self.name))
    }

    /// What the caller asks.
    ///
    /// # Errors
    /// Kind `bad_request`.
    pub fn read(&self, call: &mut Call<'_>) -> Result<Asked> {
        if !self.actions.contains(&call.action) {
            return Err(wrong(format!("the {} protocol has no {}", self.name, call.action.name())));
        }
        (self.read)(call)
    }
}

/// Whether a caller with these `args`, which make no sense, can take a failure on stdout: a word that is
/// wrong must not have another program take the reason for a token.
pub fn can_take_a_failure(args: &[OsString], variables: Variables<'_>) -> bool {
    let program = args.first().map(OsString::as_os_str).unwrap_or_default();
    let words: Vec<_> = args.iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
    let mut is_named = false;
    // Whatever was meant by it: `--protcol header` names a protocol, too.
    for (at, word) in words.iter().enumerate().filter(|(_, word)| word.starts_with("--p")) {
        let value = match word.split_once('=') {
            Some(("--protocol", value)) => Some(value),
            None if word == "--protocol" => words.get(at + 1).map(String::as_str),
            _ => None,
        };
        if value.and_then(Protocol::named).is_none_or(|protocol| protocol.failure.is_none()) {
            return false;
        }
        is_named = true;
    }
    is_named || Protocol::of_program(program).is_none() && !kubernetes::is_in(variables)
}
