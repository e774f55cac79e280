//! The sandbox is as strict as what it plays: what it lets through, the real systems would too.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

#[path = "../examples/sandbox/server/mod.rs"]
mod server;

use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use server::{Options, Sandbox};

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

fn sandbox(change: impl Fn(&mut Options)) -> Sandbox {
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

fn exchange(sandbox: &Sandbox, version: u8, organization: &str, antiforgery: Option<&str>) -> (u16, Value) {
    let assertion = sandbox.token_response();
    let mut form = vec![("grant_type", JWT_BEARER), ("client_id", organization), ("assertion", &assertion)];
    form.extend(antiforgery.map(|value| ("disable_antiforgery_token", value)));
    post(&format!("{}/v{version}/Token", sandbox.url()), &form)
}

#[test]
fn each_version_takes_what_its_documents_say_and_nothing_else() {
    let sandbox = sandbox(|_| {});
    for version in 4..=8 {
        let (right, wrong) = if version < 7 { (None, Some("true")) } else { (Some("true"), None) };
        assert_eq!(exchange(&sandbox, version, "Abc.onmicrosoft.com", right).0, 200, "v{version}");
        assert_eq!(exchange(&sandbox, version, "Abc.onmicrosoft.com", wrong).0, 400, "v{version}");
        assert_eq!(exchange(&sandbox, version, "abc.onmicrosoft.com", right).0, 401, "v{version}");
    }
    assert_eq!(sandbox.complaints().len(), 10);
}

#[test]
fn grants_media_types_and_fields_are_exact() {
    let sandbox = sandbox(|_| {});
    let url = format!("{}/v6/token", sandbox.url());
    let assertion = sandbox.token_response();
    let fields = [("client_id", "Abc.onmicrosoft.com"), ("assertion", assertion.as_str())];
    let with = |field| [&fields[..], &[field]].concat();
    assert_eq!(post(&url, &with(("grant_type", "jwt-bearer"))).0, 400);
    assert_eq!(post(&url, &[&with(("grant_type", JWT_BEARER))[..], &[("extra", "1")]].concat()).0, 400);
    assert_eq!(post(&url, &fields).0, 400);
    let response = agent().post(&url).header("content-type", "application/json").send("{}").unwrap();
    assert_eq!(response.status(), 400);
}

#[test]
fn a_refresh_token_of_the_server_is_good_once() {
    let sandbox = sandbox(|_| {});
    let (_, tokens) = exchange(&sandbox, 6, "Abc.onmicrosoft.com", None);
    let form = [("grant_type", "refresh_token"), ("refresh_token", tokens["refresh_token"].as_str().unwrap())];
    let url = format!("{}/v6/token", sandbox.url());
    let (status, renewed) = post(&url, &form);
    assert_eq!(status, 200);
    assert_ne!(renewed["refresh_token"], tokens["refresh_token"]);
    assert_eq!(post(&url, &form).0, 401);
}

#[test]
fn a_version_that_is_not_served_is_not_found() {
    let sandbox = sandbox(|options| options.versions = vec![4, 7]);
    let status = |version| get(&format!("{}/v{version}/ServiceInstance", sandbox.url())).0;
    assert_eq!([status(4), status(7), status(8)], [401, 401, 404]);
}

#[test]
fn a_poll_before_its_time_slows_down_and_the_page_decides() {
    let sandbox = sandbox(|options| options.interval = 1);
    let base = format!("{}/abc.onmicrosoft.com/oauth2/v2.0", sandbox.authority());
    let (_, code) = post(&format!("{base}/devicecode"), &[("client_id", "c"), ("scope", "a offline_access")]);
    let device_code = code["device_code"].as_str().unwrap();
    let poll = || {
        let form = [("grant_type", DEVICE_CODE), ("client_id", "c"), ("device_code", device_code)];
        post(&format!("{base}/token"), &form)
    };
    assert_eq!(poll().1["error"], "authorization_pending");
    assert_eq!(poll().1["error"], "slow_down");

    let page = code["verification_uri"].as_str().unwrap();
    let user_code = code["user_code"].as_str().unwrap();
    assert!(get(page).1.contains("Enter the code"));
    assert_eq!(get(&format!("{page}?code=WRONG")).0, 404);
    assert!(get(&format!("{page}?code={user_code}")).1.contains("admin@abc.onmicrosoft.com"));
    assert_eq!(get(&format!("{page}?code={user_code}&decision=approve")).0, 405, "a link must not sign in");
    post(page, &[("code", user_code), ("decision", "approve")]);

    // 1 s, and 5 s more since the poll that came too soon.
    thread::sleep(Duration::from_millis(6000));
    let (status, tokens) = poll();
    assert_eq!((status, &tokens["token_type"]), (200, &json!("Bearer")));
    assert_eq!(poll().1["error"], "bad_verification_code");
}
