//! Real shells with the scripts of `completions`: what a person sees who presses the tab key. The program
//! lies where a path has a blank in it, and in no directory of `PATH`.
//! For Unix, whose shells these are; PowerShell's script is read in `tests/powershell.rs`.

use std::os::unix::fs::symlink;
use std::process::Command;

use crate::support::pty::Session;
use crate::support::seat::SOON;
use crate::support::{Home, can_use_terminals, tool};

const CONFIG: &str = r#"
[tenants."Abc.onmicrosoft.com"]
server = "https://vb365.abc.local:4443"
[tenants."def.onmicrosoft.com"]
servers = ["https://other.def.local:4443", "https://third.def.local:9443"]
"#;

/// Two tenants are configured, and a third has a file.
fn home() -> Home {
    let home = Home::new();
    home.write_config(CONFIG);
    let bin = home.home().join("my bin");
    std::fs::create_dir(&bin).unwrap();
    symlink(home.command(&[]).get_program(), bin.join("vb365-helper")).unwrap();
    home.run(
        &["store", "xyz.onmicrosoft.com"],
        br#"{"access_token":"canary","token_type":"Bearer","expires_in":3599}"#,
    );
    home
}

/// `command` with this home's environment, and the `PATH` of the tests.
fn with_env(home: &Home, mut command: Command) -> Command {
    let plain = home.command(&[]);
    command.env_clear().envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env("PATH", std::env::var_os("PATH").unwrap()).env("TERM", "dumb").current_dir(home.home());
    command
}

/// What the program answers a shell that asks, which is silent and never fails.
fn asked(home: &Home, variables: &[(&str, &str)], words: &[&str]) -> Vec<String> {
    let mut command = home.command(&[&["--", "vb365-helper"], words].concat());
    let output = command.env("VB365_HELPER_COMPLETE", "fish").envs(variables.iter().copied()).output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| line.split('\t').next().unwrap().to_owned()).collect()
}

/// An interactive shell with the completions that `setup` loads.
fn shell(home: &Home, line: &str, setup: &str) -> Session {
    let mut command = Command::new("sh");
    // The outer shell stays: a session whose streams are closed has ended.
    command.args(["-c", &format!("{line} </dev/tty >/dev/tty 2>&1; true")]);
    let session = home.at_a_terminal_by(&with_env(home, command), &[]);
    session.send(format!("PS1=; {setup}; echo RE''ADY\n"));
    session.wait_for("READY", SOON);
    session
}

fn assert_completes(session: &Session) {
    session.send("vb365-helper get ab\t");
    session.wait_for("get abc.onmicrosoft.com", SOON);
    session.send("--server https://vb\t");
    session.wait_for("https://vb365.abc.local:4443", SOON);
    session.send("\x15vb365-helper help exit\t");
    session.wait_for("help exit-codes", SOON);
}

#[test]
fn bash_completes_tenants_servers_and_topics() {
    if tool("bash").is_none() || !can_use_terminals() {
        return;
    }
    let home = home();
    let setup = "bind 'set enable-bracketed-paste off'; source <(\"$HOME/my bin/vb365-helper\" completions bash)";
    assert_completes(&shell(&home, "bash --noprofile --norc -i", setup));
}

#[test]
fn zsh_completes_tenants_servers_and_topics() {
    if tool("zsh").is_none() || !can_use_terminals() {
        return;
    }
    let home = home();
    let setup = "autoload -Uz compinit; compinit -u -D; source <(\"$HOME/my bin/vb365-helper\" completions zsh)";
    assert_completes(&shell(&home, "zsh -f -i", setup));
}

