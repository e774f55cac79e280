//! `list`: what the cache holds, in words and as a document, and never a token.

use std::fs;

use serde_json::{Value, json};

use crate::support::{
    CLIENT_ID, HOUR, ORGANIZATION, TENANT, World, ago, assert_ends_in, assert_valid, entra, fewer, veeam,
};

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
    let world = World::unconfigured();
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
    // The server has not taken it yet.
    world.store_entra("1", 0);
    assert_eq!(state(&world), "renewable");
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
fn what_get_would_not_use_is_no_sign_in() {
    let world = World::new();
    world.store_entra("1", 0);
    let url = world.vb365.url();
    world.configure(&format!("client_id = \"11111111-2222-4333-8444-555555555555\"\nserver = \"{url}\""));
    assert_eq!(state(&world), "login_required");
    world.get(&[]).error("login_required");
    assert_eq!(world.run_raw(&["list", "--fail-on", "login_required"]).code, 3);
    assert_eq!(world.run_raw(&["list", "--quiet", "--due-within", "1s"]).stdout, format!("{TENANT}\n"));

    let world = World::new();
    world.store_veeam("1", 0);
    assert_eq!(state(&world), "valid");
    world.write_config(&format!("[tenants.\"{TENANT}\"]\nserver = \"https://vb365.abc.local:4443\"\n"));
    assert_eq!(state(&world), "login_required");
}

