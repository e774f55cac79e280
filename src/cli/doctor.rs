//! Arguments of `doctor`.

use std::time::Duration;

use clap::Args;

use super::duration;
use crate::credential::Tenant;

const ABOUT: &str = "\
    Looks at everything that a call needs: the configuration, the cache and its locks, \
    the clock, the proxy, certificates, the servers and each sign-in. It says what is \
    wrong and the command that mends it, and changes nothing. The exit code is that of \
    the first failure.";
const EXAMPLES: &str = "\
Examples:
  # Why does it not work?
  vb365-helper doctor
  # One tenant among many
  vb365-helper doctor abc.onmicrosoft.com
  # For a program
  vb365-helper doctor --json";

/// Arguments of `doctor`.
#[derive(Args, Debug)]
#[command(long_about = ABOUT, after_long_help = EXAMPLES)]
pub struct DoctorArgs {
    /// Only what concerns this tenant [default: all that are configured or kept]
    #[arg(value_name = "TENANT")]
    pub tenant: Option<Tenant>,
    /// As a JSON document
    #[arg(long)]
    pub json: bool,
    /// How long servers may take to answer, all together, as in 1m
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "20s")]
    pub timeout: Duration,
}
