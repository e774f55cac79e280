//! The VB365 server: tokens, `ServiceInstance`, logout and one resource that wants a token, each as
//! the documents of its API version have it.

use std::time::{Duration, Instant};

use chrono::{SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};

use super::Shared;
use super::form::Form;
use super::http::{Request, Response};

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
    fn token(status: u16, words: &str) -> Self {
        Self { status, words: words.to_owned(), is_complaint: false }
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
    answered.unwrap_or_else(|refusal| {
        if refusal.is_complaint {
            shared.state().complaints.push(format!("{}: {}", request.line(), refusal.words));
        }
        shared.log(&format!("  refused: {}", refusal.words));
        error_document(version, &refusal)
    })
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
            // Taken out: it is good once.
            if !shared.state().veeam_refresh.remove(form.required("refresh_token")?) {
                return Err(Refusal::token(401, "The refresh token is spent, or never was one."));
            }
        }
        other => return Err(format!("grant_type {other} is none of this server").into()),
    }
    Ok(Response::json(200, &tokens(shared)))
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
        _ => Err(Refusal::token(401, INCORRECT)),
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
        _ => Err(Refusal::token(401, "Authorization has been denied for this request.")),
    }
}

/// Each version has a form of its own.
fn error_document(version: u8, refusal: &Refusal) -> Response {
    let words = &refusal.words;
    let document = match version {
        ..=5 => json!({ "error": "invalid_grant", "error_description": words }),
        6 => json!({ "message": words }),
        7 => json!({ "message": words, "errorCode": "InvalidCredentials" }),
        _ => json!({ "message": words, "errorCode": "InvalidCredentials", "stackTrace": "at Veeam.Sandbox.Token()" }),
    };
    Response::json(refusal.status, &document)
}
