//! The way down the ladder: each rung only when the one above cannot answer, each refresh token
//! spent once, and never a person where another rung is left.

use serde_json::{Value, json};

use crate::support::{Answers, CLIENT_ID, DEAD, HOUR, ORGANIZATION, TENANT, World, entra, veeam};

const REJECTED: &str = r#"{"error":"invalid_grant","error_description":"The provided credentials are incorrect."}"#;

#[test]
fn each_rung_is_named_in_the_answer() {
    let mut world = World::new();
    world.store_veeam("1", HOUR);
    let refresh = world.veeam_refresh("1").answers(&veeam("2"));
    world.assert_gave(&world.get(&[]), "2", "veeam_refresh", HOUR);
    refresh.assert();

    let mut world = World::new();
    world.store_entra("1", 0);
    let exchange = world.exchange(&entra("1")).answers(&veeam("1"));
    world.assert_gave(&world.get(&[]), "1", "exchange", HOUR);
    exchange.assert();

    let mut world = World::new();
    world.store_entra("1", HOUR);
    let refresh = world.entra_refresh("1").answers(&entra("2"));
    let exchange = world.exchange(&entra("2")).answers(&veeam("1"));
    world.assert_gave(&world.get(&[]), "1", "entra_refresh", HOUR);
    refresh.assert();
    exchange.assert();
}

/// One tenant from its first token to the end of its sign-in and the next one.
#[test]
fn a_sign_in_lasts_until_microsoft_ends_it() {
    let mut world = World::new();
    world.store_entra("1", 0);

    let exchange = world.exchange(&entra("1")).answers(&veeam("1"));
    world.assert_gave(&world.get(&[]), "1", "exchange", HOUR);
    world.assert_gave(&world.get(&[]), "1", "cache", HOUR);
    exchange.assert();

    let refresh = world.veeam_refresh("1").answers(&veeam("2"));
    world.assert_gave(&world.ask_after_refusal("1"), "2", "veeam_refresh", HOUR);
    world.assert_gave(&world.get(&[]), "2", "cache", HOUR);
    refresh.assert();

    // The server forgot its refresh token and the assertion is gone: Microsoft renews and rotates.
    world.run(&["erase", TENANT, "--access-only"], b"").answer();
    let rejected = world.veeam_refresh("2").fails(400, REJECTED);
    let renewed = world.entra_refresh("1").answers(&entra("2"));
    let exchange = world.exchange(&entra("2")).answers(&veeam("3"));
    world.assert_gave(&world.get(&[]), "3", "entra_refresh", HOUR);
    [rejected, renewed, exchange].iter().for_each(mockito::Mock::assert);

    // The server forgot it again, but the assertion still lives: Microsoft is not asked.
    let rejected = world.veeam_refresh("3").fails(401, "");
    let exchange = world.exchange(&entra("2")).answers(&veeam("4"));
    world.assert_gave(&world.ask_after_refusal("3"), "4", "exchange", HOUR);
    [rejected, exchange].iter().for_each(mockito::Mock::assert);

    // Microsoft ends it: both refresh tokens were spent, and neither is sent again.
    world.run(&["erase", TENANT, "--access-only"], b"").answer();
    let rejected = world.veeam_refresh("4").fails(400, REJECTED);
    let dead = world.entra_refresh("2").fails(400, DEAD);
    let host = world.entra.host_with_port();
    let expected = json!({
        "kind": "login_required",
        "message": format!("{host} wants {TENANT} to sign in again: AADSTS700082: The refresh token has expired due to inactivity."),
        "hint": format!("vb365-helper login {TENANT}"),
        "tenant": TENANT,
        "cause": {
            "error": "invalid_grant",
            "codes": [700082],
            "suberror": "token_expired",
            "correlation_id": "3f5c",
            "http_status": 400,
        },
    });
    assert_eq!(world.get(&[]).error("login_required"), expected);
    let expected = json!({
        "kind": "login_required",
        "message": format!("{host} ended the sign-in of {TENANT} (AADSTS700082)"),
        "hint": format!("vb365-helper login {TENANT}"),
        "tenant": TENANT,
        "cause": { "error": "invalid_grant", "codes": [700082] },
    });
    for want in ["veeam", "entra", "assertion"] {
        assert_eq!(world.get(&["--want", want]).error("login_required"), expected);
    }
    [rejected, dead].iter().for_each(mockito::Mock::assert);

    world.store_entra("3", 0);
    let exchange = world.exchange(&entra("3")).answers(&veeam("5"));
    world.assert_gave(&world.get(&[]), "5", "exchange", HOUR);
    exchange.assert();
}

