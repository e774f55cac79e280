//! A tenant's entry under its lock. What a server answers is written here before anything else is
//! done with it; a write that fails costs the next call a request, never this call its token.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{Due, EntraRecord, Ladder, Stop, VeeamRecord};
use crate::cache::{Entry, Rejected, TenantLock};
use crate::credential::{ApiVersion, Credential, Settings, Source, Want};
use crate::entra::tokens::{self, EntraTokens};
use crate::entra::verdict::Verdict;
use crate::error::{Error, Kind, Result};
use crate::host::Deadline;
use crate::text::without_tokens;
use crate::token::whole_seconds;
use crate::veeam::VeeamTokens;

/// The right to climb, and what it is climbed with.
pub(super) struct Held<'l, 'a> {
    pub(super) ladder: &'l Ladder<'a>,
    pub(super) entry: Entry,
    pub(super) deadline: Deadline,
    /// None where a person signed in and the lock is not to be had; see [`Held::settle`].
    lock: Option<TenantLock>,
}

impl<'a> Ladder<'a> {
    /// Takes the tenant's lock and reads again: what was read before may be spent by now.
    pub(super) fn hold(&self, deadline: Deadline) -> Result<Held<'_, 'a>> {
        let lock = self.cache.lock(&self.settings.tenant, self.clock, deadline)?;
        let found = lock.read()?;
        if let Some(damage) = found.damage {
            self.warnings.add(damage);
        }
        Ok(Held { ladder: self, entry: found.entry, deadline, lock: Some(lock) })
    }

    /// The same where a person has just signed in, who must not lose that to a lock or a disk.
    ///
    /// The wait for the lock does not count: `time` is what is left for the requests.
    pub(super) fn hold_or_go_on(&self, time: Duration) -> Held<'_, 'a> {
        let held = self.hold(Deadline::after(self.clock, time)).ok();
        let deadline = Deadline::after(self.clock, time);
        match held {
            Some(held) => Held { deadline, ..held },
            None => Held { ladder: self, entry: Entry::empty(&self.settings.tenant), deadline, lock: None },
        }
    }

    fn warn_unsaved(&self, error: &Error) {
        self.unsaved.set(true);
        self.warnings.add(format!("not saved, so that the next call has to ask again: {error}"));
    }
}

impl Held<'_, '_> {
    /// Drops the token that the caller says was refused, if it is still the kept one.
    pub(super) fn drop_refused(&mut self) {
        let Ladder { request, settings, server, .. } = self.ladder;
        let Some(refused) = &request.refused_token else { return };
        if request.want == Want::Veeam {
            let record = self.entry.veeam_mut(server);
            let Some(record) = record.filter(|record| record.access_token.as_ref() == Some(refused)) else { return };
            record.access_token = None;
        } else {
            let Some(record) = self.entry.entra_mut(settings) else { return };
            if tokens::access_token(&record.token_response).as_ref() != Some(refused) {
                return;
            }
            record.token_response = tokens::without_access_token(&record.token_response);
        }
        self.save();
    }

    /// Keeps what the VB365 server answered.
    pub(super) fn keep_veeam(&mut self, tokens: &VeeamTokens, version: ApiVersion) {
        let server = &self.ladder.server;
        let mut record = veeam_record(server.as_str(), tokens, Some(version), self.now());
        // A renewal may leave out what the first answer said.
        let account = || self.entry.veeam(server)?.account.clone();
        record.account = record.account.or_else(account);
        self.entry.put_veeam(record);
        self.save();
    }

    /// Keeps what the identity platform answered.
    pub(super) fn keep_entra(&mut self, tokens: &EntraTokens) {
        let record = entra_record(self.ladder.settings, tokens, self.now());
        self.entry.put_entra(record);
        self.save();
    }

    /// Forgets a refresh token that the VB365 server rejected: spent or dead, it is not sent again.
    pub(super) fn forget_veeam_refresh(&mut self) {
        if let Some(record) = self.entry.veeam_mut(&self.ladder.server) {
            record.refresh_token = None;
            self.save();
        }
    }

