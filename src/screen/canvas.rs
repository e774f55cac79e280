//! Lines that move: [`indicatif`] draws them here, and whoever waits has them shown on the person's terminal,
//! because the streams belong to the caller's protocol. The cursor is never hidden: nobody would show it
//! again after a kill.

use std::fmt::{self, Write};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indicatif::{ProgressDrawTarget, TermLike};

use crate::host::{Surface, Terminal};

/// How often lines are drawn at most, in times a second.
const FREQUENCY: u8 = 10;
/// Room behind a line: at the last column some terminals begin another, and Ctrl-C writes `^C`, which must
/// not begin one either.
const MARGIN: u16 = 3;

/// How much is kept for a terminal that takes nothing, in bytes: some minutes of it.
const MOST_WAITING: usize = 64 * 1024;

/// What is drawn and not shown yet. Clones share it.
#[derive(Clone)]
pub struct Canvas(Arc<Mutex<Drawn>>);

struct Drawn {
    surface: Surface,
    sequences: String,
}

impl Canvas {
    /// An empty one for a terminal of this size.
    pub fn new(surface: Surface) -> Self {
        Self(Arc::new(Mutex::new(Drawn { surface, sequences: String::new() })))
    }

    /// Where a progress bar draws.
    pub fn target(&self) -> ProgressDrawTarget {
        ProgressDrawTarget::term_like_with_hz(Box::new(self.clone()), FREQUENCY)
    }

    /// Shows what was drawn since the last time, as soon as the terminal takes it. A person may have changed its
    /// size meanwhile.
    pub fn show_on(&self, terminal: &dyn Terminal) {
        let mut drawn = self.drawn();
        drawn.surface = terminal.surface().unwrap_or(drawn.surface);
        let is_shown = drawn.sequences.is_empty() || terminal.draw(&drawn.sequences).is_ok();
        // One sequence goes on where the one before has ended, so none is left out. A terminal that is gone
        // has nobody in front of it; what moved on it decides nothing.
        if is_shown || drawn.sequences.len() > MOST_WAITING {
            drawn.sequences.clear();
        }
    }

    /// Shows the last of it, so that other words can follow.
    pub fn end_on(&self, terminal: &dyn Terminal) {
        let sequences = std::mem::take(&mut self.drawn().sequences);
        if !sequences.is_empty() {
            let _ = terminal.show(&sequences);
        }
    }

    fn drawn(&self) -> MutexGuard<'_, Drawn> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, sequences: fmt::Arguments<'_>) -> io::Result<()> {
        self.drawn().sequences.write_fmt(sequences).map_err(io::Error::other)
    }
}

impl fmt::Debug for Canvas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Canvas")
    }
}

/// In the control sequences of ECMA-48.
impl TermLike for Canvas {
    fn width(&self) -> u16 {
        self.drawn().surface.columns.saturating_sub(MARGIN).max(1)
    }

    fn height(&self) -> u16 {
        self.drawn().surface.rows
    }

    fn move_cursor_up(&self, lines: usize) -> io::Result<()> {
        if lines == 0 { Ok(()) } else { self.put(format_args!("\x1b[{lines}A")) }
    }

    fn move_cursor_down(&self, lines: usize) -> io::Result<()> {
        if lines == 0 { Ok(()) } else { self.put(format_args!("\x1b[{lines}B")) }
    }

    fn move_cursor_right(&self, columns: usize) -> io::Result<()> {
        if columns == 0 { Ok(()) } else { self.put(format_args!("\x1b[{columns}C")) }
    }

    fn move_cursor_left(&self, columns: usize) -> io::Result<()> {
        if columns == 0 { Ok(()) } else { self.put(format_args!("\x1b[{columns}D")) }
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.put(format_args!("{text}\n"))
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.put(format_args!("{text}"))
    }

    fn clear_line(&self) -> io::Result<()> {
        self.put(format_args!("\r\x1b[2K"))
    }

    fn flush(&self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use indicatif::{ProgressBar, ProgressStyle};

    use super::*;
    use crate::host::fake::FakeTerminal;

    #[test]
    fn a_line_is_drawn_over_itself_and_leaves_nothing() {
        let terminal = FakeTerminal::default();
        let canvas = Canvas::new(terminal.surface().unwrap());
        let bar = ProgressBar::with_draw_target(None, canvas.target());
        bar.set_style(ProgressStyle::with_template("{msg}").unwrap());
        bar.set_message("one");
        bar.tick();
        canvas.show_on(&terminal);
        assert_eq!(terminal.text().trim_end().rsplit('\u{1b}').next(), Some("[2Kone"));
        bar.finish_and_clear();
        canvas.end_on(&terminal);
        assert!(terminal.text().ends_with("\r\u{1b}[2K"));
        let shows = terminal.shows();
        canvas.show_on(&terminal);
        assert_eq!(terminal.shows(), shows);
        assert!(!terminal.text().contains("[?25"), "the cursor was hidden");
    }

    #[test]
    fn a_line_is_never_wider_than_the_terminal_is_now() {
        let terminal = FakeTerminal::default();
        let canvas = Canvas::new(terminal.surface().unwrap());
        terminal.resize(20, 5);
        canvas.show_on(&terminal);
        assert_eq!((canvas.width(), canvas.height()), (17, 5));
    }
}
