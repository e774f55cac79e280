//! What has to hold whatever comes from outside: one file for each target of the fuzzer, without
//! anything of the fuzzer itself, so that `tests/corpus.rs` holds every kept input to the same.

pub mod cache_entries;
pub mod callers_requests;
pub mod config;
pub mod device_polls;
pub mod entra_answers;
pub mod native_requests;
pub mod veeam_answers;

use std::fmt::Debug;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::Ipv4Addr;
use std::sync::LazyLock;
use std::time::Duration;

use serde::de::IgnoredAny;
use serde_json::Value;
use vb365_helper::credential::Settings;
use vb365_helper::entra::device::DeviceCode;
use vb365_helper::error::Error;
use vb365_helper::http::Reply;
use vb365_helper::protocol::native;
use vb365_helper::secret::Secret;

/// Panics where an input shows that something does not hold.
pub type Check = fn(&[u8]);

/// Every check, by the name of its target.
pub const ALL: [(&str, Check); 7] = [
    ("cache_entries", cache_entries::check),
    ("callers_requests", callers_requests::check),
    ("config", config::check),
    ("device_polls", device_polls::check),
    ("entra_answers", entra_answers::check),
    ("native_requests", native_requests::check),
    ("veeam_answers", veeam_answers::check),
];

/// The ends of the names of fields that hold secrets, with the start of their value. Inside of a
/// JSON string the quotes would be escaped: what ends so is a name.
const SECRETS: [&str; 5] = ["_token\":\"", "_token\": \"", "device_code\":\"", "device_code\": \"", "stackTrace\":\""];

/// The same of fields whose words are repeated, where a server may bring back what it was sent.
const WORDS: [&str; 6] =
    ["error\":\"", "description\":\"", "message\":\"", "Code\":\"", "suberror\":\"", "correlation_id\":\""];

/// An input with a canary at the start of each of its secrets.
struct Planted {
    text: Vec<u8>,
    canary: String,
}

impl Planted {
    /// `text`, unless it is none. Its hash makes the canary: the fuzzer would soon have learnt one
    /// that is always the same, and put it elsewhere.
    fn new(text: &[u8]) -> Option<Self> {
        Self::at(&SECRETS, text)
    }

    /// `text` with the canary at the start of words that are repeated.
    fn in_words(text: &[u8]) -> Option<Self> {
        Self::at(&WORDS, text)
    }

    fn at(names: &[&str], text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        let canary = format!("canary-{:016x}", hasher.finish());
        let plant = |text: String, name: &&str| text.replace(name, &format!("{name}{canary}"));
        Some(Self { text: names.iter().fold(text.to_owned(), plant).into_bytes(), canary })
    }

    /// Checks that no secret is in what is shown.
    fn assert_hidden(&self, shown: &impl Debug) {
        let shown = format!("{shown:?}");
        assert!(!shown.contains(&self.canary), "shows a secret: {shown}");
    }
}

/// Checks an error as people and callers see it.
fn assert_discreet(error: &Error) {
    let words = [Some(error.message()), error.hint(), error.tenant()];
    words.into_iter().flatten().for_each(assert_printable);
    let document = native::error(error);
    let text = std::str::from_utf8(document.expose()).expect("UTF-8");
    assert_eq!(text.find('\n'), Some(text.len() - 1), "one line: {text}");
    let document: Value = serde_json::from_str(text).expect("JSON");
    assert_eq!(document["error"]["message"], error.message());
}

/// Checks that a terminal takes `words` as one line of text.
fn assert_printable(words: &str) {
    assert!(!words.chars().any(char::is_control), "control characters: {words:?}");
}

/// Checks words of a server: on one line, and not a page of them.
fn assert_short(words: &str) {
    assert_printable(words);
    assert!(words.chars().count() < 400, "too long to be shown: {words}");
}

/// Checks that a token or a person may be sent to `url`, without the code that decides it.
fn assert_safe(url: &str) {
    let (scheme, rest) = url.split_once("://").expect("a URL");
    let host = rest.split('/').next().unwrap_or_default();
    let name = host.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()).map_or(host, |(name, _)| name);
    let is_loopback = name == "localhost" || name == "[::1]" || name.parse().is_ok_and(|ip: Ipv4Addr| ip.is_loopback());
    assert!(scheme == "https" || scheme == "http" && is_loopback, "not safe: {url}");
    assert!(!host.is_empty() && !host.contains('@'), "hides its host: {url}");
    assert_printable(url);
}

/// Checks that `token` can stand in a header.
fn assert_one_word(token: &Secret<String>) {
    let token = token.expose();
    assert!(!token.is_empty() && token.bytes().all(|byte| (0x21..=0x7e).contains(&byte)), "not one word: {token:?}");
}

/// Checks a life in seconds: more than none, a leap year at most.
fn assert_life(life: Duration) {
    assert!(!life.is_zero() && life <= Duration::from_secs(366 * 86_400), "{life:?}");
}

/// An answer, written as `STATUS RETRY-AFTER BODY`; both numbers may be anything else as well.
fn reply(text: &[u8]) -> Reply {
    let mut parts = text.splitn(3, |byte| *byte == b' ');
    let mut number = || std::str::from_utf8(parts.next()?).ok()?.parse::<u16>().ok();
    let (status, delay) = (number().unwrap_or(400), number());
    // The client lets nothing longer through.
    let retry_after = delay.map(|delay| Duration::from_secs(u64::from(delay).min(3600)));
    Reply { status, retry_after, date: None, body: Secret::new(parts.next().unwrap_or_default().to_vec()) }
}

/// What a body says to any other reader of JSON, nothing if it is none. `None` where only a reader
/// that passes over fields can read it: text there that is no Unicode, or a number out of range.
fn said(body: &Secret<Vec<u8>>) -> Option<Value> {
    match serde_json::from_slice(body.expose()) {
        Ok(said) => Some(said),
        Err(_) => serde_json::from_slice::<IgnoredAny>(body.expose()).is_err().then_some(Value::Null),
    }
}

/// Checks what a person is shown of a device code, and how long it may keep the program.
fn assert_showable(code: &DeviceCode) {
    assert_short(&code.user_code);
    assert_safe(&code.verification_uri);
    assert!(!code.user_code.is_empty() && !code.device_code.expose().is_empty());
    assert!(code.life.as_secs() <= 3600 && (1..=60).contains(&code.interval.as_secs()), "{code:?}");
}

/// One tenant's settings.
fn settings() -> &'static Settings {
    static SETTINGS: LazyLock<Settings> = LazyLock::new(|| Settings {
        tenant: "abc.onmicrosoft.com".parse().expect("a tenant"),
        servers: vec!["https://vb365.abc.local:4443".parse().expect("an origin")],
        organization: "Abc.onmicrosoft.com".into(),
        api_version: None,
        client_id: "an-app".into(),
        scopes: Default::default(),
        authority: "https://login.microsoftonline.com".parse().expect("an origin"),
        trust: Default::default(),
        prompt: None,
        min_ttl: Duration::from_secs(300),
    });
    &SETTINGS
}
