//! `refresh`: many tenants renewed ahead of time, and what is told of those that could not be.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::server::{Fault, Options, Sandbox};
use crate::support::{HOUR, Machine, ORGANIZATION, TENANT, ago, assert_valid, finish, is_long, tell};

/// A machine on which `count` tenants have signed in, and everything can still be renewed.
fn many(count: usize, options: Options) -> (Machine, Vec<String>) {
    let machine = Machine::with(options);
    let tenants: Vec<_> = (0..count).map(|n| format!("t{n:04}.{TENANT}")).collect();
    let lines: String = tenants.iter().map(|tenant| format!("[tenants.\"{tenant}\"]\n")).collect();
    let (server, authority) = (machine.sandbox.url(), machine.sandbox.authority());
    let pin = machine.sandbox.certificate_sha256().map(|pin| format!("pin_sha256 = [\"{pin}\"]\n"));
    machine.write_config(&format!(
        "[defaults]\nserver = \"{server}\"\nauthority = \"{authority}\"\napi_version = \"v8\"\n\
         organization = \"{ORGANIZATION}\"\n{}{lines}",
        pin.unwrap_or_default()
    ));
    for tenant in &tenants {
        let response: Value = serde_json::from_str(&machine.sandbox.token_response()).unwrap();
        store(&machine, &json!({ "version": 1, "tenant": tenant, "entra": response, "obtained_at": ago(HOUR) }));
    }
    (machine, tenants)
}

/// Keeps tokens of a server for `tenant`, which that does not know any more.
fn keep_of_server(machine: &Machine, tenant: &str, server: &str) {
    let veeam = json!({ "access_token": "a", "refresh_token": "b", "token_type": "bearer", "expires_in": 60 });
    let request = json!({ "version": 1, "tenant": tenant, "server": server, "veeam": veeam, "obtained_at": ago(HOUR) });
    store(machine, &request);
}

fn store(machine: &Machine, request: &Value) {
    // Not `run`, which looks at every entry after each.
    let outcome = machine.run_with_stdin(&["store"], request.to_string().as_bytes());
    assert_eq!(outcome.code, 0, "{outcome:?}");
}

/// The document of a `refresh`, with the exit code.
fn refreshed(machine: &Machine, args: &[&str]) -> (i32, Value) {
    let outcome = machine.run_raw(&[&["refresh", "--json"], args].concat());
    assert!(!outcome.stdout.contains("eyJ") && !outcome.stdout.contains("refresh-"), "{outcome:?}");
    let document = serde_json::from_str(&outcome.stdout).unwrap_or_else(|_| panic!("{outcome:?}"));
    assert_valid("refresh-v1", &document);
    (outcome.code, document)
}

fn counts(document: &Value) -> [&Value; 3] {
    ["renewed", "not_due", "failed"].map(|key| &document[key])
}

#[test]
fn a_tenants_tokens_of_both_systems_are_renewed_and_handed_to_nobody() {
    let machine = Machine::signed_in();
    machine.expire_entra(TENANT);
    machine.expire_veeam(TENANT);
    let outcome = machine.run_raw(&["refresh", TENANT]);
    assert_eq!((outcome.code, outcome.stdout.as_str(), outcome.stderr.as_str()), (0, "renewed 1 tenant\n", ""));
    let requests = |machine: &Machine| ["entra_token", "veeam_token"].map(|name| machine.sandbox.requests(name));
    let after = requests(&machine);
    assert_eq!(machine.get(TENANT, &[]).document()["source"], "cache");
    // Once more at once is no renewal.
    assert_eq!(machine.run_raw(&["refresh", TENANT]).code, 0);
    assert_eq!(requests(&machine), after);
    // Unless nothing is there of what was renewed.
    machine.run(&["erase", TENANT, "--access-only"], b"").answer();
    assert_eq!(machine.run_raw(&["refresh", TENANT]).code, 0);
    assert_eq!(requests(&machine), after.map(|count| count + 1));
    assert_eq!(machine.get(TENANT, &[]).document()["source"], "cache");
    machine.assert_no_complaints();
}

