//! What fails and what it means to the caller: a fault that will pass never asks for a person, a
//! refusal never hides behind an old token, and nothing is lost on the way.

use mockito::Mock;
use serde_json::json;

use crate::support::{Answers, HOUR, TENANT, World, closed_port, entra, self_signed_server, veeam};

const BODIES: [(usize, &str); 8] = [
    (500, ""),
    (502, "<html>bad gateway</html>"),
    (429, "{}"),
    (408, ""),
    (200, "<html>sign in to the hotel network</html>"),
    (200, "{}"),
    (403, "blocked by the proxy"),
    (407, ""),
];

/// Fails the calls that `due` makes, each in its turn, and then lets them succeed: nothing was lost.
fn passes(mut world: World, due: impl Fn(&mut World) -> Mock, more: &[(usize, &str)]) -> World {
    for (status, body) in BODIES.iter().chain(more) {
        let call = due(&mut world).fails(*status, body);
        let error = world.get(&[]).error("unavailable");
        assert_eq!(error["tenant"], TENANT, "{status} {body}");
        assert_eq!(error.get("retry_after"), None, "{status} {body}");
        call.assert();
        call.remove();
    }
    let call = due(&mut world).with_header("retry-after", "17").fails(503, "");
    let outcome = world.get(&[]);
    assert_eq!(outcome.error("unavailable")["retry_after"], 17);
    assert_eq!(outcome.error("unavailable")["cause"], json!({ "http_status": 503 }));
    call.assert();
    call.remove();
    world
}

#[test]
fn faults_at_the_servers_refresh_pass() {
    let world = World::new();
    world.store_entra("1", 0);
    world.store_veeam("1", HOUR);
    let mut world = passes(world, |world| world.veeam_refresh("1"), &[]);
    let refresh = world.veeam_refresh("1").answers(&veeam("2"));
    world.assert_gave(&world.get(&[]), "2", "veeam_refresh", HOUR);
    refresh.assert();
}

#[test]
fn faults_at_the_exchange_pass() {
    let world = World::new();
    world.store_entra("1", 0);
    let mut world = passes(world, |world| world.exchange(&entra("1")), &[]);
    let exchange = world.exchange(&entra("1")).answers(&veeam("1"));
    world.assert_gave(&world.get(&[]), "1", "exchange", HOUR);
    exchange.assert();
}

