//! What doctor says of files and names: a cache that cannot be written, a prompt command that cannot be
//! started, and a tenant that nobody knows.

#![cfg(unix)]

use std::fs;

use super::{about, findings, mode, one};
use crate::support::{Machine, ORGANIZATION, World};

#[cfg(target_os = "linux")]
#[test]
fn a_cache_that_cannot_be_written_is_a_failure() {
    use crate::support::elsewhere::{can_mount, run};
    if !can_mount() {
        return;
    }
    let machine = Machine::signed_in();
    let outcome = run(machine.on_a_disk("mount -o remount,ro \"$cache\"", &["doctor", "--json"]));
    assert_eq!(outcome.code, 7, "{outcome:?}");
    let document = outcome.document();
    let [state, message, hint] = one(document["findings"].as_array().unwrap(), "cache", "directory");
    let expected = format!("the cache directory {} cannot be written: ", machine.cache_dir().display());
    assert!(state == "failure" && message.starts_with(&expected), "{message}");
    assert!(hint.contains("[cache] dir"), "{hint}");

    mode(&machine.cache_dir(), 0o500);
    let outcome = run(machine.as_nobody(&["doctor", "--json"]));
    let document = outcome.document();
    let [state, _, hint] = one(document["findings"].as_array().unwrap(), "cache", "directory");
    let expected = format!("chmod u+rwx '{}'", machine.cache_dir().display());
    assert_eq!((outcome.code, state, hint), (7, "failure", expected.as_str()));
    // Where it would have to be made, and nobody can.
    fs::remove_dir_all(machine.cache_dir()).unwrap();
    mode(&machine.home(), 0o500);
    let outcome = run(machine.as_nobody(&["doctor", "--json"]));
    let document = outcome.document();
    let [state, message, _] = one(document["findings"].as_array().unwrap(), "cache", "directory");
    assert!(state == "failure" && message.contains("cannot be made"), "{message}");
}

#[test]
fn a_prompt_command_that_cannot_be_started_is_told_before_it_is_needed() {
    let world = World::new();
    world.store_entra("1", 0);
    let config = fs::read_to_string(world.home().join("config.toml")).unwrap();
    let prompt = |program: &str| {
        world.write_config(&format!("{config}[prompt]\ncommand = [\"{program}\"]\n"));
        let found = findings_of(&world);
        let [state, message, hint] = one(&found, "configuration", "prompt");
        [state, message, hint].map(str::to_owned)
    };
    let path = world.home().join("./tell");
    let shown = path.display();
    let [state, message, hint] = prompt("./tell");
    assert_eq!((state.as_str(), hint.as_str()), ("warning", "vb365-helper help unattended"));
    assert!(message.starts_with(&format!("the prompt command {shown} cannot be started: ")), "{message}");
    fs::write(&path, "#!/bin/sh\n").unwrap();
    mode(&path, 0o644);
    let [state, _, hint] = prompt("./tell");
    assert_eq!((state, hint), ("warning".to_owned(), format!("chmod u+x '{shown}'")));
    mode(&path, 0o755);
    assert_eq!(prompt("./tell"), ["ok".to_owned(), shown.to_string(), String::new()]);
    // A name is looked up as the system does it; in these tests the home is the whole PATH.
    assert_eq!(prompt("tell")[0], "ok");
    assert_eq!(prompt("tells")[0], "warning");
    assert!(prompt("tells")[1].contains("tells cannot be started: it is in no directory of PATH"));
}

/// Whatever the hosts say.
fn findings_of(world: &World) -> Vec<serde_json::Value> {
    let outcome = world.run_raw(&["doctor", "--json"]);
    outcome.document()["findings"].as_array().unwrap().clone()
}

#[test]
fn a_name_with_a_slip_is_answered_by_the_one_that_was_probably_meant() {
    let machine = Machine::signed_in();
    let typed = ORGANIZATION.replace("Abc", "abd");
    let found = findings(&machine, &[&typed], 5);
    let [_, _, hint] = one(&found, &typed, "sign-in");
    assert_eq!(hint, format!("did you mean {ORGANIZATION}? if not: vb365-helper login {typed}"));
    assert!(about(&found, &typed, "settings")[0][2].is_empty());
}