#[test]
fn what_microsoft_answered_survives_a_failed_exchange() {
    let mut world = World::new();
    world.store_entra("1", HOUR);
    let renewed = world.entra_refresh("1").answers(&entra("2"));
    let failed = world.exchange(&entra("2")).fails(503, "");
    world.get(&[]).error("unavailable");
    failed.assert();
    failed.remove();
    let exchange = world.exchange(&entra("2")).answers(&veeam("1"));
    world.assert_gave(&world.get(&[]), "1", "exchange", HOUR);
    [renewed, exchange].iter().for_each(mockito::Mock::assert);
}

#[test]
fn an_answer_without_a_refresh_token_keeps_microsofts_old_one() {
    let mut world = World::new();
    world.store_entra("1", HOUR);
    let bare = |n: &str| {
        let mut response = entra(n);
        response.as_object_mut().unwrap().remove("refresh_token");
        response
    };
    // What is handed over is the whole answer, with the refresh token that goes with it.
    let kept = |n: &str| {
        let mut response: Value = bare(n);
        response["refresh_token"] = json!("canary-entra-refresh-1");
        response
    };
    let renewed = world.entra_refresh("1").answers(&bare("2"));
    let exchange = world.exchange(&kept("2")).answers(&veeam("1"));
    world.assert_gave(&world.get(&[]), "1", "entra_refresh", HOUR);
    [renewed, exchange].iter().for_each(|call| {
        call.assert();
        call.remove();
    });

    world.run(&["erase", TENANT, "--access-only"], b"").answer();
    world.run(&["erase", TENANT, "--server", &world.vb365.url()], b"").answer();
    let renewed = world.entra_refresh("1").answers(&bare("3"));
    let exchange = world.exchange(&kept("3")).answers(&veeam("2"));
    world.assert_gave(&world.get(&[]), "2", "entra_refresh", HOUR);
    [renewed, exchange].iter().for_each(mockito::Mock::assert);
}

#[test]
fn a_server_that_gives_no_refresh_token_is_asked_by_exchange() {
    let mut world = World::new();
    world.store_entra("1", 0);
    let mut bare = veeam("1");
    bare.as_object_mut().unwrap().remove("refresh_token");
    let exchange = world.exchange(&entra("1")).answers(&bare);
    world.assert_gave(&world.get(&[]), "1", "exchange", HOUR);
    exchange.assert();
    exchange.remove();
    let exchange = world.exchange(&entra("1")).answers(&veeam("2"));
    world.assert_gave(&world.ask_after_refusal("1"), "2", "exchange", HOUR);
    exchange.assert();
}

#[test]
fn a_rejected_assertion_is_renewed_once_and_tried_once_more() {
    let mut world = World::new();
    world.store_entra("1", 0);
    let first = world.exchange(&entra("1")).fails(400, REJECTED);
    let renewed = world.entra_refresh("1").answers(&entra("2"));
    let second = world.exchange(&entra("2")).answers(&veeam("1"));
    world.assert_gave(&world.get(&[]), "1", "entra_refresh", HOUR);
    [first, renewed, second].iter().for_each(mockito::Mock::assert);
}

#[test]
fn a_server_that_rejects_a_fresh_assertion_too_refuses_for_good() {
    let mut world = World::new();
    world.store_entra("1", 0);
    let first = world.exchange(&entra("1")).fails(400, REJECTED);
    let renewed = world.entra_refresh("1").answers(&entra("2"));
    let second = world.exchange(&entra("2")).fails(401, REJECTED);
    let error = world.get(&[]).error("refused");
    [first, renewed, second].iter().for_each(mockito::Mock::assert);

    let server = world.vb365.url();
    let message = error["message"].as_str().unwrap();
    for words in [server.as_str(), ORGANIZATION, CLIENT_ID, "The provided credentials are incorrect."] {
        assert!(message.contains(words), "{words} is missing in: {message}");
    }
    let hint = format!("vb365-helper login {TENANT} --server {server} --organization NAME-AS-SPELLED-THERE");
    assert_eq!((&error["hint"], &error["tenant"]), (&json!(hint), &json!(TENANT)));
    assert_eq!(error["cause"], json!({ "error": "invalid_grant", "http_status": 401 }));
}

#[test]
fn a_freshly_renewed_assertion_is_renewed_once_more_at_most() {
    let mut world = World::new();
    world.store_entra("1", HOUR);
    let renewed = world.entra_refresh("1").answers(&entra("2"));
    let first = world.exchange(&entra("2")).fails(400, REJECTED);
    let renewed_again = world.entra_refresh("2").with_body(entra("3").to_string()).expect_at_most(1).create();
    let second = world.exchange(&entra("3")).with_status(400).with_body(REJECTED).expect_at_most(1).create();
    world.get(&[]).error("refused");
    [renewed, first, renewed_again, second].iter().for_each(mockito::Mock::assert);
}
