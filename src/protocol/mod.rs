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

use std::ffi::OsString;

pub use self::asked::{Asked, EraseRequest, StoreRequest, Token};
pub use self::call::{Action, Call, Flags, Stdin, Variables};
pub use self::form::{Output, document, instant};
use crate::error::{Error, Result};

/// One way to speak.
pub struct Protocol {
    /// Its name, as `--protocol` has it.
    pub name: &'static str,
    /// What it is for, in a few words.
    pub about: &'static str,
    /// Whether a call that names no protocol is one of this.
    is_spoken: fn(&mut Call<'_>) -> bool,
    read: fn(&mut Call<'_>) -> Result<Asked>,
    /// How a failure is told on stdout, where the protocol has a form for it; else stdout stays empty.
    pub failure: Option<fn(&Error) -> Output>,
}

/// Every protocol, in the order in which a call without `--protocol` is tried for them.
pub const PROTOCOLS: [Protocol; 7] = [
    Protocol {
        name: "terraform",
        about: "Terraform's and OpenTofu's credentials helper",
        is_spoken: terraform::is_spoken,
        read: terraform::read,
        failure: None,
    },
    Protocol {
        name: "kubernetes",
        about: "kubectl's and client-go's ExecCredential",
        is_spoken: kubernetes::is_spoken,
        read: kubernetes::read,
        failure: None,
    },
    Protocol {
        name: "external",
        about: "Terraform's external data source",
        is_spoken: never,
        read: external::read,
        failure: None,
    },
    Protocol {
        name: "headers",
        about: "credential helpers as Bazel starts them",
        is_spoken: headers::is_spoken,
        read: headers::read,
        failure: None,
    },
    Protocol { name: "token", about: "the token alone", is_spoken: never, read: token::read, failure: None },
    Protocol { name: "header", about: "a header for curl -H @-", is_spoken: never, read: header::read, failure: None },
    Protocol {
        name: "native",
        about: "this program's own JSON",
        is_spoken: |_| true,
        read: native::read,
        failure: Some(native::error),
    },
];

impl Protocol {
    /// The protocol called `name`.
    pub fn named(name: &str) -> Option<&'static Self> {
        PROTOCOLS.iter().find(|protocol| protocol.name == name)
    }

    /// The protocol of a call that names none.
    pub fn of(call: &mut Call<'_>) -> &'static Self {
        // The last one takes every call.
        PROTOCOLS.iter().find(|protocol| (protocol.is_spoken)(call)).unwrap_or(&PROTOCOLS[PROTOCOLS.len() - 1])
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

/// For what only `--protocol` chooses.
fn never(_: &mut Call<'_>) -> bool {
    false
}
