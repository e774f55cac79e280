//! Into a kubeconfig that kubectl reads, and of which nothing else changes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::{beside, configured, program, put, refused, setup, with_ending};
use crate::support::{Home, TENANT, tool};

/// As people have them: comments, an order of their own, indentation.
const OLD: &str = "# my clusters
apiVersion: v1
kind: Config
current-context: work   # mine

users:    # people
  - name: \"admin\"      # all rights
    user:
      token: 'canary-admin'
  # a robot
  - {name: robot, user: {token: canary-robot}}

clusters:
- cluster:
    server: https://work.example.com
  name: work
contexts:
- context: {cluster: work, user: admin}
  name: work
preferences: {}
";

fn kubeconfig(home: &Home) -> PathBuf {
    home.home().join(".kube").join("config")
}

fn name() -> String {
    format!("vb365-{TENANT}")
}

#[test]
fn everything_else_stays_byte_for_byte() {
    let home = configured();
    let path = kubeconfig(&home);
    put(&path, OLD);
    let backup = with_ending(&path, ".vb365-backup");
    let words = setup(&home, &["kubectl", "--write"]);
    let changed = format!("{}: changed; what was there is kept in {}\n", path.display(), backup.display());
    let next = format!("Use it in a context: kubectl config set-context CONTEXT --user={}\n", name());
    assert_eq!(words, changed + &next);

    let new = fs::read_to_string(&path).unwrap();
    let (before, behind) = OLD.split_at(OLD.find("\nclusters:").unwrap());
    let item = new.strip_prefix(before).unwrap().strip_suffix(behind).unwrap();
    assert!(item.starts_with(&format!("  - name: {}\n    user:\n      exec:\n", name())), "{item}");
    assert_eq!(fs::read_to_string(&backup).unwrap(), OLD);
    // What is printed is what is written.
    let printed = setup(&home, &["kubectl"]);
    let lines = item.lines().map(|line| format!("{}\n", &line[2..])).collect::<String>();
    assert!(printed.contains(&format!("users:\n{lines}")), "{printed}");

    let words = setup(&home, &["kubectl", "--write"]);
    assert_eq!(words, format!("{}: is already there\n{next}", path.display()));
    assert_eq!(fs::read_to_string(&path).unwrap(), new);
    assert_eq!(beside(&path), ["config", "config.vb365-backup"]);
}

#[test]
fn another_user_of_the_name_is_replaced_only_by_force() {
    let home = configured();
    let path = kubeconfig(&home);
    let old = format!("{OLD}# end\n").replace("robot,", &format!("{},", name()));
    put(&path, &old);
    put(&with_ending(&path, ".vb365-backup"), "earlier");
    let words = refused(&home, &["kubectl", "--write"], 8);
    assert!(words.contains(&format!("has another user {} in this place\n", name())), "{words}");
    assert!(words.contains("hint: --force replaces it and keeps a backup\n"), "{words}");
    assert_eq!((fs::read_to_string(&path).unwrap(), beside(&path).len()), (old.clone(), 2));

    setup(&home, &["kubectl", "--write", "--force"]);
    let new = fs::read_to_string(&path).unwrap();
    assert!(!new.contains("canary-robot") && new.contains("canary-admin") && new.ends_with("# end\n"), "{new}");
    assert_eq!(fs::read_to_string(with_ending(&path, ".vb365-backup-2")).unwrap(), old);
    assert_eq!(fs::read_to_string(with_ending(&path, ".vb365-backup")).unwrap(), "earlier");
}

#[test]
fn a_file_that_is_not_there_is_made_for_the_user_alone() {
    let home = configured();
    let path = kubeconfig(&home);
    assert!(setup(&home, &["kubectl", "--write"]).starts_with(&format!("{}: made\n", path.display())));
    let start = format!("apiVersion: v1\nkind: Config\nusers:\n- name: {}\n", name());
    assert!(fs::read_to_string(&path).unwrap().starts_with(&start));
    assert_eq!(beside(&path), ["config"]);
    #[cfg(unix)]
    assert_eq!(mode(&path), 0o600);
}

