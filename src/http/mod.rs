//! HTTP as tokens need it: https (plain http on loopback alone), no redirects, bounded in time and
//! size, through the proxy of the environment. Answers of any status are replies; what they mean is
//! for the systems' own modules to say. TLS and tunnels are links in ureq's chain of connectors.

mod certificate;
mod connector;
mod failure;
mod names;
mod proxy;
mod trust;
mod tunnel;
mod witness;

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "real servers take real time")]
mod tests;

use std::fmt;
use std::io::Read;
use std::time::Duration;

use chrono::{DateTime, Utc};
use ureq::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, DATE, RETRY_AFTER};
use ureq::http::request::Builder;
use ureq::http::{HeaderMap, HeaderValue, Request, Response};
use ureq::unversioned::transport::{Connector, TcpConnector};
use ureq::{Agent, AsSendBody, Body, Proxy};
use url::Url;
use zeroize::Zeroizing;

use self::connector::TlsConnector;
use self::names::Names;
use self::trust::{Rule, read_roots};
use self::tunnel::Tunnel;
use crate::credential::{Trust, is_safe_destination};
use crate::error::Result;
use crate::secret::Secret;
use crate::steps::{self, Step};
use crate::text::printable;

pub use self::certificate::{Certificate, Details, Presented, Probe};
pub use self::failure::Failure;
pub use self::proxy::{proxy, proxy_of};

/// How this program names itself to servers and proxies.
const USER_AGENT: &str = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));

/// How long finding the name may take, and again connecting (tunnel and TLS handshake included).
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// Largest body that is read, in bytes. Token responses have a few thousand.
const LONGEST_BODY: usize = 1024 * 1024;

/// How many connections are kept for the next request: one for each thread that renews tenants.
const MOST_CONNECTIONS: usize = 32;

/// Longest wait that a server can ask for.
const LONGEST_DELAY: Duration = Duration::from_secs(60 * 60);

/// The wait when a server asks for one in words that nobody understands.
const UNCLEAR_DELAY: Duration = Duration::from_secs(30);

fn connect_limit(limit: Duration) -> Duration {
    limit.min(CONNECT_LIMIT)
}

/// A blocking HTTP client that trusts servers by one rule and keeps connections for the next request.
///
/// Clones share connections and roots, so that each thread can have its own.
#[derive(Clone)]
pub struct Client {
    agent: Agent,
}

impl Client {
    /// A client for servers that `trust` covers, through the proxy of the environment (`ALL_PROXY`,
    /// `HTTPS_PROXY`, `NO_PROXY`) or of Windows. The system's roots are not loaded yet.
    ///
    /// # Errors
    /// Of kind `config`: the `ca_file` cannot be read or has no certificate.
    pub fn new(trust: &Trust) -> Result<Self> {
        Self::with_proxy(trust, Proxy::try_from_env())
    }

    fn with_proxy(trust: &Trust, proxy: Option<Proxy>) -> Result<Self> {
        let by_roots = TlsConnector(by_roots(trust)?.into_config()?);
        let tls = match trust.pins.as_slice() {
            [] => by_roots.clone(),
            pins => TlsConnector(Rule::Pins(pins.to_vec()).into_config()?),
        };
        Ok(Self::by_way_of(proxy, by_roots, tls))
    }

    /// A client that gets to see certificates, and no answers; proxies are judged as ever.
    fn witness(trust: &Trust, proxy: Option<Proxy>) -> Result<Self> {
        let rule = match trust.pins.as_slice() {
            [] => by_roots(trust)?,
            pins => Rule::Pins(pins.to_vec()),
        };
        let tls = TlsConnector(rule.into_witness()?);
        Ok(Self::by_way_of(proxy, TlsConnector(by_roots(trust)?.into_config()?), tls))
    }

    fn by_way_of(proxy: Option<Proxy>, to_proxy: TlsConnector, tls: TlsConnector) -> Self {
        let config = Agent::config_builder()
            .proxy(proxy)
            .user_agent(USER_AGENT)
            .max_redirects(0)
            .max_idle_connections(MOST_CONNECTIONS)
            .max_idle_connections_per_host(MOST_CONNECTIONS)
            .http_status_as_error(false)
            .build();
        let chain = Tunnel { tls: to_proxy }.chain(TcpConnector::default()).chain(tls);
        Self { agent: Agent::with_parts(config, chain, <Names>::default()) }
    }

