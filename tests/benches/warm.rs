//! `get` where a token is kept: what nearly every call is. In each protocol, among many tenants, and with sealed files.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::bench::Bench;
use super::case::Case;
use super::floors::{self, Floor};
use super::programs::Program;
use super::support::{Machine, TENANT};
use super::user::{command, crowded, is_from, tenant};

/// What client-go says.
pub const EXEC_INFO: &str =
    r#"{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","spec":{"interactive":false}}"#;

/// Every protocol that needs no request on stdin, and how it is asked.
pub const PROTOCOLS: [(&str, &[&str]); 4] = [
    ("native", &["get", TENANT]),
    ("kubernetes", &["get", TENANT, "--protocol", "kubernetes"]),
    ("token", &["get", TENANT, "--protocol", "token"]),
    ("header", &["get", TENANT, "--protocol", "header"]),
];

/// Those who ask.
struct Users {
    plain: Machine,
    sealed: Machine,
    /// With the tables of 1,000 tenants in the configuration.
    configured: Machine,
    /// By how many tenants there are.
    crowded: [(&'static str, TempDir); 2],
}

/// Every kind of call, of each program, beside the least that a process costs.
pub fn run(bench: &Bench) {
    let plain = Machine::signed_in();
    let crowded = [("1,000", crowded(&plain, 1000)), ("100,000", crowded(&plain, 100_000))];
    let users = Users { sealed: sealed(), configured: configured(), plain, crowded };
    let mut cases: Vec<_> = bench.floors.iter().map(Floor::case).collect();
    for program in &bench.programs {
        cases.extend(of_program(program, floors::of(program), &users));
    }
    bench.table("warm: get, answered from the cache", bench.rounds, cases);
}

/// Every kind of call of `program`.
fn of_program<'a>(program: &'a Program, floor: &str, users: &'a Users) -> Vec<Case<'a>> {
    let named = |what: &str| format!("{}: {what}", program.name);
    let mut cases = Vec::new();
    for (protocol, args) in PROTOCOLS {
        let call = move || asked(&users.plain, &program.path, args);
        cases.push(Case::call(named(protocol), call).than(floor));
    }
    let by_json = move || command(&users.plain, &program.path, &["get"]);
    let request = format!("{{\"version\":1,\"tenant\":\"{TENANT}\"}}");
    cases.push(Case::call(named("native, JSON on stdin"), by_json).stdin(request).than(floor));
    let native = PROTOCOLS[0].1;
    for (tenants, dir) in &users.crowded {
        let call = move || {
            let mut command = command(&users.plain, &program.path, native);
            command.env("VB365_HELPER_CACHE_DIR", dir.path());
            command
        };
        let name = named(&format!("native, one of {tenants}"));
        cases.push(Case::call(name, call).check(|stdout| is_from("cache", stdout)).than(named("native")));
    }
    for (what, user) in [("1,000 configured", &users.configured), ("sealed by key_file", &users.sealed)] {
        let call = move || command(user, &program.path, native);
        let case = Case::call(named(&format!("native, {what}")), call).check(|stdout| is_from("cache", stdout));
        cases.push(case.than(named("native")));
    }
    cases
}

/// A call with what client-go sets.
pub fn asked(machine: &Machine, program: &Path, args: &[&str]) -> Command {
    let mut command = command(machine, program, args);
    if args.contains(&"kubernetes") {
        command.env("KUBERNETES_EXEC_INFO", EXEC_INFO);
    }
    command
}

/// A user who looks after many tenants.
fn configured() -> Machine {
    let machine = Machine::signed_in();
    let path = machine.home().join("config.toml");
    let own = fs::read_to_string(&path).unwrap();
    let table = |number| {
        let name = tenant(number);
        format!("[tenants.\"{name}\"]\nserver = \"https://vb365.{name}:4443\"\napi_version = \"v8\"\n\n")
    };
    let others: String = (1..1000).map(table).collect();
    fs::write(&path, format!("{others}{own}")).unwrap();
    machine
}

/// A user whose tokens are sealed.
fn sealed() -> Machine {
    let machine = Machine::signed_in();
    let key = machine.home().join("one.key");
    fs::write(&key, [7; 32]).unwrap();
    let outcome = machine.run_raw(&["cache", "protect", "key_file", "--key-file", key.to_str().unwrap()]);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    machine
}
