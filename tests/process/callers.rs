//! Callers that name a server, or speak a protocol that forbids something: whose token they get, and
//! what they never do.

use std::io::Write;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Answers, HOUR, Outcome, TENANT, World, ago, finish, hold_lock, piped, veeam, veeam_living};

const OTHER: &str = "def.onmicrosoft.com";
/// How long Bazel waits; the program's own limit is seven seconds.
const CALLERS_PATIENCE: Duration = Duration::from_secs(10);

/// What a build tool asks about `path` of the world's server.
fn headers(world: &World, args: &[&str], uri: &str) -> Outcome {
    let args = [&["get", "--protocol", "headers"], args].concat();
    world.run(&args, json!({ "uri": uri }).to_string().as_bytes())
}

fn bearer(outcome: &Outcome) -> Value {
    outcome.answer()["headers"]["Authorization"][0].clone()
}

/// Configures tenants with these lines each, after `[defaults]`.
fn configure(world: &World, defaults: &str, tenants: &[(&str, &str)]) {
    let server = world.vb365.url();
    let table = |(tenant, lines): &(&str, &str)| format!("[tenants.\"{tenant}\"]\n{lines}\n");
    let text = format!("[defaults]\n{defaults}\n") + &tenants.iter().map(table).collect::<String>();
    world.write_config(&text.replace("SERVER", &server));
}

#[test]
fn a_server_is_whose_the_configuration_says() {
    let world = World::new();
    world.store_veeam("1", 0);
    let server = world.vb365.url();
    let api = "api_version = \"v8\"";
    for (defaults, tenants) in [
        ("", &[(TENANT, "server = \"SERVER\"")][..]),
        ("", &[(TENANT, "servers = [\"https://first.example\", \"SERVER\"]")]),
        ("server = \"SERVER\"", &[(TENANT, ""), (OTHER, "server = \"https://other.example\"")]),
        ("server = \"https://other.example\"", &[(OTHER, ""), (TENANT, "server = \"SERVER\"")]),
    ] {
        configure(&world, &format!("{defaults}\n{api}"), tenants);
        assert_eq!(bearer(&headers(&world, &[], &format!("{server}/v8/x?y"))), "Bearer canary-veeam-access-1");
        let answer = world.run(&["get", &world.vb365.host_with_port(), "--protocol", "terraform"], b"").answer();
        assert_eq!(answer, json!({ "token": "canary-veeam-access-1" }));
    }
}

#[test]
fn a_server_that_is_shared_is_nobodys_until_one_is_named() {
    let world = World::new();
    world.store_veeam("1", 0);
    let uri = format!("{}/v8/x", world.vb365.url());
    configure(&world, "server = \"SERVER\"", &[(TENANT, ""), (OTHER, "")]);
    for outcome in [
        headers(&world, &[], &uri),
        world.run(&["get", &world.vb365.host_with_port(), "--protocol", "terraform"], b""),
        world.run(&["forget", &world.vb365.host_with_port(), "--protocol", "terraform"], b""),
    ] {
        assert_eq!((outcome.code, outcome.stdout.as_str()), (8, ""));
        assert!(outcome.stderr.contains(&format!("{TENANT}, {OTHER}")), "{}", outcome.stderr);
    }
    assert_eq!(bearer(&headers(&world, &["--tenant", TENANT], &uri)), "Bearer canary-veeam-access-1");
    // The other tenant's token is its own business.
    assert_eq!(headers(&world, &["--tenant", OTHER], &uri).code, 3);
    // A server that is not the tenant's named gets nothing, whoever else has it.
    configure(&world, "", &[(TENANT, "server = \"SERVER\""), (OTHER, "server = \"https://other.example\"")]);
    assert_eq!(headers(&world, &["--tenant", OTHER], &uri).answer(), json!({ "headers": {} }));

    configure(&world, "server = \"SERVER\"", &[]);
    let outcome = headers(&world, &[], &uri);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (8, ""));
    assert!(outcome.stderr.contains("no tenant is configured for"), "{}", outcome.stderr);
    let hint = format!("hint: vb365-helper login TENANT --server {}\n", world.vb365.url());
    assert!(outcome.stderr.ends_with(&hint), "{}", outcome.stderr);
}

#[test]
fn a_mistake_in_a_server_stops_whoever_it_could_be_about_and_nobody_else() {
    let world = World::new();
    world.store_veeam("1", 0);
    configure(&world, "", &[(TENANT, "server = \"SERVER\""), (OTHER, "server = \"SERVER/path\"\nmin_ttl = \"soon\"")]);
    let uri = world.vb365.url();
    let outcome = headers(&world, &[], &uri);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (8, ""));
    assert!(outcome.stderr.contains("config.toml:6: "), "{}", outcome.stderr);
    assert_eq!(bearer(&headers(&world, &["--tenant", TENANT], &uri)), "Bearer canary-veeam-access-1");
    // Terraform asks for every registry it meets.
    for args in [&[][..], &["--tenant", TENANT], &["--tenant", OTHER]] {
        let args = [&["get", "registry.terraform.io", "--protocol", "terraform"], args].concat();
        assert_eq!(world.run(&args, b"").answer(), json!({}));
        assert_eq!(headers(&world, &args[4..], "https://cache.example/x").answer(), json!({ "headers": {} }));
    }
}

