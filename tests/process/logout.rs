//! `logout`: a server is told of what is erased here, and of nothing that stays.

use std::fs;

use crate::support::{Machine, TENANT};

#[cfg(target_os = "linux")]
#[test]
fn what_cannot_be_erased_is_ended_nowhere() {
    use crate::support::elsewhere::{can_mount, run};
    if !can_mount() {
        return;
    }
    let machine = Machine::signed_in();
    let outcome = run(machine.on_a_disk("mount -o remount,ro \"$cache\"", &["logout", TENANT]));
    assert_eq!((outcome.code, machine.sandbox.requests("logout")), (7, 0), "{outcome:?}");
    // The token that is kept is one that works.
    let token = machine.get(TENANT, &[]).document()["access_token"].as_str().unwrap().to_owned();
    assert!(machine.sandbox.accepts(&token));
}

#[test]
fn of_a_damaged_file_it_is_said_that_a_token_may_live_on() {
    let machine = Machine::signed_in();
    fs::write(machine.cache_file(), "{canary").unwrap();
    let outcome = machine.run_raw(&["logout", TENANT]);
    assert_eq!((outcome.code, outcome.warnings().len()), (0, 1), "{outcome:?}");
    let warning = outcome.warnings()[0];
    assert!(warning.contains("is damaged") && warning.ends_with("an access token of it may live on"), "{warning}");
    assert!(machine.kept().is_none() && !outcome.stderr.contains("canary"));
}

#[test]
fn a_file_of_a_newer_version_is_left_alone() {
    let machine = Machine::signed_in();
    let newer = r#"{"version":99,"new":"canary"}"#;
    fs::write(machine.cache_file(), newer).unwrap();
    for args in [&["logout", TENANT][..], &["logout", TENANT, "--server", &machine.sandbox.url()]] {
        let outcome = machine.run_raw(args);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (7, ""), "{outcome:?}");
        assert!(outcome.stderr.contains("is of the newer version 99"), "{outcome:?}");
    }
    assert_eq!(machine.kept().unwrap(), newer.as_bytes());
    assert_eq!(machine.sandbox.requests("logout"), 0);
}