#[test]
fn a_file_that_cannot_be_understood_is_left_alone() {
    let home = configured();
    let path = kubeconfig(&home);
    for (old, word) in [
        ("users:\n- name: [canary\n", "cannot be read: line "),
        ("users: canary\n", "only a person can change"),
        ("a: b\n---\nc: d\n", "more than one document"),
        ("{\"kind\": \"Config\"}\n", "only a person can change"),
    ] {
        put(&path, old);
        for args in [&["kubectl", "--write"][..], &["kubectl", "--write", "--force"]] {
            let words = refused(&home, args, 8);
            assert!(words.contains(word) && words.contains(&path.display().to_string()), "{words}");
            assert!(words.contains("hint: vb365-helper setup kubectl prints what to put there by hand\n"), "{words}");
        }
        assert_eq!((fs::read_to_string(&path).unwrap().as_str(), beside(&path).len()), (old, 1));
    }
    fs::write(&path, b"\xff").unwrap();
    assert!(refused(&home, &["kubectl", "--write"], 8).contains("it is not UTF-8"));
}

#[test]
fn line_ends_and_a_byte_order_mark_stay() {
    let home = configured();
    let path = kubeconfig(&home);
    let old = format!("\u{feff}{}", OLD.replace('\n', "\r\n"));
    put(&path, &old);
    setup(&home, &["kubectl", "--write"]);
    let new = fs::read_to_string(&path).unwrap();
    assert_eq!(new.matches('\n').count(), new.matches("\r\n").count());
    assert!(new.starts_with("\u{feff}# my clusters\r\n") && new.matches('\u{feff}').count() == 1);
    assert!(setup(&home, &["kubectl", "--write"]).contains("is already there"));
}

#[test]
fn of_several_files_the_first_that_is_there_is_written_as_kubectl_does() {
    let home = configured();
    let file = |name: &str| home.home().join(name);
    let list = std::env::join_paths([file("none"), file("first"), file("second")]).unwrap();
    let run = |args: &[&str]| {
        let output = home.command(args).env("KUBECONFIG", &list).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    assert!(run(&["setup", "kubectl"]).1.starts_with(&format!("# A user for {}.\n", file("second").display())));
    put(&file("second"), OLD);
    put(&file("first"), "# mine\n");
    let (code, words) = run(&["setup", "kubectl", "--write"]);
    assert!(code == Some(0) && words.starts_with(&format!("{}: changed; ", file("first").display())), "{words}");
    assert_eq!(fs::read_to_string(file("second")).unwrap(), OLD);
    // Another user of the name is seen wherever it stands.
    put(&file("first"), "# mine\n");
    put(&file("second"), &OLD.replace("robot,", &format!("{},", name())));
    assert_eq!(run(&["setup", "kubectl", "--write"]).0, Some(8));
}

#[test]
fn kubectls_own_lock_is_respected_and_given_back() {
    let home = configured();
    let path = kubeconfig(&home);
    put(&path, OLD);
    put(&with_ending(&path, ".lock"), "");
    let words = refused(&home, &["kubectl", "--write"], 8);
    assert!(words.contains("config.lock is there\n"), "{words}");
    assert_eq!(fs::read_to_string(&path).unwrap(), OLD);
    fs::remove_file(with_ending(&path, ".lock")).unwrap();
    setup(&home, &["kubectl", "--write"]);
    assert!(!beside(&path).contains(&"config.lock".to_owned()));
}

#[cfg(unix)]
#[test]
fn a_link_stays_a_link_and_a_mode_a_mode() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let home = configured();
    let (path, real) = (kubeconfig(&home), home.home().join("dotfiles").join("kube"));
    put(&real, OLD);
    fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
    fs::create_dir(path.parent().unwrap()).unwrap();
    symlink("../dotfiles/kube", &path).unwrap();
    // kubectl knows no other name.
    put(&with_ending(&path, ".lock"), "");
    assert!(refused(&home, &["kubectl", "--write"], 8).contains(".kube/config.lock is there\n"));
    fs::remove_file(with_ending(&path, ".lock")).unwrap();
    setup(&home, &["kubectl", "--write"]);
    assert_eq!(fs::read_link(&path).unwrap(), Path::new("../dotfiles/kube"));
    assert!(fs::read_to_string(&real).unwrap().contains(&name()));
    assert_eq!((mode(&real), mode(&with_ending(&real, ".vb365-backup"))), (0o640, 0o640));
    assert_eq!(beside(&real), ["kube", "kube.vb365-backup"]);
}

