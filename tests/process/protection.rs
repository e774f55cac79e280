//! Tokens that are sealed on disk: with what key they are opened, what happens where there is none, and how they are
//! moved from one protection to another.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Home, Machine, Outcome, TENANT, started};

const OTHER: &str = "other.onmicrosoft.com";
const HOST: &str = "app.terraform.io";

/// Whatever the support says, the configuration decides here.
fn run(machine: &Machine, args: &[&str]) -> Outcome {
    run_with_stdin(machine, args, "")
}

fn run_with_stdin(machine: &Machine, args: &[&str], stdin: &str) -> Outcome {
    let mut command = machine.command(args);
    command.env_remove("VB365_HELPER_PROTECTION");
    let mut command = assert_cmd::Command::from_std(command);
    Outcome::of(started(|| command.write_stdin(stdin).output()))
}

fn get(machine: &Machine, tenant: &str) -> Outcome {
    run(machine, &["get", tenant, "--interactive", "never"])
}

/// A machine whose user is signed in for two tenants, keeps a token for Terraform, and has this under `[cache]`.
fn machine(cache: &str) -> Machine {
    let machine = Machine::new();
    machine.configure(&[TENANT, OTHER]);
    key(&machine, "one.key", 1);
    let config = fs::read_to_string(machine.home().join("config.toml")).unwrap();
    machine.write_config(&format!("{config}[cache]\n{cache}"));
    for tenant in [TENANT, OTHER] {
        machine.sign_in(tenant);
    }
    let token = json!({ "token": "canary-of-a-host" }).to_string();
    assert_eq!(machine.run(&["store", HOST, "--protocol", "terraform"], token.as_bytes()).code, 0);
    machine
}

/// A key file that holds `byte` over and over.
fn key(home: &Home, name: &str, byte: u8) -> String {
    let path = home.home().join(name);
    fs::write(&path, [byte; 32]).unwrap();
    path.display().to_string()
}

fn in_key_file() -> Machine {
    let machine = machine("key_file = \"one.key\"\n");
    protect(&machine, &["key_file"]);
    machine
}

/// A path as the configuration has it.
fn quoted(path: &str) -> String {
    if path.contains('\\') { format!("'{path}'") } else { format!("\"{path}\"") }
}

fn config(machine: &Machine) -> String {
    fs::read_to_string(machine.home().join("config.toml")).unwrap()
}

/// Whether there is a token of the sandbox's, or of a test's own.
pub(crate) fn shows_a_secret(file: &[u8]) -> bool {
    let text = String::from_utf8_lossy(file);
    ["canary", "entra-refresh-", "veeam-refresh-", "veeam-access-", "sandbox-"].iter().any(|start| text.contains(start))
}

/// Every file of the cache that shows a piece of a secret.
fn readable(machine: &Machine) -> Vec<String> {
    fn walk(dir: &Path, found: &mut Vec<String>) {
        for file in fs::read_dir(dir).unwrap() {
            let path = file.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if shows_a_secret(&fs::read(&path).unwrap()) {
                found.push(path.file_name().unwrap().to_string_lossy().into_owned());
            }
        }
    }
    let mut found = Vec::new();
    walk(&machine.cache_dir(), &mut found);
    found.sort();
    found
}

fn assert_sealed(machine: &Machine) {
    assert_eq!(readable(machine), Vec::<String>::new());
}

/// All three are still there, and nobody is asked for anything.
fn assert_all_answer(machine: &Machine) {
    let requests = machine.sandbox.requests("veeam_token");
    for tenant in [TENANT, OTHER] {
        assert_eq!(get(machine, tenant).document()["source"], "cache", "{tenant}");
    }
    let host = run(machine, &["get", HOST, "--protocol", "terraform"]);
    assert_eq!(host.document(), json!({ "token": "canary-of-a-host" }));
    assert_eq!(machine.sandbox.requests("veeam_token"), requests);
}

