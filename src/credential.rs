//! What the program is about: a tenant, the servers its tokens may go to, a request, a credential.
//! Each rule lives in the type that parses it; nothing here knows a wire form.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use url::{Host, Url};

use crate::secret::Secret;

/// A Microsoft 365 organization in Entra: its domain name or directory id.
///
/// Kept as typed; [`Tenant::key`] is the one form that reaches the file system.
#[derive(Clone, Debug)]
pub struct Tenant {
    typed: String,
    key: String,
}

/// Longest tenant name: with the longest ending of its files it fills a file name of 255 bytes.
const LONGEST_TENANT: usize = 240;

/// Device names of Windows, which shadow every file `NAME.anything` in every directory.
const WINDOWS_DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];

impl Tenant {
    /// Lower case: tenants that differ in case alone are one.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The name as it was typed.
    pub fn as_str(&self) -> &str {
        &self.typed
    }
}

impl FromStr for Tenant {
    type Err = String;

    fn from_str(typed: &str) -> Result<Self, String> {
        let key = typed.to_ascii_lowercase();
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
        if key.is_empty() {
            return Err("a tenant name cannot be empty".into());
        }
        if key.len() > LONGEST_TENANT {
            return Err(format!("a tenant name has at most {LONGEST_TENANT} characters"));
        }
        if !key.chars().all(allowed) {
            return Err("a tenant name consists of ASCII letters, digits, '.' and '-'".into());
        }
        if key.split('.').any(str::is_empty) || key.starts_with('-') {
            return Err("a tenant name is a domain name or a directory id".into());
        }
        if ["common", "organizations", "consumers"].contains(&key.as_str()) {
            return Err(format!("'{key}' is no tenant: name the organization, as in abc.onmicrosoft.com"));
        }
        if is_windows_device(&key) {
            return Err(format!("'{key}' is a device name on Windows"));
        }
        if key.ends_with(".login") {
            // `abc.login` would share its lock file with the sign-in of `abc`.
            return Err("a tenant name cannot end in '.login'".into());
        }
        Ok(Self { typed: typed.to_owned(), key })
    }
}

fn is_windows_device(key: &str) -> bool {
    let stem = key.split('.').next().unwrap_or(key);
    let numbered = (stem.starts_with("com") || stem.starts_with("lpt"))
        && stem.len() == 4
        && stem.ends_with(|c: char| c.is_ascii_digit());
    numbered || WINDOWS_DEVICES.contains(&stem)
}

impl PartialEq for Tenant {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Tenant {}

impl fmt::Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.typed)
    }
}

/// Where a token may be sent: scheme, host and port, and nothing else.
///
/// Always https, except on this machine's loopback.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    text: String,
    loopback: bool,
}

impl Origin {
    /// `https://host:port`, in the normal form of the URL standard (a default port is left out).
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Host and port, without the scheme.
    pub fn host(&self) -> &str {
        self.text.split_once("://").map_or(self.as_str(), |(_, host)| host)
    }

    /// Whether it is this machine.
    pub fn is_loopback(&self) -> bool {
        self.loopback
    }
}

impl FromStr for Origin {
    type Err = String;

