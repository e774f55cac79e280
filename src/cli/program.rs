//! Arguments of the commands that programs call, and what of them may stand before the command.

use std::time::Duration;

use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{Args, ValueEnum};

use super::duration;
use crate::credential::{Interactive, Origin, Tenant, Want};
use crate::error::{Error, Kind};
use crate::protocol::{PROTOCOLS, Protocol};

/// Flags of `get`, `store` and `erase` that may stand before them.
#[derive(Args, Debug)]
pub struct BeforeArgs {
    #[command(flatten)]
    #[allow(missing_docs, reason = "explained there")]
    pub caller: CallerArgs,
    /// Whether a person may be asked to sign in
    #[arg(long, value_enum, value_name = "WHEN")]
    pub interactive: Option<InteractiveArg>,
}

/// How the caller of `get`, `store` or `erase` speaks, and for whom.
#[derive(Args, Clone, Debug, Default)]
pub struct CallerArgs {
    /// How the caller speaks [default: as it can be seen from the call]
    #[arg(long, value_parser = protocols())]
    pub protocol: Option<String>,
    /// Whose server is meant, for callers that name a server alone
    #[arg(long = "tenant", value_name = "TENANT")]
    pub for_tenant: Option<Tenant>,
}

/// Arguments of `get`.
#[derive(Args, Debug)]
pub struct GetArgs {
    /// The tenant, as in abc.onmicrosoft.com; without it a JSON request is read from stdin
    #[arg(value_name = "TENANT")]
    pub subject: Option<String>,
    /// Which of the tenant's configured servers
    #[arg(long, value_name = "URL")]
    pub server: Option<Origin>,
    /// Which token
    #[arg(long, value_enum)]
    pub want: Option<WantArg>,
    /// How long the token must still live, as in 10m
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub min_ttl: Option<Duration>,
    /// Whether a person may be asked to sign in
    #[arg(long, value_enum, value_name = "WHEN")]
    pub interactive: Option<InteractiveArg>,
    /// How long to wait for other processes and for servers, as in 20s [default: 8s]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub timeout: Option<Duration>,
    /// Tell on stderr what each step found, and after how long
    #[arg(long)]
    pub explain: bool,
    #[command(flatten)]
    #[allow(missing_docs, reason = "explained there")]
    pub caller: CallerArgs,
}

/// Arguments of `store`.
#[derive(Args, Debug)]
pub struct StoreArgs {
    /// Whose tokens: stdin is then the token response as it was sent; without it a JSON request
    #[arg(value_name = "TENANT")]
    pub subject: Option<String>,
    /// The response is this server's, not Microsoft's
    #[arg(long, value_name = "URL")]
    pub server: Option<Origin>,
    #[command(flatten)]
    #[allow(missing_docs, reason = "explained there")]
    pub caller: CallerArgs,
}

/// Arguments of `erase`.
#[derive(Args, Debug)]
pub struct EraseArgs {
    /// Whose tokens; without it a JSON request is read from stdin
    #[arg(value_name = "TENANT")]
    pub subject: Option<String>,
    /// Only the tokens of this server
    #[arg(long, value_name = "URL")]
    pub server: Option<Origin>,
    /// Only the access tokens: the next `get` renews them
    #[arg(long)]
    pub access_only: bool,
    /// Everything the helper keeps
    #[arg(long, conflicts_with_all = ["subject", "server", "access_only"])]
    pub all: bool,
    #[command(flatten)]
    #[allow(missing_docs, reason = "explained there")]
    pub caller: CallerArgs,
}

/// [`Want`] on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
#[allow(missing_docs, reason = "shown as they are in help; explained at Want")]
pub enum WantArg {
    Veeam,
    Entra,
    Assertion,
}

/// [`Interactive`] on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
#[allow(missing_docs, reason = "shown as they are in help; explained at Interactive")]
pub enum InteractiveArg {
    Auto,
    Always,
    Never,
}

impl From<WantArg> for Want {
    fn from(arg: WantArg) -> Self {
        match arg {
            WantArg::Veeam => Self::Veeam,
            WantArg::Entra => Self::Entra,
            WantArg::Assertion => Self::Assertion,
        }
    }
}

impl From<InteractiveArg> for Interactive {
    fn from(arg: InteractiveArg) -> Self {
        match arg {
            InteractiveArg::Auto => Self::Auto,
            InteractiveArg::Always => Self::Always,
            InteractiveArg::Never => Self::Never,
        }
    }
}

impl CallerArgs {
    /// The protocol named.
    pub fn protocol(&self) -> Option<&'static Protocol> {
        self.protocol.as_deref().and_then(Protocol::named)
    }
}

impl BeforeArgs {
    /// Checks that nothing is said of a caller where none is answered.
    ///
    /// # Errors
    /// Kind `bad_request`.
    pub fn none(&self) -> Result<(), Error> {
        if self.caller.protocol.is_none() && self.caller.for_tenant.is_none() && self.interactive.is_none() {
            return Ok(());
        }
        let message = "--protocol, --tenant and --interactive go with get, store and erase";
        Err(Error::new(Kind::BadRequest, message).with_hint("vb365-helper --help"))
    }
}

/// The names of the protocols, with what each is for.
fn protocols() -> PossibleValuesParser {
    PossibleValuesParser::new(PROTOCOLS.iter().map(|protocol| PossibleValue::new(protocol.name).help(protocol.about)))
}
