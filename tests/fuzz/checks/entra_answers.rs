//! Answers of the identity platform: only a body that says so makes a refresh token dead, and
//! nothing that was not checked becomes a token or is shown.

use serde_json::{Value, json};
use vb365_helper::entra::device::DeviceCode;
use vb365_helper::entra::tokens::{self, EntraTokens};
use vb365_helper::entra::verdict::{self, Class, Verdict};
use vb365_helper::error::Kind;
use vb365_helper::secret::Secret;

use super::{Planted, assert_discreet, assert_life, assert_one_word, assert_short, assert_showable};
use super::{reply, said, settings};

/// What makes a refresh token dead, and what speaks against it, as Microsoft documents it.
const DEAD_ERRORS: [&str; 4] = ["invalid_grant", "interaction_required", "consent_required", "login_required"];
const DEAD_CODES: [u64; 8] = [50173, 70008, 700_082, 700_084, 70043, 50089, 50132, 50133];
const PASSING_ERRORS: [&str; 3] = ["temporarily_unavailable", "server_error", "request_timeout"];
const PASSING_CODES: [u64; 4] = [50196, 90033, 90055, 40010];

/// `text` is one answer.
pub fn check(text: &[u8]) {
    if let Some(planted) = Planted::new(text) {
        let judged = verdict::judge(reply(&planted.text), "");
        planted.assert_hidden(&judged.map(|body| (EntraTokens::read(&body), DeviceCode::read(&body))));
    }
    if let Some(echo) = Planted::in_words(text) {
        echo.assert_hidden(&verdict::judge(reply(&echo.text), &echo.canary));
    }
    match verdict::judge(reply(text), "") {
        Ok(body) => succeeded(&body),
        Err(verdict) => failed(text, verdict),
    }
}

fn succeeded(body: &Secret<Vec<u8>>) {
    let Some(said) = said(body) else { return };
    assert!(said.is_object() && said.get("error").is_none_or(Value::is_null), "no success");
    if let Ok(tokens) = EntraTokens::read(body) {
        let (text, old) = (tokens.text().clone(), "the-old-one".into());
        assert_eq!(said.to_string(), *text.expose(), "not the whole response");
        assert_life(tokens.lifetime());
        assert_one_word(&tokens::access_token(&text).expect("the access token"));
        let renews = tokens::refresh_token(&text);
        let renewed = tokens.or_refresh_token(&old);
        assert_eq!(tokens::refresh_token(renewed.text()).map(|_| ()), Some(()));
        assert_eq!(tokens::refresh_token(renewed.text()), renews.clone().or(Some(old)));
        let rest = tokens::without_access_token(&text);
        assert_eq!((tokens::access_token(&rest), tokens::refresh_token(&rest)), (None, renews));
    }
    if let Ok(code) = DeviceCode::read(body) {
        assert_showable(&code);
    }
}

fn failed(text: &[u8], verdict: Verdict) {
    let reply = reply(text);
    let Some(said) = said(&reply.body) else { return };
    let error = said.get("error").and_then(Value::as_str);
    let codes = said.get("error_codes").and_then(Value::as_array).cloned().unwrap_or_default();
    let codes: Vec<u64> =
        codes.iter().filter_map(|code| code.as_u64().or_else(|| code.as_str()?.parse().ok())).collect();
    let any = |listed: &[u64]| codes.iter().any(|code| listed.contains(code));

    let passes = [408, 429].contains(&reply.status)
        || reply.status >= 500
        || reply.retry_after.is_some()
        || error.is_none_or(|error| PASSING_ERRORS.contains(&error))
        || any(&PASSING_CODES);
    let may_be_dead = error.is_some_and(|error| DEAD_ERRORS.contains(&error)) || any(&DEAD_CODES);
    // With nothing beside it that could be odd, such as a second `error`.
    let is_plain = said == json!({ "error": error }) && said.to_string().as_bytes() == reply.body.expose();
    match verdict.class {
        Class::Dead => assert!(may_be_dead && !passes, "not dead"),
        Class::Refused => assert!(!passes, "passes"),
        Class::Unavailable => assert!(passes || !is_plain, "does not pass"),
        Class::Untrusted => unreachable!("a certificate is no answer"),
    }
    assert_eq!((verdict.retry_after, verdict.cause.http_status), (reply.retry_after, Some(reply.status)));

    let cause = &verdict.cause;
    let words = [&cause.error, &cause.suberror, &cause.correlation_id].into_iter().flatten();
    words.chain([&verdict.message]).for_each(|words| assert_short(words));
    let is_dead = verdict.class == Class::Dead;
    let error = verdict.clone().into_error(settings());
    assert_eq!(error.kind() == Kind::LoginRequired, is_dead);
    assert_discreet(&error);
    let error = verdict.into_sign_in_error(settings());
    assert_ne!(error.kind(), Kind::LoginRequired);
    assert_discreet(&error);
}
