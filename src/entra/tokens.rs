//! Microsoft's token response. It is kept whole, because the VB365 server takes it whole as an
//! assertion; what this program needs of it is read when it is needed.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Map, Value};
use zeroize::Zeroize;

use crate::json;
use crate::secret::Secret;
use crate::text::account_name;
use crate::token::{TokenResponse, is_one_word};

/// How long a directory id is, in characters: a UUID with its hyphens.
const LENGTH_OF_AN_ID: usize = 36;

/// A token response of the identity platform.
#[derive(Clone, Debug)]
pub struct EntraTokens {
    text: Secret<String>,
    response: TokenResponse,
}

impl EntraTokens {
    /// Reads a response body.
    ///
    /// # Errors
    /// The field that is missing or cannot be believed, without its value.
    pub fn read(body: &Secret<Vec<u8>>) -> Result<Self, String> {
        let response = TokenResponse::read(body.expose())?;
        Ok(Self { text: compact(object(body.expose())?), response })
    }

    /// The same with `refresh_token` where the response brought none: the old one stays good.
    #[must_use]
    pub fn or_refresh_token(mut self, refresh_token: &Secret<String>) -> Self {
        if self.response.refresh_token.is_none()
            && let Ok(mut object) = object(self.text.expose().as_bytes())
        {
            object.insert("refresh_token".into(), Value::String(refresh_token.expose().clone()));
            self.text = compact(object);
            self.response.refresh_token = Some(refresh_token.clone());
        }
        self
    }

    /// The response as compact JSON: an assertion.
    pub fn text(&self) -> &Secret<String> {
        &self.text
    }

    /// How long the access token lives from the moment of the response.
    pub fn lifetime(&self) -> Duration {
        self.response.lifetime
    }

    /// Who signed in, as far as the tokens tell: for display alone, as nothing here is verified.
    pub fn account(&self) -> Option<String> {
        account_of(&self.response.access_token)
    }

    /// The directory id of the tenant they were issued for; likewise.
    pub fn tenant_id(&self) -> Option<String> {
        let id = claims_of(&self.response.access_token)?.tid?;
        let is_id = |c: char| c.is_ascii_hexdigit() || c == '-';
        (id.len() == LENGTH_OF_AN_ID && id.chars().all(is_id)).then(|| id.to_ascii_lowercase())
    }
}

/// The access token in a kept response, unless it was taken out or could split a header.
pub fn access_token(response: &Secret<String>) -> Option<Secret<String>> {
    parts(response).access_token
}

/// The refresh token in a kept response.
pub fn refresh_token(response: &Secret<String>) -> Option<Secret<String>> {
    parts(response).refresh_token
}

/// Which of these two there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the tokens of these names")]
pub struct Presence {
    pub access_token: bool,
    pub refresh_token: bool,
}

/// What [`access_token`] and [`refresh_token`] would find, for the reading of one.
pub fn presence(response: &Secret<String>) -> Presence {
    let Parts { access_token, refresh_token } = parts(response);
    Presence { access_token: access_token.is_some(), refresh_token: refresh_token.is_some() }
}

/// A kept response without its access token.
pub fn without_access_token(response: &Secret<String>) -> Secret<String> {
    match object(response.expose().as_bytes()) {
        Ok(mut object) => {
            object.remove("access_token");
            compact(object)
        }
        Err(_) => "{}".into(),
    }
}

#[derive(Default, Deserialize)]
struct Parts {
    access_token: Option<Secret<String>>,
    refresh_token: Option<Secret<String>>,
}

fn parts(response: &Secret<String>) -> Parts {
    let Parts { access_token, refresh_token } = json::read(response.expose().as_bytes()).unwrap_or_default();
    Parts {
        access_token: access_token.filter(|token| is_one_word(token.expose())),
        refresh_token: refresh_token.filter(|token| !token.expose().is_empty()),
    }
}

fn object(text: &[u8]) -> Result<Map<String, Value>, String> {
    json::read(text)
}

/// One line of JSON; the parsed copy is overwritten.
fn compact(mut object: Map<String, Value>) -> Secret<String> {
    let text = Secret::new(serde_json::to_string(&object).unwrap_or_default());
    for value in object.values_mut() {
        if let Value::String(text) = value {
            text.zeroize();
        }
    }
    text
}

