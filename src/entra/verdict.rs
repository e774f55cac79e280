//! What a failure of the identity platform means, decided here and nowhere else. The order of the
//! checks is the rule: a passing fault must never look like a dead refresh token, because only a
//! dead refresh token may bring a person to a sign-in.

use std::time::Duration;

use serde::Deserialize;

use crate::error::Cause;
use crate::http::{Failure, Reply};
use crate::json;
use crate::secret::Secret;
use crate::text::said;

/// The classes a failure can be of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// It will pass: try again later.
    Unavailable,
    /// The host's certificate is not trusted.
    Untrusted,
    /// A policy or the registration forbids it: an administrator must act.
    Refused,
    /// The refresh token is dead: a person must sign in.
    Dead,
}

/// A failure, judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What it means.
    pub class: Class,
    /// What was said, fit to repeat.
    pub cause: Box<Cause>,
    /// What went wrong, in words.
    pub message: String,
    /// When to try again.
    pub retry_after: Option<Duration>,
    /// What the next sign-in has to satisfy.
    pub claims: Option<String>,
}

/// Statuses that pass (RFC 9110 section 15); every 5xx does as well.
const PASSING_STATUSES: [u16; 2] = [408, 429];
const PASSING_ERRORS: [&str; 3] = ["temporarily_unavailable", "server_error", "request_timeout"];
/// AADSTS numbers of passing faults; 50196 is throttling sent as `invalid_grant`.
const PASSING_CODES: [u32; 12] = [50196, 90033, 90006, 90012, 90024, 90055, 90090, 50033, 50087, 50088, 40010, 50053];
/// Suberrors of `invalid_grant` that a new sign-in would not cure.
const POLICY_SUBERRORS: [&str; 4] =
    ["client_mismatch", "protection_policy_required", "message_only", "device_authentication_failed"];
/// AADSTS numbers of policies and accounts that only an administrator can mend.
const POLICY_CODES: [u32; 22] = [
    53000, 53001, 53002, 53003, 53011, 530_032, 530_034, 530_035, 530_003, 50005, 50097, 50105, 50131, 50020, 50034,
    50057, 500_021, 500_022, 500_212, 500_213, 90094, 90095,
];
const DEAD_ERRORS: [&str; 4] = ["invalid_grant", "interaction_required", "consent_required", "login_required"];
/// AADSTS numbers of dead refresh tokens: they outweigh a policy's or configuration's beside them.
const DEAD_CODES: [u32; 8] = [50173, 70008, 700_082, 700_084, 70043, 50089, 50132, 50133];
/// The longest claims that are kept for the next sign-in, in bytes.
const LONGEST_CLAIMS: usize = 16 * 1024;

#[derive(Default, Deserialize)]
struct Wire {
    error: Option<String>,
    error_description: Option<String>,
    #[serde(default)]
    error_codes: Vec<serde_json::Value>,
    suberror: Option<String>,
    correlation_id: Option<String>,
    claims: Option<String>,
    access_token: Option<serde::de::IgnoredAny>,
    device_code: Option<serde::de::IgnoredAny>,
}

/// The body of a success, or what the failure means.
///
/// `error` is looked for before anything else: the platform has sent error documents with status 200.
/// `sent` is the secret that the request had, which no words of the answer may bring back.
pub fn judge(reply: Reply, sent: &str) -> Result<Secret<Vec<u8>>, Verdict> {
    let wire: Option<Wire> = json::read(reply.body.expose()).ok();
    let is_success = |wire: &Wire| {
        reply.status == 200 && wire.error.is_none() && (wire.access_token.is_some() || wire.device_code.is_some())
    };
    if wire.as_ref().is_some_and(is_success) {
        return Ok(reply.body);
    }
    Err(class_of(reply.status, reply.retry_after, wire, sent))
}

/// What it means that there was no answer at all.
pub fn of_failure(failure: Failure) -> Verdict {
    match failure {
        Failure::Unreachable { message } => Verdict::new(Class::Unavailable, Cause::default(), message),
        Failure::Untrusted { message, .. } => Verdict::new(Class::Untrusted, Cause::default(), message),
    }
}

