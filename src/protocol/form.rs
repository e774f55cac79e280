//! Forms that several protocols have in common: one document or one line, written at once, and
//! instants in RFC 3339.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::Serialize;

use crate::credential::{Credential, Want};
use crate::error::{Error, Kind, Result};
use crate::secret::Secret;

/// What goes to stdout, as a whole.
pub type Output = Secret<Vec<u8>>;

/// How long before its end a caller should stop using a token: the callers themselves keep no margin.
const MARGIN: TimeDelta = TimeDelta::seconds(60);

/// A document and its line end.
pub fn document(document: &impl Serialize) -> Output {
    let mut text = serde_json::to_vec(document).unwrap_or_default();
    text.push(b'\n');
    Secret::new(text)
}

/// `parts` as one line.
pub(super) fn line(parts: &[&str]) -> Output {
    Secret::new([parts, &["\n"]].concat().concat().into_bytes())
}

/// Nothing at all.
pub(super) fn silence() -> Output {
    Secret::new(Vec::new())
}

/// An instant as every document has it: RFC 3339 in UTC, whole seconds.
pub fn instant(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// When a caller should ask again for a token that ends at `expires_at`: a minute before that, or half of
/// what is left under two minutes; never in the past while the token lives.
pub(super) fn early(expires_at: DateTime<Utc>, now: DateTime<Utc>) -> DateTime<Utc> {
    let half = TimeDelta::seconds((expires_at - now).num_seconds().max(0) / 2);
    expires_at - half.min(MARGIN)
}

/// The one token of `credential`.
///
/// # Errors
/// As [`is_token`].
pub(super) fn token(credential: &Credential) -> Result<&Secret<String>> {
    credential.grant.token().ok_or_else(no_token)
}

/// Checks that what is wanted is one token, before anybody is asked for it.
///
/// # Errors
/// Kind `bad_request`: an assertion is a whole document.
pub(super) fn is_token(want: Want) -> Result<()> {
    if want == Want::Assertion { Err(no_token()) } else { Ok(()) }
}

fn no_token() -> Error {
    Error::new(Kind::BadRequest, "an assertion is no token, and has no form in this protocol")
        .with_hint("ask for it with --protocol native")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_to_be_asked_for_again_before_its_end_and_not_before_now() {
        let now: DateTime<Utc> = "2026-11-23T04:00:00.7Z".parse().unwrap();
        let whole: DateTime<Utc> = "2026-11-23T04:00:00Z".parse().unwrap();
        for (life, early_life) in [(3600, 3540), (121, 61), (120, 61), (119, 60), (61, 31), (3, 2), (2, 2), (1, 1)] {
            let end = whole + TimeDelta::seconds(life);
            assert_eq!(early(end, now), whole + TimeDelta::seconds(early_life), "{life}");
            assert!(early(end, now) > now);
        }
        // Over already: what it says is at least true.
        assert_eq!(early(whole, now), whole);
    }
}
