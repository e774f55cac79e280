//! A server that keeps to no rule: it answers in bytes whatever a test says, slowly, endlessly or
//! not at all, and remembers what it was sent. And one that nobody may ever call.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::ops::Deref;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::json;

use super::{HOUR, Home, ORGANIZATION, Outcome, TENANT, ago, entra, veeam};

/// How much an endless answer has at the most, in bytes: nobody should want a hundredth of it.
const ENDLESS: usize = 100_000_000;

/// What is answered to a request.
#[derive(Clone, Debug)]
pub enum Reply {
    /// These bytes and the end of the connection.
    Bytes(Vec<u8>),
    /// The first bytes, and then the second one by one, a second apart.
    Drip(Vec<u8>, Vec<u8>),
    /// The first bytes, and then the second again and again.
    Endless(Vec<u8>, Vec<u8>),
    /// Nothing, while the connection stays open.
    Silence,
}

/// A server on loopback, for as long as the test's process lives.
pub struct Hostile {
    url: String,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Hostile {
    /// Answers each request, head and body in one text, with what `reply` makes of it.
    pub fn start(reply: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (heard, reply): (Arc<Mutex<Vec<String>>>, _) = (Arc::default(), Arc::new(reply));
        let server = Self { url, heard: heard.clone() };
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (mut stream, heard, reply) = (stream.unwrap(), heard.clone(), reply.clone());
                thread::spawn(move || {
                    let request = read(&mut stream);
                    heard.lock().unwrap().push(request.clone());
                    // A client that hangs up has understood.
                    let _ = write(&mut stream, &reply(&request));
                });
            }
        });
        server
    }

    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// What it was sent, connection by connection.
    pub fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

/// One request to its end, as far as it comes within five seconds.
fn read(stream: &mut TcpStream) -> String {
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let (mut read, mut chunk) = (Vec::new(), [0; 8192]);
    loop {
        let text = String::from_utf8_lossy(&read).into_owned();
        let whole = text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
            let length =
                head.to_ascii_lowercase().lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            body.len() >= length.unwrap_or(0)
        });
        if whole {
            return text;
        }
        match stream.read(&mut chunk) {
            Ok(count @ 1..) => read.extend_from_slice(&chunk[..count]),
            _ => return text,
        }
    }
}

fn write(stream: &mut TcpStream, reply: &Reply) -> std::io::Result<()> {
    match reply {
        Reply::Bytes(bytes) => stream.write_all(bytes),
        Reply::Drip(first, rest) => {
            stream.write_all(first)?;
            rest.iter().try_for_each(|byte| {
                thread::sleep(Duration::from_secs(1));
                stream.write_all(&[*byte])
            })
        }
        Reply::Endless(first, again) => {
            let some = again.repeat(8192 / again.len() + 1);
            stream.write_all(first)?;
            (0..ENDLESS / some.len()).try_for_each(|_| stream.write_all(&some))
        }
        Reply::Silence => stream.read(&mut [0; 1]).map(|_| ()),
    }
}

/// An answer as the rules have it; the connection's end is told.
pub fn answer(status: u16, body: &str) -> Reply {
    with_head(&format!("HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {}", body.len()), body)
}

/// `head`, without its end, and `body`.
pub fn with_head(head: &str, body: impl AsRef<[u8]>) -> Reply {
    Reply::Bytes([head.as_bytes(), b"\r\n\r\n", body.as_ref()].concat())
}

/// Somewhere that must not be called.
pub struct Decoy(TcpListener);

impl Decoy {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Self(listener)
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.0.local_addr().unwrap())
    }

    /// Fails if anybody ever connected.
    pub fn assert_untouched(&self) {
        let accepted = self.0.accept().map(|(_, whence)| whence);
        assert_eq!(accepted.unwrap_err().kind(), ErrorKind::WouldBlock, "somebody called");
    }
}

/// The request that a hostile server gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    VeeamRefresh,
    Exchange,
    EntraRefresh,
}

impl Role {
    pub const ALL: [Self; 3] = [Self::VeeamRefresh, Self::Exchange, Self::EntraRefresh];
}

/// A user whose two systems are one hostile server, and whose next `get` asks it for one thing.
pub struct Victim {
    home: Home,
    pub server: Hostile,
}

impl Victim {
    pub fn new(role: Role, reply: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        let victim = Self { home: Home::new(), server: Hostile::start(reply) };
        let url = victim.server.url();
        victim.write_config(&format!(
            "[tenants.\"{TENANT}\"]\nserver = \"{url}\"\nauthority = \"{url}\"\norganization = \"{ORGANIZATION}\"\napi_version = \"v8\"\n"
        ));
        match role {
            Role::VeeamRefresh => victim.keep_veeam(2 * HOUR),
            Role::Exchange => victim.store(&json!({ "entra": entra("1") })),
            Role::EntraRefresh => victim.store(&json!({ "entra": entra("1"), "obtained_at": ago(2 * HOUR) })),
        }
        victim
    }

    /// Keeps the server's tokens as received `age` seconds ago, with an hour of life.
    pub fn keep_veeam(&self, age: i64) {
        self.store(&json!({ "server": self.server.url(), "veeam": veeam("1"), "obtained_at": ago(age) }));
    }

    /// A native `store` of `fields` that must succeed.
    pub fn store(&self, fields: &serde_json::Value) {
        let mut request = json!({ "version": 1, "tenant": TENANT });
        request.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        self.run(&["store"], request.to_string().as_bytes()).answer();
    }

    /// `get` without a person.
    pub fn get(&self) -> Outcome {
        self.run(&["get", TENANT, "--interactive", "never", "--timeout", "1s"], b"")
    }
}

impl Deref for Victim {
    type Target = Home;

    fn deref(&self) -> &Home {
        &self.home
    }
}