/// What it means that a success could not be read: `why` names the field.
pub fn of_unreadable(why: &str) -> Verdict {
    let message = format!("the answer is none of the identity platform: {why}");
    Verdict::new(Class::Unavailable, Cause::default(), message)
}

impl Verdict {
    fn new(class: Class, cause: Cause, message: String) -> Self {
        Self { class, cause: Box::new(cause), message, retry_after: None, claims: None }
    }
}

fn class_of(status: u16, retry_after: Option<Duration>, wire: Option<Wire>, sent: &str) -> Verdict {
    let is_answer = wire.as_ref().is_some_and(|wire| wire.error.is_some());
    let wire = wire.unwrap_or_default();
    let codes: Vec<u32> = wire.error_codes.iter().filter_map(code).collect();
    let error = wire.error.as_deref().unwrap_or_default();
    let is = |listed: &[&str]| listed.contains(&error);
    let any = |listed: &[u32]| codes.iter().any(|code| listed.contains(code));
    let is_dead = any(&DEAD_CODES);
    let suberror = wire.suberror.as_deref().unwrap_or_default();

    let passing = PASSING_STATUSES.contains(&status) || status >= 500 || retry_after.is_some() || is(&PASSING_ERRORS);
    let policy = error == "invalid_grant" && POLICY_SUBERRORS.contains(&suberror) || any(&POLICY_CODES) && !is_dead;
    let class = if passing || !is_answer || any(&PASSING_CODES) {
        Class::Unavailable
    } else if policy {
        Class::Refused
    } else if is(&DEAD_ERRORS) || is_dead {
        Class::Dead
    } else {
        Class::Refused
    };
    let said = |words: &str| said(words, sent);
    let message = match &wire.error_description {
        _ if !is_answer => format!("the answer (HTTP {status}) is none of the identity platform"),
        Some(description) => said(description),
        None => said(error),
    };
    Verdict {
        class,
        message,
        retry_after,
        claims: wire.claims.filter(|claims| claims.len() <= LONGEST_CLAIMS),
        cause: Box::new(Cause {
            error: wire.error.as_deref().map(said),
            codes,
            suberror: wire.suberror.as_deref().map(said),
            correlation_id: wire.correlation_id.as_deref().map(said),
            http_status: Some(status),
        }),
    }
}

