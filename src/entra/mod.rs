//! The Microsoft identity platform's two endpoints: device code and token (RFC 8628, RFC 6749).
//! A refresh token goes to the host that issued it and nowhere else.

pub mod advice;
pub mod device;
pub mod tokens;
pub mod verdict;

use std::time::Duration;

use chrono::{DateTime, Utc};

use self::device::{Answer, DeviceCode};
use self::tokens::EntraTokens;
use self::verdict::Verdict;
use crate::credential::Settings;
use crate::error::Result;
use crate::http::Client;
use crate::secret::Secret;

/// RFC 8628 section 3.4.
const DEVICE_CODE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// One tenant's side of the identity platform, as its settings have it.
#[derive(Clone, Debug)]
pub struct Entra {
    http: Client,
    settings: Settings,
}

impl Entra {
    /// The identity platform for `settings`, reached through `http`.
    pub fn new(http: Client, settings: &Settings) -> Self {
        Self { http, settings: settings.clone() }
    }

    /// Asks for a device code (RFC 8628 section 3.1). `claims` are what an earlier refusal demanded.
    ///
    /// # Errors
    /// Any kind but `login_required`: see [`verdict`].
    pub fn device_code(&self, claims: Option<&str>, limit: Duration) -> Result<DeviceCode> {
        let scope = self.settings.scopes.joined();
        let mut form = vec![("client_id", self.settings.client_id.as_str()), ("scope", &scope)];
        form.extend(claims.map(|claims| ("claims", claims)));
        match self.post("devicecode", &form, "", limit) {
            Ok(body) => DeviceCode::read(&body).map_err(|why| verdict::of_unreadable(&why)),
            Err(verdict) => Err(verdict),
        }
        .map_err(|verdict| verdict.into_sign_in_error(&self.settings))
    }

    /// Asks once whether the person has signed in (RFC 8628 section 3.4).
    pub fn poll(&self, code: &DeviceCode, limit: Duration) -> Answer {
        let form = [
            ("grant_type", DEVICE_CODE_GRANT),
            ("client_id", &self.settings.client_id),
            ("device_code", code.device_code.expose()),
        ];
        match self.post("token", &form, code.device_code.expose(), limit) {
            Ok(body) => match EntraTokens::read(&body) {
                Ok(tokens) => Answer::Tokens(tokens),
                Err(why) => Answer::Failed(verdict::of_unreadable(&why).into_sign_in_error(&self.settings)),
            },
            Err(verdict) => device::classify(verdict, &self.settings),
        }
    }

    /// Spends a refresh token (RFC 6749 section 6). An answer without a new one keeps the old.
    ///
    /// # Errors
    /// What the failure means, decided by [`verdict`].
    pub fn refresh(&self, refresh_token: &Secret<String>, limit: Duration) -> Result<EntraTokens, Verdict> {
        let scope = self.settings.scopes.joined();
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", &self.settings.client_id),
            ("refresh_token", refresh_token.expose()),
            ("scope", &scope),
        ];
        let body = self.post("token", &form, refresh_token.expose(), limit)?;
        let tokens = EntraTokens::read(&body).map_err(|why| verdict::of_unreadable(&why))?;
        Ok(tokens.or_refresh_token(refresh_token))
    }

    /// Asks, as anybody can, whether the host knows the tenant (OpenID Connect Discovery 1.0 section 4).
    ///
    /// # Errors
    /// Kind `unavailable`, `untrusted_server` or, where there is no such tenant, `refused`.
    pub fn known(&self, limit: Duration) -> Result<Option<DateTime<Utc>>> {
        let Settings { authority, tenant, .. } = &self.settings;
        let url = format!("{authority}/{tenant}/v2.0/.well-known/openid-configuration");
        let answered = self.http.get(&url, None, limit).map_err(verdict::of_failure).and_then(|reply| {
            let date = reply.date;
            if reply.status == 200 { Ok(date) } else { verdict::judge(reply, "").map(|_| date) }
        });
        answered.map_err(|verdict| verdict.into_error_at(&format!("say whether it knows {tenant}"), &self.settings))
    }

    /// Posts to an endpoint a form with this `secret` in it; the body of a success, which has no `error` in it.
    fn post(
        &self,
        endpoint: &str,
        form: &[(&str, &str)],
        secret: &str,
        limit: Duration,
    ) -> Result<Secret<Vec<u8>>, Verdict> {
        let Settings { authority, tenant, .. } = &self.settings;
        let url = format!("{authority}/{tenant}/oauth2/v2.0/{endpoint}");
        match self.http.post_form(&url, form, limit) {
            Ok(reply) => verdict::judge(reply, secret),
            Err(failure) => Err(verdict::of_failure(failure)),
        }
    }
}
