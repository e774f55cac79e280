//! `list`: what the cache holds, in words and as a document, and never a token.

use std::fs;

use serde_json::{Value, json};

use crate::support::{CLIENT_ID, HOUR, TENANT, World, ago, assert_ends_in, entra, veeam};

const NINETY_DAYS: i64 = 90 * 24 * HOUR;

fn listed(world: &World) -> Value {
    let outcome = world.run(&["list", "--json"], b"");
    assert!(!outcome.stdout.contains("canary"), "{outcome:?}");
    outcome.answer()
}

fn state(world: &World) -> Value {
    listed(world)["tenants"][0]["state"].clone()
}

#[test]
fn an_empty_cache_is_an_empty_list() {
    let world = World::new();
    assert_eq!(listed(&world), json!({ "version": 1, "tenants": [], "hosts": [] }));
    let words = "nothing is kept; sign in with: vb365-helper login TENANT --server https://HOST:4443\n";
    let outcome = world.run(&["list"], b"");
    assert_eq!((outcome.code, outcome.stdout.as_str(), outcome.stderr.as_str()), (0, words, ""));
    assert!(!world.cache_dir().exists());
}

#[test]
fn the_document_tells_everything_but_the_tokens() {
    let world = World::new();
    world.store(
        &json!({ "entra": entra("1"), "server": world.vb365.url(), "veeam": veeam("1"), "obtained_at": ago(60) }),
    );
    let document = listed(&world);
    let tenant = &document["tenants"][0];
    let expected = json!({
        "version": 1,
        "tenants": [{
            "tenant": TENANT,
            "state": "valid",
            "entra": {
                "authority": world.entra.url(),
                "client_id": CLIENT_ID,
                "scopes": ["Directory.AccessAsUser.All", "User.ReadWrite.All", "offline_access"],
                "access_expires_at": tenant["entra"]["access_expires_at"],
                "refreshable": true,
                "last_renewed_at": tenant["entra"]["last_renewed_at"],
                "refresh_expires_at": tenant["entra"]["refresh_expires_at"],
            },
            "servers": [{
                "server": world.vb365.url(),
                "access_expires_at": tenant["servers"][0]["access_expires_at"],
                "refreshable": true,
            }],
            "protection": "none",
        }],
        "hosts": [],
    });
    assert_eq!(document, expected);
    assert_ends_in(&tenant["entra"]["access_expires_at"], HOUR - 60);
    assert_ends_in(&tenant["entra"]["last_renewed_at"], -60);
    assert_ends_in(&tenant["entra"]["refresh_expires_at"], NINETY_DAYS - 60);
    assert_ends_in(&tenant["servers"][0]["access_expires_at"], HOUR - 60);
}

#[test]
fn states_say_what_get_can_do() {
    let world = World::new();
    world.store_entra("1", 0);
    assert_eq!(state(&world), "valid");
    world.store_entra("1", HOUR);
    assert_eq!(state(&world), "renewable");
    world.store_veeam("1", 0);
    assert_eq!(state(&world), "valid");
    world.run(&["erase", TENANT, "--access-only"], b"").answer();
    assert_eq!(state(&world), "renewable");

    let world = World::new();
    let bare = json!({ "access_token": "canary", "expires_in": HOUR });
    world.store(&json!({ "server": world.vb365.url(), "veeam": bare, "obtained_at": ago(HOUR) }));
    assert_eq!(state(&world), "login_required");
}

#[test]
fn accounts_are_shown_as_the_tokens_name_them() {
    let world = World::new();
    let mut named = veeam("1");
    named["userName"] = json!("admin@abc.com\u{1b}[1m");
    world.store(&json!({ "server": world.vb365.url(), "veeam": named }));
    assert_eq!(listed(&world)["tenants"][0]["account"], "admin@abc.com[1m");
    let mut named = entra("1");
    // {"upn":"user@abc.com"}
    named["access_token"] = json!("canary.eyJ1cG4iOiJ1c2VyQGFiYy5jb20ifQ.canary");
    world.store(&json!({ "entra": named }));
    assert_eq!(listed(&world)["tenants"][0]["account"], "user@abc.com");
}

