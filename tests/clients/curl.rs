//! curl in a shell's pipeline: the token goes by a pipe and stands in no argument, and where there is
//! none, nothing that the program says becomes a request header.
//! For Unix, whose shells have pipelines that can fail.

use std::fs;
use std::process::{Command, Stdio};

use crate::readme;
use crate::service::{Service, text};
use crate::support::server::Options;
use crate::support::{Machine, ORGANIZATION, Outcome, TENANT, finish, tool};

/// Runs `script` with the program as `vb365-helper`, curl, and `URL` as the service; `None` without
/// bash or curl, which is said.
fn run(machine: &Machine, url: &str, script: &str) -> Option<Outcome> {
    let (bash, _) = (tool("bash")?, tool("curl")?);
    let plain = machine.command(&[]);
    let bin = readme::install(machine);
    let mut shell = Command::new(bash);
    shell.args(["-c", &format!("set -euo pipefail\n{script}")]).env_clear().current_dir(machine.home());
    shell.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.env("PATH", format!("{}:{}", bin.display(), std::env::var("PATH").unwrap()));
    shell.env("URL", url).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Some(finish(shell.spawn().unwrap()))
}

/// The resource that wants a token.
fn assert_answered(outcome: &Outcome) {
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{outcome:?}");
    let document: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(document["name"], ORGANIZATION);
}

/// What README.md tells people to write, for the service at `URL` and with `flags` for curl.
fn from_readme(words: &str, flags: &str) -> String {
    let script = readme::block(words);
    assert!(script.contains("https://vb365.abc.local:4443") && script.contains("curl -fsS"));
    script.replace("https://vb365.abc.local:4443", "$URL").replace("curl", &format!("curl {flags}"))
}

fn by_header(flags: &str) -> String {
    from_readme("--protocol header", flags)
}

fn by_token() -> String {
    from_readme("token=$(vb365-helper get abc.onmicrosoft.com --protocol token) || exit", "")
}

#[test]
fn the_header_in_a_pipe_and_the_token_in_a_variable_open_what_is_closed() {
    let machine = Machine::signed_in();
    for script in [by_header(""), by_token()] {
        let Some(outcome) = run(&machine, &machine.sandbox.url(), &script) else { return };
        assert_answered(&outcome);
    }
    machine.assert_no_complaints();
}

#[test]
fn the_same_over_tls_with_a_certificate_that_both_are_told_to_trust() {
    let machine = Machine::with(Options { tls: true, ..Options::default() });
    fs::write(machine.home().join("root.pem"), machine.sandbox.certificate_pem().unwrap()).unwrap();
    let config = machine.home().join("config.toml");
    machine.write_config(
        &fs::read_to_string(&config).unwrap().replace("[defaults]", "[defaults]\nca_file = \"root.pem\""),
    );
    machine.sign_in(TENANT);
    let script = by_header("--cacert root.pem");
    let Some(outcome) = run(&machine, &machine.sandbox.url(), &script) else { return };
    assert_answered(&outcome);
}

#[test]
fn without_a_sign_in_no_header_is_sent_and_the_pipeline_fails_as_the_program_did() {
    let machine = Machine::new();
    let plain = Service::start(|_, _| text(200, "anybody's"));
    fs::write(machine.home().join("root.pem"), plain.pem()).unwrap();
    // What curl sends of itself.
    let Some(outcome) = run(&machine, plain.url(), "curl -fsS --cacert root.pem $URL") else { return };
    assert_eq!(outcome.code, 0, "{outcome:?}");
    let script = by_header("--cacert root.pem");
    let outcome = run(&machine, plain.url(), &script).unwrap();
    let [own, sent] = &plain.header_names()[..] else { panic!("curl did not ask twice") };
    assert_eq!((outcome.code, outcome.stdout.as_str(), sent), (3, "anybody's", own), "{outcome:?}");
    assert!(outcome.stderr.contains(&format!("hint: vb365-helper login {TENANT}\n")), "{outcome:?}");
}

#[test]
fn without_a_sign_in_a_variable_stays_empty_and_the_script_ends_there() {
    let machine = Machine::new();
    let script = format!("{}\necho not reached", by_token());
    let Some(outcome) = run(&machine, &machine.sandbox.url(), &script) else { return };
    assert_eq!((outcome.code, outcome.stdout.as_str()), (3, ""), "{outcome:?}");
    assert_eq!(machine.sandbox.requests("organization"), 0);
    // Even where the script goes on.
    let script = "token=$(vb365-helper get abc.onmicrosoft.com --protocol token) || true\necho \"[$token]\"";
    let outcome = run(&machine, &machine.sandbox.url(), script).unwrap();
    assert_eq!((outcome.code, outcome.stdout.as_str()), (0, "[]\n"), "{outcome:?}");
}

#[test]
fn the_line_that_setup_prints_is_one_that_works() {
    let machine = Machine::signed_in();
    let printed = machine.run_raw(&["setup", "curl", TENANT]).stdout;
    let (sh, _) = printed.split_once("\n# In PowerShell.\n").unwrap();
    let Some(outcome) = run(&machine, &machine.sandbox.url(), sh) else { return };
    // On stderr is curl's own progress.
    assert_eq!(outcome.code, 0, "{outcome:?}");
    let document: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(document["name"], ORGANIZATION);
    machine.assert_no_complaints();
}
