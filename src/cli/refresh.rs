//! Arguments of `refresh`.

use std::time::Duration;

use clap::Args;

use super::duration;
use crate::credential::Tenant;

const ABOUT: &str = "\
    Renews the tokens of both systems ahead of time, many tenants at once, so that \
    sign-ins live on: Microsoft's refresh token dies when it is not used for 90 days. \
    It never asks a person and hands out no token. One tenant's failure stops no \
    other; the exit code is 3 if any needs a person, else that of the first failure.";
const EXAMPLES: &str = "\
Examples:
  # Everything, from a timer: setup systemd, cron and task-scheduler make one
  vb365-helper refresh --all
  # Only sign-ins that would end within a month
  vb365-helper refresh --all --due-within 30d
  # Thousands of tenants, eight at a time, for a program
  vb365-helper refresh --all --jobs 8 --json";

/// Arguments of `refresh`.
#[derive(Args, Debug)]
#[command(long_about = ABOUT, after_long_help = EXAMPLES)]
pub struct RefreshArgs {
    /// The tenants, as in abc.onmicrosoft.com
    #[arg(value_name = "TENANT", required_unless_present = "all", conflicts_with = "all")]
    pub tenants: Vec<Tenant>,
    /// Every tenant of whom anything is kept
    #[arg(long)]
    pub all: bool,
    /// Only sign-ins that would end within this time if nothing were renewed, as in 30d
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub due_within: Option<Duration>,
    /// How many tenants are renewed at once
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=32))]
    pub jobs: u8,
    /// How long all of it may take
    #[arg(long, value_name = "DURATION", default_value = "30m", value_parser = duration)]
    pub timeout: Duration,
    /// Text alone: nothing that moves
    #[arg(long)]
    pub plain: bool,
    /// As a JSON document
    #[arg(long)]
    pub json: bool,
}
