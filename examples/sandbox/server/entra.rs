//! The identity platform's endpoints for device codes and tokens (RFC 8628, RFC 6749), with the
//! errors that Microsoft sends.

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::Utc;
use serde_json::{Value, json};

use super::Shared;
use super::form::Form;
use super::http::{Request, Response};

const DEVICE_CODE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// A poll may come this much before its time.
const TOLERANCE: Duration = Duration::from_millis(100);
/// The directory id and the user's id in the tokens' claims.
const TENANT_ID: &str = "6babcaad-604b-40ac-a9d7-9fd97c0b779f";
const USER_ID: &str = "2f8a3a3a-3d3c-4f5e-9d53-6e2d1f8a9b10";

/// An error as the platform sends it.
struct Refusal {
    error: &'static str,
    code: u32,
    words: String,
}

type Result<T, E = Refusal> = std::result::Result<T, E>;

/// The request itself is wrong, which deserves a complaint.
impl From<String> for Refusal {
    fn from(words: String) -> Self {
        Self { error: "invalid_request", code: 900_144, words }
    }
}

pub(super) fn answer(request: &Request, shared: &Shared) -> Response {
    match dispatch(request, shared) {
        Ok(document) => Response::json(200, &document),
        Err(refusal) => {
            if refusal.error == "invalid_request" {
                shared.state().complaints.push(format!("{}: {}", request.line(), refusal.words));
            }
            shared.log(&format!("  {}: {}", refusal.error, refusal.words));
            refusal.response()
        }
    }
}

fn dispatch(request: &Request, shared: &Shared) -> Result<Value> {
    let (tenant, endpoint) = request.path[1..].split_once("/oauth2/v2.0/").unwrap_or_default();
    if request.method != "POST" {
        return Err(format!("{} instead of POST", request.method).into());
    }
    if !tenant.eq_ignore_ascii_case(&shared.options.tenant) && tenant != TENANT_ID {
        let words = format!("Tenant '{tenant}' not found.");
        return Err(Refusal { error: "invalid_request", code: 90002, words });
    }
    let form = Form::read(request)?;
    match (endpoint, form.get("grant_type")) {
        ("devicecode", None) => device_code(&form, shared),
        ("token", Some(DEVICE_CODE_GRANT)) => poll(&form, shared),
        ("token", Some("refresh_token")) => refresh(&form, shared),
        ("token", Some(grant)) => {
            let words = format!("The app requested an unsupported grant type '{grant}'.");
            Err(Refusal { error: "unsupported_grant_type", code: 70003, words })
        }
        _ => Err(format!("no such endpoint, or grant_type is missing at {endpoint}").into()),
    }
}

/// RFC 8628 section 3.1.
fn device_code(form: &Form, shared: &Shared) -> Result<Value> {
    form.only(&["client_id", "scope", "claims"])?;
    let client_id = form.required("client_id")?;
    check_scope(form)?;
    let options = &shared.options;
    let mut state = shared.state();
    let (device_code, user_code) =
        state.issue_code(client_id, options.code_life, options.interval, options.auto_approve);
    let page = state.page.clone();
    Ok(json!({
        "user_code": user_code,
        "device_code": device_code,
        "verification_uri": page,
        "expires_in": options.code_life,
        "interval": options.interval,
        "message": format!("To sign in, use a web browser to open the page {page} and enter the code {user_code} to authenticate."),
    }))
}

/// RFC 8628 sections 3.4 and 3.5.
fn poll(form: &Form, shared: &Shared) -> Result<Value> {
    form.only(&["grant_type", "client_id", "device_code"])?;
    let (client_id, device_code) = (form.required("client_id")?, form.required("device_code")?);
    let mut state = shared.state();
    let refuse = |error, code, words: &str| Err(Refusal { error, code, words: words.to_owned() });
    let Some(code) = state.codes.get_mut(device_code).filter(|code| code.client_id == client_id) else {
        return refuse("bad_verification_code", 70019, "The device code is not known.");
    };
    let now = Instant::now();
    let too_soon = code.last_poll.is_some_and(|last| now + TOLERANCE < last + code.interval);
    code.last_poll = Some(now);
    match code.decision {
        _ if now >= code.ends => refuse("expired_token", 70020, "The device code has expired."),
        _ if too_soon => {
            code.interval += Duration::from_secs(5);
            refuse("slow_down", 70021, "The client polls too often.")
        }
        None => refuse("authorization_pending", 70016, "Pending end-user authorization."),
        Some(false) => refuse("authorization_declined", 70017, "The user declined."),
        Some(true) => {
            state.codes.remove(device_code);
            drop(state);
            Ok(tokens(shared))
        }
    }
}

/// RFC 6749 section 6.
fn refresh(form: &Form, shared: &Shared) -> Result<Value> {
    form.only(&["grant_type", "client_id", "refresh_token", "scope"])?;
    form.required("client_id")?;
    check_scope(form)?;
    if !shared.state().entra_refresh.contains(form.required("refresh_token")?) {
        let words = "The provided grant has expired due to it being revoked, a fresh auth token is needed.".to_owned();
        return Err(Refusal { error: "invalid_grant", code: 50173, words });
    }
    Ok(tokens(shared))
}

fn check_scope(form: &Form) -> Result<()> {
    match form.required("scope")?.split(' ').any(|scope| scope == "offline_access") {
        true => Ok(()),
        false => Err("field scope misses offline_access".to_owned().into()),
    }
}

/// A new token response.
pub(super) fn tokens(shared: &Shared) -> Value {
    let options = &shared.options;
    let mut state = shared.state();
    let life = Duration::from_secs(options.entra_life);
    let claims = json!({
        "aud": "https://graph.microsoft.com",
        "exp": Utc::now().timestamp() + i64::try_from(options.entra_life).unwrap_or(i64::MAX),
        "oid": USER_ID,
        "tid": TENANT_ID,
        "upn": options.account,
    });
    let header = URL_SAFE_NO_PAD.encode(r#"{"typ":"JWT","alg":"none"}"#);
    let signature = state.secret("sandbox");
    let access_token = format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(claims.to_string()));
    let refresh_token = state.secret("entra-refresh");
    state.entra_access.insert(access_token.clone(), Instant::now() + life);
    state.entra_refresh.insert(refresh_token.clone());
    json!({
        "token_type": "Bearer",
        "scope": "Directory.AccessAsUser.All User.ReadWrite.All",
        "expires_in": options.entra_life,
        "ext_expires_in": options.entra_life,
        "access_token": access_token,
        "refresh_token": refresh_token,
    })
}

impl Refusal {
    fn response(self) -> Response {
        let Self { error, code, words } = self;
        let document = json!({
            "error": error,
            "error_description": format!("AADSTS{code}: {words}"),
            "error_codes": [code],
            "timestamp": Utc::now().format("%Y-%m-%d %H:%M:%SZ").to_string(),
            "trace_id": "7a1b6c1e-0000-4000-8000-000000000001",
            "correlation_id": "7a1b6c1e-0000-4000-8000-000000000002",
        });
        Response::json(400, &document)
    }
}