#[test]
fn a_server_that_renews_by_itself_is_asked_even_if_microsoft_refuses() {
    let machine = Machine::signed_in();
    machine.expire_entra(TENANT);
    machine.expire_veeam(TENANT);
    let body = r#"{"error":"unauthorized_client","error_codes":[700016]}"#.to_owned();
    machine.sandbox.fault("entra_token", Fault::Answer { status: 400, headers: Vec::new(), body });
    let asked = machine.sandbox.requests("veeam_token");
    let outcome = machine.run_raw(&["refresh", TENANT]);
    assert_eq!(outcome.code, 5, "{outcome:?}");
    assert_eq!(machine.sandbox.requests("veeam_token"), asked + 1);
    assert_eq!(machine.get(TENANT, &[]).document()["source"], "cache");
}

#[test]
fn two_timers_at_once_renew_each_tenant_once() {
    let (machine, tenants) = many(20, Options { latency: Duration::from_millis(20), ..Options::default() });
    let runs = [0, 1].map(|_| machine.start(&["refresh", "--all", "--jobs", "3"]));
    for outcome in runs.map(finish) {
        assert_eq!((outcome.code, outcome.stdout.as_str()), (0, "renewed 20 tenants\n"), "{outcome:?}");
    }
    assert_eq!(machine.sandbox.requests("entra_token"), tenants.len());
    machine.assert_no_complaints();
}

#[test]
fn a_mistake_in_one_tenants_settings_is_its_failure_alone() {
    let (machine, tenants) = many(3, Options::default());
    let text = std::fs::read_to_string(machine.home().join("config.toml")).unwrap();
    let table = format!("[tenants.\"{}\"]\n", tenants[1]);
    machine.write_config(&text.replace(&table, &format!("{table}api_version = \"v99\"\n")));
    let (code, document) = refreshed(&machine, &["--all"]);
    assert_eq!((code, counts(&document)), (8, [&json!(2), &json!(0), &json!(1)]));
    let error = &document["tenants"][1]["error"];
    assert_eq!((&error["kind"], &error["tenant"]), (&json!("config"), &json!(tenants[1])));
    assert_eq!(machine.sandbox.requests("entra_token"), 2);
}

#[test]
fn only_what_is_due_is_renewed() {
    let (machine, tenants) = many(3, Options::default());
    let old = ago(85 * 24 * HOUR);
    machine.change_entry(&tenants[1], |entry| entry["entra"][0]["obtained_at"] = json!(old));
    let (code, document) = refreshed(&machine, &["--all", "--due-within", "7d"]);
    assert_eq!((code, counts(&document)), (0, [&json!(1), &json!(2), &json!(0)]));
    assert_eq!(document["tenants"][1], json!({ "tenant": tenants[1], "outcome": "renewed" }));
    assert_eq!(machine.sandbox.requests("entra_token"), 1);
    let (_, document) = refreshed(&machine, &["--all", "--due-within", "7d"]);
    assert_eq!(counts(&document), [&json!(0), &json!(3), &json!(0)]);
}

#[test]
fn one_tenants_failure_stops_no_other_and_who_needs_a_person_is_told() {
    let (machine, tenants) = many(5, Options::default());
    let dead = r#"{"error":"invalid_grant","error_codes":[700082]}"#.to_owned();
    machine.sandbox.fault("entra_token", Fault::Answer { status: 400, headers: Vec::new(), body: dead });
    machine.sandbox.fault("entra_token", Fault::Answer { status: 503, headers: Vec::new(), body: String::new() });
    std::fs::write(machine.cache_dir().join(format!("{}.json", tenants[4])), "{").unwrap();
    let outcome = machine.run_raw(&["refresh", "--all", "--jobs", "1"]);
    assert_eq!(outcome.code, 3, "{outcome:?}");
    let lines: Vec<_> = outcome.stdout.lines().collect();
    assert_eq!((lines[0], lines.len()), ("renewed 2 tenants; 3 failed", 4), "{}", outcome.stdout);
    assert!(lines[1].trim_start().starts_with(&tenants[0]) && lines[1].contains("wants"), "{}", outcome.stdout);
    let stderr = outcome.stderr;
    assert!(stderr.contains("3 of 5 tenants could not be renewed, 2 of them without a person\n"), "{stderr}");
    let hint = format!("hint: vb365-helper login {} {}\n", tenants[0], tenants[4]);
    assert!(stderr.ends_with(&hint), "{stderr}");

    // The document says the same, and the exit code is that of what is left.
    let (code, document) = refreshed(&machine, &["--all"]);
    assert_eq!((code, counts(&document)), (3, [&json!(3), &json!(0), &json!(2)]));
    assert_eq!(document["tenants"][0]["error"]["kind"], "login_required");
    machine.run(&["erase", &tenants[0]], b"").answer();
    machine.run(&["erase", &tenants[4]], b"").answer();
    assert_eq!(refreshed(&machine, &["--all"]).0, 0);
}

