//! The command line. What is wrong with it is said without repeating an argument that could be a
//! token typed in the wrong place.

use std::error::Error as _;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgMatches, Args, FromArgMatches, Parser, Subcommand, ValueEnum};

use crate::credential::{ApiVersion, Fingerprint, Interactive, Origin, Tenant, Want};
use crate::error::{Error, Kind};
use crate::protocol::{PROTOCOLS, Protocol};
use crate::text::printable;

/// Longest flag that is repeated, with the name of its value; a mistyped one is no longer, a token is.
const LONGEST_FLAG: usize = 32;

/// Hands out tokens for the REST API of Veeam Backup for Microsoft 365: one sign-in, then silent renewal.
#[derive(Debug, Parser)]
#[command(name = "vb365-helper", version, disable_help_subcommand = true, arg_required_else_help = true)]
pub struct Cli {
    /// Configuration file (also: VB365_HELPER_CONFIG)
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What a caller has configured that puts its arguments before the command, as Terraform does.
    #[command(flatten)]
    pub before: BeforeArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// For a program.
    #[command(flatten)]
    Program(ProgramCommand),
    /// For a person.
    #[command(flatten)]
    Person(PersonCommand),
}

/// What programs ask for, each in its own protocol.
#[derive(Debug, Subcommand)]
pub enum ProgramCommand {
    /// Write one credential to stdout, renewed if it is due
    Get(GetArgs),
    /// Take a token response from stdin into the cache
    Store(StoreArgs),
    /// Remove tokens from the cache (on this machine only)
    #[command(visible_alias = "forget")]
    Erase(EraseArgs),
}

/// What people do.
#[derive(Debug, Subcommand)]
pub enum PersonCommand {
    /// Show what the cache holds; never a token
    List(ListArgs),
    /// Sign in now, and remember the settings
    Login(Later<Box<LoginArgs>>),
    /// Print how a caller is wired to this program, or write it to your files
    Setup(Later<SetupArgs>),
    /// Print a JSON Schema of the protocol; without NAME, their names
    Schema(SchemaArgs),
}

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

