//! What a caller said, before a protocol makes sense of it: the arguments, the environment, and the
//! request on stdin, which is read when it is first asked for.

use std::ffi::{OsStr, OsString};
use std::time::Duration;

use super::form;
use crate::credential::{Interactive, Origin, Request, ServerName, ServerRequest, Tenant, Want};
use crate::error::{Error, Kind, Result};
use crate::secret::Secret;

/// The variables of the process's environment by name.
pub type Variables<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the commands of these names")]
pub enum Action {
    Get,
    Store,
    Erase,
}

/// One call of a program's.
pub struct Call<'a> {
    /// What is to be done.
    pub action: Action,
    /// The name that this program was called by.
    pub program: &'a OsStr,
    /// The environment.
    pub variables: Variables<'a>,
    /// The argument: a tenant, and for Terraform a host.
    pub subject: Option<String>,
    /// The flags.
    pub flags: Flags,
    /// stdin.
    pub stdin: Stdin<'a>,
}

/// The flags of a call, as they were given.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs, reason = "explained at the arguments of these names")]
pub struct Flags {
    pub tenant: Option<Tenant>,
    pub server: Option<Origin>,
    pub want: Option<Want>,
    pub min_ttl: Option<Duration>,
    pub interactive: Option<Interactive>,
    pub timeout: Option<Duration>,
    pub access_only: bool,
    pub all: bool,
}

/// A request on stdin, which is read once.
pub struct Stdin<'a> {
    read: &'a mut dyn FnMut() -> Result<Secret<Vec<u8>>>,
    text: Option<Result<Secret<Vec<u8>>>>,
}

impl<'a> Stdin<'a> {
    /// The request that `read` brings.
    pub fn new(read: &'a mut dyn FnMut() -> Result<Secret<Vec<u8>>>) -> Self {
        Self { read, text: None }
    }

    /// The request, to its end.
    ///
    /// # Errors
    /// Kind `bad_request`: it cannot be read.
    pub fn text(&mut self) -> Result<&Secret<Vec<u8>>> {
        self.text.get_or_insert_with(&mut self.read).as_ref().map_err(Clone::clone)
    }
}

impl Call<'_> {
    /// The tenant that the arguments name, in one way or the other.
    ///
    /// # Errors
    /// Kind `bad_request`: it cannot be one, or there are two.
    pub(super) fn tenant(&self) -> Result<Option<Tenant>> {
        let parse = |typed: &String| typed.parse::<Tenant>().map_err(|why| wrong(format!("[TENANT]: {why}")));
        match (self.subject.as_ref().map(parse).transpose()?, self.flags.tenant.clone()) {
            (Some(one), Some(other)) if one != other => Err(wrong("--tenant and the argument name two tenants")),
            (one, other) => Ok(one.or(other)),
        }
    }

    /// The arguments as a request for one token.
    ///
    /// # Errors
    /// Kind `bad_request`: no tenant or two, or it is no token that is wanted.
    pub(super) fn token_request(&self) -> Result<Request> {
        let tenant = self.tenant()?.ok_or_else(|| wrong("[TENANT] is missing"))?;
        let request = self.request(tenant);
        form::is_token(request.want)?;
        Ok(request)
    }

    /// The arguments as a request for `tenant`'s token.
    pub(super) fn request(&self, tenant: Tenant) -> Request {
        let Flags { server, want, min_ttl, interactive, timeout, .. } = self.flags.clone();
        Request {
            tenant,
            server,
            want: want.unwrap_or_default(),
            min_ttl,
            interactive: interactive.unwrap_or_default(),
            refused_token: None,
            timeout,
        }
    }

    /// The arguments as a request for whatever there is for `server`.
    pub(super) fn server_request(&self, server: ServerName) -> ServerRequest {
        let Flags { tenant, min_ttl, interactive, timeout, .. } = self.flags.clone();
        ServerRequest { server, tenant, min_ttl, interactive: interactive.unwrap_or_default(), timeout }
    }

    /// Checks that no flag was given but those of `known`.
    ///
    /// # Errors
    /// Kind `bad_request`, naming the first other one, and `what` it does not go with.
    pub(super) fn only(&self, known: &[&str], what: &str) -> Result<()> {
        match self.flags.given().find(|flag| !known.contains(flag)) {
            Some(flag) => Err(wrong(format!("{flag} does not go with {what}"))),
            None => Ok(()),
        }
    }
}

impl Action {
    /// The command's name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Store => "store",
            Self::Erase => "erase",
        }
    }
}

impl Flags {
    /// The flags that were given.
    fn given(&self) -> impl Iterator<Item = &'static str> {
        let Self { tenant, server, want, min_ttl, interactive, timeout, access_only, all } = self;
        let given = [
            tenant.as_ref().map(|_| "--tenant"),
            server.as_ref().map(|_| "--server"),
            want.map(|_| "--want"),
            min_ttl.map(|_| "--min-ttl"),
            interactive.map(|_| "--interactive"),
            timeout.map(|_| "--timeout"),
            access_only.then_some("--access-only"),
            all.then_some("--all"),
        ];
        given.into_iter().flatten()
    }
}

/// Arguments that are wrong.
pub(super) fn wrong(message: impl Into<String>) -> Error {
    Error::new(Kind::BadRequest, message).with_hint("vb365-helper help protocol")
}
