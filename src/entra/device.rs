//! Device authorization (RFC 8628) in pure steps: what an answer means and how long to wait before
//! the next question. Microsoft's ways are in it: numbers as strings, an older name for the page.
//! A network fault never ends a sign-in; only the platform or the deadline does.

use std::time::Duration;

use serde::Deserialize;
use url::Url;

use super::tokens::EntraTokens;
use super::verdict::{Class, Verdict};
use crate::credential::{Settings, is_safe_destination};
use crate::error::{Error, Kind};
use crate::json;
use crate::secret::Secret;
use crate::text::printable;

/// RFC 8628 section 3.2: the interval where the platform names none, in seconds.
const DEFAULT_INTERVAL: u64 = 5;
/// RFC 8628 section 3.5: what `slow_down` adds, for this and all later polls.
const SLOW_DOWN: Duration = Duration::from_secs(5);
/// An interval over this would only lose sign-ins, in seconds.
const LONGEST_INTERVAL: u64 = 60;
/// Microsoft's life of a code, in seconds, where none is named.
const DEFAULT_LIFE: u64 = 900;
/// No code is waited for longer than this, in seconds.
const LONGEST_LIFE: u64 = 3600;
/// The longest code that anybody types, in characters; Microsoft's have nine.
const LONGEST_CODE: usize = 32;
/// The longest address of a page that anybody types, in characters.
const LONGEST_PAGE: usize = 200;
/// The longest pause between two polls that get no answer.
const LONGEST_BACKOFF: Duration = Duration::from_secs(30);

/// A code for a person, and the one for this program that belongs to it.
#[derive(Clone, Debug)]
pub struct DeviceCode {
    /// Sent with each poll.
    pub device_code: Secret<String>,
    /// What the person enters; printable.
    pub user_code: String,
    /// Where it is entered; https, or loopback.
    pub verification_uri: String,
    /// The same page with the code filled in, if the platform offers one (RFC 8628 section 3.3.1).
    pub complete_uri: Option<String>,
    /// How long the code lives from the moment of the answer.
    pub life: Duration,
    /// How long to wait between two polls.
    pub interval: Duration,
}

#[derive(Deserialize)]
struct Wire {
    device_code: Secret<String>,
    user_code: String,
    #[serde(alias = "verification_url")]
    verification_uri: String,
    #[serde(default, alias = "verification_url_complete")]
    verification_uri_complete: Option<String>,
    #[serde(default = "default_life", deserialize_with = "json::lenient_number")]
    expires_in: Option<u64>,
    #[serde(default, deserialize_with = "json::lenient_number")]
    interval: Option<u64>,
}

/// What no word about a life means; a word that makes no sense is none (`None`) and refused.
fn default_life() -> Option<u64> {
    Some(DEFAULT_LIFE)
}

impl DeviceCode {
    /// Reads a response body (RFC 8628 section 3.2).
    ///
    /// # Errors
    /// The field that is missing or cannot be shown to a person.
    pub fn read(body: &Secret<Vec<u8>>) -> Result<Self, String> {
        let wire: Wire = json::read(body.expose())?;
        let device_code = wire.device_code.expose();
        if device_code.is_empty() || device_code.chars().any(char::is_control) {
            return Err("device_code is empty or has control characters".into());
        }
        let user_code = printable(&wire.user_code);
        if user_code.is_empty() || user_code.chars().count() > LONGEST_CODE {
            return Err(format!("user_code is empty or longer than {LONGEST_CODE} characters"));
        }
        let verification_uri = page(&wire.verification_uri).map_err(|why| format!("verification_uri: {why}"))?;
        let life = wire.expires_in.filter(|seconds| *seconds > 0);
        let life = life.ok_or("expires_in is not a positive number of seconds")?.min(LONGEST_LIFE);
        let interval = wire.interval.unwrap_or(DEFAULT_INTERVAL).clamp(1, LONGEST_INTERVAL);
        Ok(Self {
            device_code: wire.device_code,
            user_code,
            verification_uri,
            complete_uri: wire.verification_uri_complete.and_then(|text| page(&text).ok()),
            life: Duration::from_secs(life),
            interval: Duration::from_secs(interval),
        })
    }
}

