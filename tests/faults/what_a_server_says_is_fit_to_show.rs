//! The words of both systems are shown, because they say what is wrong: on one line, without
//! anything that a terminal obeys, and without what the server was sent a moment before.

use serde_json::{Value, json};

use crate::support::hostile::{Reply, Role, Victim, answer};
use crate::support::{HOUR, Outcome, TENANT, ago, entra, veeam};

/// What terminals obey: CSI in both its forms, window titles and the clipboard (OSC 0 and 52), line
/// ends, a bell, characters that turn the direction of what follows or that nobody sees.
const STEERING: &str = "\u{1b}[2J\u{9b}31m\u{1b}]0;t\u{7}\u{1b}]52;c;Y2FuYXJ5\u{1b}\\\r\n\u{85}\u{2028}\u{7f}\u{8}\u{202e}\u{2066}\u{61c}\u{200b}\u{e0041}";
/// What is left of it.
const HARMLESS: [char; 5] = ['[', ']', ';', '\\', 'm'];

/// Fails if a terminal could do more with `text` than to show it.
fn assert_harmless(text: &str) {
    let found: Vec<_> = text.chars().filter(|c| !c.is_ascii_graphic() && *c != ' ' && *c != '\n').collect();
    assert!(found.is_empty(), "{found:?} in {text:?}");
}

/// The same for all that a run wrote, with JSON's escapes undone.
fn assert_harmless_run(outcome: &Outcome) {
    assert_harmless(&outcome.stderr);
    if let Ok(document) = serde_json::from_str::<Value>(&outcome.stdout) {
        assert_harmless_document(&document);
    } else {
        assert_harmless(&outcome.stdout);
    }
}

fn assert_harmless_document(document: &Value) {
    match document {
        Value::String(text) => {
            assert!(!text.contains('\n'), "more than a line: {text:?}");
            assert_harmless(text);
        }
        Value::Array(items) => items.iter().for_each(assert_harmless_document),
        Value::Object(fields) => fields.values().for_each(assert_harmless_document),
        _ => {}
    }
}

/// All the fields of an error of either system, and more, each with `words`.
fn error(words: &str) -> Value {
    json!({
        "error": words,
        "error_description": words,
        "error_codes": [words, 7],
        "suberror": words,
        "correlation_id": words,
        "message": words,
        "errorCode": words,
        "stackTrace": words,
        "claims": words,
    })
}

/// A server that is also an identity platform which renews: it is asked twice to take an assertion,
/// and both times says `words`.
fn rejecting(words: impl Fn(&str) -> String + Send + Sync + 'static) -> Victim {
    Victim::new(Role::Exchange, move |request| {
        if request.starts_with("POST /v8/") {
            answer(400, &error(&words(request)).to_string())
        } else {
            answer(200, &long("2").to_string())
        }
    })
}

/// An identity platform that refuses with `words`.
fn refusing(words: impl Fn(&str) -> String + Send + Sync + 'static) -> Victim {
    Victim::new(Role::EntraRefresh, move |request| answer(400, &error(&words(request)).to_string()))
}

#[test]
fn no_words_of_an_error_steer_a_terminal() {
    let words = |_: &str| format!("no{STEERING}way");
    for victim in [rejecting(words), refusing(words)] {
        let outcome = victim.get();
        let error = outcome.error("refused");
        assert_harmless_run(&outcome);
        // The words are shown all the same, and the error's cause as well.
        let rest = |text: &Value| text.as_str().unwrap().replace(HARMLESS, "").replace(' ', "");
        assert!(rest(&error["message"]).contains("no2J310t52cY2FuYXJ5way"), "{error}");
        assert!(rest(&error["cause"]["error"]).starts_with("no"), "{error}");
        assert_eq!(outcome.stderr.lines().count(), 2, "{outcome:?}");
    }
}

#[test]
fn what_was_said_of_a_dead_sign_in_is_as_harmless_the_next_time() {
    let dead =
        json!({ "error": "invalid_grant", "error_description": STEERING, "suberror": STEERING, "claims": STEERING });
    let victim = Victim::new(Role::EntraRefresh, move |_| answer(400, &dead.to_string()));
    for _ in 0..2 {
        let outcome = victim.get();
        outcome.error("login_required");
        assert_harmless_run(&outcome);
    }
    assert_eq!(victim.server.heard().len(), 1);
}

