//! What the fuzzer found worth keeping, through the same checks without the fuzzer: an input that
//! once mattered is tried again by every `cargo test`.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    missing_docs,
    unreachable_pub,
    reason = "tests: failing is their way to speak, and the checks belong to another crate as well"
)]

#[path = "fuzz/checks/mod.rs"]
mod checks;

use std::collections::BTreeSet;
use std::fs;
use std::panic;
use std::path::{Path, PathBuf};

/// A path in the fuzzer's crate.
fn fuzz(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz").join(path)
}

/// Holds every kept input of `target` to its check.
fn replay(target: &str) {
    let (_, check) = checks::ALL.into_iter().find(|(name, _)| *name == target).unwrap();
    let mut kept = 0;
    for file in fs::read_dir(fuzz("corpus").join(target)).unwrap() {
        let path = file.unwrap().path();
        let input = fs::read(&path).unwrap();
        assert!(panic::catch_unwind(|| check(&input)).is_ok(), "the check fails for {}", path.display());
        kept += 1;
    }
    assert!(kept > 0, "nothing is kept for {target}");
}

#[test]
fn entries_of_the_cache_are_whole_or_damaged() {
    replay("cache_entries");
}

#[test]
fn requests_of_other_tools_are_what_they_say_or_refused() {
    replay("callers_requests");
}

#[test]
fn configurations_are_usable_or_wrong_in_a_line() {
    replay("config");
}

#[test]
fn sign_ins_are_ended_by_the_platform_alone() {
    replay("device_polls");
}

#[test]
fn answers_of_the_identity_platform_are_judged_by_the_rule() {
    replay("entra_answers");
}

#[test]
fn requests_are_what_they_say_or_refused() {
    replay("native_requests");
}

#[test]
fn answers_of_the_server_are_judged_by_their_status() {
    replay("veeam_answers");
}

#[test]
fn every_target_has_a_check_a_corpus_and_a_dictionary() {
    let names = |dir: &str, ending: &str| -> BTreeSet<String> {
        let names = fs::read_dir(fuzz(dir)).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
        names.filter_map(|name| name.strip_suffix(ending).map(str::to_owned)).collect()
    };
    let checked: BTreeSet<String> = checks::ALL.map(|(name, _)| name.to_owned()).into();
    let manifest: toml::Table = fs::read_to_string(fuzz("Cargo.toml")).unwrap().parse().unwrap();
    let built = manifest["bin"].as_array().unwrap().iter().map(|bin| bin["name"].as_str().unwrap().to_owned());
    assert_eq!(built.collect::<BTreeSet<_>>(), checked);
    assert_eq!(names("targets", ".rs"), checked);
    assert_eq!(names("corpus", ""), checked);
    assert_eq!(names("dictionaries", ".dict"), checked);
    let mut files = names("checks", ".rs");
    assert!(files.remove("mod"));
    assert_eq!(files, checked);
}
