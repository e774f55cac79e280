//! Arguments of `list`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::duration;
use crate::credential::Tenant;

const ABOUT: &str = "\
    Shows for each tenant, kept or configured, whose sign-in it is, for which servers \
    and how long it lasts; what needs attention first. Never a token. Nobody is asked. \
    What Terraform gave to be kept stands at the end, by host alone; it is forgotten \
    with vb365-helper forget HOST --protocol terraform.";
const EXAMPLES: &str = "\
Examples:
  # What there is
  vb365-helper list
  # Who has to sign in within a week, one name a line
  vb365-helper list --due-within 7d --quiet
  # For a monitor: exit code 3 if a tenant needs a person
  vb365-helper list --quiet --fail-on login_required
  # The same a week before, for two tenants
  vb365-helper list --due-within 7d --fail-on due,damaged abc.com def.com
  # For node-exporter's textfile collector
  vb365-helper list --prometheus --output /var/lib/node_exporter/vb365.prom";

/// Arguments of `list`.
#[derive(Args, Debug)]
#[command(long_about = ABOUT, after_long_help = EXAMPLES)]
pub struct ListArgs {
    /// Only these tenants, whether anything is kept of them or not
    #[arg(value_name = "TENANT")]
    pub tenants: Vec<Tenant>,
    /// Only tenants in this state; may be repeated
    #[arg(long = "state", value_enum, value_name = "STATE", value_delimiter = ',')]
    pub states: Vec<StateArg>,
    /// Only tenants that need a sign-in within this time unless something is renewed before, as in 7d, and
    /// damaged ones, of whom nobody can tell
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub due_within: Option<Duration>,
    /// Everything there is to say about each tenant
    #[arg(long, conflicts_with_all = ["json", "quiet", "prometheus"])]
    pub wide: bool,
    /// Names only, one a line
    #[arg(long, short, conflicts_with_all = ["json", "prometheus"])]
    pub quiet: bool,
    /// As a JSON document
    #[arg(long, conflicts_with = "prometheus")]
    pub json: bool,
    /// As metrics, in the text format of Prometheus
    #[arg(long)]
    pub prometheus: bool,
    /// Replace this file by the metrics as a whole, as a textfile collector wants it
    #[arg(long, value_name = "FILE", requires = "prometheus", conflicts_with_all = ["json", "quiet", "wide"])]
    pub output: Option<PathBuf>,
    /// End with the exit code of the state if a tenant that is listed is in it (3 or 7); may be repeated
    #[arg(long, value_enum, value_name = "STATE", value_delimiter = ',', requires_if("due", "due_within"))]
    pub fail_on: Vec<FailOnArg>,
}

/// The state of a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum StateArg {
    /// A token is at hand
    Valid,
    /// The next call renews it without a person
    Renewable,
    /// A person has to sign in
    LoginRequired,
    /// The entry cannot be read
    Damaged,
}

/// The state of a tenant that somebody has to see to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum FailOnArg {
    /// A person has to sign in: exit code 3
    LoginRequired,
    /// A person has to within the time of --due-within: exit code 3
    Due,
    /// The entry cannot be read: exit code 7
    Damaged,
}
