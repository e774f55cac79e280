//! What can go wrong, told once: a kind the caller acts on, words for a person, at most one hint.
//! The table of kinds is the only place that knows exit codes. No message ever holds a secret.

use std::fmt;
use std::time::Duration;

/// What the caller should do about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A bug of this program: report it.
    Internal,
    /// The request or the arguments are wrong: mend them.
    BadRequest,
    /// A person has to sign in: have one run the hint.
    LoginRequired,
    /// A sign-in was declined, cancelled or ran out: start again.
    LoginFailed,
    /// An administrator must act; trying again is useless.
    Refused,
    /// A system did not answer as itself: try again later.
    Unavailable,
    /// A file of the cache could not be used: look at the one named.
    Cache,
    /// The configuration does not allow or cover it: mend it.
    Config,
    /// The server's certificate is not trusted: check it, then trust it.
    UntrustedServer,
}

/// Every kind with its name on the wire and its exit code.
pub const KINDS: [(Kind, &str, u8); 9] = [
    (Kind::Internal, "internal", 1),
    (Kind::BadRequest, "bad_request", 2),
    (Kind::LoginRequired, "login_required", 3),
    (Kind::LoginFailed, "login_failed", 4),
    (Kind::Refused, "refused", 5),
    (Kind::Unavailable, "unavailable", 6),
    (Kind::Cache, "cache", 7),
    (Kind::Config, "config", 8),
    (Kind::UntrustedServer, "untrusted_server", 9),
];

impl Kind {
    fn row(self) -> (Kind, &'static str, u8) {
        KINDS[self as usize]
    }

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// The process's exit code.
    pub fn exit_code(self) -> u8 {
        self.row().2
    }
}

/// What a server said about a failure, in the fields that are safe to repeat.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cause {
    /// The OAuth error code (RFC 6749 section 5.2) or the VB365 server's `errorCode`.
    pub error: Option<String>,
    /// Microsoft's `error_codes` (AADSTS numbers).
    pub codes: Vec<u32>,
    /// Microsoft's `suberror`.
    pub suberror: Option<String>,
    /// Microsoft's `correlation_id`, for a support request.
    pub correlation_id: Option<String>,
    /// The status of the HTTP response.
    pub http_status: Option<u16>,
}

/// A failure as a caller and a person see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error(Box<Details>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Details {
    kind: Kind,
    message: String,
    hint: Option<String>,
    tenant: Option<String>,
    retry_after: Option<Duration>,
    cause: Option<Cause>,
}

impl Error {
    /// A failure of `kind`; `message` is lower case, without a full stop, and names the thing and the place.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self(Box::new(Details {
            kind,
            message: message.into(),
            hint: None,
            tenant: None,
            retry_after: None,
            cause: None,
        }))
    }

    /// Adds what to do next, with the exact command where there is one.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Adds the tenant that was asked for, unless one is named already.
    #[must_use]
    pub fn with_tenant(mut self, tenant: impl fmt::Display) -> Self {
        self.0.tenant.get_or_insert_with(|| tenant.to_string());
        self
    }

    /// Adds how long a caller should wait before the next try.
    #[must_use]
    pub fn with_retry_after(mut self, delay: Option<Duration>) -> Self {
        self.0.retry_after = delay;
        self
    }

    /// Adds what the server said.
    #[must_use]
    pub fn with_cause(mut self, cause: Cause) -> Self {
        self.0.cause = Some(cause);
        self
    }

    /// What the caller should do about it.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// The words for a person.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What to do next.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// The tenant that was asked for.
    pub fn tenant(&self) -> Option<&str> {
        self.0.tenant.as_deref()
    }

    /// How long to wait before the next try.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// What the server said.
    pub fn cause(&self) -> Option<&Cause> {
        self.0.cause.as_ref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl std::error::Error for Error {}

/// The result of everything that can fail towards a caller.
pub type Result<T, E = Error> = std::result::Result<T, E>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_stands_at_its_own_row() {
        for (kind, name, code) in KINDS {
            assert_eq!((kind.name(), kind.exit_code()), (name, code));
        }
    }
}
