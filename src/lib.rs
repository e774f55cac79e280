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
pub mod files;
pub mod host;
pub mod http;
pub mod json;
pub mod protocol;
pub mod resolve;
pub mod screen;
pub mod seal;
pub mod secret;
pub mod shell;
pub mod steps;
pub mod text;
pub mod token;
pub mod typo;
pub mod veeam;
pub mod warnings;

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::cache::Cache;
use crate::cli::{Cli, Command, Later, NotACommand, PersonCommand, SetupArgs};
use crate::commands::exchange::Exchange;
use crate::commands::{
    Answer, Context, Report, completions, doctor, help, list, login, logout, man, refresh, schema, setup, trust,
};
use crate::config::{Config, Places};
use crate::error::{Error, Kind, Result};
use crate::host::{Clock, Input, Surface, Terminal};
use crate::protocol::{Output, Protocol, Variables, native};
use crate::resolve::{Clients, Mark, Trail};
use crate::screen::Screen;
use crate::seal::Vault;
use crate::secret::Secret;
use crate::steps::Step;
use crate::warnings::Warnings;

/// The process's streams.
pub struct Streams<'a> {
    /// Requests come from here, and only when a command reads one.
    pub stdin: &'a mut dyn Input,
    /// The answer goes here, in one write, and nothing else does.
    pub stdout: &'a mut dyn Write,
    /// What stdout can show, if it is a terminal; only texts for people ask.
    pub stdout_surface: &'a dyn Fn() -> Option<Surface>,
    /// Words for people; silent on success.
    pub stderr: &'a mut dyn Write,
}

/// How commands begin in hints, and those that look at the configuration.
const CALL: &str = "vb365-helper ";
const CONFIGURED: [&str; 12] =
    ["cache", "login", "logout", "refresh", "list", "doctor", "trust", "setup", "get", "store", "erase", "forget"];

/// How a failure is told on stdout; not at all where there is no form for it.
type Failure = Option<fn(&Error) -> Output>;

/// Runs one command from arguments (the program's name among them) to exit code. `program` finds out where
/// the program is; only `setup` asks.
pub fn run(
    args: &[OsString],
    variables: Variables<'_>,
    program: &dyn Fn() -> io::Result<PathBuf>,
    streams: Streams<'_>,
    clock: &dyn Clock,
    terminal: &dyn Terminal,
) -> u8 {
    let Streams { stdin, stdout, stdout_surface, stderr } = streams;
    let named = |config: Option<&OsStr>| places(variables, config.map(PathBuf::from));
    if let Some(candidates) = completions::answer(args, variables, named) {
        // A shell that does not listen any more is told nothing.
        let _ = stdout.write_all(candidates.expose());
        return 0;
    }
    let (warnings, start) = (Warnings::default(), clock.elapsed());
    let parsed = cli::parse(args);
    let file = parsed.as_ref().ok().and_then(|cli| cli.config.clone());
    let trail = if parsed.as_ref().is_ok_and(Cli::is_to_be_explained) { Trail::kept() } else { Trail::default() };
    let (warnings, trail) = (&warnings, &trail);
    let process = Process { args, variables, program, stdout: stdout_surface, clock, terminal, warnings, trail };
    let (answer, failure) = match parsed {
        Ok(cli) => process.answer(cli, stdin),
        Err(NotACommand::Version(text)) => (Ok(Secret::new(text.into_bytes()).into()), None),
        Err(NotACommand::Help) => (Ok(help::of(args, process.page()).into()), None),
        // Who types the name alone wants to know what there is; a program has forgotten something.
        Err(NotACommand::Wrong { .. }) if args.len() < 2 && stdout_surface().is_some() => {
            (Ok(help::overview(process.page()).into()), None)
        }
        Err(NotACommand::Wrong { error, speaks_json }) => {
            let speaks_json = speaks_json && protocol::can_take_a_failure(args, variables);
            (Err(error), document(speaks_json))
        }
    };
    for Mark { at, words } in trail.take() {
        say(stderr, &format!("{words} (after {} ms)", at.saturating_sub(start).as_millis()));
    }
    for warning in warnings.take() {
        say(stderr, &format!("warning: {warning}"));
    }
    steps::reached(Step::AnswerReady);
    match answer {
        // Where the answer stands, or a piece of it, no second document belongs.
        Ok(Report { answer, failure }) => match write_answer(&answer, stdout).and(failure.map_or(Ok(()), Err)) {
            Ok(()) => 0,
            Err(error) => write_error(&naming(error, file.as_deref()), None, stdout, stderr),
        },
        Err(error) => write_error(&naming(error, file.as_deref()), failure, stdout, stderr),
    }
}

/// What a process has beside its streams.
struct Process<'a> {
    args: &'a [OsString],
    variables: Variables<'a>,
    program: &'a dyn Fn() -> io::Result<PathBuf>,
    stdout: &'a dyn Fn() -> Option<Surface>,
    clock: &'a dyn Clock,
    terminal: &'a dyn Terminal,
    warnings: &'a Warnings,
    trail: &'a Trail,
}

