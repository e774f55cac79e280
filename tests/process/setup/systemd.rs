//! A timer that systemd takes, and a command in it that does what it is for. (Windows has a task: `timers.rs`.)
#![cfg(unix)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{configured, program, put, refused, setup, with_ending};
use crate::support::{Home, Machine, TENANT, tool};

/// The unit for all tenants, or with `@` the template for one.
fn unit(home: &Home, name: &str) -> PathBuf {
    home.home().join(".config/systemd/user").join(format!("vb365-helper-keep{name}"))
}

#[test]
fn the_units_are_printed_as_they_are_written() {
    let home = configured();
    for (tenant, whom, timer) in
        [(&[][..], "--all", ".timer".to_owned()), (&[TENANT], "%i", format!("@{TENANT}.timer"))]
    {
        let at = if tenant.is_empty() { "" } else { "@" };
        let printed = setup(&home, &[&["systemd"], tenant].concat());
        let words = setup(&home, &[&["systemd", "--write"], tenant].concat());
        for kind in ["service", "timer"] {
            let path = unit(&home, &format!("{at}.{kind}"));
            let content = fs::read_to_string(&path).unwrap();
            assert!(printed.contains(&format!("# The content of {}:\n{content}", path.display())), "{printed}");
            assert!(words.contains(&format!("{}: made\n", path.display())), "{words}");
        }
        let enable = format!("systemctl --user enable --now vb365-helper-keep{timer}\n");
        assert!(printed.contains(&enable) && words.contains(&enable), "{words}");
        let service = fs::read_to_string(unit(&home, &format!("{at}.service"))).unwrap();
        let start = format!("\nExecStart={} refresh {whom}\n", program());
        assert!(service.contains(&start), "{service}");
        let place = format!("\nEnvironment=\"VB365_HELPER_CACHE_DIR={}\"\n", home.cache_dir().display());
        assert!(service.contains(&place), "{service}");
    }
}

#[test]
fn a_unit_that_somebody_changed_is_kept() {
    let home = configured();
    setup(&home, &["systemd", "--write"]);
    let timer = unit(&home, ".timer");
    put(&timer, "mine");
    assert!(refused(&home, &["systemd", "--write"], 8).contains("has other content in this place\n"));
    assert_eq!(fs::read_to_string(&timer).unwrap(), "mine");
    setup(&home, &["systemd", "--write", "--force"]);
    assert_eq!(fs::read_to_string(with_ending(&timer, ".vb365-backup")).unwrap(), "mine");
    assert_eq!(setup(&home, &["systemd", "--write"]).matches(": is already there\n").count(), 2);
}

#[test]
fn systemd_finds_nothing_wrong_with_the_units() {
    let Some(analyze) = tool("systemd-analyze") else { return };
    let home = configured();
    setup(&home, &["systemd", "--write"]);
    setup(&home, &["systemd", TENANT, "--write"]);
    let verify = |name: &str| {
        let dir = unit(&home, ".timer").parent().unwrap().to_owned();
        let instance = dir.join(name);
        let template = dir.join(format!("vb365-helper-keep@.{}", name.rsplit('.').next().unwrap()));
        let _ = std::os::unix::fs::symlink(template, &instance);
        let mut command = Command::new(&analyze);
        command.env_clear().env("HOME", home.home()).env("XDG_RUNTIME_DIR", home.home());
        let output = command.args(["verify", "--user"]).arg(&instance).output().unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let instance = format!("vb365-helper-keep@{TENANT}.service");
    for name in
        [&instance, "vb365-helper-keep@a-b.example.com.timer", "vb365-helper-keep.service", "vb365-helper-keep.timer"]
    {
        assert_eq!(verify(name), (true, String::new(), String::new()), "{name}");
    }
    // So that a verification that sees nothing is believed.
    let service = fs::read_to_string(unit(&home, "@.service")).unwrap();
    put(&unit(&home, "@.service"), &service.replace("RestartSec=", "RestartSex="));
    assert!(verify(&instance).2.contains("RestartSex"));
}

#[test]
fn the_command_in_the_service_has_the_tokens_renewed() {
    let machine = Machine::signed_in();
    let home: &Home = &machine;
    setup(home, &["systemd", TENANT, "--write"]);
    let service = fs::read_to_string(unit(home, "@.service")).unwrap();
    let start = service.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap().replace("%i", TENANT);
    let words: Vec<_> = start.split(' ').collect();
    assert_eq!(Path::new(words[0]), Path::new(&program()));
    machine.expire_entra(TENANT);
    let outcome = machine.run_raw(&words[1..]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (0, "renewed 1 tenant\n"));
    assert_eq!(machine.sandbox.requests("entra_token"), 1);
    machine.assert_no_complaints();
}

#[test]
fn the_service_finds_the_files_that_the_shell_finds() {
    let home = configured();
    let (config, data) = (home.home().join("my config"), home.home().join("data"));
    let printed = |config: &Path| {
        let mut command = home.command(&["setup", "systemd"]);
        let output = command.env("XDG_CONFIG_HOME", config).env("XDG_DATA_HOME", &data).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let text = printed(&config);
    for (name, place) in [("XDG_CONFIG_HOME", &config), ("XDG_DATA_HOME", &data)] {
        assert!(text.contains(&format!("\nEnvironment=\"{name}={}\"\n", place.display())), "{text}");
    }
    assert!(text.contains(&format!("# The content of {}/systemd/user/", config.display())), "{text}");
    // Nobody follows one that is not absolute.
    let text = printed(Path::new("relative"));
    assert!(!text.contains("XDG_CONFIG_HOME"), "{text}");
    assert!(text.contains(&format!("# The content of {}:", unit(&home, ".timer").display())), "{text}");
}