#[test]
fn an_outage_is_told_by_its_own_exit_code_and_never_as_a_sign_in() {
    let (machine, _) = many(2, Options::default());
    for _ in 0..2 {
        machine.sandbox.fault("entra_token", Fault::Answer { status: 503, headers: Vec::new(), body: String::new() });
    }
    let (code, document) = refreshed(&machine, &["--all"]);
    assert_eq!((code, counts(&document)), (6, [&json!(0), &json!(0), &json!(2)]));
    assert_eq!(machine.sandbox.requests("device_code"), 0);
}

#[test]
fn a_host_that_asks_to_be_left_alone_is_left_alone_by_all() {
    let (machine, _) = many(6, Options::default());
    let headers = vec![("Retry-After".to_owned(), "2".to_owned())];
    machine.sandbox.fault("entra_token", Fault::Answer { status: 429, headers, body: "{}".to_owned() });
    let start = Instant::now();
    let (code, document) = refreshed(&machine, &["--all", "--jobs", "2"]);
    assert_eq!((code, counts(&document)), (0, [&json!(6), &json!(0), &json!(0)]), "{document}");
    assert!(start.elapsed() >= Duration::from_secs(2), "it was not left alone");
    // Beside the one that was told, at most one was under way.
    assert_eq!(machine.sandbox.requests("entra_token"), 7);
    machine.assert_no_complaints();
}

#[test]
fn a_server_that_asks_to_be_left_alone_holds_up_no_sign_in() {
    let (machine, tenants) = many(4, Options::default());
    // Two of them have tokens of a second server, which has a bad day.
    let busy = Sandbox::start(Options::default()).unwrap();
    let config = std::fs::read_to_string(machine.home().join("config.toml")).unwrap();
    let of_busy = |tenant: &String| format!("[tenants.\"{tenant}\"]\nserver = \"{}\"\n", busy.url());
    machine.write_config(
        &tenants[..2]
            .iter()
            .fold(config, |config, tenant| config.replace(&format!("[tenants.\"{tenant}\"]\n"), &of_busy(tenant))),
    );
    for tenant in &tenants {
        let server = if tenants[..2].contains(tenant) { busy.url() } else { machine.sandbox.url() };
        keep_of_server(&machine, tenant, &server);
    }
    let headers = vec![("Retry-After".to_owned(), "600".to_owned())];
    busy.fault("veeam_token", Fault::Answer { status: 503, headers, body: String::new() });
    let (code, document) = refreshed(&machine, &["--all", "--jobs", "1", "--timeout", "3s"]);
    assert_eq!((code, counts(&document)), (6, [&json!(2), &json!(0), &json!(2)]), "{document}");
    assert_eq!(document["tenants"][2], json!({ "tenant": tenants[2], "outcome": "renewed" }));
    let words = document["tenants"][1]["error"]["message"].as_str().unwrap();
    assert!(words.ends_with("was not renewed at all servers: the time for all of it was over"), "{words}");
    // All four sign-ins are alive, and the busy server was asked once.
    assert_eq!((machine.sandbox.requests("entra_token"), busy.requests("veeam_token")), (4, 1));
    machine.assert_no_complaints();
}

#[test]
fn a_server_is_renewed_by_its_own_refresh_token_where_microsofts_is_dead() {
    let machine = Machine::signed_in();
    machine.expire_entra(TENANT);
    machine.expire_veeam(TENANT);
    let dead = r#"{"error":"invalid_grant","error_codes":[700082]}"#.to_owned();
    machine.sandbox.fault("entra_token", Fault::Answer { status: 400, headers: Vec::new(), body: dead });
    let outcome = machine.run_raw(&["refresh", TENANT]);
    assert_eq!((outcome.code, outcome.stdout.lines().next()), (3, Some("renewed 0 tenants; 1 failed")));
    assert_eq!(machine.get(TENANT, &[]).document()["source"], "cache");
    assert_eq!(machine.sandbox.requests("entra_token"), 1);
    machine.assert_no_complaints();
}

