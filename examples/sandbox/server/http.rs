//! HTTP/1.1 as far as a sandbox needs it: whole requests of a bounded size, whole answers,
//! connections that are kept for the next request (RFC 9112).

use std::io::{self, Read, Write};

/// Largest request, in bytes.
const LARGEST: usize = 256 * 1024;

/// A request.
pub(super) struct Request {
    pub(super) method: String,
    /// Without the query.
    pub(super) path: String,
    pub(super) query: String,
    headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

/// An answer.
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Request {
    /// Reads the next request; `None` where the other side has no more.
    pub(super) fn read(stream: &mut impl Read) -> io::Result<Option<Self>> {
        let mut read = Vec::new();
        let (mut request, head, length) = loop {
            if let Some(parsed) = Self::parse_head(&read)? {
                break parsed;
            }
            if !fill(stream, &mut read)? {
                return if read.is_empty() { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
            }
        };
        while read.len() < head + length {
            if !fill(stream, &mut read)? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        request.body = read.split_off(head);
        Ok(Some(request))
    }

    /// The request without its body, the length of the head and that of the body, once the head is whole.
    fn parse_head(read: &[u8]) -> io::Result<Option<(Self, usize, usize)>> {
        let wrong = || io::Error::from(io::ErrorKind::InvalidData);
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut parsed = httparse::Request::new(&mut headers);
        let httparse::Status::Complete(head) = parsed.parse(read).map_err(|_| wrong())? else { return Ok(None) };
        let target = parsed.path.unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let headers: Vec<_> = parsed
            .headers
            .iter()
            .map(|header| (header.name.to_ascii_lowercase(), String::from_utf8_lossy(header.value).into_owned()))
            .collect();
        let request = Self {
            method: parsed.method.unwrap_or_default().to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers,
            body: Vec::new(),
        };
        let length = request.header("content-length").map_or(Ok(0), str::parse).map_err(|_| wrong())?;
        if length > LARGEST { Err(wrong()) } else { Ok(Some((request, head, length))) }
    }

    /// A header by its lower-case name.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// What is sent as `Authorization: Bearer`.
    pub(super) fn bearer(&self) -> Option<&str> {
        self.header("authorization")?.strip_prefix("Bearer ")
    }

    /// Method and path, for the log.
    pub(super) fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

impl Response {
    /// A JSON document.
    pub(super) fn json(status: u16, document: &serde_json::Value) -> Self {
        let headers = vec![("Content-Type".to_owned(), "application/json".to_owned())];
        Self { status, headers, body: document.to_string() }
    }

    /// No body.
    pub(super) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: String::new() }
    }

    /// Writes the whole answer.
    pub(super) fn write(&self, stream: &mut impl Write) -> io::Result<()> {
        let headers: String = self.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let (status, length) = (self.status, self.body.len());
        let head =
            format!("HTTP/1.1 {status} -\r\nContent-Length: {length}\r\nCache-Control: no-store\r\n{headers}\r\n");
        stream.write_all((head + &self.body).as_bytes())?;
        stream.flush()
    }
}

/// Reads some more; false at the end.
fn fill(stream: &mut impl Read, read: &mut Vec<u8>) -> io::Result<bool> {
    let mut chunk = [0; 8 * 1024];
    if read.len() > LARGEST {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let length = stream.read(&mut chunk)?;
    read.extend_from_slice(&chunk[..length]);
    Ok(length > 0)
}