/// Arguments of `list`.
#[derive(Args, Debug)]
pub struct ListArgs {
    /// As a JSON document
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `login`.
#[derive(Args, Debug)]
pub struct LoginArgs {
    /// The tenant, as in abc.onmicrosoft.com
    pub tenant: Tenant,
    /// The VB365 server: https, its name, and its port (4443 as a rule)
    #[arg(long, value_name = "URL")]
    pub server: Option<Origin>,
    /// The organization as the server spells it [default: the tenant]
    #[arg(long, value_name = "NAME")]
    pub organization: Option<String>,
    /// The application that signs in
    #[arg(long, value_name = "ID")]
    pub client_id: Option<String>,
    /// A permission to ask for; may be repeated
    #[arg(long = "scope", value_name = "SCOPE", value_delimiter = ' ')]
    pub scopes: Vec<String>,
    /// The identity host of a national cloud
    #[arg(long, value_name = "URL")]
    pub authority: Option<Origin>,
    /// PEM file with root certificates to trust beside the system's
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// SHA-256 of the server's certificate, trusted instead of its chain and name; may be repeated
    #[arg(long = "pin-sha256", value_name = "HEX")]
    pub pins: Vec<Fingerprint>,
    /// Version of the REST API [default: the newest the server speaks]
    #[arg(long, value_name = "vN")]
    pub api_version: Option<ApiVersion>,
    /// How long to wait for the person, as in 5m [default: as long as the code is valid]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub timeout: Option<Duration>,
    /// Write the tenant's entry to stdout, as `list --json` has it
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `setup`.
#[derive(Args, Debug)]
pub struct SetupArgs {
    /// Who is to call
    #[arg(value_enum)]
    pub caller: CallerArg,
    /// The tenant, as in abc.onmicrosoft.com [default: the only one configured]
    pub tenant: Option<Tenant>,
    /// Which of the tenant's configured servers
    #[arg(long, value_name = "URL")]
    pub server: Option<Origin>,
    /// Write it to your files; what is changed is kept beside as FILE.vb365-backup
    #[arg(long)]
    pub write: bool,
    /// Replace what stands in its place, too
    #[arg(long, requires = "write")]
    pub force: bool,
}

/// Arguments of `schema`.
#[derive(Args, Debug)]
pub struct SchemaArgs {
    /// The schema's name, as in get-request-v1
    pub name: Option<String>,
}

/// Arguments that clap is told of only when their command is called: every `get` would pay for them.
#[derive(Debug)]
pub struct Later<A>(pub A);

impl<A: Args> Args for Later<A> {
    fn augment_args(command: clap::Command) -> clap::Command {
        command.defer(|command| {
            // What the command is about is said at its name; only its arguments are missing.
            let about = command.get_about().cloned().unwrap_or_default();
            A::augment_args(command).about(about)
        })
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl<A: FromArgMatches> FromArgMatches for Later<A> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        A::from_arg_matches(matches).map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.0.update_from_arg_matches(matches)
    }
}

/// A caller that can be set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CallerArg {
    /// A user in the kubeconfig
    Kubectl,
    /// A credentials helper in the CLI configuration
    Terraform,
    /// The module Vb365Helper
    Powershell,
    /// A command line, to copy
    Curl,
    /// A task, to copy
    Ansible,
    /// A user's timer that keeps the sign-in alive
    Systemd,
}

impl CallerArg {
    /// The name on the command line.
    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
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

impl PersonCommand {
    /// Whether the command answers with a document, and so tells a failure in one on stdout too.
    pub fn speaks_json(&self) -> bool {
        match self {
            Self::List(args) => args.json,
            Self::Login(args) => args.0.json,
            Self::Setup(_) | Self::Schema(_) => false,
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

/// Why the arguments are no command.
#[derive(Debug)]
pub enum NotACommand {
    /// Help or the version was asked for.
    Help(String),
    /// They are wrong.
    Wrong {
        /// Kind `bad_request`.
        error: Error,
        /// Whether the command would answer with a document.
        speaks_json: bool,
    },
}

/// Reads the arguments, the program's name among them.
///
/// # Errors
/// See [`NotACommand`].
pub fn parse(args: &[OsString]) -> Result<Cli, NotACommand> {
    Cli::try_parse_from(args).map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => NotACommand::Help(error.render().to_string()),
        _ => NotACommand::Wrong { error: words(&error), speaks_json: looks_like_json(args) },
    })
}

fn words(error: &clap::Error) -> Error {
    let named = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(printable(text)),
        Some(ContextValue::Strings(texts)) => Some(printable(&texts.join(", "))),
        _ => None,
    };
    let argument = named(ContextKind::InvalidArg);
    let is_flag = |argument: &String| argument.starts_with(['-', '<', '[']) && argument.len() <= LONGEST_FLAG;
    let flag = argument.clone().filter(is_flag);
    let at = flag.as_deref().unwrap_or("an argument");
    let message = match error.kind() {
        ErrorKind::UnknownArgument if flag.is_none() => "there is one argument too many".to_owned(),
        ErrorKind::UnknownArgument => format!("{at} is not known here"),
        ErrorKind::InvalidSubcommand => "the command is not known".to_owned(),
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
            "a command is missing".into()
        }
        ErrorKind::MissingRequiredArgument => format!("{} is missing", argument.as_deref().unwrap_or(at)),
        ErrorKind::ValueValidation => match error.source() {
            Some(why) => format!("{at}: {}", printable(&why.to_string())),
            None => format!("{at} has a wrong value"),
        },
        ErrorKind::InvalidValue => match named(ContextKind::ValidValue) {
            Some(valid) if !valid.is_empty() => format!("{at} is one of {valid}"),
            _ => format!("{at} has a wrong value"),
        },
        ErrorKind::ArgumentConflict => format!("{at} does not go with the other arguments"),
        kind => kind.as_str().unwrap_or("the arguments are wrong").to_owned(),
    };
    let suggestion = named(ContextKind::SuggestedArg).or_else(|| named(ContextKind::SuggestedSubcommand)).map_or_else(
        || "vb365-helper --help".to_owned(),
        |like| format!("did you mean {like}? see vb365-helper --help"),
    );
    Error::new(Kind::BadRequest, message).with_hint(suggestion)
}

/// A duration in words of its own: humantime's repeat what was typed.
fn duration(typed: &str) -> Result<Duration, String> {
    humantime::parse_duration(typed).map_err(|_| "not a duration; it looks like 5m or 90s".to_owned())
}

/// Whether the command would answer with a document, for arguments that could not be read.
fn looks_like_json(args: &[OsString]) -> bool {
    let mut words = args.iter().skip(1).filter_map(|arg| arg.to_str());
    words.any(|word| matches!(word, "get" | "store" | "erase" | "forget" | "--json"))
}
