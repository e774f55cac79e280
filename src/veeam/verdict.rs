//! What a failure of the VB365 server means. Its error documents differ from version to version and
//! may be missing altogether, so the status decides and the body only adds words.

use serde::Deserialize;

use super::{Failure, Rejection};
use crate::credential::{ApiVersion, Origin, Tenant};
use crate::error::{Cause, Error, Kind};
use crate::http::{self, Reply};
use crate::json;
use crate::text::said;

/// `stackTrace` (v8) is left out on purpose.
#[derive(Default, Deserialize)]
struct Wire {
    error: Option<String>,
    error_description: Option<String>,
    message: Option<String>,
    #[serde(rename = "errorCode")]
    error_code: Option<serde_json::Value>,
}

/// What an answer other than 200 means, to a request that had this secret.
pub fn judge(tenant: &Tenant, server: &Origin, version: ApiVersion, reply: &Reply, sent: &str) -> Failure {
    match reply.status {
        400 | 401 => Failure::Rejected(rejection(reply, sent)),
        404 => {
            let message = format!("{server} does not speak API version {version}");
            // Which ones it does speak is asked there.
            Failure::Other(Error::new(Kind::Config, message).with_hint(format!("vb365-helper doctor {tenant}")))
        }
        _ => Failure::Other(not_an_answer(server, reply)),
    }
}

/// The error for a status that says nothing about the token.
pub(super) fn not_an_answer(server: &Origin, reply: &Reply) -> Error {
    Error::new(Kind::Unavailable, format!("{server} answered HTTP {}", reply.status))
        .with_retry_after(reply.retry_after)
        .with_cause(Cause { http_status: Some(reply.status), ..Cause::default() })
}

/// The error for a success that cannot be read.
pub(super) fn unreadable(server: &Origin, why: &str) -> Error {
    Error::new(Kind::Unavailable, format!("the answer of {server} is no token response: {why}"))
}

/// The error for no answer at all.
pub fn of_failure(server: &Origin, failure: http::Failure) -> Error {
    match failure {
        http::Failure::Unreachable { message } => Error::new(Kind::Unavailable, message),
        http::Failure::Untrusted { message, fingerprint } => {
            let error = Error::new(Kind::UntrustedServer, message);
            match fingerprint {
                Some(_) => error.with_hint(format!("vb365-helper trust {server}")),
                // A proxy's certificate cannot be pinned.
                None => error,
            }
        }
    }
}

fn rejection(reply: &Reply, sent: &str) -> Rejection {
    let wire: Wire = json::read(reply.body.expose()).unwrap_or_default();
    let code = wire.error_code.and_then(|code| match code {
        serde_json::Value::String(code) => Some(code),
        serde_json::Value::Number(code) => Some(code.to_string()),
        _ => None,
    });
    let words = wire.message.or(wire.error_description).or(wire.error.clone()).unwrap_or_default();
    Rejection {
        words: said(&words, sent),
        cause: Box::new(Cause {
            error: wire.error.or(code).map(|error| said(&error, sent)),
            http_status: Some(reply.status),
            ..Cause::default()
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn failure(status: u16, body: &str) -> Failure {
        let tenant = "abc.com".parse().unwrap();
        let server = "https://vb365.abc.local:4443".parse().unwrap();
        let body = Secret::new(body.as_bytes().to_vec());
        judge(&tenant, &server, ApiVersion::V8, &Reply { status, retry_after: None, date: None, body }, "s3cret")
    }

    #[test]
    fn every_form_of_rejection_is_one() {
        for (body, words, error) in [
            (
                r#"{"error":"invalid_grant","error_description":"The provided credentials are incorrect."}"#,
                "The provided credentials are incorrect.",
                Some("invalid_grant"),
            ),
            (r#"{"message":"no"}"#, "no", None),
            (r#"{"message":"no","errorCode":"NeverHeardOf"}"#, "no", Some("NeverHeardOf")),
            (r#"{"message":"no\u001b[1m","errorCode":7,"stackTrace":"at canary"}"#, "no[1m", Some("7")),
            (r#"{"message":"s3cret?","errorCode":"s3cret"}"#, "[...]?", Some("[...]")),
            ("", "", None),
            ("<html>", "", None),
        ] {
            for status in [400, 401] {
                let Failure::Rejected(rejection) = failure(status, body) else { panic!("{body}") };
                assert_eq!((rejection.words.as_str(), rejection.cause.error.as_deref()), (words, error), "{body}");
            }
        }
    }

    #[test]
    fn other_statuses_say_nothing_about_the_token() {
        for status in [302, 403, 407, 429, 500, 503] {
            let Failure::Other(error) = failure(status, "{}") else { panic!("{status}") };
            assert_eq!(error.kind(), Kind::Unavailable, "{status}");
        }
        let Failure::Other(error) = failure(404, "") else { panic!() };
        assert_eq!(error.kind(), Kind::Config);
    }
}
