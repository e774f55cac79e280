//! Arguments of `login`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{duration, server};
use crate::credential::{ApiVersion, Fingerprint, Origin, Tenant};

const ABOUT: &str = "\
    Signs a person in and remembers in the configuration what it is told, so that \
    the next time the tenant's name is enough. It shows an address and a code; the \
    sign-in itself happens in a browser, on any device.";
const EXAMPLES: &str = "\
Examples:
  # The first time: name the VB365 server
  vb365-helper login abc.onmicrosoft.com --server https://vb365.abc.local:4443
  # Again, after Microsoft ended the sign-in
  vb365-helper login abc.onmicrosoft.com
  # Every tenant that needs a person, one after the other
  vb365-helper login --from-config --due
  # The server spells the organization another way
  vb365-helper login abc.onmicrosoft.com --organization Abc.onmicrosoft.com
  # A tenant of a national cloud
  vb365-helper login abc.onmicrosoft.us \\
    --authority https://login.microsoftonline.us";

/// Arguments of `login`.
#[derive(Args, Debug)]
#[command(long_about = ABOUT, after_long_help = EXAMPLES)]
pub struct LoginArgs {
    /// The tenants, as in abc.onmicrosoft.com; several sign in one after the other
    #[arg(value_name = "TENANT", required_unless_present = "from_config")]
    pub tenants: Vec<Tenant>,
    /// Every tenant of the configuration
    #[arg(long)]
    pub from_config: bool,
    /// Only those that cannot be renewed without a person
    #[arg(long)]
    pub due: bool,
    /// The VB365 server: https, its name, and its port (4443 as a rule)
    #[arg(long, value_name = "URL", value_parser = server)]
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
    /// Open the page in the browser
    #[arg(long)]
    pub browser: bool,
    /// Show no QR code
    #[arg(long)]
    pub no_qr: bool,
    /// Text alone, as for a screen reader: no colour, no QR code, nothing that moves
    #[arg(long)]
    pub plain: bool,
    /// Write the tenant's entry to stdout, as `list --json` has it; with several tenants, --from-config or
    /// --due, a document with an entry or an error for each
    #[arg(long)]
    pub json: bool,
}
