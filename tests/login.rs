//! Signing in at a real pseudo-terminal, with all three streams piped: what the person sees there,
//! what the caller gets, and what happens when either of them, or the network, does not play along.
#![cfg(unix)]
#![allow(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "tests: real time, real processes, and failing is their way to speak"
)]

#[path = "../examples/support/pty.rs"]
mod pty;
#[path = "../examples/sandbox/server/mod.rs"]
mod server;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use pty::{Finished, Session};
use serde_json::Value;
use server::{Fault, Options, Sandbox};
use tempfile::TempDir;

const TENANT: &str = "abc.onmicrosoft.com";
const SOON: Duration = Duration::from_secs(20);
/// The last words of the prompt.
const PROMPT: &str = "Ctrl-C cancels.";

/// A sandbox and a home whose configuration knows it.
struct Setting {
    sandbox: Sandbox,
    home: TempDir,
}

impl Setting {
    fn new(change: impl Fn(&mut Options)) -> Self {
        let setting = Self::unconfigured(change);
        setting.configure("Abc.onmicrosoft.com");
        setting
    }

    fn unconfigured(change: impl Fn(&mut Options)) -> Self {
        let mut options = Options::default();
        change(&mut options);
        Self { sandbox: Sandbox::start(options).unwrap(), home: TempDir::new().unwrap() }
    }

    fn configure(&self, organization: &str) {
        let (server, authority) = (self.sandbox.url(), self.sandbox.authority());
        let config = format!(
            "[tenants.\"{TENANT}\"]\nserver = \"{server}\"\norganization = \"{organization}\"\n\
             api_version = \"v8\"\nauthority = \"{authority}\"\n"
        );
        fs::write(self.config(), config).unwrap();
    }

    fn config(&self) -> PathBuf {
        self.home.path().join("config.toml")
    }

    fn entry(&self) -> PathBuf {
        self.home.path().join("cache").join(format!("{TENANT}.json"))
    }

    fn start(&self, args: &[&str]) -> Session {
        let (config, cache) = (self.config(), self.home.path().join("cache"));
        let env =
            [("VB365_HELPER_CONFIG", config.to_str().unwrap()), ("VB365_HELPER_CACHE_DIR", cache.to_str().unwrap())];
        Session::start(Path::new(env!("CARGO_BIN_EXE_vb365-helper")), args, &env, b"")
    }

    fn run(&self, args: &[&str]) -> Finished {
        self.start(args).finish(SOON)
    }
}

/// Whether the tests here can run; where they cannot, that is said, and with
/// `VB365_HELPER_TESTS_STRICT` it is a failure.
fn can_run() -> bool {
    let Some(tool) = pty::missing_tool() else { return true };
    assert!(std::env::var_os("VB365_HELPER_TESTS_STRICT").is_none(), "{tool} is missing");
    eprintln!("SKIPPED: {tool} is missing");
    false
}

fn json(text: &[u8]) -> Value {
    serde_json::from_slice(text).unwrap_or_else(|_| panic!("not JSON: {}", String::from_utf8_lossy(text)))
}

/// What is kept and handed out must not have been shown.
fn assert_nothing_secret(finished: &Finished) {
    for shown in [&finished.terminal, &String::from_utf8_lossy(&finished.stderr).into_owned()] {
        for token in ["veeam-access", "veeam-refresh", "entra-refresh", "eyJ", "device-"] {
            assert!(!shown.contains(token), "{token} in: {shown}");
        }
    }
}

#[test]
fn login_remembers_the_settings_and_shows_everything_on_the_terminal() {
    if !can_run() {
        return;
    }
    let setting = Setting::unconfigured(|options| options.versions = vec![4, 7]);
    let (server, authority) = (setting.sandbox.url(), setting.sandbox.authority());
    let organization = ["--organization", "Abc.onmicrosoft.com"];
    let args = [&["login", TENANT, "--server", &server, "--authority", &authority][..], &organization].concat();
    let session = setting.start(&args);
    let shown = session.wait_for(PROMPT, SOON);
    let (_, code) = shown.split_once("enter the code ").unwrap();
    let code = code.lines().next().unwrap();
    let prompt = format!(
        "\nSign in to Veeam Backup for Microsoft 365\n\n  tenant         {TENANT}\n  identity host  {host}\n  \
         server         {server}\n\n  open           {authority}/device\n  enter the code {code}\n\n\
         The code is valid for 15 minutes. It belongs to the command you have just started:\n\
         never enter a code that someone sent you. Ctrl-C cancels.\n\n",
        host = authority.trim_start_matches("http://")
    );
    assert_eq!(shown, prompt);
    assert!(setting.sandbox.approve());

    let finished = session.finish(SOON);
    assert_eq!((finished.code, &finished.stdout[..], &finished.stderr[..]), (Some(0), &b""[..], &b""[..]));
    assert!(finished.terminal.contains(&format!("Signed in to {TENANT} as admin@abc.onmicrosoft.com.")));
    assert_nothing_secret(&finished);
    let written = fs::read_to_string(setting.config()).unwrap();
    assert!(written.ends_with(&format!(
        "[tenants.\"{TENANT}\"]\nserver = \"{server}\"\norganization = \"Abc.onmicrosoft.com\"\n\
         api_version = \"v7\"\nauthority = \"{authority}\"\n"
    )));
    assert_eq!(json(&setting.run(&["get", TENANT]).stdout)["source"], "cache");
    assert_eq!(setting.sandbox.complaints(), Vec::<String>::new());
}

