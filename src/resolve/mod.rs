//! The ladder: the cached access token, else the server's refresh token, else the cached assertion,
//! else Microsoft's refresh token, else a person. Each rung is tried only when the one above it
//! cannot answer, and a fault that will pass never leads down to the person.

mod ahead;
mod clients;
mod held;
mod reach;
mod rungs;
mod sign_in;
mod trail;

use std::cell::Cell;
use std::time::Duration;

pub use self::clients::Clients;
use self::held::Held;
pub use self::held::{entra_record, veeam_record};
pub use self::sign_in::SignedIn;
pub use self::trail::{Mark, Trail};
use crate::cache::{Cache, EntraRecord, Entry, Life, VeeamRecord};
use crate::credential::{Credential, Grant, Origin, Request, Settings, Source, Want};
use crate::device_login::Person;
use crate::entra::tokens;
use crate::error::{Error, Kind, Result};
use crate::host::{Clock, Deadline};
use crate::warnings::Warnings;

/// How long a call may take without a person where the caller sets no limit: callers allow 10 s.
pub const SILENT_TIMEOUT: Duration = Duration::from_secs(8);

/// What a ladder is climbed with.
#[derive(Clone, Copy)]
pub struct Means<'a> {
    /// The tokens on disk.
    pub cache: &'a Cache,
    /// The time.
    pub clock: &'a dyn Clock,
    /// Who can be asked to sign in.
    pub person: Person<'a>,
    /// What goes wrong without ending the call.
    pub warnings: &'a Warnings,
    /// What each rung found.
    pub trail: &'a Trail,
    /// Connections to both systems.
    pub clients: &'a Clients,
}

/// One call's way through the ladder.
pub struct Ladder<'a> {
    settings: &'a Settings,
    request: &'a Request,
    server: Origin,
    cache: &'a Cache,
    clock: &'a dyn Clock,
    person: Person<'a>,
    clients: &'a Clients,
    warnings: &'a Warnings,
    trail: &'a Trail,
    /// The end of the time that the caller allows; what a person's sign-in brought is still exchanged
    /// and kept after that.
    limit: Option<Deadline>,
    /// Whether something that came could not be kept.
    unsaved: Cell<bool>,
}

/// Why a climb ended without a token.
#[derive(Debug)]
enum Stop {
    /// Only a person can help.
    SignIn(Due),
    /// Nothing further down would help.
    Failed(Error),
}

/// Why a person is needed: nothing else is a reason.
#[derive(Debug)]
struct Due {
    error: Error,
    /// What the sign-in has to satisfy.
    claims: Option<String>,
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Stop {
    fn into_error(self) -> Error {
        match self {
            Self::SignIn(due) => due.error,
            Self::Failed(error) => error,
        }
    }
}

impl<'a> Ladder<'a> {
    /// The way for `request` under `settings`.
    ///
    /// # Errors
    /// Kind `config`: the request names a server that the configuration does not, or the
    /// configuration names none and one is needed.
    pub fn new(settings: &'a Settings, request: &'a Request, means: Means<'a>) -> Result<Self> {
        let Means { cache, clock, person, warnings, trail, clients } = means;
        Ok(Self {
            server: server_of(settings, request)?,
            settings,
            request,
            cache,
            clock,
            person,
            clients,
            warnings,
            trail,
            limit: request.timeout.map(|timeout| Deadline::after(clock, timeout)),
            unsaved: Cell::new(false),
        })
    }

    /// The credential asked for, by `deadline` where no person is needed.
    ///
    /// # Errors
    /// Every kind but `bad_request`.
    pub fn get(&self, deadline: Deadline) -> Result<Credential> {
        let credential = self.answer(deadline)?;
        self.note_answer(&credential);
        Ok(credential)
    }

    fn answer(&self, deadline: Deadline) -> Result<Credential> {
        let found = self.cache.read(&self.settings.tenant)?;
        self.note(Source::Cache, || self.how_cached(&found.entry));
        if let Some(credential) = self.cached(&found.entry) {
            return Ok(credential);
        }
        match self.renew(deadline) {
            Ok(credential) => Ok(credential),
            Err(Stop::SignIn(due)) => self.after_sign_in(due, deadline),
            Err(Stop::Failed(error)) => self.still_alive(error),
        }
    }

