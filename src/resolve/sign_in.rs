//! Rung 5: a person. One sign-in per tenant and machine at a time, under a lock of its own, so that
//! nobody waits for the tenant's tokens while somebody looks for a browser. Whoever waited for it
//! takes what it brought.

use std::time::Duration;

use super::reach::Reach;
use super::{Due, Ladder, Stop};
use crate::cache::{EntraRecord, Entry, LoginLock};
use crate::credential::{Credential, Source, Want};
use crate::device_login::{self, NotSignedIn, Prompt, SignIn, cancelled};
use crate::entra::tokens::EntraTokens;
use crate::error::{Error, Kind, Result};
use crate::host::Deadline;
use crate::text::printable;

/// How long another person's sign-in is waited for: the longest life of a code and a little.
const OTHERS_SIGN_IN: Duration = Duration::from_secs(3660);
/// How long the lock after a sign-in may be waited for, and what is done under it may take. Ctrl-C is
/// not heard by then: the code was used, and what that brought is to be kept.
const AFTERWARDS: Duration = Duration::from_secs(30);
/// How long that lock is waited for once more, at the end.
const AT_LAST: Duration = Duration::from_secs(5);

/// What a sign-in brought.
#[derive(Debug)]
pub struct SignedIn {
    /// The credential asked for.
    pub credential: Credential,
    /// Who signed in, as far as it is known.
    pub account: Option<String>,
}

