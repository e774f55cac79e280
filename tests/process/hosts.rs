//! Tokens of other hosts, kept for Terraform: with the same care as a tenant's, and without a word to
//! anybody.

use std::fs;
use std::io::Write;

use serde_json::json;

use crate::support::{Outcome, TENANT, World, crowd, hold_lock};

const HOST: &str = "app.terraform.io";

fn terraform(world: &World, action: &str, host: &str, stdin: &str) -> Outcome {
    world.run(&[action, host, "--protocol", "terraform"], stdin.as_bytes())
}

/// Keeps token `n` of `HOST`.
fn store(world: &World, n: &str) -> Outcome {
    terraform(world, "store", HOST, &json!({ "token": format!("canary-{n}") }).to_string())
}

fn assert_silent(outcome: &Outcome) {
    assert_eq!((outcome.code, outcome.stdout.as_str(), outcome.stderr.as_str()), (0, "", ""));
}

#[test]
fn a_host_without_a_token_costs_no_request_no_lock_and_no_file() {
    let mut world = World::new();
    let silence = world.silence();
    assert_eq!(terraform(&world, "get", "registry.terraform.io", "").answer(), json!({}));
    assert_silent(&terraform(&world, "forget", "registry.terraform.io", ""));
    assert!(!world.cache_dir().exists());
    silence.assert();

    assert_silent(&store(&world, "1"));
    let lock = world.cache_dir().join("hosts").join(format!("{HOST}.lock"));
    fs::remove_file(&lock).unwrap();
    assert_eq!(terraform(&world, "get", HOST, "").answer(), json!({ "token": "canary-1" }));
    assert!(!lock.exists());
}