fn code(value: &serde_json::Value) -> Option<u32> {
    match value {
        serde_json::Value::Number(number) => number.as_u64()?.try_into().ok(),
        serde_json::Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(status: u16, body: &str) -> Verdict {
        let body = Secret::new(body.as_bytes().to_vec());
        judge(Reply { status, retry_after: None, date: None, body }, "s3cret").expect_err("a failure")
    }

    fn class(status: u16, body: &str) -> Class {
        verdict(status, body).class
    }

    #[test]
    fn passing_statuses_and_errors_are_unavailable_whatever_the_body_says() {
        let dead = r#"{"error":"invalid_grant","error_codes":[700082]}"#;
        for status in [408, 429, 500, 502, 503, 504] {
            assert_eq!(class(status, dead), Class::Unavailable, "{status}");
        }
        assert_eq!(class(503, r#"{"error":"temporarily_unavailable","error_codes":[90033]}"#), Class::Unavailable);
        for error in ["temporarily_unavailable", "server_error", "request_timeout"] {
            assert_eq!(class(400, &format!(r#"{{"error":"{error}"}}"#)), Class::Unavailable, "{error}");
        }
        let body = Secret::new(dead.as_bytes().to_vec());
        let retry_after = Some(Duration::from_secs(7));
        let verdict = judge(Reply { status: 400, retry_after, date: None, body }, "").expect_err("a failure");
        assert_eq!((verdict.class, verdict.retry_after), (Class::Unavailable, retry_after));
    }

    #[test]
    fn what_is_no_answer_of_the_platform_is_unavailable() {
        for (status, body) in [
            (200, "<html>sign in to the hotel network</html>"),
            (403, "blocked by the proxy"),
            (407, ""),
            (302, ""),
            (200, "{}"),
            (200, "[1]"),
            (400, r#"["invalid_grant", null, [], null, null, null, null, null]"#),
            (400, r#"{"message":"no"}"#),
            (400, r#"{"error":{"code":1}}"#),
            (400, "\u{feff}"),
        ] {
            assert_eq!(class(status, body), Class::Unavailable, "{status} {body}");
        }
    }

    #[test]
    fn passing_numbers_outweigh_invalid_grant() {
        assert_eq!(class(400, r#"{"error":"invalid_grant","error_codes":[50196]}"#), Class::Unavailable);
        for code in PASSING_CODES {
            let body = format!(r#"{{"error":"invalid_grant","error_codes":[{code},"700082"]}}"#);
            assert_eq!(class(400, &body), Class::Unavailable, "{code}");
        }
    }

    #[test]
    fn policies_are_refused_because_a_sign_in_would_not_help() {
        for suberror in POLICY_SUBERRORS {
            let body = format!(r#"{{"error":"invalid_grant","suberror":"{suberror}"}}"#);
            assert_eq!(class(400, &body), Class::Refused, "{suberror}");
        }
        for code in POLICY_CODES {
            for error in ["invalid_grant", "interaction_required"] {
                let body = format!(r#"{{"error":"{error}","error_codes":[{code}]}}"#);
                assert_eq!(class(400, &body), Class::Refused, "{error} {code}");
            }
        }
    }

    #[test]
    fn dead_refresh_tokens_are_seen_in_every_body_from_the_field() {
        for body in [
            r#"{"error":"invalid_grant","error_codes":[70043],"suberror":"token_expired"}"#,
            r#"{"error":"interaction_required","error_codes":[70043],"suberror":"token_expired"}"#,
            r#"{"error":"invalid_grant","error_codes":[700084],"suberror":"bad_token"}"#,
            r#"{"error":"invalid_grant","error_codes":[70002,70008]}"#,
            r#"{"error":"invalid_client","error_codes":[70002,70008]}"#,
            r#"{"error":"invalid_grant","error_codes":[53003,70008]}"#,
            r#"{"error":"invalid_grant","error_codes":["50173"]}"#,
            r#"{"error":"invalid_grant"}"#,
            r#"{"error":"invalid_grant","suberror":"something_new","error_codes":[424242]}"#,
            r#"{"error":"consent_required"}"#,
            r#"{"error":"login_required"}"#,
        ] {
            assert_eq!(class(400, body), Class::Dead, "{body}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for body in [
            r#"{"error":"invalid_client","error_codes":[7000218]}"#,
            r#"{"error":"unauthorized_client","error_codes":[700016]}"#,
            r#"{"error":"invalid_scope","error_codes":[70011]}"#,
            r#"{"error":"invalid_request","error_codes":[90002]}"#,
            r#"{"error":"never_heard_of"}"#,
        ] {
            assert_eq!(class(400, body), Class::Refused, "{body}");
        }
    }

    #[test]
    fn an_error_document_with_status_200_is_an_error() {
        assert_eq!(class(200, r#"{"error":"invalid_grant","access_token":"a"}"#), Class::Dead);
    }

    #[test]
    fn what_was_sent_is_not_repeated_in_any_field() {
        let verdict = verdict(
            400,
            r#"{"error":"s3cret","error_description":"'s3cret' is bad","suberror":"s3cret","correlation_id":"s3cret"}"#,
        );
        let left_out = || Some("[...]".to_owned());
        let cause = Cause {
            error: left_out(),
            suberror: left_out(),
            correlation_id: left_out(),
            http_status: Some(400),
            ..Cause::default()
        };
        assert_eq!((verdict.message.as_str(), *verdict.cause), ("'[...]' is bad", cause));
    }

    #[test]
    fn what_is_repeated_is_printable_and_claims_are_kept() {
        let verdict = verdict(
            400,
            r#"{"error":"interaction_required","error_description":"AADSTS50076:\r\n\u001b[2Jmfa","error_codes":[50076],
               "suberror":"basic_action","correlation_id":"c-1","claims":"{\"access_token\":{}}"}"#,
        );
        assert_eq!(verdict.message, "AADSTS50076: [2Jmfa");
        assert_eq!(verdict.claims.as_deref(), Some(r#"{"access_token":{}}"#));
        let cause = Cause {
            error: Some("interaction_required".into()),
            codes: vec![50076],
            suberror: Some("basic_action".into()),
            correlation_id: Some("c-1".into()),
            http_status: Some(400),
        };
        assert_eq!(*verdict.cause, cause);
    }
}
