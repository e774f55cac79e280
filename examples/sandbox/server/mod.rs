//! The sandbox's server: plays the Microsoft identity platform and a VB365 server on loopback, as
//! strictly as the real ones, and says what was wrong. It shares no code with the program, so that
//! neither can be right only in the other's eyes.
#![allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "each program that plays with the sandbox uses a part of it"
)]

mod control;
mod entra;
mod faults;
mod form;
pub mod http;
mod page;
mod state;
pub mod tls;
mod veeam;

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};

pub use self::faults::Fault;
use self::http::{Incoming, Reason, Request, Response};
use self::state::State;
use self::tls::Tls;

/// Takes a line of the sandbox's log.
pub type Log = Box<dyn Fn(&str) + Send + Sync>;

/// What is played.
pub struct Options {
    /// The tenant that signs in. Its subdomains, as in `t1.abc.onmicrosoft.com`, are tenants too.
    pub tenant: String,
    /// The organization as the VB365 server spells it.
    pub organization: String,
    /// Who signs in.
    pub account: String,
    /// The port; 0 for any.
    pub port: u16,
    /// Serve https with a self-signed certificate.
    pub tls: bool,
    /// Let that certificate have a common name alone, as many a VB365 server's. The identity
    /// platform is then served as plain http on a port of its own.
    pub no_san: bool,
    /// How many days that certificate is still valid, if it is to end soon; negative where it has ended.
    pub days: Option<i64>,
    /// By how many seconds the servers' clock is ahead.
    pub clock_ahead: i64,
    /// Life of Microsoft's access tokens, in seconds.
    pub entra_life: u64,
    /// Life of the VB365 server's access tokens, in seconds.
    pub veeam_life: u64,
    /// Life of a device code, in seconds.
    pub code_life: u64,
    /// Seconds between two polls.
    pub interval: u64,
    /// The API versions that are served.
    pub versions: Vec<u8>,
    /// Approve each code without a person.
    pub auto_approve: bool,
    /// Play the systems under the names of a real installation, for clients that come through a proxy.
    pub names: Option<Names>,
    /// How long every answer takes at the least.
    pub latency: Duration,
    /// Told a line for each request.
    pub log: Option<Log>,
}

/// The names of a real installation's two systems. Each is served as https on a port of its own, with a
/// self-signed certificate for that name.
pub struct Names {
    /// The VB365 server's, as in `vb365.abc.local`.
    pub server: String,
    /// The identity host's, as in `login.microsoftonline.com`.
    pub identity: String,
    /// The address of the page on which a person enters a code.
    pub page: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            tenant: "abc.onmicrosoft.com".into(),
            organization: "Abc.onmicrosoft.com".into(),
            account: "admin@abc.onmicrosoft.com".into(),
            port: 0,
            tls: false,
            no_san: false,
            days: None,
            clock_ahead: 0,
            entra_life: 3600,
            veeam_life: 3600,
            code_life: 900,
            interval: 1,
            versions: vec![4, 5, 6, 7, 8],
            auto_approve: false,
            names: None,
            latency: Duration::ZERO,
            log: None,
        }
    }
}

/// A running sandbox; it stops when it is dropped.
pub struct Sandbox {
    shared: Arc<Shared>,
    listeners: Vec<(SocketAddr, JoinHandle<()>)>,
    certificate: Option<tls::Certificate>,
    url: String,
    authority: String,
}

struct Shared {
    options: Options,
    /// Where a person enters a code.
    page: String,
    state: Mutex<State>,
    stopped: AtomicBool,
    load: Load,
}

