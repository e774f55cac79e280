//! A verifier that looks and never lets a handshake come to its end, so that whoever uses it cannot send
//! anything by mistake. It judges by the same rules as the one for real connections.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, SignatureScheme};

use super::trust::{Distrust, Verifier, carried, reason, within};

/// Looks at the certificate of one connection, and ends it: what is seen leaves in the handshake's error,
/// after the server has proven that it holds the key.
#[derive(Debug)]
pub(super) struct Witness {
    verifier: Verifier,
    /// What was thought of the certificate, until the server has proven that it is its own.
    distrust: Mutex<Option<String>>,
}

impl Witness {
    /// One that judges as `verifier` does.
    pub(super) fn new(verifier: Verifier) -> Self {
        Self { verifier, distrust: Mutex::default() }
    }

    fn seen<T>(&self, leaf: &CertificateDer<'_>) -> Result<T, rustls::Error> {
        let distrust = self.distrust.lock().unwrap_or_else(PoisonError::into_inner).take();
        Err(carried(Seen { leaf: leaf.clone().into_owned(), distrust }))
    }
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified = self.verifier.verify_server_cert(leaf, intermediates, name, ocsp_response, now);
        let words =
            |error| Distrust::within(&error).map_or_else(|| reason(&error), |distrust| distrust.verdict.clone());
        *self.distrust.lock().unwrap_or_else(PoisonError::into_inner) = verified.err().map(words);
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls12_signature(message, leaf, signed).and_then(|_| self.seen(leaf))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls13_signature(message, leaf, signed).and_then(|_| self.seen(leaf))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

/// What a [`Witness`] saw.
#[derive(Debug)]
pub(super) struct Seen {
    /// The certificate.
    pub(super) leaf: CertificateDer<'static>,
    /// Why it is not trusted; `None` if it is.
    pub(super) distrust: Option<String>,
}

impl Seen {
    /// What `error` carries, if anything.
    pub(super) fn within(error: &rustls::Error) -> Option<&Self> {
        within(error)
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the certificate was looked at, and no more")
    }
}

impl std::error::Error for Seen {}
