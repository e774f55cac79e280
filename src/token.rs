//! The token response that both systems give (RFC 6749 section 5.1), checked before it is believed:
//! a token that could split a header or a lifetime that makes no sense is refused by name.

use std::time::Duration;

use chrono::{DateTime, Datelike, SubsecRound, Utc};
use serde::Deserialize;

use crate::json;
use crate::secret::Secret;

/// The longest life that is believed: a year. Servers that say more are still asked again then.
pub const LONGEST_LIFE: Duration = Duration::from_secs(366 * 86_400);

/// Largest response that is believed, in bytes: Microsoft's have a few thousand. It is kept whole, in a
/// file that is not read again once it has grown over 1 MiB.
const LARGEST_RESPONSE: usize = 128 * 1024;

/// The part of a token response that both systems have in common.
#[derive(Clone, Debug)]
pub struct TokenResponse {
    /// Sent as `Authorization: Bearer`: one word of printable ASCII.
    pub access_token: Secret<String>,
    /// Buys the next response.
    pub refresh_token: Option<Secret<String>>,
    /// How long the access token lives from the moment of the response.
    pub lifetime: Duration,
}

#[derive(Deserialize)]
struct Wire {
    access_token: Option<Secret<String>>,
    refresh_token: Option<Secret<String>>,
    #[serde(default, deserialize_with = "json::lenient_number")]
    expires_in: Option<u64>,
}

impl TokenResponse {
    /// Reads a response body.
    ///
    /// # Errors
    /// The field that is missing or cannot be believed, without its value.
    pub fn read(body: &[u8]) -> Result<Self, String> {
        if body.len() > LARGEST_RESPONSE {
            return Err(format!("it is larger than {} KiB", LARGEST_RESPONSE / 1024));
        }
        let wire: Wire = json::read(body)?;
        let access_token = wire.access_token.ok_or("access_token is missing")?;
        if !is_one_word(access_token.expose()) {
            return Err("access_token is not one word of printable ASCII".into());
        }
        let refresh_token = wire.refresh_token.filter(|token| !token.expose().is_empty());
        if refresh_token.as_ref().is_some_and(|token| token.expose().chars().any(char::is_control)) {
            return Err("refresh_token has control characters".into());
        }
        let seconds = wire.expires_in.filter(|seconds| *seconds > 0);
        let lifetime = Duration::from_secs(seconds.ok_or("expires_in is not a positive number of seconds")?);
        Ok(Self { access_token, refresh_token, lifetime: lifetime.min(LONGEST_LIFE) })
    }

    /// When the access token ends if it was received at `obtained_at`.
    pub fn expires_at(&self, obtained_at: DateTime<Utc>) -> DateTime<Utc> {
        obtained_at + self.lifetime
    }
}

/// Whether `text` can stand in a header as it is: one word of printable ASCII.
pub fn is_one_word(text: &str) -> bool {
    let (eights, rest) = text.as_bytes().as_chunks();
    !text.is_empty() && rest.iter().all(u8::is_ascii_graphic) && eights.iter().all(|eight| are_graphic(*eight))
}

/// Eight bytes at once: every cached answer, and a list for each of thousands, looks at whole tokens.
fn are_graphic(bytes: [u8; 8]) -> bool {
    const EACH: u64 = u64::from_ne_bytes([1; 8]);
    let bytes = u64::from_ne_bytes(bytes);
    // The highest bit of each byte, which ASCII leaves free, tells: it is set; or set by one more, which is DEL; or not
    // set by what `!`, the first of them, lacks to it. Nothing in ASCII carries into the next byte.
    let odd = bytes | bytes.wrapping_add(EACH) | !bytes.wrapping_add(EACH * u64::from(0x80 - b'!'));
    odd & (EACH << 7) == 0
}

/// `now` in whole seconds, rounded down, as every document here has it.
pub fn whole_seconds(now: DateTime<Utc>) -> DateTime<Utc> {
    now.trunc_subsecs(0)
}

/// Whether RFC 3339 can spell `instant`: a year of four digits. chrono reads and counts far beyond.
pub fn is_spellable(instant: DateTime<Utc>) -> bool {
    (0..=9999).contains(&instant.year())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_come_as_numbers_or_strings_and_absurd_ones_are_capped() {
        let life = |value: &str| {
            TokenResponse::read(format!(r#"{{"access_token":"a","expires_in":{value}}}"#).as_bytes())
                .map(|response| response.lifetime.as_secs())
        };
        assert_eq!(life("3599"), Ok(3599));
        assert_eq!(life(r#""3599""#), Ok(3599));
        assert_eq!(life("18446744073709551615"), Ok(366 * 86_400));
        for wrong in ["0", "-1", "1e300", r#""NaN""#, "null", "{}"] {
            assert_eq!(life(wrong), Err("expires_in is not a positive number of seconds".into()), "{wrong}");
        }
    }

    #[test]
    fn one_word_is_printable_ascii_whatever_the_length_and_the_place() {
        let characters = (0..=255).filter_map(char::from_u32).chain(['\u{20ac}', '\u{1f600}']);
        for (odd, length) in characters.flat_map(|odd| (1..=17).map(move |length| (odd, length))) {
            for place in 0..length {
                let text: String = (0..length).map(|at| if at == place { odd } else { 'x' }).collect();
                assert_eq!(is_one_word(&text), odd.is_ascii_graphic(), "{odd:?} at {place} of {length}");
            }
        }
        assert!(!is_one_word(""));
    }

    #[test]
    fn tokens_that_could_split_a_header_are_refused_by_name() {
        for token in [r"a\nb", r"a\u0000", "", "a b", "\u{e9}"] {
            let body = format!(r#"{{"access_token":"{token}","expires_in":1}}"#);
            let error = TokenResponse::read(body.as_bytes()).unwrap_err();
            assert_eq!(error, "access_token is not one word of printable ASCII", "{token}");
        }
        let body = br#"{"access_token":"a","refresh_token":"b\r\n","expires_in":1}"#;
        assert_eq!(TokenResponse::read(body).unwrap_err(), "refresh_token has control characters");
        assert_eq!(TokenResponse::read(b"{}").unwrap_err(), "access_token is missing");
    }

    #[test]
    fn a_response_that_would_fill_the_file_is_refused() {
        let body = |padding| format!(r#"{{"access_token":"a","expires_in":1,"x":"{}"}}"#, "x".repeat(padding));
        assert!(TokenResponse::read(body(100_000).as_bytes()).is_ok());
        assert_eq!(TokenResponse::read(body(200_000).as_bytes()).unwrap_err(), "it is larger than 128 KiB");
    }

    #[test]
    fn unknown_fields_are_no_mistake_and_an_empty_refresh_token_is_none() {
        let body = br#"{"access_token":"a","refresh_token":"","expires_in":1,"token_type":"bearer","new":[1]}"#;
        assert!(TokenResponse::read(body).unwrap().refresh_token.is_none());
    }
}
