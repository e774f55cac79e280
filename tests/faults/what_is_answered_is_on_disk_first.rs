//! The order in which the system is asked for things, as strace(1) sees it: what outlives a loss of
//! power cannot be tested by a kill. And what the cached answer does without.
#![cfg(target_os = "linux")]

use crate::support::elsewhere::can_trace;
use crate::support::{Machine, TENANT};

const GET: [&str; 5] = ["get", TENANT, "--interactive", "never", "--timeout=50s"];

/// The system calls of a run that succeeds, in order, each with the paths of its descriptors.
fn calls(machine: &Machine) -> Vec<String> {
    calls_of(machine, &GET)
}

fn calls_of(machine: &Machine, args: &[&str]) -> Vec<String> {
    let text = machine.trace(&["-y", "-s", "0"], machine.command(args), &machine.home());
    assert!(text.contains("+++ exited with 0 +++"), "{text}");
    // What the loader does before `main`, and each line's process id, are left out.
    let lines = text.lines().map(|line| line.split_once(' ').unwrap().1.trim_start().to_owned());
    lines.skip_while(|line| !line.starts_with("prctl(PR_SET_DUMPABLE")).collect()
}

/// Where the call stands that starts so and names `path`.
fn position(calls: &[String], start: &str, path: &str) -> usize {
    let found = calls.iter().position(|call| call.starts_with(start) && call.contains(path));
    found.unwrap_or_else(|| panic!("no {start} with {path} in:\n{}", calls.join("\n")))
}

#[test]
fn a_token_is_on_disk_before_it_is_answered_and_whole_before_it_takes_its_place() {
    if !can_trace() {
        return;
    }
    let machine = Machine::signed_in();
    machine.expire_veeam(TENANT);
    let calls = calls(&machine);
    let temporary = format!("{TENANT}.json.tmp>");
    let directory = format!("{}>", machine.cache_dir().display());
    let order = [
        ("flock(", "LOCK_EX|LOCK_NB"),
        ("connect(", "127.0.0.1"),
        ("write(", temporary.as_str()),
        ("fsync(", temporary.as_str()),
        ("rename(", "json.tmp"),
        ("fsync(", directory.as_str()),
        ("write(1<", ""),
    ];
    let positions: Vec<_> = order.iter().map(|(start, path)| (position(&calls, start, path), start, path)).collect();
    assert!(positions.is_sorted(), "{positions:?}");
    // The entry is read again under the lock, and that is the copy which counts.
    let reads = calls.iter().enumerate().filter(|(_, call)| call.starts_with("openat(") && call.contains(".json\""));
    let reads: Vec<_> = reads.map(|(at, _)| at).collect();
    let locked = positions[0].0;
    assert!(reads.len() == 2 && reads[0] < locked && reads[1] > locked, "{reads:?}, locked at {locked}");
}

#[test]
fn what_a_killed_writer_left_is_on_disk_before_it_takes_its_place() {
    if !can_trace() {
        return;
    }
    let machine = Machine::signed_in();
    let temporary = machine.cache_dir().join(format!("{TENANT}.json.tmp"));
    std::fs::copy(machine.cache_file(), &temporary).unwrap();
    std::fs::remove_file(machine.cache_file()).unwrap();
    let calls = calls(&machine);
    let name = format!("{TENANT}.json.tmp>");
    let order = [("flock(", "LOCK_EX|LOCK_NB"), ("fsync(", name.as_str()), ("rename(", "json.tmp"), ("write(1<", "")];
    let positions: Vec<_> = order.iter().map(|(start, path)| (position(&calls, start, path), start, path)).collect();
    assert!(positions.is_sorted(), "{positions:?}");
}

#[test]
fn what_is_erased_does_not_come_back_with_the_power() {
    if !can_trace() {
        return;
    }
    let machine = Machine::signed_in();
    let calls = calls_of(&machine, &["erase", TENANT]);
    let directory = format!("{}>", machine.cache_dir().display());
    let order = [("unlink(", ".json\""), ("fsync(", directory.as_str()), ("write(1<", "")];
    let positions = order.map(|(start, path)| position(&calls, start, path));
    assert!(positions.is_sorted(), "{positions:?}");
}

#[test]
fn the_cached_answer_takes_no_lock_no_network_and_no_certificate_store() {
    if !can_trace() {
        return;
    }
    let machine = Machine::signed_in();
    let calls = calls(&machine);
    for start in ["flock(", "fcntl(", "socket(", "connect(", "clone", "fsync(", "rename(", "unlink(", "mkdir("] {
        let found = calls.iter().find(|call| call.starts_with(start));
        assert!(found.is_none_or(|call| start == "fcntl(" && call.contains("F_GETFD")), "{found:?}");
    }
    let opened: Vec<_> = calls.iter().filter(|call| call.starts_with("openat(")).collect();
    assert!(opened.iter().all(|call| !call.contains("O_WRONLY") && !call.contains("O_RDWR")), "{opened:#?}");
    let own = [machine.home().display().to_string(), "/proc/".into(), "/sys/fs/cgroup".into()];
    assert!(opened.iter().all(|call| own.iter().any(|own| call.contains(own.as_str()))), "{opened:#?}");
    assert_eq!(calls.iter().filter(|call| call.starts_with("write(")).count(), 1, "the answer is one write");
}
