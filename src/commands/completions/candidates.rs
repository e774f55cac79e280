//! What can stand for a tenant, a server, a schema or a topic. Only names are read: the configuration and
//! the list of the cache's files, never a token.

use std::collections::BTreeSet;
use std::sync::Arc;

use clap::Arg;
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};

use crate::cache::Cache;
use crate::cli;
use crate::commands::{help, schema};
use crate::config::{Config, Places};
use crate::seal::Vault;

/// The command line with what its values can be. An argument says by its name what it takes, and so a new
/// command's are completed too.
pub(super) fn command(places: Places) -> clap::Command {
    let places = Arc::new(places);
    let with = |arg: Arg| with_candidates(arg, &places);
    cli::command().mut_args(with).mut_subcommands(|command| {
        let is_schema = command.get_name() == "schema";
        command.mut_args(|arg| if is_schema { with_schemas(arg) } else { with(arg) })
    })
}

fn with_candidates(arg: Arg, places: &Arc<Places>) -> Arg {
    let value = arg.get_value_names().and_then(|names| names.first()).map(ToString::to_string).unwrap_or_default();
    let places = Arc::clone(places);
    match (value.as_str(), arg.get_id().as_str()) {
        ("TENANT" | "TENANTS", _) => arg.add(ArgValueCandidates::new(move || candidates(tenants(&places)))),
        // That one is Microsoft's.
        ("URL", "authority") => arg,
        ("URL", _) => arg.add(ArgValueCandidates::new(move || candidates(servers(&places)))),
        ("ABOUT", _) => arg.add(ArgValueCandidates::new(|| candidates(help::names()))),
        ("COMMAND", _) => {
            arg.add(ArgValueCandidates::new(|| candidates(cli::commands().into_iter().map(|(name, _)| name))))
        }
        _ => arg,
    }
}

fn with_schemas(arg: Arg) -> Arg {
    if arg.get_id() == "name" {
        arg.add(ArgValueCandidates::new(|| candidates(schema::names().map(str::to_owned))))
    } else {
        arg
    }
}

/// Those of the configuration, and those that have a file.
fn tenants(places: &Places) -> BTreeSet<String> {
    let Ok(config) = Config::load(places) else { return BTreeSet::new() };
    let kept = Cache::new(config.cache_dir(), Vault::default()).tenants().unwrap_or_default();
    config.tenants().chain(&kept).map(|tenant| tenant.key().to_owned()).collect()
}

fn servers(places: &Places) -> BTreeSet<String> {
    let Ok(config) = Config::load(places) else { return BTreeSet::new() };
    config.servers().map(|origin| origin.to_string()).collect()
}

fn candidates(values: impl IntoIterator<Item = String>) -> Vec<CompletionCandidate> {
    values.into_iter().map(CompletionCandidate::new).collect()
}