fn protect(machine: &Machine, args: &[&str]) -> String {
    let outcome = run(machine, &[&["cache", "protect"], args].concat());
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{args:?}");
    outcome.stdout
}

#[test]
fn a_key_file_seals_everything_and_changes_nothing_else() {
    let (machine, plain) = (in_key_file(), machine("protection = \"none\"\n"));
    assert_sealed(&machine);
    assert_eq!(readable(&plain).len(), 3);
    assert_all_answer(&machine);
    // Renewed by each rung, and by a timer.
    machine.sandbox.expire_veeam_access();
    let token = get(&machine, TENANT).document()["access_token"].clone();
    let refused = json!({ "version": 1, "tenant": TENANT, "refused_token": token }).to_string();
    let renewed = run_with_stdin(&machine, &["get", "--interactive", "never"], &refused);
    assert_eq!(renewed.document()["source"], "veeam_refresh");
    assert_eq!(run(&machine, &["refresh", "--all"]).code, 0);
    assert_sealed(&machine);
    let listed = |machine: &Machine| -> Value { run(machine, &["list", "--json"]).document() };
    let (sealed, plain) = (listed(&machine), listed(&plain));
    for n in 0..2 {
        assert_eq!(sealed["tenants"][n]["protection"], "key_file");
        assert_eq!(plain["tenants"][n]["protection"], "none");
        for pointer in ["state", "account", "entra/refreshable", "servers/0/refreshable"] {
            let pointer = format!("/tenants/{n}/{pointer}");
            assert_eq!(sealed.pointer(&pointer), plain.pointer(&pointer), "{pointer}");
        }
        assert_eq!(sealed["tenants"][n]["state"], "valid");
    }
    assert_eq!(run(&machine, &["erase", TENANT, "--access-only"]).code, 0);
    assert_eq!(run(&machine, &["list", "--json"]).document()["tenants"][0]["state"], "renewable");
    assert_sealed(&machine);
    machine.assert_no_complaints();
}

#[test]
fn the_list_needs_no_key() {
    let machine = in_key_file();
    let before = run(&machine, &["list", "--json"]).stdout;
    fs::remove_file(machine.home().join("one.key")).unwrap();
    let outcome = run(&machine, &["list", "--json"]);
    assert_eq!((outcome.stdout, outcome.stderr.as_str()), (before, ""));
}

#[test]
fn a_key_that_is_away_for_a_while_costs_an_error_and_nothing_else() {
    let machine = in_key_file();
    let (path, kept) = (machine.home().join("one.key"), machine.kept());
    fs::remove_file(&path).unwrap();
    for args in [&["get", TENANT, "--interactive", "never"][..], &["refresh", TENANT], &["login", TENANT]] {
        let outcome = run(&machine, args);
        assert_eq!(outcome.code, if args[0] == "login" { 3 } else { 7 }, "{outcome:?}");
        if args[0] != "login" {
            assert!(outcome.stderr.contains("one.key cannot be read: "), "{outcome:?}");
            assert!(outcome.stderr.contains("hint: vb365-helper help protection"), "{outcome:?}");
        }
    }
    assert_eq!(run(&machine, &["doctor", TENANT]).code, 7);
    assert_eq!(machine.kept(), kept);
    assert_eq!(machine.sandbox.requests("device_code"), 0);
    key(&machine, "one.key", 1);
    assert_all_answer(&machine);
}

