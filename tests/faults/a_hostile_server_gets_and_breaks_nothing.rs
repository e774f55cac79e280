//! A server that lies, drips, floods or redirects gets no second request, costs no more than the
//! call's own time, is told by what is wrong with its answer and never by its words, and changes
//! nothing of what is kept.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::hostile::{Decoy, Reply, Role, Victim, answer, with_head};
use crate::support::{Outcome, entra};

/// Nothing here may take longer, on the slowest of machines.
const NO_HANG: Duration = Duration::from_secs(20);

/// What a victim's `get` comes to; nothing that was kept has changed.
fn outcome(victim: &Victim) -> Outcome {
    let (before, start) = (victim.kept(), Instant::now());
    let outcome = victim.get();
    assert!(start.elapsed() < NO_HANG, "took {:?}", start.elapsed());
    assert_eq!(victim.kept(), before, "the kept entry has changed: {outcome:?}");
    outcome
}

/// Has each system answer `reply`, all at once, and takes each for unavailable; the messages.
fn unavailable(name: &str, reply: &Reply) -> Vec<String> {
    thread::scope(|scope| {
        let one = |role: Role| {
            scope.spawn(move || {
                let reply = reply.clone();
                let victim = Victim::new(role, move |_| reply.clone());
                let error = outcome(&victim).error("unavailable");
                assert_eq!(victim.server.heard().len(), 1, "{name} {role:?}: asked again");
                error["message"].as_str().unwrap().to_owned()
            })
        };
        Role::ALL.map(one).into_iter().map(|call| call.join().unwrap_or_else(|_| panic!("{name}"))).collect()
    })
}

/// Microsoft's token response with other fields; `null` takes one away.
fn response(fields: &Value) -> String {
    let mut response = entra("9");
    for (name, value) in fields.as_object().unwrap() {
        response[name] = value.clone();
    }
    response.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    response.to_string()
}

#[test]
fn a_redirect_leads_nowhere() {
    let decoy = Decoy::start();
    for status in [301, 302, 303, 307, 308] {
        for location in [format!("{}/v8/token", decoy.url()), decoy.url().replace("http:", "")] {
            let head = format!("HTTP/1.1 {status} X\r\nLocation: {location}\r\nContent-Length: 2");
            unavailable("redirect", &with_head(&head, "{}"));
        }
    }
    decoy.assert_untouched();
}

#[test]
fn what_is_not_http_is_no_answer() {
    let good = response(&json!({}));
    for (name, reply) in [
        ("nothing", Reply::Bytes(Vec::new())),
        ("HTTP/0.9", Reply::Bytes(good.clone().into_bytes())),
        ("another protocol", Reply::Bytes(b"SSH-2.0-canary\r\n".to_vec())),
        ("half a head", Reply::Bytes(b"HTTP/1.1 200 OK\r\nContent-Le".to_vec())),
        ("a status of letters", with_head("HTTP/1.1 canary OK", &good)),
        ("a header without a name", with_head("HTTP/1.1 200 OK\r\n: canary", &good)),
        ("a header with NUL", with_head("HTTP/1.1 200 OK\r\ncanary: \0", &good)),
        ("the end in the middle", with_head(&format!("HTTP/1.1 200 OK\r\nContent-Length: {}", good.len() + 1), &good)),
        ("two lengths", with_head("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 7", &good)),
        ("a length of letters", with_head("HTTP/1.1 200 OK\r\nContent-Length: canary", &good)),
        ("a negative length", with_head("HTTP/1.1 200 OK\r\nContent-Length: -1", &good)),
        ("chunks of garbage", with_head("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked", format!("canary\r\n{good}"))),
        ("a chunk without end", with_head("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked", "ffffffffffffffff\r\n{")),
        ("a chunk too short", with_head("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked", "ff\r\n{}\r\n0\r\n\r\n")),
    ] {
        for message in unavailable(name, &reply) {
            assert!(message.contains("no answer from http://127.0.0.1:"), "{name}: {message}");
        }
    }
}

