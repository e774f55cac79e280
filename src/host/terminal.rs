//! The real terminal, opened anew for each call and past the streams, which belong to the caller's
//! protocol: `/dev/tty`, or on Windows `CONIN$` and `CONOUT$`.

use std::fs::File;
use std::io::{self, IsTerminal};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use terminal_size::{Height, Width, terminal_size_of};

#[cfg(unix)]
#[path = "terminal/unix.rs"]
mod platform;
#[cfg(windows)]
#[path = "terminal/windows.rs"]
mod platform;

use self::platform::Keys;
use super::writer::Writer;
use super::{GLANCE, Surface, Terminal};

/// Longest line that is read, in bytes: answers are words.
const LONGEST_LINE: usize = 1024;
/// What is assumed of a terminal that does not tell its size, as a serial line.
const USUAL: (u16, u16) = (80, 24);

/// The terminal that controls this process.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemTerminal;

/// Set by the handler of signals and console events, of which a process has one.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

impl Terminal for SystemTerminal {
    fn is_available(&self) -> bool {
        open().is_ok()
    }

    fn surface(&self) -> Option<Surface> {
        Some(surface(terminal_size_of(&open().ok()?)))
    }

    fn show(&self, text: &str) -> io::Result<()> {
        writer()?.write(text)
    }

    fn draw(&self, frame: &str) -> io::Result<()> {
        writer()?.leave(frame)
    }

    fn forget_typed(&self) {
        // A terminal that is gone has nothing to forget.
        drop(Keys::open().map(|mut keys| keys.forget()));
    }

    #[allow(clippy::disallowed_methods, reason = "this is the terminal that everything else is passed")]
    fn read_line(&self, limit: Duration) -> io::Result<String> {
        let start = Instant::now();
        let mut keys = Keys::open()?;
        let mut line = Vec::new();
        loop {
            if self.is_interrupted() {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let left = limit.saturating_sub(start.elapsed());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            match keys.read(left.min(GLANCE))?.as_deref() {
                None => {}
                Some([]) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Some(more) => line.extend_from_slice(more),
            }
            if let Some(end) = line.iter().position(|byte| *byte == b'\n') {
                let line = String::from_utf8_lossy(&line[..end]);
                return Ok(line.trim_end_matches('\r').to_owned());
            }
            if line.len() > LONGEST_LINE {
                return Err(io::ErrorKind::InvalidData.into());
            }
        }
    }

    fn catch_interrupts(&self) {
        // It fails where a handler is set already: then that one does the same. Without any,
        // Ctrl-C ends the process as it always did, which leaves the cache as it was, too.
        let _ = ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::SeqCst));
    }

    fn is_interrupted(&self) -> bool {
        INTERRUPTED.load(Ordering::SeqCst)
    }
}

fn writer() -> io::Result<&'static Writer> {
    Writer::of_process(write).ok_or_else(|| io::Error::other("this machine can start no thread now"))
}

fn write(text: &str) -> io::Result<()> {
    platform::write(&mut open()?, text)
}

/// How much the terminal can show that stdout is; `None` where stdout is none.
#[allow(clippy::disallowed_methods, reason = "only the process knows where its stdout leads")]
pub fn stdout_surface() -> Option<Surface> {
    let stdout = io::stdout();
    stdout.is_terminal().then(|| surface(terminal_size_of(&stdout)))
}

fn surface(size: Option<(Width, Height)>) -> Surface {
    let told = size.map(|(Width(columns), Height(rows))| (columns, rows));
    let (columns, rows) = told.filter(|(columns, rows)| *columns > 0 && *rows > 0).unwrap_or(USUAL);
    Surface { columns, rows, takes_sequences: platform::takes_sequences() }
}

/// Opens the device to write to.
///
/// # Errors
/// There is none, or nobody could answer at it.
fn open() -> io::Result<File> {
    let device = platform::open()?;
    // A file that stands in the device's place, as in a bare chroot, reaches nobody.
    if device.is_terminal() { Ok(device) } else { Err(io::ErrorKind::NotFound.into()) }
}