/// What a Microsoft access token says of itself, if it can be read at all.
#[derive(Default, Deserialize)]
struct Claims {
    preferred_username: Option<String>,
    upn: Option<String>,
    unique_name: Option<String>,
    tid: Option<String>,
}

fn claims_of(access_token: &Secret<String>) -> Option<Claims> {
    let payload = access_token.expose().split('.').nth(1)?;
    json::read(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}

/// The name in the claims (v1 and v2 tokens name it differently).
fn account_of(access_token: &Secret<String>) -> Option<String> {
    let claims = claims_of(access_token)?;
    account_name(&claims.upn.or(claims.preferred_username).or(claims.unique_name)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> EntraTokens {
        EntraTokens::read(&Secret::new(text.as_bytes().to_vec())).unwrap()
    }

    #[test]
    fn the_response_is_kept_whole_and_compact() {
        let tokens = read(
            "{ \"access_token\": \"a\",\n \"expires_in\": \"60\", \"ext_expires_in\": 60, \"refresh_token\": \"r\" }",
        );
        let text = r#"{"access_token":"a","expires_in":"60","ext_expires_in":60,"refresh_token":"r"}"#;
        assert_eq!(tokens.text().expose(), text);
        assert_eq!(refresh_token(tokens.text()).unwrap().expose(), "r");
        assert_eq!(access_token(tokens.text()).unwrap().expose(), "a");
    }

    #[test]
    fn a_response_without_a_refresh_token_keeps_the_old_one() {
        let old = "old".into();
        let tokens = read(r#"{"access_token":"a","expires_in":60}"#).or_refresh_token(&old);
        assert_eq!(refresh_token(tokens.text()), Some(old));
        let tokens =
            read(r#"{"access_token":"a","expires_in":60,"refresh_token":"new"}"#).or_refresh_token(&"old".into());
        assert_eq!(refresh_token(tokens.text()).unwrap().expose(), "new");
    }

    #[test]
    fn without_its_access_token_a_response_still_renews() {
        let rest = without_access_token(read(r#"{"access_token":"a","expires_in":60,"refresh_token":"r"}"#).text());
        assert_eq!(access_token(&rest), None);
        assert_eq!(refresh_token(&rest).unwrap().expose(), "r");
    }

    #[test]
    fn a_kept_response_hands_out_no_token_that_could_split_a_header() {
        for odd in [r#"{"access_token":"a\r\nX: y"}"#, r#"{"access_token":""}"#, r#"{"access_token":"a b"}"#] {
            assert_eq!(access_token(&odd.into()), None, "{odd}");
        }
    }

    #[test]
    fn the_account_is_read_where_the_token_shows_it() {
        let jwt = |claims: &str| format!("e30.{}.sig", URL_SAFE_NO_PAD.encode(claims));
        let account = |token: &str| account_of(&token.into());
        assert_eq!(account(&jwt(r#"{"upn":"a@abc.com","unique_name":"b"}"#)).as_deref(), Some("a@abc.com"));
        assert_eq!(account(&jwt(r#"{"unique_name":"b"}"#)).as_deref(), Some("b"));
        assert_eq!(account(&jwt(r#"{"upn":"a\u001b]0;x\u0007@abc.com"}"#)).as_deref(), Some("a]0;x@abc.com"));
        assert_eq!(account(&jwt(&format!(r#"{{"upn":"{}"}}"#, "t".repeat(2000)))), None);
        assert_eq!(account("opaque"), None);
        assert_eq!(account("a.%%%.c"), None);
    }

    #[test]
    fn the_tenant_is_told_by_its_directory_id_or_not_at_all() {
        let id = |tid: &str| {
            let claims = URL_SAFE_NO_PAD.encode(format!(r#"{{"tid":"{tid}"}}"#));
            read(&format!(r#"{{"access_token":"e30.{claims}.sig","expires_in":60}}"#)).tenant_id()
        };
        let known = "6babcaad-604b-40ac-a9d7-9fd97c0b779f";
        assert_eq!(id(&known.to_uppercase()).as_deref(), Some(known));
        for odd in ["", "abc.com", &known[1..], &known.replace('6', "\\u001b")] {
            assert_eq!(id(odd), None, "{odd}");
        }
    }
}