    fn from_str(typed: &str) -> Result<Self, String> {
        let url = Url::parse(typed).map_err(|_| "not a URL; it looks like https://host:4443".to_owned())?;
        let loopback = is_safe_destination(&url)?;
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(format!("a path is too much here; use {}", url.origin().ascii_serialization()));
        }
        Ok(Self { text: url.origin().ascii_serialization(), loopback })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Checks that `url` is https, or http on loopback, without user name and password; answers
/// whether it is loopback.
///
/// # Errors
/// What is wrong, in words.
pub fn is_safe_destination(url: &Url) -> Result<bool, String> {
    let loopback = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => return Err("a URL without a host".into()),
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err("a URL with a user name or password".into());
    }
    match url.scheme() {
        "https" => Ok(loopback),
        "http" if loopback => Ok(true),
        _ => Err("only https is allowed (http on loopback alone)".into()),
    }
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

/// Permissions to ask for: at least what the VB365 server needs of an assertion.
///
/// Veeam, "Authorization for Organizations with Enabled Security Defaults": one permission to read
/// the directory, one to read users, and `offline_access`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scopes(Vec<String>);

const DIRECTORY_SCOPES: [&str; 3] = ["Directory.Read.All", "Directory.ReadWrite.All", "Directory.AccessAsUser.All"];
const USER_SCOPES: [&str; 5] =
    ["User.Read", "User.ReadWrite", "User.ReadBasic.All", "User.Read.All", "User.ReadWrite.All"];
const REFRESH_SCOPE: &str = "offline_access";

impl Scopes {
    /// Checks the three requirements.
    ///
    /// # Errors
    /// The requirement that is missing, or the scope that cannot be sent.
    pub fn new(scopes: Vec<String>) -> Result<Self, String> {
        // RFC 6749 section 3.3: printable ASCII without space, quote and backslash.
        let sendable = |c: char| c.is_ascii_graphic() && c != '"' && c != '\\';
        if scopes.iter().any(|scope| scope.is_empty() || !scope.chars().all(sendable)) {
            return Err("a scope is empty or has a character that scopes cannot have".into());
        }
        // A scope may carry its resource: https://graph.microsoft.com/User.Read
        let has = |name: &str| {
            scopes.iter().any(|scope| scope.rsplit('/').next().is_some_and(|last| last.eq_ignore_ascii_case(name)))
        };
        if !DIRECTORY_SCOPES.into_iter().any(has) {
            return Err(format!("scopes need one of {}", DIRECTORY_SCOPES.join(", ")));
        }
        if !USER_SCOPES.into_iter().any(has) {
            return Err(format!("scopes need one of {}", USER_SCOPES.join(", ")));
        }
        if !has(REFRESH_SCOPE) {
            return Err(format!("scopes need {REFRESH_SCOPE}, without which every renewal is a sign-in"));
        }
        Ok(Self(scopes))
    }

    /// The scopes, one by one.
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }

    /// The scopes in the form of a request: parted by spaces.
    pub fn joined(&self) -> String {
        self.0.join(" ")
    }
}

impl Default for Scopes {
    /// Those of Veeam's own example, which Microsoft preauthorises for its client id.
    fn default() -> Self {
        Self(["Directory.AccessAsUser.All", "User.ReadWrite.All", REFRESH_SCOPE].map(str::to_owned).into())
    }
}

/// SHA-256 of a server certificate's DER form.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 32]);

impl FromStr for Fingerprint {
    type Err = String;

    /// Reads 64 hexadecimal digits, with or without colons between the bytes.
    fn from_str(typed: &str) -> Result<Self, String> {
        let wrong = || "a fingerprint is the 64 hexadecimal digits of a SHA-256".to_owned();
        let digits: Vec<u32> =
            typed.chars().filter(|c| *c != ':').map(|c| c.to_digit(16).ok_or_else(wrong)).collect::<Result<_, _>>()?;
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trust {
    /// PEM file with further roots, for the VB365 server and the identity host.
    pub ca_file: Option<PathBuf>,
    /// Certificates that are accepted instead of any chain and name; for the VB365 server alone.
    pub pins: Vec<Fingerprint>,
}

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
}

/// Which of the tokens a caller wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Want {
    /// The VB365 server's access token.
    #[default]
    Veeam,
    /// The identity platform's access token.
    Entra,
    /// The identity platform's whole answer, as the VB365 Swagger page asks for it.
    Assertion,
}

/// Whether a person may be asked to sign in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Interactive {
    /// Where a terminal can be opened and the caller's protocol does not forbid it.
    #[default]
    Auto,
    /// Where a terminal can be opened.
    Always,
    /// Not in any case.
    Never,
}

/// What a caller asks of `get`.
#[derive(Clone, Debug)]
pub struct Request {
    /// Whose token.
    pub tenant: Tenant,
    /// Which of the tenant's configured servers; the first without it.
    pub server: Option<Origin>,
    /// Which token.
    pub want: Want,
    /// Overrides the configured [`Settings::min_ttl`].
    pub min_ttl: Option<Duration>,
    /// Whether a sign-in may start.
    pub interactive: Interactive,
    /// A token that the server would not take: never the answer again.
    pub refused_token: Option<Secret<String>>,
    /// Bounds every wait of the call.
    pub timeout: Option<Duration>,
}

/// Which rung of the ladder answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The cache, without network.
    Cache,
    /// The VB365 server's refresh token.
    VeeamRefresh,
    /// A cached assertion.
    Exchange,
    /// The identity platform's refresh token.
    EntraRefresh,
    /// A person.
    Login,
}

/// An access token with the instant of its end.
#[derive(Clone, Debug)]
pub struct AccessToken {
    /// The token: opaque, one line of printable ASCII.
    pub value: Secret<String>,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}

