//! What doctor says of files and names.

#![cfg(unix)]

use std::fs;

use super::{mode, one};
use crate::support::Machine;

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
