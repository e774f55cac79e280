//! The sandbox is as strict as what it plays: what it lets through, the real systems would too.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

#[path = "../examples/sandbox/server/mod.rs"]
mod server;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use server::{Fault, Options, Sandbox};

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
const ORGANIZATION: &str = "Abc.onmicrosoft.com";

fn sandbox(change: impl FnOnce(&mut Options)) -> Sandbox {
    let mut options = Options::default();
    change(&mut options);
    Sandbox::start(options).unwrap()
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).build().into()
}

fn post(url: &str, form: &[(&str, &str)]) -> (u16, Value) {
    let mut response = agent().post(url).send_form(form.iter().copied()).unwrap();
    let text = response.body_mut().read_to_string().unwrap();
    (response.status().as_u16(), serde_json::from_str(&text).unwrap_or(Value::Null))
}

fn get(url: &str) -> (u16, String) {
    let mut response = agent().get(url).call().unwrap();
    (response.status().as_u16(), response.body_mut().read_to_string().unwrap())
}

fn status_with(url: &str, token: &Value) -> u16 {
    let bearer = format!("Bearer {}", token.as_str().unwrap());
    agent().get(url).header("authorization", bearer).call().unwrap().status().as_u16()
}

fn exchange(sandbox: &Sandbox, version: u8, organization: &str, antiforgery: Option<&str>) -> (u16, Value) {
    let assertion = sandbox.token_response();
    let mut form = vec![("grant_type", JWT_BEARER), ("client_id", organization), ("assertion", &assertion)];
    form.extend(antiforgery.map(|value| ("disable_antiforgery_token", value)));
    post(&format!("{}/v{version}/Token", sandbox.url()), &form)
}

/// A device code, and a poll with it.
struct SignIn {
    code: Value,
    url: String,
}

impl SignIn {
    fn start(sandbox: &Sandbox) -> Self {
        Self::start_as(sandbox, "c")
    }

    fn start_as(sandbox: &Sandbox, client_id: &str) -> Self {
        let base = format!("{}/abc.onmicrosoft.com/oauth2/v2.0", sandbox.authority());
        let form = [("client_id", client_id), ("scope", "a offline_access")];
        let (status, code) = post(&format!("{base}/devicecode"), &form);
        assert_eq!(status, 200);
        Self { code, url: format!("{base}/token") }
    }

    fn field(&self, name: &str) -> &str {
        self.code[name].as_str().unwrap()
    }

    fn poll(&self) -> Value {
        let form = [("grant_type", DEVICE_CODE), ("client_id", "c"), ("device_code", self.field("device_code"))];
        post(&self.url, &form).1
    }
}

#[test]
fn each_version_takes_what_its_documents_say_and_nothing_else() {
    let sandbox = sandbox(|_| {});
    for version in 4..=8 {
        let (right, wrong) = if version < 7 { (None, Some("true")) } else { (Some("true"), None) };
        assert_eq!(exchange(&sandbox, version, ORGANIZATION, right).0, 200, "v{version}");
        assert_eq!(exchange(&sandbox, version, ORGANIZATION, wrong).0, 400, "v{version}");
        assert_eq!(exchange(&sandbox, version, "abc.onmicrosoft.com", right).0, 401, "v{version}");
    }
    assert_eq!(sandbox.complaints().len(), 10);
}

