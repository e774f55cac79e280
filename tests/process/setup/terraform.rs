//! Into Terraform's CLI configuration and its directory of programs, by a link. (Windows has a copy there:
//! `tests/windows/setup.rs`.)
#![cfg(unix)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{beside, configured, program, put, refused, setup, with_ending};
use crate::support::{Home, TENANT, is_root, tool};

const BLOCK: &str = "credentials_helper \"vb365\" {\n  args = []\n}\n";
const OLD: &str = "plugin_cache_dir = \"/tmp\" # {\n\nhost \"a.example.com\" {\n  services = {}\n}\n";

fn rc(home: &Home) -> PathBuf {
    home.home().join(".terraformrc")
}

fn link(home: &Home) -> PathBuf {
    home.home().join(".terraform.d/plugins/terraform-credentials-vb365")
}

#[test]
fn the_block_and_the_program_are_put_where_terraform_looks() {
    let home = configured();
    put(&rc(&home), OLD);
    let words = setup(&home, &["terraform", "--write"]);
    let backup = with_ending(&rc(&home), ".vb365-backup");
    let changed = format!("{}: changed; what was there is kept in {}\n", rc(&home).display(), backup.display());
    assert!(words.starts_with(&format!("{}: made\n{changed}", link(&home).display())), "{words}");
    assert_eq!(fs::read_to_string(rc(&home)).unwrap(), format!("{OLD}\n{BLOCK}"));
    assert_eq!(fs::read_to_string(backup).unwrap(), OLD);
    assert_eq!(fs::read_link(link(&home)).unwrap(), Path::new(&program()));

    let words = setup(&home, &["terraform", "--write"]);
    assert_eq!(words.matches(": is already there\n").count(), 2, "{words}");
    assert_eq!(fs::read_to_string(rc(&home)).unwrap(), format!("{OLD}\n{BLOCK}"));
    assert_eq!(beside(&link(&home)), ["terraform-credentials-vb365"]);
}

#[test]
fn another_helper_is_replaced_only_by_force() {
    let home = configured();
    let old = format!("{OLD}credentials_helper \"other\" {{ args = [\"}}\"] }} # its\n# end\n");
    put(&rc(&home), &old);
    let words = refused(&home, &["terraform", "--write"], 8);
    assert!(words.contains("has credentials_helper \"other\" in this place\n"), "{words}");
    assert_eq!(fs::read_to_string(rc(&home)).unwrap(), old);
    assert!(!link(&home).exists(), "nothing is changed before everything can be");

    setup(&home, &["terraform", TENANT, "--write", "--force"]);
    let block = format!("credentials_helper \"vb365\" {{\n  args = [\"--tenant\", \"{TENANT}\"]\n}}");
    assert_eq!(fs::read_to_string(rc(&home)).unwrap(), format!("{OLD}{block} # its\n# end\n"));
    assert_eq!(fs::read_to_string(with_ending(&rc(&home), ".vb365-backup")).unwrap(), old);
    // Of this program, for another tenant.
    refused(&home, &["terraform", "--write"], 8);
}

#[test]
fn another_helper_in_a_file_beside_is_one_too_many() {
    let home = configured();
    let other = home.home().join(".terraform.d/team.tfrc");
    put(&other, "credentials_helper \"other\" {}\n");
    let words = refused(&home, &["terraform", "--write", "--force"], 8);
    assert!(words.contains(&format!("{} has a credentials_helper too\n", other.display())), "{words}");
    assert!(!rc(&home).exists());
    put(&other, "# credentials_helper \"other\" {}\n");
    setup(&home, &["terraform", "--write"]);
}

#[test]
fn another_program_under_the_name_is_kept() {
    let home = configured();
    put(&link(&home), "other");
    let words = refused(&home, &["terraform", "--write"], 8);
    assert!(words.contains("terraform-credentials-vb365 has something else in this place\n"), "{words}");
    assert!(!rc(&home).exists(), "nothing is changed before everything can be");
    setup(&home, &["terraform", "--write", "--force"]);
    assert_eq!(fs::read_link(link(&home)).unwrap(), Path::new(&program()));
    assert_eq!(fs::read_to_string(with_ending(&link(&home), ".vb365-backup")).unwrap(), "other");
}

#[test]
fn a_file_that_cannot_be_understood_is_left_alone() {
    let home = configured();
    for (old, word) in [
        ("host \"a\" {\n", "cannot be read: line 1: "),
        ("a = \"\n", "cannot be read: line 1: "),
        // Terraform takes no byte order mark.
        ("\u{feff}a = 1\n", "cannot be read: line 1: "),
        ("{\"credentials_helper\": {}}\n", "cannot be read: line 1: "),
        ("credentials_helper = { x = {} }\n", "only a person can change"),
    ] {
        put(&rc(&home), old);
        let words = refused(&home, &["terraform", "--write", "--force"], 8);
        assert!(words.contains(word), "{words}");
        assert!(words.contains("hint: vb365-helper setup terraform prints"), "{words}");
        assert_eq!(fs::read_to_string(rc(&home)).unwrap(), old);
    }
}

