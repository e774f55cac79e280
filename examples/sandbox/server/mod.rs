//! The sandbox's server: plays the Microsoft identity platform and a VB365 server on loopback, as
//! strictly as the real ones, and says what was wrong. It shares no code with the program, so that
//! neither can be right only in the other's eyes.
#![allow(dead_code, unreachable_pub, reason = "each program that plays with the sandbox uses a part of it")]

mod control;
mod entra;
mod form;
mod http;
mod page;
mod state;
mod tls;
mod veeam;

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use self::http::{Request, Response};
use self::state::State;
use self::tls::Tls;

/// Takes a line of the sandbox's log.
pub type Log = Box<dyn Fn(&str) + Send + Sync>;

/// What is played.
pub struct Options {
    /// The tenant that signs in.
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
    /// Told a line for each request.
    pub log: Option<Log>,
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
            entra_life: 3600,
            veeam_life: 3600,
            code_life: 900,
            interval: 1,
            versions: vec![4, 5, 6, 7, 8],
            auto_approve: false,
            log: None,
        }
    }
}

/// Something that goes wrong with the next request to an endpoint.
#[derive(Clone, Debug)]
pub enum Fault {
    /// This is answered.
    Answer {
        /// The status.
        status: u16,
        /// Further headers.
        headers: Vec<(String, String)>,
        /// The body as it is.
        body: String,
    },
    /// The connection is closed without an answer.
    Drop,
    /// The answer comes this late.
    Delay(Duration),
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
    state: Mutex<State>,
    stopped: AtomicBool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // A thread that panicked leaves counters and maps that are still good for the others.
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn log(&self, line: &str) {
        if let Some(log) = &self.options.log {
            log(line);
        }
    }
}

impl Sandbox {
    /// Starts to listen on loopback.
    ///
    /// # Errors
    /// The port is taken, or no certificate can be made.
    pub fn start(options: Options) -> io::Result<Self> {
        let certificate = options.tls.then(|| tls::Certificate::new(options.no_san)).transpose()?;
        let listener = TcpListener::bind(("127.0.0.1", options.port))?;
        let scheme = if options.tls { "https" } else { "http" };
        let url = format!("{scheme}://127.0.0.1:{}", listener.local_addr()?.port());
        let mut sockets = vec![(listener, certificate.as_ref().map(|certificate| certificate.tls.clone()))];
        let mut authority = url.clone();
        if options.tls && options.no_san {
            let plain = TcpListener::bind(("127.0.0.1", 0))?;
            authority = format!("http://127.0.0.1:{}", plain.local_addr()?.port());
            sockets.push((plain, None));
        }
        let state = Mutex::new(State::new(&authority));
        let shared = Arc::new(Shared { options, state, stopped: AtomicBool::new(false) });
        let listeners = sockets
            .into_iter()
            .map(|(listener, tls)| {
                let (address, shared) = (listener.local_addr()?, shared.clone());
                Ok((address, thread::spawn(move || listen(&listener, tls.as_ref(), &shared))))
            })
            .collect::<io::Result<_>>()?;
        Ok(Self { shared, listeners, certificate, url, authority })
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

    /// A token response as the identity platform gives it after a sign-in.
    pub fn token_response(&self) -> String {
        entra::tokens(&self.shared).to_string()
    }

    /// From now on the VB365 server takes none of its access tokens any more.
    pub fn expire_veeam_access(&self) {
        self.shared.state().veeam_access.clear();
    }

    /// From now on none of Microsoft's access tokens is an assertion any more.
    pub fn expire_entra_access(&self) {
        self.shared.state().entra_access.clear();
    }

    /// From now on the VB365 server takes none of its refresh tokens any more.
    pub fn revoke_veeam_refresh(&self) {
        self.shared.state().veeam_refresh.clear();
    }

    /// Ends every sign-in, as a changed password does.
    pub fn revoke_entra_refresh(&self) {
        self.shared.state().entra_refresh.clear();
    }

    /// How many requests an endpoint had: `device_code`, `entra_token`, `veeam_token`,
    /// `service_instance`, `organization` or `logout`.
    pub fn requests(&self, endpoint: &str) -> usize {
        self.shared.state().requests.get(endpoint).copied().unwrap_or_default()
    }

    /// Lets the next request to `endpoint` go wrong; several faults queue up.
    pub fn fault(&self, endpoint: &str, fault: Fault) {
        self.shared.state().faults.entry(endpoint.to_owned()).or_default().push_back(fault);
    }

    /// What was refused because the request was wrong, in words without tokens.
    pub fn complaints(&self) -> Vec<String> {
        self.shared.state().complaints.clone()
    }

    /// The certificate in PEM form, where there is one.
    pub fn certificate_pem(&self) -> Option<String> {
        self.certificate.as_ref().map(|certificate| certificate.pem.clone())
    }

    /// The certificate's SHA-256 in hexadecimal digits, where there is one.
    pub fn certificate_sha256(&self) -> Option<String> {
        self.certificate.as_ref().map(|certificate| certificate.sha256.clone())
    }
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
        let (shared, tls) = (shared.clone(), tls.cloned());
        thread::spawn(move || {
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

/// Answers requests until the other side has no more.
fn talk(stream: &mut (impl Read + Write), shared: &Shared) -> io::Result<()> {
    while let Some(request) = Request::read(stream)? {
        let endpoint = endpoint_of(&request);
        let fault = endpoint.and_then(|endpoint| shared.state().enter(endpoint));
        let response = match fault {
            Some(Fault::Drop) => {
                shared.log(&format!("{} -> dropped", request.line()));
                return Ok(());
            }
            Some(Fault::Answer { status, headers, body }) => Response { status, headers, body },
            Some(Fault::Delay(delay)) => {
                thread::sleep(delay);
                route(&request, shared)
            }
            None => route(&request, shared),
        };
        shared.log(&format!("{} -> {}", request.line(), response.status));
        response.write(stream)?;
    }
    Ok(())
}

/// The name under which an endpoint is counted and can go wrong.
fn endpoint_of(request: &Request) -> Option<&'static str> {
    let path = request.path.to_ascii_lowercase();
    let last = path.rsplit('/').next()?;
    match last {
        "devicecode" => Some("device_code"),
        "token" if path.contains("/oauth2/") => Some("entra_token"),
        "token" => Some("veeam_token"),
        "serviceinstance" => Some("service_instance"),
        "organization" => Some("organization"),
        "logout" => Some("logout"),
        _ => None,
    }
}

fn route(request: &Request, shared: &Shared) -> Response {
    let path = request.path.to_ascii_lowercase();
    match path.as_str() {
        "/device" => page::answer(request, shared),
        _ if path.starts_with("/sandbox/") => control::answer(request, shared),
        _ if path.contains("/oauth2/v2.0/") => entra::answer(request, shared),
        _ => veeam::answer(request, shared),
    }
}
