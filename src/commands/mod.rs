//! The commands: each turns its arguments into one answer. None of them prints, and none knows how
//! tokens are renewed.

pub mod erase;
pub mod get;
pub mod list;
pub mod login;
pub mod schema;
pub mod store;

use std::io::{self, Read};

use crate::cache::Cache;
use crate::config::Config;
use crate::error::{Error, Kind, Result};
use crate::host::{Clock, Terminal};
use crate::secret::Secret;
use crate::warnings::Warnings;

/// How long a command that only changes the cache waits for its lock.
const LOCK_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(8);
/// Largest request that is read from stdin, in bytes.
const LARGEST_REQUEST: u64 = 1024 * 1024;

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

/// Reads a request to its end.
///
/// # Errors
/// Kind `bad_request`: over 1 MiB, or not readable.
fn read_request(stdin: &mut dyn Read) -> Result<Secret<Vec<u8>>> {
    let mut text = Vec::new();
    let read = stdin.take(LARGEST_REQUEST + 1).read_to_end(&mut text);
    let text = Secret::new(text);
    match read {
        Ok(length) if length as u64 > LARGEST_REQUEST => {
            // The rest is read as well, so that the caller is not stopped by a broken pipe before it sees the answer.
            let _ = io::copy(stdin, &mut io::sink());
            Err(Error::new(Kind::BadRequest, "the request on stdin is larger than 1 MiB"))
        }
        Ok(_) => Ok(text),
        Err(error) => Err(Error::new(Kind::BadRequest, format!("the request on stdin cannot be read: {error}"))),
    }
}
