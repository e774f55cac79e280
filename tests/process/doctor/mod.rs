//! `doctor`: sees what is wrong with the configuration, the cache and the servers, says what mends it, and
//! changes nothing.

mod files;
mod hosts;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::support::inside::ManualClock;
use crate::support::server::{Fault, Options};
use crate::support::{
    HOUR, Home, Machine, ORGANIZATION, Outcome, TENANT, World, ago, assert_valid, closed_port, fewer, hold_lock, tell,
};

/// Every file with its content: what no run may change.
fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(dir).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.insert(path.clone(), Vec::new());
            found.extend(files(&path));
        } else {
            let content = fs::read(&path).unwrap();
            found.insert(path, content);
        }
    }
    found
}

/// The findings of a run that ends with `code`.
fn findings(home: &Home, args: &[&str], code: i32) -> Vec<Value> {
    let before = files(&home.home());
    let outcome = home.run_raw(&[&["doctor", "--json"], args].concat());
    assert_eq!(outcome.code, code, "{outcome:?}");
    assert!(!outcome.stdout.contains("canary") && !outcome.stderr.contains("canary"), "{outcome:?}");
    assert_eq!(files(&home.home()), before, "doctor changed something");
    let document = outcome.document();
    assert_valid("doctor-v1", &document);
    document["findings"].as_array().unwrap().clone()
}

/// What was found by `check` about `about`: state, message and hint.
fn about<'f>(findings: &'f [Value], about: &str, check: &str) -> Vec<[&'f str; 3]> {
    let text = |value: &'f Value| value.as_str().unwrap_or_default();
    let found = findings.iter().filter(|finding| finding["about"] == about && finding["check"] == check);
    found.map(|finding| [&finding["state"], &finding["message"], &finding["hint"]].map(text)).collect()
}

/// The only such finding.
fn one<'f>(findings: &'f [Value], what: &str, check: &str) -> [&'f str; 3] {
    let found = about(findings, what, check);
    assert_eq!(found.len(), 1, "{what} {check}: {findings:#?}");
    found[0]
}

fn not_well(findings: &[Value]) -> Vec<(&str, &str)> {
    findings
        .iter()
        .filter(|finding| finding["state"] != "ok")
        .map(|finding| (finding["about"].as_str().unwrap(), finding["check"].as_str().unwrap()))
        .collect()
}

#[cfg(unix)]
fn private(dir: &Path) {
    fs::create_dir_all(dir).unwrap();
    mode(dir, 0o700);
}

#[cfg(unix)]
fn mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn where_all_is_well_everything_is_ok() {
    let machine = Machine::signed_in();
    let (url, authority) = (machine.sandbox.url(), machine.sandbox.authority());
    let before = files(&machine.home());
    let outcome = machine.run_raw(&["doctor"]);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""));
    let day = (chrono::Utc::now() + TimeDelta::days(90)).format("%Y-%m-%d");
    let page = format!(
        "configuration\n  ok  file        {config}, 1 tenant\n\
         cache\n  ok  directory   {cache}\n  ok  protection  {protection}\n\
         network\n  ok  proxy       none\n\
         {url}\n  ok  clock       the same as here\n  ok  versions    speaks v8, v7, v6, v5, v4\n  \
         ok  token       taken, of {ORGANIZATION}\n  ok  reachable   answers\n  ok  clock       the same as here\n\
         {ORGANIZATION}\n  \
         ok  settings    server {url}, scopes Directory.AccessAsUser.All User.ReadWrite.All offline_access\n  \
         ok  sign-in     as admin@abc.onmicrosoft.com, lasts until {day} and anew with each renewal\n",
        protection = if cfg!(windows) {
            "the rights of the files alone"
        } else {
            "the rights of the files alone: no keyring answers here"
        },
        config = machine.home().join("config.toml").display(),
        cache = machine.cache_dir().display(),
    );
    // The sandbox plays both systems at one address.
    assert_eq!((outcome.stdout, &url), (page, &authority));
    assert_eq!(files(&machine.home()), before);
    assert_eq!(not_well(&findings(&machine, &[TENANT], 0)), []);
    machine.assert_no_complaints();
    assert_eq!(machine.sandbox.requests("veeam_token"), 1, "doctor renewed something");
}

#[test]
fn before_the_first_sign_in_there_is_nothing_to_fear() {
    let home = Home::new();
    fs::remove_file(home.home().join("config.toml")).unwrap();
    let mut doctor = home.command(&["doctor", "--json"]);
    doctor.env_remove("VB365_HELPER_CONFIG");
    let outcome = Outcome::of(doctor.output().unwrap());
    assert_eq!(outcome.code, 0, "{outcome:?}");
    let document = outcome.document();
    let found = document["findings"].as_array().unwrap();
    assert_eq!(one(found, "configuration", "file")[0], "warning");
    assert_eq!(one(found, "cache", "directory")[0], "ok");
    assert!(!home.cache_dir().exists());
}