    /// Rung 1: a cached token with enough life left.
    fn cached(&self, entry: &Entry) -> Option<Credential> {
        let (grant, life) = self.kept(entry)?;
        life.is_enough(self.clock.now(), self.min_ttl()).then(|| self.credential(grant, life, Source::Cache))
    }

    fn min_ttl(&self) -> Duration {
        self.request.min_ttl.unwrap_or(self.settings.min_ttl)
    }

    /// When to give up what needs no person, once one was waited for.
    fn silent_deadline(&self) -> Deadline {
        self.limit.unwrap_or_else(|| Deadline::after(self.clock, SILENT_TIMEOUT))
    }

    /// Rungs 2 to 4, under the tenant's lock, and rung 1 again: another process may have climbed.
    fn renew(&self, deadline: Deadline) -> Result<Credential, Stop> {
        let mut held = self.hold(deadline)?;
        held.drop_refused();
        if let Some(credential) = self.cached(&held.entry) {
            self.note(Source::Cache, || "another process renewed it meanwhile");
            return Ok(credential);
        }
        match self.request.want {
            Want::Veeam => held.climb(),
            Want::Entra | Want::Assertion => held.renew_entra().and_then(|()| held.answer(Source::EntraRefresh)),
        }
    }

    /// A token below its minimum that still lives beats a fault that will pass.
    fn still_alive(&self, error: Error) -> Result<Credential> {
        if !matches!(error.kind(), Kind::Unavailable | Kind::Cache) {
            return Err(error);
        }
        let Ok(found) = self.cache.read(&self.settings.tenant) else { return Err(error) };
        let now = self.clock.now();
        match self.kept(&found.entry) {
            Some((grant, life)) if life.is_alive(now) => {
                let left = (life.expires_at() - now).num_seconds();
                self.note(Source::Cache, || "it still lives, and nothing better is to be had");
                self.warnings.add(format!(
                    "handing out a token that ends in {left} s, because it could not be renewed: {error}"
                ));
                Ok(self.credential(grant, life, Source::Cache))
            }
            _ => Err(error),
        }
    }

    /// The token that was wanted, whatever its age, unless the caller says that it was refused.
    fn kept(&self, entry: &Entry) -> Option<(Grant, Life)> {
        let refused = self.request.refused_token.as_ref();
        match self.request.want {
            Want::Veeam => {
                let record = entry.veeam(&self.server)?;
                let token = record.access_token.clone().filter(|token| Some(token) != refused)?;
                Some((Grant::Veeam { server: self.server.clone(), token }, record.life()))
            }
            Want::Entra | Want::Assertion => {
                let record = entry.entra(self.settings)?;
                let token = tokens::access_token(&record.token_response).filter(|token| Some(token) != refused)?;
                let grant = match self.request.want {
                    Want::Assertion => Grant::Assertion {
                        organization: self.settings.organization.clone(),
                        assertion: record.token_response.clone(),
                    },
                    _ => Grant::Entra { token },
                };
                Some((grant, record.life()))
            }
        }
    }

    fn credential(&self, grant: Grant, life: Life, source: Source) -> Credential {
        Credential { tenant: self.settings.tenant.clone(), grant, expires_at: life.expires_at(), source }
    }
}

/// The server a request is about: one of the configured ones, never another.
fn server_of(settings: &Settings, request: &Request) -> Result<Origin> {
    let tenant = &settings.tenant;
    let error = |message: String, server: &str| {
        Error::new(Kind::Config, message)
            .with_hint(format!("vb365-helper login {tenant} --server {server}"))
            .with_tenant(tenant)
    };
    match (&request.server, settings.servers.first()) {
        (Some(asked), _) if settings.servers.contains(asked) => Ok(asked.clone()),
        (Some(asked), _) => Err(error(format!("{asked} is no configured server of {tenant}"), asked.as_str())),
        (None, Some(first)) => Ok(first.clone()),
        // Nothing is sent to a VB365 server for these, so none has to be known.
        (None, None) if request.want != Want::Veeam => Ok(settings.authority.clone()),
        (None, None) => Err(error(format!("no server is configured for {tenant}"), "https://HOST:4443")),
    }
}
