//! HTTP/1.1 as far as a sandbox needs it: whole requests of a bounded size, whole answers,
//! connections that are kept for the next request (RFC 9112).

use std::io::{self, ErrorKind, Read, Write};

/// Largest request, in bytes.
const LARGEST: usize = 256 * 1024;

/// A request.
pub struct Request {
    pub method: String,
    /// Without the query.
    pub path: String,
    pub query: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// What a connection has next.
pub enum Incoming {
    /// A whole request.
    Request(Request),
    /// Something that is no request, in words.
    Wrong(&'static str),
    /// Nothing more.
    End,
}

/// An answer.
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
    /// Why it is no good news, in words without tokens.
    pub reason: Option<Reason>,
}

/// Why a request was refused.
pub enum Reason {
    /// The request itself was wrong.
    Complaint(String),
    /// The request was right and its time was not: a pending code, a token that has ended.
    Refusal(String),
}

impl Incoming {
    /// Reads the next request.
    pub fn read(stream: &mut impl Read) -> io::Result<Self> {
        let mut read = Vec::new();
        let (mut request, head, length) = loop {
            match Request::parse_head(&read) {
                Ok(Some(parsed)) => break parsed,
                Ok(None) if read.len() > LARGEST => return Ok(Self::Wrong("the request's head is too large")),
                Ok(None) => {}
                Err(words) => return Ok(Self::Wrong(words)),
            }
            match fill(stream, &mut read) {
                Ok(true) => {}
                Ok(false) if read.is_empty() => return Ok(Self::End),
                // A kept connection that is let go, with or without a word, or that nobody uses.
                Err(error) if read.is_empty() && is_over(error.kind()) => return Ok(Self::End),
                Ok(false) => return Err(ErrorKind::UnexpectedEof.into()),
                Err(error) => return Err(error),
            }
        };
        while read.len() < head + length {
            if !fill(stream, &mut read)? {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        if read.len() > head + length {
            return Ok(Self::Wrong("the body is longer than Content-Length says"));
        }
        request.body = read.split_off(head);
        Ok(Self::Request(request))
    }
}

fn is_over(kind: ErrorKind) -> bool {
    use ErrorKind::{ConnectionAborted, ConnectionReset, TimedOut, UnexpectedEof, WouldBlock};
    matches!(kind, ConnectionAborted | ConnectionReset | TimedOut | UnexpectedEof | WouldBlock)
}

/// Reads some more; false at the end.
fn fill(stream: &mut impl Read, read: &mut Vec<u8>) -> io::Result<bool> {
    let mut chunk = [0; 8 * 1024];
    let length = stream.read(&mut chunk)?;
    read.extend_from_slice(&chunk[..length]);
    Ok(length > 0)
}

impl Request {
    /// The request without its body, the length of the head and that of the body, once the head is whole.
    fn parse_head(read: &[u8]) -> Result<Option<(Self, usize, usize)>, &'static str> {
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut parsed = httparse::Request::new(&mut headers);
        let status = parsed.parse(read).map_err(|_| "the request is not HTTP/1.1")?;
        let httparse::Status::Complete(head) = status else { return Ok(None) };
        let target = parsed.path.unwrap_or_default();
        // RFC 9112 section 3.2.1; beyond ASCII there could be what a terminal obeys, in the log.
        if !target.starts_with('/') || !target.is_ascii() {
            return Err("the request's target is no path");
        }
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let headers = parsed
            .headers
            .iter()
            .map(|header| (header.name.to_ascii_lowercase(), String::from_utf8_lossy(header.value).trim().to_owned()));
        let request = Self {
            method: parsed.method.unwrap_or_default().to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers: headers.collect(),
            body: Vec::new(),
        };
        if request.header("transfer-encoding").is_some() {
            return Err("a body without Content-Length is not read here");
        }
        let length = request.header("content-length").map_or(Ok(0), str::parse);
        match length.map_err(|_| "Content-Length is no number")? {
            length if length > LARGEST => Err("the body is too large"),
            length => Ok(Some((request, head, length))),
        }
    }

    /// A header by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// What is sent as `Authorization: Bearer`.
    pub fn bearer(&self) -> Option<&str> {
        self.header("authorization")?.strip_prefix("Bearer ")
    }

    /// Method and path, for the log.
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

impl Response {
    /// A JSON document.
    pub fn json(status: u16, document: &serde_json::Value) -> Self {
        let headers = vec![("Content-Type".to_owned(), "application/json; charset=utf-8".to_owned())];
        Self { headers, body: document.to_string(), ..Self::empty(status) }
    }

    /// No body.
    pub fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: String::new(), reason: None }
    }

    /// The same with the reason for it.
    pub fn because(self, reason: Reason) -> Self {
        Self { reason: Some(reason), ..self }
    }

    /// The same with one more header.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Writes the whole answer.
    pub fn write(&self, stream: &mut impl Write) -> io::Result<()> {
        let mut head = format!("HTTP/1.1 {} {}\r\nCache-Control: no-store\r\n", self.status, phrase(self.status));
        // RFC 9110 section 8.6: none where there can be no body.
        if self.status != 204 {
            head += &format!("Content-Length: {}\r\n", self.body.len());
        }
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        stream.write_all((head + "\r\n" + &self.body).as_bytes())?;
        stream.flush()
    }
}

fn phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        204 => "No Content",
        400 => "Bad Request",
        401 => "Unauthorized",
        404 => "Not Found",
        405 => "Method Not Allowed",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "",
    }
}
