//! Whom to believe to be a server: the operating system's roots with those of `ca_file`, or pins.
//! A pin replaces chain and name, never the proof that the server holds the certificate's key.
//! The system's roots are loaded by the first handshake that needs them.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use chrono::DateTime;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring as provider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme};
use rustls_platform_verifier::Verifier as SystemVerifier;

use super::witness::Witness;
use crate::credential::Fingerprint;
use crate::error::{Error, Kind, Result};
use crate::text::{printable, without_tokens};

/// What a certificate must satisfy.
#[derive(Debug)]
pub(super) enum Rule {
    /// To be one of these.
    Pins(Vec<Fingerprint>),
    /// A chain to a root of the operating system or one of these, and the server's name.
    Roots(Vec<CertificateDer<'static>>),
}

impl Rule {
    /// TLS 1.2 and 1.3 under this rule.
    ///
    /// # Errors
    /// Of kind `internal`: the TLS stack cannot be set up.
    pub(super) fn into_config(self) -> Result<Arc<ClientConfig>> {
        config(Arc::new(self.verifier()))
    }

    /// The same for handshakes that show a certificate and come to nothing else: see [`Witness`].
    ///
    /// # Errors
    /// As [`Rule::into_config`].
    pub(super) fn into_witness(self) -> Result<Arc<ClientConfig>> {
        config(Arc::new(Witness::new(self.verifier())))
    }

    fn verifier(self) -> Verifier {
        Verifier { rule: self, system: OnceLock::new(), provider: Arc::new(provider::default_provider()) }
    }
}

fn config(verifier: Arc<dyn ServerCertVerifier>) -> Result<Arc<ClientConfig>> {
    let config = ClientConfig::builder_with_provider(Arc::new(provider::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::new(Kind::Internal, format!("TLS cannot be set up: {error}")))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// The certificates of a PEM file.
///
/// # Errors
/// Of kind `config`, naming the file: it cannot be read, or a certificate in it, or it has none.
pub(super) fn read_roots(ca_file: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let file = printable(&ca_file.to_string_lossy());
    let wrong = |words: String| Error::new(Kind::Config, format!("ca_file {file}: {words}"));
    let pem = std::fs::read(ca_file).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    let roots = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| wrong("is damaged: not the PEM form of certificates".into()))?;
    if roots.is_empty() {
        return Err(wrong("has no certificate in PEM form".into())
            .with_hint(format!("a DER file is converted by: openssl x509 -inform der -in '{file}' -out ca.pem")));
    }
    for root in &roots {
        RootCertStore::empty()
            .add(root.clone())
            .map_err(|_| wrong("has a certificate that cannot be understood".into()))?;
    }
    Ok(roots)
}

/// SHA-256 of a certificate.
pub(super) fn fingerprint(certificate: &CertificateDer<'_>) -> Fingerprint {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, certificate).as_ref());
    Fingerprint(bytes)
}

/// Judges certificates by a rule.
#[derive(Debug)]
pub(super) struct Verifier {
    rule: Rule,
    system: OnceLock<Result<SystemVerifier, rustls::Error>>,
    provider: Arc<CryptoProvider>,
}

impl Verifier {
    fn system(&self) -> Result<&SystemVerifier, rustls::Error> {
        self.system.get_or_init(|| SystemVerifier::new(self.provider.clone())).as_ref().map_err(Clone::clone)
    }

    /// By the roots of `ca_file` alone, in the same way on every platform: Windows' own judgement would ask the
    /// network whether the certificate is revoked, which for a private authority is mostly a wait in vain.
    fn added(&self, roots: &[CertificateDer<'static>]) -> Result<Arc<WebPkiServerVerifier>, rustls::Error> {
        let mut store = RootCertStore::empty();
        roots.iter().try_for_each(|root| store.add(root.clone()))?;
        WebPkiServerVerifier::builder_with_provider(Arc::new(store), self.provider.clone())
            .build()
            .map_err(|_| CertificateError::UnknownIssuer.into())
    }
}

fn is_unknown_issuer(error: &rustls::Error) -> bool {
    matches!(error, rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer))
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        match &self.rule {
            Rule::Pins(pins) if pins.contains(&fingerprint(leaf)) => Ok(ServerCertVerified::assertion()),
            Rule::Pins(pins) => {
                let pins: Vec<_> = pins.iter().map(Fingerprint::to_string).collect();
                Err(Distrust::of(leaf, format!("is not the pinned one ({})", pins.join(", "))))
            }
            Rule::Roots(added) => {
                let by = |verifier: &dyn ServerCertVerifier| {
                    verifier.verify_server_cert(leaf, intermediates, name, ocsp_response, now)
                };
                self.added(added)
                    .and_then(|added| by(&*added))
                    .or_else(|of_added| {
                        let by_system = self.system().and_then(|system| by(system));
                        // Whose roots know the issuer says what is wrong.
                        by_system.map_err(|error| if is_unknown_issuer(&error) { of_added } else { error })
                    })
                    .map_err(|error| Distrust::because(leaf, &error))
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, leaf, signed, &self.provider.signature_verification_algorithms)
            .map_err(|error| Distrust::because(leaf, &error))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, leaf, signed, &self.provider.signature_verification_algorithms)
            .map_err(|error| Distrust::because(leaf, &error))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// A handshake's error with this in it.
pub(super) fn carried(cause: impl std::error::Error + Send + Sync + 'static) -> rustls::Error {
    rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(cause))))
}

