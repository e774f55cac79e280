//! Where tokens may be sent: https, except on this machine's loopback, and never a URL that hides
//! something behind the host.

use std::fmt;
use std::str::FromStr;

use url::{Host, Url};

/// Microsoft's identity platform for everybody outside a few sovereign clouds.
pub const ENTRA: &str = "https://login.microsoftonline.com";

/// Where a token may be sent: scheme, host and port, and nothing else.
///
/// Always https, except on this machine's loopback.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    text: String,
    loopback: bool,
}

impl Origin {
    /// Where Microsoft's identity platform is for everybody outside a few sovereign clouds: what parsing [`ENTRA`] gives,
    /// without the parsing.
    pub fn entra() -> Self {
        Self { text: ENTRA.to_owned(), loopback: false }
    }

    /// Where `url` leads, whatever its path.
    ///
    /// # Errors
    /// As [`is_safe_destination`].
    pub fn of(url: &Url) -> Result<Self, String> {
        let loopback = is_safe_destination(url)?;
        Ok(Self { text: url.origin().ascii_serialization(), loopback })
    }

    /// `https://host:port`, in the normal form of the URL standard (a default port is left out).
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Host and port, without the scheme.
    pub fn host(&self) -> &str {
        self.text.split_once("://").map_or(self.as_str(), |(_, host)| host)
    }

    /// The host's name, and its port where that is the scheme's own, too.
    pub fn name_and_port(&self) -> (&str, u16) {
        let default = if self.text.starts_with("https:") { 443 } else { 80 };
        let host = self.host();
        // A colon in an IPv6 address stands before its bracket.
        let parted = host.rsplit_once(':').filter(|(_, port)| !port.ends_with(']'));
        parted.and_then(|(name, port)| Some((name, port.parse().ok()?))).unwrap_or((host, default))
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
        let origin = Self::of(&url)?;
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(format!("a path is too much here; use {origin}"));
        }
        Ok(origin)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entra_is_what_its_url_says() {
        assert_eq!(Ok(Origin::entra()), ENTRA.parse());
    }

    #[test]
    fn origins_are_https_or_loopback() {
        let origin: Origin = "HTTPS://VB365.abc.local:4443/".parse().unwrap();
        assert_eq!(origin.as_str(), "https://vb365.abc.local:4443");
        assert_eq!(origin.host(), "vb365.abc.local:4443");
        assert!(!origin.is_loopback());
        assert_eq!(origin.name_and_port(), ("vb365.abc.local", 4443));
        for (text, parts) in
            [("https://h", ("h", 443)), ("http://[::1]", ("[::1]", 80)), ("https://[::1]:9", ("[::1]", 9))]
        {
            assert_eq!(text.parse::<Origin>().unwrap().name_and_port(), parts);
        }
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
}
