//! The real terminal, opened anew for each call and past the streams, which belong to the caller's
//! protocol: `/dev/tty`, or on Windows `CONIN$` and `CONOUT$`.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use terminal_size::{Height, Width, terminal_size_of};

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
        Some(surface_of(&open().ok()?))
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
    let mut terminal = open()?;
    #[cfg(windows)]
    let text = &for_console(text);
    terminal.write_all(text.as_bytes())?;
    terminal.flush()
}

/// How much the terminal can show that stdout is; `None` where stdout is none.
#[allow(clippy::disallowed_methods, reason = "only the process knows where its stdout leads")]
pub fn stdout_surface() -> Option<Surface> {
    let stdout = io::stdout();
    stdout.is_terminal().then(|| surface_of(&stdout))
}

#[cfg(unix)]
fn surface_of(terminal: &impl std::os::fd::AsFd) -> Surface {
    surface(terminal_size_of(terminal), true)
}

#[cfg(windows)]
fn surface_of(terminal: &impl std::os::windows::io::AsHandle) -> Surface {
    surface(terminal_size_of(terminal), anstyle_query::windows::enable_ansi_colors() == Some(true))
}

fn surface(size: Option<(Width, Height)>, takes_sequences: bool) -> Surface {
    let told = size.map(|(Width(columns), Height(rows))| (columns, rows));
    let (columns, rows) = told.filter(|(columns, rows)| *columns > 0 && *rows > 0).unwrap_or(USUAL);
    Surface { columns, rows, takes_sequences }
}

#[cfg(unix)]
use self::unix::Keys;
#[cfg(windows)]
use self::windows::Keys;

#[cfg(unix)]
mod unix {
    use std::fs::File;
    use std::io;
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
}

#[cfg(windows)]
mod windows {
    use std::fs::File;
    use std::io::{self, Read};
    use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
    use std::sync::{Mutex, MutexGuard, PoisonError};
    use std::thread;
    use std::time::Duration;

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
}

/// Opens the device to write to.
///
/// # Errors
/// There is none, or nobody could answer at it.
fn open() -> io::Result<File> {
    let device = open_device()?;
    // A file that stands in the device's place, as in a bare chroot, reaches nobody.
    if device.is_terminal() { Ok(device) } else { Err(io::ErrorKind::NotFound.into()) }
}

#[cfg(unix)]
fn open_device() -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let no_controlling = i32::try_from(rustix::fs::OFlags::NOCTTY.bits()).unwrap_or_default();
    File::options().write(true).custom_flags(no_controlling).open("/dev/tty")
}

#[cfg(windows)]
fn open_device() -> io::Result<File> {
    // A console handle needs both rights before the system tells that it is one.
    let mut both = File::options();
    both.read(true).write(true);
    both.open("CONIN$")?;
    both.open("CONOUT$")
}

/// Text for a console in any code page: ASCII, with the line ends it expects.
#[cfg(any(windows, test))]
fn for_console(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii() { c } else { '?' }).collect::<String>().replace('\n', "\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_console_in_any_code_page_can_show_the_text() {
        assert_eq!(for_console("code \u{201c}AB\u{201d}\nenter it\n"), "code ?AB?\r\nenter it\r\n");
    }
}