/// What [`carried`] put into `error`.
pub(super) fn within<T: std::error::Error + 'static>(error: &rustls::Error) -> Option<&T> {
    match error {
        rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(inner))) => inner.downcast_ref(),
        _ => None,
    }
}

/// A certificate that was refused, carried out of the handshake inside its error: connections share
/// the verifier, so that it cannot keep what one of them saw.
#[derive(Debug)]
pub(super) struct Distrust {
    /// The certificate's SHA-256.
    pub(super) fingerprint: Fingerprint,
    pub(super) verdict: String,
}

impl Distrust {
    fn of(leaf: &CertificateDer<'_>, verdict: String) -> rustls::Error {
        carried(Self { fingerprint: fingerprint(leaf), verdict })
    }

    fn because(leaf: &CertificateDer<'_>, error: &rustls::Error) -> rustls::Error {
        Self::of(leaf, format!("is not trusted ({})", reason(error)))
    }

    /// The refusal that `error` carries, if any.
    pub(super) fn within(error: &rustls::Error) -> Option<&Self> {
        within(error)
    }
}

impl fmt::Display for Distrust {
    /// Continues "the certificate of ...".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; its SHA-256 is {}", self.verdict, self.fingerprint)
    }
}

impl std::error::Error for Distrust {}

/// Why a certificate was refused, in words.
pub(super) fn reason(error: &rustls::Error) -> String {
    use CertificateError as Wrong;
    let rustls::Error::InvalidCertificate(wrong) = error else { return without_tokens(&error.to_string()) };
    match wrong {
        Wrong::UnknownIssuer => "unknown issuer".into(),
        Wrong::NotValidForName | Wrong::NotValidForNameContext { .. } => "it does not name this server".into(),
        Wrong::Expired => "expired, or the clock here is wrong".into(),
        Wrong::ExpiredContext { time, not_after } => {
            format!("expired on {}; the clock here says {}", day(*not_after), day(*time))
        }
        Wrong::NotValidYet => "not valid yet, or the clock here is wrong".into(),
        Wrong::NotValidYetContext { time, not_before } => {
            format!("not valid before {}; the clock here says {}", day(*not_before), day(*time))
        }
        Wrong::Revoked => "revoked".into(),
        Wrong::BadSignature => "bad signature".into(),
        other => without_tokens(&other.to_string()),
    }
}

/// The date of `time` in UTC.
fn day(time: UnixTime) -> String {
    let instant = i64::try_from(time.as_secs()).ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    instant.map_or_else(|| "an unknown date".into(), |instant| instant.format("%Y-%m-%d").to_string())
}
