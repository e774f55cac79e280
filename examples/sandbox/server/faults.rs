//! What can go wrong on demand: a fault waits at an endpoint for the next request to it, and is then
//! used up. The endpoints' names here are also those under which requests are counted.

use std::time::Duration;

use serde_json::Value;

/// The endpoints that are counted and can go wrong.
pub(super) const ENDPOINTS: [&str; 7] =
    ["device_code", "entra_token", "veeam_token", "service_instance", "organization", "logout", "configuration"];

/// How a fault is written in JSON, for whoever got it wrong.
pub(super) const USAGE: &str = "wanted: {\"endpoint\": one of device_code, entra_token, veeam_token, \
    service_instance, organization, logout, configuration} with \"status\" (and \"headers\", \"body\"), \"drop\": true, \
    \"delay_ms\" or \"late_ms\"; \"times\" for more than one request";

/// How many requests one order can spoil.
const MOST_TIMES: u64 = 1000;

/// Something that goes wrong with the next request to an endpoint.
#[derive(Clone, Debug)]
pub enum Fault {
    /// This is answered, and the request has no effect.
    Answer {
        /// The status.
        status: u16,
        /// Further headers.
        headers: Vec<(String, String)>,
        /// The body as it is.
        body: String,
    },
    /// The connection is closed without an answer, and the request has no effect.
    Drop,
    /// The request is seen to as usual, but this late.
    Delay(Duration),
    /// The request is seen to at once, and answered this late.
    Late(Duration),
}

impl Fault {
    /// Reads from JSON a fault, the endpoint that it is for, and how many requests it takes.
    pub(super) fn from_json(text: &[u8]) -> Option<(&'static str, u64, Self)> {
        let wanted: Value = serde_json::from_slice(text).ok()?;
        let endpoint = ENDPOINTS.into_iter().find(|known| wanted["endpoint"] == *known)?;
        let times =
            wanted.get("times").map_or(Some(1), Value::as_u64).filter(|times| (1..=MOST_TIMES).contains(times))?;
        if wanted["drop"] == true {
            return Some((endpoint, times, Self::Drop));
        }
        if let Some(delay) = wanted["delay_ms"].as_u64() {
            return Some((endpoint, times, Self::Delay(Duration::from_millis(delay))));
        }
        if let Some(delay) = wanted["late_ms"].as_u64() {
            return Some((endpoint, times, Self::Late(Duration::from_millis(delay))));
        }
        let status = wanted["status"].as_u64()?.try_into().ok().filter(|status| (200..600).contains(status))?;
        let headers = wanted["headers"].as_object().into_iter().flatten();
        let headers = headers.map(|(name, value)| (name.clone(), text_of(value))).collect();
        Some((endpoint, times, Self::Answer { status, headers, body: text_of(&wanted["body"]) }))
    }
}

/// A string as it is, nothing as nothing, and any other JSON as its text.
fn text_of(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The endpoint of a path in lower case.
pub(super) fn endpoint_of(path: &str) -> Option<&'static str> {
    match path.rsplit('/').next()? {
        "devicecode" => Some("device_code"),
        "token" if path.contains("/oauth2/") => Some("entra_token"),
        "token" => Some("veeam_token"),
        "serviceinstance" => Some("service_instance"),
        "organization" => Some("organization"),
        "logout" => Some("logout"),
        "openid-configuration" => Some("configuration"),
        _ => None,
    }
}
