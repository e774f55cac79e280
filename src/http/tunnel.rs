//! The way through a proxy: CONNECT (RFC 9110 section 9.3.6), over http or https to the proxy.
//! The whole of it (name, connection, TLS, answer) ends within the time for connecting.

use std::fmt;
use std::io::{Read, Write};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ureq::unversioned::transport::{ConnectionDetails, Connector, TcpConnector, Transport, TransportAdapter};
use ureq::{Error, Proxy, ProxyProtocol};
use zeroize::Zeroizing;

use super::USER_AGENT;
use super::connector::{TlsConnector, left};

/// Longest answer to CONNECT, in bytes.
const LONGEST_HEAD: usize = 16 * 1024;

/// Opens a tunnel when the request has a proxy and `NO_PROXY` does not name its host.
#[derive(Debug)]
pub(super) struct Tunnel {
    /// TLS to the proxy itself: a pin is the server's and says nothing about a proxy.
    pub(super) tls: TlsConnector,
}

impl Connector for Tunnel {
    type Out = Box<dyn Transport>;

    fn connect(&self, details: &ConnectionDetails, _: Option<()>) -> Result<Option<Self::Out>, Error> {
        let Some(proxy) = details.config.proxy().filter(|proxy| !proxy.is_no_proxy(details.uri)) else {
            return Ok(None);
        };
        let place = || format!("{}:{}", proxy.host(), proxy.port());
        let tunnel = self.reach(proxy, details).and_then(|transport| ask(transport, proxy, details));
        tunnel.map(Some).map_err(|error| Error::Other(Box::new(ProxyError { proxy: place(), error })))
    }
}

impl Tunnel {
    fn reach(&self, proxy: &Proxy, details: &ConnectionDetails) -> Result<Box<dyn Transport>, Error> {
        if !matches!(proxy.protocol(), ProxyProtocol::Http | ProxyProtocol::Https) {
            return Err(Error::InvalidProxyUrl);
        }
        let addrs = details.resolver.resolve(proxy.uri(), details.config, left(details))?;
        let hop = ConnectionDetails {
            uri: proxy.uri(),
            addrs,
            config: details.config,
            request_level: details.request_level,
            resolver: details.resolver,
            now: (details.current_time)(),
            timeout: left(details),
            current_time: details.current_time.clone(),
            run_connector: details.run_connector.clone(),
            register_shutdown: details.register_shutdown.clone(),
        };
        let connection = Connector::<()>::connect(&TcpConnector::default(), &hop, None)?;
        let connection = self.tls.connect(&hop, connection)?.ok_or(Error::ConnectionFailed)?;
        Ok(Box::new(connection))
    }
}

fn ask(transport: Box<dyn Transport>, proxy: &Proxy, details: &ConnectionDetails) -> Result<Box<dyn Transport>, Error> {
    let mut stream = TransportAdapter::new(transport, details.current_time.clone());
    stream.set_timeout(left(details));
    let target = format!("{}:{}", details.uri.host().unwrap_or_default(), details.uri.port_u16().unwrap_or(443));
    let mut request =
        Zeroizing::new(format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nUser-Agent: {USER_AGENT}\r\n"));
    if proxy.username().is_some() || proxy.password().is_some() {
        let plain = [proxy.username().unwrap_or_default(), proxy.password().unwrap_or_default()].join(":");
        let basic = BASE64_STANDARD.encode(Zeroizing::new(plain).as_bytes());
        request.push_str(&format!("Proxy-Authorization: Basic {}\r\n", *Zeroizing::new(basic)));
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes())?;
    match read_status(&mut stream)? {
        200..=299 => Ok(stream.into_inner()),
        refusal => Err(Error::StatusCode(refusal)),
    }
}

/// The status of an answer without body. Read byte by byte: what follows belongs to the tunnel.
fn read_status(stream: &mut impl Read) -> Result<u16, Error> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && head.len() < LONGEST_HEAD {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let line = String::from_utf8_lossy(&head);
    let mut words = line.split_ascii_whitespace();
    let is_http = words.next().is_some_and(|version| version.starts_with("HTTP/1."));
    let status = words.next().and_then(|status| status.parse().ok()).filter(|_| is_http);
    status.ok_or_else(|| Error::ConnectProxyFailed("not HTTP".into()))
}

/// A failure that is the proxy's, not the server's.
#[derive(Debug)]
pub(super) struct ProxyError {
    /// Host and port.
    pub(super) proxy: String,
    /// What went wrong there.
    pub(super) error: Error,
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "proxy {}: {}", self.proxy, self.error)
    }
}

impl std::error::Error for ProxyError {}
