//! Remote control for people at a terminal: approve, break, expire, look. Nothing that it answers
//! is a secret.

use serde_json::{Value, json};

use super::http::{Request, Response};
use super::state::{Entered, State};
use super::{Fault, Shared, faults};

pub(super) fn answer(request: &Request, shared: &Shared) -> Response {
    let mut state = shared.state();
    match (request.method.as_str(), request.path.as_str()) {
        ("POST", "/sandbox/approve") => decide(request, &mut state, true),
        ("POST", "/sandbox/decline") => decide(request, &mut state, false),
        ("POST", "/sandbox/expire") => both(request, &mut state, State::expire_entra, State::expire_veeam),
        ("POST", "/sandbox/revoke") => both(request, &mut state, State::revoke_entra, State::revoke_veeam),
        ("POST", "/sandbox/faults") => match Fault::from_json(&request.body) {
            Some((endpoint, times, fault)) => {
                (0..times).for_each(|_| state.queue(endpoint, fault.clone()));
                done()
            }
            None => refused(400, faults::USAGE),
        },
        ("GET", "/sandbox/state") => {
            let document = json!({
                "requests": state.requests,
                "complaints": state.complaints,
                "open_codes": state.open_codes(),
                "faults_waiting": state.faults_waiting(),
            });
            Response::json(200, &document)
        }
        _ => refused(
            404,
            "POST /sandbox/approve, decline, expire, revoke (?system=entra or veeam), faults; GET /sandbox/state",
        ),
    }
}

/// Does it to the system that the query names, or to both.
fn both(request: &Request, state: &mut State, entra: fn(&mut State), veeam: fn(&mut State)) -> Response {
    match request.query.as_str() {
        "" => {
            entra(state);
            veeam(state);
        }
        "system=entra" => entra(state),
        "system=veeam" => veeam(state),
        _ => return refused(400, "wanted: nothing for both, ?system=entra or ?system=veeam"),
    }
    done()
}

/// Decides about the code that the body names, and without a body about the newest.
fn decide(request: &Request, state: &mut State, approve: bool) -> Response {
    if request.body.is_empty() {
        return if state.decide_newest(approve) { done() } else { refused(404, "no code is open") };
    }
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let Some(code) = body["user_code"].as_str() else {
        return refused(400, "wanted: no body for the newest code, or {\"user_code\":\"...\"}");
    };
    match state.entered(code) {
        Entered::Open(open) => {
            open.decision = Some(approve);
            done()
        }
        _ => refused(404, "no such code is open"),
    }
}

fn done() -> Response {
    Response::json(200, &json!({ "done": true }))
}

fn refused(status: u16, words: &str) -> Response {
    Response::json(status, &json!({ "done": false, "error": words }))
}
