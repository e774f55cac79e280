//! Arguments of `logout`.

use clap::Args;

use super::server;
use crate::credential::{Origin, Tenant};

const ABOUT: &str = "\
    Erases everything that is kept for the tenant on this machine, and ends the \
    access tokens at their servers, as far as these can be told (v7 and later). \
    Microsoft's sign-in ends only in Entra.";
const EXAMPLES: &str = "\
Examples:
  # Everything of a tenant
  vb365-helper logout abc.onmicrosoft.com
  # One server's tokens alone
  vb365-helper logout abc.onmicrosoft.com \\
    --server https://vb365.abc.local:4443";

/// Arguments of `logout`.
#[derive(Args, Debug)]
#[command(long_about = ABOUT, after_long_help = EXAMPLES)]
pub struct LogoutArgs {
    /// The tenant, as in abc.onmicrosoft.com
    pub tenant: Tenant,
    /// Only the tokens of this server
    #[arg(long, value_name = "URL", value_parser = server)]
    pub server: Option<Origin>,
}
