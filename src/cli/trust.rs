//! Arguments of `trust`.

use clap::Args;

use super::server;
use crate::credential::{Fingerprint, Origin, Tenant};

const ABOUT: &str = "\
    Shows the certificate of a VB365 server and, if no root vouches for it, asks \
    whether to trust exactly this one: its SHA-256 is then written into the \
    configuration. Compare it with what the server itself shows.";
const EXAMPLES: &str = "\
Examples:
  # Look, compare, and say yes
  vb365-helper trust https://vb365.abc.local:4443
  # Without a question, for a script that knows the SHA-256
  vb365-helper trust https://vb365.abc.local:4443 --pin-sha256 \\
    9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

/// Arguments of `trust`.
#[derive(Args, Debug)]
#[command(long_about = ABOUT, after_long_help = EXAMPLES)]
pub struct TrustArgs {
    /// The VB365 server, as the configuration names it
    #[arg(value_name = "URL", value_parser = server)]
    pub server: Origin,
    /// Only for this tenant [default: for all that have the server]
    #[arg(long, value_name = "TENANT")]
    pub tenant: Option<Tenant>,
    /// SHA-256 of the certificate that the server must show: then nothing is asked
    #[arg(long = "pin-sha256", value_name = "HEX")]
    pub pin: Option<Fingerprint>,
    /// Text alone, as for a screen reader
    #[arg(long)]
    pub plain: bool,
}
