//! A line that moves: written over itself, on the person's terminal, because the streams belong to the caller's
//! protocol. The cursor is never hidden: nobody would show it again after a kill.

use unicode_width::UnicodeWidthChar;

use super::{Meaning, Screen};
use crate::host::Terminal;

/// Room behind the line: at the last column some terminals begin another, and Ctrl-C writes `^C`, which must
/// not begin one either.
const MARGIN: u16 = 3;
/// Empties the line that the cursor is in (ECMA-48: CR, EL).
const EMPTY: &str = "\r\x1b[2K";

/// The line.
#[allow(missing_debug_implementations, reason = "a terminal has nothing to tell")]
pub struct MovingLine<'a> {
    terminal: &'a dyn Terminal,
    screen: Screen,
    shown: String,
}

impl<'a> MovingLine<'a> {
    /// An empty one; `None` where nothing can move.
    pub fn new(terminal: &'a dyn Terminal, screen: Screen) -> Option<Self> {
        terminal.surface().filter(|_| screen.is_live).map(|_| Self { terminal, screen, shown: String::new() })
    }

    /// Shows as much of `words` as there is room for, in the place of those before.
    pub fn show(&mut self, meaning: Option<Meaning>, words: &str) {
        // A person may have changed its size meanwhile.
        let Some(surface) = self.terminal.surface() else { return };
        let words = beginning(words, surface.columns.saturating_sub(MARGIN).into());
        let words = meaning.map_or_else(|| words.to_owned(), |meaning| self.screen.paint(meaning, words));
        // What a terminal does not take now is out of date when it does.
        if words != self.shown && self.terminal.draw(&format!("{EMPTY}{words}")).is_ok() {
            self.shown = words;
        }
    }

    /// Leaves nothing of it, so that other words can follow.
    pub fn end(self) {
        if !self.shown.is_empty() {
            // A terminal that is gone has nobody in front of it.
            let _ = self.terminal.show(EMPTY);
        }
    }
}

/// As much of `text` as takes at most `room` columns.
fn beginning(text: &str, room: usize) -> &str {
    let mut taken = 0;
    let end = text.char_indices().find(|(_, c)| {
        taken += c.width().unwrap_or_default();
        taken > room
    });
    end.map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fake::FakeTerminal;

    const LIVE: Screen = Screen { is_live: true, ..Screen::PLAIN };

    #[test]
    fn a_line_is_drawn_over_itself_when_it_changes_and_leaves_nothing() {
        let terminal = FakeTerminal::default();
        let mut line = MovingLine::new(&terminal, LIVE).unwrap();
        ["one", "two", "two"].into_iter().for_each(|words| line.show(None, words));
        assert_eq!(terminal.text(), format!("{EMPTY}one{EMPTY}two"));
        line.end();
        assert!(terminal.text().ends_with(&format!("two{EMPTY}")));
    }

    #[test]
    fn what_the_terminal_did_not_take_is_drawn_when_it_does() {
        let terminal = FakeTerminal::default();
        let mut line = MovingLine::new(&terminal, LIVE).unwrap();
        for is_stuck in [true, false] {
            terminal.set_stuck(is_stuck);
            line.show(None, "one");
        }
        assert_eq!(terminal.text(), format!("{EMPTY}one"));
    }

    #[test]
    fn a_line_that_was_never_shown_leaves_the_terminal_alone() {
        let terminal = FakeTerminal::default();
        MovingLine::new(&terminal, LIVE).unwrap().end();
        assert_eq!(terminal.text(), "");
        assert!(MovingLine::new(&terminal, Screen::PLAIN).is_none());
    }

    #[test]
    fn a_line_is_never_wider_than_the_terminal_is_now() {
        let terminal = FakeTerminal::default();
        let mut line = MovingLine::new(&terminal, Screen { colour: true, ..LIVE }).unwrap();
        terminal.resize(8, 5);
        line.show(Some(Meaning::Good), "customers");
        assert_eq!(terminal.text(), format!("{EMPTY}\x1b[32mcusto\x1b[0m"));
    }

    #[test]
    fn wide_characters_take_two_columns_and_combining_ones_none() {
        assert_eq!(beginning("\u{6771}\u{4eac}", 3), "\u{6771}");
        assert_eq!(beginning("e\u{301}ab", 2), "e\u{301}a");
        assert_eq!(beginning("ab", 2), "ab");
    }
}
