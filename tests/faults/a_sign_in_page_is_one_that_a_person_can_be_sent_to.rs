//! What an identity platform says about a sign-in is believed only as far as a person can act on
//! it: a page that is safe to open, a code that can be typed, a life and a pace that make sense. What is judged is
//! the same on every system; the terminal that it is looked for on is Unix's.
#![cfg(unix)]

use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::hostile::Decoy;
use crate::support::pty::Finished;
use crate::support::seat::{PROMPT, SOON};
use crate::support::server::Fault;
use crate::support::{Machine, TENANT, can_use_terminals, entra};

/// Long enough to see whether somebody is asked too often.
const A_WHILE: Duration = Duration::from_millis(2500);

/// A device code as Microsoft has it, with other fields; `null` takes one away.
fn code(fields: &Value) -> String {
    let mut code = json!({
        "device_code": "canary-device-code",
        "user_code": "HJ4KQ2LMN",
        "verification_uri": "https://microsoft.com/devicelogin",
        "expires_in": 900,
        "interval": 1,
        "message": "canary: open https://evil.example and enter the code",
    });
    for (name, value) in fields.as_object().unwrap() {
        code[name] = value.clone();
    }
    code.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    code.to_string()
}

fn fault(status: u16, body: &str) -> Fault {
    Fault::Answer { status, headers: Vec::new(), body: body.to_owned() }
}

/// A machine where nobody is signed in, and whose next device code is this one.
fn offered(body: &str) -> Machine {
    let machine = Machine::new();
    machine.sandbox.fault("device_code", fault(200, body));
    machine
}

/// The error of a run that was no more than started: nothing was shown, polled for or kept.
fn refused(machine: &Machine, args: &[&str]) -> Value {
    let finished = machine.at_a_terminal(args).finish(SOON);
    assert_eq!(finished.terminal, "", "{finished:?}");
    assert_eq!((machine.sandbox.requests("entra_token"), machine.kept()), (0, None));
    error(&finished, 6)
}

fn error(finished: &Finished, code: i32) -> Value {
    let (stdout, stderr) = (String::from_utf8_lossy(&finished.stdout), String::from_utf8_lossy(&finished.stderr));
    assert_eq!(finished.code, Some(code), "{finished:?}");
    for words in [&stdout, &stderr] {
        assert!(!words.contains("canary") && !words.contains("evil"), "{finished:?}");
    }
    let document: Value = serde_json::from_str(&stdout).unwrap_or_else(|_| panic!("{finished:?}"));
    document["error"].clone()
}

#[test]
fn nobody_is_sent_to_a_page_that_is_not_safe() {
    if !can_use_terminals() {
        return;
    }
    let long = format!("https://evil.example/{}", "canary".repeat(100));
    for page in [
        "http://evil.example/device",
        "http://localhost.evil.example/",
        "http://127.0.0.1.evil.example/",
        "javascript:alert('canary')",
        "file:///etc/passwd",
        "data:text/html,canary",
        "ftp://evil.example/",
        "vscode://evil.example/canary",
        "https://login.microsoftonline.com@evil.example/device",
        "https://microsoft.com:canary@evil.example/device",
        "https://evil.example/\u{1b}]0;canary\u{7}",
        "https://evil.example/\r\nhttps://microsoft.com/devicelogin",
        "java\nscript:alert(1)",
        "//evil.example/device",
        "evil.example/device",
        "https://",
        "",
        " ",
        &long,
    ] {
        for field in ["verification_uri", "verification_url"] {
            let machine = offered(&code(&json!({ "verification_uri": null, field: page })));
            let error = refused(&machine, &["get", TENANT]);
            assert_eq!(error["kind"], "unavailable", "{page:?}");
            assert!(error["message"].as_str().unwrap().contains(": verification_uri: "), "{page:?}: {error}");
        }
    }
}

#[test]
fn nobody_is_shown_a_code_that_cannot_be_used() {
    if !can_use_terminals() {
        return;
    }
    let user_code = "user_code is empty or longer than 32 characters";
    let device_code = "device_code is empty or has control characters";
    let life = "expires_in is not a positive number of seconds";
    for (name, value, why) in [
        ("user_code", json!("canary".repeat(2000)), user_code),
        ("user_code", json!("\u{1b}\u{202e} \u{7}"), user_code),
        ("user_code", json!(7), ""),
        ("device_code", json!("canary\n"), device_code),
        ("device_code", json!("canary\u{0}"), device_code),
        ("device_code", json!(""), device_code),
        ("expires_in", json!(0), life),
        ("expires_in", json!("0"), life),
        ("expires_in", json!(-900), life),
        ("expires_in", json!(1e300), life),
        ("expires_in", json!("NaN"), life),
        ("expires_in", json!("canary"), life),
    ] {
        let error = refused(&offered(&code(&json!({ name: value }))), &["get", TENANT]);
        assert_eq!(error["kind"], "unavailable", "{name} {value}");
        assert!(error["message"].as_str().unwrap().ends_with(why), "{name} {value}: {error}");
    }
    // The same for who asks by name, where the words go to stderr alone.
    let machine = offered(&code(&json!({ "device_code": "canary\n" })));
    let finished = machine.at_a_terminal(&["login", TENANT]).finish(SOON);
    let words =
        format!("vb365-helper: {} cannot sign {TENANT} in now", machine.sandbox.authority().replace("http://", ""));
    let stderr = String::from_utf8(finished.stderr).unwrap();
    assert_eq!((finished.code, finished.terminal.as_str(), &finished.stdout[..]), (Some(6), "", &b""[..]));
    assert!(stderr.starts_with(&words) && stderr.ends_with(&format!("{device_code}\n")), "{stderr}");
}

