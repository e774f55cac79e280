//! The cache among programs that hold its files, below directories of any length, and beside other users.

use std::fs::{self, File};
use std::os::windows::fs::OpenOptionsExt;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;
use windows_permissions::constants::{SeObjectType::SE_FILE_OBJECT, SecurityInformation};
use windows_permissions::wrappers::SetNamedSecurityInfo;
use windows_permissions::{LocalBox, SecurityDescriptor};

use crate::support::{Machine, Outcome, TENANT, piped};

/// `FILE_SHARE_READ`: a holder that lets nobody write, replace or remove, as many a backup does.
const READING_ALONE: u32 = 1;

fn held(path: &Path) -> File {
    File::options().read(true).share_mode(READING_ALONE).open(path).unwrap()
}

/// The same run with other files than a test's own.
fn run(command: &mut Command) -> Outcome {
    Outcome::of(piped(command).output().unwrap())
}

/// Keeps a sign-in in `dir`.
fn store(machine: &Machine, dir: &Path) {
    let request = format!(r#"{{"version":1,"tenant":"{TENANT}","entra":{}}}"#, machine.sandbox.token_response());
    let mut store = assert_cmd::Command::from_std(machine.command(&["store"]));
    Outcome::of(store.env("VB365_HELPER_CACHE_DIR", dir).write_stdin(request).output().unwrap()).answer();
}

#[test]
fn a_file_that_somebody_holds_for_a_moment_is_replaced_a_moment_later() {
    let machine = Machine::signed_in();
    machine.expire_veeam(TENANT);
    let holder = held(&machine.cache_file());
    let child = machine.start(&["get", TENANT, "--interactive", "never"]);
    thread::sleep(Duration::from_millis(1200));
    drop(holder);
    let answer = crate::support::finish(child).answer();
    assert_eq!(answer["source"], "veeam_refresh");
    assert_eq!(machine.get(TENANT, &[]).answer()["access_token"], answer["access_token"]);
    machine.assert_no_complaints();
}

/// The refresh token that was spent is lost with the old file; the one that it bought is not.
#[test]
fn a_file_that_stays_held_costs_no_token() {
    let machine = Machine::signed_in();
    machine.expire_veeam(TENANT);
    let holder = held(&machine.cache_file());
    let outcome = machine.get(TENANT, &[]);
    let warnings = outcome.warnings();
    assert!(outcome.code == 0 && warnings.iter().any(|words| words.contains("not saved")), "{outcome:?}");
    let token = outcome.document()["access_token"].clone();
    // As long as it is held, and behind that.
    for holder in [Some(holder), None] {
        let answer = machine.get(TENANT, &[]).answer();
        assert_eq!((&answer["source"], &answer["access_token"]), (&"cache".into(), &token));
        assert_eq!(machine.cache_file().with_extension("json.tmp").exists(), holder.is_some());
    }
    machine.assert_no_complaints();
}

#[test]
fn a_directory_may_be_longer_than_windows_once_allowed() {
    let machine = Machine::new();
    let mut dir = machine.home();
    while dir.as_os_str().len() < 300 {
        dir.push("a directory with a long name, and \u{e4}\u{f6}\u{fc} in it");
    }
    store(&machine, &dir);
    let get = ["get", TENANT, "--interactive", "never"];
    for source in ["exchange", "cache"] {
        let outcome = run(machine.command(&get).env("VB365_HELPER_CACHE_DIR", &dir));
        assert_eq!(outcome.answer()["source"], source);
    }
    assert!(dir.join(format!("{TENANT}.json")).is_file());
}

#[test]
fn without_a_place_of_its_own_the_cache_is_in_the_local_data_directory() {
    let machine = Machine::new();
    let mut command = machine.command(&["doctor", "--json"]);
    let outcome = run(command.env_remove("VB365_HELPER_CACHE_DIR"));
    let local = directories::BaseDirs::new().unwrap().data_local_dir().join(r"vb365-helper\data");
    let report = outcome.document();
    let said = report["findings"].as_array().unwrap().iter().map(|finding| finding["message"].as_str().unwrap());
    let said: Vec<_> = said.filter(|words| words.contains(r"vb365-helper\data")).collect();
    assert!(said.iter().any(|words| words.contains(local.to_str().unwrap())), "{}: {report}", local.display());
}

/// Has everybody read `dir` and what is made in it, as below most directories that are no user's own.
fn let_everybody_in(dir: &Path) {
    let list: LocalBox<SecurityDescriptor> = "D:(A;OICI;FA;;;CO)(A;OICI;FA;;;OW)(A;OICI;FR;;;WD)".parse().unwrap();
    SetNamedSecurityInfo(dir, SE_FILE_OBJECT, SecurityInformation::Dacl, None, None, list.dacl(), None).unwrap();
}

/// Whether `doctor` warns of `dir` once a sign-in is kept there.
fn is_told_of(dir: &Path) -> bool {
    let machine = Machine::new();
    store(&machine, dir);
    let report = run(machine.command(&["doctor", "--json"]).env("VB365_HELPER_CACHE_DIR", dir)).document();
    let mut messages =
        report["findings"].as_array().unwrap().iter().map(|finding| finding["message"].as_str().unwrap());
    messages.any(|words| words.starts_with("other users can see in "))
}

/// (Wine has a new directory inherit whatever was set; what keeps others out of one is tested where it is set.)
#[test]
fn a_directory_that_lets_others_in_is_told_of() {
    let parent = TempDir::new().unwrap();
    let [new, old] = ["new", "old"].map(|name| parent.path().join(name));
    fs::create_dir(&old).unwrap();
    let_everybody_in(&old);
    assert_eq!([&new, &old].map(|dir| is_told_of(dir)), [false, true]);
}