#[test]
fn whoever_has_least_time_left_is_the_first() {
    let (machine, tenants) = many(3, Options::default());
    let old = ago(85 * 24 * HOUR);
    machine.change_entry(&tenants[2], |entry| entry["entra"][0]["obtained_at"] = json!(old));
    machine.sandbox.fault("entra_token", Fault::Answer { status: 503, headers: Vec::new(), body: String::new() });
    let (code, document) = refreshed(&machine, &["--all", "--jobs", "1"]);
    assert_eq!((code, &document["tenants"][2]["outcome"]), (6, &json!("failed")), "{document}");
}

#[test]
fn of_one_failure_everything_is_told() {
    let (machine, tenants) = many(2, Options::default());
    let fail = || {
        machine.sandbox.fault("entra_token", Fault::Answer { status: 503, headers: Vec::new(), body: String::new() });
    };
    fail();
    let one = machine.run_raw(&["refresh", &tenants[0], &tenants[0].to_uppercase()]);
    assert_eq!((one.code, one.stdout.lines().next()), (6, Some("renewed 0 tenants; 1 failed")));
    let cause = one.stdout.lines().nth(1).unwrap().trim().trim_start_matches(&tenants[0]).trim().to_owned();
    assert_eq!(one.stderr.lines().next(), Some(format!("vb365-helper: {cause}").as_str()), "{one:?}");

    fail();
    let all = machine.run_raw(&["refresh", "--all", "--jobs", "1"]);
    let hint = format!("vb365-helper: hint: vb365-helper refresh {}\n", tenants[0]);
    assert_eq!(all.stderr, format!("vb365-helper: 1 of 2 tenants could not be renewed\n{hint}"));
}

#[test]
fn the_time_for_all_has_an_end() {
    let (machine, _) = many(3, Options::default());
    let headers = vec![("Retry-After".to_owned(), "600".to_owned())];
    machine.sandbox.fault("entra_token", Fault::Answer { status: 429, headers, body: "{}".to_owned() });
    let start = Instant::now();
    let (code, document) = refreshed(&machine, &["--all", "--jobs", "1", "--timeout", "2s"]);
    assert!(start.elapsed() < Duration::from_secs(10));
    assert_eq!((code, counts(&document)), (6, [&json!(0), &json!(0), &json!(3)]));
    let words = document["tenants"][2]["error"]["message"].as_str().unwrap();
    assert!(words.ends_with("was not renewed: the time for all of it was over"), "{words}");
}

#[test]
fn many_are_renewed_at_once_on_few_connections() {
    let (count, jobs) = if is_long() { (1000, 8) } else { (100, 4) };
    let systems = Options { latency: Duration::from_millis(5), tls: true, no_san: true, ..Options::default() };
    let (machine, tenants) = many(count, systems);
    tenants.iter().for_each(|tenant| keep_of_server(&machine, tenant, &machine.sandbox.url()));
    let before = machine.sandbox.connections();
    let start = Instant::now();
    let (code, document) = refreshed(&machine, &["--all", "--jobs", &jobs.to_string()]);
    let took = start.elapsed();
    assert_eq!((code, counts(&document)), (0, [&json!(count), &json!(0), &json!(0)]));
    let (connections, most) = (machine.sandbox.connections() - before, machine.sandbox.most_at_once());
    tell(&format!("{count} tenants, {jobs} jobs: {took:?}, {connections} connections, {most} requests at once"));
    // One to each of the two systems.
    assert!(connections <= 2 * jobs, "{connections} connections for {jobs} jobs");
    assert!((2..=jobs).contains(&most), "{most} requests at once for {jobs} jobs");
    assert_eq!(["entra_token", "veeam_token"].map(|name| machine.sandbox.requests(name)), [count, count]);
    machine.assert_no_complaints();
}

