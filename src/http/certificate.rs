//! A look at a server's certificate that goes no further: the handshake is ended by this side in any
//! case, once the server has proven that it holds the key, so that nothing is ever sent on it. The
//! certificate's own words come from whoever made it, and are shown as such.

use std::net::IpAddr;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use rustls::pki_types::CertificateDer;
use ureq::Proxy;
use ureq::http::Request;
use x509_cert::der::Decode;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;
use x509_cert::time::Time;

use super::trust::fingerprint;
use super::witness::Seen;
use super::{Client, Failure, failure};
use crate::credential::{Fingerprint, Origin, Trust};
use crate::error::Result;
use crate::text::{printable, span};

/// How long before its end a certificate is to be thought of.
const SOON: TimeDelta = TimeDelta::days(30);

/// A server's certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// SHA-256 of its DER form: what a pin is.
    pub fingerprint: Fingerprint,
    /// What it says; `None` if that cannot be read.
    pub details: Option<Details>,
}

/// What a certificate says of itself, fit to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Details {
    /// Whose it is (RFC 4514).
    pub subject: String,
    /// Who issued it.
    pub issuer: String,
    /// The hosts and addresses that it is for (subject alternative name).
    pub names: Vec<String>,
    /// Valid from then on.
    pub not_before: DateTime<Utc>,
    /// Valid until then.
    pub not_after: DateTime<Utc>,
}

/// A certificate that a server has presented, and what is thought of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presented {
    /// The certificate.
    pub certificate: Certificate,
    /// Why it is not trusted, continuing "the certificate of ..."; `None` if it is.
    pub distrust: Option<String>,
}

/// One look at one server's certificate, under one rule of trust.
#[derive(Debug)]
pub struct Probe(Client);

impl Probe {
    /// A look under `trust`, by the way that requests take.
    ///
    /// # Errors
    /// As [`Client::new`].
    pub fn new(trust: &Trust) -> Result<Self> {
        Self::with_proxy(trust, Proxy::try_from_env())
    }

    pub(super) fn with_proxy(trust: &Trust, proxy: Option<Proxy>) -> Result<Self> {
        Client::witness(trust, proxy).map(Self)
    }

    /// What `origin` presents within `limit`; `None` where it speaks no TLS.
    ///
    /// # Errors
    /// It cannot be reached, or does not prove that it holds the certificate's key.
    pub fn look(self, origin: &Origin, limit: Duration) -> Result<Option<Presented>, Failure> {
        let url = origin.as_str();
        if !url.starts_with("https:") {
            return Ok(None);
        }
        let refuse = |words: &str| Failure::unreachable(url, words);
        let request = Request::get(url).body(()).map_err(|_| refuse("no request can name it"))?;
        let Err(error) = self.0.run(request, origin.is_loopback(), limit) else {
            return Err(refuse("it shows no certificate"));
        };
        match failure::tls_error(&error).and_then(Seen::within) {
            Some(seen) => Ok(Some(Presented::new(seen))),
            None => Err(Failure::new(&error, url, limit)),
        }
    }
}

impl Presented {
    fn new(seen: &Seen) -> Self {
        Self { certificate: Certificate::read(&seen.leaf), distrust: seen.distrust.clone() }
    }
}

impl Certificate {
    fn read(der: &CertificateDer<'_>) -> Self {
        Self { fingerprint: fingerprint(der), details: Details::read(der) }
    }
}

impl Details {
    /// How it stands with a certificate that is not valid now, or not much longer, continuing "the
    /// certificate of ..."; `None` where that is nobody's worry.
    pub fn ending(&self, now: DateTime<Utc>) -> Option<String> {
        let day = |instant: DateTime<Utc>| instant.format("%Y-%m-%d");
        let left = self.not_after - now;
        if left <= TimeDelta::zero() {
            Some(format!("ended on {}", day(self.not_after)))
        } else if now < self.not_before {
            Some(format!("is not valid before {}", day(self.not_before)))
        } else {
            (left <= SOON).then(|| format!("ends in {}, on {}", span(left), day(self.not_after)))
        }
    }

    fn read(der: &[u8]) -> Option<Self> {
        let read = x509_cert::Certificate::from_der(der).ok()?;
        let content = read.tbs_certificate();
        // One that cannot be read says as little as none.
        let names = content.get_extension::<SubjectAltName>().ok().flatten().map(|(_, names)| names.0);
        Some(Self {
            subject: words(content.subject()),
            issuer: words(content.issuer()),
            names: names.unwrap_or_default().iter().filter_map(host).collect(),
            not_before: instant(&content.validity().not_before)?,
            not_after: instant(&content.validity().not_after)?,
        })
    }
}

