//! Answers of the VB365 server: only 400 and 401 say that a token was rejected, and nothing that
//! was not checked becomes a token or is shown.

use vb365_helper::credential::ApiVersion;
use vb365_helper::error::Kind;
use vb365_helper::http::Reply;
use vb365_helper::veeam::{Failure, VeeamTokens, verdict};

use super::{Planted, assert_discreet, assert_life, assert_one_word, assert_printable, assert_short};
use super::{reply, said, settings};

/// `text` is one answer.
pub fn check(text: &[u8]) {
    if let Some(planted) = Planted::new(text) {
        let reply = reply(&planted.text);
        planted.assert_hidden(&(VeeamTokens::read(&reply.body), judge(&reply, "")));
    }
    if let Some(echo) = Planted::in_words(text) {
        echo.assert_hidden(&judge(&reply(&echo.text), &echo.canary));
    }
    let reply = reply(text);
    if reply.status == 200 { succeeded(&reply) } else { failed(&reply) }
}

fn succeeded(reply: &Reply) {
    let tokens = match VeeamTokens::read(&reply.body) {
        Ok(tokens) => tokens,
        Err(why) => return assert_printable(&why),
    };
    assert_one_word(&tokens.response.access_token);
    let Some(said) = said(&reply.body) else { return };
    assert!(said.is_object(), "not an object");
    assert_eq!(said["access_token"], **tokens.response.access_token.expose());
    let refresh_token = tokens.response.refresh_token.as_ref().map(|token| token.expose().as_str());
    assert_eq!(said["refresh_token"].as_str().filter(|token| !token.is_empty()), refresh_token);
    assert!(refresh_token.is_none_or(|token| !token.chars().any(char::is_control)), "splits a line");
    assert_life(tokens.response.lifetime);
    if let Some(name) = &tokens.account {
        assert!(said["userName"].is_string() && !name.is_empty() && name.chars().count() <= 113, "no account's name");
        assert_printable(name);
    }
}

fn failed(reply: &Reply) {
    match judge(reply, "") {
        Failure::Rejected(rejection) => {
            assert!([400, 401].contains(&reply.status), "rejected by {}", reply.status);
            assert_short(&rejection.words);
            rejection.cause.error.iter().for_each(|error| assert_short(error));
            assert_eq!(rejection.cause.http_status, Some(reply.status));
        }
        Failure::Other(error) => {
            let expected = if reply.status == 404 { Kind::Config } else { Kind::Unavailable };
            assert_eq!(error.kind(), expected);
            assert!(![400, 401].contains(&reply.status), "not rejected by {}", reply.status);
            assert!(expected == Kind::Config || error.retry_after() == reply.retry_after);
            assert_discreet(&error);
        }
    }
}

fn judge(reply: &Reply, sent: &str) -> Failure {
    let settings = settings();
    verdict::judge(&settings.tenant, &settings.servers[0], ApiVersion::V8, reply, sent)
}
