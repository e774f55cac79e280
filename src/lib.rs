//! Hands out OAuth tokens for the REST API of Veeam Backup for Microsoft 365 to whatever tool asks.
//!
//! Arrows point one way: `run` -> cli, protocol, commands -> resolve -> entra, veeam, cache -> http,
//! host, credential -> secret, error.

pub mod cache;
pub mod cli;
pub mod commands;
pub mod config;
pub mod credential;
pub mod device_login;
pub mod entra;
pub mod error;
pub mod host;
pub mod http;
pub mod json;
pub mod protocol;
pub mod resolve;
pub mod secret;
pub mod steps;
pub mod text;
pub mod token;
pub mod veeam;
pub mod warnings;

use std::ffi::OsString;
use std::io::Write;

use crate::cache::Cache;
use crate::cli::{Cli, Command, NotACommand};
use crate::commands::{Answer, Context, erase, get, list, login, schema, store};
use crate::config::{Config, Places};
use crate::error::{Error, Kind, Result};
use crate::host::{Clock, Input, Terminal};
use crate::protocol::native;
use crate::secret::Secret;
use crate::steps::Step;
use crate::warnings::Warnings;

/// The process's streams.
pub struct Streams<'a> {
    /// Requests come from here, and only when a command reads one.
    pub stdin: &'a mut dyn Input,
    /// The answer goes here, in one write, and nothing else does.
    pub stdout: &'a mut dyn Write,
    /// Words for people; silent on success.
    pub stderr: &'a mut dyn Write,
}

/// Runs one command from arguments (the program's name among them) to exit code.
pub fn run(args: &[OsString], places: Places, streams: Streams<'_>, clock: &dyn Clock, terminal: &dyn Terminal) -> u8 {
    let Streams { stdin, stdout, stderr } = streams;
    let warnings = Warnings::default();
    let (answer, speaks_json) = match cli::parse(args) {
        Ok(cli) => {
            let speaks_json = cli.command.speaks_json();
            (answer(cli, places, stdin, clock, terminal, &warnings), speaks_json)
        }
        Err(NotACommand::Help(text)) => (Ok(Secret::new(text.into_bytes())), false),
        Err(NotACommand::Wrong { error, speaks_json }) => (Err(error), speaks_json),
    };
    for warning in warnings.take() {
        say(stderr, &format!("warning: {warning}"));
    }
    steps::reached(Step::AnswerReady);
    match answer {
        Ok(answer) => match write_answer(&answer, stdout) {
            Ok(()) => 0,
            // Where a piece of the answer stands, no second document belongs.
            Err(error) => write_error(&error, false, stdout, stderr),
        },
        Err(error) => write_error(&error, speaks_json, stdout, stderr),
    }
}

fn answer(
    cli: Cli,
    places: Places,
    stdin: &mut dyn Input,
    clock: &dyn Clock,
    terminal: &dyn Terminal,
    warnings: &Warnings,
) -> Result<Answer> {
    if let Command::Schema(args) = &cli.command {
        return schema::run(args);
    }
    let places = Places { config_file: cli.config.or(places.config_file), ..places };
    let config = Config::load(&places)?;
    let cache = Cache::new(config.cache_dir());
    let context = Context { config: &config, cache: &cache, clock, terminal, warnings };
    match cli.command {
        Command::Get(args) => get::run(&context, args, stdin),
        Command::Store(args) => store::run(&context, args, stdin),
        Command::Erase(args) => erase::run(&context, args, stdin),
        Command::List(args) => list::run(&context, &args),
        Command::Login(args) => login::run(&context, args),
        Command::Schema(args) => schema::run(&args),
    }
}

fn write_answer(answer: &Answer, stdout: &mut dyn Write) -> Result<()> {
    let written = stdout.write_all(answer.expose()).and_then(|()| stdout.flush());
    written.map_err(|error| Error::new(Kind::Internal, format!("the answer cannot be written to stdout: {error}")))
}

fn write_error(error: &Error, speaks_json: bool, stdout: &mut dyn Write, stderr: &mut dyn Write) -> u8 {
    say(stderr, &error.to_string());
    if let Some(hint) = error.hint() {
        say(stderr, &format!("hint: {hint}"));
    }
    if speaks_json {
        // A caller that closed its end still gets the exit code.
        let _ = stdout.write_all(native::error(error).expose()).and_then(|()| stdout.flush());
    }
    error.kind().exit_code()
}

/// One line to stderr; where that is closed, nobody is there to be told.
fn say(stderr: &mut dyn Write, words: &str) {
    let _ = stderr.write_all(format!("vb365-helper: {words}\n").as_bytes());
}