fn words(name: &Name) -> String {
    let words = printable(&name.to_string());
    if words.is_empty() { "(no name)".to_owned() } else { words }
}

/// A host or an address; other names are no server's.
fn host(name: &GeneralName) -> Option<String> {
    match name {
        GeneralName::DnsName(name) => Some(printable(name.as_str())),
        GeneralName::IpAddress(address) => {
            let bytes = address.as_bytes();
            let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
            v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok().map(|address| address.to_string())
        }
        _ => None,
    }
}

fn instant(time: &Time) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(i64::try_from(time.to_unix_duration().as_secs()).ok()?, 0)
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, DnValue, KeyPair, SanType, date_time_ymd};

    use super::*;

    fn read(change: impl FnOnce(&mut CertificateParams)) -> Details {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        change(&mut params);
        let made = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        Certificate::read(made.der()).details.unwrap()
    }

    #[test]
    fn a_certificate_says_whose_it_is_and_how_long() {
        let details = read(|params| {
            params.distinguished_name.push(DnType::CommonName, "vb365.abc.local");
            params.distinguished_name.push(DnType::OrganizationName, "Abc, Inc.");
            params.not_before = date_time_ymd(2025, 1, 2);
            params.not_after = date_time_ymd(2055, 3, 4);
            params.subject_alt_names = vec![
                SanType::DnsName("vb365.abc.local".try_into().unwrap()),
                SanType::IpAddress("10.0.0.7".parse().unwrap()),
                SanType::IpAddress("fe80::1".parse().unwrap()),
                SanType::Rfc822Name("admin@abc.local".try_into().unwrap()),
            ];
        });
        let expected = Details {
            subject: r"O=Abc\, Inc.,CN=vb365.abc.local".into(),
            issuer: r"O=Abc\, Inc.,CN=vb365.abc.local".into(),
            names: ["vb365.abc.local", "10.0.0.7", "fe80::1"].map(str::to_owned).into(),
            not_before: "2025-01-02T00:00:00Z".parse().unwrap(),
            not_after: "2055-03-04T00:00:00Z".parse().unwrap(),
        };
        assert_eq!(details, expected);
    }

    #[test]
    fn what_a_certificate_says_cannot_steer_a_terminal() {
        let subject = |name: &str| {
            let name = DnValue::Utf8String(name.to_owned());
            read(|params| params.distinguished_name.push(DnType::CommonName, name)).subject
        };
        assert_eq!(subject("a\u{1b}[2Jb\r\nc\u{202e}d"), r"CN=a\1b[2Jb\0d\0acd");
        assert_eq!(subject("B\u{fc}ro \u{6771}"), "CN=B\u{fc}ro \u{6771}");
        assert_eq!(subject(&"n".repeat(5000)).chars().count(), 303);
        assert_eq!(subject(""), "CN=");
    }

    #[test]
    fn a_certificate_need_not_name_anybody() {
        let details = read(|params| {
            params.not_before = date_time_ymd(1999, 1, 1);
            params.not_after = date_time_ymd(1999, 1, 2);
        });
        assert_eq!((details.subject.as_str(), details.names.len()), ("(no name)", 0));
        assert_eq!(details.not_after, "1999-01-02T00:00:00Z".parse::<DateTime<Utc>>().unwrap());
    }

    #[test]
    fn an_end_is_told_from_thirty_days_before_it_on() {
        let details = read(|params| {
            params.not_before = date_time_ymd(2026, 1, 1);
            params.not_after = date_time_ymd(2026, 12, 31);
        });
        for (now, words) in [
            ("2025-12-31T23:59:59Z", Some("is not valid before 2026-01-01")),
            ("2026-11-30T23:59:59Z", None),
            ("2026-12-01T00:00:00Z", Some("ends in 30 days, on 2026-12-31")),
            ("2026-12-30T13:00:00Z", Some("ends in 11 h, on 2026-12-31")),
            ("2026-12-31T00:00:00Z", Some("ended on 2026-12-31")),
        ] {
            assert_eq!(details.ending(now.parse().unwrap()).as_deref(), words, "{now}");
        }
    }

    #[test]
    fn what_is_no_certificate_still_has_a_fingerprint() {
        for nothing in [&b""[..], b"0", &[0x30; 4000], b"-----BEGIN CERTIFICATE-----"] {
            let certificate = Certificate::read(&CertificateDer::from(nothing.to_vec()));
            assert_eq!(certificate.details, None);
            assert_eq!(certificate.fingerprint, fingerprint(&CertificateDer::from(nothing.to_vec())));
        }
    }
}