#[test]
fn get_asks_on_the_terminal_while_all_its_streams_are_pipes() {
    if !can_run() {
        return;
    }
    let setting = Setting::new(|_| {});
    let session = setting.start(&["get", TENANT]);
    session.wait_for(PROMPT, SOON);
    assert!(setting.sandbox.approve());
    let finished = session.finish(SOON);
    assert_eq!((finished.code, &finished.stderr[..]), (Some(0), &b""[..]));
    assert_eq!(json(&finished.stdout)["source"], "login");
    assert_nothing_secret(&finished);
}

#[test]
fn login_with_json_answers_the_entry_of_list() {
    if !can_run() {
        return;
    }
    let setting = Setting::new(|options| options.auto_approve = true);
    let entry = json(&setting.run(&["login", TENANT, "--json"]).stdout);
    let schema = json(include_bytes!("../schemas/login-v1.schema.json"));
    jsonschema::validate(&schema, &entry).unwrap();
    assert_eq!(json(&setting.run(&["list", "--json"]).stdout)["tenants"][0], entry);
}

#[test]
fn ctrl_c_ends_the_sign_in_leaves_no_trace_and_is_not_asked_again_at_once() {
    if !can_run() {
        return;
    }
    let setting = Setting::new(|_| {});
    let session = setting.start(&["get", TENANT]);
    session.wait_for(PROMPT, SOON);
    let pressed = Instant::now();
    session.send("\x03");
    let finished = session.finish(SOON);
    assert!(pressed.elapsed() < Duration::from_secs(2), "took {:?}", pressed.elapsed());
    assert_eq!((finished.code, &json(&finished.stdout)["error"]["kind"]), (Some(4), &"login_failed".into()));
    assert!(!setting.entry().exists());

    let again = setting.run(&["get", TENANT]);
    assert_eq!((again.code, again.terminal.as_str()), (Some(4), ""));
    assert_eq!(setting.sandbox.requests("device_code"), 1);

    // Who asks for it by name gets it.
    let session = setting.start(&["login", TENANT]);
    session.wait_for(PROMPT, SOON);
    assert!(setting.sandbox.approve());
    assert_eq!(session.finish(SOON).code, Some(0));
}

#[test]
fn ctrl_c_is_heard_while_the_platform_does_not_answer() {
    if !can_run() {
        return;
    }
    let setting = Setting::new(|_| {});
    setting.sandbox.fault("entra_token", Fault::Delay(Duration::from_secs(15)));
    let session = setting.start(&["get", TENANT]);
    session.wait_for(PROMPT, SOON);
    wait_until(|| setting.sandbox.requests("entra_token") == 1);
    let pressed = Instant::now();
    session.send("\x03");
    assert_eq!(session.finish(SOON).code, Some(4));
    assert!(pressed.elapsed() < Duration::from_secs(2), "took {:?}", pressed.elapsed());
}

#[test]
fn a_sign_in_that_is_declined_in_the_browser_has_failed() {
    if !can_run() {
        return;
    }
    let setting = Setting::new(|_| {});
    let session = setting.start(&["get", TENANT]);
    session.wait_for(PROMPT, SOON);
    assert!(setting.sandbox.decline());
    let finished = session.finish(SOON);
    assert_eq!(finished.code, Some(4));
    assert_eq!(
        String::from_utf8(finished.stderr).unwrap(),
        format!("vb365-helper: the sign-in for {TENANT} was declined\n")
    );
}

#[test]
fn never_means_never_even_at_a_terminal() {
    if !can_run() {
        return;
    }
    let setting = Setting::new(|_| {});
    let finished = setting.run(&["get", TENANT, "--interactive", "never"]);
    assert_eq!((finished.code, finished.terminal.as_str()), (Some(3), ""));
    let error = &json(&finished.stdout)["error"];
    assert_eq!(
        (&error["kind"], &error["hint"]),
        (&"login_required".into(), &format!("vb365-helper login {TENANT}").into())
    );
    assert_eq!(setting.sandbox.requests("device_code"), 0);
}