#[test]
fn another_scheme_is_another_server() {
    let world = World::new();
    world.store_veeam("1", 0);
    for uri in [world.vb365.url().replace("http://", "https://"), world.vb365.url().replace("127.0.0.1", "localhost")] {
        assert_eq!(headers(&world, &[], &uri).answer(), json!({ "headers": {} }), "{uri}");
    }
    configure(&world, "", &[(TENANT, "server = \"https://vb365.example:4443\"")]);
    // In the open, where anybody could read the token.
    let uri = "http://vb365.example:4443/v8";
    assert_eq!(headers(&world, &[], uri).answer(), json!({ "headers": {} }));
    assert_eq!(headers(&world, &[], &uri.replace("http", "https")).code, 3);
}

#[test]
fn a_short_token_is_to_be_asked_for_again_after_half_of_what_is_left() {
    let world = World::new();
    let store = |life, age| {
        let server = world.vb365.url();
        world.store(&json!({ "server": server, "veeam": veeam_living("1", life), "obtained_at": ago(age) }));
    };
    let left = |outcome: &Outcome| {
        let expires: chrono::DateTime<chrono::Utc> = outcome.answer()["expires"].as_str().unwrap().parse().unwrap();
        (expires - chrono::Utc::now()).num_seconds()
    };
    store(HOUR, 0);
    assert!((3500..=3540).contains(&left(&headers(&world, &[], &world.vb365.url()))));
    store(100, 0);
    assert!((40..=51).contains(&left(&headers(&world, &[], &world.vb365.url()))));
}

#[test]
fn the_protocol_is_seen_from_the_request_and_from_nothing_that_only_looks_like_it() {
    let world = World::new();
    world.store_veeam("1", 0);
    let uri = world.vb365.url();
    let ask = |request: Value| world.run_with_stdin(&["get"], request.to_string().as_bytes());
    let answer = ask(json!({ "uri": uri }));
    assert!(answer.stdout.starts_with("{\"headers\":{\"Authorization\":[\"Bearer "), "{answer:?}");
    // With a version it is the native protocol's, which has no such field.
    let error = ask(json!({ "version": 1, "tenant": TENANT, "uri": uri })).error("bad_request");
    assert_eq!(error["message"], "field `uri` is not known");
    let error = ask(json!({ "tenant": "uri", "interactive": "never" })).error("bad_request");
    assert_eq!(error["message"], "field `version` is missing");
    // Named in the arguments, it is that and no other.
    let outcome = world.run_with_stdin(&["get", "--protocol", "native"], json!({ "uri": uri }).to_string().as_bytes());
    outcome.error("bad_request");
}

#[test]
fn a_build_is_answered_in_time_whatever_others_do() {
    let mut world = World::new();
    world.store_veeam("1", HOUR - 200);
    let request = json!({ "uri": world.vb365.url() }).to_string();
    let lock = hold_lock(&world, &format!("{TENANT}.lock"));
    let start = Instant::now();
    let outcome = world.run_with_stdin(&["get", "--timeout", "1h", "--protocol", "headers"], request.as_bytes());
    // What still lives is handed out, with a word on stderr.
    assert_eq!(outcome.code, 0);
    assert!(start.elapsed() < CALLERS_PATIENCE, "{:?}", start.elapsed());
    drop(lock);

    // A request that does not come.
    for args in [&["get"][..], &["get", "--protocol", "headers", "--timeout", "1h"]] {
        let start = Instant::now();
        let child = piped(&mut world.command(args)).stdin(Stdio::piped()).spawn().unwrap();
        let outcome = finish_with_open_stdin(child);
        assert_eq!(outcome.code, 2);
        assert!(start.elapsed() < CALLERS_PATIENCE, "{:?}", start.elapsed());
    }
    let refresh = world.veeam_refresh("1").answers(&veeam("2"));
    assert!(world.run_with_stdin(&["get"], request.as_bytes()).stdout.contains("canary-veeam-access-2"));
    refresh.assert();
}

fn finish_with_open_stdin(mut child: std::process::Child) -> Outcome {
    let stdin = child.stdin.take();
    let outcome = finish(child);
    drop(stdin);
    outcome
}

