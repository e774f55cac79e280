//! `setup`: how a caller is wired to this program, to paste or, with `--write`, in the user's files. What
//! is printed and what is written come of one `Wiring`, so that they cannot differ. No secret is
//! ever read for it.

mod ansible;
mod cron;
mod curl;
mod edit;
mod hcl;
mod kubeconfig;
mod kubectl;
mod powershell;
mod program;
mod systemd;
mod task_scheduler;
mod terraform;
mod yaml;

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use self::edit::{Edit, Plan};
use super::{Answer, Context};
use crate::cli::{CallerArg, SetupArgs};
use crate::config::Config;
use crate::credential::{Origin, Settings, Tenant};
use crate::error::{Error, Kind, Result};
use crate::protocol::Variables;
use crate::secret::Secret;
use crate::shell;
use crate::text::in_a_row;

/// What of the process the wiring depends on.
pub struct Process<'a> {
    /// The environment, which says where callers have their files.
    pub variables: Variables<'a>,
    /// The name that the program was called by.
    pub called: &'a OsStr,
    /// Where the system says that the program is.
    pub program: &'a dyn Fn() -> io::Result<PathBuf>,
    /// The configuration file that this call named, which callers will have to name too.
    pub config_file: Option<PathBuf>,
}

/// Everything that wires one caller.
struct Wiring {
    /// In the order in which it is printed, and written.
    pieces: Vec<Piece>,
    /// What a person does then.
    next: Vec<String>,
}

/// What belongs to one place.
struct Piece {
    /// What it is, in lines for a person.
    about: Vec<String>,
    /// What stands there then.
    text: String,
    /// Who puts it there; nobody where a person has to choose the place.
    edits: Vec<Edit>,
}

/// The one table of callers.
fn wiring_of(caller: CallerArg) -> fn(&Desk<'_>) -> Result<Wiring> {
    match caller {
        CallerArg::Kubectl => kubectl::wiring,
        CallerArg::Terraform => terraform::wiring,
        CallerArg::Powershell => powershell::wiring,
        CallerArg::Curl => curl::wiring,
        CallerArg::Ansible => ansible::wiring,
        CallerArg::Systemd => systemd::wiring,
        CallerArg::Cron => cron::wiring,
        CallerArg::TaskScheduler => task_scheduler::wiring,
    }
}

/// Prints the wiring of a caller, or writes it.
///
/// # Errors
/// Kind `bad_request`: it cannot be written. Kind `config`: no tenant or server, or a file that cannot
/// be read or changed; that file is then as it was.
pub fn run(context: &Context<'_>, process: &Process<'_>, args: &SetupArgs) -> Result<Answer> {
    let desk = Desk::new(context.config, process, args)?;
    let meant = |error| match &args.tenant {
        Some(tenant) => context.meant(error, tenant),
        None => error,
    };
    let wiring = wiring_of(args.caller)(&desk).map_err(meant)?;
    let text = if args.write { wiring.write(context, &desk)? } else { wiring.printed() };
    Ok(Secret::new(text.into_bytes()))
}

impl Wiring {
    fn printed(&self) -> String {
        let piece = |piece: &Piece| {
            let about: String = piece.about.iter().map(|line| format!("# {line}\n")).collect();
            about + &piece.text
        };
        let pieces: Vec<_> = self.pieces.iter().map(piece).collect();
        let next: String = self.next.iter().map(|line| format!("# {line}\n")).collect();
        format!("{}\n{next}", pieces.join("\n"))
    }

    /// Every file is looked at before the first is changed.
    fn write(&self, context: &Context<'_>, desk: &Desk<'_>) -> Result<String> {
        let edits = || self.pieces.iter().flat_map(|piece| &piece.edits);
        let caller = desk.args.caller.name();
        if edits().next().is_none() {
            return Err(Error::new(Kind::BadRequest, format!("there is no file to write for {caller}"))
                .with_hint(format!("vb365-helper setup {caller} prints what to paste")));
        }
        let hint = format!("vb365-helper setup {caller} prints what to put there by hand");
        let plans: Vec<Plan<'_>> = edits().map(|edit| edit.plan(desk.args.force, &hint)).collect::<Result<_>>()?;
        let mut done = String::new();
        for plan in plans {
            let changed = plan.carry_out(context.clock);
            done += &changed.inspect_err(|_| done.lines().for_each(|line| context.warnings.add(line)))?;
        }
        let next: String = self.next.iter().map(|line| format!("{line}\n")).collect();
        Ok(done + &next)
    }
}

