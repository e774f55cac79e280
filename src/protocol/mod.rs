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
    /// Whether a call that names no protocol is one of this.
    is_spoken: fn(&mut Call<'_>) -> bool,
    read: fn(&mut Call<'_>) -> Result<Asked>,
    /// How a failure is told on stdout, where the protocol has a form for it; else stdout stays empty.
    pub failure: Option<fn(&Error) -> Output>,
}

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
        ..Protocol::chosen(terraform::read)
    },
    Protocol { name: "external", about: "Terraform's external data source", ..Protocol::chosen(external::read) },
    Protocol {
        name: "headers",
        about: "credential helper of Bazel and others",
        is_spoken: headers::is_spoken,
        ..Protocol::chosen(headers::read)
    },
    Protocol { name: "token", about: "the token alone", ..Protocol::chosen(token::read) },
    Protocol { name: "header", about: "a header for curl -H @-", ..Protocol::chosen(header::read) },
    Protocol {
        name: "native",
        about: "this program's own JSON",
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

    /// A protocol that only `--protocol` or a program's name chooses.
    const fn chosen(read: fn(&mut Call<'_>) -> Result<Asked>) -> Self {
        Self { name: "", about: "", program: None, is_spoken: |_| false, read, failure: None }
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
        (self.read)(call)
    }
}

/// Whether a caller with these `args`, which make no sense, can take a failure on stdout: a word that is
/// wrong must not have another program take the reason for a token.
pub fn can_take_a_failure(args: &[OsString], variables: Variables<'_>) -> bool {
    let words: Vec<_> = args.iter().map(|arg| arg.to_string_lossy()).collect();
    let named = words.iter().enumerate().find_map(|(at, word)| match word.strip_prefix("--protocol") {
        Some("") => Some(words.get(at + 1).map_or("", |next| next)),
        Some(value) => value.strip_prefix('='),
        None => None,
    });
    if let Some(named) = named {
        return Protocol::named(named).is_some_and(|protocol| protocol.failure.is_some());
    }
    let program = args.first().map(OsString::as_os_str).unwrap_or_default();
    let action = if words.iter().any(|word| word == "get") { Action::Get } else { Action::Store };
    // Whatever the argument was meant to be: stdin is nothing to be read for this.
    let mut none = || Ok(crate::secret::Secret::new(Vec::new()));
    let (subject, flags, stdin) = (Some(String::new()), Flags::default(), Stdin::new(&mut none));
    Protocol::of(&mut Call { action, program, variables, subject, flags, stdin }).failure.is_some()
}