    /// Posts `form` to `url` and reads the reply, all within `limit`.
    ///
    /// # Errors
    /// There is no reply; one of any status is `Ok`.
    pub fn post_form(&self, url: &str, form: &[(&str, &str)], limit: Duration) -> Result<Reply, Failure> {
        let request = Request::post(url).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request, url, encode(form).as_bytes(), limit)
    }

    /// Gets `url`, authorized by `bearer` (RFC 6750 section 2.1), and reads the reply, all within `limit`.
    ///
    /// # Errors
    /// There is no reply; one of any status is `Ok`.
    pub fn get(&self, url: &str, bearer: Option<&Secret<String>>, limit: Duration) -> Result<Reply, Failure> {
        let request = Request::get(url);
        let request = match bearer {
            Some(token) => authorized(request, url, token)?,
            None => request,
        };
        self.send(request, url, (), limit)
    }

    /// Posts nothing to `url`, authorized by `bearer`, and reads the reply, all within `limit`.
    ///
    /// # Errors
    /// There is no reply; one of any status is `Ok`.
    pub fn post_empty(&self, url: &str, bearer: &Secret<String>, limit: Duration) -> Result<Reply, Failure> {
        // With its length, which some servers want of every POST (RFC 9110 section 8.6).
        self.send(authorized(Request::post(url), url, bearer)?, url, &b""[..], limit)
    }

    fn send(&self, request: Builder, url: &str, body: impl AsSendBody, limit: Duration) -> Result<Reply, Failure> {
        let refuse = |words: &str| Failure::unreachable(&printable(url), words);
        let parsed = Url::parse(url).map_err(|_| refuse("not a URL"))?;
        let loopback = is_safe_destination(&parsed).map_err(|words| refuse(&words))?;
        let request =
            request.header(ACCEPT, "application/json").body(body).map_err(|_| refuse("no request can name it"))?;
        steps::reached(Step::RequestReady);
        let reply = self.run(request, loopback, limit).and_then(Reply::read).map_err(|error| {
            let failure = Failure::new(&error, &parsed.origin().ascii_serialization(), limit);
            log::debug!("{}", failure.message());
            failure
        })?;
        log::debug!("{url} answered HTTP {} with {} bytes", reply.status, reply.body.expose().len());
        Ok(reply)
    }

    /// Sends `request`, to this machine past every proxy.
    fn run(
        &self,
        request: Request<impl AsSendBody>,
        loopback: bool,
        limit: Duration,
    ) -> Result<Response<Body>, ureq::Error> {
        let config = self
            .agent
            .configure_request(request)
            .timeout_global(Some(limit))
            .timeout_resolve(Some(connect_limit(limit)))
            .timeout_connect(Some(connect_limit(limit)));
        let config = if loopback { config.proxy(None) } else { config };
        self.agent.run(config.build())
    }
}

/// Chains to the system's roots and those that `trust` adds.
fn by_roots(trust: &Trust) -> Result<Rule> {
    Ok(Rule::Roots(trust.ca_file.as_deref().map(read_roots).transpose()?.unwrap_or_default()))
}

fn authorized(request: Builder, url: &str, token: &Secret<String>) -> Result<Builder, Failure> {
    let value = Zeroizing::new(format!("Bearer {}", token.expose()));
    let mut value = HeaderValue::from_str(&value)
        .map_err(|_| Failure::unreachable(&printable(url), "the token cannot stand in a header"))?;
    value.set_sensitive(true);
    Ok(request.header(AUTHORIZATION, value))
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client")
    }
}

/// Encodes `form`, in a buffer sized up front: one that grows leaves copies of secrets behind.
fn encode(form: &[(&str, &str)]) -> Zeroizing<String> {
    let longest = form.iter().map(|(name, value)| 3 * (name.len() + value.len()) + 2).sum();
    let body = String::with_capacity(longest);
    Zeroizing::new(form_urlencoded::Serializer::new(body).extend_pairs(form).finish())
}

/// What a server answered.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status code; redirects are not followed.
    pub status: u16,
    /// How long the server asks to wait (RFC 9110 section 10.2.3), at most an hour; some whenever it asks.
    pub retry_after: Option<Duration>,
    /// What the server's clock says (RFC 9110 section 6.6.1).
    pub date: Option<DateTime<Utc>>,
    /// The body as it came, at most 1 MiB.
    pub body: Secret<Vec<u8>>,
}

impl Reply {
    fn read(response: Response<Body>) -> Result<Self, ureq::Error> {
        let (head, body) = response.into_parts();
        steps::reached(Step::AnswerBegun);
        // Sized up front for the reason that `encode` has.
        let expected = body.content_length().and_then(|length| usize::try_from(length).ok()).unwrap_or(64 * 1024);
        let mut bytes = Zeroizing::new(Vec::with_capacity(expected.min(LONGEST_BODY) + 1));
        body.into_reader().take(LONGEST_BODY as u64 + 1).read_to_end(&mut bytes)?;
        if bytes.len() > LONGEST_BODY {
            return Err(ureq::Error::BodyExceedsLimit(LONGEST_BODY as u64));
        }
        steps::reached(Step::AnswerRead);
        Ok(Self {
            status: head.status.as_u16(),
            retry_after: retry_after(&head.headers),
            date: date(&head.headers),
            body: Secret::new(std::mem::take(&mut *bytes)),
        })
    }
}

/// The delay asked for. A date counts from the server's own `Date`, so that no clock here matters.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let asked = headers.get(RETRY_AFTER)?.to_str().unwrap_or_default().trim();
    let delay = match asked.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => instant(asked).zip(date(headers)).map(|(then, now)| (then - now).to_std().unwrap_or_default()),
    };
    Some(delay.unwrap_or(UNCLEAR_DELAY).min(LONGEST_DELAY))
}

fn date(headers: &HeaderMap) -> Option<DateTime<Utc>> {
    instant(headers.get(DATE)?.to_str().ok()?)
}

fn instant(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc2822(text).ok().map(|instant| instant.to_utc())
}
