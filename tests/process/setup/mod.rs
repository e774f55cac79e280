//! `setup`: what is printed is what is written, and nothing of the user's is lost by it.

mod files;
mod kubectl;
mod prints;
mod systemd;
mod terraform;
mod timers;

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{Home, Outcome, TENANT};

/// The configuration of most tests.
fn configured() -> Home {
    let home = Home::new();
    home.write_config(&format!("[tenants.\"{TENANT}\"]\nserver = \"https://vb365.example.com:4443\"\n"));
    home
}

/// A run that must succeed in silence; its stdout.
fn setup(home: &Home, args: &[&str]) -> String {
    let outcome = outcome(home, args);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{outcome:?}");
    outcome.stdout
}

fn outcome(home: &Home, args: &[&str]) -> Outcome {
    home.run(&[&["setup"], args].concat(), b"")
}

/// A run that must fail with `code`; its words.
fn refused(home: &Home, args: &[&str], code: i32) -> String {
    let outcome = outcome(home, args);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (code, ""), "{outcome:?}");
    assert_eq!(outcome.stderr.matches("vb365-helper: hint: ").count(), 1, "{outcome:?}");
    outcome.stderr
}

/// The program, as it is told to callers: by no link.
fn program() -> String {
    std::path::absolute(assert_cmd::cargo::cargo_bin!("vb365-helper")).unwrap().display().to_string()
}

/// The same as a word of YAML, where a backslash needs quotes.
fn program_in_yaml() -> String {
    if cfg!(windows) { serde_json::Value::from(program()).to_string() } else { program() }
}

/// The same as a word of a shell.
fn program_in_shell() -> String {
    if cfg!(windows) { format!("'{}'", program()) } else { program() }
}

/// Writes a file of the user's, and what leads to it.
fn put(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// The files in the directory of `path`, by name.
fn beside(path: &Path) -> Vec<String> {
    let names = fs::read_dir(path.parent().unwrap()).unwrap();
    let mut names: Vec<_> = names.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    PathBuf::from(format!("{}{ending}", path.display()))
}