#[test]
fn a_key_that_was_replaced_makes_an_empty_cache_and_says_so_once() {
    let machine = in_key_file();
    let kept = machine.kept();
    key(&machine, "one.key", 2);
    let outcome = get(&machine, TENANT);
    assert_eq!(outcome.code, 3);
    assert_eq!(outcome.stderr.matches("cannot be opened and counts as empty: it is sealed with the key ").count(), 1);
    assert_eq!(machine.kept(), kept, "what another key opens was lost");
    key(&machine, "one.key", 1);
    assert_all_answer(&machine);
    // A new sign-in takes its place.
    key(&machine, "one.key", 2);
    let response: Value = serde_json::from_str(&machine.sandbox.token_response()).unwrap();
    let request = json!({ "version": 1, "tenant": TENANT, "entra": response }).to_string();
    assert_eq!(run_with_stdin(&machine, &["store"], &request).code, 0);
    assert_eq!(get(&machine, TENANT).document()["source"], "exchange");
    assert_eq!(get(&machine, TENANT).document()["source"], "cache");
}

#[test]
fn what_a_killed_writer_left_waits_for_its_key() {
    let machine = in_key_file();
    let temporary = machine.cache_dir().join(format!("{TENANT}.json.tmp"));
    fs::rename(machine.cache_file(), &temporary).unwrap();
    key(&machine, "one.key", 2);
    assert_eq!(run(&machine, &["refresh", TENANT]).code, 3);
    assert!(temporary.exists(), "what another key opens was lost");
    key(&machine, "one.key", 1);
    assert_eq!(get(&machine, TENANT).document()["source"], "cache");
    assert!(!temporary.exists() && machine.cache_file().exists());
}

#[test]
fn an_entry_that_was_changed_or_is_anothers_is_no_entry() {
    let machine = in_key_file();
    let (own, other) = (machine.cache_file(), machine.cache_dir().join(format!("{OTHER}.json")));
    let kept = fs::read(&own).unwrap();
    let refused = |why: &str| {
        let outcome = get(&machine, TENANT);
        assert_eq!(outcome.code, 3, "{outcome:?}");
        assert!(outcome.stderr.contains(&format!("is damaged and counts as empty: {why}")), "{outcome:?}");
    };
    fs::copy(&other, &own).unwrap();
    refused("it was altered, or belongs to another name");
    // What a list shows is vouched for as well.
    let text = String::from_utf8(kept.clone()).unwrap();
    let altered = text.replacen("\"api_version\":\"v8\"", "\"api_version\":\"v7\"", 1);
    assert_ne!(altered, text);
    fs::write(&own, altered).unwrap();
    refused("it was altered, or belongs to another name");
    fs::write(&own, &kept[..kept.len() / 2]).unwrap();
    refused("");
    fs::write(&own, kept).unwrap();
    assert_all_answer(&machine);
}

#[test]
fn tokens_move_from_one_protection_to_another() {
    let machine = machine("protection = \"none\"\n# mine\n");
    let (one, two) = (machine.home().join("one.key").display().to_string(), key(&machine, "two.key", 2));
    assert_eq!(readable(&machine).len(), 3);

    let said = protect(&machine, &["key_file", "--key-file", &one]);
    assert_eq!(said, "tokens are sealed by a key file: 3 files rewritten, 0 so already\n");
    let written = format!("[cache]\nprotection = \"key_file\"\nkey_file = {}\n# mine\n", quoted(&one));
    assert!(config(&machine).ends_with(&written), "{}", config(&machine));
    assert_sealed(&machine);
    assert_all_answer(&machine);
    assert_eq!(protect(&machine, &["key_file"]), "tokens are sealed by a key file: 0 files rewritten, 3 so already\n");

    protect(&machine, &["key_file", "--key-file", &two]);
    assert!(config(&machine).ends_with(&written.replace(&one, &two)), "{}", config(&machine));
    fs::remove_file(&one).unwrap();
    assert_sealed(&machine);
    assert_all_answer(&machine);

    let said = protect(&machine, &["none"]);
    let expected = "tokens are protected by the rights of their files alone: 3 files rewritten, 0 so already\n";
    assert_eq!(said, expected);
    assert!(config(&machine).ends_with("[cache]\nprotection = \"none\"\n# mine\n"), "{}", config(&machine));
    assert_eq!(readable(&machine).len(), 3);
    assert_all_answer(&machine);
    machine.assert_no_complaints();
}

