//! Commands about many tenants: what a provider with thousands of customers runs.

use std::cell::Cell;
use std::fs;
use std::time::Duration;

use serde_json::Value;

use super::bench::Bench;
use super::case::Case;
use super::support::server::Options;
use super::support::{HOUR, Machine, TENANT, ago};
use super::user::{command, entry, tenant};

const LISTED: usize = 10_000;
const REFRESHED: usize = 1000;
/// How long each answer of the sandbox takes.
const LATENCY: Duration = Duration::from_millis(5);

/// `list` and `refresh`.
pub fn run(bench: &Bench) {
    let rounds = (bench.rounds / 20).max(3);
    let machine = Machine::signed_in();
    fill(&machine, LISTED);
    let mut cases = Vec::new();
    for program in &bench.programs {
        for args in [&["list"][..], &["list", "--json"]] {
            let call = || command(&machine, &program.path, args);
            let name = format!("{}: {}", program.name, args.join(" "));
            cases.push(Case::call(name, call).check(|stdout| stdout.len() > LISTED * TENANT.len()).uncounted());
        }
    }
    bench.table("many: 10,000 tenants", rounds, cases);
    refresh(bench);
}

/// Each number of jobs beside the time that its requests would take if nothing else did.
fn refresh(bench: &Bench) {
    let machine = Machine::with(Options { latency: LATENCY, ..Options::default() });
    machine.sign_in(TENANT);
    let requests = Cell::new((0, 0));
    let (machine, requests, path) = (&machine, &requests, &bench.programs[0].path);
    let asked = || machine.sandbox.requests("entra_token") + machine.sandbox.requests("veeam_token");
    let mut cases = Vec::new();
    for jobs in ["4", "16", "32"] {
        let ideal = format!("the ideal for {jobs} jobs");
        let call = move || command(machine, path, &["refresh", "--all", "--jobs", jobs]);
        let before = move || {
            age(machine);
            requests.set((asked(), 0));
        };
        let check = move |_: &[u8]| {
            requests.set((requests.get().0, asked() - requests.get().0));
            requests.get().1 >= REFRESHED
        };
        let case = Case::call(format!("refresh --all --jobs {jobs}"), call).before(before).check(check);
        cases.push(case.uncounted().than(ideal.clone()));
        let of_jobs = jobs.parse::<u32>().unwrap();
        cases.push(Case::timed(ideal, move || LATENCY * u32::try_from(requests.get().1).unwrap() / of_jobs));
    }
    bench.table("many: 1,000 tenants, each answer after 5 ms", 3, cases);
    machine.assert_no_complaints();
}

/// Makes `count` tenants out of the one who signed in.
fn fill(machine: &Machine, count: usize) {
    let names: Vec<_> = (1..count).map(tenant).collect();
    machine.configure(&names.iter().map(String::as_str).chain([TENANT]).collect::<Vec<_>>());
    let mut entry = entry(machine);
    for name in names {
        entry["tenant"] = name.as_str().into();
        keep(machine, &name, &entry);
    }
}

/// Gives all tenants tokens of two hours ago that can be renewed.
fn age(machine: &Machine) {
    let names: Vec<_> = (1..REFRESHED).map(tenant).chain([TENANT.to_owned()]).collect();
    machine.configure(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let mut entry = entry(machine);
    for name in names {
        entry["tenant"] = name.as_str().into();
        let response: Value = serde_json::from_str(&machine.sandbox.token_response()).unwrap();
        entry["entra"][0]["token_response"] = response;
        for record in ["entra", "veeam"] {
            entry[record][0]["obtained_at"] = ago(2 * HOUR).into();
            entry[record][0]["access_expires_at"] = ago(HOUR).into();
        }
        keep(machine, &name, &entry);
    }
}

/// Writes the file of a tenant, with the rights that the program gives it.
fn keep(machine: &Machine, name: &str, entry: &Value) {
    let path = machine.cache_dir().join(format!("{name}.json"));
    if !path.exists() {
        fs::copy(machine.cache_file(), &path).unwrap();
    }
    fs::write(path, entry.to_string()).unwrap();
}
