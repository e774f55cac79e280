//! One sign-in, by `get` and by `login`.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::seat::{PROMPT, SOON};
use crate::support::server::{Fault, Options, Sandbox};
use crate::support::{HOUR, Machine, ORGANIZATION, Outcome, TENANT, ago, can_use_terminals, hold_lock, wait_until};
use crate::{assert_nothing_secret, code_of, json, machine, run, unconfigured};

/// Spells the organization as the server does not.
fn misspell(machine: &Machine) {
    let path = machine.home().join("config.toml");
    machine.write_config(&fs::read_to_string(path).unwrap().replace(ORGANIZATION, TENANT));
}

#[test]
fn login_remembers_the_settings_and_shows_everything_on_the_terminal() {
    if !can_use_terminals() {
        return;
    }
    let machine = unconfigured(|options| options.versions = vec![4, 7]);
    let (server, authority) = (machine.sandbox.url(), machine.sandbox.authority());
    let organization = ["--organization", "Abc.onmicrosoft.com"];
    let args = [&["login", TENANT, "--server", &server, "--authority", &authority][..], &organization].concat();
    let session = machine.at_a_terminal(&args);
    let shown = session.wait_for(PROMPT, SOON);
    let code = code_of(&shown);
    assert_eq!(code.len(), 9);
    let spelled = code.split("").collect::<Vec<_>>().join(" ");
    let spelled = [&spelled[1..6], &spelled[7..12], &spelled[13..18]].join("   ");
    let prompt = format!(
        "\nSign in to Veeam Backup for Microsoft 365\n\n  tenant    {TENANT}\n  identity  {host}\n  \
         server    {server}\n\n  open      {authority}/device\n  enter     {code}\n  \
         spelled   {spelled}\n\n\
         The code is valid for 15 minutes, for this command alone.\n\
         Never enter a code that someone sent you.\nCtrl-C cancels.\n\n",
        host = authority.trim_start_matches("http://")
    );
    assert_eq!(shown, prompt);
    assert!(machine.sandbox.approve());

    let finished = session.finish(SOON);
    assert_eq!((finished.code, &finished.stdout[..], &finished.stderr[..]), (Some(0), &b""[..], &b""[..]));
    assert!(finished.terminal.contains(&format!("Signed in to {TENANT} as admin@abc.onmicrosoft.com.")));
    assert_nothing_secret(&finished);
    let written = fs::read_to_string(machine.home().join("config.toml")).unwrap();
    assert!(written.ends_with(&format!(
        "[tenants.\"{TENANT}\"]\nserver = \"{server}\"\norganization = \"Abc.onmicrosoft.com\"\n\
         api_version = \"v7\"\nauthority = \"{authority}\"\n"
    )));
    assert_eq!(json(&run(&machine, &["get", TENANT]).stdout)["source"], "cache");
    assert_eq!(machine.sandbox.complaints(), Vec::<String>::new());
}

#[test]
fn get_asks_on_the_terminal_while_all_its_streams_are_pipes() {
    if !can_use_terminals() {
        return;
    }
    let machine = machine(|_| {});
    let session = machine.at_a_terminal(&["get", TENANT]);
    session.wait_for(PROMPT, SOON);
    assert!(machine.sandbox.approve());
    let finished = session.finish(SOON);
    assert_eq!((finished.code, &finished.stderr[..]), (Some(0), &b""[..]));
    assert_eq!(json(&finished.stdout)["source"], "login");
    assert_nothing_secret(&finished);
}

#[test]
fn login_with_json_answers_the_entry_of_list() {
    if !can_use_terminals() {
        return;
    }
    let machine = machine(|options| options.auto_approve = true);
    let entry = json(&run(&machine, &["login", TENANT, "--json"]).stdout);
    let schema = json(include_bytes!("../../schemas/login-v1.schema.json"));
    jsonschema::validate(&schema, &entry).unwrap();
    assert_eq!(json(&run(&machine, &["list", "--json"]).stdout)["tenants"][0], entry);
}

