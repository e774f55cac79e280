//! The program as its callers run it, with the files of a user of the tests' own.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::floors::temporary;
use super::support::{Machine, TENANT};

/// `program` in the home of `machine`, and with nothing of this process's environment.
pub fn command(machine: &Machine, program: &Path, args: &[&str]) -> Command {
    let own = machine.command(args);
    let mut command = Command::new(program);
    command.args(args).env_clear().current_dir(machine.home());
    command.envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command
}

/// Whether the program answered a token in its own protocol, and where it had it from.
pub fn is_from(source: &str, stdout: &[u8]) -> bool {
    serde_json::from_slice::<Value>(stdout).is_ok_and(|answer| answer["source"] == source)
}

/// What is kept for the tenant that signed in.
pub fn entry(machine: &Machine) -> Value {
    serde_json::from_slice(&machine.kept().expect("somebody signed in")).unwrap()
}

/// A cache with many tenants, the one that signed in among them. The others' files are links: nobody looks into them.
pub fn crowded(machine: &Machine, tenants: usize) -> TempDir {
    // A file system has a limit for the links to a file.
    const LINKS: usize = 10_000;
    let dir = TempDir::new_in(temporary()).unwrap();
    let path = |number: usize| dir.path().join(format!("t{number}.{TENANT}.json"));
    for number in 1..tenants {
        let first = number - number % LINKS;
        if number == first.max(1) {
            fs::copy(machine.cache_file(), path(number)).unwrap();
        } else {
            fs::hard_link(path(first.max(1)), path(number)).unwrap();
        }
    }
    fs::copy(machine.cache_file(), dir.path().join(format!("{TENANT}.json"))).unwrap();
    dir
}

/// The name of one tenant of many, each of which the sandbox knows.
pub fn tenant(number: usize) -> String {
    format!("t{number:05}.{TENANT}")
}
