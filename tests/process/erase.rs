//! `erase`: local, idempotent, and able to remove what cannot be read.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Answers, HOUR, TENANT, World, closed_port, entra, veeam};

fn erased() -> Value {
    json!({ "version": 1, "tenant": TENANT, "erased": true })
}

fn full_world() -> World {
    let world = World::new();
    world.store_entra("1", 0);
    world.store_veeam("1", 0);
    world
}

#[test]
fn a_tenant_is_forgotten_altogether_and_again_without_complaint() {
    let mut world = full_world();
    let silence = world.silence();
    for args in [["erase", TENANT], ["erase", TENANT], ["forget", TENANT]] {
        assert_eq!(world.run(&args, b"").answer(), erased());
        assert!(!world.cache_file().exists());
    }
    world.get(&[]).error("login_required");
    silence.assert();
}

#[test]
fn erasing_where_there_is_no_cache_makes_none() {
    let world = World::new();
    assert_eq!(world.run(&["erase", TENANT], b"").answer(), erased());
    assert_eq!(world.run(&["erase", "--all"], b"").answer(), json!({ "version": 1, "erased": true }));
    assert!(!world.cache_dir().exists());
}

#[test]
fn a_servers_tokens_are_forgotten_alone() {
    let mut world = full_world();
    assert_eq!(world.run(&["erase", TENANT, "--server", &world.vb365.url()], b"").answer(), erased());
    let exchange = world.exchange(&entra("1")).answers(&veeam("2"));
    world.assert_gave(&world.get(&[]), "2", "exchange", HOUR);
    exchange.assert();
}

#[test]
fn the_tokens_of_another_server_stay() {
    let world = full_world();
    assert_eq!(world.run(&["erase", TENANT, "--server", &closed_port()], b"").answer(), erased());
    world.assert_gave(&world.get(&[]), "1", "cache", HOUR);
}

#[test]
fn without_its_access_tokens_a_tenant_still_renews() {
    let mut world = full_world();
    assert_eq!(world.run(&["erase", TENANT, "--access-only"], b"").answer(), erased());
    let text = String::from_utf8(world.kept().unwrap()).unwrap();
    assert!(!text.contains("-access-"), "{text}");
    let refresh = world.veeam_refresh("1").answers(&veeam("2"));
    world.assert_gave(&world.get(&[]), "2", "veeam_refresh", HOUR);
    refresh.assert();
    let refresh = world.entra_refresh("1").answers(&entra("2"));
    assert_eq!(world.get(&["--want", "entra"]).answer()["source"], "entra_refresh");
    refresh.assert();
}

#[test]
fn one_servers_access_token_is_forgotten_alone() {
    let mut world = full_world();
    let request = json!({ "version": 1, "tenant": TENANT, "server": world.vb365.url(), "access_only": true });
    assert_eq!(world.run(&["erase"], request.to_string().as_bytes()).answer(), erased());
    assert_eq!(world.get(&["--want", "entra"]).answer()["source"], "cache");
    let refresh = world.veeam_refresh("1").answers(&veeam("2"));
    world.assert_gave(&world.get(&[]), "2", "veeam_refresh", HOUR);
    refresh.assert();
}

#[test]
fn a_request_on_stdin_erases_as_well() {
    let world = full_world();
    let outcome = world.run(&["erase"], json!({ "version": 1, "tenant": TENANT }).to_string().as_bytes());
    assert_eq!(outcome.answer(), erased());
    assert!(!world.cache_file().exists());
}

#[test]
fn a_damaged_entry_goes_whatever_was_to_stay() {
    let world = full_world();
    for args in [&["erase", TENANT][..], &["erase", TENANT, "--access-only"], &["erase", "--all"]] {
        fs::write(world.cache_file(), "{\"version\":1,\"entra\":[{\"canary").unwrap();
        assert_eq!(world.run(args, b"").answer()["erased"], true);
        assert!(!world.cache_file().exists(), "{args:?}");
    }
}

#[test]
fn all_is_every_tenant_and_every_token() {
    let world = full_world();
    fs::write(world.cache_dir().join("def.onmicrosoft.com.json"), "canary").unwrap();
    fs::write(world.cache_dir().join("ghi.onmicrosoft.com.json.tmp"), "canary").unwrap();
    assert_eq!(world.run(&["erase", "--all"], b"").answer(), json!({ "version": 1, "erased": true }));
    for file in fs::read_dir(world.cache_dir()).unwrap() {
        let text = fs::read_to_string(file.as_ref().unwrap().path()).unwrap();
        assert!(!text.contains("canary"), "{file:?}");
    }
}

#[test]
fn all_goes_with_nothing_else() {
    let world = full_world();
    let before = world.kept();
    world.run(&["erase", TENANT, "--all"], b"").error("bad_request");
    world.run(&["erase", "--access-only"], b"").error("bad_request");
    assert_eq!(world.kept(), before);
}