#[test]
fn a_token_that_nothing_can_renew_needs_a_sign_in_at_its_end() {
    let world = World::new();
    let bare = json!({ "access_token": "canary", "expires_in": HOUR });
    world.store(&json!({ "server": world.vb365.url(), "veeam": bare }));
    assert_eq!(state(&world), "valid");
    let names = |within| world.run_raw(&["list", "--quiet", "--due-within", within]).stdout;
    assert_eq!((names("2h"), names("10m")), (format!("{TENANT}\n"), String::new()));
    // The server's own renewal has no end that anybody knows.
    world.store_veeam("1", 0);
    assert_eq!(names("2h"), "");
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
    fs::write(world.cache_dir().join("newer.com.json"), r#"{"version":3,"new":"canary"}"#).unwrap();
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
    assert_eq!(shown, [("damaged.com", "damaged"), ("newer.com", "damaged"), (TENANT, "valid")]);
    let warnings = outcome.warnings();
    assert_eq!((warnings.len(), outcome.stderr.lines().count()), (2, 2), "{warnings:?}");
    for (warning, name) in warnings.iter().zip(["damaged.com.json", "newer.com.json"]) {
        assert!(warning.contains(&world.cache_dir().join(name).display().to_string()), "{warning}");
    }
}

/// A cache with a tenant in each state, the times of all known.
fn in_every_state() -> World {
    let world = World::unconfigured();
    let (authority, server) = (world.entra.url(), world.vb365.url());
    let lines = format!("authority = \"{authority}\"\nserver = \"{server}\"\n");
    world.write_config(&format!("[defaults]\n{lines}[tenants.\"never.com\"]\n[tenants.\"{ORGANIZATION}\"]\n"));
    world.store_veeam("1", 30);
    let store = |tenant: &str, fields: Value| {
        let mut request = json!({ "version": 1, "tenant": tenant });
        request.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        world.run(&["store"], request.to_string().as_bytes()).answer();
    };
    store("late.com", json!({ "entra": entra("2"), "obtained_at": ago(85 * 24 * HOUR) }));
    store("fresh.com", json!({ "entra": entra("3"), "obtained_at": ago(2 * HOUR) }));
    fs::write(world.cache_dir().join("damaged.com.json"), "").unwrap();
    world
}

/// Everything about `world` that differs from run to run, by what is as long.
#[cfg(unix)]
fn steady(world: &World, text: &str) -> String {
    let mut text = text.replace(&world.vb365.url(), "https://vb365.abc:4443").replace(&world.entra.url(), "HOST");
    for (days, name) in [(5, "2027-01-05"), (90, "2027-03-31")] {
        let day = (chrono::Utc::now() + chrono::TimeDelta::days(days)
            - chrono::TimeDelta::seconds(if days == 5 { 0 } else { 2 * HOUR }))
        .format("%Y-%m-%d");
        text = text.replace(&day.to_string(), name);
    }
    text.replace("58 min", "59 min")
}

#[test]
fn the_table_shows_first_what_needs_attention() {
    let world = in_every_state();
    let outcome = world.run(&["list"], b"");
    assert_eq!((outcome.code, outcome.warnings().len()), (0, 1));
    let rows: Vec<Vec<_>> = outcome.stdout.lines().map(|line| line.split_whitespace().collect()).collect();
    let server = world.vb365.url();
    assert_eq!(rows.len(), 6, "{}", outcome.stdout);
    let head = ["TENANT", "STATE", "ACCOUNT", "SERVER", "ACCESS", "TOKEN", "SIGN", "IN", "BY"];
    assert_eq!(rows[0], head);
    assert_eq!(rows[1], ["never.com", "login", "required", "-", server.as_str(), "-", "now"]);
    assert_eq!(rows[2], ["damaged.com", "damaged", "-", "-", "-", "-"]);
    assert_eq!(rows[3][..5], ["late.com", "renewable", "-", server.as_str(), "-"]);
    assert_eq!(rows[4][..5], ["fresh.com", "renewable", "-", server.as_str(), "-"]);
    assert!(rows[3][5] < rows[4][5], "{}", outcome.stdout);
    assert_eq!(rows[5][..4], [TENANT, "valid", "-", server.as_str()]);
    assert!(rows[5][4].parse::<i64>().is_ok_and(|minutes| (58..60).contains(&minutes)), "{}", outcome.stdout);
    assert_eq!(rows[5][5..], ["min", "left", "-"]);
}

#[test]
fn names_alone_are_for_other_programs() {
    let world = in_every_state();
    let names = |args: &[&str]| world.run_raw(&[&["list", "--quiet"], args].concat()).stdout;
    assert_eq!(names(&[]), format!("never.com\ndamaged.com\nlate.com\nfresh.com\n{TENANT}\n"));
    assert_eq!(names(&["--state", "renewable"]), "late.com\nfresh.com\n");
    assert_eq!(names(&["--state", "valid,damaged"]), format!("damaged.com\n{TENANT}\n"));
    // Of a damaged one nobody can tell, so it may be due.
    assert_eq!(names(&["--due-within", "7d"]), "never.com\ndamaged.com\nlate.com\n");
    assert_eq!(names(&["--due-within", "1d", "--state", "renewable"]), "");
    assert_eq!(names(&["--due-within", "100000000y"]), "never.com\ndamaged.com\nlate.com\nfresh.com\n");
    // Who is asked about is answered, by the name that was used; nobody else's file is even opened.
    assert_eq!(names(&["FRESH.com", "late.com", "Late.com", "nobody.com"]), "nobody.com\nlate.com\nfresh.com\n");
    assert_eq!(world.run_raw(&["list", "fresh.com"]).stderr, "");
}

#[test]
fn a_name_that_nobody_knows_is_no_tenant() {
    let world = World::new();
    let error = world.run(&["list", "--json", TENANT, "abd.onmicrosoft.com"], b"").error("config");
    assert_eq!(error["message"], "abd.onmicrosoft.com is neither configured nor kept");
    assert_eq!(error["hint"], format!("did you mean {ORGANIZATION}? if not: vb365-helper list --quiet"));
    // What is kept of one that is not configured any more is listed.
    world.store_veeam("1", 0);
    world.write_config("");
    assert_eq!(world.run_raw(&["list", "-q", TENANT]).stdout, format!("{TENANT}\n"));
}

#[test]
fn a_monitor_is_told_by_the_exit_code_and_still_gets_the_list() {
    let world = in_every_state();
    let call = |args: &[&str]| world.run_raw(&[&["list", "--quiet"], args].concat());
    let due = call(&["--fail-on", "login_required,damaged"]);
    assert_eq!((due.code, due.stdout.lines().count()), (3, 5));
    let words = "vb365-helper: a sign-in is due for never.com\nvb365-helper: hint: vb365-helper login never.com\n";
    assert!(due.stderr.ends_with(words), "{}", due.stderr);
    let damaged = call(&["--fail-on", "damaged"]);
    assert_eq!((damaged.code, damaged.stdout.lines().count()), (7, 5));
    assert!(damaged.stderr.contains("the cache files of damaged.com are damaged"), "{}", damaged.stderr);
    assert_eq!(call(&["--fail-on", "login_required", "--state", "valid"]).code, 0);
    assert_eq!(call(&["--fail-on", "login_required,damaged", "fresh.com"]).code, 0);

    let soon = call(&["--fail-on", "due", "--due-within", "7d", "late.com", "fresh.com"]);
    assert_eq!((soon.code, soon.stdout.as_str()), (3, "late.com\n"));
    let words = "vb365-helper: a sign-in is due within 7 days for late.com\n\
                 vb365-helper: hint: vb365-helper login late.com\n";
    assert_eq!(soon.stderr, words);
    assert_eq!(call(&["--fail-on", "due", "--due-within", "1d", "late.com"]).code, 0);
    let endless = call(&["--fail-on", "due"]);
    assert_eq!((endless.code, endless.stdout.as_str()), (2, ""));

    // The document is the list, not an error.
    let outcome = world.run_raw(&["list", "--json", "--fail-on", "login_required"]);
    assert_eq!(outcome.code, 3);
    let document: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_valid("list-v1", &document);
    assert_eq!(document["tenants"][0]["state"], "login_required");
}

#[test]
fn metrics_are_what_a_textfile_collector_takes() {
    let world = in_every_state();
    let text = world.run_raw(&["list", "--prometheus"]).stdout;
    assert!(!text.contains("canary"), "{text}");
    let server = world.vb365.url();
    for line in [
        "# TYPE vb365_helper_tenant_state gauge",
        "vb365_helper_tenant_state{tenant=\"never.com\",state=\"login_required\"} 1",
        "vb365_helper_tenant_state{tenant=\"never.com\",state=\"valid\"} 0",
        "vb365_helper_tenant_state{tenant=\"damaged.com\",state=\"damaged\"} 1",
        concat!("vb365_helper_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
    ] {
        assert!(text.lines().any(|written| written == line), "{line} is not in\n{text}");
    }
    let value = |start: &str| text.lines().find_map(|line| line.strip_prefix(start)?.trim().parse::<i64>().ok());
    let now = value("vb365_helper_list_timestamp_seconds").unwrap();
    assert!((chrono::Utc::now().timestamp() - now).abs() < 60);
    let ends = value(&format!(
        "vb365_helper_access_token_expiry_timestamp_seconds{{tenant=\"{TENANT}\",server=\"{server}\"}}"
    ));
    assert!((HOUR - 90..=HOUR - 30).contains(&(ends.unwrap() - now)), "{text}");
    let needed = |tenant: &str| value(&format!("vb365_helper_sign_in_needed_timestamp_seconds{{tenant=\"{tenant}\"}}"));
    assert_eq!(needed("never.com"), Some(now));
    assert!((4 * 24 * HOUR..=5 * 24 * HOUR).contains(&(needed("late.com").unwrap() - now)), "{text}");
    // Nobody can tell.
    assert_eq!((needed("damaged.com"), needed(TENANT)), (None, None));
    #[cfg(unix)]
    assert_parsed(&text);
}

/// A collector's own parser takes all of it.
#[cfg(unix)]
fn assert_parsed(text: &str) {
    use crate::support::{skip, tool};
    let Some(python) = tool("python3") else { return };
    let check = "import sys\nfrom prometheus_client.parser import text_string_to_metric_families as f\n\
                 print(sum(len(m.samples) for m in f(sys.stdin.read())))";
    let mut read = assert_cmd::Command::new(python);
    let read = read.args(["-c", check]).write_stdin(text).output().unwrap();
    if !read.status.success() && String::from_utf8_lossy(&read.stderr).contains("No module named") {
        skip("prometheus_client (PyPI) is missing");
        return;
    }
    assert!(read.status.success(), "{read:?}");
    let samples = text.lines().filter(|line| !line.starts_with('#')).count();
    assert_eq!(String::from_utf8_lossy(&read.stdout).trim(), samples.to_string(), "{read:?}");
}

#[test]
fn a_server_that_stands_twice_in_a_file_is_told_once() {
    // A collector that is shown a series twice drops everything.
    let world = World::new();
    world.store_veeam("1", 0);
    let file = world.cache_file();
    let mut entry: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let mut second = entry["veeam"][0].clone();
    second.as_object_mut().unwrap().remove("refresh_token");
    entry["veeam"].as_array_mut().unwrap().push(second);
    fs::write(&file, entry.to_string()).unwrap();
    let text = world.run_raw(&["list", "--prometheus"]).stdout;
    assert_eq!(text.matches("vb365_helper_access_token_expiry_timestamp_seconds{").count(), 1, "{text}");
    let servers = listed(&world)["tenants"][0]["servers"].clone();
    assert_eq!((servers.as_array().unwrap().len(), &servers[0]["refreshable"]), (1, &json!(true)));
}

#[test]
fn metrics_replace_a_file_as_a_whole() {
    let world = in_every_state();
    let file = world.home().join("vb365.prom");
    let path = file.display().to_string();
    let args = ["list", "--prometheus", "--output", &path];
    assert_eq!(world.run_raw(&args).stdout, "");
    let first = fs::read_to_string(&file).unwrap();
    assert!(first.starts_with("# HELP vb365_helper_tenant_state "), "{first}");
    fs::write(&file, "old").unwrap();
    assert_eq!(world.run_raw(&[&args[..], &["--fail-on", "login_required"]].concat()).code, 3);
    assert_eq!(fs::read_to_string(&file).unwrap().lines().count(), first.lines().count());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o044, 0o044, "the collector is another user");
    }
    let nowhere = world.home().join("missing/vb365.prom").display().to_string();
    let outcome = world.run_raw(&["list", "--prometheus", "--output", &nowhere]);
    assert_eq!(outcome.code, 8);
    assert!(outcome.stderr.contains(&format!("the file {nowhere} cannot be written")), "{}", outcome.stderr);
}

