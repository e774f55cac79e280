//! The command line. What is wrong with it is said without repeating an argument that could be a
//! token typed in the wrong place.

mod doctor;
mod later;
mod list;
mod login;
mod logout;
mod program;
mod refresh;
mod schema;
mod setup;
mod trust;

use std::error::Error as _;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Parser, Subcommand};

pub use self::doctor::DoctorArgs;
pub use self::later::Later;
pub use self::list::{FailOnArg, ListArgs, StateArg};
pub use self::login::LoginArgs;
pub use self::logout::LogoutArgs;
pub use self::program::{BeforeArgs, CallerArgs, EraseArgs, GetArgs, InteractiveArg, StoreArgs, WantArg};
pub use self::refresh::RefreshArgs;
pub use self::schema::SchemaArgs;
pub use self::setup::{CallerArg, SetupArgs};
pub use self::trust::TrustArgs;
use crate::error::{Error, Kind};
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
    List(Later<ListArgs>),
    /// Sign in now, and remember the settings
    Login(Later<Box<LoginArgs>>),
    /// End the access tokens at the server, and erase everything kept for a tenant
    Logout(Later<LogoutArgs>),
    /// Renew tokens ahead of time, for a timer; never asks a person
    Refresh(Later<RefreshArgs>),
    /// Look at a server's certificate, and trust it
    Trust(Later<TrustArgs>),
    /// Look at everything a call needs, and say what mends it
    Doctor(Later<DoctorArgs>),
    /// Print how a caller is wired to this program, or write it to your files
    Setup(Later<SetupArgs>),
    /// Print a JSON Schema of the protocol; without NAME, their names
    Schema(SchemaArgs),
}

impl Cli {
    /// Whether what each rung found is to be told.
    pub fn is_to_be_explained(&self) -> bool {
        matches!(&self.command, Command::Program(ProgramCommand::Get(args)) if args.explain)
    }
}

impl PersonCommand {
    /// Whether the command answers with a document, and so tells a failure in one on stdout too.
    pub fn speaks_json(&self) -> bool {
        match self {
            Self::List(args) => args.0.json,
            Self::Login(args) => args.0.json,
            Self::Refresh(args) => args.0.json,
            Self::Doctor(args) => args.0.json,
            Self::Logout(_) | Self::Trust(_) | Self::Setup(_) | Self::Schema(_) => false,
        }
    }
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