    /// Notes that Microsoft's refresh token is dead, so that it is not sent again.
    pub(super) fn note_dead(&mut self, verdict: &Verdict) {
        let now = self.now();
        if let Some(record) = self.entry.entra_mut(self.ladder.settings) {
            record.rejected = Some(Rejected {
                at: now,
                error: verdict.cause.error.clone(),
                codes: verdict.cause.codes.clone(),
                claims: verdict.claims.clone(),
            });
            self.save();
        }
    }

    /// The kept token as the answer; it was received in this call, so its age does not matter.
    pub(super) fn answer(&self, source: Source) -> Result<Credential, Stop> {
        let kept = self.ladder.kept(&self.entry);
        let (grant, life) = kept.ok_or_else(|| {
            // A server that answers with the very token that was refused is of no help.
            Error::new(Kind::Unavailable, "the renewal brought back the token that was refused")
                .with_tenant(&self.ladder.settings.tenant)
        })?;
        Ok(self.ladder.credential(grant, life, source))
    }

    /// Keeps, beside what is kept by now, what came while the lock was not to be had.
    pub(super) fn settle(self, time: Duration) {
        if self.lock.is_some() {
            return;
        }
        let kept = self.ladder.hold(Deadline::after(self.ladder.clock, time)).map(|mut late| {
            self.entry.entra.into_iter().for_each(|record| late.entry.put_entra(record));
            self.entry.veeam.into_iter().for_each(|record| late.entry.put_veeam(record));
            late.save();
        });
        if let Err(error) = kept {
            self.ladder.warn_unsaved(&error);
        }
    }

    fn now(&self) -> DateTime<Utc> {
        whole_seconds(self.ladder.clock.now())
    }

    fn save(&mut self) {
        if let Some(lock) = &mut self.lock
            && let Err(error) = lock.write(&self.entry)
        {
            self.ladder.warn_unsaved(&error);
        }
    }
}

/// What is kept of an answer of the VB365 server.
pub fn veeam_record(
    server: &str,
    tokens: &VeeamTokens,
    version: Option<ApiVersion>,
    obtained_at: DateTime<Utc>,
) -> VeeamRecord {
    VeeamRecord {
        server: server.to_owned(),
        api_version: version.map(|version| version.as_str().to_owned()),
        obtained_at,
        account: tokens.account.clone(),
        access_token: Some(tokens.response.access_token.clone()),
        access_expires_at: tokens.response.expires_at(obtained_at),
        refresh_token: tokens.response.refresh_token.clone(),
    }
}

/// What is kept of an answer of the identity platform.
pub fn entra_record(settings: &Settings, tokens: &EntraTokens, obtained_at: DateTime<Utc>) -> EntraRecord {
    EntraRecord {
        authority: settings.authority.as_str().to_owned(),
        client_id: settings.client_id.clone(),
        scopes: settings.scopes.as_slice().to_vec(),
        obtained_at,
        access_expires_at: obtained_at + tokens.lifetime(),
        account: tokens.account(),
        tenant_id: tokens.tenant_id(),
        token_response: tokens.text().clone(),
        rejected: None,
    }
}

/// The reasons for which a person is asked.
impl Due {
    /// Nobody signed in yet, or what was kept cannot be renewed.
    pub(super) fn nothing_kept(settings: &Settings) -> Self {
        let tenant = &settings.tenant;
        let message = format!("nobody on this machine is signed in to {tenant}");
        Self { error: login_required(settings, message), claims: None }
    }

    /// The identity platform said that the refresh token is dead, now or earlier.
    pub(super) fn dead(settings: &Settings, rejected: &Rejected) -> Self {
        let codes: Vec<_> = rejected.codes.iter().map(|code| format!("AADSTS{code}")).collect();
        // It comes from a file, where anything may stand.
        let error = rejected.error.as_deref().map(without_tokens);
        let said = if codes.is_empty() { error.clone().unwrap_or_default() } else { codes.join(", ") };
        let (host, tenant) = (settings.authority.host(), &settings.tenant);
        let message = format!("{host} ended the sign-in of {tenant} ({said})");
        let cause = crate::error::Cause { error, codes: rejected.codes.clone(), ..Default::default() };
        Self { error: login_required(settings, message).with_cause(cause), claims: rejected.claims.clone() }
    }
}

fn login_required(settings: &Settings, message: String) -> Error {
    let tenant = &settings.tenant;
    Error::new(Kind::LoginRequired, message).with_hint(format!("vb365-helper login {tenant}")).with_tenant(tenant)
}