#[test]
fn login_with_json_tells_whom_it_was_told_to_trust() {
    if !can_use_terminals() {
        return;
    }
    let machine = machine(|options| (options.tls, options.no_san, options.auto_approve) = (true, true, true));
    let pin = machine.sandbox.certificate_sha256().unwrap();
    let entry = json(&run(&machine, &["login", TENANT, "--json", "--pin-sha256", &pin.to_uppercase()]).stdout);
    jsonschema::validate(&json(include_bytes!("../../schemas/login-v1.schema.json")), &entry).unwrap();
    assert_eq!(entry["servers"][0]["pin_sha256"], Value::from(vec![pin]));
    assert_eq!(json(&run(&machine, &["list", "--json"]).stdout)["tenants"][0], entry);
}

#[test]
fn ctrl_c_ends_the_sign_in_leaves_no_trace_and_is_not_asked_again_at_once() {
    if !can_use_terminals() {
        return;
    }
    let machine = machine(|_| {});
    let session = machine.at_a_terminal(&["get", TENANT]);
    session.wait_for(PROMPT, SOON);
    let pressed = Instant::now();
    session.send("\x03");
    let finished = session.finish(SOON);
    assert!(pressed.elapsed() < Duration::from_secs(2), "took {:?}", pressed.elapsed());
    assert_eq!((finished.code, &json(&finished.stdout)["error"]["kind"]), (Some(4), &"login_failed".into()));
    assert!(!machine.cache_file().exists());

    let again = run(&machine, &["get", TENANT]);
    assert_eq!((again.code, again.terminal.as_str()), (Some(4), ""));
    assert_eq!(machine.sandbox.requests("device_code"), 1);

    // Who asks for it by name gets it.
    let session = machine.at_a_terminal(&["login", TENANT]);
    session.wait_for(PROMPT, SOON);
    assert!(machine.sandbox.approve());
    assert_eq!(session.finish(SOON).code, Some(0));
}

#[test]
fn a_terminal_that_takes_nothing_any_more_holds_no_sign_in() {
    if !can_use_terminals() {
        return;
    }
    for args in [&["get", TENANT][..], &["login", TENANT]] {
        let machine = machine(|_| {});
        let session = machine.at_a_terminal_of((80, 24), args, &[]);
        session.wait_for("left, waiting", SOON);
        // Ctrl-S stops the output until Ctrl-Q.
        session.send("\x13");
        std::thread::sleep(Duration::from_secs(1));
        assert!(machine.sandbox.approve());
        wait_until("the sign-in goes on", || machine.cache_file().exists());
        let finished = session.finish(SOON);
        assert_eq!(finished.code, Some(0), "{finished:?}");
    }
}

#[test]
fn ctrl_c_is_heard_while_the_platform_does_not_answer() {
    if !can_use_terminals() {
        return;
    }
    let machine = machine(|_| {});
    machine.sandbox.fault("entra_token", Fault::Delay(Duration::from_secs(15)));
    let session = machine.at_a_terminal(&["get", TENANT]);
    session.wait_for(PROMPT, SOON);
    wait_until("the platform is asked", || machine.sandbox.requests("entra_token") == 1);
    let pressed = Instant::now();
    session.send("\x03");
    assert_eq!(session.finish(SOON).code, Some(4));
    assert!(pressed.elapsed() < Duration::from_secs(2), "took {:?}", pressed.elapsed());
}

#[test]
fn a_sign_in_that_is_declined_in_the_browser_has_failed() {
    if !can_use_terminals() {
        return;
    }
    let machine = machine(|_| {});
    let session = machine.at_a_terminal(&["get", TENANT]);
    session.wait_for(PROMPT, SOON);
    assert!(machine.sandbox.decline());
    let finished = session.finish(SOON);
    assert_eq!(finished.code, Some(4));
    assert_eq!(
        String::from_utf8(finished.stderr).unwrap(),
        format!("vb365-helper: the sign-in for {TENANT} was declined\n")
    );
}

