//! What the configuration says about a tenant, in types that hold only what can be used.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::{Origin, Scopes, Tenant};

/// Everything the configuration says about one tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The tenant.
    pub tenant: Tenant,
    /// The only VB365 servers its tokens may go to; the first is the default.
    pub servers: Vec<Origin>,
    /// The organization as the VB365 server spells it; case matters there.
    pub organization: String,
    /// The API version to speak; found out where it is not said.
    pub api_version: Option<ApiVersion>,
    /// The application that signs in (a public client).
    pub client_id: String,
    /// What it asks for.
    pub scopes: Scopes,
    /// The identity host.
    pub authority: Origin,
    /// Whom to believe.
    pub trust: Trust,
    /// How long an access token must still live to be handed out.
    pub min_ttl: Duration,
    /// Who tells a person of a sign-in that is due where there is no terminal; nobody unless it is said.
    pub prompt: Option<PromptCommand>,
}

/// A command that tells a person of a sign-in that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromptCommand {
    /// The program, by its path or as the system finds it.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// How long the person is waited for; as long as the code is valid where it is not said.
    pub timeout: Option<Duration>,
    /// How long nobody is told again about the same tenant.
    pub repeat_after: Duration,
}

/// Version of the VB365 REST API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names say it")]
pub enum ApiVersion {
    V4,
    V5,
    V6,
    V7,
    V8,
}

impl ApiVersion {
    /// Every version, newest first.
    pub const NEWEST_FIRST: [Self; 5] = [Self::V8, Self::V7, Self::V6, Self::V5, Self::V4];

    /// `v4` to `v8`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V4 => "v4",
            Self::V5 => "v5",
            Self::V6 => "v6",
            Self::V7 => "v7",
            Self::V8 => "v8",
        }
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ApiVersion {
    type Err = String;

    fn from_str(typed: &str) -> Result<Self, String> {
        Self::NEWEST_FIRST
            .into_iter()
            .find(|version| version.as_str().eq_ignore_ascii_case(typed))
            .ok_or_else(|| "the API version is one of v4, v5, v6, v7, v8".to_owned())
    }
}

/// SHA-256 of a server certificate's DER form.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fingerprint(pub [u8; 32]);

impl FromStr for Fingerprint {
    type Err = String;

    /// Reads 64 hexadecimal digits, with or without colons, hyphens or spaces between the bytes.
    fn from_str(typed: &str) -> Result<Self, String> {
        let wrong = || "a fingerprint is the 64 hexadecimal digits of a SHA-256".to_owned();
        let digits: Vec<u32> = typed
            .chars()
            .filter(|c| !matches!(c, ':' | '-' | ' '))
            .map(|c| c.to_digit(16).ok_or_else(wrong))
            .collect::<Result<_, _>>()?;
        let mut bytes = [0; 32];
        if digits.len() != 2 * bytes.len() {
            return Err(wrong());
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
            *byte = u8::try_from(pair[0] * 16 + pair[1]).map_err(|_| wrong())?;
        }
        Ok(Self(bytes))
    }
}

impl Fingerprint {
    /// In two lines that an eye can compare: bytes in capital letters between colons, as openssl and
    /// browsers write them.
    pub fn by_eye(&self) -> [String; 2] {
        let (first, second) = self.0.split_at(16);
        [first, second].map(|half| half.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":"))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

/// Whom to believe to be a server, beside what the operating system believes.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Trust {
    /// PEM file with further roots, for the VB365 server and the identity host.
    pub ca_file: Option<PathBuf>,
    /// Certificates that are accepted instead of any chain and name; for the VB365 server alone.
    pub pins: Vec<Fingerprint>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_read_with_and_without_colons() {
        let plain = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
        let fingerprint: Fingerprint = plain.parse().unwrap();
        assert_eq!(fingerprint.to_string(), plain);
        let colons: Vec<_> = plain.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap()).collect();
        assert_eq!(colons.join(":").to_uppercase().parse::<Fingerprint>().unwrap(), fingerprint);
        assert_eq!(fingerprint.by_eye().join(":"), colons.join(":").to_uppercase());
        assert_eq!(colons.join("-").parse::<Fingerprint>().unwrap(), fingerprint);
        for wrong in ["", "9f86", &plain[1..], &plain.replace('9', "g")] {
            assert!(wrong.parse::<Fingerprint>().is_err());
        }
    }

    #[test]
    fn api_versions_are_v4_to_v8() {
        assert_eq!("V6".parse(), Ok(ApiVersion::V6));
        assert!("v9".parse::<ApiVersion>().is_err());
        assert!(ApiVersion::V8 > ApiVersion::V4);
    }
}
