//! A verdict in words for a person: the error of the kind it calls for, and the one thing that
//! mends it, by AADSTS number where Microsoft's own words are no help.

use super::verdict::{Class, Verdict};
use crate::credential::Settings;
use crate::error::{Error, Kind};

/// What an administrator can do, by AADSTS number.
const ADVICE: [(&[u32], &str); 10] = [
    (&[7_000_218], "set \"Allow public client flows\" in the app registration to yes"),
    (&[700_016], "check client_id, or have an administrator add that application to the tenant"),
    (&[65002], "use scopes that are preauthorised for this client_id, or the client_id of an own app registration"),
    (&[70011, 500_011], "check scopes in the configuration"),
    (&[90002, 50059, 50194, 90133, 9_001_023], "check the tenant's name"),
    (
        &[53000, 53001, 530_003],
        "sign in from a device that the tenant's policy accepts, or have an administrator change the policy",
    ),
    (
        &[53002, 53003, 53011, 530_032, 530_034, 530_035, 50005, 50097, 50131],
        "have an administrator exclude this sign-in from the Conditional Access policy that blocks it",
    ),
    (&[50105], "have an administrator assign the user to the application"),
    (&[50020, 50034, 50057], "sign in with an enabled account of this tenant"),
    (
        &[90094, 90095, 500_021, 500_022, 500_212, 500_213],
        "have an administrator of the tenant consent to the application",
    ),
];

const ELSE: &str = "have an administrator look the correlation id up in the tenant's sign-in log";

impl Verdict {
    /// The error for a caller. A dead refresh token is `login_required`, with the command to sign in.
    pub fn into_error(self, settings: &Settings) -> Error {
        let deed = format!("renew the tokens of {}", settings.tenant);
        self.into_error_at(&deed, settings)
    }

    /// The error where `deed` did not work.
    pub(super) fn into_error_at(self, deed: &str, settings: &Settings) -> Error {
        let host = settings.authority.host();
        let tenant = &settings.tenant;
        let error = match self.class {
            Class::Unavailable => Error::new(Kind::Unavailable, format!("{host} cannot {deed} now: {}", self.message))
                .with_retry_after(self.retry_after),
            Class::Untrusted => Error::new(Kind::UntrustedServer, self.message)
                .with_hint("if your network inspects TLS, name its root certificate in ca_file"),
            Class::Refused => Error::new(Kind::Refused, format!("{host} refused {tenant}: {}", self.message))
                .with_hint(advice(&self.cause.codes)),
            Class::Dead => {
                Error::new(Kind::LoginRequired, format!("{host} wants {tenant} to sign in again: {}", self.message))
                    .with_hint(format!("vb365-helper login {tenant}"))
            }
        };
        match self.cause.http_status {
            Some(_) => error.with_tenant(tenant).with_cause(*self.cause),
            None => error.with_tenant(tenant),
        }
    }

    /// The error where a person signs in already: nothing there is cured by a sign-in, so what
    /// would be a dead refresh token elsewhere is a refusal.
    pub fn into_sign_in_error(mut self, settings: &Settings) -> Error {
        if self.class == Class::Dead {
            self.class = Class::Refused;
        }
        let deed = format!("sign {} in", settings.tenant);
        self.into_error_at(&deed, settings)
    }
}

fn advice(codes: &[u32]) -> &'static str {
    let row = ADVICE.iter().find(|(listed, _)| codes.iter().any(|code| listed.contains(code)));
    row.map_or(ELSE, |(_, advice)| advice)
}
