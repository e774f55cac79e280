//! A cache on a file system that is not the machine's own, as home directories of servers often
//! are: a lock is a lock there too, it is asked for in a way that cannot hang, and where there are
//! none, nothing is spent without one. FUSE stands for those that no test can mount.
#![cfg(target_os = "linux")]

use std::fs::File;
use std::time::{Duration, Instant};

use crate::support::elsewhere::{can_mount, can_trace, has_tool, run};
use crate::support::{Machine, TENANT, skip};

const GET: [&str; 6] = ["get", TENANT, "--interactive", "never", "--timeout", "2s"];
/// Over the small disk comes a file system that a program serves.
const FUSE: &str = r#"bindfs -o nonempty "$PWD/seed" "$cache"; trap 'umount -l "$cache"' EXIT"#;

fn can_serve() -> bool {
    let has_device = File::options().read(true).write(true).open("/dev/fuse").is_ok();
    has_tool("bindfs") && (has_device || skip("/dev/fuse is missing")) && can_mount()
}

#[test]
fn a_renewal_works_under_a_lock_that_a_program_gives() {
    if !can_serve() {
        return;
    }
    let machine = Machine::signed_in();
    machine.expire_veeam(TENANT);
    let old = machine.kept().unwrap();
    assert_eq!(run(machine.on_a_disk(FUSE, &GET)).answer()["source"], "veeam_refresh");
    assert_ne!(machine.kept_on_disk(TENANT), old);
    machine.assert_no_complaints();
}

/// As flock(2) answers on file systems that know no locks, and on NFS without its lock daemon.
#[test]
fn where_there_are_no_locks_nothing_is_spent() {
    if !can_trace() {
        return;
    }
    for (error, words) in
        [("EOPNOTSUPP", "Operation not supported (os error 95)"), ("ENOLCK", "No locks available (os error 37)")]
    {
        let machine = Machine::signed_in();
        assert_eq!(run(machine.with_failing_call("flock", error, &GET)).answer()["source"], "cache");
        machine.expire_veeam(TENANT);
        let outcome = run(machine.with_failing_call("flock", error, &GET));
        let lock = machine.cache_dir().join(format!("{TENANT}.lock"));
        let error = outcome.error("cache");
        assert_eq!(error["message"], format!("the lock file {} cannot be used: {words}", lock.display()));
        assert!(error["hint"].as_str().unwrap().starts_with("keep the cache on a local disk"), "{error}");
        assert_eq!(machine.sandbox.requests("veeam_token"), 1);
    }
}

#[test]
fn a_lock_that_is_held_there_is_waited_for_in_time() {
    if !can_serve() {
        return;
    }
    let machine = Machine::signed_in();
    machine.expire_veeam(TENANT);
    let start = Instant::now();
    let setup = format!(r#"{FUSE}; exec 9<>"$cache/{TENANT}.lock"; flock 9"#);
    let error = run(machine.on_a_disk(&setup, &GET)).error("cache");
    assert!(start.elapsed() >= Duration::from_secs(2) && start.elapsed() < Duration::from_secs(30));
    let lock = machine.cache_dir().join(format!("{TENANT}.lock"));
    let message = format!("another process holds the lock {} and did not release it in time", lock.display());
    assert_eq!(error["message"], message);
    assert_eq!(machine.sandbox.requests("veeam_token"), 1);
}