#[test]
fn faults_at_microsofts_refresh_pass() {
    let world = World::new();
    world.store_entra("1", HOUR);
    let more = [
        (400, r#"{"error":"invalid_grant","error_codes":[50196]}"#),
        (400, r#"{"error":"temporarily_unavailable","error_codes":[90033]}"#),
        (503, r#"{"error":"invalid_grant","error_codes":[700082]}"#),
        (400, "not JSON"),
        (302, ""),
    ];
    let mut world = passes(world, |world| world.entra_refresh("1"), &more);
    let refresh = world.entra_refresh("1").answers(&entra("2"));
    let exchange = world.exchange(&entra("2")).answers(&veeam("1"));
    world.assert_gave(&world.get(&[]), "1", "entra_refresh", HOUR);
    [refresh, exchange].iter().for_each(Mock::assert);
}

#[test]
fn systems_that_nobody_reaches_are_unavailable() {
    let mut world = World::new();
    let silence = world.silence();
    let closed = closed_port();
    world.configure(&format!("server = \"{closed}\"\napi_version = \"v8\""));
    for fields in [
        json!({ "server": closed, "veeam": veeam("1"), "obtained_at": crate::support::ago(HOUR) }),
        json!({ "entra": entra("1") }),
    ] {
        world.run(&["erase", TENANT], b"").answer();
        world.store(&fields);
        let expected = json!({
            "kind": "unavailable",
            "message": format!("no answer from {closed}: connection refused"),
            "tenant": TENANT,
        });
        assert_eq!(world.get(&[]).error("unavailable"), expected);
    }
    silence.assert();

    let world = World::new();
    world
        .write_config(&format!("[tenants.\"{TENANT}\"]\nserver = \"{}\"\nauthority = \"{closed}\"", world.vb365.url()));
    world.store_entra("1", HOUR);
    let error = world.get(&[]).error("unavailable");
    let message = error["message"].as_str().unwrap();
    assert!(message.ends_with(&format!("no answer from {closed}: connection refused")), "{message}");
}

#[test]
fn a_token_that_still_lives_beats_a_fault_that_passes() {
    let mut world = World::new();
    world.store_veeam("1", HOUR - 100);
    let refresh = world.veeam_refresh("1").fails(503, "");
    let outcome = world.get(&[]);
    world.assert_token(&outcome, "1", "cache", 100);
    assert_eq!(outcome.code, 0);
    let [warning] = outcome.warnings()[..] else { panic!("{outcome:?}") };
    assert_eq!(outcome.stderr.lines().count(), 1);
    assert!(warning.starts_with("handing out a token that ends in "), "{warning}");
    assert!(warning.ends_with(&format!("{} answered HTTP 503", world.vb365.url())), "{warning}");
    refresh.assert();
}

#[test]
fn a_token_that_still_lives_beats_a_fault_of_microsofts_too() {
    let mut world = World::new();
    world.store_entra("1", HOUR);
    world.store_veeam("1", HOUR - 100);
    let rejected = world.veeam_refresh("1").fails(400, "");
    let refresh = world.entra_refresh("1").fails(400, r#"{"error":"invalid_grant","error_codes":[50196]}"#);
    let outcome = world.get(&[]);
    world.assert_token(&outcome, "1", "cache", 100);
    assert_eq!((outcome.code, outcome.warnings().len()), (0, 1));
    [rejected, refresh].iter().for_each(Mock::assert);
}

#[test]
fn a_token_that_still_lives_does_not_hide_a_refusal() {
    for body in [
        r#"{"error":"invalid_client","error_codes":[7000218]}"#,
        r#"{"error":"invalid_grant","error_codes":[53003]}"#,
        r#"{"error":"invalid_grant","suberror":"protection_policy_required"}"#,
        r#"{"error":"unauthorized_client","error_codes":[700016]}"#,
        r#"{"error":"something_new"}"#,
    ] {
        let mut world = World::new();
        world.store_entra("1", HOUR);
        world.store_veeam("1", HOUR - 100);
        let rejected = world.veeam_refresh("1").fails(400, "");
        let refresh = world.entra_refresh("1").fails(400, body);
        let error = world.get(&[]).error("refused");
        assert!(error["hint"].is_string() && error["tenant"] == TENANT, "{error}");
        [rejected, refresh].iter().for_each(Mock::assert);
    }
}

#[test]
fn a_server_with_a_strange_certificate_gets_nothing_and_hides_behind_no_old_token() {
    let mut world = World::new();
    let server = self_signed_server();
    world.configure(&format!("server = \"{server}\"\napi_version = \"v8\""));
    world.store(&json!({ "server": server, "veeam": veeam("1"), "obtained_at": crate::support::ago(HOUR - 100) }));
    let silence = world.silence();
    let error = world.get(&[]).error("untrusted_server");
    assert!(error["message"].as_str().unwrap().contains(&server), "{error}");
    assert_eq!(error["hint"], format!("vb365-helper trust {server}"), "{error}");
    assert_eq!(error["tenant"], TENANT);
    silence.assert();
}

#[test]
fn redirects_are_not_followed() {
    let mut world = World::new();
    let mut elsewhere = mockito::Server::new();
    let followed: Vec<_> =
        ["GET", "POST"].map(|method| elsewhere.mock(method, mockito::Matcher::Any).expect(0).create()).into();
    let location = format!("{}/v8/token", elsewhere.url());
    for status in [301, 302, 307, 308] {
        world.store_veeam("1", HOUR);
        let refresh = world.veeam_refresh("1").with_header("location", &location).fails(status, "");
        world.get(&[]).error("unavailable");
        refresh.assert();
        refresh.remove();
        world.run(&["erase", TENANT], b"").answer();

        world.store_entra("1", HOUR);
        let refresh = world.entra_refresh("1").with_header("location", &location).fails(status, "");
        world.get(&[]).error("unavailable");
        refresh.assert();
        refresh.remove();
        world.run(&["erase", TENANT], b"").answer();
    }
    followed.iter().for_each(Mock::assert);
}
