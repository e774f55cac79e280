//! The terminal of Unix: `/dev/tty`.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, read};
use rustix::termios::{QueueSelector, tcflush};

/// What is typed at the terminal, a line at a time.
pub(super) struct Keys(File);

impl Keys {
    pub(super) fn open() -> io::Result<Self> {
        let no_controlling = i32::try_from(rustix::fs::OFlags::NOCTTY.bits()).unwrap_or_default();
        File::options().read(true).custom_flags(no_controlling).open("/dev/tty").map(Self)
    }

    /// Drops what nobody has read yet.
    pub(super) fn forget(&mut self) {
        // The system's own refusal leaves them there, and that is all.
        let _ = tcflush(&self.0, QueueSelector::IFlush);
    }

    /// What is there within `limit`; empty at the end.
    pub(super) fn read(&mut self, limit: Duration) -> io::Result<Option<Vec<u8>>> {
        let limit = Timespec::try_from(limit).map_err(|_| Errno::INVAL)?;
        match poll(&mut [PollFd::new(&self.0, PollFlags::IN)], Some(&limit)) {
            Ok(0) | Err(Errno::INTR) => return Ok(None),
            ready => ready?,
        };
        let mut typed = vec![0; 256];
        match read(&self.0, &mut typed) {
            Err(Errno::INTR) => Ok(None),
            length => {
                typed.truncate(length?);
                Ok(Some(typed))
            }
        }
    }
}

pub(super) fn open() -> io::Result<File> {
    let no_controlling = i32::try_from(rustix::fs::OFlags::NOCTTY.bits()).unwrap_or_default();
    File::options().write(true).custom_flags(no_controlling).open("/dev/tty")
}

pub(super) fn write(terminal: &mut File, text: &str) -> io::Result<()> {
    terminal.write_all(text.as_bytes())?;
    terminal.flush()
}

/// What a terminal really takes is for `TERM` to say.
pub(super) fn takes_sequences() -> bool {
    true
}
