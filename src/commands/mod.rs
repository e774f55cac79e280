//! The commands: each turns its arguments into one answer. None of them prints, and none knows how
//! tokens are renewed.

pub mod erase;
pub mod get;
pub mod list;
pub mod login;
pub mod schema;
pub mod store;

use std::io;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::cache::Cache;
use crate::config::Config;
use crate::error::{Error, Kind, Result};
use crate::host::{Clock, Deadline, Input, Terminal};
use crate::secret::Secret;
use crate::warnings::Warnings;

/// How long a command that only changes the cache waits for its lock.
const LOCK_TIMEOUT: Duration = Duration::from_secs(8);
/// Largest request that is read from stdin, in bytes.
const LARGEST_REQUEST: usize = 1024 * 1024;
/// How much of it is read at once, in bytes.
const CHUNK: usize = 16 * 1024;

/// What every command works with.
pub struct Context<'a> {
    /// The configuration.
    pub config: &'a Config,
    /// The cache.
    pub cache: &'a Cache,
    /// The time.
    pub clock: &'a dyn Clock,
    /// The person's terminal.
    pub terminal: &'a dyn Terminal,
    /// What goes wrong without ending the command.
    pub warnings: &'a Warnings,
}

/// What a command has to say, for stdout and as a whole.
pub type Answer = Secret<Vec<u8>>;

/// Reads a request to its end, which must be there by `deadline`.
///
/// # Errors
/// Kind `bad_request`: over 1 MiB, not there in time, or not readable.
fn read_request(stdin: &mut dyn Input, clock: &dyn Clock, deadline: Deadline) -> Result<Secret<Vec<u8>>> {
    let (mut text, mut chunk) = (Zeroizing::new(Vec::new()), Zeroizing::new([0; CHUNK]));
    loop {
        match stdin.read_within(&mut chunk[..], deadline.left(clock)) {
            Ok(0) if text.len() > LARGEST_REQUEST => return Err(bad_request("is larger than 1 MiB")),
            Ok(0) => return Ok(Secret::new(std::mem::take(&mut *text))),
            // The rest is read as well, so that the caller is not stopped by a broken pipe before it sees the answer.
            Ok(_) if text.len() > LARGEST_REQUEST => {}
            Ok(length) => append(&mut text, &chunk[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                return Err(
                    bad_request("did not come in time").with_hint("name the tenant as an argument, or close stdin")
                );
            }
            Err(error) => return Err(bad_request(&format!("cannot be read: {error}"))),
        }
    }
}

/// Puts `more` behind `text`; what gets too small for it is overwritten, and not left behind.
fn append(text: &mut Zeroizing<Vec<u8>>, more: &[u8]) {
    if text.len() + more.len() > text.capacity() {
        let mut larger = Zeroizing::new(Vec::with_capacity(2 * (text.len() + more.len())));
        larger.extend_from_slice(text);
        *text = larger;
    }
    text.extend_from_slice(more);
}

fn bad_request(what: &str) -> Error {
    Error::new(Kind::BadRequest, format!("the request on stdin {what}"))
}
