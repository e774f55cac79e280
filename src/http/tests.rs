//! The client against small servers on loopback: each test states one promise of the module.

mod probe;

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

use rcgen::{CertificateParams, DnType, KeyPair};
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, ServerConnection, StreamOwned, SupportedProtocolVersion};

use super::*;
use crate::credential::Fingerprint;
use crate::error::Kind;

const LIMIT: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(400);
const EMPTY: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

/// A server that counts its connections and ends with the test's process.
struct Server {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Server {
    fn new(talk: impl Fn(TcpStream) -> io::Result<()> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let (count, talk) = (connections.clone(), Arc::new(talk));
        thread::spawn(move || {
            for stream in listener.incoming() {
                count.fetch_add(1, Ordering::SeqCst);
                let talk = talk.clone();
                thread::spawn(move || talk(stream.unwrap()));
            }
        });
        Self { address, connections }
    }

    /// Answers every request with `answer`.
    fn http(answer: impl Into<String>) -> Self {
        let answer = answer.into();
        Self::new(move |mut stream| answer_all(&mut stream, &answer))
    }

    fn tls(config: ServerConfig) -> Self {
        let config = Arc::new(config);
        Self::new(move |stream| answer_all(&mut accept(&config, stream), EMPTY))
    }

    fn url(&self, scheme: &str, path: &str) -> String {
        format!("{scheme}://127.0.0.1:{}{path}", self.address.port())
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

fn accept<S: Read + Write>(config: &Arc<ServerConfig>, stream: S) -> StreamOwned<ServerConnection, S> {
    StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), stream)
}

fn read_head(stream: &mut impl Read) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    Ok(String::from_utf8(head).unwrap())
}

fn read_request(stream: &mut impl Read) -> io::Result<String> {
    let head = read_head(stream)?;
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |n| n.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok(head + std::str::from_utf8(&body).unwrap())
}

fn answer_all<S: Read + Write>(stream: &mut S, answer: &str) -> io::Result<()> {
    loop {
        read_request(stream)?;
        stream.write_all(answer.as_bytes())?;
        stream.flush()?;
    }
}

/// Writes `start`, then a byte at a time until the other side has gone.
fn drip(mut stream: TcpStream, start: &str) -> io::Result<()> {
    stream.write_all(start.as_bytes())?;
    stream.set_read_timeout(Some(Duration::from_millis(50)))?;
    loop {
        stream.write_all(b"a")?;
        let _ = stream.read(&mut [0; 1024]);
    }
}

/// A self-signed certificate with its key, as an administrator makes one.
struct Identity {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

impl Identity {
    fn new(names: &[&str], edit: impl FnOnce(&mut CertificateParams)) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(names.iter().map(|name| (*name).into()).collect::<Vec<_>>()).unwrap();
        params.distinguished_name.push(DnType::CommonName, "127.0.0.1");
        edit(&mut params);
        Self { certificate: params.self_signed(&key).unwrap(), key }
    }

    fn with_names() -> Self {
        Self::new(&["localhost", "127.0.0.1", "vb365.test"], |_| ())
    }

    fn with_common_name_only() -> Self {
        Self::new(&[], |_| ())
    }

    fn fingerprint(&self) -> Fingerprint {
        let digest = ring::digest::digest(&ring::digest::SHA256, self.certificate.der());
        Fingerprint(digest.as_ref().try_into().unwrap())
    }

    fn pinned(&self) -> Trust {
        Trust { ca_file: None, pins: vec![self.fingerprint()] }
    }

    fn as_ca_file(&self) -> (tempfile::NamedTempFile, Trust) {
        let file = ca_file(self.certificate.pem().as_bytes());
        let trust = Trust { ca_file: Some(file.path().into()), pins: Vec::new() };
        (file, trust)
    }

    fn config(&self, versions: &[&'static SupportedProtocolVersion]) -> ServerConfig {
        self.config_signed_by(&self.key, versions)
    }

    fn config_signed_by(&self, key: &KeyPair, versions: &[&'static SupportedProtocolVersion]) -> ServerConfig {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let key = CertifiedKey::new(vec![self.certificate.der().clone()], any_supported_type(&key).unwrap());
        ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(key)))
    }
}

fn ca_file(content: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(content).unwrap();
    file
}

fn client(trust: &Trust) -> Client {
    Client::with_proxy(trust, None).unwrap()
}

fn get(trust: &Trust, url: &str, limit: Duration) -> Result<Reply, Failure> {
    client(trust).get(url, None, limit)
}

fn unreachable(result: Result<Reply, Failure>) -> String {
    match result.unwrap_err() {
        Failure::Unreachable { message } => message,
        other => panic!("{other:?}"),
    }
}