/// What `get` answers.
#[derive(Clone, Debug)]
pub struct Credential {
    /// Whose it is.
    pub tenant: Tenant,
    /// The token that was wanted.
    pub grant: Grant,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
    /// How it was come by.
    pub source: Source,
}

/// The tokens a caller can want, each with what belongs to it.
#[derive(Clone, Debug)]
pub enum Grant {
    /// An access token for the VB365 server named.
    Veeam {
        /// Who issued it.
        server: Origin,
        /// The access token.
        token: Secret<String>,
    },
    /// An access token for Microsoft Graph.
    Entra {
        /// The access token.
        token: Secret<String>,
    },
    /// The two values that the VB365 Swagger page asks for.
    Assertion {
        /// The `client_id` there.
        organization: String,
        /// The identity platform's answer as compact JSON.
        assertion: Secret<String>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenants_are_domain_names_and_ids_in_any_case() {
        let tenant: Tenant = "Abc.OnMicrosoft.com".parse().unwrap();
        assert_eq!((tenant.key(), tenant.as_str()), ("abc.onmicrosoft.com", "Abc.OnMicrosoft.com"));
        assert_eq!(tenant, "ABC.onmicrosoft.COM".parse().unwrap());
        assert!("72f988bf-86f1-41af-91ab-2d7cd011db47".parse::<Tenant>().is_ok());
    }

    #[test]
    fn nothing_else_reaches_the_file_system() {
        let long = format!("{}.com", "a".repeat(240));
        for wrong in [
            "",
            ".",
            "..",
            "../abc.com",
            "abc/def",
            "abc\\def",
            "abc.com.",
            ".abc.com",
            "a..b",
            "-abc.com",
            "abc com",
            "abc\0.com",
            "\u{e4}bc.com",
            "abc_def.com",
            "common",
            "Organizations",
            "consumers",
            "CON",
            "nul.com",
            "com1",
            "LPT9.onmicrosoft.com",
            "abc.login",
            &long,
        ] {
            assert!(wrong.parse::<Tenant>().is_err(), "{wrong:?} was taken");
        }
        assert!("company.com".parse::<Tenant>().is_ok());
        assert!("com10.com".parse::<Tenant>().is_ok());
    }

    #[test]
    fn origins_are_https_or_loopback() {
        let origin: Origin = "HTTPS://VB365.abc.local:4443/".parse().unwrap();
        assert_eq!(origin.as_str(), "https://vb365.abc.local:4443");
        assert_eq!(origin.host(), "vb365.abc.local:4443");
        assert!(!origin.is_loopback());
        for loopback in ["http://127.0.0.1:8080", "http://localhost:1", "http://[::1]:9", "https://127.9.9.9"] {
            assert!(loopback.parse::<Origin>().unwrap().is_loopback(), "{loopback}");
        }
        for wrong in [
            "vb365.abc.local",
            "http://vb365.abc.local:4443",
            "ftp://127.0.0.1",
            "https://u:p@h",
            "https://h/v8",
            "https://h?x",
            "https://h#x",
            "https://",
            "javascript:alert(1)",
            "file:///etc/passwd",
            "http://localhost.evil.com",
            "http://127.0.0.1.evil.com",
        ] {
            assert!(wrong.parse::<Origin>().is_err(), "{wrong:?} was taken");
        }
    }

    #[test]
    fn a_missing_scope_requirement_is_named() {
        let scopes = |text: &str| Scopes::new(text.split(' ').map(str::to_owned).collect());
        assert!(scopes("Directory.Read.All User.Read offline_access").is_ok());
        assert!(scopes("https://graph.microsoft.com/Directory.Read.All User.Read offline_access").is_ok());
        assert!(Scopes::new(Scopes::default().as_slice().to_vec()).is_ok());
        assert!(scopes("User.Read offline_access").unwrap_err().contains("Directory.Read.All"));
        assert!(scopes("Directory.Read.All offline_access").unwrap_err().contains("User.ReadBasic.All"));
        assert!(scopes("Directory.Read.All User.Read").unwrap_err().contains("offline_access"));
        assert!(Scopes::new(vec!["a b".into()]).is_err());
    }

    #[test]
    fn fingerprints_are_read_with_and_without_colons() {
        let plain = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
        let fingerprint: Fingerprint = plain.parse().unwrap();
        assert_eq!(fingerprint.to_string(), plain);
        let colons: Vec<_> = plain.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap()).collect();
        assert_eq!(colons.join(":").to_uppercase().parse::<Fingerprint>().unwrap(), fingerprint);
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