/// The address of a page that a person can be sent to, in the form that browsers show.
fn page(text: &str) -> Result<String, String> {
    // A URL leaves them out, so that another address would be shown than the one that was sent.
    if text.chars().any(char::is_control) {
        return Err("it has control characters".into());
    }
    let url = Url::parse(text).map_err(|_| "not a URL")?;
    is_safe_destination(&url)?;
    // A part of an address leads elsewhere.
    if url.as_str().len() > LONGEST_PAGE {
        return Err(format!("it is longer than {LONGEST_PAGE} characters"));
    }
    Ok(url.into())
}

/// What a poll was answered.
#[derive(Debug)]
pub enum Answer {
    /// The person signed in.
    Tokens(EntraTokens),
    /// Not yet.
    Pending,
    /// Not yet, and asked too often.
    SlowDown,
    /// Nothing that the platform itself said.
    NoAnswer {
        /// How long it wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// The person said no.
    Declined(Error),
    /// The code ran out.
    Expired,
    /// The sign-in is over.
    Failed(Error),
}

/// What the failure of a poll means.
pub fn classify(verdict: Verdict, settings: &Settings) -> Answer {
    match verdict.cause.error.as_deref() {
        Some("authorization_pending") => Answer::Pending,
        Some("slow_down") => Answer::SlowDown,
        _ if verdict.class == Class::Unavailable => Answer::NoAnswer { retry_after: verdict.retry_after },
        Some("authorization_declined" | "access_denied") => {
            let message = format!("the sign-in for {} was declined", settings.tenant);
            Answer::Declined(Error::new(Kind::LoginFailed, message).with_cause(*verdict.cause))
        }
        Some("expired_token" | "code_expired") => Answer::Expired,
        Some("bad_verification_code") => {
            let message = format!("{} does not know its own code any more", settings.authority.host());
            Answer::Failed(Error::new(Kind::LoginFailed, message).with_cause(*verdict.cause))
        }
        _ => Answer::Failed(verdict.into_sign_in_error(settings)),
    }
}

/// How long to wait before the next poll.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    interval: Duration,
    backoff: Duration,
}

impl Pace {
    /// The pace that the platform asked for.
    pub fn new(code: &DeviceCode) -> Self {
        Self { interval: code.interval, backoff: code.interval }
    }

    /// The wait before the first poll.
    pub fn first(&self) -> Duration {
        self.interval
    }

    /// The wait after "not yet".
    pub fn after_pending(&mut self) -> Duration {
        self.backoff = self.interval;
        self.interval
    }

    /// The wait after "asked too often", which slows every later poll as well.
    pub fn after_slow_down(&mut self) -> Duration {
        self.interval += SLOW_DOWN;
        self.after_pending()
    }

