//! The real stdin, read with an end to every wait: a caller that opens a pipe and never writes to
//! it must not hold the program for ever.

use std::io;
use std::time::Duration;

use super::Input;

/// What is all there already.
impl Input for &[u8] {
    fn read_within(&mut self, buffer: &mut [u8], _: Duration) -> io::Result<usize> {
        io::Read::read(self, buffer)
    }
}

#[cfg(unix)]
pub use self::unix::SystemInput;
#[cfg(windows)]
pub use self::windows::SystemInput;

#[cfg(unix)]
mod unix {
    use std::io;
    use std::time::Duration;

    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::io::{Errno, read};

    use crate::host::Input;

    /// The longest wait for one read; whoever waits longer asks again.
    const LONGEST: Duration = Duration::from_secs(86_400);

    /// The process's stdin.
    #[derive(Debug, Default)]
    pub struct SystemInput(());

    impl SystemInput {
        /// Nothing is read yet.
        pub fn new() -> Self {
            Self(())
        }
    }

    impl Input for SystemInput {
        #[allow(clippy::disallowed_methods, reason = "this is the stdin that everything else is passed")]
        fn read_within(&mut self, buffer: &mut [u8], limit: Duration) -> io::Result<usize> {
            let stdin = io::stdin();
            // No platform's poll counts further than weeks.
            let limit = Timespec::try_from(limit.min(LONGEST)).map_err(|_| Errno::INVAL)?;
            // What is past its end, or broken, is ready too: the read tells which.
            match poll(&mut [PollFd::new(&stdin, PollFlags::IN)], Some(&limit)) {
                Ok(0) => Err(io::ErrorKind::TimedOut.into()),
                Ok(_) => Ok(read(&stdin, buffer)?),
                Err(error) => Err(error.into()),
            }
        }
    }
}

#[cfg(windows)]
mod windows {
    use std::io::{self, Read};
    use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
    use std::thread;
    use std::time::Duration;

    use zeroize::Zeroizing;

    use crate::host::Input;

    /// How much is read at once, in bytes.
    const CHUNK: usize = 64 * 1024;

    /// What a read brought; empty at the end.
    type Chunk = io::Result<Zeroizing<Vec<u8>>>;

    /// The process's stdin. Windows waits for no pipe with a limit, so a thread of its own reads.
    #[derive(Default)]
    pub struct SystemInput {
        chunks: Option<Receiver<Chunk>>,
        rest: Zeroizing<Vec<u8>>,
    }

    impl SystemInput {
        /// Nothing is read yet.
        pub fn new() -> Self {
            Self::default()
        }
    }

    impl Input for SystemInput {
        fn read_within(&mut self, buffer: &mut [u8], limit: Duration) -> io::Result<usize> {
            if self.rest.is_empty() {
                if self.chunks.is_none() {
                    self.chunks = Some(start()?);
                }
                let Some(chunks) = &self.chunks else { return Ok(0) };
                self.rest = match chunks.recv_timeout(limit) {
                    Ok(chunk) => chunk?,
                    Err(RecvTimeoutError::Timeout) => return Err(io::ErrorKind::TimedOut.into()),
                    Err(RecvTimeoutError::Disconnected) => return Ok(0),
                };
            }
            let length = self.rest.len().min(buffer.len());
            buffer[..length].copy_from_slice(&self.rest[..length]);
            self.rest = Zeroizing::new(self.rest.split_off(length));
            Ok(length)
        }
    }

    #[allow(clippy::disallowed_methods, reason = "this is the stdin that everything else is passed")]
    fn start() -> io::Result<Receiver<Chunk>> {
        let (sent, chunks) = sync_channel(1);
        thread::Builder::new().spawn(move || {
            loop {
                let mut chunk = Zeroizing::new(vec![0; CHUNK]);
                let read = io::stdin().read(&mut chunk);
                if read.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::Interrupted) {
                    continue;
                }
                let is_last = !matches!(read, Ok(1..));
                let chunk = read.map(|length| {
                    chunk.truncate(length);
                    chunk
                });
                // Nobody listens any more once the request is there.
                if sent.send(chunk).is_err() || is_last {
                    return;
                }
            }
        })?;
        Ok(chunks)
    }
}