#[test]
fn thousands_of_damaged_files_are_a_few_warnings() {
    let world = World::unconfigured();
    fs::create_dir(world.cache_dir()).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(world.cache_dir(), fs::Permissions::from_mode(0o700)).unwrap();
    }
    for n in 0..1000 {
        fs::write(world.cache_dir().join(format!("t{n}.com.json")), "{canary").unwrap();
    }
    let outcome = world.run(&["list", "--json"], b"");
    assert_eq!(outcome.document()["tenants"].as_array().unwrap().len(), 1000);
    let warnings = outcome.warnings();
    assert_eq!((warnings.len(), warnings[5]), (6, "995 more cache files are damaged"));
}

#[test]
fn ten_thousand_tenants_are_listed_at_once() {
    const MANY: usize = fewer(10_000);
    let world = World::new();
    world.store(&json!({ "entra": entra("1"), "server": world.vb365.url(), "veeam": veeam("1") }));
    let entry = fs::read_to_string(world.cache_file()).unwrap();
    let file = |name: &str| world.cache_dir().join(format!("{name}.json"));
    for n in 1..MANY {
        let name = format!("t{n:05}.com");
        let text = if n == MANY / 2 { "{canary".to_owned() } else { entry.replace(TENANT, &name) };
        fs::write(file(&name), text).unwrap();
    }
    let start = std::time::Instant::now();
    let outcome = world.run_raw(&["list"]);
    let took = start.elapsed();
    // Built without optimization, which costs a factor of ten and more.
    assert!(took < std::time::Duration::from_secs(15), "{took:?}");
    assert_eq!((outcome.code, outcome.warnings().len(), outcome.stdout.lines().count()), (0, 1, MANY + 1));
    let first = format!("t{:05}.com ", MANY / 2);
    assert!(outcome.stdout.lines().nth(1).unwrap().starts_with(&first), "what needs attention stands first");
    let due = world.run_raw(&["list", "--quiet", "--fail-on", "damaged,login_required"]);
    assert_eq!((due.code, due.stdout.lines().count()), (7, MANY));
}

