//! Arguments of `trust`.

use clap::Args;

use crate::credential::{Fingerprint, Origin, Tenant};

/// Arguments of `trust`.
#[derive(Args, Debug)]
pub struct TrustArgs {
    /// The VB365 server, as the configuration names it
    #[arg(value_name = "URL")]
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