fn untrusted(result: Result<Reply, Failure>) -> (String, Option<Fingerprint>) {
    match result.unwrap_err() {
        Failure::Untrusted { message, fingerprint } => (message, fingerprint),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_form_is_posted_and_the_reply_is_read_whatever_its_status() {
    let (seen, requests) = mpsc::channel();
    let server = Server::new(move |mut stream| {
        seen.send(read_request(&mut stream)?).unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 9\r\n\r\n{\"a\":\"b\"}")
    });
    let form = [("grant_type", "refresh_token"), ("scope", "a b&c=\u{e4}")];
    let reply = client(&Trust::default()).post_form(&server.url("http", "/v8/token"), &form, LIMIT).unwrap();
    assert_eq!((reply.status, reply.retry_after), (400, None));
    assert_eq!(reply.body.expose(), b"{\"a\":\"b\"}");
    assert_eq!(format!("{reply:?}"), "Reply { status: 400, retry_after: None, date: None, body: [redacted] }");
    let request = requests.recv().unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /v8/token HTTP/1.1\r\n"), "{head}");
    for header in [
        "content-type: application/x-www-form-urlencoded",
        "accept: application/json",
        concat!("user-agent: vb365-helper/", env!("CARGO_PKG_VERSION")),
    ] {
        assert!(head.lines().any(|line| line == header), "{header} is not in {head}");
    }
    assert!(!head.contains("accept-encoding"), "{head}");
    assert_eq!(body, "grant_type=refresh_token&scope=a+b%26c%3D%C3%A4");
}

#[test]
fn a_bearer_goes_into_its_header_and_into_no_error() {
    let (seen, requests) = mpsc::channel();
    let server = Server::new(move |mut stream| {
        seen.send(read_request(&mut stream)?).unwrap();
        stream.write_all(EMPTY.as_bytes())
    });
    let client = client(&Trust::default());
    client.get(&server.url("http", "/"), Some(&"eyJ0".into()), LIMIT).unwrap();
    assert!(requests.recv().unwrap().contains("\r\nauthorization: Bearer eyJ0\r\n"));
    let message = unreachable(client.get(&server.url("http", "/"), Some(&"eyJ0\r\nX: y".into()), LIMIT));
    assert!(!message.contains("eyJ0"), "{message}");
    assert_eq!(server.connections(), 1);
}

#[test]
fn connections_are_kept_for_the_next_request() {
    let plain = Server::http(EMPTY);
    let identity = Identity::with_names();
    let encrypted = Server::tls(identity.config(&[&TLS13]));
    let client = client(&identity.pinned());
    for _ in 0..2 {
        client.post_form(&plain.url("http", "/"), &[], LIMIT).unwrap();
        client.clone().post_form(&encrypted.url("https", "/"), &[], LIMIT).unwrap();
    }
    assert_eq!((plain.connections(), encrypted.connections()), (1, 1));
}

#[test]
fn a_redirect_is_a_reply_and_is_not_followed() {
    let target = Server::http(EMPTY);
    for body in ["", "moved"] {
        let location = target.url("http", "/elsewhere");
        let length = body.len();
        let server = Server::http(format!(
            "HTTP/1.1 307 Temporary Redirect\r\nLocation: {location}\r\nContent-Length: {length}\r\n\r\n{body}"
        ));
        let client = client(&Trust::default());
        assert_eq!(client.post_form(&server.url("http", "/"), &[("a", "b")], LIMIT).unwrap().status, 307);
        assert_eq!(client.get(&server.url("http", "/"), None, LIMIT).unwrap().status, 307);
    }
    assert_eq!(target.connections(), 0);
}

#[test]
fn plain_http_goes_to_loopback_alone() {
    for url in ["http://192.0.2.1/", "http://vb365.test/", "ftp://127.0.0.1/", "https://u:p@127.0.0.1/", "nonsense"] {
        let message = unreachable(get(&Trust::default(), url, Duration::ZERO));
        assert!(!message.contains("timed out"), "{message}");
    }
}

#[test]
fn the_roots_of_the_system_refuse_a_self_signed_certificate() {
    let identity = Identity::with_names();
    let server = Server::tls(identity.config(&[&TLS13]));
    let (message, fingerprint) = untrusted(get(&Trust::default(), &server.url("https", "/v8"), LIMIT));
    assert_eq!(fingerprint, Some(identity.fingerprint()));
    let (origin, fingerprint) = (server.url("https", ""), identity.fingerprint());
    assert_eq!(
        message,
        format!("the certificate of {origin} is not trusted (unknown issuer); its SHA-256 is {fingerprint}")
    );
}

#[test]
fn a_ca_file_is_believed_beside_the_system() {
    let identity = Identity::with_names();
    let server = Server::tls(identity.config(&[&TLS12, &TLS13]));
    let (_file, trust) = identity.as_ca_file();
    assert_eq!(get(&trust, &server.url("https", "/"), LIMIT).unwrap().status, 200);
    let by_name = format!("https://localhost:{}/", server.address.port());
    assert_eq!(get(&trust, &by_name, LIMIT).unwrap().status, 200);
}

// Windows checks by rules and words of its own.
#[cfg(not(windows))]
#[test]
fn a_ca_file_does_not_excuse_a_missing_name_or_the_date() {
    let nameless = Identity::with_common_name_only();
    let old = Identity::new(&["127.0.0.1"], |params| params.not_after = rcgen::date_time_ymd(2001, 2, 3));
    let future = Identity::new(&["127.0.0.1"], |params| params.not_before = rcgen::date_time_ymd(4000, 2, 3));
    let words = ["(it does not name this server)", "(expired on 2001-02-0", "(not valid before 4000-02-0"];
    for (identity, words) in [nameless, old, future].iter().zip(words) {
        let server = Server::tls(identity.config(&[&TLS13]));
        let (_file, trust) = identity.as_ca_file();
        let (message, fingerprint) = untrusted(get(&trust, &server.url("https", "/"), LIMIT));
        assert!(message.contains(words), "{message}");
        assert_eq!(fingerprint, Some(identity.fingerprint()));
    }
}

#[test]
fn an_unusable_ca_file_is_named() {
    let der = Identity::with_names().certificate.der().to_vec();
    let broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for content in [&b""[..], b"nothing", &der, broken, b"-----BEGIN CERTIFICATE-----\n*"] {
        let file = ca_file(content);
        let trust = Trust { ca_file: Some(file.path().into()), pins: Vec::new() };
        let error = Client::new(&trust).unwrap_err();
        assert_eq!(error.kind(), Kind::Config);
        assert!(error.message().contains(file.path().to_str().unwrap()), "{error}");
    }
    let trust = Trust { ca_file: Some("/no/such/ca.pem".into()), pins: Vec::new() };
    assert!(Client::new(&trust).unwrap_err().message().starts_with("ca_file /no/such/ca.pem: cannot be read"));
}

#[test]
fn the_right_pin_stands_for_chain_and_name() {
    let other = Identity::with_names().fingerprint();
    for identity in [Identity::with_names(), Identity::with_common_name_only()] {
        for version in [&TLS12, &TLS13] {
            let server = Server::tls(identity.config(&[version]));
            let trust = Trust { ca_file: None, pins: vec![other, identity.fingerprint()] };
            assert_eq!(get(&trust, &server.url("https", "/"), LIMIT).unwrap().status, 200);
        }
    }
}

#[test]
fn a_wrong_pin_is_told_with_both_fingerprints() {
    let (identity, other) = (Identity::with_names(), Identity::with_names());
    let server = Server::tls(identity.config(&[&TLS12]));
    let (_file, mut trust) = identity.as_ca_file();
    trust.pins = vec![other.fingerprint()];
    let (message, fingerprint) = untrusted(get(&trust, &server.url("https", "/"), LIMIT));
    assert_eq!(fingerprint, Some(identity.fingerprint()));
    let (origin, pin, seen) = (server.url("https", ""), other.fingerprint(), identity.fingerprint());
    assert_eq!(message, format!("the certificate of {origin} is not the pinned one ({pin}); its SHA-256 is {seen}"));
}

#[test]
fn a_pin_does_not_excuse_a_missing_key() {
    let identity = Identity::with_names();
    for version in [&TLS12, &TLS13] {
        let thief = KeyPair::generate().unwrap();
        let server = Server::tls(identity.config_signed_by(&thief, &[version]));
        let (message, _) = untrusted(get(&identity.pinned(), &server.url("https", "/"), LIMIT));
        assert!(message.contains("(bad signature)"), "{message}");
    }
}

#[test]
fn a_server_that_drips_or_is_silent_does_not_hold_the_caller() {
    let identity = Identity::with_names();
    for (scheme, start) in [
        ("http", "HTTP/1.1 200 OK\r\nX-Endless: "),
        ("http", "HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"),
        ("http", "HTTP/1.1 200 OK\r\n\r\n"),
        ("https", "\x16\x03\x03\x3f\x00\x02\x00\x3e\x00"),
    ] {
        let server = Server::new(move |stream| drip(stream, start));
        let begun = Instant::now();
        let message = unreachable(get(&identity.pinned(), &server.url(scheme, "/"), SHORT));
        assert!(begun.elapsed() < SHORT * 10, "{:?}", begun.elapsed());
        assert_eq!(message, format!("no answer from {}: timed out after 0.4 s", server.url(scheme, "")));
    }
}

#[test]
fn a_body_has_a_limit() {
    let answer = |length: usize| {
        Server::http(format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{}", "a".repeat(length)))
    };
    let fits = get(&Trust::default(), &answer(LONGEST_BODY).url("http", "/"), LIMIT).unwrap();
    assert_eq!(fits.body.expose().len(), LONGEST_BODY);
    let message = unreachable(get(&Trust::default(), &answer(LONGEST_BODY + 1).url("http", "/"), LIMIT));
    assert!(message.ends_with("the body is larger than 1024 KiB"), "{message}");
    let endless = Server::new(|mut stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
        loop {
            stream.write_all(&[b'a'; 4096])?;
        }
    });
    let message = unreachable(get(&Trust::default(), &endless.url("http", "/"), LIMIT));
    assert!(message.ends_with("the body is larger than 1024 KiB"), "{message}");
}

#[test]
fn each_way_of_not_answering_has_its_words() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let message = unreachable(get(&Trust::default(), &format!("http://{closed}/"), LIMIT));
    assert_eq!(message, format!("no answer from http://{closed}: connection refused"));

    // No resolver asks the network for a label this long.
    let origin = format!("https://{}.invalid:4443", "a".repeat(64));
    let message = unreachable(get(&Trust::default(), &origin, LIMIT));
    assert_eq!(message, format!("no answer from {origin}: its name was not found"));

    let tail = |server: &Server, scheme: &str| {
        let message = unreachable(get(&Trust::default(), &server.url(scheme, "/"), LIMIT));
        message.strip_prefix(&format!("no answer from {}: ", server.url(scheme, ""))).unwrap().to_owned()
    };
    let early = Server::new(|mut stream| read_head(&mut stream).map(drop));
    assert_eq!(tail(&early, "http"), "the connection was closed early");
    let torn = Server::new(|mut stream| {
        read_head(&mut stream)?;
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{")
    });
    assert_eq!(tail(&torn, "http"), "the connection was closed early");
    let gone = Server::new(|mut stream| stream.read(&mut [0; 4096]).map(drop));
    assert_eq!(tail(&gone, "https"), "the connection was closed early");
    let other = Server::new(|mut stream| {
        read_head(&mut stream)?;
        stream.write_all(b"SSH-2.0-secret\r\n\r\n")
    });
    assert_eq!(tail(&other, "http"), "what came back is not HTTP");
    let plain = Server::new(|mut stream| {
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")?;
        stream.read(&mut [0; 4096]).map(drop)
    });
    assert!(tail(&plain, "https").starts_with("TLS failed ("));
}

#[test]
fn a_delay_is_read_in_both_forms_and_bounded() {
    let headers = |retry_after: &str, date: Option<&str>| {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_bytes(retry_after.as_bytes()).unwrap());
        if let Some(date) = date {
            headers.insert(DATE, date.parse().unwrap());
        }
        headers
    };
    let now = Some("Mon, 23 Nov 2026 05:00:00 GMT");
    for (asked, date, seconds) in [
        ("120", None, 120),
        (" 0 ", None, 0),
        ("86400", None, 3600),
        ("99999999999999999999999", None, 30),
        ("Mon, 23 Nov 2026 05:01:30 GMT", now, 90),
        ("Mon, 23 Nov 2026 04:00:00 GMT", now, 0),
        ("Tue, 24 Nov 2026 05:00:00 GMT", now, 3600),
        ("Mon, 23 Nov 2026 05:01:30 GMT", None, 30),
        ("soon", now, 30),
        ("-5", None, 30),
        ("\u{e4}", None, 30),
        ("", None, 30),
    ] {
        assert_eq!(retry_after(&headers(asked, date)), Some(Duration::from_secs(seconds)), "{asked:?}");
    }
    assert_eq!(retry_after(&HeaderMap::new()), None);
}

/// A proxy that takes CONNECT, reports its head, and joins both sides.
fn proxy_to(target: SocketAddr) -> (Server, Receiver<String>) {
    let (seen, heads) = mpsc::channel();
    let server = Server::new(move |mut stream| {
        seen.send(read_head(&mut stream)?).unwrap();
        let mut onward = TcpStream::connect(target)?;
        stream.write_all(b"HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n")?;
        let (mut from, mut to) = (stream.try_clone()?, onward.try_clone()?);
        thread::spawn(move || io::copy(&mut from, &mut to));
        io::copy(&mut onward, &mut stream).map(drop)
    });
    (server, heads)
}

fn through(proxy: &str, trust: &Trust) -> Client {
    Client::with_proxy(trust, Some(Proxy::new(proxy).unwrap())).unwrap()
}

#[test]
fn a_proxy_opens_a_tunnel_in_which_the_server_is_checked() {
    let identity = Identity::with_names();
    let server = Server::tls(identity.config(&[&TLS13]));
    let (proxy, heads) = proxy_to(server.address);
    let (_file, trust) = identity.as_ca_file();
    let client = through(&format!("http://user:pass@{}", proxy.address), &trust);
    for _ in 0..2 {
        assert_eq!(client.get("https://vb365.test:4443/v8", None, LIMIT).unwrap().status, 200);
    }
    let head = heads.recv().unwrap();
    assert!(head.starts_with("CONNECT vb365.test:4443 HTTP/1.1\r\nHost: vb365.test:4443\r\n"), "{head}");
    assert!(head.contains("\r\nProxy-Authorization: Basic dXNlcjpwYXNz\r\n"), "{head}");
    assert_eq!(proxy.connections(), 1);

    let client = through(&format!("http://{}", proxy.address), &Trust::default());
    let (message, fingerprint) = untrusted(client.get("https://vb365.test:4443/v8", None, LIMIT));
    assert!(message.starts_with("the certificate of https://vb365.test:4443 is not trusted"), "{message}");
    assert_eq!(fingerprint, Some(identity.fingerprint()));
}

#[test]
fn loopback_goes_through_no_proxy() {
    let (server, other) = (Server::http(EMPTY), Server::http(EMPTY));
    let client = through(&format!("http://{}", other.address), &Trust::default());
    assert_eq!(client.get(&server.url("http", "/"), None, LIMIT).unwrap().status, 200);
    assert_eq!((server.connections(), other.connections()), (1, 0));
}

#[test]
fn a_proxy_under_tls_is_checked_by_the_roots_and_the_server_by_its_pin() {
    let (outer, inner) = (Identity::with_names(), Identity::with_common_name_only());
    let outer_config = Arc::new(outer.config(&[&TLS13]));
    let inner_config = Arc::new(inner.config(&[&TLS12]));
    let proxy = Server::new(move |stream| {
        let mut stream = accept(&outer_config, stream);
        read_head(&mut stream)?;
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
        answer_all(&mut accept(&inner_config, stream), EMPTY)
    });
    let (_file, mut trust) = outer.as_ca_file();
    trust.pins = vec![inner.fingerprint()];
    let client = through(&format!("https://{}", proxy.address), &trust);
    assert_eq!(client.get("https://vb365.test/", None, LIMIT).unwrap().status, 200);

    let client = through(&format!("https://{}", proxy.address), &outer.pinned());
    let (message, fingerprint) = untrusted(client.get("https://vb365.test/", None, LIMIT));
    let words = format!("no answer from https://vb365.test: the certificate of proxy {} is", proxy.address);
    assert!(message.starts_with(&words), "{message}");
    assert_eq!(fingerprint, None);
}

#[test]
fn a_proxy_that_fails_is_named_without_its_password() {
    let refusing = Server::http("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n");
    let garbled = Server::http("SSH-2.0-x\r\n\r\n");
    let dripping = Server::new(|stream| drip(stream, "HTTP/1.1 200 "));
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (scheme, address, limit, words) in [
        ("http", refusing.address, LIMIT, "it refused the tunnel with status 407"),
        ("http", garbled.address, LIMIT, "what came back is not HTTP"),
        ("http", dripping.address, SHORT, "timed out after 0.4 s"),
        ("http", closed, LIMIT, "connection refused"),
        ("socks5", closed, LIMIT, "only http and https proxies are supported"),
    ] {
        let begun = Instant::now();
        let client = through(&format!("{scheme}://user:pass@{address}"), &Trust::default());
        let message = unreachable(client.get("https://127.0.0.1.vb365.invalid/", None, limit));
        assert_eq!(message, format!("no answer from https://127.0.0.1.vb365.invalid through proxy {address}: {words}"));
        assert!(limit == LIMIT || begun.elapsed() < SHORT * 10);
    }
}

#[test]
fn clients_serve_many_threads_at_once() {
    let server = Server::http(EMPTY);
    let client = client(&Trust::default());
    let done = Mutex::new(0);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                client.get(&server.url("http", "/"), None, LIMIT).unwrap();
                *done.lock().unwrap() += 1;
            });
        }
    });
    assert_eq!(*done.lock().unwrap(), 8);
}