#[test]
fn never_means_never_even_at_a_terminal() {
    if !can_use_terminals() {
        return;
    }
    let machine = machine(|_| {});
    let finished = run(&machine, &["get", TENANT, "--interactive", "never"]);
    assert_eq!((finished.code, finished.terminal.as_str()), (Some(3), ""));
    let error = &json(&finished.stdout)["error"];
    assert_eq!(
        (&error["kind"], &error["hint"]),
        (&"login_required".into(), &format!("vb365-helper login {TENANT}").into())
    );
    assert_eq!(machine.sandbox.requests("device_code"), 0);
}

#[test]
fn two_calls_at_once_ask_once_and_share_the_token() {
    if !can_use_terminals() {
        return;
    }
    let machine = machine(|_| {});
    let first = machine.at_a_terminal(&["get", TENANT]);
    first.wait_for(PROMPT, SOON);
    let second = machine.at_a_terminal(&["get", TENANT]);
    second.wait_for("Waiting for the sign-in", SOON);
    let silent = machine.at_a_terminal(&["get", TENANT, "--interactive", "never"]);
    std::thread::sleep(Duration::from_millis(500));
    assert!(machine.sandbox.approve());
    let answers = [first, second, silent].map(|session| json(&session.finish(SOON).stdout));
    assert_eq!(answers[0]["source"], "login");
    assert!(answers.iter().all(|answer| answer["access_token"] == answers[0]["access_token"]), "{answers:?}");
    assert_eq!(machine.sandbox.requests("device_code"), 1);
}

#[test]
fn nobody_waits_for_the_tenants_tokens_while_somebody_signs_in() {
    if !can_use_terminals() {
        return;
    }
    let machine = machine(|_| {});
    let session = machine.at_a_terminal(&["login", TENANT]);
    session.wait_for(PROMPT, SOON);
    let start = Instant::now();
    assert_eq!(run(&machine, &["erase", TENANT, "--server", &machine.sandbox.url()]).code, Some(0));
    assert_eq!(run(&machine, &["list"]).code, Some(0));
    assert!(start.elapsed() < Duration::from_secs(5));
    drop(session);
    // Whoever was killed holds nothing up.
    assert_eq!(run(&machine, &["get", TENANT, "--interactive", "never"]).code, Some(3));
}

#[test]
fn trouble_on_the_way_does_not_end_the_sign_in() {
    if !can_use_terminals() {
        return;
    }
    let machine = machine(|_| {});
    machine.sandbox.fault("entra_token", Fault::Drop);
    let html = "<html>proxy</html>".to_owned();
    machine.sandbox.fault("entra_token", Fault::Answer { status: 502, headers: Vec::new(), body: html });
    let session = machine.at_a_terminal(&["get", TENANT]);
    session.wait_for(PROMPT, SOON);
    wait_until("the platform is asked", || machine.sandbox.requests("entra_token") >= 2);
    assert!(machine.sandbox.approve());
    assert_eq!(session.finish(SOON).code, Some(0));
}

#[test]
fn a_code_that_nobody_used_says_why_that_can_be() {
    if !can_use_terminals() {
        return;
    }
    let machine = machine(|options| options.code_life = 2);
    let finished = run(&machine, &["get", TENANT]);
    let error = &json(&finished.stdout)["error"];
    assert_eq!((finished.code, &error["kind"]), (Some(4), &"login_failed".into()));
    assert!(error["message"].as_str().unwrap().contains("AADSTS53003"));
}

#[test]
fn a_sign_in_that_the_server_rejects_is_refused_and_not_repeated() {
    if !can_use_terminals() {
        return;
    }
    let machine = machine(|options| options.auto_approve = true);
    misspell(&machine);
    let finished = run(&machine, &["get", TENANT]);
    let error = &json(&finished.stdout)["error"];
    assert_eq!((finished.code, &error["kind"]), (Some(5), &"refused".into()));
    let message = error["message"].as_str().unwrap();
    for check in [
        "tenant authentication",
        "modern app-only",
        "spelled abc.onmicrosoft.com there (case matters)",
        "Global Administrator",
    ] {
        assert!(message.contains(check), "{check:?} is missing in: {message}");
    }
    let requests = ["device_code", "entra_token", "veeam_token"].map(|endpoint| machine.sandbox.requests(endpoint));
    assert_eq!(requests, [1, 2, 2], "one sign-in, one renewal, two tries");

    // The sign-in was not for nothing: with the right spelling it is used.
    machine.configure(&[ORGANIZATION]);
    assert_eq!(json(&run(&machine, &["get", TENANT]).stdout)["source"], "exchange");
    assert_eq!(machine.sandbox.requests("device_code"), 1);
}

