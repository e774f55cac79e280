//! Disks that are full, read-only or gone, files that cannot be written, no descriptors left: a
//! token that was just received is handed out all the same, with a warning, and what was kept before
//! is as it was. Where nothing was received yet, the kind is `cache` and nothing was spent.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

#[cfg(target_os = "linux")]
use crate::support::HOUR;
use crate::support::server::Fault;
use crate::support::{Machine, Outcome, TENANT, finish, wait_until};

const GET: [&str; 4] = ["get", TENANT, "--interactive", "never"];

/// A token that is good, from `source`, and one warning that it is not saved.
fn assert_handed_out(machine: &Machine, outcome: &Outcome, source: &str) {
    assert_eq!(outcome.code, 0, "{outcome:?}");
    let answer = outcome.document();
    assert_eq!(answer["source"], source);
    assert!(machine.sandbox.accepts(answer["access_token"].as_str().unwrap()));
    let [warning] = outcome.warnings()[..] else { panic!("not one warning: {outcome:?}") };
    assert_eq!(outcome.stderr.lines().count(), 1);
    let start = "not saved, so that the next call has to ask again: the cache file ";
    assert!(warning.starts_with(start) && warning.contains(&format!("{TENANT}.json")), "{warning}");
}

/// The next call needs no person either.
#[cfg(target_os = "linux")]
fn assert_goes_on(machine: &Machine) {
    assert_eq!(machine.get(TENANT, &[]).code, 0);
    assert_eq!(machine.sandbox.requests("device_code"), 0);
}

#[test]
fn a_directory_that_vanishes_during_a_renewal_takes_no_token_along() {
    let machine = Machine::signed_in();
    machine.expire_veeam(TENANT);
    machine.sandbox.fault("veeam_token", Fault::Late(Duration::from_secs(2)));
    let before = machine.sandbox.requests("veeam_token");
    let child = machine.start(&GET);
    wait_until("the server is asked", || machine.sandbox.requests("veeam_token") > before);
    // Windows does not let go of a directory in which a file is open.
    let gone = fs::remove_dir_all(machine.cache_dir()).is_ok();
    let outcome = finish(child);
    match gone {
        true => assert_handed_out(&machine, &outcome, "veeam_refresh"),
        false => assert_eq!(outcome.answer()["source"], "veeam_refresh"),
    }
}

/// For each moment at which the directory can be gone: before the lock, and while it is waited for.
#[test]
fn a_directory_that_is_not_there_is_made() {
    let machine = Machine::new();
    machine.get(TENANT, &[]).error("login_required");
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::SeqCst) {
                let _ = fs::remove_dir_all(machine.cache_dir());
            }
        });
        for _ in 0..20 {
            let outcome = finish(machine.start(&GET));
            assert!(matches!(outcome.code, 3 | 7), "{outcome:?}");
        }
        is_over.store(true, Ordering::SeqCst);
    });
    machine.sign_in(TENANT);
}

