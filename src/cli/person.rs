//! Arguments of the commands that people call.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::duration;
use crate::credential::{ApiVersion, Fingerprint, Origin, Tenant};

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
