//! A service that a client calls with the token it got: https on loopback, with a certificate of its
//! own that the client is told to trust. It remembers every request, and answers what a test says.

use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::support::server::http::{Incoming, Request, Response};
use crate::support::server::tls::Certificate;

/// A service, for as long as the test's process lives.
pub struct Service {
    url: String,
    pem: String,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Service {
    /// Answers each request by `answer`, which is told where the service is.
    pub fn start(answer: impl Fn(&str, &Request) -> Response + Send + Sync + 'static) -> Self {
        let Certificate { pem, tls, .. } = Certificate::new(false, None).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let service = Self { url: url.clone(), pem, seen: Arc::default() };
        let (seen, answer) = (service.seen.clone(), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (tls, seen, answer, url) = (tls.clone(), seen.clone(), answer.clone(), url.clone());
                thread::spawn(move || {
                    let stream = stream.unwrap();
                    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
                    let mut stream = tls.accept(stream).unwrap();
                    // A client may hang up at any moment.
                    while let Ok(Incoming::Request(request)) = Incoming::read(&mut stream) {
                        let response = answer(&url, &request);
                        seen.lock().unwrap().push(request);
                        if response.write(&mut stream).is_err() {
                            return;
                        }
                    }
                });
            }
        });
        service
    }

    /// Where it is: https, an address and a port.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Address and port.
    pub fn host(&self) -> &str {
        self.url.trim_start_matches("https://")
    }

    /// Its certificate.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// The `Authorization` of each request for `path` until now, in their order.
    pub fn authorizations(&self, path: &str) -> Vec<Option<String>> {
        let seen = self.seen.lock().unwrap();
        let seen = seen.iter().filter(|request| request.path == path);
        seen.map(|request| request.header("authorization").map(str::to_owned)).collect()
    }

    /// The names of the headers of each request until now.
    pub fn header_names(&self) -> Vec<Vec<String>> {
        let names = |request: &Request| request.headers.iter().map(|(name, _)| name.clone()).collect();
        self.seen.lock().unwrap().iter().map(names).collect()
    }

    /// How many requests came until now.
    pub fn requests(&self) -> usize {
        self.seen.lock().unwrap().len()
    }
}

/// A page of text.
pub fn text(status: u16, body: &str) -> Response {
    Response { body: body.to_owned(), ..Response::empty(status) }
}

/// A JSON document.
pub fn json(document: &Value) -> Response {
    Response::json(200, document)
}