#[cfg(unix)]
#[test]
fn the_table_fits_the_terminal() {
    use crate::support::can_use_terminals;
    use crate::support::screens::{assert_screen, seen};
    if !can_use_terminals() {
        return;
    }
    let world = in_every_state();
    let shown = |size, args: &[&str], more: &[(&str, &str)]| {
        let finished = world.on_a_terminal(size, &[&["list"], args].concat(), more);
        assert_eq!(finished.code, Some(0), "{finished:?}");
        let shown = finished.terminal;
        shown.split_once("TENANT").map_or(shown.clone(), |(_, table)| format!("TENANT{table}"))
    };
    let screen = |size: (u16, u16)| steady(&world, &seen(shown(size, &[], &[]).as_bytes(), size.0, size.1));
    assert_screen("list", &screen((120, 24)));
    assert_screen("list-narrow", &screen((80, 24)));
    assert_screen("list-narrowest", &screen((50, 24)));
    let colours = shown((120, 24), &[], &[]);
    assert!(colours.contains("\u{1b}[33mlogin required\u{1b}[0m"), "{colours:?}");
    assert!(!shown((120, 24), &[], &[("NO_COLOR", "1")]).contains('\u{1b}'));
    assert!(!shown((120, 24), &[], &[("TERM", "dumb")]).contains('\u{1b}'));
}