#[test]
fn a_configuration_that_cannot_be_read_is_a_finding() {
    let home = Home::new();
    home.write_config("[defaults]\nsever = \"https://h\"\n");
    let found = findings(&home, &[], 8);
    let [state, message, _] = one(&found, "configuration", "file");
    assert_eq!((state, message.contains("config.toml:2: defaults.sever: not a known key")), ("failure", true));

    home.write_config(&format!("[tenants.\"{TENANT}\"]\nscopes = [\"User.Read\", \"offline_access\"]\n"));
    let found = findings(&home, &[TENANT], 8);
    let [state, message, _] = one(&found, TENANT, "settings");
    assert_eq!((state, message.contains("scopes need one of Directory.Read.All")), ("failure", true));
}

#[test]
fn each_way_in_which_a_tenant_is_not_well_has_its_remedy() {
    let world = World::new();
    world.store_entra("1", 0);
    let entry = fs::read_to_string(world.cache_file()).unwrap();
    let kept = |tenant: &str, text: String| fs::write(world.cache_dir().join(format!("{tenant}.json")), text).unwrap();
    let of = |tenant: &str| entry.replace(TENANT, tenant);
    kept("damaged.com", "{".into());
    kept("newer.com", r#"{"version":3,"tenant":"newer.com"}"#.into());
    kept("other.com", of("other.com").replace("User.ReadWrite.All", "User.Read"));
    let mut dead: Value = serde_json::from_str(&of("dead.com")).unwrap();
    dead["entra"][0]["rejected"] =
        json!({ "at": "2026-11-23T04:00:00Z", "error": "invalid_grant", "codes": [700_082] });
    kept("dead.com", dead.to_string());
    let mut late: Value = serde_json::from_str(&of("late.com")).unwrap();
    late["entra"][0]["obtained_at"] = ago(80 * 24 * HOUR).into();
    late["entra"][0]["access_expires_at"] = ago(79 * 24 * HOUR).into();
    late["veeam"] = json!([{ "server": "https://old:4443", "obtained_at": ago(0), "access_expires_at": ago(-HOUR) }]);
    kept("late.com", late.to_string());
    let bare = json!([{
        "server": closed_port(), "access_token": "canary", "obtained_at": ago(0), "access_expires_at": ago(-HOUR),
    }]);
    kept("bare.com", json!({ "version": 1, "tenant": "bare.com", "veeam": bare }).to_string());
    let authority = world.entra.url();
    let table = |tenant: &str| format!("[tenants.\"{tenant}\"]\nserver = \"{}\"\n", closed_port());
    let tables: String =
        ["bare.com", "damaged.com", "newer.com", "other.com", "dead.com", "late.com", "never.com"].map(table).concat();
    world.write_config(&format!("[defaults]\nauthority = \"{authority}\"\n{tables}"));

    let found = findings(&world, &[], 6);
    for (tenant, check, state, words, hint) in [
        ("damaged.com", "entry", "failure", "is damaged and counts as empty", "vb365-helper login damaged.com"),
        ("newer.com", "entry", "failure", "is of the newer version 3", "use the version of vb365-helper"),
        ("other.com", "sign-in", "failure", "another identity host, client id or set", "vb365-helper login other.com"),
        ("dead.com", "sign-in", "failure", "ended on 2026-11-23 (AADSTS700082)", "vb365-helper login dead.com"),
        ("late.com", "sign-in", "warning", "ends in 9 days unless", "vb365-helper refresh late.com"),
        ("late.com", "servers", "warning", "tokens of https://old:4443", "erase late.com --server https://old:4443"),
        ("bare.com", "sign-in", "warning", "ends in 59 min and cannot be renewed", "vb365-helper login bare.com"),
        ("never.com", "sign-in", "failure", "nobody on this machine", "vb365-helper login never.com"),
        (TENANT, "settings", "warning", "no server", "vb365-helper login abc.onmicrosoft.com --server"),
    ] {
        let found = one(&found, tenant, check);
        assert_eq!(found[0], state, "{tenant} {found:?}");
        assert!(found[1].contains(words) && found[2].contains(hint), "{tenant} {found:?}");
    }
    assert_eq!(one(&found, &closed_port(), "reachable")[0], "failure");
}

#[test]
fn a_lock_is_held_by_somebody_or_it_is_not_held() {
    let machine = Machine::signed_in();
    let lock = machine.cache_dir().join(format!("{TENANT}.lock"));
    assert!(lock.exists());
    assert_eq!(about(&findings(&machine, &[], 0), "cache", "lock"), [] as [[&str; 3]; 0]);
    let held = hold_lock(&machine, &format!("{TENANT}.lock"));
    let found = findings(&machine, &[], 0);
    let [state, message, _] = one(&found, "cache", "lock");
    assert_eq!(state, "ok");
    if cfg!(target_os = "linux") {
        let name = fs::read_to_string("/proc/self/comm").unwrap();
        let by = format!("{} is held by process {} ({})", lock.display(), std::process::id(), name.trim());
        assert_eq!(message, by);
    } else {
        assert_eq!(message, format!("{} is held by a process", lock.display()));
    }
    drop(held);
}

#[test]
fn what_a_killed_writer_has_left_is_found() {
    let machine = Machine::signed_in();
    let left = machine.cache_dir().join("left.com.json.tmp");
    fs::write(&left, "{").unwrap();
    #[cfg(unix)]
    mode(&left, 0o600);
    let found = findings(&machine, &[], 0);
    let [state, message, hint] = one(&found, "cache", "leftovers");
    assert_eq!((state, hint), ("warning", "vb365-helper refresh left.com"));
    assert!(message.contains("has left left.com.json.tmp"), "{message}");
    // While somebody writes it, nothing is left over.
    let _held = hold_lock(&machine, "left.com.lock");
    assert!(about(&findings(&machine, &[], 0), "cache", "leftovers").is_empty());
}

#[cfg(unix)]
#[test]
fn what_others_can_read_or_change_is_found() {
    let machine = Machine::signed_in();
    let (home, cache) = (machine.home(), machine.cache_dir());
    mode(&cache, 0o755);
    mode(&machine.cache_file(), 0o644);
    mode(&home, 0o777);
    mode(&home.join("config.toml"), 0o666);
    let found = findings(&machine, &[], 0);
    let hints = |what| about(&found, what, "permissions").iter().map(|found| found[2].to_owned()).collect::<Vec<_>>();
    let (home, cache) = (home.display(), cache.display());
    assert_eq!(hints("configuration"), [format!("chmod go-w '{home}/config.toml'")]);
    assert_eq!(
        hints("cache"),
        [format!("chmod -R go= '{cache}'"), format!("chmod -R go= '{cache}'"), format!("chmod go-w '{home}'")]
    );
    mode(&machine.cache_dir(), 0o777);
    let found = findings(&machine, &[], 7);
    let [state, message, _] = one(&found, "cache", "directory");
    assert!(state == "failure" && message.ends_with("it is writable by other users"), "{message}");
}

#[test]
fn ten_thousand_tenants_are_a_page_and_each_host_is_asked_once() {
    const MANY: usize = fewer(10_000);
    const DAMAGED: usize = 40;
    let machine = Machine::signed_in();
    let entry = fs::read_to_string(machine.cache_file()).unwrap();
    for n in 0..MANY {
        let name = format!("t{n}.onmicrosoft.com");
        let text = if n % (MANY / DAMAGED) == 1 { "{".to_owned() } else { entry.replace(TENANT, &name) };
        let path = machine.cache_dir().join(format!("{name}.json"));
        fs::write(&path, text).unwrap();
        #[cfg(unix)]
        mode(&path, 0o600);
        fs::write(machine.cache_dir().join(format!("{name}.lock")), "").unwrap();
    }
    let _held = hold_lock(&machine, "t77.onmicrosoft.com.lock");
    // The sandbox knows one tenant.
    let known = Fault::Answer { status: 200, headers: Vec::new(), body: "{}".to_owned() };
    (0..10).for_each(|_| machine.sandbox.fault("configuration", known.clone()));
    let asked = machine.sandbox.requests("service_instance");
    let start = Instant::now();
    let outcome = machine.run_raw(&["doctor"]);
    tell(&format!("doctor took {:?} for {MANY} tenants", start.elapsed()));
    assert_eq!(outcome.code, 7, "{}", outcome.stderr);
    // Five versions, and a few of the tokens.
    assert_eq!(machine.sandbox.requests("service_instance") - asked, 15);
    let others = format!("{} others are ok\n", MANY + 1 - DAMAGED);
    assert!(outcome.stdout.contains(&others), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("t77.onmicrosoft.com.lock is held by"), "{}", outcome.stdout);
    assert!(
        outcome.stdout.ends_with("20 more like these were found: entry; vb365-helper doctor --json has all of them\n")
    );
    assert!(outcome.stdout.lines().count() < 100, "{}", outcome.stdout);
    assert!(outcome.stderr.starts_with("vb365-helper: "), "{}", outcome.stderr);
}

#[cfg(unix)]
#[test]
fn the_page_is_one_that_a_person_can_read() {
    use crate::support::can_use_terminals;
    use crate::support::screens::{assert_screen, seen};
    if !can_use_terminals() {
        return;
    }
    let machine = Machine::signed_in();
    machine.sandbox.expire_veeam_access();
    fs::write(machine.cache_dir().join("left.com.json.tmp"), "{").unwrap();
    machine.configure(&[ORGANIZATION, "never.onmicrosoft.com"]);
    private(&machine.cache_dir());
    let shown = machine.on_a_terminal((100, 40), &["doctor"], &[]).terminal;
    let day = (chrono::Utc::now() + TimeDelta::days(90)).format("%Y-%m-%d").to_string();
    let shown = shown
        // As long as every port that a system gives out.
        .replace(machine.sandbox.url().trim_start_matches("http://"), "127.0.0.1:44443")
        .replace(&machine.home().display().to_string(), "/home/admin")
        .replace(&day, "2027-02-21");
    assert_screen("doctor", &seen(shown.as_bytes(), 100, 40));
}
