//! Each rung of the ladder against the sandbox, beside the same requests by curl.

use std::fs;

use super::bench::Bench;
use super::case::Case;
use super::curl::Curl;
use super::meters::find;
use super::programs::Program;
use super::support::server::Options;
use super::support::{Machine, TENANT};
use super::user::{command, is_from};

/// The sandbox's certificate, in a user's home.
pub const CA_FILE: &str = "sandbox.pem";

/// As answers name them.
const RUNGS: [&str; 4] = ["cache", "veeam_refresh", "exchange", "entra_refresh"];

/// Over http, and over TLS with a `ca_file`.
pub fn run(bench: &Bench) {
    for (title, tls) in [("rungs: get against a server, over http", false), ("rungs: get, over TLS", true)] {
        // Each rung has a user of its own, whose tokens the others do not end.
        let machines = RUNGS.map(|_| signed_in(tls));
        let curls = curls(bench, &machines);
        let mut cases = Vec::new();
        for (at, rung) in RUNGS.into_iter().enumerate() {
            if let Some(curl) = curls.get(at).filter(|_| rung != "cache") {
                let call = Case::call(format!("curl: {rung}"), move || curl.command(rung));
                cases.push(call.before(move || curl.prepare(rung)).check(|stdout| stdout.ends_with(b"}")));
            }
            cases.extend(bench.programs.iter().map(|program| of_program(program, &machines[at], rung)));
        }
        bench.table(title, bench.rounds, cases);
        machines.iter().for_each(Machine::assert_no_complaints);
    }
}

fn of_program<'a>(program: &'a Program, machine: &'a Machine, rung: &'static str) -> Case<'a> {
    let call = move || command(machine, &program.path, &["get", TENANT, "--interactive", "never"]);
    let case = Case::call(format!("{}: {rung}", program.name), call).before(move || spoil(machine, rung));
    case.check(move |stdout| is_from(rung, stdout)).than(format!("curl: {rung}"))
}

/// Lets nothing be left above `rung`.
pub fn spoil(machine: &Machine, rung: &str) {
    if rung == "veeam_refresh" {
        machine.expire_veeam(TENANT);
    }
    if rung == "entra_refresh" {
        machine.expire_entra(TENANT);
    }
    if ["exchange", "entra_refresh"].contains(&rung) {
        machine.change_entry(TENANT, |entry| {
            entry.as_object_mut().unwrap().remove("veeam");
        });
    }
}

/// Somebody who signed in to a sandbox of their own.
fn signed_in(tls: bool) -> Machine {
    let machine = Machine::with(Options { tls, ..Options::default() });
    if let Some(pem) = machine.sandbox.certificate_pem() {
        fs::write(machine.home().join(CA_FILE), pem).unwrap();
        let config = fs::read_to_string(machine.home().join("config.toml")).unwrap();
        machine.write_config(&format!("{config}ca_file = \"{CA_FILE}\"\n"));
    }
    machine.sign_in(TENANT);
    machine
}

fn curls<'a>(bench: &Bench, machines: &'a [Machine]) -> Vec<Curl<'a>> {
    let Some(program) = find(&format!("curl{}", std::env::consts::EXE_SUFFIX)) else {
        bench.miss("the same requests (curl)");
        return Vec::new();
    };
    machines.iter().map(|machine| Curl::new(&program, machine)).collect()
}
