//! `store`: token responses that other programs came by.

use serde_json::{Value, json};

use crate::support::{Answers, HOUR, TENANT, World, ago, assert_ends_in, closed_port, entra, veeam};

fn stored(what: &[&str]) -> Value {
    json!({ "version": 1, "tenant": TENANT, "stored": what })
}

#[test]
fn microsofts_bare_response_is_kept_for_the_exchange() {
    let mut world = World::new();
    let outcome = world.run(&["store", TENANT], entra("1").to_string().as_bytes());
    assert_eq!(outcome.answer(), stored(&["entra"]));
    let exchange = world.exchange(&entra("1")).answers(&veeam("1"));
    world.assert_gave(&world.get(&[]), "1", "exchange", HOUR);
    exchange.assert();
}

#[test]
fn a_servers_bare_response_is_answered_from_the_cache() {
    let world = World::new();
    let outcome = world.run(&["store", TENANT, "--server", &world.vb365.url()], veeam("1").to_string().as_bytes());
    assert_eq!(outcome.answer(), stored(&["veeam"]));
    world.assert_gave(&world.get(&[]), "1", "cache", HOUR);
}

#[test]
fn a_native_request_brings_both_and_says_when_they_came() {
    let world = World::new();
    let request = json!({
        "version": 1,
        "tenant": TENANT,
        "entra": entra("1"),
        "server": world.vb365.url(),
        "veeam": veeam("1"),
        "obtained_at": ago(600),
    });
    let outcome = world.run(&["store"], request.to_string().as_bytes());
    assert_eq!(outcome.answer(), stored(&["entra", "veeam"]));
    world.assert_gave(&world.get(&[]), "1", "cache", HOUR - 600);
    assert_ends_in(&world.get(&["--want", "entra"]).answer()["expires_at"], HOUR - 600);
}

#[test]
fn what_is_stored_takes_the_place_of_its_own_kind_alone() {
    let world = World::new();
    world.store_entra("1", 0);
    world.store_veeam("1", 0);
    world.store_veeam("2", 0);
    world.assert_gave(&world.get(&[]), "2", "cache", HOUR);
    assert_eq!(world.get(&["--want", "entra"]).answer()["access_token"], "canary-entra-access-1");
}

#[test]
fn wrong_bodies_leave_the_cache_as_it_was() {
    let world = World::new();
    world.store_entra("1", 0);
    let before = world.kept();
    let server = world.vb365.url();
    for (body, why) in [
        (String::new(), "the request on stdin is empty"),
        (" ".to_owned(), "the JSON ends too early"),
        ("canary".to_owned(), "not JSON"),
        ("[\"canary\"]".to_owned(), "a field is missing or of the wrong type"),
        ("{}".to_owned(), "access_token is missing"),
        (json!({ "error": "invalid_grant", "error_description": "canary" }).to_string(), "access_token is missing"),
        (json!({ "access_token": "canary" }).to_string(), "expires_in is not a positive number of seconds"),
        (json!({ "access_token": "canary", "expires_in": 0 }).to_string(), "expires_in is not a positive number"),
        (json!({ "access_token": "canary\r\nX: y", "expires_in": 60 }).to_string(), "access_token is not one word"),
        (
            json!({ "access_token": "canary", "expires_in": "canary" }).to_string(),
            "expires_in is not a positive number",
        ),
        (
            json!({ "access_token": ["canary"], "expires_in": 60 }).to_string(),
            "a field is missing or of the wrong type",
        ),
    ] {
        for args in [&["store", TENANT][..], &["store", TENANT, "--server", &server]] {
            let error = world.run(args, body.as_bytes()).error("bad_request");
            assert!(error["message"].as_str().unwrap().contains(why), "{body}: {error}");
        }
        assert_eq!(world.kept(), before, "{body}");
    }
}

#[test]
fn one_wrong_response_keeps_the_other_out_too() {
    let world = World::new();
    let request = json!({
        "version": 1,
        "tenant": TENANT,
        "entra": entra("1"),
        "server": world.vb365.url(),
        "veeam": { "access_token": "canary" },
    });
    world.run(&["store"], request.to_string().as_bytes()).error("bad_request");
    assert_eq!(world.kept(), None);
}

#[test]
fn tokens_of_a_server_that_is_not_configured_are_not_taken() {
    let world = World::new();
    let elsewhere = closed_port();
    let outcome = world.run(&["store", TENANT, "--server", &elsewhere], veeam("1").to_string().as_bytes());
    let expected = json!({
        "kind": "config",
        "message": format!("{elsewhere} is no configured server of {TENANT}"),
        "hint": format!("vb365-helper login {TENANT} --server {elsewhere}"),
        "tenant": TENANT,
    });
    assert_eq!(outcome.error("config"), expected);
    assert_eq!(world.kept(), None);
}

#[test]
fn tokens_from_the_future_are_not_believed() {
    let world = World::new();
    let request = json!({ "version": 1, "tenant": TENANT, "entra": entra("1"), "obtained_at": ago(-HOUR) });
    let error = world.run(&["store"], request.to_string().as_bytes()).error("bad_request");
    assert!(error["message"].as_str().unwrap().contains("`obtained_at`"), "{error}");
    assert_eq!(world.kept(), None);
}

#[test]
fn requests_that_say_too_little_are_told_what_is_missing() {
    let world = World::new();
    let server = world.vb365.url();
    for (fields, why) in [
        (json!({}), "neither `entra` nor `veeam`"),
        (json!({ "veeam": veeam("1") }), "`veeam` without the `server`"),
        (json!({ "server": server }), "`server` without `veeam`"),
        (json!({ "entra": "canary" }), "field `entra`"),
        (json!({ "entra": entra("1"), "obtained_at": "canary" }), "field `obtained_at`"),
        (json!({ "entra": entra("1"), "access_token": "canary" }), "`access_token`"),
    ] {
        let mut request = json!({ "version": 1, "tenant": TENANT });
        request.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let error = world.run(&["store"], request.to_string().as_bytes()).error("bad_request");
        assert!(error["message"].as_str().unwrap().contains(why), "{why}: {error}");
    }
    assert_eq!(world.kept(), None);
}