#[test]
fn a_sign_in_that_ends_at_once_is_refused_and_not_asked_for_again() {
    if !can_use_terminals() {
        return;
    }
    let machine = machine(|options| options.auto_approve = true);
    misspell(&machine);
    let dead = r#"{"error":"invalid_grant","error_codes":[50173]}"#.to_owned();
    machine.sandbox.fault("entra_token", Fault::Delay(Duration::ZERO));
    machine.sandbox.fault("entra_token", Fault::Answer { status: 400, headers: Vec::new(), body: dead });
    let finished = run(&machine, &["get", TENANT]);
    assert_eq!((finished.code, &json(&finished.stdout)["error"]["kind"]), (Some(5), &"refused".into()));
    assert_eq!(machine.sandbox.requests("device_code"), 1);
}

#[test]
fn a_stranger_is_noticed_before_anybody_is_asked_to_sign_in() {
    if !can_use_terminals() {
        return;
    }
    let machine = unconfigured(|options| (options.tls, options.no_san) = (true, true));
    let (server, authority) = (machine.sandbox.url(), machine.sandbox.authority());
    let session = machine.at_a_terminal(&["login", TENANT, "--server", &server, "--authority", &authority]);
    session.wait_for("Trust this certificate?", SOON);
    session.send("\n");
    assert_eq!(session.finish(SOON).code, Some(9));
    assert!(!machine.home().join("config.toml").exists(), "a server that is not trusted was remembered");
    assert_eq!(machine.sandbox.requests("device_code"), 0);
}

#[test]
fn a_login_after_one_that_was_cancelled_elsewhere_asks_all_the_same() {
    if !can_use_terminals() {
        return;
    }
    // There is a living token, but nobody signed in meanwhile.
    let machine = Machine::signed_in();
    let held = hold_lock(&machine, &format!("{TENANT}.login.lock"));
    let session = machine.at_a_terminal(&["login", TENANT]);
    session.wait_for("Waiting for the sign-in", SOON);
    drop(held);
    session.wait_for(PROMPT, SOON);
    assert!(machine.sandbox.approve());
    assert_eq!(session.finish(SOON).code, Some(0));
}

