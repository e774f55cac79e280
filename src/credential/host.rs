//! A host as Terraform names one: lower case, international names in their ASCII form, the port left
//! out where it is 443 ("comparison form" in Terraform's credentials-helper protocol). It is also
//! the name of files: what it may consist of is decided here.

use std::fmt;
use std::str::FromStr;

use super::Origin;
use super::tenant::is_windows_device;

/// Longest name of a host: with its port and the longest ending of its files it stays below a
/// file name's 255 bytes.
const LONGEST_NAME: usize = 233;
/// The port that is meant where none is named.
const HTTPS: u16 = 443;

/// A host of any service, with its port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Host {
    name: String,
    port: u16,
}

impl Host {
    /// The one form that reaches the file system, where a colon cannot stand, nor on Windows some names.
    pub fn key(&self) -> String {
        let mark = if is_windows_device(&self.name) { "_" } else { "" };
        let port = if self.port == HTTPS { String::new() } else { format!("_{}", self.port) };
        format!("{mark}{}{port}", self.name)
    }

    /// The host of which this is the [`Host::key`].
    pub fn from_key(key: &str) -> Option<Self> {
        let host: Self = key.strip_prefix('_').unwrap_or(key).replacen('_', ":", 1).parse().ok()?;
        (host.key() == key).then_some(host)
    }

    /// Whether `origin` is this host.
    pub fn is(&self, origin: &Origin) -> bool {
        origin.name_and_port() == (&self.name, self.port)
    }
}

/// A server as a caller names it who knows nothing of tenants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerName {
    /// As a VB365 server is configured.
    Origin(Origin),
    /// Any service's, as Terraform names it.
    Host(Host),
}

impl ServerName {
    /// The name, without a port.
    pub fn name(&self) -> &str {
        match self {
            Self::Origin(origin) => origin.name_and_port().0,
            Self::Host(host) => &host.name,
        }
    }

    /// Whether `origin` is meant.
    pub fn is(&self, origin: &Origin) -> bool {
        match self {
            Self::Origin(named) => named == origin,
            Self::Host(named) => named.is(origin),
        }
    }
}

impl fmt::Display for ServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Origin(origin) => origin.fmt(f),
            Self::Host(host) => host.fmt(f),
        }
    }
}

impl FromStr for Host {
    type Err = String;

    fn from_str(typed: &str) -> Result<Self, String> {
        let wrong = || "not a host; it looks like app.terraform.io or example.com:8443".to_owned();
        let (name, port) = typed.split_once(':').map_or((typed, None), |(name, port)| (name, Some(port)));
        let name = name.to_ascii_lowercase();
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
        if name.split('.').any(str::is_empty) || name.starts_with('-') || !name.chars().all(allowed) {
            return Err(wrong());
        }
        if name.len() > LONGEST_NAME {
            return Err(format!("the name of a host has at most {LONGEST_NAME} characters"));
        }
        let digits = |port: &&str| !port.starts_with('0') && port.bytes().all(|byte| byte.is_ascii_digit());
        let port =
            port.map_or(Ok(HTTPS), |port| Some(port).filter(digits).ok_or_else(wrong)?.parse().map_err(|_| wrong()))?;
        Ok(Self { name, port })
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.port == HTTPS { f.write_str(&self.name) } else { write!(f, "{}:{}", self.name, self.port) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_one_name_and_one_port_however_it_is_typed() {
        for (typed, shown, key) in [
            ("app.terraform.io", "app.terraform.io", "app.terraform.io"),
            ("App.Terraform.IO:443", "app.terraform.io", "app.terraform.io"),
            ("example.com:8443", "example.com:8443", "example.com_8443"),
            ("xn--r8j3dr99n.example", "xn--r8j3dr99n.example", "xn--r8j3dr99n.example"),
            ("127.0.0.1:65535", "127.0.0.1:65535", "127.0.0.1_65535"),
            ("Com1.example.com", "com1.example.com", "_com1.example.com"),
            ("aux:8443", "aux:8443", "_aux_8443"),
        ] {
            let host: Host = typed.parse().unwrap();
            assert_eq!((host.to_string().as_str(), host.key().as_str()), (shown, key));
            assert_eq!(Host::from_key(key), Some(host));
        }
        for other in
            ["example.com_443", "Example.com", "example.com:8443", "a_b_1", "example.com_08443", "_a.com", "aux"]
        {
            assert_eq!(Host::from_key(other), None, "{other}");
        }
    }

    #[test]
    fn nothing_else_reaches_the_file_system() {
        for wrong in [
            "",
            ":8443",
            "..",
            "../a",
            "a/b",
            "a\\b",
            "a.",
            ".a",
            "a..b",
            "-a",
            "a b",
            "a_b",
            "h\u{e4}.com",
            "a\0",
            "a:",
            "a:0",
            "a:08",
            "a:65536",
            "a:1:2",
            "a:-1",
            "a:+1",
            "[::1]:1",
            "https://a",
        ] {
            assert!(wrong.parse::<Host>().is_err(), "{wrong:?} was taken");
        }
        let long = format!("aux.{}", "a".repeat(LONGEST_NAME - 4));
        assert_eq!(format!("{}.json.tmp", format!("{long}:65535").parse::<Host>().unwrap().key()).len(), 249);
        assert!((long + "a").parse::<Host>().is_err());
    }

    #[test]
    fn an_origin_is_a_host_by_name_and_port() {
        let is = |host: &str, origin: &str| host.parse::<Host>().unwrap().is(&origin.parse().unwrap());
        assert!(is("vb365.abc.local:4443", "https://VB365.abc.local:4443"));
        assert!(is("vb365.abc.local", "https://vb365.abc.local"));
        assert!(is("127.0.0.1:8080", "http://127.0.0.1:8080"));
        assert!(!is("vb365.abc.local", "https://vb365.abc.local:4443"));
        assert!(!is("localhost", "http://localhost"));
        assert!(!is("abc.local:4443", "https://vb365.abc.local:4443"));
    }
}