/// How much was asked at once.
#[derive(Default)]
struct Load {
    connections: AtomicUsize,
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Load {
    fn during<T>(&self, answer: impl FnOnce() -> T) -> T {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        let answer = answer();
        self.now.fetch_sub(1, Ordering::SeqCst);
        answer
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // A thread that panicked leaves counters and maps that are still good for the others.
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// What the servers' clock says, as a header has it (RFC 9110 section 5.6.7).
    fn date(&self) -> String {
        let now = Utc::now() + TimeDelta::seconds(self.options.clock_ahead);
        now.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
    }

    fn log(&self, line: &str) {
        if let Some(log) = &self.options.log {
            log(line);
        }
    }

    /// Logs what a request was answered, and remembers a complaint.
    fn report(&self, request: &str, response: &Response) {
        let status = response.status;
        match &response.reason {
            None => self.log(&format!("{request} -> {status}")),
            Some(Reason::Refusal(words)) => self.log(&format!("{request} -> {status} {words}")),
            Some(Reason::Complaint(words)) => {
                self.log(&format!("{request} -> {status} wrong request: {words}"));
                self.state().complaints.push(format!("{request}: {words}"));
            }
        }
    }
}

impl Sandbox {
    /// Starts to listen on loopback.
    ///
    /// # Errors
    /// The port is taken, or no certificate can be made.
    pub fn start(options: Options) -> io::Result<Self> {
        let Stage { sockets, certificate, url, authority, page } = Stage::new(&options)?;
        let shared = Arc::new(Shared {
            options,
            page,
            state: Mutex::default(),
            stopped: AtomicBool::new(false),
            load: Load::default(),
        });
        let listeners = sockets
            .into_iter()
            .map(|(listener, tls)| {
                let (address, shared) = (listener.local_addr()?, shared.clone());
                Ok((address, thread::spawn(move || listen(&listener, tls.as_ref(), &shared))))
            })
            .collect::<io::Result<_>>()?;
        Ok(Self { shared, listeners, certificate, url, authority })
    }

    /// The ports that are listened on: the VB365 server's first, the identity platform's last.
    pub fn ports(&self) -> impl Iterator<Item = u16> {
        self.listeners.iter().map(|(address, _)| address.port())
    }

    /// Where the VB365 server is.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// Where the identity platform is.
    pub fn authority(&self) -> String {
        self.authority.clone()
    }

    /// Approves the newest open device code; false where there is none.
    pub fn approve(&self) -> bool {
        self.shared.state().decide_newest(true)
    }

    /// Declines the newest open device code; false where there is none.
    pub fn decline(&self) -> bool {
        self.shared.state().decide_newest(false)
    }

    /// A token response as the identity platform gives it after a sign-in with Azure CLI's client id.
    pub fn token_response(&self) -> String {
        entra::issue(&mut self.shared.state(), entra::AZURE_CLI, &self.shared).to_string()
    }

    /// Whether the VB365 server takes this access token of its own.
    pub fn accepts(&self, access_token: &str) -> bool {
        self.shared.state().veeam_access.get(access_token).is_some_and(|ends| *ends > Instant::now())
    }

    /// Whether this refresh token of the VB365 server's is still good.
    pub fn is_unspent(&self, refresh_token: &str) -> bool {
        self.shared.state().veeam_refresh.contains(refresh_token)
    }

    /// From now on the VB365 server takes none of its access tokens any more.
    pub fn expire_veeam_access(&self) {
        self.shared.state().expire_veeam();
    }

    /// From now on none of Microsoft's access tokens is an assertion any more.
    pub fn expire_entra_access(&self) {
        self.shared.state().expire_entra();
    }

    /// From now on the VB365 server takes none of its refresh tokens any more.
    pub fn revoke_veeam_refresh(&self) {
        self.shared.state().revoke_veeam();
    }

    /// Ends every sign-in, as a changed password does.
    pub fn revoke_entra_refresh(&self) {
        self.shared.state().revoke_entra();
    }

    /// How many requests an endpoint had: `device_code`, `entra_token`, `veeam_token`,
    /// `service_instance`, `organization`, `logout` or `configuration`.
    pub fn requests(&self, endpoint: &str) -> usize {
        self.shared.state().requests.get(endpoint).copied().unwrap_or_default()
    }

    /// How many connections there were.
    pub fn connections(&self) -> usize {
        self.shared.load.connections.load(Ordering::SeqCst)
    }

    /// How many requests were answered at once, at the most.
    pub fn most_at_once(&self) -> usize {
        self.shared.load.most.load(Ordering::SeqCst)
    }

    /// Lets the next request to `endpoint` go wrong; several faults queue up.
    ///
    /// # Panics
    /// There is no such endpoint.
    pub fn fault(&self, endpoint: &str, fault: Fault) {
        let known = faults::ENDPOINTS.into_iter().find(|known| *known == endpoint);
        assert!(known.is_some(), "{endpoint} is no endpoint of the sandbox");
        known.into_iter().for_each(|known| self.shared.state().queue(known, fault.clone()));
    }

    /// How many faults were ordered and have not happened yet.
    pub fn faults_waiting(&self) -> usize {
        self.shared.state().faults_waiting()
    }

    /// Lets nothing go wrong any more that has not by now.
    pub fn clear_faults(&self) {
        self.shared.state().clear_faults();
    }

    /// What was refused because the request was wrong, in words without tokens.
    pub fn complaints(&self) -> Vec<String> {
        self.shared.state().complaints.clone()
    }

    /// The certificate in PEM form, where there is one; with [`Options::names`], the identity host's.
    pub fn certificate_pem(&self) -> Option<String> {
        self.certificate.as_ref().map(|certificate| certificate.pem.clone())
    }

    /// The certificate's SHA-256 in hexadecimal digits, where there is one; with [`Options::names`], the
    /// VB365 server's.
    pub fn certificate_sha256(&self) -> Option<String> {
        self.certificate.as_ref().map(|certificate| certificate.sha256.clone())
    }
}

/// Where the systems are played.
struct Stage {
    sockets: Vec<(TcpListener, Option<Tls>)>,
    certificate: Option<tls::Certificate>,
    url: String,
    authority: String,
    page: String,
}

impl Stage {
    fn new(options: &Options) -> io::Result<Self> {
        match &options.names {
            Some(names) => Self::of_names(names),
            None => Self::of_this_machine(options),
        }
    }

    fn of_names(names: &Names) -> io::Result<Self> {
        let certificates = [tls::Certificate::of(&names.server)?, tls::Certificate::of(&names.identity)?];
        let sockets = certificates.iter().map(|certificate| Ok((listener(0)?, Some(certificate.tls.clone()))));
        let sockets = sockets.collect::<io::Result<_>>()?;
        let [server, identity] = certificates;
        let certificate = Some(tls::Certificate { pem: identity.pem, ..server });
        let (url, authority) = (format!("https://{}:4443", names.server), format!("https://{}", names.identity));
        Ok(Self { sockets, certificate, url, authority, page: names.page.clone() })
    }

    fn of_this_machine(options: &Options) -> io::Result<Self> {
        let certificate = options.tls.then(|| tls::Certificate::new(options.no_san, options.days)).transpose()?;
        let listener = listener(options.port)?;
        let scheme = if options.tls { "https" } else { "http" };
        let url = format!("{scheme}://127.0.0.1:{}", listener.local_addr()?.port());
        let mut sockets = vec![(listener, certificate.as_ref().map(|certificate| certificate.tls.clone()))];
        let mut authority = url.clone();
        if options.tls && options.no_san {
            let plain = self::listener(0)?;
            authority = format!("http://127.0.0.1:{}", plain.local_addr()?.port());
            sockets.push((plain, None));
        }
        let page = format!("{authority}/device");
        Ok(Self { sockets, certificate, url, authority, page })
    }
}

fn listener(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind(("127.0.0.1", port))
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        for (address, listener) in self.listeners.drain(..) {
            // Wakes the listener, which then sees that it is over.
            let _ = TcpStream::connect(address);
            let _ = listener.join();
        }
    }
}

fn listen(listener: &TcpListener, tls: Option<&Tls>, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.stopped.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        shared.load.connections.fetch_add(1, Ordering::SeqCst);
        let (shared, tls) = (shared.clone(), tls.cloned());
        thread::spawn(move || {
            // An answer that follows the tickets of TLS would otherwise wait for these to be acknowledged: 40 ms.
            let _ = stream.set_nodelay(true);
            // Whoever stops talking is not waited for longer than this.
            let _ = stream.set_read_timeout(Some(Duration::from_secs(20)));
            let talked = match tls {
                Some(tls) => tls.accept(stream).and_then(|mut stream| {
                    talk(&mut stream, &shared)?;
                    stream.conn.send_close_notify();
                    stream.flush()
                }),
                None => talk(&mut { stream }, &shared),
            };
            if let Err(error) = talked {
                shared.log(&format!("a connection ended early: {error}"));
            }
        });
    }
}