#[test]
fn whoever_was_never_signed_in_needs_a_person() {
    let machine = Machine::new();
    let outcome = machine.run_raw(&["refresh", TENANT]);
    assert_eq!(outcome.code, 3);
    assert!(outcome.stdout.contains(&format!("nobody on this machine is signed in to {TENANT}")), "{outcome:?}");
    assert_eq!(machine.run_raw(&["refresh", "--all"]).stdout, "renewed 0 tenants\n");
    assert_eq!(machine.run_raw(&["refresh"]).code, 2);
    assert_eq!(machine.run_raw(&["refresh", "--all", "--jobs", "33"]).code, 2);
}

#[test]
fn logout_ends_the_token_at_the_server_and_erases_what_is_kept() {
    let machine = Machine::signed_in();
    let server = machine.sandbox.url();
    let token = machine.get(TENANT, &[]).document()["access_token"].as_str().unwrap().to_owned();
    assert!(machine.sandbox.accepts(&token));
    let outcome = machine.run_raw(&["logout", TENANT]);
    let words = format!("nothing is kept of {TENANT} any more; {server} has ended the access token\n");
    assert_eq!((outcome.code, outcome.stdout.as_str(), outcome.stderr.as_str()), (0, words.as_str(), ""));
    assert!(!machine.sandbox.accepts(&token) && machine.kept().is_none());
    let again = machine.run_raw(&["logout", TENANT]);
    assert_eq!((again.code, again.stdout), (0, format!("nothing is kept of {TENANT} any more\n")));
    assert_eq!(machine.sandbox.requests("logout"), 1);
    machine.assert_no_complaints();
}

#[test]
fn a_server_that_cannot_be_told_hinders_no_logout() {
    let machine = Machine::signed_in();
    machine.sandbox.fault("logout", Fault::Answer { status: 500, headers: Vec::new(), body: String::new() });
    let outcome = machine.run_raw(&["logout", TENANT, "--server", &machine.sandbox.url()]);
    assert_eq!(outcome.code, 0);
    let words = format!("vb365-helper: warning: the access token at {} lives on", machine.sandbox.url());
    assert!(outcome.stderr.starts_with(&words), "{outcome:?}");
    let entry: Value = serde_json::from_slice(&machine.kept().unwrap()).unwrap();
    assert!(entry.get("veeam").is_none() && entry["entra"].is_array(), "{entry}");

    // An older server has no logout, and is not asked.
    let machine = Machine::with(Options { versions: vec![6], ..Options::default() });
    let text = std::fs::read_to_string(machine.home().join("config.toml")).unwrap();
    machine.write_config(&text.replace("\"v8\"", "\"v6\""));
    machine.sign_in(TENANT);
    assert_lives_on(&machine, "its API v6 has no logout");
}

#[test]
fn a_server_that_is_configured_no_more_is_sent_no_token() {
    let machine = Machine::signed_in();
    let text = std::fs::read_to_string(machine.home().join("config.toml")).unwrap();
    let server = |url: &str| format!("server = \"{url}\"");
    machine.write_config(&text.replace(&server(&machine.sandbox.url()), &server("https://other.example.com")));
    assert_lives_on(&machine, &format!("that is no configured server of {TENANT}"));
}

#[test]
fn a_name_of_which_nothing_is_known_is_held_against_those_that_are() {
    let machine = Machine::signed_in();
    let typed = TENANT.replace("abc", "abd");
    let refresh = machine.run_raw(&["refresh", &typed]);
    let hint = format!("hint: did you mean {ORGANIZATION}? if not: vb365-helper login {typed}\n");
    assert!(refresh.code == 3 && refresh.stderr.ends_with(&hint), "{refresh:?}");
    let logout = machine.run_raw(&["logout", &typed]);
    let words = format!("vb365-helper: warning: nothing was kept of {typed}; did you mean {ORGANIZATION}?\n");
    assert_eq!((logout.code, logout.stderr), (0, words));
    assert!(machine.kept().is_some());
}

/// A logout that asks no server, says `why`, and erases all the same.
fn assert_lives_on(machine: &Machine, why: &str) {
    let outcome = machine.run_raw(&["logout", TENANT]);
    assert_eq!((outcome.code, machine.sandbox.requests("logout")), (0, 0));
    let words = format!("the access token at {} lives on until it ends by itself: {why}", machine.sandbox.url());
    assert_eq!(outcome.stderr, format!("vb365-helper: warning: {words}\n"));
    assert!(machine.kept().is_none());
}
