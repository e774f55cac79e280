//! What the program is about: a request for one of a tenant's tokens, and the credential that
//! answers it. Each rule lives in the type that parses it; nothing here knows a wire form.

mod host;
mod origin;
mod scopes;
mod settings;
mod tenant;

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};

pub use self::host::{Host, ServerName};
pub use self::origin::{ENTRA, Origin, is_safe_destination};
pub use self::scopes::Scopes;
pub use self::settings::{ApiVersion, Fingerprint, PromptCommand, Settings, Trust};
pub use self::tenant::Tenant;
use crate::secret::Secret;

/// Which of the tokens a caller wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Want {
    /// The VB365 server's access token.
    #[default]
    Veeam,
    /// The identity platform's access token.
    Entra,
    /// The identity platform's whole answer, as the VB365 Swagger page asks for it.
    Assertion,
}

/// Whether a person may be asked to sign in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Interactive {
    /// Where the caller's protocol does not forbid it: at a terminal, or else by the configured prompt command.
    #[default]
    Auto,
    /// The same, whatever the caller's protocol says.
    Always,
    /// By the configured prompt command alone, even where a terminal can be opened: nobody sees the
    /// console of a scheduled task.
    Elsewhere,
    /// Not in any case.
    Never,
}

/// What a caller asks of `get`.
#[derive(Clone, Debug)]
pub struct Request {
    /// Whose token.
    pub tenant: Tenant,
    /// Which of the tenant's configured servers; the first without it.
    pub server: Option<Origin>,
    /// Which token.
    pub want: Want,
    /// Overrides the configured [`Settings::min_ttl`].
    pub min_ttl: Option<Duration>,
    /// Whether a sign-in may start.
    pub interactive: Interactive,
    /// A token that the server would not take: never the answer again.
    pub refused_token: Option<Secret<String>>,
    /// Bounds every wait of the call.
    pub timeout: Option<Duration>,
}

/// What a caller asks who knows a server, and not whose it is.
#[derive(Clone, Debug)]
pub struct ServerRequest {
    /// The server.
    pub server: ServerName,
    /// Whose tokens are meant where several tenants have that server.
    pub tenant: Option<Tenant>,
    /// As in [`Request`].
    pub min_ttl: Option<Duration>,
    /// As in [`Request`].
    pub interactive: Interactive,
    /// As in [`Request`].
    pub timeout: Option<Duration>,
}

/// Which rung of the ladder answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The cache, without network.
    Cache,
    /// The VB365 server's refresh token.
    VeeamRefresh,
    /// A cached assertion.
    Exchange,
    /// The identity platform's refresh token.
    EntraRefresh,
    /// A person.
    Login,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cache => "the cache",
            Self::VeeamRefresh => "the VB365 server's refresh token",
            Self::Exchange => "the kept assertion",
            Self::EntraRefresh => "Microsoft's refresh token",
            Self::Login => "a sign-in",
        })
    }
}

/// What `get` answers.
#[derive(Clone, Debug)]
pub struct Credential {
    /// Whose it is.
    pub tenant: Tenant,
    /// The token that was wanted.
    pub grant: Grant,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
    /// How it was come by.
    pub source: Source,
}

/// The tokens a caller can want, each with what belongs to it.
#[derive(Clone, Debug)]
pub enum Grant {
    /// An access token for the VB365 server named.
    Veeam {
        /// Who issued it.
        server: Origin,
        /// The access token.
        token: Secret<String>,
    },
    /// An access token for Microsoft Graph.
    Entra {
        /// The access token.
        token: Secret<String>,
    },
    /// The two values that the VB365 Swagger page asks for.
    Assertion {
        /// The `client_id` there.
        organization: String,
        /// The identity platform's answer as compact JSON.
        assertion: Secret<String>,
    },
}

impl Grant {
    /// The access token, if this is one.
    pub fn token(&self) -> Option<&Secret<String>> {
        match self {
            Self::Veeam { token, .. } | Self::Entra { token } => Some(token),
            Self::Assertion { .. } => None,
        }
    }
}