#[test]
fn a_failure_is_never_taken_for_a_token() {
    let world = World::new();
    for protocol in ["token", "header", "kubernetes", "external", "headers", "terraform"] {
        for args in [
            &["get", TENANT][..],
            &["get", TENANT, "--timeout", "canary"],
            &["get", TENANT, "canary", "canary"],
            &["get", TENANT, "--config", "/"],
            &["store", TENANT],
            &["erase", TENANT, "--bogus"],
        ] {
            let outcome = world.run_with_stdin(&[args, &["--protocol", protocol]].concat(), b"{\"uri\":");
            if outcome.code == 0 {
                // Nothing is kept for a host of this name, which is an answer.
                assert_eq!((protocol, outcome.stdout.as_str()), ("terraform", "{}\n"));
                continue;
            }
            assert_eq!(outcome.stdout, "", "{protocol} {args:?}");
            assert!(outcome.stderr.starts_with("vb365-helper: ") && !outcome.stderr.contains("canary"));
        }
    }
    // Nor where the caller is seen from something else than a flag.
    for args in [&["get", TENANT, "--timeout", "soon"][..], &["get"], &["get", TENANT, "--bogus"]] {
        let outcome = Outcome::of(world.command(args).env("KUBERNETES_EXEC_INFO", "{}").output().unwrap());
        assert_eq!((outcome.code, outcome.stdout.as_str()), (2, ""), "{args:?}");
    }
    // Nor where the flag itself is wrong, or there are two of it.
    for args in [
        &["get", TENANT, "--protcol", "header"][..],
        &["get", TENANT, "--prot=header"],
        &["--protocol", "native", "get", TENANT, "--protocol", "token", "--bogus"],
        &["get", TENANT, "--bogus", "--protocol"],
    ] {
        let outcome = world.run_with_stdin(args, b"");
        assert_eq!((outcome.code, outcome.stdout.as_str()), (2, ""), "{args:?}");
    }
    world.run_with_stdin(&["get", TENANT, "--protocol=native", "--bogus"], b"").error("bad_request");
    let outcome = world.run_with_stdin(&["get", TENANT, "--protocol", "canary"], b"");
    assert_eq!((outcome.code, outcome.stdout.as_str()), (2, ""));
    let outcome = world.run_with_stdin(&["list", "--protocol", "token"], b"");
    assert_eq!((outcome.code, outcome.stdout.as_str()), (2, ""));
}

#[test]
fn what_a_caller_has_configured_may_stand_before_the_command() {
    let world = World::new();
    world.store_veeam("1", 0);
    let config = world.home().join("config.toml").display().to_string();
    let before = ["--config", &config, "--protocol", "token", "--tenant", OTHER, "--interactive", "never"];
    let run = |args: &[&str]| world.run_with_stdin(&[&before, args].concat(), b"");
    // What stands behind the command is nearer to the call.
    assert_eq!(run(&["get", "--tenant", TENANT]).stdout, "canary-veeam-access-1\n");
    assert!(run(&["get", "--tenant", TENANT, "--protocol", "header"]).stdout.starts_with("Authorization: Bearer "));
    assert_eq!(run(&["get"]).code, 8);
    for people in [&["list"][..], &["list", "--json"], &["schema"], &["login", TENANT], &["erase", "--all"]] {
        let outcome = run(people);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (2, ""), "{people:?}");
    }
    // Whoever names a tenant does not mean all.
    let error = world.run_with_stdin(&["--tenant", TENANT, "erase", "--all"], b"").error("bad_request");
    assert_eq!(error["message"], "--tenant does not go with --all");
    world.assert_gave(&world.get(&[]), "1", "cache", HOUR);
}

#[test]
fn a_broken_configuration_is_told_before_anything_is_waited_for() {
    let world = World::new();
    world.write_config("canary = 1");
    for args in [&["get", "--protocol", "native", "--timeout", "1h"][..], &["store", TENANT], &["store"], &["erase"]] {
        let child = piped(&mut world.command(args)).stdin(Stdio::piped()).spawn().unwrap();
        let outcome = finish_with_open_stdin(child);
        outcome.error("config");
    }
    // Who says nothing of a protocol may be somebody to whom nothing is to be told on stdout: the request shows it.
    let outcome = world.run_with_stdin(&["get"], b"{\"uri\":\"https://h\"}");
    assert_eq!((outcome.code, outcome.stdout.as_str()), (8, ""));
    world.run_with_stdin(&["get"], b"{}").error("config");
    // Terraform's word is read to its end, whatever becomes of it.
    let request = format!("{{\"token\":\"canary-1\"}}{}", " ".repeat(300_000));
    let mut command = world.command(&["store", "app.terraform.io", "--protocol", "terraform"]);
    let mut child = piped(&mut command).stdin(Stdio::piped()).spawn().unwrap();
    // A pipe is far smaller: this ends well only if all of it is read.
    child.stdin.take().unwrap().write_all(request.as_bytes()).unwrap();
    let outcome = finish(child);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (8, ""));
}
