//! Why a request brought no reply: in words that name the server, and never repeat what was sent
//! or received. Only a refused certificate is told apart, because the caller acts on it.

use std::io::{self, ErrorKind};
use std::time::Duration;

use ureq::{Error as Cause, Timeout};

use super::trust::Distrust;
use super::tunnel::ProxyError;
use super::{LONGEST_BODY, connect_limit};
use crate::credential::Fingerprint;
use crate::text::{printable, without_tokens};

/// Why there is no reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No answer, or none that is HTTP of a bearable size: try again later.
    Unreachable {
        /// The words for a person.
        message: String,
    },
    /// The server's certificate, or a proxy's, was refused; nothing was sent.
    Untrusted {
        /// The words for a person, with the certificate's SHA-256.
        message: String,
        /// The certificate that the server showed: what a pin would be. None when it was a proxy's.
        fingerprint: Option<Fingerprint>,
    },
}

impl Failure {
    /// What `cause` means for a request to `origin` that had `limit` of time.
    pub(super) fn new(cause: &Cause, origin: &str, limit: Duration) -> Self {
        let (cause, proxy) = match cause {
            Cause::Other(other) => match other.downcast_ref::<ProxyError>() {
                Some(at) => (&at.error, Some(printable(&at.proxy))),
                None => (cause, None),
            },
            _ => (cause, None),
        };
        if let Some(distrust) = tls_error(cause).and_then(Distrust::within) {
            return match proxy {
                Some(proxy) => Self::Untrusted {
                    message: format!("no answer from {origin}: the certificate of proxy {proxy} {distrust}"),
                    fingerprint: None,
                },
                None => Self::Untrusted {
                    message: format!("the certificate of {origin} {distrust}"),
                    fingerprint: Some(distrust.fingerprint),
                },
            };
        }
        let way = proxy.map(|proxy| format!(" through proxy {proxy}")).unwrap_or_default();
        Self::unreachable(&format!("{origin}{way}"), &words(cause, limit))
    }

    /// The words for a person.
    pub fn message(&self) -> &str {
        match self {
            Self::Unreachable { message } | Self::Untrusted { message, .. } => message,
        }
    }

    /// A request to `place` that failed for a reason told in `words`.
    pub(super) fn unreachable(place: &str, words: &str) -> Self {
        Self::Unreachable { message: format!("no answer from {place}: {words}") }
    }
}

/// The TLS stack's error inside `cause`.
pub(super) fn tls_error(cause: &Cause) -> Option<&rustls::Error> {
    match cause {
        Cause::Io(error) => error.get_ref()?.downcast_ref(),
        _ => None,
    }
}

fn words(cause: &Cause, limit: Duration) -> String {
    if let Some(error) = tls_error(cause) {
        return format!("TLS failed ({})", without_tokens(&error.to_string()));
    }
    match cause {
        Cause::HostNotFound => "its name was not found".into(),
        Cause::Timeout(Timeout::Resolve) => format!("its name was not found within {}", seconds(connect_limit(limit))),
        Cause::Timeout(Timeout::Connect) => format!("not connected within {}", seconds(connect_limit(limit))),
        Cause::Timeout(_) => format!("timed out after {}", seconds(limit)),
        Cause::Io(error) => io_words(error),
        Cause::StatusCode(status) => format!("it refused the tunnel with status {status}"),
        Cause::InvalidProxyUrl => "only http and https proxies are supported".into(),
        Cause::BodyExceedsLimit(_) => format!("the body is larger than {} KiB", LONGEST_BODY / 1024),
        Cause::Tls(words) => (*words).into(),
        Cause::ConnectionFailed => "the connection failed".into(),
        // The texts of the others may repeat what was received.
        _ => "what came back is not HTTP".into(),
    }
}

fn io_words(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::ConnectionRefused => "connection refused".into(),
        ErrorKind::UnexpectedEof
        | ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::BrokenPipe
        | ErrorKind::NotConnected => "the connection was closed early".into(),
        ErrorKind::TimedOut => "the connection timed out".into(),
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown => {
            "the network does not reach it".into()
        }
        _ => without_tokens(&error.to_string()),
    }
}

/// `duration` to a tenth of a second.
fn seconds(duration: Duration) -> String {
    format!("{} s", (duration.as_secs_f64() * 10.0).round() / 10.0)
}
