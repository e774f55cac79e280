//! Arguments of `setup`.

use clap::{Args, ValueEnum};

use super::server;
use crate::credential::{Origin, Tenant};

const ABOUT: &str = "\
    Prints how a caller is told to ask this program for tokens, ready to paste, or \
    puts it into your files with --write: every other byte of them stays, and a \
    second run changes nothing.";
const EXAMPLES: &str = "\
Examples:
  # A command line for curl, to copy
  vb365-helper setup curl
  # A user in the kubeconfig, with several tenants configured
  vb365-helper setup kubectl abc.onmicrosoft.com --write
  # Terraform's credentials helper
  vb365-helper setup terraform --write";

/// Arguments of `setup`.
#[derive(Args, Debug)]
#[command(long_about = ABOUT, after_long_help = EXAMPLES)]
pub struct SetupArgs {
    /// Who is to call
    #[arg(value_enum)]
    pub caller: CallerArg,
    /// The tenant, as in abc.onmicrosoft.com [default: the only one configured; for cron and task-scheduler, all]
    pub tenant: Option<Tenant>,
    /// Which of the tenant's configured servers
    #[arg(long, value_name = "URL", value_parser = server)]
    pub server: Option<Origin>,
    /// Write it to your files; what is changed is kept beside as FILE.vb365-backup
    #[arg(long)]
    pub write: bool,
    /// Replace what stands in its place, too
    #[arg(long, requires = "write")]
    pub force: bool,
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
    /// A line for the crontab that keeps sign-ins alive
    Cron,
    /// A task of Windows that keeps sign-ins alive
    TaskScheduler,
}

impl CallerArg {
    /// The name on the command line.
    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}