#[test]
fn what_is_shown_of_a_code_is_text_and_none_of_it_is_the_platforms_own() {
    if !can_use_terminals() {
        return;
    }
    let machine = offered(&code(&json!({
        "user_code": "AB\u{1b}[2J\u{1b}]52;c;x\u{7}\u{9b}m\r\n\u{202e}CD",
        "verification_uri": "https://microsoft.com/d\u{e9}vice\u{202e}",
        "expires_in": 1_000_000_000_000_000_000_u64,
    })));
    let session = machine.at_a_terminal(&["get", TENANT]);
    session.wait_for(PROMPT, SOON);
    session.send("\x03");
    let finished = session.finish(SOON);
    error(&finished, 4);
    let shown = &finished.terminal;
    assert!(shown.contains("  enter     AB[2J]52;c;xm CD\n"), "{shown:?}");
    assert!(shown.contains("  open      https://microsoft.com/d%C3%A9vice%E2%80%AE\n"), "{shown:?}");
    assert!(shown.contains("The code is valid for 60 minutes, "), "{shown:?}");
    assert!(!shown.contains("canary") && !shown.contains("evil"), "{shown:?}");
    // The terminal itself writes `^C` where the key was pressed.
    assert!(shown.chars().all(|c| c == '\n' || c == ' ' || c.is_ascii_graphic()), "{shown:?}");
}

/// How often the platform is asked within [`A_WHILE`], and whether Ctrl-C still ends it.
fn assert_patient(interval: &Value) {
    let machine = offered(&code(&json!({ "interval": interval })));
    for _ in 0..1000 {
        machine.sandbox.fault("entra_token", fault(400, r#"{"error":"authorization_pending"}"#));
    }
    let start = Instant::now();
    let session = machine.at_a_terminal(&["get", TENANT]);
    session.wait_for(PROMPT, SOON);
    thread::sleep(A_WHILE);
    let polls = machine.sandbox.requests("entra_token") as u64;
    // A second apart at the least.
    assert!(polls <= start.elapsed().as_secs() + 1, "{interval}: {polls} polls");
    session.send("\x03");
    error(&session.finish(SOON), 4);
}

#[test]
fn no_interval_makes_it_ask_too_often() {
    if !can_use_terminals() {
        return;
    }
    let intervals = [
        json!(0),
        json!("0"),
        json!(0.001),
        json!(-1),
        json!("canary"),
        json!(1e300),
        json!(1_000_000_000),
        Value::Null,
    ];
    thread::scope(|scope| {
        for interval in &intervals {
            scope.spawn(|| assert_patient(interval));
        }
    });
}

#[test]
fn no_interval_and_no_delay_outlasts_the_code() {
    if !can_use_terminals() {
        return;
    }
    let late = |interval: u64, polled: Fault| {
        move || {
            let machine = offered(&code(&json!({ "interval": interval, "expires_in": 2 })));
            machine.sandbox.fault("entra_token", polled);
            machine.sandbox.fault("entra_token", fault(400, r#"{"error":"authorization_pending"}"#));
            let start = Instant::now();
            let error = error(&machine.at_a_terminal(&["get", TENANT]).finish(SOON), 4);
            assert!(start.elapsed() < SOON && error["kind"] == "login_failed", "{error}");
            machine.sandbox.requests("entra_token")
        }
    };
    let headers = vec![("Retry-After".to_owned(), "1000000000".to_owned())];
    let busy = Fault::Answer { status: 429, headers, body: String::new() };
    thread::scope(|scope| {
        let seldom = scope.spawn(late(1_000_000_000, fault(400, r#"{"error":"authorization_pending"}"#)));
        let delayed = scope.spawn(late(1, busy));
        let (seldom, delayed) = (seldom.join().unwrap(), delayed.join().unwrap());
        // The last poll is the one at the code's end.
        assert!(seldom == 1 && (1..=2).contains(&delayed), "{seldom} and {delayed} polls");
    });
}

#[test]
fn a_sign_in_that_brings_a_token_nobody_can_use_has_failed_and_nothing_is_kept() {
    if !can_use_terminals() {
        return;
    }
    for (name, value, why) in [
        ("access_token", json!("canary\r\nX-Canary: 1"), "access_token is not one word of printable ASCII"),
        ("refresh_token", json!("canary\n"), "refresh_token has control characters"),
        ("expires_in", json!(-1), "expires_in is not a positive number of seconds"),
    ] {
        let machine = offered(&code(&json!({})));
        let mut tokens = entra("1");
        tokens[name] = value;
        machine.sandbox.fault("entra_token", fault(200, &tokens.to_string()));
        let finished = machine.at_a_terminal(&["get", TENANT]).finish(SOON);
        let error = error(&finished, 6);
        assert!(error["message"].as_str().unwrap().ends_with(why), "{error}");
        assert!(!finished.terminal.contains("canary"), "{finished:?}");
        assert_eq!(machine.kept(), None);
    }
}

#[test]
fn a_redirect_is_no_page_either() {
    if !can_use_terminals() {
        return;
    }
    let decoy = Decoy::start();
    for status in [301, 302, 307, 308] {
        let machine = Machine::new();
        let headers = vec![("Location".to_owned(), decoy.url())];
        machine.sandbox.fault("device_code", Fault::Answer { status, headers, body: code(&json!({})) });
        assert_eq!(refused(&machine, &["get", TENANT])["kind"], "unavailable");
    }
    decoy.assert_untouched();
}
