//! The identity platform's endpoints for device codes and tokens (RFC 8628, RFC 6749), with the
//! errors that Microsoft sends.

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::Utc;
use serde_json::{Value, json};

use super::Shared;
use super::form::{Form, word};
use super::http::{Reason, Request, Response};
use super::state::{self, Code, State};

/// Azure CLI's application, the one whose sign-in VB365 servers know.
pub(super) const AZURE_CLI: &str = "04b07795-8ddb-461a-bbee-02f9e1bf7b46";
const CONFIGURATION: &str = ".well-known/openid-configuration";
const DEVICE_CODE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// A poll may come this much before its time.
const TOLERANCE: Duration = Duration::from_millis(100);
/// By how much a poll before its time lengthens the interval (RFC 8628 section 3.5).
const SLOW_DOWN: Duration = Duration::from_secs(5);
/// The directory id and the user's id in the tokens' claims.
const TENANT_ID: &str = "6babcaad-604b-40ac-a9d7-9fd97c0b779f";
const USER_ID: &str = "2f8a3a3a-3d3c-4f5e-9d53-6e2d1f8a9b10";

/// An error as the platform sends it.
struct Refusal {
    error: &'static str,
    /// The number after `AADSTS`.
    code: u32,
    words: String,
    is_complaint: bool,
}

type Result<T, E = Refusal> = std::result::Result<T, E>;

impl Refusal {
    /// The request itself is wrong.
    fn wrong(error: &'static str, code: u32, words: impl Into<String>) -> Self {
        Self { error, code, words: words.into(), is_complaint: true }
    }

    /// The request is right and the answer is no.
    fn no(error: &'static str, code: u32, words: &str) -> Self {
        Self { error, code, words: words.to_owned(), is_complaint: false }
    }
}

impl From<String> for Refusal {
    fn from(words: String) -> Self {
        Self::wrong("invalid_request", 900_144, words)
    }
}

pub(super) fn answer(request: &Request, shared: &Shared) -> Response {
    dispatch(request, shared).map_or_else(Refusal::response, |document| Response::json(200, &document))
}

fn dispatch(request: &Request, shared: &Shared) -> Result<Value> {
    let endpoint = request.path[1..].split_once("/oauth2/v2.0/");
    let (tenant, endpoint) = endpoint.or_else(|| request.path[1..].split_once("/v2.0/")).unwrap_or_default();
    if (request.method.as_str(), endpoint) == ("GET", CONFIGURATION) {
        return configuration(tenant, shared);
    }
    if request.method != "POST" {
        return Err(Refusal::wrong("invalid_request", 900_561, format!("{} instead of POST", request.method)));
    }
    if !is_known(tenant, shared) {
        return Err(Refusal::wrong("invalid_request", 90002, format!("no tenant is called {tenant}")));
    }
    let form = Form::read(request)?;
    match (endpoint, form.get("grant_type")) {
        ("devicecode", _) => device_code(&form, shared),
        ("token", Some(DEVICE_CODE_GRANT)) => poll(&form, shared),
        ("token", Some("refresh_token")) => refresh(&form, shared),
        ("token", Some(grant)) => {
            let words = format!("the grant type is {}, which is not supported", word(grant));
            Err(Refusal::wrong("unsupported_grant_type", 70003, words))
        }
        ("token", None) => Err("field grant_type is missing".to_owned().into()),
        _ => Err("there is no such endpoint".to_owned().into()),
    }
}

fn is_known(tenant: &str, shared: &Shared) -> bool {
    let own = &shared.options.tenant;
    let is_subdomain = tenant.strip_suffix(own.as_str()).is_some_and(|rest| rest.ends_with('.'));
    tenant.eq_ignore_ascii_case(own) || is_subdomain || tenant == TENANT_ID
}

/// OpenID Connect Discovery 1.0 section 4; whoever asks for a tenant that is not there has done nothing wrong.
fn configuration(tenant: &str, shared: &Shared) -> Result<Value> {
    if !is_known(tenant, shared) {
        return Err(Refusal::no("invalid_tenant", 90002, "the tenant was not found"));
    }
    Ok(json!({ "issuer": format!("https://login.microsoftonline.com/{TENANT_ID}/v2.0") }))
}

/// RFC 8628 sections 3.1 and 3.2.
fn device_code(form: &Form, shared: &Shared) -> Result<Value> {
    form.only(&["client_id", "scope", "claims"])?;
    let client_id = form.required("client_id")?;
    check_scope(form)?;
    let options = &shared.options;
    let (device_code, user_code) =
        shared.state().issue_code(client_id, options.code_life, options.interval, options.auto_approve);
    let page = &shared.page;
    Ok(json!({
        "user_code": user_code,
        "device_code": device_code,
        "verification_uri": page,
        "expires_in": options.code_life,
        "interval": options.interval,
        "message": format!("Open {page} in a browser and enter the code {user_code} there to sign in."),
    }))
}