#[test]
fn terraform_takes_what_is_written_and_runs_it() {
    let Some(terraform) = tool("terraform") else { return };
    for old in ["", OLD, "disable_checkpoint = true", &OLD.replace('\n', "\r\n")] {
        let home = configured();
        let config = home.home().join("my.tfrc");
        put(&config, old);
        let write =
            home.command(&["setup", "terraform", "--write"]).env("TF_CLI_CONFIG_FILE", &config).output().unwrap();
        assert!(write.status.success(), "{write:?}");
        assert!(!rc(&home).exists());
        let run = |args: &[&str]| {
            let mut command = Command::new(&terraform);
            command.env_clear().env("HOME", home.home()).env("TF_CLI_CONFIG_FILE", &config);
            command.env("VB365_HELPER_CONFIG", home.home().join("config.toml"));
            command.env("VB365_HELPER_CACHE_DIR", home.cache_dir());
            command.env("CHECKPOINT_DISABLE", "1").env("TF_LOG", "DEBUG").current_dir(home.home()).args(args);
            let output = command.output().unwrap();
            (output.status.success(), String::from_utf8(output.stderr).unwrap())
        };
        let (success, log) = run(&["version"]);
        assert!(success && !log.contains("Warning") && !log.contains("Error"), "{old}: {log}");
        // It finds the program by its link, and has it forget a token.
        store(&home, "app.example.com");
        let kept = home.cache_dir().join("hosts/app.example.com.json");
        assert!(kept.exists());
        let (success, log) = run(&["logout", "app.example.com"]);
        assert!(success && !kept.exists(), "{old}: {log}");
        // What Terraform would say of a helper too many.
        put(&config, &(fs::read_to_string(&config).unwrap() + "credentials_helper \"other\" {}\n"));
        assert!(run(&["version"]).1.contains("credentials_helper"), "{old}");
    }
}

/// Keeps a token of another host, as `terraform login` does.
fn store(home: &Home, host: &str) {
    let outcome = home.run(&["store", host, "--protocol", "terraform"], br#"{"token":"canary"}"#);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{outcome:?}");
}

#[test]
fn the_block_is_not_written_before_its_program_is_there() {
    let home = configured();
    let words = setup(&home, &["terraform", "--write"]);
    let made = format!("{}: made\n{}: made\n", link(&home).display(), rc(&home).display());
    assert!(words.starts_with(&made), "{words}");

    // No place for the program.
    let home = configured();
    put(&home.home().join(".terraform.d"), "");
    let words = refused(&home, &["terraform", "--write"], 8);
    let why = format!("cannot be changed: {} is not a directory\n", home.home().join(".terraform.d").display());
    assert!(words.contains(&why), "{words}");
    assert!(!rc(&home).exists());

    let home = configured();
    fs::create_dir_all(link(&home)).unwrap();
    let words = refused(&home, &["terraform", "--write", "--force"], 8);
    assert!(words.contains("terraform-credentials-vb365 cannot be changed: it is not a regular file\n"), "{words}");
    assert!(!rc(&home).exists());
}

#[test]
fn another_users_link_stays_theirs() {
    if !is_root("give a link to another user") {
        return;
    }
    let home = configured();
    fs::create_dir_all(link(&home).parent().unwrap()).unwrap();
    std::os::unix::fs::symlink("/nowhere", link(&home)).unwrap();
    std::os::unix::fs::lchown(link(&home), Some(12345), None).unwrap();
    let words = refused(&home, &["terraform", "--write", "--force"], 8);
    assert!(words.contains("terraform-credentials-vb365 cannot be changed: it belongs to another user\n"), "{words}");
    assert!(!rc(&home).exists());
    assert_eq!(fs::read_link(link(&home)).unwrap(), Path::new("/nowhere"));
}

#[test]
fn another_helper_in_a_file_of_json_is_one_too_many() {
    let home = configured();
    let other = home.home().join(".terraform.d/team.tfrc.json");
    put(&other, r#"{"credentials_helper": {"other": {"args": []}}}"#);
    let words = refused(&home, &["terraform", "--write", "--force"], 8);
    assert!(words.contains(&format!("{} has a credentials_helper too\n", other.display())), "{words}");
    assert!(!rc(&home).exists() && !link(&home).exists());
    // As `terraform login` leaves it.
    put(&other, r#"{"credentials": {"app.example.com": {"token": "canary"}}}"#);
    setup(&home, &["terraform", "--write"]);
}

#[test]
fn the_same_helper_in_another_of_terraforms_files_is_enough() {
    for (name, text) in [
        ("team.tfrc", BLOCK),
        ("team.tfrc.json", r#"{"credentials_helper": {"vb365": {"args": []}}}"#),
        ("team.tfrc.json", r#"{"credentials_helper": {"vb365": {}}}"#),
    ] {
        let home = configured();
        let other = home.home().join(".terraform.d").join(name);
        put(&other, text);
        let words = setup(&home, &["terraform", "--write"]);
        assert!(words.contains(&format!("{}: is already there\n", other.display())), "{words}");
        assert!(!rc(&home).exists() && link(&home).exists());
        assert_eq!(fs::read_to_string(&other).unwrap(), text);
        // For another tenant it is another one, and a second helper is one too many.
        refused(&home, &["terraform", TENANT, "--write"], 8);
        put(&rc(&home), "credentials_helper \"other\" {}\n");
        let words = refused(&home, &["terraform", "--write", "--force"], 8);
        assert!(words.contains(&format!("{} has a credentials_helper too\n", rc(&home).display())), "{words}");
    }
}

#[test]
fn the_older_name_of_the_variable_counts_where_the_newer_is_not_set() {
    let home = configured();
    let file = |name: &str| home.home().join(name);
    let run = |newer: &Path| {
        let mut command = home.command(&["setup", "terraform", "--write"]);
        command.env("TERRAFORM_CONFIG", file("older")).env("TF_CLI_CONFIG_FILE", newer);
        assert!(command.output().unwrap().status.success());
    };
    run(Path::new(""));
    assert!(file("older").exists() && !rc(&home).exists());
    fs::remove_file(file("older")).unwrap();
    run(&file("newer"));
    assert!(file("newer").exists() && !file("older").exists() && !rc(&home).exists());
}