    /// The wait after no answer: doubled each time, or what was asked for if that is longer.
    pub fn after_no_answer(&mut self, retry_after: Option<Duration>) -> Duration {
        self.backoff = (self.backoff * 2).min(LONGEST_BACKOFF).max(self.interval);
        self.backoff.max(retry_after.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<DeviceCode, String> {
        DeviceCode::read(&Secret::new(text.as_bytes().to_vec()))
    }

    fn code(interval: &str) -> DeviceCode {
        let text = format!(
            r#"{{"device_code":"d","user_code":"ABC","verification_uri":"https://m.com/d","expires_in":"900"{interval}}}"#
        );
        read(&text).unwrap()
    }

    #[test]
    fn numbers_may_be_strings_missing_or_absurd() {
        let seconds = |interval: &str| code(interval).interval.as_secs();
        assert_eq!(seconds(""), 5);
        assert_eq!(seconds(r#","interval":"7""#), 7);
        assert_eq!(seconds(r#","interval":0"#), 1);
        assert_eq!(seconds(r#","interval":1000000000"#), 60);
        assert_eq!(seconds(r#","interval":-3"#), 5);
        assert_eq!(code("").life.as_secs(), 900);
    }

    #[test]
    fn a_life_may_be_missing_or_absurd_but_not_senseless() {
        let life = |life: &str| {
            read(&format!(r#"{{"device_code":"d","user_code":"A","verification_uri":"https://m.com"{life}}}"#))
                .map(|code| code.life.as_secs())
        };
        assert_eq!(life(""), Ok(900));
        assert_eq!(life(r#","expires_in":18446744073709551615"#), Ok(3600));
        for wrong in ["0", "-1", "1e300", r#""NaN""#, "null", "[]"] {
            let error = life(&format!(r#","expires_in":{wrong}"#)).unwrap_err();
            assert_eq!(error, "expires_in is not a positive number of seconds", "{wrong}");
        }
    }

    #[test]
    fn the_page_must_be_one_a_person_can_be_sent_to() {
        let page = |uri: &str| {
            read(&format!(r#"{{"device_code":"d","user_code":"ABC","verification_uri":"{uri}"}}"#))
                .map(|code| code.verification_uri)
        };
        assert_eq!(page("https://microsoft.com/devicelogin"), Ok("https://microsoft.com/devicelogin".into()));
        assert!(page("http://127.0.0.1:80/device").is_ok());
        let long = format!("https://m.com/{}", "x".repeat(200));
        for wrong in [
            "http://microsoft.com/d",
            "javascript:alert(1)",
            "file:///etc",
            "https://a@b.com/",
            "x",
            "",
            r"https://m\tm.com",
            &long,
        ] {
            assert!(page(wrong).unwrap_err().starts_with("verification_uri"), "{wrong}");
        }
        let older = r#"{"device_code":"d","user_code":"ABC","verification_url":"https://m.com/d"}"#;
        assert!(read(older).is_ok());
    }

    #[test]
    fn a_page_with_the_code_filled_in_is_optional_and_checked_like_the_other() {
        let complete = |uri: &str| {
            let text = format!(
                r#"{{"device_code":"d","user_code":"A","verification_uri":"https://m.com","verification_uri_complete":{uri}}}"#
            );
            read(&text).unwrap().complete_uri
        };
        assert_eq!(complete(r#""https://m.com/?c=A""#).as_deref(), Some("https://m.com/?c=A"));
        for unfit in ["null", r#""http://m.com/?c=A""#, r#""javascript:x""#, r#""""#] {
            assert_eq!(complete(unfit), None, "{unfit}");
        }
    }

    #[test]
    fn a_code_cannot_steer_the_terminal() {
        let text = r#"{"device_code":"d","user_code":"\u001b[2JAB\u0007C","verification_uri":"https://m.com"}"#;
        assert_eq!(read(text).unwrap().user_code, "[2JABC");
        let text = r#"{"device_code":"d\n","user_code":"A","verification_uri":"https://m.com"}"#;
        assert_eq!(read(text).unwrap_err(), "device_code is empty or has control characters");
        let text = r#"{"device_code":"d","user_code":"\u001b","verification_uri":"https://m.com"}"#;
        assert_eq!(read(text).unwrap_err(), "user_code is empty or longer than 32 characters");
    }

    #[test]
    fn slow_down_is_for_good_and_a_good_answer_restores_the_interval() {
        let seconds = Duration::from_secs;
        let mut pace = Pace::new(&code(""));
        assert_eq!(pace.first(), seconds(5));
        assert_eq!(pace.after_slow_down(), seconds(10));
        assert_eq!(pace.after_pending(), seconds(10));
        assert_eq!(pace.after_no_answer(None), seconds(20));
        assert_eq!(pace.after_no_answer(None), seconds(30));
        assert_eq!(pace.after_no_answer(None), seconds(30));
        assert_eq!(pace.after_no_answer(Some(seconds(45))), seconds(45));
        assert_eq!(pace.after_pending(), seconds(10));
        assert_eq!(pace.after_no_answer(None), seconds(20));
    }
}