#[test]
fn what_cannot_be_moved_stays_and_so_does_its_key() {
    let machine = in_key_file();
    let two = key(&machine, "two.key", 2);
    let other = machine.cache_dir().join(format!("{OTHER}.json"));
    let kept = fs::read(&other).unwrap();
    fs::write(&other, &kept[..kept.len() / 2]).unwrap();
    let outcome = run(&machine, &["cache", "protect", "key_file", "--key-file", &two]);
    assert_eq!(outcome.code, 7, "{outcome:?}");
    assert!(outcome.stderr.contains("1 could not be rewritten, the first because: the cache file "), "{outcome:?}");
    assert!(outcome.stderr.contains("hint: vb365-helper cache protect key_file\n"), "{outcome:?}");
    assert!(outcome.stdout.ends_with(": 2 files rewritten, 0 so already\n"), "{outcome:?}");
    // Both keys are named as long as one file needs the old one.
    fs::write(&other, kept).unwrap();
    assert_all_answer(&machine);
    let said = protect(&machine, &["key_file"]);
    assert_eq!(said, "tokens are sealed by a key file: 1 file rewritten, 2 so already\n");
    assert!(config(&machine).ends_with(&format!("key_file = {}\nprotection = \"key_file\"\n", quoted(&two))));
    assert_all_answer(&machine);
}

#[test]
fn a_move_that_is_killed_loses_nothing_and_goes_on_later() {
    for nth in 1.. {
        let machine = machine("protection = \"none\"\n");
        let one = machine.home().join("one.key").display().to_string();
        let mut command = machine.command(&["cache", "protect", "key_file", "--key-file", &one]);
        command.env_remove("VB365_HELPER_PROTECTION").env("VB365_HELPER_CRASH", format!("kill@{nth}"));
        if started(|| command.output()).status.success() {
            assert!(nth > 10, "only {nth} steps");
            return;
        }
        assert_all_answer(&machine);
        protect(&machine, &["key_file", "--key-file", &one]);
        assert_sealed(&machine);
        assert_all_answer(&machine);
        machine.assert_no_complaints();
    }
}

#[test]
fn a_wish_that_cannot_be_fulfilled_changes_nothing() {
    let machine = machine("protection = \"none\"\n");
    let (before, kept) = (config(&machine), machine.kept());
    let short = machine.home().join("short.key");
    fs::write(&short, "short").unwrap();
    let short = short.display().to_string();
    for (args, code, why) in [
        (&["key_file"][..], 2, "--key-file is missing"),
        (&["key_file", "--key-file", "nowhere.key"], 7, "nowhere.key cannot be read: "),
        (&["key_file", "--key-file", &short], 7, "short.key has 5 bytes, and a key has 32"),
        (&["none", "--key-file", &short], 2, "--key-file goes with key_file alone"),
        (&["key_file", "--new-key"], 2, "--new-key goes with os and auto alone"),
        (&["dpapi"], 2, "is one of auto, os, key_file, none"),
    ] {
        let outcome = run(&machine, &[&["cache", "protect"], args].concat());
        assert_eq!(outcome.code, code, "{outcome:?}");
        assert!(outcome.stderr.contains(why), "{why}: {outcome:?}");
        assert_eq!((config(&machine), machine.kept()), (before.clone(), kept.clone()));
    }
}

#[test]
fn the_environment_decides_over_the_configuration() {
    let machine = machine("protection = \"none\"\n");
    let path = machine.home().join("one.key");
    let run = |protection: &str, args: &[&str]| {
        let mut command = machine.command(args);
        command.env("VB365_HELPER_PROTECTION", protection).env("VB365_HELPER_KEY_FILE", &path);
        Outcome::of(started(|| command.output()))
    };
    machine.expire_veeam(TENANT);
    assert_eq!(run("key_file", &["get", TENANT]).code, 0);
    assert_eq!(readable(&machine).len(), 2);
    assert_eq!(run("none", &["get", TENANT]).document()["source"], "cache");
    let outcome = run("dpapi", &["get", TENANT]);
    assert_eq!(outcome.code, 8);
    assert!(outcome.stderr.contains("VB365_HELPER_PROTECTION: not one of auto, os, key_file, none"), "{outcome:?}");
}

