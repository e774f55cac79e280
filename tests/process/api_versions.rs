//! The versions of the VB365 REST API: how each spells its token endpoint, and how the newest one
//! that a server speaks is found.

use crate::support::{Answers, EXCHANGE, HOUR, ORGANIZATION, TENANT, World, entra, post, veeam};

#[test]
fn every_version_is_called_as_its_documents_spell_it() {
    for (version, path, antiforgery) in [
        ("v4", "/v4/Token", false),
        ("v5", "/v5/Token", false),
        ("v6", "/v6/token", false),
        ("v7", "/v7/token", true),
        ("v8", "/v8/token", true),
    ] {
        let mut world = World::with(&format!("api_version = \"{version}\""));
        world.store_entra("1", 0);
        let more = antiforgery.then_some(("disable_antiforgery_token", "true"));
        let assertion = entra("1").to_string();
        let mut form = vec![("grant_type", EXCHANGE), ("client_id", ORGANIZATION), ("assertion", &assertion)];
        form.extend(more);
        let exchange = post(&mut world.vb365, path, &form).answers(&veeam("1"));
        let mut form = vec![("grant_type", "refresh_token"), ("refresh_token", "canary-veeam-refresh-1")];
        form.extend(more);
        let refresh = post(&mut world.vb365, path, &form).answers(&veeam("2"));

        world.assert_gave(&world.get(&[]), "1", "exchange", HOUR);
        world.assert_gave(&world.ask_after_refusal("1"), "2", "veeam_refresh", HOUR);
        exchange.assert();
        refresh.assert();
    }
}

#[test]
fn the_newest_version_is_found_once_and_remembered() {
    let mut world = World::with("");
    world.store_entra("1", 0);
    let v8 = world.vb365.mock("GET", "/v8/ServiceInstance").fails(404, "");
    let v7 = world.vb365.mock("GET", "/v7/ServiceInstance").fails(401, "");
    let v6 = world.vb365.mock("GET", "/v6/ServiceInstance").expect(0).create();
    let assertion = entra("1").to_string();
    let form = [
        ("grant_type", EXCHANGE),
        ("client_id", ORGANIZATION),
        ("assertion", &assertion),
        ("disable_antiforgery_token", "true"),
    ];
    let exchange = post(&mut world.vb365, "/v7/token", &form).answers(&veeam("1"));
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", "canary-veeam-refresh-1"),
        ("disable_antiforgery_token", "true"),
    ];
    let refresh = post(&mut world.vb365, "/v7/token", &form).answers(&veeam("2"));
    world.assert_gave(&world.get(&[]), "1", "exchange", HOUR);
    world.assert_gave(&world.ask_after_refusal("1"), "2", "veeam_refresh", HOUR);
    for call in [v8, v7, v6, exchange, refresh] {
        call.assert();
    }
}

#[test]
fn a_server_in_trouble_is_not_taken_for_an_old_one() {
    let mut world = World::with("");
    world.store_entra("1", 0);
    let v8 = world.vb365.mock("GET", "/v8/ServiceInstance").with_header("retry-after", "9").fails(503, "");
    let v7 = world.vb365.mock("GET", "/v7/ServiceInstance").expect(0).create();
    assert_eq!(world.get(&[]).error("unavailable")["retry_after"], 9);
    v8.assert();
    v7.assert();
}

#[test]
fn a_server_without_any_version_or_without_the_configured_one_is_a_matter_of_configuration() {
    let mut world = World::with("");
    world.store_entra("1", 0);
    let asked: Vec<_> = ["v8", "v7", "v6", "v5", "v4"]
        .map(|version| world.vb365.mock("GET", format!("/{version}/ServiceInstance").as_str()).fails(404, ""))
        .into();
    world.get(&[]).error("config");
    asked.iter().for_each(mockito::Mock::assert);

    let mut world = World::new();
    world.store_entra("1", 0);
    let exchange = world.exchange(&entra("1")).fails(404, "");
    // Which versions it speaks is asked there, and no person is needed to know it.
    assert_eq!(world.get(&[]).error("config")["hint"], format!("vb365-helper doctor {TENANT}"));
    exchange.assert();
}
