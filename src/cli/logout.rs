//! Arguments of `logout`.

use clap::Args;

use crate::credential::{Origin, Tenant};

/// Arguments of `logout`.
#[derive(Args, Debug)]
pub struct LogoutArgs {
    /// The tenant, as in abc.onmicrosoft.com
    pub tenant: Tenant,
    /// Only the tokens of this server
    #[arg(long, value_name = "URL")]
    pub server: Option<Origin>,
}