#[test]
fn fish_completes_tenants_servers_and_topics() {
    let Some(fish) = tool("fish") else { return };
    let home = home();
    for (line, found) in [
        ("get ab", "abc.onmicrosoft.com\n"),
        ("get abc.onmicrosoft.com --server https://vb", "https://vb365.abc.local:4443\n"),
        ("help exit", "exit-codes\n"),
        ("li", "list\tShow what the cache holds; never a token\n"),
    ] {
        let script = format!(
            "'{}/my bin/vb365-helper' completions fish | source; complete -C 'vb365-helper {line}'",
            home.home().display()
        );
        let mut command = Command::new(&fish);
        command.args(["--no-config", "-c", &script]);
        let output = with_env(&home, command).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), found, "{line}: {output:?}");
    }
}

#[test]
fn every_value_with_a_name_is_completed() {
    let home = home();
    let all = ["abc.onmicrosoft.com", "def.onmicrosoft.com", "xyz.onmicrosoft.com"];
    for words in
        [&["get", "--tenant", ""][..], &["login", ""], &["erase", ""], &["setup", "curl", ""], &["--tenant", ""]]
    {
        let found = asked(&home, &[], words);
        assert_eq!(found.iter().filter(|word| !word.starts_with('-')).collect::<Vec<_>>(), all, "{words:?}");
    }
    for (words, found) in [
        (&["login", "--server", "https://o"][..], &["https://other.def.local:4443"][..]),
        (&["login", "--authority", ""], &[]),
        (&["get", "--want", ""], &["veeam", "entra", "assertion"]),
        (&["get", "--protocol", "h"], &["headers", "header"]),
        (&["schema", "erase"], &["erase-request-v1", "erase-response-v1"]),
        (&["man", "s"], &["setup", "schema", "store"]),
        (&["completions", "p"], &["powershell"]),
        (&["login", "--ca-file", "con"], &["config.toml"]),
        (&["get", "--min"], &["--min-ttl"]),
    ] {
        let mut got = asked(&home, &[], words);
        got.sort();
        let mut found = found.to_vec();
        found.sort_unstable();
        assert_eq!(got, found, "{words:?}");
    }
}

#[test]
fn a_shell_is_answered_quietly_whatever_is_wrong() {
    let home = home();
    let flags =
        |found: &[String]| found.iter().all(|word| word.starts_with('-')) && found.contains(&"--want".to_owned());
    // Another configuration is another's tenants; the cache is the same.
    let other = home.home().join("other.toml");
    std::fs::write(&other, "[tenants.\"new.onmicrosoft.com\"]\n").unwrap();
    assert_eq!(asked(&home, &[], &["--config", other.to_str().unwrap(), "get", "n"]), ["new.onmicrosoft.com"]);
    // A damaged entry has a name all the same, and nobody's lock is waited for.
    std::fs::write(home.cache_file(), "{").unwrap();
    let lock = crate::support::hold_lock(&home, "xyz.onmicrosoft.com.lock");
    assert_eq!(asked(&home, &[], &["get", "xy"]), ["xyz.onmicrosoft.com"]);
    drop(lock);
    home.write_config("[tenants\n");
    assert!(flags(&asked(&home, &[], &["get", ""])));
    for index in ["0", "7", "18446744073709551615", "x", "-1"] {
        asked(&home, &[("_CLAP_COMPLETE_INDEX", index)], &["get", ""]);
    }
    asked(&home, &[], &[]);
    asked(&home, &[], &["get", "--config"]);
    // Who is not asked by a shell is no shell's answer.
    let mut command = home.command(&["--", "vb365-helper", "get", "a"]);
    assert_eq!(command.output().unwrap().status.code(), Some(2));
}

#[test]
fn ten_thousand_tenants_are_completed_at_once() {
    let home = home();
    let tables: String = (0..10_000).map(|n| format!("[tenants.\"t{n:05}.onmicrosoft.com\"]\n")).collect();
    home.write_config(&tables);
    let start = std::time::Instant::now();
    assert_eq!(asked(&home, &[], &["get", "t0999"]).len(), 10);
    assert!(start.elapsed().as_secs() < 3, "{:?}", start.elapsed());
}