#[test]
fn without_a_terminal_login_names_no_new_destination() {
    if !can_use_terminals() {
        return;
    }
    let machine = Machine::signed_in();
    let before = fs::read(machine.home().join("config.toml")).unwrap();
    let plain = machine.command(&["login", TENANT, "--server", "http://127.0.0.1:1", "--api-version", "v8"]);
    let mut command = std::process::Command::new("setsid");
    command.arg("--wait").arg(plain.get_program()).args(plain.get_args()).env_clear();
    command.envs(plain.get_envs().filter(|(name, _)| *name != "PATH").filter_map(|(name, value)| Some((name, value?))));
    command.env("PATH", std::env::var_os("PATH").unwrap());
    let output = command.stdin(std::process::Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert_eq!(fs::read(machine.home().join("config.toml")).unwrap(), before);
}

#[test]
fn a_token_that_still_lives_is_handed_out_when_no_code_is_to_be_had() {
    if !can_use_terminals() {
        return;
    }
    let machine = Machine::signed_in();
    machine.change_entry(TENANT, |entry| {
        entry["veeam"][0]["obtained_at"] = ago(HOUR - 100).into();
        entry["veeam"][0]["access_expires_at"] = ago(-100).into();
        entry["entra"][0]["obtained_at"] = ago(2 * HOUR).into();
        entry["entra"][0]["access_expires_at"] = ago(HOUR).into();
    });
    machine.sandbox.revoke_veeam_refresh();
    machine.sandbox.revoke_entra_refresh();
    machine.sandbox.fault("device_code", Fault::Answer { status: 503, headers: Vec::new(), body: String::new() });
    let outcome = Outcome::at_a_terminal(machine.at_a_terminal(&["get", TENANT]).finish(SOON));
    assert_eq!((outcome.code, &outcome.document()["source"]), (0, &"cache".into()), "{outcome:?}");
    let [warning] = outcome.warnings()[..] else { panic!("not one warning: {outcome:?}") };
    assert!(warning.contains(&format!("cannot sign {TENANT} in now: ")), "{warning}");
}

#[test]
fn the_server_that_was_signed_in_to_is_the_one_that_is_told_of() {
    if !can_use_terminals() {
        return;
    }
    let machine = machine(|options| options.auto_approve = true);
    let url = machine.sandbox.url();
    let other = url.replace("127.0.0.1", "localhost");
    let text = fs::read_to_string(machine.home().join("config.toml")).unwrap();
    machine.write_config(&format!("{text}server = \"{url}\"\n"));
    let finished = run(&machine, &["login", TENANT, "--server", &other]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    for line in [format!("  server        {other}\n"), format!("vb365-helper get {TENANT} --server {other}\n")] {
        assert!(finished.terminal.contains(&line), "{line} is missing in: {}", finished.terminal);
    }
}

#[test]
fn a_configuration_that_cannot_be_written_turns_nobody_away_who_is_configured() {
    if !can_use_terminals() {
        return;
    }
    let machine = machine(|options| options.auto_approve = true);
    let path = machine.home().join("config.toml");
    let text = fs::read_to_string(&path).unwrap().replace("api_version = \"v8\"\n", "");
    // Root may write everywhere; but what is no regular file is never replaced.
    let pipe = machine.home().join("config");
    fs::create_dir(&pipe).unwrap();
    let path = pipe.join("config.toml");
    fs::write(&path, &text).unwrap();
    fs::create_dir(pipe.join("config.toml.lock")).unwrap();
    let named = path.display().to_string();
    let finished = run(&machine, &["--config", &named, "login", TENANT]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let stderr = String::from_utf8_lossy(&finished.stderr);
    assert!(stderr.starts_with("vb365-helper: warning: the version of the API is not remembered: "), "{stderr}");
    assert_eq!(fs::read_to_string(&path).unwrap(), text);

    // A new destination that cannot be remembered is none.
    let other = Sandbox::start(Options::default()).unwrap();
    let new = ["--server", &other.url(), "--api-version", "v8"];
    let finished = run(&machine, &[&["--config", &named, "login", TENANT][..], &new].concat());
    assert_eq!(finished.code, Some(8), "{finished:?}");
    let hint = format!(
        "hint: write it there by hand, under [tenants.\"{TENANT}\"]: server = \"{}\"; api_version = \"v8\"\n",
        other.url()
    );
    let stderr = String::from_utf8_lossy(&finished.stderr);
    assert!(stderr.contains("config.toml.lock") && stderr.ends_with(&hint), "{stderr}");
    assert_eq!(finished.terminal, "", "a code was shown");
}

#[test]
fn a_new_tenant_of_nearly_a_known_name_is_mentioned_before_there_is_a_code() {
    if !can_use_terminals() {
        return;
    }
    let machine = Machine::new();
    let config = fs::read_to_string(machine.home().join("config.toml")).unwrap();
    // Microsoft knows no such tenant, and there is no code at all.
    let finished = run(&machine, &["login", "abd.onmicrosoft.com"]);
    let mention = format!(
        "abd.onmicrosoft.com is new here. If you mean {ORGANIZATION}: Ctrl-C, then vb365-helper login {ORGANIZATION}\n"
    );
    assert_eq!((finished.code, finished.terminal), (Some(5), mention));
    assert_eq!(fs::read_to_string(machine.home().join("config.toml")).unwrap(), config);
}
