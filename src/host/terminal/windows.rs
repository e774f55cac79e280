//! The console of Windows: `CONIN$` and `CONOUT$`.

use std::fs::File;
use std::io::{self, Read};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crossterm_winapi::{Console, ConsoleMode, Handle};

/// How long a console needs to hand out the lines that were typed before.
const AT_ONCE: Duration = Duration::from_millis(50);

/// What a reader has read; an error or nothing at its end.
type Typed = Receiver<io::Result<Vec<u8>>>;

/// What is typed at the console, a line at a time. Windows waits for no console with a limit, so a
/// thread of its own reads. It is the only one: a second would take lines from the first.
pub(super) struct Keys(MutexGuard<'static, Option<Typed>>);

impl Keys {
    pub(super) fn open() -> io::Result<Self> {
        static READER: Mutex<Option<Typed>> = Mutex::new(None);
        let mut reader = READER.lock().unwrap_or_else(PoisonError::into_inner);
        if reader.is_none() {
            *reader = Some(start()?);
        }
        Ok(Self(reader))
    }

    /// Drops what nobody has read yet.
    pub(super) fn forget(&mut self) {
        while let Ok(Some([_, ..])) = self.read(AT_ONCE).as_ref().map(Option::as_deref) {}
    }

    /// What is there within `limit`; empty at the end.
    pub(super) fn read(&mut self, limit: Duration) -> io::Result<Option<Vec<u8>>> {
        let typed = self.0.as_ref().map_or(Err(RecvTimeoutError::Disconnected), |typed| typed.recv_timeout(limit));
        match typed {
            Ok(typed) => typed.map(Some),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => {
                // Whoever asks next has a new one started.
                *self.0 = None;
                Ok(Some(Vec::new()))
            }
        }
    }
}

fn start() -> io::Result<Typed> {
    let mut console = File::options().read(true).write(true).open("CONIN$")?;
    let (sent, typed) = sync_channel(1);
    thread::Builder::new().spawn(move || {
        loop {
            let mut keys = vec![0; 256];
            let read = console.read(&mut keys).map(|length| {
                keys.truncate(length);
                keys
            });
            let is_last = read.as_ref().map_or(true, Vec::is_empty);
            if sent.send(read).is_err() || is_last {
                return;
            }
        }
    })?;
    Ok(typed)
}

pub(super) fn open() -> io::Result<File> {
    // A console handle needs both rights before the system tells that it is one.
    let mut both = File::options();
    both.read(true).write(true);
    both.open("CONIN$")?;
    both.open("CONOUT$")
}

/// As UTF-16, which a console shows whatever its code page is, with the line ends that it expects.
pub(super) fn write(_: &mut File, text: &str) -> io::Result<()> {
    let console = Console::from(Handle::current_out_handle()?);
    console.write_char_buffer(text.replace('\n', "\r\n").as_bytes()).map(drop)
}

/// Turns escape sequences on; a console that knows none (before Windows 10) refuses that.
pub(super) fn takes_sequences() -> bool {
    /// `ENABLE_PROCESSED_OUTPUT` and `ENABLE_VIRTUAL_TERMINAL_PROCESSING`.
    const SEQUENCES: u32 = 1 | 4;
    let turn_on = |handle: Handle| {
        let console = ConsoleMode::from(handle);
        console.set_mode(console.mode()? | SEQUENCES)
    };
    Handle::current_out_handle().and_then(turn_on).is_ok()
}