#[test]
fn a_token_is_kept_by_host_and_port_in_a_file_of_its_own() {
    let world = World::new();
    assert_silent(&terraform(&world, "store", "Example.com:8443", r#"{"token":"canary-1"}"#));
    let file = world.cache_dir().join("hosts/example.com_8443.json");
    let text = "{\"version\":1,\"host\":\"example.com:8443\",\"token\":\"canary-1\"}\n";
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
    assert_eq!(terraform(&world, "get", "example.com:8443", "").answer(), json!({ "token": "canary-1" }));
    assert_eq!(terraform(&world, "get", "example.com", "").answer(), json!({}));
    // A device's name on Windows is a host's all the same.
    assert_eq!(terraform(&world, "get", "aux.example.com", "").answer(), json!({}));
    assert_silent(&terraform(&world, "store", "aux.example.com", r#"{"token":"canary-2"}"#));
    assert!(world.cache_dir().join("hosts/_aux.example.com.json").exists());
    assert_eq!(world.run(&["list", "--json"], b"").answer()["hosts"][0]["host"], "aux.example.com");
    assert_silent(&terraform(&world, "forget", "example.com:8443", ""));
    assert!(!file.exists());
}

#[test]
fn what_is_kept_is_listed_by_host_alone_and_erased_with_everything() {
    let world = World::new();
    world.store_veeam("1", 0);
    store(&world, "1");
    let listed = world.run(&["list", "--json"], b"");
    assert!(!listed.stdout.contains("canary"));
    assert_eq!(listed.answer()["hosts"], json!([{ "host": HOST }]));
    let table = world.run_raw(&["list"]).stdout;
    let rows: Vec<Vec<_>> = table.lines().skip(1).map(|line| line.split_whitespace().collect()).collect();
    assert_eq!((rows.len(), rows[0][0]), (2, TENANT), "{table}");
    assert_eq!(rows[1], [HOST, "for", "Terraform", "-", "-", "-", "-"]);
    let blocks = world.run_raw(&["list", "--wide"]).stdout;
    assert!(blocks.ends_with(&format!("\n\n{HOST}\n  state  for Terraform\n")), "{blocks}");
    // A filter is about tenants.
    assert!(!world.run_raw(&["list", "--state", "valid"]).stdout.contains(HOST));

    // One that a killed writer has left goes as well.
    fs::write(world.cache_dir().join("hosts/def.com.json.tmp"), "{\"version\":1").unwrap();
    world.run(&["erase", TENANT], b"").answer();
    assert_eq!(terraform(&world, "get", HOST, "").answer(), json!({ "token": "canary-1" }));
    world.run(&["erase", "--all"], b"").answer();
    let left = fs::read_dir(world.cache_dir().join("hosts")).unwrap().map(|file| file.unwrap().path());
    assert!(left.into_iter().all(|path| path.extension().unwrap() == "lock"));
}

#[test]
fn a_damaged_file_counts_as_nothing_and_is_replaced() {
    let world = World::new();
    store(&world, "1");
    let file = world.cache_dir().join("hosts").join(format!("{HOST}.json"));
    let whole = fs::read_to_string(&file).unwrap();
    for damage in [
        "",
        "{\"version\":1,\"canary",
        r#"{"version":1,"host":"other.example","token":"canary-1"}"#,
        r#"{"version":1,"host":"app.terraform.io","token":"canary 1"}"#,
        r#"{"version":0,"host":"app.terraform.io","token":"canary-1"}"#,
        r#"[1,"app.terraform.io","canary-1"]"#,
    ] {
        fs::write(&file, damage).unwrap();
        let outcome = world.run_with_stdin(&["get", HOST, "--protocol", "terraform"], b"");
        assert_eq!((outcome.code, outcome.document()), (0, json!({})), "{damage}");
        let [warning] = outcome.warnings()[..] else { panic!("not one warning: {outcome:?}") };
        assert!(warning.contains(&file.display().to_string()), "{warning}");
        assert_silent(&store(&world, "1"));
        assert_eq!(fs::read_to_string(&file).unwrap(), whole);
    }
}

#[test]
fn a_file_of_a_newer_version_is_left_alone() {
    let world = World::new();
    store(&world, "1");
    let file = world.cache_dir().join("hosts").join(format!("{HOST}.json"));
    let newer = r#"{"version":3,"sealed":"canary"}"#;
    fs::write(&file, newer).unwrap();
    for outcome in [terraform(&world, "get", HOST, ""), store(&world, "2")] {
        assert_eq!((outcome.code, outcome.stdout.as_str()), (7, ""));
        assert!(outcome.stderr.contains("newer version 3"), "{}", outcome.stderr);
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), newer);
    assert_silent(&terraform(&world, "forget", HOST, ""));
    assert!(!file.exists());
}

#[test]
fn a_refusal_reads_to_the_end_and_keeps_what_was_kept() {
    let world = World::new();
    store(&world, "1");
    let padding = " ".repeat(300_000);
    for (request, words) in [
        (format!(r#"{{"token":"canary-2","user":"canary"}}{padding}"#), "field `user` is not known"),
        (format!(r#"{{"token":7}}{padding}"#), "field `token` is not one word of printable ASCII"),
        (format!(r#"{{"token":"canary\n2"}}{padding}"#), "field `token` is not one word of printable ASCII"),
        (format!("{{}}{padding}"), "field `token` is missing"),
        (format!("null{padding}"), "the request is not a JSON object"),
        (String::new(), "the request on stdin is empty"),
    ] {
        let mut command = world.command(&["store", HOST, "--protocol", "terraform"]);
        let mut child = crate::support::piped(&mut command).stdin(std::process::Stdio::piped()).spawn().unwrap();
        // A pipe is far smaller: this ends well only if all of it is read.
        child.stdin.take().unwrap().write_all(request.as_bytes()).unwrap();
        let outcome = crate::support::finish(child);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (2, ""));
        assert!(outcome.stderr.contains(words) && !outcome.stderr.contains("canary"), "{}", outcome.stderr);
    }
    assert_eq!(terraform(&world, "get", HOST, "").answer(), json!({ "token": "canary-1" }));
}

#[test]
fn a_vb365_servers_tokens_come_from_a_sign_in_alone() {
    let world = World::new();
    let address = world.vb365.host_with_port();
    let outcome = terraform(&world, "store", &address, r#"{"token":"canary-1"}"#);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (2, ""));
    assert!(!world.cache_dir().exists());

    // One that was kept before the server was configured is not the answer, and is forgotten with it.
    world.write_config("");
    assert_silent(&terraform(&world, "store", &address, r#"{"token":"canary-old"}"#));
    world.configure(&format!("server = \"{}\"", world.vb365.url()));
    world.store_veeam("1", 0);
    let answer = terraform(&world, "get", &address, "").answer();
    assert_eq!(answer, json!({ "token": "canary-veeam-access-1" }));
    assert_silent(&terraform(&world, "forget", &address, ""));
    assert_eq!(terraform(&world, "get", &address, "").code, 3);
    world.write_config("");
    assert_eq!(terraform(&world, "get", &address, "").answer(), json!({}));
}

#[test]
fn forgetting_a_server_leaves_the_sign_in_and_the_other_servers() {
    let world = World::new();
    let other = "https://other.example:4443";
    world.configure(&format!("servers = [\"{}\", \"{other}\"]\napi_version = \"v8\"", world.vb365.url()));
    world.store_entra("1", 0);
    world.store_veeam("1", 0);
    world.store(&json!({ "server": other, "veeam": crate::support::veeam("2") }));
    assert_silent(&terraform(&world, "forget", "other.example:4443", ""));
    let listed = world.run(&["list", "--json"], b"").answer();
    let tenant = &listed["tenants"][0];
    assert_eq!(tenant["servers"].as_array().unwrap().len(), 1);
    assert_eq!(tenant["servers"][0]["server"], world.vb365.url());
    assert_eq!(tenant["entra"]["refreshable"], true);
}

#[test]
fn many_who_store_at_once_leave_one_whole_token() {
    let world = World::new();
    let commands = (0..20).map(|_| world.command(&["store", HOST, "--protocol", "terraform"]));
    crowd(commands, br#"{"token":"canary-1"}"#).iter().for_each(assert_silent);
    assert_eq!(terraform(&world, "get", HOST, "").answer(), json!({ "token": "canary-1" }));
    let dir = fs::read_dir(world.cache_dir().join("hosts")).unwrap();
    assert_eq!(dir.count(), 2, "the file and its lock");
}

#[test]
fn a_lock_that_is_held_stops_a_store_and_no_get() {
    let world = World::new();
    store(&world, "1");
    let _held = hold_lock(&world, &format!("hosts/{HOST}.lock"));
    let waiting = world.command(&["store", HOST, "--protocol", "terraform"]);
    let [outcome] = crowd([waiting], br#"{"token":"canary-2"}"#).try_into().unwrap();
    assert_eq!((outcome.code, outcome.stdout.as_str()), (7, ""));
    assert!(outcome.stderr.contains(&format!("hosts/{HOST}.lock").replace('/', std::path::MAIN_SEPARATOR_STR)));
    assert_eq!(terraform(&world, "get", HOST, "").answer(), json!({ "token": "canary-1" }));
}

#[test]
#[cfg(unix)]
fn everything_is_for_its_owner_alone_and_nobody_elses_is_used() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let world = World::new();
    store(&world, "1");
    let hosts = world.cache_dir().join("hosts");
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode(&hosts), mode(&world.cache_dir())), (0o700, 0o700));
    for file in fs::read_dir(&hosts).unwrap() {
        assert_eq!(mode(&file.unwrap().path()), 0o600);
    }
    let refused = |outcome: Outcome, why: &str| {
        assert_eq!((outcome.code, outcome.stdout.as_str()), (7, ""), "{outcome:?}");
        assert!(outcome.stderr.contains(why), "{}", outcome.stderr);
    };
    // Who can write there could put another token in its place.
    for dir in &[hosts.clone(), world.cache_dir()] {
        fs::set_permissions(dir, fs::Permissions::from_mode(0o770)).unwrap();
        refused(terraform(&world, "get", HOST, ""), "it is writable by other users");
        refused(store(&world, "2"), "it is writable by other users");
        let listed = world.run_raw(&["list"]);
        // What is kept of tenants is listed all the same.
        assert_eq!(listed.code == 0, *dir == hosts, "{listed:?}");
        assert!(listed.stderr.contains("it is writable by other users"), "{listed:?}");
        fs::set_permissions(dir, fs::Permissions::from_mode(0o700)).unwrap();
    }
    let elsewhere = world.home().join("elsewhere");
    fs::rename(&hosts, &elsewhere).unwrap();
    symlink(&elsewhere, &hosts).unwrap();
    refused(terraform(&world, "get", HOST, ""), "it is a symbolic link");
    refused(store(&world, "2"), "it is a symbolic link");
}