#[test]
fn a_sign_in_that_microsoft_ended_shows() {
    use crate::support::{Answers, DEAD};
    let mut world = World::new();
    world.store_entra("1", HOUR);
    let dead = world.entra_refresh("1").fails(400, DEAD);
    world.get(&[]).error("login_required");
    dead.assert();
    let document = listed(&world);
    let tenant = &document["tenants"][0];
    assert_eq!((&tenant["state"], &tenant["entra"]["refreshable"]), (&json!("login_required"), &json!(false)));
    assert_eq!(tenant["entra"].get("refresh_expires_at"), None);
}

#[test]
fn whom_the_configuration_trusts_is_told_for_the_servers_it_names() {
    let world = World::unconfigured();
    world.configure("servers = [\"https://first:4443\", \"https://second:4443\"]");
    for server in ["https://first:4443", "https://second:4443"] {
        world.store(&json!({ "server": server, "veeam": veeam("1") }));
    }
    let trust = |world: &World| {
        let servers = listed(world)["tenants"][0]["servers"].clone();
        let told = |n: usize| [servers[n].get("pin_sha256").cloned(), servers[n].get("ca_file").cloned()];
        [told(0), told(1)]
    };
    assert_eq!(trust(&world), [[None, None], [None, None]]);

    // The file's path is whole, wherever the reader is; a pin has its one spelling.
    let pin = "0A".repeat(32);
    world.configure(&format!("server = \"https://second:4443\"\nca_file = \"root.pem\"\npin_sha256 = \"{pin}\""));
    let root = world.home().join("root.pem").display().to_string();
    let told = [Some(json!([pin.to_lowercase()])), Some(json!(root))];
    assert_eq!(trust(&world), [[None, None], told]);
}

#[test]
fn a_tenant_whose_configuration_is_wrong_is_listed_without_its_trust() {
    let world = World::new();
    world.store_veeam("1", 0);
    let server = world.vb365.url();
    world.configure(&format!("server = \"{server}\"\nca_file = \"root.pem\"\nmin_ttl = \"soon\""));
    world.get(&[]).error("config");
    let document = listed(&world);
    assert_eq!(document["tenants"][0]["state"], "valid");
    assert_eq!(document["tenants"][0]["servers"][0].get("ca_file"), None);
}

#[test]
fn files_that_cannot_be_read_are_listed_and_told() {
    let world = World::new();
    world.store_veeam("1", 0);
    fs::write(world.cache_dir().join("damaged.com.json"), "{canary").unwrap();
    fs::write(world.cache_dir().join("newer.com.json"), r#"{"version":2,"new":"canary"}"#).unwrap();
    fs::write(world.cache_dir().join("not-a-tenant..json"), "canary").unwrap();
    let outcome = world.run(&["list", "--json"], b"");
    assert_eq!(outcome.code, 0);
    let document = outcome.document();
    let shown: Vec<_> = document["tenants"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tenant| (tenant["tenant"].as_str().unwrap(), tenant["state"].as_str().unwrap()))
        .collect();
    assert_eq!(shown, [(TENANT, "valid"), ("damaged.com", "damaged"), ("newer.com", "damaged")]);
    let warnings = outcome.warnings();
    assert_eq!((warnings.len(), outcome.stderr.lines().count()), (2, 2), "{warnings:?}");
    for (warning, name) in warnings.iter().zip(["damaged.com.json", "newer.com.json"]) {
        assert!(warning.contains(&world.cache_dir().join(name).display().to_string()), "{warning}");
    }
}

#[test]
fn the_table_has_a_line_for_each_server() {
    let world = World::new();
    world.store_veeam("1", 30);
    fs::write(world.cache_dir().join("damaged.com.json"), "").unwrap();
    let outcome = world.run(&["list"], b"");
    assert_eq!((outcome.code, outcome.warnings().len()), (0, 1));
    let rows: Vec<Vec<_>> = outcome.stdout.lines().map(|line| line.split_whitespace().collect()).collect();
    let server = world.vb365.url();
    assert_eq!(rows.len(), 3, "{}", outcome.stdout);
    assert_eq!(rows[0], ["TENANT", "STATE", "ACCOUNT", "SERVER", "ACCESS", "TOKEN"]);
    assert_eq!(rows[1][..4], [TENANT, "valid", "-", server.as_str()]);
    assert!(rows[1][4].parse::<i64>().is_ok_and(|minutes| (58..60).contains(&minutes)), "{}", outcome.stdout);
    assert_eq!(rows[1][5..], ["min", "left"]);
    assert_eq!(rows[2], ["damaged.com", "damaged", "-", "-", "-"]);
}
