//! A configuration file that was named: where it is not there, that is a slip, and no empty configuration.

use crate::support::inside::ManualClock;
use crate::support::{Home, Machine, Outcome, TENANT};

const SERVER: &str = "https://vb365.abc.local:4443";

fn missing(home: &Home) -> String {
    home.home().join("missing.toml").display().to_string()
}

fn assert_missed(outcome: &Outcome, path: &str, what: &str) {
    let message = format!("vb365-helper: the configuration file {path} is not there\n");
    assert_eq!(outcome.code, 8, "{what}: {outcome:?}");
    assert!(outcome.stderr.starts_with(&message) && outcome.stderr.contains("hint: "), "{what}: {outcome:?}");
}

#[test]
fn what_needs_it_does_not_go_on_without_it() {
    let machine = Machine::signed_in();
    let path = missing(&machine);
    let tokens = machine.sandbox.token_response();
    for args in [
        &["refresh", "--all"][..],
        &["refresh", TENANT],
        &["list"],
        &["get", TENANT],
        &["erase", "--all"],
        &["logout", TENANT],
        &["store", TENANT],
        &["trust", SERVER],
    ] {
        let named = machine.run_with_stdin(&[args, &["--config", &path]].concat(), tokens.as_bytes());
        assert_missed(&named, &path, &format!("{args:?}"));
        let mut command = machine.command(args);
        command.env("VB365_HELPER_CONFIG", &path).stdin(std::process::Stdio::null());
        assert_missed(&Outcome::of(command.output().unwrap()), &path, &format!("{args:?} by its variable"));
    }
    assert!(machine.kept().is_some());
}

#[test]
fn what_makes_it_or_needs_none_goes_on() {
    let home = Home::new();
    let path = missing(&home);
    let run = |args: &[&str]| home.run_inside(&ManualClock::new(), &[args, &["--config", &path]].concat(), b"");
    let login = run(&["login", TENANT]);
    assert!(login.stderr.contains("no server is configured"), "{login:?}");
    // The timer of Windows wants to know more of the system than these runs tell.
    let timer: &[&str] = if cfg!(unix) { &["setup", "cron"] } else { &["help", "setup"] };
    for args in [timer, &["help", "config"], &["completions", "bash"], &["schema"], &["man"]] {
        let outcome = run(args);
        assert_eq!(outcome.code, 0, "{args:?}: {outcome:?}");
    }
    // Doctor says it and looks at the rest.
    let doctor = run(&["doctor"]);
    assert_eq!(doctor.code, 8, "{doctor:?}");
    assert!(doctor.stdout.contains(&format!("{path} is not there")), "{doctor:?}");
    assert!(doctor.stdout.contains("\ncache\n") && doctor.stdout.contains("\nnetwork\n"), "{doctor:?}");
}

#[test]
fn where_none_is_named_nothing_is_configured_yet() {
    let home = Home::new();
    let mut list = home.command(&["list"]);
    list.env_remove("VB365_HELPER_CONFIG");
    assert_eq!(Outcome::of(list.output().unwrap()).code, 0);
    // The usual way to say that there is none.
    assert_eq!(home.run_raw(&["list", "--config", "/dev/null"]).code, 0);
}

#[test]
fn a_timer_that_has_nobody_to_renew_needs_a_person() {
    let machine = Machine::new();
    let all = |args: &[&str]| machine.run_raw(&[&["refresh", "--all"], args].concat());
    let outcome = all(&[]);
    let words = "vb365-helper: nobody is signed in on this machine, so that nothing was renewed\n\
                 vb365-helper: hint: vb365-helper login --from-config\n";
    assert_eq!((outcome.code, outcome.stdout.as_str(), outcome.stderr.as_str()), (3, "renewed 0 tenants\n", words));
    let document = all(&["--json"]);
    assert_eq!((document.code, document.document()["renewed"].as_u64()), (3, Some(0)));
    machine.write_config("");
    let outcome = all(&[]);
    let hint = "vb365-helper: hint: vb365-helper login TENANT --server https://HOST:4443\n";
    assert!(outcome.code == 3 && outcome.stderr.ends_with(hint), "{outcome:?}");
    // Whom it is not due for is signed in.
    let machine = Machine::signed_in();
    let outcome = machine.run_raw(&["refresh", "--all", "--due-within", "1d"]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (0, "renewed 0 tenants; 1 not due\n"));
}