#[test]
fn each_version_words_an_error_in_its_own_form() {
    let sandbox = sandbox(|_| {});
    let keys = |version| {
        let (_, error) = post(&format!("{}/v{version}/token", sandbox.url()), &[("grant_type", "password")]);
        error.as_object().unwrap().keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(keys(4), ["error", "error_description"]);
    assert_eq!(keys(6), ["message"]);
    assert_eq!(keys(7), ["message", "errorCode"]);
    assert_eq!(keys(8), ["message", "errorCode", "stackTrace"]);
}

#[test]
fn grants_media_types_and_fields_are_exact() {
    let sandbox = sandbox(|_| {});
    let url = format!("{}/v6/token", sandbox.url());
    let assertion = sandbox.token_response();
    let right = [("grant_type", JWT_BEARER), ("client_id", ORGANIZATION), ("assertion", assertion.as_str())];
    let with = |field| [&right[..], &[field]].concat();
    assert_eq!(post(&url, &[&[("grant_type", "jwt-bearer")], &right[1..]].concat()).0, 400);
    assert_eq!(post(&url, &right[1..]).0, 400);
    assert_eq!(post(&url, &with(("extra", "1"))).0, 400);
    assert_eq!(post(&url, &with(right[1])).0, 400);
    let response = agent().post(&url).header("content-type", "application/json").send("{}").unwrap();
    assert_eq!(response.status(), 400);
    assert_eq!(
        sandbox.complaints(),
        [
            "POST /v6/token: the grant type is jwt-bearer, which this server does not know",
            "POST /v6/token: field grant_type is missing",
            "POST /v6/token: field extra is not known here",
            "POST /v6/token: field client_id is there twice",
            "POST /v6/token: the media type is application/json, not application/x-www-form-urlencoded",
        ]
    );
}

#[test]
fn a_refresh_token_of_the_server_is_good_once() {
    let sandbox = sandbox(|_| {});
    let (_, tokens) = exchange(&sandbox, 6, ORGANIZATION, None);
    let form = [("grant_type", "refresh_token"), ("refresh_token", tokens["refresh_token"].as_str().unwrap())];
    let url = format!("{}/v6/token", sandbox.url());
    let (status, renewed) = post(&url, &form);
    assert_eq!(status, 200);
    assert_ne!(renewed["refresh_token"], tokens["refresh_token"]);
    assert_eq!(post(&url, &form).0, 401);
    assert_eq!(sandbox.complaints(), ["POST /v6/token: the refresh token was spent before"]);
}

#[test]
fn microsofts_refresh_token_outlives_its_use_and_dies_by_revocation() {
    let sandbox = sandbox(|options| options.interval = 0);
    let sign_in = SignIn::start(&sandbox);
    sandbox.approve();
    let tokens = sign_in.poll();
    let refresh = |client_id| {
        let token = tokens["refresh_token"].as_str().unwrap();
        let fields = [("client_id", client_id), ("refresh_token", token), ("scope", "a offline_access")];
        post(&sign_in.url, &[&[("grant_type", "refresh_token")], &fields[..]].concat())
    };
    assert_eq!([refresh("c").0, refresh("c").0], [200, 200]);
    assert_eq!(refresh("another").1["error_codes"], json!([70000]));
    sandbox.revoke_entra_refresh();
    let (status, error) = refresh("c");
    assert_eq!((status, &error["error"], &error["error_codes"]), (400, &json!("invalid_grant"), &json!([50173])));
}

#[test]
fn a_version_that_is_not_served_is_not_found() {
    let sandbox = sandbox(|options| options.versions = vec![4, 7]);
    let status = |version| get(&format!("{}/v{version}/ServiceInstance", sandbox.url())).0;
    assert_eq!([status(4), status(7), status(8)], [401, 401, 404]);
    assert_eq!(sandbox.requests("service_instance"), 3);
}

#[test]
fn a_token_opens_resources_until_it_is_logged_out_or_expired() {
    let sandbox = sandbox(|_| {});
    let url = |path| format!("{}/v8/{path}", sandbox.url());
    let token = || exchange(&sandbox, 8, ORGANIZATION, Some("true")).1["access_token"].clone();
    let (first, second) = (token(), token());
    assert_eq!([status_with(&url("ServiceInstance"), &first), status_with(&url("Organization"), &first)], [200, 200]);
    let bearer = format!("Bearer {}", first.as_str().unwrap());
    let logout = agent().post(url("token/logout")).header("authorization", bearer).send_empty().unwrap();
    assert_eq!(logout.status(), 204);
    assert_eq!([status_with(&url("Organization"), &first), status_with(&url("Organization"), &second)], [401, 200]);
    sandbox.expire_veeam_access();
    assert_eq!(status_with(&url("Organization"), &second), 401);
    assert_eq!(sandbox.complaints(), [""; 0], "a token that ends is nobody's mistake");
}

#[test]
fn tokens_end_with_their_lives() {
    let sandbox = sandbox(|options| (options.entra_life, options.veeam_life) = (0, 3600));
    assert_eq!(exchange(&sandbox, 6, ORGANIZATION, None).0, 401);

    let sandbox = self::sandbox(|options| options.veeam_life = 0);
    let (status, tokens) = exchange(&sandbox, 6, ORGANIZATION, None);
    assert_eq!((status, &tokens["expires_in"]), (200, &json!(0)));
    let url = format!("{}/v6/Organization", sandbox.url());
    assert_eq!(status_with(&url, &tokens["access_token"]), 401);
}

#[test]
fn a_poll_before_its_time_slows_down_for_good() {
    let sandbox = sandbox(|options| options.interval = 1);
    let sign_in = SignIn::start(&sandbox);
    assert_eq!(sign_in.poll()["error"], "authorization_pending");
    assert_eq!(sign_in.poll()["error"], "slow_down");
    // More than the first interval, and much less than the five seconds that came on top of it.
    thread::sleep(Duration::from_millis(1200));
    assert_eq!(sign_in.poll()["error"], "slow_down");
    assert_eq!(sandbox.complaints().len(), 2);
}

#[test]
fn a_device_code_is_for_its_application_alone_and_needs_offline_access() {
    let sandbox = sandbox(|options| options.interval = 0);
    let sign_in = SignIn::start(&sandbox);
    sandbox.approve();
    let form = [("grant_type", DEVICE_CODE), ("client_id", "d"), ("device_code", sign_in.field("device_code"))];
    assert_eq!(post(&sign_in.url, &form).1["error"], "bad_verification_code");
    assert_eq!(sign_in.poll()["token_type"], "Bearer");
    let devicecode = sign_in.url.replace("/token", "/devicecode");
    assert_eq!(post(&devicecode, &[("client_id", "c"), ("scope", "a")]).0, 400);
}

#[test]
fn the_page_shows_who_asks_and_only_its_buttons_decide() {
    let sandbox = sandbox(|options| options.interval = 0);
    let sign_in = SignIn::start(&sandbox);
    let (page, code) = (sign_in.field("verification_uri"), sign_in.field("user_code"));
    assert!(get(page).1.contains("Enter the code"));
    let (status, wrong) = get(&format!("{page}?code=WRONG"));
    assert!(status == 404 && wrong.contains("This code is not known"), "{wrong}");
    let grouped = format!("{page}?code={}-{}", &code[..4], code[4..].to_lowercase());
    let question = get(&grouped).1;
    assert!(question.contains("admin@abc.onmicrosoft.com") && question.contains("Approve"), "{question}");
    let strange = SignIn::start_as(&sandbox, "<i>\"&");
    let question = get(&format!("{page}?code={}", strange.field("user_code"))).1;
    assert!(question.contains("<dd>&lt;i&gt;&quot;&amp;</dd>"), "{question}");
    assert_eq!(get(&format!("{page}?code={code}&decision=approve")).0, 405, "a link must not sign in");
    assert_eq!(sign_in.poll()["error"], "authorization_pending");

    post(page, &[("code", code), ("decision", "approve")]);
    assert!(get(&grouped).1.contains("used already"));
    assert_eq!(sign_in.poll()["token_type"], "Bearer");
    assert_eq!(sign_in.poll()["error"], "bad_verification_code");
}

#[test]
fn a_code_ends_declined_or_expired() {
    let sandbox = sandbox(|options| options.interval = 0);
    let sign_in = SignIn::start(&sandbox);
    assert!(sandbox.decline() && !sandbox.decline());
    assert_eq!(sign_in.poll()["error"], "authorization_declined");

    let short = self::sandbox(|options| options.code_life = 0);
    let sign_in = SignIn::start(&short);
    assert!(!short.approve(), "an expired code is not open");
    let (page, code) = (sign_in.field("verification_uri"), sign_in.field("user_code"));
    assert!(get(&format!("{page}?code={code}")).1.contains("has expired"));
    assert_eq!(sign_in.poll()["error"], "expired_token");
}

#[test]
fn a_decision_about_one_code_leaves_the_others_open() {
    let sandbox = sandbox(|options| options.interval = 0);
    let (older, newer) = (SignIn::start(&sandbox), SignIn::start(&sandbox));
    let approve = |body: &str| {
        let url = format!("{}/sandbox/approve", sandbox.authority());
        agent().post(url).send(body).unwrap().status().as_u16()
    };
    assert_eq!([approve("{\"user_code\":\"UNKNOWN\"}"), approve("{}")], [404, 400]);
    assert_eq!(newer.poll()["error"], "authorization_pending");
    assert_eq!(approve(&json!({ "user_code": older.field("user_code") }).to_string()), 200);
    assert_eq!(older.poll()["token_type"], "Bearer");
    assert_eq!(newer.poll()["error"], "authorization_pending");
    assert_eq!([approve(""), approve("")], [200, 404]);
}

#[test]
fn a_fault_takes_one_request_and_those_behind_it_wait() {
    let sandbox = sandbox(|_| {});
    let url = format!("{}/v8/ServiceInstance", sandbox.url());
    sandbox.fault("service_instance", Fault::Drop);
    sandbox.fault("service_instance", Fault::Delay(Duration::from_millis(1)));
    let order = json!({ "endpoint": "service_instance", "status": 503, "headers": { "Retry-After": 7 } }).to_string();
    let faults = format!("{}/sandbox/faults", sandbox.url());
    assert_eq!(agent().post(&faults).send(order).unwrap().status(), 200);
    assert_eq!(agent().post(&faults).send("{\"endpoint\":\"no_such\",\"drop\":true}").unwrap().status(), 400);

    assert!(agent().get(&url).call().is_err());
    assert_eq!(get(&url).0, 401);
    let response = agent().get(&url).call().unwrap();
    assert_eq!((response.status().as_u16(), response.headers()["retry-after"].to_str().unwrap()), (503, "7"));
    assert_eq!(get(&url).0, 401);

    let order = "{\"endpoint\":\"service_instance\",\"times\":2,\"status\":502,\"body\":\"<html>\"}";
    agent().post(&faults).send(order).unwrap();
    assert_eq!([get(&url).0, get(&url).0, get(&url).0], [502, 502, 401]);
}

#[test]
fn no_token_reaches_the_log_the_complaints_or_the_state() {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let log = lines.clone();
    let sandbox =
        sandbox(|options| options.log = Some(Box::new(move |line| log.lock().unwrap().push(line.to_owned()))));
    let (_, tokens) = exchange(&sandbox, 6, ORGANIZATION, None);
    let secret = tokens["refresh_token"].as_str().unwrap();
    let url = format!("{}/v6/token", sandbox.url());
    post(&url, &[("grant_type", secret)]);
    post(&url, &[("grant_type", "refresh_token"), ("refresh_token", secret), (secret, "")]);
    post(&format!("{url}?token={secret}"), &[(secret, "1"), (secret, "2")]);
    let entra = format!("{}/abc.onmicrosoft.com/oauth2/v2.0/token", sandbox.authority());
    post(&entra, &[("grant_type", secret)]);
    assert_eq!(sandbox.complaints().len(), 4);
    let state = get(&format!("{}/sandbox/state", sandbox.url())).1;
    let seen = lines.lock().unwrap().join("\n") + &state;
    assert!(seen.contains("something else") && !seen.contains(secret), "{seen}");
}

#[test]
fn what_is_no_request_is_answered_with_400() {
    let sandbox = sandbox(|_| {});
    for wrong in [
        "nonsense\r\n\r\n",
        "POST /v8/token HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET ?path HTTP/1.1\r\n\r\n",
        "GET \u{e9}/oauth2/v2.0/token HTTP/1.1\r\n\r\n",
        "GET /\u{9b}31m HTTP/1.1\r\n\r\n",
    ] {
        let mut stream = TcpStream::connect(sandbox.url().trim_start_matches("http://")).unwrap();
        stream.write_all(wrong.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    }
    assert_eq!(sandbox.complaints().len(), 5);
}

#[test]
fn a_sandbox_that_is_dropped_answers_nobody() {
    let sandbox = sandbox(|_| {});
    let url = format!("{}/v8/ServiceInstance", sandbox.url());
    let kept = agent();
    kept.get(&url).call().unwrap().body_mut().read_to_string().unwrap();
    drop(sandbox);
    assert!(kept.get(&url).call().is_err());
}
