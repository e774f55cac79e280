//! The command line. What is wrong with it is said without repeating an argument that could be a
//! token typed in the wrong place.

mod cache;
mod completions;
mod doctor;
mod help;
mod later;
mod list;
mod login;
mod logout;
mod man;
mod plain;
mod program;
mod refresh;
mod schema;
mod server;
mod setup;
mod trust;

use std::error::Error as _;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser, Subcommand};

pub use self::cache::{CacheActionArg, CacheArgs, ModeArg};
pub use self::completions::{CompletionsArgs, ShellArg};
pub use self::doctor::DoctorArgs;
pub use self::help::{HelpArgs, commands, help, width};
pub use self::later::Later;
pub use self::list::{FailOnArg, ListArgs, StateArg};
pub use self::login::LoginArgs;
pub use self::logout::LogoutArgs;
pub use self::man::ManArgs;
pub use self::program::{BeforeArgs, CallerArgs, EraseArgs, GetArgs, InteractiveArg, StoreArgs, WantArg};
pub use self::refresh::RefreshArgs;
pub use self::schema::SchemaArgs;
pub use self::server::{USUAL_PORT, server};
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
    Get(Later<GetArgs>),
    /// Take a token response from stdin into the cache
    Store(Later<StoreArgs>),
    /// Remove tokens from the cache (on this machine only)
    #[command(visible_alias = "forget")]
    Erase(Later<EraseArgs>),
}

/// What people do.
#[derive(Debug, Subcommand)]
pub enum PersonCommand {
    /// Sign in now, and remember the settings
    Login(Later<Box<LoginArgs>>),
    /// End the tokens at the server, and erase what is kept for a tenant
    Logout(Later<LogoutArgs>),
    /// Renew tokens ahead of time, for a timer; never asks a person
    Refresh(Later<RefreshArgs>),
    /// Show what the cache holds; never a token
    List(Later<ListArgs>),
    /// Look at everything a call needs, and say what mends it
    Doctor(Later<DoctorArgs>),
    /// Look at a server's certificate, and trust it
    Trust(Later<TrustArgs>),
    /// Protect the kept tokens in another way
    Cache(Later<CacheArgs>),
    /// Wire a caller to this program: print what to paste, or write it
    Setup(Later<SetupArgs>),
    /// Print a JSON Schema of the protocol; without NAME, their names
    Schema(Later<SchemaArgs>),
    /// Have a shell complete commands, tenants and servers
    Completions(Later<CompletionsArgs>),
    /// Print a manual page, or write them all to a directory
    Man(Later<ManArgs>),
    /// Explain a command or a topic
    Help(Later<HelpArgs>),
}

impl Cli {
    /// Whether what each rung found is to be told.
    pub fn is_to_be_explained(&self) -> bool {
        matches!(&self.command, Command::Program(ProgramCommand::Get(args)) if args.0.explain)
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
            Self::Logout(_)
            | Self::Trust(_)
            | Self::Cache(_)
            | Self::Setup(_)
            | Self::Schema(_)
            | Self::Completions(_)
            | Self::Man(_)
            | Self::Help(_) => false,
        }
    }
}

/// Why the arguments are no command.
#[derive(Debug)]
pub enum NotACommand {
    /// Help was asked for, which is made where it is known how wide it may be.
    Help,
    /// The version was asked for.
    Version(String),
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
    plain::get(args).map_or_else(|| parse_any(args), Ok)
}

fn parse_any(args: &[OsString]) -> Result<Cli, NotACommand> {
    Cli::try_parse_from(args).map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp => NotACommand::Help,
        ErrorKind::DisplayVersion => NotACommand::Version(error.render().to_string()),
        _ => NotACommand::Wrong { error: words(&error, &help_for(args)), speaks_json: looks_like_json(args) },
    })
}

/// The command line as clap sees it, with all that is told later.
pub fn command() -> clap::Command {
    let mut command = Cli::command();
    command.build();
    command
}

/// Where the arguments are explained that could not be read.
fn help_for(args: &[OsString]) -> String {
    let command = Cli::command();
    let named = args.iter().skip(1).find_map(|arg| command.find_subcommand(arg));
    named.map_or("vb365-helper --help".to_owned(), |named| format!("vb365-helper {} --help", named.get_name()))
}

fn words(error: &clap::Error, help: &str) -> Error {
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
    let like = [ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand, ContextKind::SuggestedValue];
    let hint = match like.into_iter().find_map(named) {
        Some(like) => format!("did you mean {like}? see {help}"),
        None => help.to_owned(),
    };
    Error::new(Kind::BadRequest, message).with_hint(hint)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Message and hint for arguments that are wrong.
    fn wrong(args: &[&str]) -> (String, String) {
        let args: Vec<OsString> = ["vb365-helper"].iter().chain(args).map(OsString::from).collect();
        match parse(&args) {
            Err(NotACommand::Wrong { error, .. }) => (error.message().into(), error.hint().unwrap_or_default().into()),
            parsed => panic!("{args:?}: {parsed:?}"),
        }
    }

    #[test]
    fn a_slip_is_told_by_what_was_meant_and_a_token_by_nothing() {
        let token = format!("eyJ0{}", "x".repeat(60));
        let (flag, value) = (format!("--{token}"), format!("--want={token}"));
        let (unknown, want) = ("the command is not known", "--want <WANT> is one of veeam, entra, assertion");
        for (args, message, hint) in [
            (&["lgoin"][..], unknown, "did you mean login? see vb365-helper --help"),
            (&["setup", "kubctl"], "<CALLER> is one of ", "did you mean kubectl? see vb365-helper setup --help"),
            (
                &["get", "--mim-ttl", "5m"],
                "--mim-ttl is not known here",
                "did you mean --min-ttl? see vb365-helper get --help",
            ),
            (&["get", "--want", "veem"], want, "did you mean veeam? see vb365-helper get --help"),
            (&["--server", "x", "get"], "--server is not known here", "vb365-helper get --help"),
            (&["login"], "<TENANT>... is missing", "vb365-helper login --help"),
            (&[], "a command is missing", "vb365-helper --help"),
            (&[&token], unknown, "vb365-helper --help"),
            (&["get", "a", &token], "there is one argument too many", "vb365-helper get --help"),
            (&["get", "a", &flag], "there is one argument too many", "vb365-helper get --help"),
            (&["get", "a", &value], want, "vb365-helper get --help"),
        ] {
            let (told, next) = wrong(args);
            assert!(told.starts_with(message), "{args:?}: {told}");
            assert_eq!(next, hint, "{args:?}");
            assert!(!told.contains("eyJ0"), "{told}");
        }
    }
}
