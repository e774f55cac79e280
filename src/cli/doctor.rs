//! Arguments of `doctor`.

use std::time::Duration;

use clap::Args;

use super::duration;
use crate::credential::Tenant;

/// Arguments of `doctor`.
#[derive(Args, Debug)]
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
