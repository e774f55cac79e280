//! The real terminal, opened anew for each call and past the streams, which belong to the caller's
//! protocol: `/dev/tty`, or on Windows `CONIN$` and `CONOUT$`.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use super::Terminal;

/// The terminal that controls this process.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemTerminal;

/// Set by the handler of signals and console events, of which a process has one.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

impl Terminal for SystemTerminal {
    fn is_available(&self) -> bool {
        open().is_ok()
    }

    fn show(&self, text: &str) -> io::Result<()> {
        let mut terminal = open()?;
        #[cfg(windows)]
        let text = &for_console(text);
        terminal.write_all(text.as_bytes())?;
        terminal.flush()
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
