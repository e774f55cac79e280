//! Remote control for people without the sandbox's source at hand: approve, break, expire, look.

use std::time::Duration;

use serde_json::{Value, json};

use super::http::{Request, Response};
use super::{Fault, Shared};

pub(super) fn answer(request: &Request, shared: &Shared) -> Response {
    let mut state = shared.state();
    match (request.method.as_str(), request.path.as_str()) {
        ("POST", "/sandbox/approve") => done(state.decide_newest(true)),
        ("POST", "/sandbox/decline") => done(state.decide_newest(false)),
        ("POST", "/sandbox/expire") => {
            state.veeam_access.clear();
            state.entra_access.clear();
            done(true)
        }
        ("POST", "/sandbox/revoke") => {
            state.veeam_refresh.clear();
            state.entra_refresh.clear();
            done(true)
        }
        ("POST", "/sandbox/faults") => match fault(&request.body) {
            Some((endpoint, fault)) => {
                state.faults.entry(endpoint).or_default().push_back(fault);
                done(true)
            }
            None => Response::json(
                400,
                &json!({
                    "error": "use {\"endpoint\":\"veeam_token\"} with \"status\" and \"body\", \"drop\":true or \"delay_ms\"",
                }),
            ),
        },
        ("GET", "/sandbox/state") => {
            let open = state.codes.values().filter(|code| code.decision.is_none()).count();
            Response::json(
                200,
                &json!({
                    "requests": state.requests, "complaints": state.complaints, "open_codes": open,
                }),
            )
        }
        _ => Response::empty(404),
    }
}

fn done(done: bool) -> Response {
    Response::json(if done { 200 } else { 404 }, &json!({ "done": done }))
}

/// A fault and the endpoint that it is for.
fn fault(body: &[u8]) -> Option<(String, Fault)> {
    let wanted: Value = serde_json::from_slice(body).ok()?;
    let endpoint = wanted["endpoint"].as_str()?.to_owned();
    let fault = if wanted["drop"] == true {
        Fault::Drop
    } else if let Some(delay) = wanted["delay_ms"].as_u64() {
        Fault::Delay(Duration::from_millis(delay))
    } else {
        let status = wanted["status"].as_u64()?.try_into().ok()?;
        Fault::Answer { status, headers: Vec::new(), body: wanted["body"].as_str().unwrap_or_default().to_owned() }
    };
    Some((endpoint, fault))
}
