//! What callers ask, whatever their protocol, each with how it is answered.

use chrono::{DateTime, Utc};

use super::form::Output;
use crate::credential::{Credential, Host, Origin, Request, ServerRequest, Tenant};
use crate::error::Result;
use crate::secret::Secret;

/// One request and the form of its answer.
#[derive(Debug)]
pub enum Asked {
    /// A tenant's credential.
    Get(Request, fn(&Credential, DateTime<Utc>) -> Result<Output>),
    /// Whatever token there is for a server.
    GetFor(ServerRequest, fn(Option<&Token>, DateTime<Utc>) -> Output),
    /// To keep token responses.
    Store(StoreRequest, fn(&StoreRequest) -> Output),
    /// To keep a token for a host of another service, with the answer.
    StoreFor(Host, Secret<String>, Output),
    /// To remove a tenant's tokens.
    Erase(EraseRequest, fn(&EraseRequest) -> Output),
    /// To remove whatever there is for a host, with the answer.
    EraseFor(ServerRequest, Output),
    /// To remove everything, with the answer.
    EraseAll(Output),
    /// Nothing that could be known here, which is an answer too.
    Nothing(Output),
}

impl Asked {
    /// How long the answer may take where that is said.
    pub fn timeout(&self) -> Option<std::time::Duration> {
        match self {
            Self::Get(request, _) => request.timeout,
            Self::GetFor(request, _) => request.timeout,
            _ => None,
        }
    }
}

/// A token for a server.
#[derive(Clone, Debug)]
pub struct Token {
    /// Sent as `Authorization: Bearer`.
    pub value: Secret<String>,
    /// When it ends, where that is known.
    pub expires_at: Option<DateTime<Utc>>,
}

/// What a caller asks of `store`.
#[derive(Debug)]
pub struct StoreRequest {
    /// Whose tokens.
    pub tenant: Tenant,
    /// The identity platform's token response.
    pub entra: Option<Secret<Vec<u8>>>,
    /// A VB365 server and its token response.
    pub veeam: Option<(Origin, Secret<Vec<u8>>)>,
    /// When the responses came; now without it.
    pub obtained_at: Option<DateTime<Utc>>,
}

/// What a caller asks of `erase`.
#[derive(Debug)]
pub struct EraseRequest {
    /// Whose tokens.
    pub tenant: Tenant,
    /// Only this server's.
    pub server: Option<Origin>,
    /// Only the access tokens.
    pub access_only: bool,
}
