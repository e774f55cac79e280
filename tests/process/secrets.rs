//! Where secrets may be: in the answer that was asked for and in the tenant's file, nowhere else.
//! Every run of every test is checked for that; here are the servers that try.

use crate::support::{Answers, HOUR, TENANT, World, entra, veeam};

/// Bodies that repeat what was sent, outside the fields whose words are meant to be shown.
fn echoes(secret: &str) -> [(usize, String); 5] {
    [
        (400, format!(r#"{{"error":"invalid_grant","stackTrace":"at {secret}","trace_id":"{secret}"}}"#)),
        (401, secret.to_owned()),
        (500, format!("<html>refresh_token={secret}</html>")),
        (200, format!(r#"{{"access_token":["{secret}"]}}"#)),
        (200, format!(r#"{{"access_token":"{secret}","expires_in":"{secret}"}}"#)),
    ]
}

#[test]
fn a_server_that_repeats_what_it_was_sent_is_not_repeated() {
    for (status, body) in echoes("canary-veeam-refresh-1") {
        let mut world = World::new();
        world.store_veeam("1", HOUR);
        let refresh = world.veeam_refresh("1").fails(status, &body);
        let outcome = world.get(&[]);
        assert_ne!(outcome.code, 0);
        refresh.assert();
    }
}

#[test]
fn an_identity_platform_that_repeats_what_it_was_sent_is_not_repeated() {
    for (status, body) in echoes("canary-entra-refresh-1") {
        let mut world = World::new();
        world.store_entra("1", HOUR);
        let refresh = world.entra_refresh("1").fails(status, &body);
        let outcome = world.get(&[]);
        assert_ne!(outcome.code, 0);
        refresh.assert();
    }
}

#[test]
fn an_exchange_that_fails_tells_nothing_of_the_assertion() {
    for (status, body) in [(200, entra("1").to_string()), (403, entra("1").to_string()), (500, entra("1").to_string())]
    {
        let mut world = World::new();
        world.store_entra("1", 0);
        let body = body.replace("expires_in", "expired_in");
        let exchange = world.exchange(&entra("1")).fails(status, &body);
        world.get(&[]).error("unavailable");
        exchange.assert();
    }
}

#[test]
fn a_refusal_tells_the_servers_words_and_not_the_rest_of_its_answer() {
    let mut world = World::new();
    world.store_entra("1", 0);
    let body = format!(r#"{{"message":"no","errorCode":7,"stackTrace":"at canary","assertion":{}}}"#, entra("1"));
    let first = world.exchange(&entra("1")).fails(400, &body);
    let refresh = world.entra_refresh("1").answers(&entra("2"));
    let second = world.exchange(&entra("2")).fails(400, &body);
    let error = world.get(&[]).error("refused");
    assert!(error["message"].as_str().unwrap().contains(" twice: no; "), "{error}");
    assert_eq!(error["cause"], serde_json::json!({ "error": "7", "http_status": 400 }));
    [first, refresh, second].iter().for_each(mockito::Mock::assert);
}

#[test]
fn a_warning_tells_nothing_of_the_token_it_is_about() {
    let mut world = World::new();
    world.store_veeam("1", HOUR - 100);
    let refresh = world.veeam_refresh("1").fails(503, "canary");
    let outcome = world.get(&[]);
    assert_eq!((outcome.code, outcome.warnings().len()), (0, 1));
    refresh.assert();
}

#[test]
fn words_of_a_server_cannot_move_the_terminal() {
    let mut world = World::new();
    world.store_entra("1", HOUR);
    let body = r#"{"error":"invalid_client","error_description":"no\u001b]0;title\u0007\r\nvb365-helper: fine\u202e"}"#;
    let refresh = world.entra_refresh("1").fails(400, body);
    let outcome = world.get(&[]);
    outcome.error("refused");
    assert!(outcome.stderr.chars().all(|c| c == '\n' || !c.is_control()), "{:?}", outcome.stderr);
    assert_eq!(outcome.stderr.lines().count(), 2, "{:?}", outcome.stderr);
    refresh.assert();
}

#[test]
fn tokens_stand_in_the_tenants_file_alone() {
    let mut world = World::new();
    world.store_entra("1", 0);
    let exchange = world.exchange(&entra("1")).answers(&veeam("1"));
    world.get(&[]).answer();
    exchange.assert();
    for dir in [world.home(), world.cache_dir()] {
        for file in std::fs::read_dir(dir).unwrap() {
            let path = file.unwrap().path();
            if path.is_file() && path != world.cache_file() {
                let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
                assert!(!text.contains("canary"), "{}", path.display());
            }
        }
    }
    assert!(world.run(&["list", "--json"], b"").answer()["tenants"][0]["tenant"] == TENANT);
}