#[cfg(unix)]
#[test]
fn a_person_does_not_lose_a_sign_in_to_a_lock_that_is_not_to_be_had() {
    use crate::support::can_use_terminals;
    if !can_use_terminals() {
        return;
    }
    let machine = Machine::new();
    let session = machine.at_a_terminal(&["get", TENANT]);
    session.wait_for("Ctrl-C cancels.", Duration::from_secs(30));
    let lock = machine.cache_dir().join(format!("{TENANT}.lock"));
    fs::remove_file(&lock).unwrap();
    fs::create_dir(&lock).unwrap();
    assert!(machine.sandbox.approve());
    let outcome = Outcome::at_a_terminal(session.finish(Duration::from_secs(30)));
    assert_eq!((outcome.code, &outcome.document()["source"]), (0, &"login".into()), "{outcome:?}");
    let [warning] = outcome.warnings()[..] else { panic!("not one warning: {outcome:?}") };
    assert!(warning.starts_with("not saved, ") && warning.contains(lock.to_str().unwrap()), "{warning}");

    // `login`, which hands nothing out, does not call that a success.
    let session = machine.at_a_terminal(&["login", TENANT]);
    session.wait_for("Ctrl-C cancels.", Duration::from_secs(30));
    assert!(machine.sandbox.approve());
    let outcome = Outcome::at_a_terminal(session.finish(Duration::from_secs(30)));
    assert_eq!((outcome.code, outcome.warnings().len()), (7, 1), "{outcome:?}");
    let words = format!("vb365-helper: the sign-in to {TENANT} worked, but could not be saved\n");
    assert!(outcome.stderr.contains(&words), "{outcome:?}");
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::support::elsewhere::{can_mount, has_tool, run};
    use crate::support::{ago, can_use_terminals, tell};

    const FILL: &str = r#"dd if=/dev/zero of="$cache/filler" bs=1k 2>/dev/null || true"#;
    const READ_ONLY: &str = r#"mount -o remount,bind,ro "$cache""#;

    #[test]
    fn a_full_disk_loses_no_token() {
        if !can_mount() {
            return;
        }
        let machine = Machine::signed_in();
        machine.expire_veeam(TENANT);
        let before = machine.kept().unwrap();
        let outcome = run(machine.on_a_disk(FILL, &GET));
        assert_handed_out(&machine, &outcome, "veeam_refresh");
        assert!(outcome.stderr.contains("No space left on device"), "{outcome:?}");
        assert_eq!(machine.kept_on_disk(TENANT), before);
        assert_eq!(fs::read_dir(machine.home().join("kept")).unwrap().count(), 3, "entry, lock and filler");
        assert_goes_on(&machine);
    }

    #[test]
    fn a_person_does_not_lose_a_sign_in_to_a_full_disk() {
        if !can_mount() || !can_use_terminals() {
            return;
        }
        let machine = Machine::signed_in();
        machine.run(&["erase", TENANT], b"").answer();
        let session = machine.at_a_terminal_by(&machine.on_a_disk(FILL, &["get", TENANT]), &[]);
        session.wait_for("Ctrl-C cancels.", Duration::from_secs(30));
        assert!(machine.sandbox.approve());
        let outcome = Outcome::at_a_terminal(session.finish(Duration::from_secs(30)));
        assert_handed_out(&machine, &outcome, "login");
    }

    #[test]
    fn a_read_only_disk_answers_what_is_kept_and_spends_nothing() {
        if !can_mount() {
            return;
        }
        let machine = Machine::signed_in();
        assert_eq!(run(machine.on_a_disk(READ_ONLY, &GET)).answer()["source"], "cache");

        let machine = Machine::signed_in();
        machine.expire_veeam(TENANT);
        let outcome = run(machine.on_a_disk(READ_ONLY, &GET));
        let lock = machine.cache_dir().join(format!("{TENANT}.lock"));
        let message = format!("the lock file {} cannot be used: Read-only file system (os error 30)", lock.display());
        assert_eq!(outcome.error("cache")["message"], message);
        assert_eq!(machine.sandbox.requests("veeam_token"), 1, "a refresh token was spent for nothing");
        assert_goes_on(&machine);
        machine.assert_no_complaints();

        let machine = Machine::signed_in();
        machine.change_entry(TENANT, |entry| {
            entry["veeam"][0]["obtained_at"] = ago(HOUR - 100).into();
            entry["veeam"][0]["access_expires_at"] = ago(-100).into();
        });
        let outcome = run(machine.on_a_disk(READ_ONLY, &GET));
        assert_eq!((outcome.code, outcome.document()["source"].as_str()), (0, Some("cache")));
        assert!(outcome.warnings()[0].starts_with("handing out a token that ends in "), "{outcome:?}");
    }

    #[test]
    fn files_that_cannot_be_written_lose_no_token() {
        if !has_tool("setpriv") {
            return;
        }
        let set = |machine: &Machine, name: &str, mode| {
            fs::set_permissions(machine.cache_dir().join(name), Permissions::from_mode(mode)).unwrap();
        };
        // The entry is replaced, whatever its mode.
        let machine = Machine::signed_in();
        machine.expire_veeam(TENANT);
        set(&machine, &format!("{TENANT}.json"), 0o400);
        assert_eq!(run(machine.as_nobody(&GET)).answer()["source"], "veeam_refresh");
        assert_eq!(run(machine.as_nobody(&GET)).answer()["source"], "cache");

        // Where the directory takes no new file, what was received is handed out.
        let machine = Machine::signed_in();
        machine.expire_veeam(TENANT);
        let command = machine.as_nobody(&GET);
        set(&machine, "", 0o500);
        assert_handed_out(&machine, &run(command), "veeam_refresh");
        set(&machine, "", 0o700);
        assert_eq!(run(machine.as_nobody(&GET)).answer()["source"], "exchange");

        // Without its lock nothing is spent.
        for (name, mode) in [(format!("{TENANT}.lock"), 0o400), (format!("{TENANT}.json"), 0o000), (String::new(), 0)] {
            let machine = Machine::signed_in();
            machine.expire_veeam(TENANT);
            let command = machine.as_nobody(&GET);
            set(&machine, &name, mode);
            let error = run(command).error("cache");
            let path = machine.cache_dir().join(&name).display().to_string();
            let message = error["message"].as_str().unwrap();
            assert!(message.contains(path.trim_end_matches('/')), "{message}");
            assert!(message.ends_with("Permission denied (os error 13)"), "{message}");
            assert_eq!(machine.sandbox.requests("veeam_token"), 1);
            if name.is_empty() {
                // What cannot be seen is not called erased.
                run(machine.as_nobody_again(&["erase", TENANT])).error("cache");
            }
            set(&machine, &name, 0o700);
        }
    }

    /// With each number of descriptors a call succeeds or says what is missing.
    #[test]
    fn too_few_file_descriptors_lose_no_token() {
        if !has_tool("prlimit") {
            return;
        }
        let (mut succeeded, mut unsaved) = (0, 0);
        let limits = 3..20;
        for limit in limits.clone() {
            let machine = Machine::signed_in();
            machine.expire_veeam(TENANT);
            let spent = machine.sandbox.requests("veeam_token");
            let outcome = run(machine.with_descriptors(limit, &GET));
            match outcome.code {
                0 => succeeded += 1,
                127 => assert!(outcome.stderr.contains("shared libraries"), "{limit}: {outcome:?}"),
                _ => {
                    let kind = outcome.document()["error"]["kind"].as_str().unwrap().to_owned();
                    assert!(["cache", "config", "unavailable"].contains(&kind.as_str()), "{limit}: {outcome:?}");
                    assert_eq!(machine.sandbox.requests("veeam_token"), spent, "{limit}: spent, and lost");
                }
            }
            unsaved += usize::from(outcome.code == 0 && !outcome.stderr.is_empty());
            assert_goes_on(&machine);
        }
        assert!((1..limits.len()).contains(&succeeded), "{succeeded} of {} limits were enough", limits.len());
        tell(&format!("descriptors: {succeeded} of {} limits were enough, {unsaved} of them unsaved", limits.len()));
    }
}