#[cfg(target_os = "linux")]
#[test]
fn whoever_looks_at_the_list_hears_once_that_nothing_is_sealed() {
    if !crate::support::can_use_terminals() {
        return;
    }
    let machine = crate::support::Machine::signed_in();
    let times = |args: &[&str], more: &[(&str, &str)]| {
        let finished = machine.on_a_terminal((120, 24), &[&["list"], args].concat(), more);
        assert_eq!(finished.code, Some(0), "{finished:?}");
        finished.terminal.matches("because no keyring answered").count()
    };
    assert_eq!((times(&[], &[]), times(&["--wide"], &[])), (1, 1));
    // Nor is it a matter for programs, or for whoever chose it.
    assert_eq!((times(&["--quiet"], &[]), times(&["--json"], &[])), (0, 0));
    assert_eq!(times(&[], &[("VB365_HELPER_PROTECTION", "none")]), 0);
    assert_eq!(machine.run_raw(&["list"]).stderr, "");
    assert_eq!(machine.run_raw(&["erase", TENANT]).code, 0);
    assert_eq!(times(&[], &[]), 0, "nothing is kept");
}

#[test]
fn everything_about_a_tenant_is_a_block_of_facts() {
    let world = in_every_state();
    let text = world.run_raw(&["list", "--wide", "--state", "valid,login_required"]).stdout;
    let (server, minutes) = (world.vb365.url(), text.split_once(" min left").unwrap().0.rsplit(' ').next().unwrap());
    let ends = text.split_once(" min left (").unwrap().1.split(')').next().unwrap();
    let expected = format!(
        "never.com\n  state            login required\n  sign in by       now\n  server           {server}\n    \
         access token   -\n    refresh token  none\n  protection       none\n\n{TENANT}\n  \
         state            valid\n  sign in by       -\n  server           {server}\n    \
         access token   {minutes} min left ({ends})\n    refresh token  kept\n  protection       none\n"
    );
    assert_eq!(text, expected);
}

#[test]
fn a_file_is_for_metrics_alone() {
    let world = World::new();
    let path = world.home().join("out").display().to_string();
    for flag in ["--json", "--quiet", "--wide"] {
        let outcome = world.run_raw(&["list", flag, "--output", &path]);
        assert_eq!(outcome.code, 2, "{flag}: {outcome:?}");
    }
    assert_eq!(world.run_raw(&["list", "--output", &path]).code, 2);
    assert!(!world.home().join("out").exists());
}

#[test]
fn a_monitor_is_told_what_mends_a_file_that_no_sign_in_heals() {
    let world = World::new();
    world.store_veeam("1", 0);
    fs::write(world.cache_file(), r#"{"version":99}"#).unwrap();
    let hint = world.get(&[]).error("cache")["hint"].as_str().unwrap().to_owned();
    let outcome = world.run_raw(&["list", "--fail-on", "damaged"]);
    assert_eq!(outcome.code, 7);
    assert!(outcome.stderr.ends_with(&format!("hint: {hint}\n")), "{outcome:?}");
    // What a sign-in heals needs one.
    fs::write(world.cache_dir().join("aaa.com.json"), "{").unwrap();
    let outcome = world.run_raw(&["list", "--fail-on", "damaged"]);
    assert!(outcome.stderr.ends_with("hint: vb365-helper login aaa.com\n"), "{outcome:?}");
}
