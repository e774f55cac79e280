//! Arguments of the commands that programs call, and what of them may stand before the command.

use std::time::Duration;

use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{Args, ValueEnum};

use super::{duration, server};
use crate::credential::{Interactive, Origin, Tenant, Want};
use crate::error::{Error, Kind};
use crate::protocol::{PROTOCOLS, Protocol};

const GET: &str = "\
    Writes one credential to stdout: the kept one if it lives long enough, else a \
    renewed one. A person is asked only when nothing that is kept can be renewed, \
    and only at a terminal.\n\n\
    Without TENANT, a JSON request is read from stdin (vb365-helper help protocol).";
const GET_EXAMPLES: &str = "\
Examples:
  # The token with all that is known of it, as JSON
  vb365-helper get abc.onmicrosoft.com
  # The token alone, for a variable; the exit code says if there is none
  token=$(vb365-helper get abc.onmicrosoft.com --protocol token) || exit
  # As a header, through a pipe, where no other user can read it
  vb365-helper get abc.onmicrosoft.com --protocol header | curl -fsS -H @- URL
  # For a job that nobody watches, and that runs for half an hour
  vb365-helper get abc.onmicrosoft.com --interactive never --min-ttl 30m";
const STORE: &str = "\
    Keeps a token response that another program obtained, as if a person had signed \
    in here. Tokens come on stdin, never as an argument. Without TENANT, stdin has a \
    JSON request (vb365-helper help protocol).";
const STORE_EXAMPLES: &str = "\
Examples:
  # What Microsoft answered to another program's device code
  vb365-helper store abc.onmicrosoft.com < response.json
  # What the VB365 server answered
  vb365-helper store abc.onmicrosoft.com \\
    --server https://vb365.abc.local:4443 < response.json";
const ERASE: &str = "\
    Removes tokens from this machine. Nothing ends at Microsoft or at the server, \
    and removing what is not there is no mistake. Without TENANT, a JSON request is \
    read from stdin.";
const ERASE_EXAMPLES: &str = "\
Examples:
  # Forget a tenant
  vb365-helper erase abc.onmicrosoft.com
  # The server revoked its token: have the next call renew it
  vb365-helper erase abc.onmicrosoft.com --access-only
  # Leave nothing on this machine
  vb365-helper erase --all";

/// Flags of `get`, `store` and `erase` that may stand before them.
#[derive(Args, Debug, Default)]
pub struct BeforeArgs {
    #[command(flatten)]
    #[allow(missing_docs, reason = "explained there")]
    pub caller: CallerArgs,
    /// Whether a person may be asked to sign in; elsewhere: by the prompt command alone
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
#[derive(Args, Debug, Default)]
#[command(long_about = GET, after_long_help = GET_EXAMPLES)]
pub struct GetArgs {
    /// The tenant, as in abc.onmicrosoft.com; without it a JSON request is read from stdin
    #[arg(value_name = "TENANT")]
    pub subject: Option<String>,
    /// Which of the tenant's configured servers
    #[arg(long, value_name = "URL", value_parser = server)]
    pub server: Option<Origin>,
    /// Which token
    #[arg(long, value_enum)]
    pub want: Option<WantArg>,
    /// How long the token must still live, as in 10m
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub min_ttl: Option<Duration>,
    /// Whether a person may be asked to sign in; elsewhere: by the prompt command alone
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
#[command(long_about = STORE, after_long_help = STORE_EXAMPLES)]
pub struct StoreArgs {
    /// Whose tokens: stdin is then the token response as it was sent; without it a JSON request
    #[arg(value_name = "TENANT")]
    pub subject: Option<String>,
    /// The response is this server's, not Microsoft's
    #[arg(long, value_name = "URL", value_parser = server)]
    pub server: Option<Origin>,
    #[command(flatten)]
    #[allow(missing_docs, reason = "explained there")]
    pub caller: CallerArgs,
}

/// Arguments of `erase`.
#[derive(Args, Debug)]
#[command(long_about = ERASE, after_long_help = ERASE_EXAMPLES)]
pub struct EraseArgs {
    /// Whose tokens; without it a JSON request is read from stdin
    #[arg(value_name = "TENANT")]
    pub subject: Option<String>,
    /// Only the tokens of this server
    #[arg(long, value_name = "URL", value_parser = server)]
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
    Elsewhere,
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
            InteractiveArg::Elsewhere => Self::Elsewhere,
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
        Err(Error::new(Kind::BadRequest, message).with_hint("vb365-helper get --help"))
    }
}

/// The names of the protocols, with what each is for.
fn protocols() -> PossibleValuesParser {
    PossibleValuesParser::new(PROTOCOLS.iter().map(|protocol| PossibleValue::new(protocol.name).help(protocol.about)))
}
