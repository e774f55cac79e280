//! The VB365 server: tokens, `ServiceInstance`, logout and one resource that wants a token, each as
//! the documents of its API version have it.

use std::time::{Duration, Instant};

use chrono::{SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};

use super::Shared;
use super::form::{Form, word};
use super::http::{Reason, Request, Response};

/// RFC 7523 section 2.1.
const JWT_BEARER_GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// All that the server says about a sign-in it does not want.
const INCORRECT: &str = "The provided credentials are incorrect.";

/// A refusal in words, and whether the request itself was wrong rather than its token.
struct Refusal {
    status: u16,
    words: String,
    is_complaint: bool,
}

impl From<String> for Refusal {
    fn from(words: String) -> Self {
        Self { status: 400, words, is_complaint: true }
    }
}

impl Refusal {
    /// The request is right and its token is not.
    fn token(words: &str) -> Self {
        Self { status: 401, words: words.to_owned(), is_complaint: false }
    }
}

pub(super) fn answer(request: &Request, shared: &Shared) -> Response {
    let path = request.path.to_ascii_lowercase();
    let (version, resource) = path[1..].split_once('/').unwrap_or_default();
    let version = version.strip_prefix('v').and_then(|number| number.parse().ok());
    let Some(version) = version.filter(|version| shared.options.versions.contains(version)) else {
        return Response::empty(404);
    };
    let answered = match (request.method.as_str(), resource) {
        ("POST", "token") => token(version, request, shared),
        ("POST", "token/logout") if version >= 7 => logout(version, request, shared),
        ("GET", "serviceinstance") => authorized(request, shared).map(|()| {
            let product = json!({ "installationId": "0c5d3a3e-0000-4000-8000-000000000365", "version": "8.1.0.305" });
            Response::json(200, &product)
        }),
        ("GET", "organization") => authorized(request, shared).map(|()| {
            Response::json(
                200,
                &json!({ "type": "Office365", "name": shared.options.organization, "isBackedup": true }),
            )
        }),
        _ => return Response::empty(404),
    };
    answered.unwrap_or_else(|refusal| error_response(version, refusal))
}

fn token(version: u8, request: &Request, shared: &Shared) -> Result<Response, Refusal> {
    let form = Form::read(request)?;
    check_antiforgery(version, &form)?;
    match form.required("grant_type")? {
        JWT_BEARER_GRANT => {
            form.only(&["grant_type", "client_id", "assertion", "disable_antiforgery_token"])?;
            check_assertion(form.required("client_id")?, form.required("assertion")?, shared)?;
        }
        "refresh_token" => {
            form.only(&["grant_type", "refresh_token", "disable_antiforgery_token"])?;
            spend(form.required("refresh_token")?, shared)?;
        }
        other => return Err(format!("the grant type is {}, which this server does not know", word(other)).into()),
    }
    Ok(Response::json(200, &tokens(shared)))
}

/// Takes a refresh token out of use: it is good once.
fn spend(refresh_token: &str, shared: &Shared) -> Result<(), Refusal> {
    let mut state = shared.state();
    if state.veeam_refresh.remove(refresh_token) {
        state.veeam_spent.insert(refresh_token.to_owned());
        return Ok(());
    }
    let is_spent = state.veeam_spent.contains(refresh_token);
    let is_known = !state.refused.insert(refresh_token.to_owned());
    let words = match (is_spent, is_known) {
        (true, _) => "the refresh token was spent before",
        (_, true) => "the refresh token was refused before",
        _ => "the refresh token is not valid",
    };
    Err(Refusal { status: 401, words: words.to_owned(), is_complaint: is_spent || is_known })
}

/// A field of v7 and later; without it a token is bound to a browser's cookie, which no tool has.
fn check_antiforgery(version: u8, form: &Form) -> Result<(), Refusal> {
    match form.get("disable_antiforgery_token") {
        Some(_) if version < 7 => Err(format!("disable_antiforgery_token is not known in v{version}").into()),
        None if version >= 7 => Err(format!("v{version} without disable_antiforgery_token wants a cookie").into()),
        Some("true") | None => Ok(()),
        Some(_) => Err("disable_antiforgery_token is not true".to_owned().into()),
    }
}

fn check_assertion(client_id: &str, assertion: &str, shared: &Shared) -> Result<(), Refusal> {
    let wrong = |why: &str| Refusal { status: 401, words: format!("{INCORRECT} ({why})"), is_complaint: true };
    let organization = &shared.options.organization;
    if client_id != organization {
        let same = client_id.eq_ignore_ascii_case(organization);
        return Err(wrong(if same {
            "the organization is spelled with other capital letters"
        } else {
            "no such organization"
        }));
    }
    let response: Value = serde_json::from_str(assertion).map_err(|_| wrong("the assertion is not JSON"))?;
    let access_token = response["access_token"].as_str().ok_or_else(|| wrong("the assertion has no access_token"))?;
    if !response["refresh_token"].is_string() {
        return Err(wrong("the assertion has no refresh_token"));
    }
    match shared.state().entra_access.get(access_token) {
        Some(ends) if *ends > Instant::now() => Ok(()),
        // Nothing is wrong with the request: the token has had its time.
        _ => Err(Refusal::token(INCORRECT)),
    }
}

fn tokens(shared: &Shared) -> Value {
    let options = &shared.options;
    let mut state = shared.state();
    let (access_token, refresh_token) = (state.secret("veeam-access"), state.secret("veeam-refresh"));
    state.veeam_access.insert(access_token.clone(), Instant::now() + Duration::from_secs(options.veeam_life));
    state.veeam_refresh.insert(refresh_token.clone());
    let issued = Utc::now();
    let expires = issued + TimeDelta::seconds(i64::try_from(options.veeam_life).unwrap_or_default());
    json!({
        "access_token": access_token,
        "token_type": "bearer",
        "refresh_token": refresh_token,
        "expires_in": options.veeam_life,
        "userName": options.account,
        ".issued": issued.to_rfc3339_opts(SecondsFormat::Secs, true),
        ".expires": expires.to_rfc3339_opts(SecondsFormat::Secs, true),
    })
}

fn logout(version: u8, request: &Request, shared: &Shared) -> Result<Response, Refusal> {
    authorized(request, shared)?;
    shared.state().veeam_access.remove(request.bearer().unwrap_or_default());
    Ok(Response::empty(if version == 7 { 200 } else { 204 }))
}

fn authorized(request: &Request, shared: &Shared) -> Result<(), Refusal> {
    let state = shared.state();
    let ends = request.bearer().and_then(|token| state.veeam_access.get(token));
    match ends {
        Some(ends) if *ends > Instant::now() => Ok(()),
        _ => Err(Refusal::token("Authorization has been denied for this request.")),
    }
}

/// Each version has a form of its own.
fn error_response(version: u8, refusal: Refusal) -> Response {
    let Refusal { status, words, is_complaint } = refusal;
    let (error, code) =
        if status == 400 { ("invalid_request", "BadRequest") } else { ("invalid_grant", "InvalidCredentials") };
    let document = match version {
        ..=5 => json!({ "error": error, "error_description": words }),
        6 => json!({ "message": words }),
        7 => json!({ "message": words, "errorCode": code }),
        _ => json!({ "message": words, "errorCode": code, "stackTrace": "at Sandbox.Token()" }),
    };
    let reason = if is_complaint { Reason::Complaint(words) } else { Reason::Refusal(words) };
    let response = Response::json(status, &document).because(reason);
    if status == 401 { response.with("WWW-Authenticate", "Bearer") } else { response }
}