#[test]
fn nobody_has_a_name_that_steers_a_terminal() {
    let named = |name: &str| {
        let victim = Victim::new(Role::Exchange, |_| Reply::Silence);
        let claims = base64_url(json!({ "upn": name }).to_string().as_bytes());
        let mut entra = entra("1");
        entra["access_token"] = format!("canary.{claims}.canary").into();
        let mut veeam = veeam("1");
        veeam["userName"] = name.into();
        for fields in [json!({ "entra": entra }), json!({ "server": victim.server.url(), "veeam": veeam })] {
            victim.run(&["erase", TENANT], b"").answer();
            victim.store(&fields);
            let (table, document) = (victim.run_raw(&["list"]), victim.run(&["list", "--json"], b""));
            assert_harmless_run(&table);
            assert_harmless_run(&document);
            assert!(!table.stdout.contains("canary"), "{table:?}");
        }
        victim.run(&["list", "--json"], b"").answer()["tenants"][0]["account"].clone()
    };
    let name = named(&format!("admin{STEERING}@abc.com"));
    assert!(name.as_str().unwrap().starts_with("admin[2J31m]0;t]52;c;"), "{name}");
    // What is as long as a token is nobody's name.
    assert_eq!(named(&"canary".repeat(500)), Value::Null);
}

#[test]
fn a_proxy_says_nothing() {
    let victim = Victim::new(Role::Exchange, |_| {
        Reply::Bytes(format!("HTTP/1.1 407 {STEERING}canary\r\nX: canary\r\n\r\ncanary").into())
    });
    let proxy = victim.server.url();
    victim.write_config(&format!(
        "[tenants.\"{TENANT}\"]\nserver = \"https://vb365.invalid:4443\"\napi_version = \"v8\""
    ));
    victim.store(&json!({ "entra": entra("1"), "obtained_at": ago(0) }));
    let mut get = victim.command(&["get", TENANT, "--interactive", "never", "--timeout", "5s"]);
    let output = get.env("HTTPS_PROXY", proxy).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.ends_with(": it refused the tunnel with status 407\n"), "{stderr}");
    assert_harmless(&stderr);
}

/// Ways in which a server quotes what it was sent, each in every field that is shown.
fn quotations(request: &str) -> Vec<String> {
    let (_, body) = request.split_once("\r\n\r\n").unwrap();
    let form: Vec<(String, String)> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let (_, secret) = form.iter().find(|(name, _)| ["assertion", "refresh_token"].contains(&name.as_str())).unwrap();
    let tokens: Value = serde_json::from_str(secret).unwrap_or_default();
    let inner = ["access_token", "refresh_token"].map(|name| tokens[name].as_str().unwrap_or(secret).to_owned());
    let mut quotations = vec![
        secret.clone(),
        format!("the token '{secret}' is bad"),
        format!("Invalid:{secret}"),
        format!("\u{1b}]52;c;{secret}\u{7}"),
        secret.chars().map(|c| format!("{c}\u{200b}")).collect(),
        body.to_owned(),
        serde_json::to_string(secret).unwrap(),
        secret[..secret.len() - 1].to_owned(),
    ];
    quotations.extend(inner.iter().map(|token| format!("<{token}>, not {token}")));
    quotations
}

/// Microsoft's answer `n` with tokens of a realistic length.
fn long(n: &str) -> Value {
    let mut response = entra(n);
    for field in ["access_token", "refresh_token"] {
        response[field] = format!("{}-{}", response[field].as_str().unwrap(), "canary".repeat(200)).into();
    }
    response
}

#[test]
fn a_server_that_quotes_what_it_was_sent_is_not_quoted() {
    for n in 0..10 {
        let victim = rejecting(move |request| quotations(request)[n].clone());
        victim.store(&json!({ "entra": long("1") }));
        // Each run of a test is searched for the word that is in every token.
        assert_left_out(&victim.get().error("refused"));

        let victim = refusing(move |request| quotations(request)[n].clone());
        victim.store(&json!({ "entra": long("1"), "obtained_at": ago(2 * HOUR) }));
        assert_left_out(&victim.get().error("refused"));
    }
}

#[test]
fn however_short_a_token_is_it_is_not_quoted() {
    // A part of it, or one in another form, is seen to be a token by its length alone.
    for victim in
        [refusing(|request| quotations(request)[1].clone()), rejecting(|request| quotations(request)[1].clone())]
    {
        let error = victim.get().error("refused");
        assert!(error["message"].as_str().unwrap().contains(": the token '[...]' is bad"), "{error}");
    }
    for n in [0, 2, 3, 4] {
        assert_left_out(&refusing(move |request| quotations(request)[n].clone()).get().error("refused"));
        assert_left_out(&rejecting(move |request| quotations(request)[n].clone()).get().error("refused"));
    }
}

/// The words that quoted a token are there, with a gap.
fn assert_left_out(error: &Value) {
    for words in [&error["message"], &error["cause"]["error"]] {
        assert!(words.as_str().unwrap().contains("[...]"), "{error}");
    }
}

/// RFC 4648 section 5, without padding.
fn base64_url(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}
