//! A whole sign-in: the answer with the code, then one answer to a line. Nothing but the platform
//! itself ends it, and no wait is too short or too long.

use std::time::Duration;

use vb365_helper::entra::device::{self, Answer, DeviceCode, Pace};
use vb365_helper::entra::tokens::EntraTokens;
use vb365_helper::entra::verdict::{self, Class};
use vb365_helper::error::{Error, Kind};
use vb365_helper::http::Reply;
use vb365_helper::secret::Secret;

use super::{Planted, assert_discreet, assert_showable, reply, settings};

/// RFC 8628 section 3.5.
const SLOW_DOWN: Duration = Duration::from_secs(5);

/// `text` is the sign-in, line by line.
pub fn check(text: &[u8]) {
    let mut lines = text.split(|byte| *byte == b'\n');
    let code = lines.next().and_then(read).unwrap_or_else(|| read(CODE).expect("a code"));
    assert_showable(&code);
    let mut pace = Pace::new(&code);
    let mut shortest = code.interval;
    let mut waited = pace.first();
    assert_eq!(waited, shortest);
    // After the code's end nobody asks again.
    while waited < code.life
        && let Some(line) = lines.next()
    {
        if let Some(planted) = Planted::new(line) {
            let answer = verdict::judge(reply(&planted.text), "").map(|body| EntraTokens::read(&body));
            planted.assert_hidden(&answer.map_err(|verdict| device::classify(verdict, settings())));
        }
        let Reply { status, retry_after, .. } = reply(line);
        let is_busy = matches!(status, 408 | 429 | 500..) || retry_after.is_some();
        let Err(verdict) = verdict::judge(reply(line), "") else { return };
        let is_passing = verdict.class == Class::Unavailable || is_busy;
        let said = verdict.cause.error.clone();
        let wait = match device::classify(verdict, settings()) {
            Answer::Pending => {
                assert_eq!(said.as_deref(), Some("authorization_pending"));
                let wait = pace.after_pending();
                assert_eq!(wait, shortest);
                wait
            }
            Answer::SlowDown => {
                assert_eq!(said.as_deref(), Some("slow_down"));
                shortest += SLOW_DOWN;
                pace.after_slow_down()
            }
            Answer::NoAnswer { retry_after: asked } => {
                assert!(is_passing && asked == retry_after);
                let wait = pace.after_no_answer(asked);
                assert!(wait >= asked.unwrap_or_default());
                wait
            }
            Answer::Declined(error) | Answer::Failed(error) => return ended(&error, is_passing),
            Answer::Expired => return assert!(!is_passing, "a fault ends it"),
            Answer::Tokens(_) => unreachable!("a failure has none"),
        };
        assert!(wait >= shortest && (1..=3600).contains(&wait.as_secs()), "waits {wait:?}");
        waited += wait;
    }
}

const CODE: &[u8] =
    br#"{"device_code":"canary","user_code":"ABC","verification_uri":"https://microsoft.com/devicelogin"}"#;

fn read(line: &[u8]) -> Option<DeviceCode> {
    DeviceCode::read(&Secret::new(line.to_vec())).ok()
}

fn ended(error: &Error, is_passing: bool) {
    assert!(!is_passing, "a fault ends it: {error}");
    assert!(matches!(error.kind(), Kind::LoginFailed | Kind::Refused), "{error:?}");
    assert_discreet(error);
}