impl Ladder<'_> {
    /// Has a person sign in now, unless one just did in another window. `before` is called as soon as the
    /// platform knows the tenant, and nobody is asked for anything where it fails.
    ///
    /// # Errors
    /// Every kind but `bad_request`; `cache` where the sign-in worked and is not kept; and those of `before`.
    pub fn login(&self, before: &mut dyn FnMut() -> Result<()>) -> Result<SignedIn> {
        let last = self.sign_in_kept()?;
        let mut waited = false;
        let mut login = self.lock_login(&mut || waited = true)?;
        let kept = self.sign_in_kept()?;
        if waited
            && is_new(kept.as_ref(), last.as_ref())
            && let Ok(credential) = self.renew(self.silent_deadline())
        {
            before()?;
            return Ok(self.signed_in(credential));
        }
        let claims = kept.and_then(|record| record.rejected).and_then(|rejected| rejected.claims);
        let credential = self.ask(&mut login, claims.as_deref(), Reach::Terminal, before)?;
        if self.unsaved.get() { Err(self.not_kept()) } else { Ok(self.signed_in(credential)) }
    }

    /// Somebody signed in, and who only wanted that has nothing of it.
    fn not_kept(&self) -> Error {
        let tenant = &self.settings.tenant;
        Error::new(Kind::Cache, format!("the sign-in to {tenant} worked, but could not be saved"))
            .with_hint(format!("vb365-helper login {tenant}, once the file can be written"))
            .with_tenant(tenant)
    }

    /// What is kept of the last sign-in.
    fn sign_in_kept(&self) -> Result<Option<EntraRecord>> {
        Ok(self.cache.read(&self.settings.tenant)?.entry.entra(self.settings).cloned())
    }

    /// Rung 5 for `get`, which has a reason to ask: `due`. Where nobody can be asked, the call still
    /// ends at `deadline`.
    pub(super) fn after_sign_in(&self, due: Due, deadline: Deadline) -> Result<Credential> {
        let reach = self.reach();
        if let Reach::Nobody(why) = reach {
            self.note(Source::Login, || why);
            return self.after_somebody_elses(due, deadline).or_else(|error| self.still_alive(error));
        }
        let mut login = match self.lock_login(&mut || {}) {
            Ok(login) => login,
            Err(error) => return self.still_alive(error),
        };
        // Another window may have signed in, or another process stored a newer refresh token.
        let due = match self.renew(self.silent_deadline()) {
            Err(Stop::SignIn(due)) => due,
            Err(Stop::Failed(error)) => return self.still_alive(error),
            Ok(credential) => return Ok(credential),
        };
        // The wait for the lock may have taken the time that somebody elsewhere needs.
        let reach = self.reach();
        if let Reach::Nobody(why) = reach {
            self.note(Source::Login, || why);
            return self.still_alive(due.error);
        }
        if let Some(again_at) = self.not_again_before(&mut login, reach) {
            self.note(Source::Login, || "asked before, and not again yet");
            return Err(self.not_offered(again_at, reach));
        }
        self.ask(&mut login, due.claims.as_deref(), reach, &mut || Ok(())).or_else(|error| self.still_alive(error))
    }

    /// Nobody can be asked here; but where somebody signs in right now, that is waited for.
    fn after_somebody_elses(&self, due: Due, deadline: Deadline) -> Result<Credential> {
        if !self.cache.is_login_under_way(&self.settings.tenant) {
            return Err(due.error);
        }
        self.note(Source::Login, || "waiting for one who is asked elsewhere");
        // Let go at once: it is for those who ask a person.
        drop(self.cache.lock_login(&self.settings.tenant, self.clock, deadline, &mut || Ok(()))?);
        self.renew(deadline).map_err(Stop::into_error)
    }

    fn lock_login(&self, on_wait: &mut dyn FnMut()) -> Result<LoginLock> {
        let tenant = &self.settings.tenant;
        let deadline = self.limit.unwrap_or_else(|| Deadline::after(self.clock, OTHERS_SIGN_IN));
        let mut is_told = false;
        self.cache.lock_login(tenant, self.clock, deadline, &mut || {
            if self.person.terminal.is_interrupted() {
                return Err(cancelled(tenant));
            }
            if !is_told {
                is_told = true;
                on_wait();
                // Without the terminal there is nobody to tell.
                let words = format!("Waiting for the sign-in to {tenant} in another window ...\n");
                let _ = self.person.terminal.show(&words);
            }
            Ok(())
        })
    }

    /// Asks the person, keeps what came, and exchanges it.
    fn ask(
        &self,
        login: &mut LoginLock,
        claims: Option<&str>,
        reach: Reach<'_>,
        before: &mut dyn FnMut() -> Result<()>,
    ) -> Result<Credential> {
        self.note(Source::Login, || "asked to sign in");
        let entra = self.entra()?;
        // Before the wait: what a person did meanwhile is not lost because a file cannot be read.
        let kept = self.cache.read(&self.settings.tenant)?.entry;
        let account = kept.entra(self.settings).and_then(|record| record.account.as_deref());
        let mut prompt = self.person.prompt(self.settings, reach.command());
        let sign_in = SignIn {
            entra: &entra,
            settings: self.settings,
            server: (self.request.want == Want::Veeam).then_some(&self.server),
            account,
            claims,
            limit: self.limit_of_sign_in(reach),
        };
        let asked = device_login::run(&sign_in, self.clock, &mut *prompt, &mut || {
            before()?;
            match reach.command() {
                // Before the message: who is killed while waiting must not have it sent again at once.
                Some(_) => login.note_asked(self.clock.now()),
                None => Ok(()),
            }
        });
        let accepted = asked.and_then(|tokens| self.accepted(tokens, &kept, &mut *prompt));
        self.note_outcome(login, &accepted);
        let tokens = accepted.map_err(NotSignedIn::into_error)?;
        let mut held = self.hold_or_go_on(AFTERWARDS);
        held.keep_entra(&tokens);
        let answer = match self.request.want {
            Want::Veeam => held.exchange(Source::Login),
            Want::Entra | Want::Assertion => held.answer(Source::Login),
        };
        held.settle(AT_LAST);
        answer.map_err(|stop| match stop {
            // The person has just been asked: never again for this call.
            Stop::SignIn(due) => Error::new(Kind::Refused, format!("right after the sign-in: {}", due.error))
                .with_tenant(&self.settings.tenant),
            Stop::Failed(error) => error,
        })
    }

    /// The tokens, unless they are another's than last time and the person did not mean that: a browser
    /// signs in whoever it remembers. Nothing was kept or sent yet.
    fn accepted(&self, tokens: EntraTokens, kept: &Entry, prompt: &mut dyn Prompt) -> Result<EntraTokens, NotSignedIn> {
        let last = kept.entra.iter().max_by_key(|record| record.obtained_at);
        let Some(difference) = last.and_then(|last| difference(last, &tokens)) else { return Ok(tokens) };
        let tenant = &self.settings.tenant;
        if prompt.confirms(&format!("This sign-in to {tenant} is for {difference}. Keep it?")) {
            return Ok(tokens);
        }
        let message = format!("the sign-in to {tenant} was dropped: it is for {difference}");
        let error = Error::new(Kind::LoginFailed, message).with_hint(format!("vb365-helper login {tenant}"));
        Err(NotSignedIn::Declined(error.with_tenant(tenant)))
    }

    fn signed_in(&self, credential: Credential) -> SignedIn {
        let found = self.cache.read(&self.settings.tenant).ok();
        let account = found.and_then(|found| {
            let entra = found.entry.entra(self.settings).and_then(|record| record.account.clone());
            entra.or_else(|| found.entry.veeam(&self.server)?.account.clone())
        });
        SignedIn { credential, account }
    }
}

/// Who signed in now and who did last time, if that is not the same as far as both are known.
fn difference(last: &EntraRecord, tokens: &EntraTokens) -> Option<String> {
    let differ = |last: Option<&str>, now: Option<String>| {
        let (last, now) = last.zip(now)?;
        (!last.eq_ignore_ascii_case(&now)).then(|| (printable(last), printable(&now)))
    };
    let tenants = differ(last.tenant_id.as_deref(), tokens.tenant_id());
    let accounts = differ(last.account.as_deref(), tokens.account());
    let words = |what: &str, (last, now)| format!("{what} {now}, and the last one was for {last}");
    tenants.map(|ids| words("the directory", ids)).or_else(|| accounts.map(|names| words("the account", names)))
}

/// Whether somebody signed in between the two: one that was cancelled changes nothing.
fn is_new(now: Option<&EntraRecord>, before: Option<&EntraRecord>) -> bool {
    now.is_some_and(|now| {
        now.rejected.is_none() && before.is_none_or(|before| before.token_response != now.token_response)
    })
}