#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// What kubectl reads from the file.
fn view(kubectl: &Path, home: &Home) -> Value {
    let mut command = Command::new(kubectl);
    command.env_clear().env("HOME", home.home()).args(["config", "view", "--raw", "-o", "json"]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The real one, which is a program for this machine; one for Windows would have its home elsewhere.
fn kubectl() -> Option<PathBuf> {
    if cfg!(windows) { None } else { tool("kubectl") }
}

#[test]
fn kubectl_reads_what_it_read_and_one_user_more() {
    let Some(kubectl) = kubectl() else { return };
    let flow = r#"{"apiVersion": "v1", "kind": "Config", "users": [{"name": "a", "user": {"token": "canary"}}]}"#;
    let texts = "apiVersion: v1\nkind: Config\nusers:\n- name: a\n  user:\n    token: |+\n      # canary\n      x\n\n\n# end\ncontexts: null";
    for old in [
        OLD.to_owned(),
        OLD.replace('\n', "\r\n"),
        flow.to_owned(),
        texts.to_owned(),
        "apiVersion: v1\nkind: Config\nusers: []   # none\nclusters: []\n".to_owned(),
        "apiVersion: v1\nkind: Config\nusers:\nclusters: []\n".to_owned(),
        "apiVersion: v1\nkind: Config".to_owned(),
        "# nothing\n".to_owned(),
        OLD.replace("robot,", &format!("{},", name())),
    ] {
        let home = configured();
        put(&kubeconfig(&home), &old);
        let mut expected = view(&kubectl, &home);
        setup(&home, &["kubectl", "--write", "--force"]);
        let new = view(&kubectl, &home);
        let exec = json!({
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": program(),
            "args": ["get", TENANT],
            "env": null,
            "interactiveMode": "IfAvailable",
            "provideClusterInfo": false,
            "installHint": "vb365-helper hands out tokens for Veeam Backup for Microsoft 365; install it, then run: vb365-helper setup kubectl --write",
        });
        let own = json!({ "name": name(), "user": { "exec": exec } });
        let mut users: Vec<_> = expected["users"].as_array().cloned().unwrap_or_default();
        users.retain(|user| user["name"] != own["name"].as_str().unwrap());
        users.push(own);
        users.sort_by_key(|user| user["name"].as_str().unwrap().to_owned());
        expected["users"] = users.into();
        assert_eq!(new, expected, "{old}");
    }
}

#[test]
fn what_kubectl_has_written_anew_is_still_there() {
    let Some(kubectl) = kubectl() else { return };
    let home = configured();
    let path = kubeconfig(&home);
    put(&path, OLD);
    setup(&home, &["kubectl", "--write"]);
    let mut command = Command::new(kubectl);
    command.env_clear().env("HOME", home.home());
    command.args(["config", "set-context", "work", &format!("--user={}", name())]);
    assert!(command.output().unwrap().status.success());
    let rewritten = fs::read_to_string(&path).unwrap();
    assert!(rewritten.contains("env: null"), "{rewritten}");
    assert!(setup(&home, &["kubectl", "--write"]).contains("is already there"));
    assert_eq!(fs::read_to_string(&path).unwrap(), rewritten);
}