impl Process<'_> {
    fn answer(&self, cli: Cli, stdin: &mut dyn Input) -> (Result<Report>, Failure) {
        let Cli { config, before, command } = cli;
        let program = self.called();
        match command {
            Command::Program(command) => {
                let config = Config::load_for_one(&places(self.variables, config));
                let exchange = Exchange::from(command).or(before);
                let understood = exchange.understand(program, self.variables, stdin, self.clock, config.as_ref().err());
                let failure = understood.protocol.failure;
                let answer = config.and_then(|config| self.with(&config, |context| understood.answer(context)));
                (answer.map(Report::from), failure)
            }
            Command::Person(command) => {
                let only = Protocol::of_program(program);
                let caller = before.caller.protocol().or(only);
                let failure = caller.map_or_else(|| document(command.speaks_json()), |caller| caller.failure);
                let is_known = only.map_or(Ok(()), |only| Err(only.unknown_command()));
                (is_known.and_then(|()| before.none()).and_then(|()| self.serve(command, config)), failure)
            }
        }
    }

    fn serve(&self, command: PersonCommand, config: Option<PathBuf>) -> Result<Report> {
        let answer = match command {
            PersonCommand::Schema(Later(args)) => schema::run(&args),
            PersonCommand::Completions(Later(args)) => completions::run(&args, self.called()),
            PersonCommand::Man(Later(args)) => man::run(&args),
            PersonCommand::Help(Later(args)) => help::run(&args, self.page()),
            PersonCommand::List(Later(args)) => {
                return self.with_context(config, |context| list::run(context, &args));
            }
            PersonCommand::Login(Later(args)) => {
                return self.with(&self.config(config)?, |context| login::run(context, *args));
            }
            PersonCommand::Refresh(Later(args)) => {
                return self.with_context(config, |context| refresh::run(context, &args));
            }
            PersonCommand::Cache(Later(args)) => {
                return self.with(&self.config(config)?, |context| commands::cache::run(context, &args));
            }
            PersonCommand::Logout(Later(args)) => self.with_context(config, |context| logout::run(context, &args)),
            PersonCommand::Trust(Later(args)) => self.with_context(config, |context| trust::run(context, &args)),
            PersonCommand::Doctor(Later(args)) => {
                return match self.config(config) {
                    Ok(config) => self.with(&config, |context| doctor::run(context, &args)),
                    Err(error) => {
                        let screen = Screen::new((self.stdout)(), self.variables, false);
                        Ok(doctor::without_configuration(&error, &args, screen))
                    }
                };
            }
            PersonCommand::Setup(Later(args)) => self.set_up(config, &args),
        };
        answer.map(Report::from)
    }

    fn set_up(&self, config: Option<PathBuf>, args: &SetupArgs) -> Result<Answer> {
        let Self { variables, program, .. } = *self;
        let process = setup::Process { variables, called: self.called(), program, config_file: config.clone() };
        self.with(&self.config(config)?, |context| setup::run(context, &process, args))
    }

    fn with_context<T>(&self, config: Option<PathBuf>, run: impl FnOnce(&Context<'_>) -> Result<T>) -> Result<T> {
        self.with(&Config::load_present(&places(self.variables, config))?, run)
    }

    /// For who makes the file, or says what is wrong with it.
    fn config(&self, named: Option<PathBuf>) -> Result<Config> {
        Config::load(&places(self.variables, named))
    }

    /// How the program was called.
    fn called(&self) -> &OsStr {
        self.args.first().map_or(OsStr::new(""), OsString::as_os_str)
    }

    /// Where a text for people is shown.
    fn page(&self) -> Screen {
        Screen::new((self.stdout)(), self.variables, false)
    }

    fn with<T>(&self, config: &Config, run: impl FnOnce(&Context<'_>) -> Result<T>) -> Result<T> {
        let Self { variables, stdout, clock, terminal, warnings, trail, .. } = *self;
        let (cache, clients) =
            (&Cache::new(config.cache_dir(), Vault::new(config.protection().clone())), &Clients::default());
        run(&Context { config, cache, clock, terminal, variables, stdout, warnings, trail, clients })
    }
}

/// Where the user wants the files to be.
fn places(variables: Variables<'_>, named: Option<PathBuf>) -> Places {
    let place = |name| variables(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let config_file = named.or_else(|| place("VB365_HELPER_CONFIG"));
    Places {
        config_file,
        cache_dir: place("VB365_HELPER_CACHE_DIR"),
        protection: variables("VB365_HELPER_PROTECTION").filter(|value| !value.is_empty()),
        key_file: place("VB365_HELPER_KEY_FILE"),
    }
}

/// `error` with the configuration `file` that a flag named in each command of its hint that would look at
/// another one without it.
fn naming(error: Error, file: Option<&Path>) -> Error {
    let Some((hint, file)) = error.hint().zip(file.and_then(Path::to_str)) else { return error };
    let mut pieces = hint.split(CALL);
    let mut named = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        named += CALL;
        let command = piece.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
        if CONFIGURED.contains(&command) {
            named += &format!("--config {} ", shell::sh(&[file]));
        }
        named += piece;
    }
    error.with_hint(named)
}

fn document(speaks_json: bool) -> Failure {
    speaks_json.then_some(native::error)
}

fn write_answer(answer: &Answer, stdout: &mut dyn Write) -> Result<()> {
    let written = stdout.write_all(answer.expose()).and_then(|()| stdout.flush());
    written.map_err(|error| Error::new(Kind::Internal, format!("the answer cannot be written to stdout: {error}")))
}

fn write_error(error: &Error, failure: Failure, stdout: &mut dyn Write, stderr: &mut dyn Write) -> u8 {
    say(stderr, &error.to_string());
    if let Some(hint) = error.hint() {
        say(stderr, &format!("hint: {hint}"));
    }
    if let Some(failure) = failure {
        // A caller that closed its end still gets the exit code.
        let _ = stdout.write_all(failure(error).expose()).and_then(|()| stdout.flush());
    }
    error.kind().exit_code()
}

/// One line to stderr; where that is closed, nobody is there to be told.
fn say(stderr: &mut dyn Write, words: &str) {
    let _ = stderr.write_all(format!("vb365-helper: {words}\n").as_bytes());
}