/// Answers requests until the other side has no more, or the sandbox is stopped.
fn talk(stream: &mut (impl Read + Write), shared: &Shared) -> io::Result<()> {
    loop {
        let request = match Incoming::read(stream)? {
            Incoming::Request(request) => request,
            Incoming::Wrong(words) => {
                let response = Response::empty(400).because(Reason::Complaint(words.to_owned()));
                shared.report("a connection", &response);
                return response.write(stream);
            }
            Incoming::End => return Ok(()),
        };
        if shared.stopped.load(Ordering::SeqCst) {
            return Ok(());
        }
        let Some(response) = shared.load.during(|| respond(&request, shared)) else {
            shared.log(&format!("{} -> dropped", request.line()));
            return Ok(());
        };
        let response = response.with("Date", &shared.date());
        shared.report(&request.line(), &response);
        response.write(stream)?;
    }
}

/// The answer, unless a fault takes it.
fn respond(request: &Request, shared: &Shared) -> Option<Response> {
    let path = request.path.to_ascii_lowercase();
    let fault = faults::endpoint_of(&path).and_then(|endpoint| shared.state().enter(endpoint));
    let mut late = Duration::ZERO;
    match fault {
        Some(Fault::Drop) => return None,
        Some(Fault::Answer { status, headers, body }) => {
            let reason = Some(Reason::Refusal("a fault, as ordered".to_owned()));
            return Some(Response { status, headers, body, reason });
        }
        Some(Fault::Delay(delay)) => thread::sleep(delay),
        Some(Fault::Late(delay)) => late = delay,
        None => {}
    }
    let response = match path.as_str() {
        "/device" => page::answer(request, shared),
        _ if path.starts_with("/sandbox/") => control::answer(request, shared),
        _ if path.contains("/oauth2/v2.0/") || path.ends_with("/openid-configuration") => {
            entra::answer(request, shared)
        }
        _ => veeam::answer(request, shared),
    };
    thread::sleep(late.max(shared.options.latency));
    Some(response)
}
