//! A sign-in that worked at Microsoft and that no VB365 server has accepted yet: it is alive, and nobody may
//! take it for well.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Answers, HOUR, Machine, ORGANIZATION, TENANT, World, ago, entra, veeam};

/// Somebody who signed in, for an organization that the server spells otherwise.
fn rejected() -> Machine {
    let machine = Machine::new();
    let config = fs::read_to_string(machine.home().join("config.toml")).unwrap();
    machine.write_config(&config.replace(&format!("organization = \"{ORGANIZATION}\""), "organization = \"Abd\""));
    machine.run(&["store", TENANT], machine.sandbox.token_response().as_bytes()).answer();
    machine.get(TENANT, &[]).error("refused");
    machine
}

fn listed(machine: &Machine) -> Value {
    machine.run(&["list", "--json"], b"").answer()["tenants"][0].clone()
}

#[test]
fn it_is_not_listed_as_if_a_token_were_at_hand() {
    let machine = rejected();
    let (tenant, server) = (listed(&machine), machine.sandbox.url());
    assert_eq!(tenant["state"], "renewable");
    assert_eq!(tenant["servers"], json!([{ "server": server, "refreshable": false }]));
    let table = machine.run_raw(&["list"]).stdout;
    let row: Vec<_> = table.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(row[..5], [TENANT, "renewable", "admin@abc.onmicrosoft.com", server.as_str(), "-"]);
    // The sign-in itself is alive.
    assert_eq!(machine.run_raw(&["list", "--fail-on", "login_required,damaged"]).code, 0);
    machine.configure(&[ORGANIZATION]);
    machine.get(TENANT, &[]).answer();
    assert_eq!(listed(&machine)["state"], "valid");
}

#[test]
fn microsofts_own_tokens_are_at_hand_where_no_server_is_to_take_them() {
    let world = World::unconfigured();
    world.configure("");
    world.store_entra("1", 0);
    assert_eq!(world.get(&["--want", "entra"]).answer()["source"], "cache");
    assert_eq!(world.run(&["list", "--json"], b"").answer()["tenants"][0]["state"], "valid");
}

#[test]
fn a_timer_hears_of_it() {
    let machine = rejected();
    let outcome = machine.run_raw(&["refresh", "--all"]);
    assert_eq!((outcome.code, outcome.stdout.lines().next()), (5, Some("renewed 0 tenants; 1 failed")), "{outcome:?}");
    assert!(outcome.stderr.contains(" --organization "), "{outcome:?}");
    // Microsoft's tokens were renewed all the same.
    assert_eq!(machine.get(TENANT, &["--want", "entra"]).document()["source"], "cache");

    machine.configure(&[ORGANIZATION]);
    assert_eq!(machine.run_raw(&["refresh", "--all"]).stdout, "renewed 1 tenant\n");
    assert_eq!(machine.get(TENANT, &[]).document()["source"], "cache");
}

#[test]
fn of_several_servers_the_first_is_tried_and_of_those_that_gave_a_token_all() {
    let mut world = World::unconfigured();
    let url = world.vb365.url();
    world.configure(&format!("servers = [\"{url}\", \"http://127.0.0.1:1\"]\napi_version = \"v8\""));
    world.store(&json!({ "entra": entra("1"), "obtained_at": ago(HOUR / 2) }));
    let renewal = world.entra_refresh("1").answers(&entra("2"));
    let exchange = world.exchange(&entra("2")).answers(&veeam("1"));
    let outcome = world.run_raw(&["refresh", TENANT]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (0, "renewed 1 tenant\n"), "{outcome:?}");
    renewal.assert();
    exchange.assert();
}

#[test]
fn doctor_warns_of_it() {
    let machine = rejected();
    let outcome = machine.run_raw(&["doctor", "--json"]);
    let document = outcome.document();
    let found = document["findings"].as_array().unwrap();
    let token = found.iter().find(|one| one["about"] == ORGANIZATION && one["check"] == "token");
    let hint = format!("vb365-helper refresh {ORGANIZATION}");
    let expected = json!({
        "about": ORGANIZATION, "check": "token", "state": "warning",
        "message": "no server has accepted this sign-in yet", "hint": hint,
    });
    assert_eq!((outcome.code, token), (0, Some(&expected)), "{found:#?}");
}
