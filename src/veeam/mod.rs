//! The VB365 server's token endpoint (Veeam, "Authorization and Security" of each API version).
//! A refresh token is taken to be single-use: whatever comes back is handed over to be kept.

pub mod verdict;

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::credential::{ApiVersion, Origin, Tenant};
use crate::error::{Cause, Error, Kind, Result};
use crate::http::Client;
use crate::json;
use crate::secret::Secret;
use crate::text::account_name;
use crate::token::TokenResponse;

/// RFC 7523 section 2.1. Veeam's page for v4 shortens it; every version takes the full name.
const JWT_BEARER_GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// One VB365 server, spoken to about one tenant in one version of its API.
#[derive(Clone, Debug)]
pub struct Veeam {
    http: Client,
    tenant: Tenant,
    server: Origin,
    version: ApiVersion,
}

/// A token response of the VB365 server.
#[derive(Clone, Debug)]
pub struct VeeamTokens {
    /// The tokens.
    pub response: TokenResponse,
    /// Who the server says they are for (optional from v8 on).
    pub account: Option<String>,
}

/// What a server answered that was asked for its `ServiceInstance`.
#[derive(Clone, Copy, Debug)]
pub struct Instance {
    /// Whether it speaks that version.
    pub is_served: bool,
    /// The HTTP status: 200 to whom it knows, 401 to everybody else.
    pub status: u16,
    /// What its clock says.
    pub date: Option<DateTime<Utc>>,
}

/// Why there are no tokens.
#[derive(Clone, Debug)]
pub enum Failure {
    /// The server will not take what was sent; another token may do.
    Rejected(Rejection),
    /// Nothing that another token would cure.
    Other(Error),
}

/// What the server said when it would not take a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// Its words, printable; empty where it sent none.
    pub words: String,
    /// Its codes.
    pub cause: Box<Cause>,
}

impl VeeamTokens {
    /// Reads a response body.
    ///
    /// # Errors
    /// The field that is missing or cannot be believed, without its value.
    pub fn read(body: &Secret<Vec<u8>>) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Named {
            #[serde(rename = "userName")]
            user_name: Option<String>,
        }
        let response = TokenResponse::read(body.expose())?;
        let account = json::read::<Named>(body.expose()).ok().and_then(|named| named.user_name);
        Ok(Self { response, account: account.as_deref().and_then(account_name) })
    }
}

impl Veeam {
    /// `server`, spoken to in `version` through `http`.
    pub fn new(http: Client, tenant: &Tenant, server: &Origin, version: ApiVersion) -> Self {
        Self { http, tenant: tenant.clone(), server: server.clone(), version }
    }

    /// Finds the newest API version that `server` speaks: a version it has answers an anonymous
    /// `ServiceInstance` with a refusal, one it has not with "not found".
    ///
    /// # Errors
    /// Kind `unavailable`, `untrusted_server`, or `config` where it speaks none.
    pub fn newest_version(http: &Client, server: &Origin, limit: Duration) -> Result<ApiVersion> {
        for version in ApiVersion::NEWEST_FIRST {
            if Self::asked_for(http, server, version, None, limit)?.is_served {
                return Ok(version);
            }
        }
        Err(Self::speaks_none(server))
    }

    /// All versions that `server` speaks, newest first, each asked for within `limit`.
    ///
    /// # Errors
    /// As [`Veeam::newest_version`].
    pub fn versions(http: &Client, server: &Origin, limit: Duration) -> Result<Vec<ApiVersion>> {
        let mut spoken = Vec::new();
        for version in ApiVersion::NEWEST_FIRST {
            spoken.extend(Self::asked_for(http, server, version, None, limit)?.is_served.then_some(version));
        }
        if spoken.is_empty() { Err(Self::speaks_none(server)) } else { Ok(spoken) }
    }

    fn speaks_none(server: &Origin) -> Error {
        let message = format!("{server} speaks none of the API versions v4 to v8");
        Error::new(Kind::Config, message).with_hint("check the server's address and port")
    }

    /// Asks `server` for its `ServiceInstance`: as anybody, to see whether it speaks `version`, or with a
    /// `token` of its own, to see whether that is still taken.
    ///
    /// # Errors
    /// Kind `unavailable` or `untrusted_server`.
    pub fn asked_for(
        http: &Client,
        server: &Origin,
        version: ApiVersion,
        token: Option<&Secret<String>>,
        limit: Duration,
    ) -> Result<Instance> {
        let url = format!("{server}/{version}/ServiceInstance");
        let reply = http.get(&url, token, limit).map_err(|failure| verdict::of_failure(server, failure))?;
        let is_served = match reply.status {
            200 | 401 | 403 => true,
            404 => false,
            _ => return Err(verdict::not_an_answer(server, &reply)),
        };
        Ok(Instance { is_served, status: reply.status, date: reply.date })
    }

    /// The version spoken.
    pub fn version(&self) -> ApiVersion {
        self.version
    }

    /// Hands over an assertion: Microsoft's token response as one string. `organization` is sent
    /// as it is, because the server compares it by case.
    ///
    /// # Errors
    /// See [`Failure`].
    pub fn exchange(
        &self,
        organization: &str,
        assertion: &Secret<String>,
        limit: Duration,
    ) -> Result<VeeamTokens, Failure> {
        let form = [("grant_type", JWT_BEARER_GRANT), ("client_id", organization), ("assertion", assertion.expose())];
        self.token(&form, assertion, limit)
    }

    /// Spends a refresh token for a new pair.
    ///
    /// # Errors
    /// See [`Failure`].
    pub fn refresh(&self, refresh_token: &Secret<String>, limit: Duration) -> Result<VeeamTokens, Failure> {
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh_token.expose())];
        self.token(&form, refresh_token, limit)
    }

    /// Ends `access_token` at the server (from v7 on).
    ///
    /// # Errors
    /// The server says no, or nothing; its words are not needed.
    pub fn log_out(&self, access_token: &Secret<String>, limit: Duration) -> Result<()> {
        let reply = self
            .http
            .post_empty(&format!("{}/logout", self.token_url()), access_token, limit)
            .map_err(|failure| verdict::of_failure(&self.server, failure))?;
        match reply.status {
            200 | 204 => Ok(()),
            _ => Err(verdict::not_an_answer(&self.server, &reply)),
        }
    }

    /// Posts a form with this `secret` in it.
    fn token(&self, form: &[(&str, &str)], secret: &Secret<String>, limit: Duration) -> Result<VeeamTokens, Failure> {
        // Without it a token of v8 is bound to a browser's cookie, at refresh too; v6 and older do not know it.
        let antiforgery = (self.version >= ApiVersion::V7).then_some(("disable_antiforgery_token", "true"));
        let form: Vec<_> = form.iter().copied().chain(antiforgery).collect();
        let reply = self
            .http
            .post_form(&self.token_url(), &form, limit)
            .map_err(|failure| Failure::Other(verdict::of_failure(&self.server, failure)))?;
        if reply.status != 200 {
            return Err(verdict::judge(&self.tenant, &self.server, self.version, &reply, secret.expose()));
        }
        VeeamTokens::read(&reply.body).map_err(|why| Failure::Other(verdict::unreadable(&self.server, &why)))
    }

    /// Spelled as the documents of each version spell it.
    fn token_url(&self) -> String {
        let word = if self.version <= ApiVersion::V5 { "Token" } else { "token" };
        format!("{}/{}/{word}", self.server, self.version)
    }
}
