//! The self-signed certificate that the sandbox makes for itself, as VB365 servers often have one.

use std::io;
use std::net::TcpStream;
use std::sync::Arc;

use chrono::{Datelike, TimeDelta, Utc};
use rcgen::{CertificateParams, DnType, KeyPair, date_time_ymd};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// Speaks TLS as the server.
#[derive(Clone)]
pub struct Tls(Arc<ServerConfig>);

/// A certificate in the forms that a person configures.
pub struct Certificate {
    pub pem: String,
    pub sha256: String,
    pub tls: Tls,
}

impl Certificate {
    /// A certificate for this machine; with `common_name_only` it has no subject alternative name.
    ///
    /// It ends after so many `days`, if they are told.
    pub fn new(common_name_only: bool, days: Option<i64>) -> io::Result<Self> {
        let names = if common_name_only { vec![] } else { vec!["localhost".to_owned(), "127.0.0.1".to_owned()] };
        Self::made("VB365 sandbox", names, days)
    }

    /// A certificate for a machine of this name, for five years.
    pub fn of(name: &str) -> io::Result<Self> {
        Self::made(name, vec![name.to_owned()], Some(5 * 365))
    }

    fn made(common_name: &str, names: Vec<String>, days: Option<i64>) -> io::Result<Self> {
        let mut params = CertificateParams::new(names).map_err(io::Error::other)?;
        params.distinguished_name.push(DnType::CommonName, common_name);
        if let Some(days) = days {
            let end = Utc::now() + TimeDelta::days(days);
            params.not_after = date_time_ymd(end.year(), end.month() as u8, end.day() as u8);
        }
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let certificate = params.self_signed(&key).map_err(io::Error::other)?;
        let digest = ring::digest::digest(&ring::digest::SHA256, certificate.der());
        let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], private)
            .map_err(io::Error::other)?;
        Ok(Self {
            pem: certificate.pem(),
            sha256: digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect(),
            tls: Tls(Arc::new(config)),
        })
    }
}

impl Tls {
    /// The server's side of a connection.
    pub fn accept(&self, stream: TcpStream) -> io::Result<StreamOwned<ServerConnection, TcpStream>> {
        let connection = ServerConnection::new(self.0.clone()).map_err(io::Error::other)?;
        Ok(StreamOwned::new(connection, stream))
    }
}