#[test]
fn what_is_http_and_no_token_response_is_no_answer_either() {
    let good = response(&json!({}));
    let length = |body: &[u8]| format!("HTTP/1.1 200 OK\r\nContent-Length: {}", body.len());
    for (name, reply) in [
        ("cut by its length", with_head("HTTP/1.1 200 OK\r\nContent-Length: 40", &good)),
        ("invalid UTF-8", with_head(&length(b"{\"access_token\":\"\xff\xfe\"}"), b"{\"access_token\":\"\xff\xfe\"}")),
        ("a byte order mark", answer(200, &format!("\u{feff}{good}"))),
        ("a lone surrogate", answer(200, r#"{"access_token":"\ud800","expires_in":1}"#)),
        ("a field twice", answer(200, r#"{"access_token":"canary","access_token":"canary","expires_in":1}"#)),
        ("nested without end", answer(200, &"[".repeat(100_000))),
        ("more behind it", answer(200, &format!("{good}{good}"))),
        ("another type", answer(200, r#"["canary"]"#)),
        ("a page", answer(200, "<html>canary</html>")),
    ] {
        unavailable(name, &reply);
    }
}

#[test]
fn a_life_that_makes_no_sense_is_refused_by_name() {
    for life in [
        json!(-5),
        json!(0),
        json!("0"),
        json!(1e300),
        json!("canary soon"),
        json!(0.5),
        json!([3600]),
        json!(true),
        Value::Null,
    ] {
        let messages = unavailable("life", &answer(200, &response(&json!({ "expires_in": life }))));
        for message in messages {
            assert!(message.ends_with("expires_in is not a positive number of seconds"), "{life}: {message}");
        }
    }
    // Not even JSON.
    unavailable("NaN", &answer(200, &response(&json!({ "expires_in": 1 })).replace(":1", ":NaN")));
}

#[test]
fn a_token_that_could_split_a_header_is_refused_by_name() {
    let word = "access_token is not one word of printable ASCII";
    let control = "refresh_token has control characters";
    for (name, token, why) in [
        ("access_token", json!("canary\r\nX-Canary: 1"), word),
        ("access_token", json!("canary\n"), word),
        ("access_token", json!("canary\0"), word),
        ("access_token", json!("canary canary"), word),
        ("access_token", json!("canary\u{e9}"), word),
        ("access_token", json!("canary\u{202e}"), word),
        ("access_token", json!(""), word),
        ("access_token", json!(7), ""),
        ("access_token", Value::Null, ""),
        ("refresh_token", json!("canary\r\n"), control),
        ("refresh_token", json!("canary\0"), control),
        ("refresh_token", json!("canary\u{9b}0m"), control),
    ] {
        for message in unavailable(name, &answer(200, &response(&json!({ name: token })))) {
            assert!(message.ends_with(why), "{token}: {message}");
        }
    }
}

#[test]
fn an_answer_that_would_fill_the_file_is_refused() {
    let padding = "x".repeat(900_000);
    for message in unavailable("a large answer", &answer(200, &response(&json!({ "canary": padding })))) {
        assert!(message.ends_with("it is larger than 128 KiB"), "{message}");
    }
}

#[test]
fn an_answer_that_does_not_end_ends_with_the_calls_time() {
    let head = |lines: &str| format!("HTTP/1.1 200 OK\r\n{lines}").into_bytes();
    let calls = [
        ("silence", Reply::Silence),
        ("a head that drips", Reply::Drip(Vec::new(), head("Content-Length: 2\r\n\r\n{}"))),
        ("a body that drips", Reply::Drip(head("Content-Length: 99\r\n\r\n"), response(&json!({})).into())),
        ("headers without end", Reply::Endless(head(""), b"X-Canary: canary\r\n".to_vec())),
        ("a header without end", Reply::Endless(head("X-Canary: "), b"canary".to_vec())),
        ("a name without end", Reply::Endless(head(""), b"canary".to_vec())),
        ("first answers without end", Reply::Endless(Vec::new(), b"HTTP/1.1 100 Continue\r\n\r\n".to_vec())),
        ("a body without end", Reply::Endless(head("\r\n"), b"canary ".to_vec())),
        ("a body of 100 MB", Reply::Endless(head("Content-Length: 100000000\r\n\r\n"), b"canary ".to_vec())),
        ("chunks without end", Reply::Endless(head("Transfer-Encoding: chunked\r\n\r\n"), b"1\r\n{\r\n".to_vec())),
        (
            "a chunk without end",
            Reply::Endless(head("Transfer-Encoding: chunked\r\n\r\n7fffffff\r\n"), b"canary".to_vec()),
        ),
    ];
    thread::scope(|scope| {
        for (name, reply) in &calls {
            scope.spawn(move || unavailable(name, reply));
        }
    });
}

#[test]
fn a_token_that_still_lives_is_handed_out_while_the_server_drips() {
    let victim = Victim::new(Role::VeeamRefresh, |_| Reply::Drip(Vec::new(), b"HTTP/1.1 200 OK\r\n".to_vec()));
    victim.keep_veeam(3500);
    let outcome = outcome(&victim);
    assert_eq!((outcome.code, outcome.warnings().len()), (0, 1), "{outcome:?}");
    assert_eq!(outcome.document()["source"], "cache");
}

/// Deflate (RFC 1951): 103 MB of zeros in 650 kB, as one block that does not end.
fn bomb() -> Vec<u8> {
    const GZIP: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    const REPEAT: [u8; 13] = [0x05, 0xa3, 0x60, 0x14, 0x8c, 0x82, 0x51, 0x30, 0x0a, 0x46, 0xc1, 0x28, 0x18];
    [&GZIP[..], &[0x62, 0x18], &REPEAT.repeat(50_000)].concat()
}

#[test]
fn nothing_is_unpacked_or_swallowed_whole() {
    let packed = with_head("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close", bomb());
    let flood = Reply::Endless(b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), b"canary ".to_vec());
    for (reply, why) in [(packed, "is none of the identity platform"), (flood, "the body is larger than 1024 KiB")] {
        let victim = Victim::new(Role::EntraRefresh, move |_| reply.clone());
        let error = in_little_memory(&victim);
        assert_eq!(error["kind"], "unavailable", "{error}");
        assert!(error["message"].as_str().unwrap().ends_with(why), "{error}");
        assert!(!victim.server.heard()[0].to_lowercase().contains("accept-encoding"), "asked for it");
    }
}

/// The error of a `get` that may not have more than 64 MiB, where that can be had.
fn in_little_memory(victim: &Victim) -> Value {
    if cfg!(not(target_os = "linux")) {
        return victim.get().document()["error"].clone();
    }
    let get = victim.command(&["get", crate::support::TENANT, "--interactive", "never"]);
    let mut command = std::process::Command::new("/bin/sh");
    command.args(["-c", "ulimit -v 65536; exec \"$@\"", "sh"]).arg(get.get_program()).args(get.get_args());
    command.env_clear().envs(get.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = command.current_dir(victim.home()).output().unwrap();
    let document: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    document["error"].clone()
}