/// What the wirings are made of.
struct Desk<'a> {
    config: &'a Config,
    variables: Variables<'a>,
    args: &'a SetupArgs,
    /// The absolute path of this program.
    program: String,
    /// The configuration file that callers have to name.
    config_file: Option<String>,
}

impl<'a> Desk<'a> {
    fn new(config: &'a Config, process: &Process<'a>, args: &'a SetupArgs) -> Result<Self> {
        let unknown =
            |error: io::Error| Error::new(Kind::Config, format!("this program cannot tell where it is: {error}"));
        let own = (process.program)().map_err(unknown)?;
        let config_file = process.config_file.as_deref().map(std::path::absolute).transpose().map_err(unknown)?;
        Ok(Self {
            config,
            variables: process.variables,
            args,
            program: text(&program::stable_path(process.called, process.variables, own))?,
            config_file: config_file.as_deref().map(text).transpose()?,
        })
    }

    /// The tenant named, else the only one that is configured.
    fn tenant(&self) -> Result<Tenant> {
        let configured: Vec<_> = self.config.tenants().collect();
        match (&self.args.tenant, &configured[..]) {
            (Some(tenant), _) => Ok(tenant.clone()),
            (None, [only]) => Ok((*only).clone()),
            (None, []) => Err(Error::new(Kind::Config, "no tenant is configured")
                .with_hint("vb365-helper login TENANT --server https://HOST:4443")),
            (None, several) => {
                let names = in_a_row(several.iter().map(|tenant| tenant.as_str()));
                let caller = self.args.caller.name();
                Err(Error::new(Kind::Config, format!("several tenants are configured: {names}"))
                    .with_hint(format!("vb365-helper setup {caller} TENANT")))
            }
        }
    }

    /// The server that the tenant's tokens are for.
    fn server(&self, settings: &Settings) -> Result<Origin> {
        let tenant = &settings.tenant;
        let error = |message: String, server: &str| {
            let hint = format!("vb365-helper login {tenant} --server {server}");
            Err(Error::new(Kind::Config, message).with_hint(hint))
        };
        match (&self.args.server, settings.servers.first()) {
            (Some(asked), _) if settings.servers.contains(asked) => Ok(asked.clone()),
            (Some(asked), _) => error(format!("{asked} is no configured server of {tenant}"), asked.as_str()),
            (None, Some(first)) => Ok(first.clone()),
            (None, None) => error(format!("no server is configured for {tenant}"), "https://HOST:4443"),
        }
    }

    /// Checks that no server is named where none is called.
    fn no_server(&self) -> Result<()> {
        match self.args.server {
            Some(_) => {
                Err(Error::new(Kind::BadRequest, format!("--server does not go with {}", self.args.caller.name()))
                    .with_hint("vb365-helper setup --help"))
            }
            None => Ok(()),
        }
    }

    /// The arguments of a `get` for `settings`' tenant.
    fn get(&self, settings: &Settings) -> Result<Vec<String>> {
        let mut args = vec!["get".to_owned(), settings.tenant.key().to_owned()];
        if self.args.server.is_some() {
            args.extend(["--server".to_owned(), self.server(settings)?.to_string()]);
        }
        args.extend(self.config_flag());
        Ok(args)
    }

    /// The command that renews the tenant named, or all.
    fn refresh(&self) -> Vec<String> {
        let whom = self.args.tenant.as_ref().map_or_else(|| "--all".to_owned(), |tenant| tenant.key().to_owned());
        let words = [self.program.clone()].into_iter().chain(self.config_flag());
        words.chain(["refresh".to_owned(), whom]).collect()
    }

    fn config_flag(&self) -> Vec<String> {
        self.config_file.iter().flat_map(|path| ["--config".to_owned(), path.clone()]).collect()
    }

    /// A path that the environment names.
    fn place(&self, variable: &str) -> Option<PathBuf> {
        (self.variables)(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
    }

    /// A directory of the XDG specification, by which one that is not absolute is not set.
    fn xdg(&self, variable: &str) -> Option<PathBuf> {
        self.place(variable).filter(|dir| dir.is_absolute())
    }

    /// The home directory, as callers find it.
    fn home(&self) -> Result<PathBuf> {
        let variable = if cfg!(windows) { "USERPROFILE" } else { "HOME" };
        self.place(variable)
            .filter(|home| home.is_absolute())
            .ok_or_else(|| Error::new(Kind::Config, format!("there is no home directory: {variable} is not set")))
    }
}

/// `path` as files of text have it.
fn text(path: &Path) -> Result<String> {
    let text = path.to_str().filter(|text| !text.chars().any(char::is_control));
    text.map(str::to_owned)
        .ok_or_else(|| Error::new(Kind::Config, format!("the path {} cannot stand in a file of text", path.display())))
}