#[test]
fn two_calls_at_once_ask_once_and_share_the_token() {
    if !can_run() {
        return;
    }
    let setting = Setting::new(|_| {});
    let first = setting.start(&["get", TENANT]);
    first.wait_for(PROMPT, SOON);
    let second = setting.start(&["get", TENANT]);
    second.wait_for("Waiting for the sign-in", SOON);
    let silent = setting.start(&["get", TENANT, "--interactive", "never"]);
    std::thread::sleep(Duration::from_millis(500));
    assert!(setting.sandbox.approve());
    let answers = [first, second, silent].map(|session| json(&session.finish(SOON).stdout));
    assert_eq!(answers[0]["source"], "login");
    assert!(answers.iter().all(|answer| answer["access_token"] == answers[0]["access_token"]), "{answers:?}");
    assert_eq!(setting.sandbox.requests("device_code"), 1);
}

#[test]
fn nobody_waits_for_the_tenants_tokens_while_somebody_signs_in() {
    if !can_run() {
        return;
    }
    let setting = Setting::new(|_| {});
    let session = setting.start(&["login", TENANT]);
    session.wait_for(PROMPT, SOON);
    let start = Instant::now();
    assert_eq!(setting.run(&["erase", TENANT, "--server", &setting.sandbox.url()]).code, Some(0));
    assert_eq!(setting.run(&["list"]).code, Some(0));
    assert!(start.elapsed() < Duration::from_secs(5));
    drop(session);
    // Whoever was killed holds nothing up.
    assert_eq!(setting.run(&["get", TENANT, "--interactive", "never"]).code, Some(3));
}

#[test]
fn trouble_on_the_way_does_not_end_the_sign_in() {
    if !can_run() {
        return;
    }
    let setting = Setting::new(|_| {});
    setting.sandbox.fault("entra_token", Fault::Drop);
    let html = "<html>proxy</html>".to_owned();
    setting.sandbox.fault("entra_token", Fault::Answer { status: 502, headers: Vec::new(), body: html });
    let session = setting.start(&["get", TENANT]);
    session.wait_for(PROMPT, SOON);
    wait_until(|| setting.sandbox.requests("entra_token") >= 2);
    assert!(setting.sandbox.approve());
    assert_eq!(session.finish(SOON).code, Some(0));
}

#[test]
fn a_code_that_nobody_used_says_why_that_can_be() {
    if !can_run() {
        return;
    }
    let setting = Setting::new(|options| options.code_life = 2);
    let finished = setting.run(&["get", TENANT]);
    let error = &json(&finished.stdout)["error"];
    assert_eq!((finished.code, &error["kind"]), (Some(4), &"login_failed".into()));
    assert!(error["message"].as_str().unwrap().contains("AADSTS53003"));
}

#[test]
fn a_sign_in_that_the_server_rejects_is_refused_and_not_repeated() {
    if !can_run() {
        return;
    }
    let setting = Setting::new(|options| options.auto_approve = true);
    setting.configure("abc.onmicrosoft.com");
    let finished = setting.run(&["get", TENANT]);
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
    let requests = ["device_code", "entra_token", "veeam_token"].map(|endpoint| setting.sandbox.requests(endpoint));
    assert_eq!(requests, [1, 2, 2], "one sign-in, one renewal, two tries");

    // The sign-in was not for nothing: with the right spelling it is used.
    setting.configure("Abc.onmicrosoft.com");
    assert_eq!(json(&setting.run(&["get", TENANT]).stdout)["source"], "exchange");
    assert_eq!(setting.sandbox.requests("device_code"), 1);
}

#[test]
fn a_sign_in_that_ends_at_once_is_refused_and_not_asked_for_again() {
    if !can_run() {
        return;
    }
    let setting = Setting::new(|options| options.auto_approve = true);
    setting.configure("abc.onmicrosoft.com");
    let dead = r#"{"error":"invalid_grant","error_codes":[50173]}"#.to_owned();
    setting.sandbox.fault("entra_token", Fault::Delay(Duration::ZERO));
    setting.sandbox.fault("entra_token", Fault::Answer { status: 400, headers: Vec::new(), body: dead });
    let finished = setting.run(&["get", TENANT]);
    assert_eq!((finished.code, &json(&finished.stdout)["error"]["kind"]), (Some(5), &"refused".into()));
    assert_eq!(setting.sandbox.requests("device_code"), 1);
}

#[test]
fn a_stranger_is_noticed_before_anybody_is_asked_to_sign_in() {
    if !can_run() {
        return;
    }
    let setting = Setting::unconfigured(|options| (options.tls, options.no_san) = (true, true));
    let (server, authority) = (setting.sandbox.url(), setting.sandbox.authority());
    let finished = setting.run(&["login", TENANT, "--server", &server, "--authority", &authority]);
    assert_eq!((finished.code, finished.terminal.as_str()), (Some(9), ""));
    assert!(!setting.config().exists(), "a server that is not trusted was remembered");
    assert_eq!(setting.sandbox.requests("device_code"), 0);
}

fn wait_until(condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < SOON, "it does not come to that");
        std::thread::sleep(Duration::from_millis(20));
    }
}