/// RFC 8628 sections 3.4 and 3.5.
fn poll(form: &Form, shared: &Shared) -> Result<Value> {
    form.only(&["grant_type", "client_id", "device_code"])?;
    let (client_id, device_code) = (form.required("client_id")?, form.required("device_code")?);
    let mut state = shared.state();
    let Some(code) = state.codes.get_mut(device_code).filter(|code| code.client_id == client_id) else {
        let words = "the device code was used already, or is none of this application";
        return Err(Refusal::wrong("bad_verification_code", 70018, words));
    };
    verdict(code)?;
    state.codes.remove(device_code);
    Ok(issue(&mut state, client_id, shared))
}

/// Good where tokens are due now.
fn verdict(code: &mut Code) -> Result<()> {
    let now = Instant::now();
    let is_too_soon = code.last_poll.is_some_and(|last| now + TOLERANCE < last + code.interval);
    code.last_poll = Some(now);
    match code.decision {
        _ if now >= code.ends => Err(Refusal::no("expired_token", 70020, "the device code has expired")),
        _ if is_too_soon => {
            code.interval += SLOW_DOWN;
            let words = "the poll came before the interval was over";
            Err(Refusal::wrong("slow_down", 70021, words))
        }
        None => Err(Refusal::no("authorization_pending", 70016, "nobody has approved the code yet")),
        Some(false) => Err(Refusal::no("authorization_declined", 70017, "the person declined")),
        Some(true) => Ok(()),
    }
}

/// RFC 6749 section 6.
fn refresh(form: &Form, shared: &Shared) -> Result<Value> {
    form.only(&["grant_type", "client_id", "refresh_token", "scope"])?;
    let client_id = form.required("client_id")?;
    check_scope(form)?;
    let refresh_token = form.required("refresh_token")?;
    let mut state = shared.state();
    match state.entra_refresh.get(refresh_token).cloned() {
        Some(owner) if owner == client_id => Ok(issue(&mut state, client_id, shared)),
        Some(_) => Err(Refusal::wrong("invalid_grant", 70000, "the refresh token belongs to another application")),
        None if state.refused.insert(refresh_token.to_owned()) => {
            Err(Refusal::no("invalid_grant", 50173, "the grant was revoked, a new sign-in is needed"))
        }
        None => Err(Refusal::wrong("invalid_grant", 50173, "the refresh token was refused before")),
    }
}

fn check_scope(form: &Form) -> Result<()> {
    match form.required("scope")?.split(' ').any(|scope| scope == "offline_access") {
        true => Ok(()),
        false => Err("field scope misses offline_access".to_owned().into()),
    }
}

/// A new token response, as after a sign-in with `client_id`.
pub(super) fn issue(state: &mut State, client_id: &str, shared: &Shared) -> Value {
    let options = &shared.options;
    let claims = json!({
        "aud": "https://graph.microsoft.com",
        "appid": client_id,
        "exp": Utc::now().timestamp() + i64::try_from(options.entra_life).unwrap_or(i64::MAX / 2),
        "oid": USER_ID,
        "tid": TENANT_ID,
        "upn": options.account,
    });
    let header = URL_SAFE_NO_PAD.encode(r#"{"typ":"JWT","alg":"none"}"#);
    let claims = URL_SAFE_NO_PAD.encode(claims.to_string());
    let access_token = format!("{header}.{claims}.{}", state.secret("sandbox"));
    let refresh_token = state.secret("entra-refresh");
    state.entra_access.insert(access_token.clone(), Instant::now() + Duration::from_secs(options.entra_life));
    state.entra_refresh.insert(refresh_token.clone(), client_id.to_owned());
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
        let Self { error, code, words, is_complaint } = self;
        let mut document = json!({
            "error": error,
            "error_description": format!("AADSTS{code}: {words}"),
            "error_codes": [code],
            "timestamp": Utc::now().format("%Y-%m-%d %H:%M:%SZ").to_string(),
            "trace_id": state::uuid(),
            "correlation_id": state::uuid(),
        });
        if error == "invalid_grant" {
            document["suberror"] = json!("bad_token");
        }
        let words = format!("{error}: {words}");
        let reason = if is_complaint { Reason::Complaint(words) } else { Reason::Refusal(words) };
        Response::json(400, &document).because(reason)
    }
}