#[cfg(windows)]
#[test]
fn windows_seals_by_itself() {
    let machine = machine("protection = \"none\"\n");
    assert_eq!(protect(&machine, &["auto"]), "tokens are sealed by Windows (DPAPI): 3 files rewritten, 0 so already\n");
    assert_sealed(&machine);
    assert_all_answer(&machine);
    assert_eq!(run(&machine, &["list", "--json"]).document()["tenants"][0]["protection"], "dpapi");
    // Each file has a key of its own, which is sealed in it.
    let sealed: Vec<Value> = [TENANT, OTHER]
        .map(|tenant| fs::read(machine.cache_dir().join(format!("{tenant}.json"))).unwrap())
        .iter()
        .map(|file| serde_json::from_slice(file).unwrap())
        .collect();
    assert_ne!(sealed[0]["header"]["key"], sealed[1]["header"]["key"]);
    assert_eq!(
        protect(&machine, &["os", "--new-key"]),
        "tokens are sealed by Windows (DPAPI): 3 files rewritten, 0 so already\n"
    );
    assert_all_answer(&machine);
    // A key that another profile sealed is lost.
    let mut file: Value = serde_json::from_slice(&machine.kept().unwrap()).unwrap();
    let key = file["header"]["key"].as_str().unwrap().to_owned();
    let other = if key.as_bytes()[120] == b'A' { "B" } else { "A" };
    file["header"]["key"] = format!("{}{other}{}", &key[..120], &key[121..]).into();
    fs::write(machine.cache_file(), file.to_string()).unwrap();
    let outcome = get(&machine, TENANT);
    assert_eq!(outcome.code, 3, "{outcome:?}");
    assert!(outcome.stderr.contains("cannot be opened and counts as empty: Windows does not open it"), "{outcome:?}");
}

#[cfg(not(any(windows, target_os = "macos")))]
#[test]
fn where_no_keyring_answers_files_stay_plain_unless_somebody_insists() {
    let machine = machine("");
    assert_eq!(readable(&machine).len(), 3);
    let doctor: Value = serde_json::from_str(&run(&machine, &["doctor", "--json", TENANT]).stdout).unwrap();
    let findings = doctor["findings"].as_array().unwrap();
    let own = findings.iter().find(|finding| finding["check"] == "protection").unwrap();
    assert_eq!(
        (&own["state"], own["message"].as_str()),
        (&json!("ok"), Some("the rights of the files alone: no keyring answers here"))
    );
    let (before, kept) = (config(&machine), machine.kept());
    let outcome = run(&machine, &["cache", "protect", "os"]);
    assert_eq!(outcome.code, 7);
    assert!(outcome.stderr.contains("tokens cannot be sealed: no keyring answers ("), "{outcome:?}");
    let hint = "hint: unlock the keyring, or: vb365-helper cache protect key_file --key-file FILE\n";
    assert!(outcome.stderr.ends_with(hint), "{outcome:?}");
    assert_eq!((config(&machine), machine.kept()), (before, kept));
    // Whoever insists has what comes all the same, once.
    machine.write_config(&config(&machine).replace("[cache]\n", "[cache]\nprotection = \"os\"\n"));
    machine.expire_veeam(TENANT);
    let outcome = get(&machine, TENANT);
    assert_eq!((outcome.code, &outcome.document()["source"]), (0, &json!("veeam_refresh")));
    assert!(outcome.stderr.contains("warning: not saved, so that the next call has to ask again: "), "{outcome:?}");
}
