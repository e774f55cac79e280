//! What a text for people may use where it is shown: width, colour, characters beyond ASCII, lines that
//! change. The terminal says what it can, the environment (`NO_COLOR`, `TERM`, the locale) what its user
//! wants, and `--plain` has the last word.

pub mod ask;
mod line;
mod qr;

use anstyle::{AnsiColor, Style};

pub use self::line::MovingLine;
pub use self::qr::{Picture, picture};
use crate::host::{Surface, Terminal};
use crate::protocol::Variables;

/// Where a text is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Screen {
    /// How many characters stand in a line; `None` where lines have no end, as in a file.
    pub columns: Option<usize>,
    /// How many lines are seen at once; `None` likewise.
    pub rows: Option<usize>,
    /// Whether colours help.
    pub colour: bool,
    /// Whether characters beyond ASCII are seen as what they are.
    pub unicode: bool,
    /// Whether a line may change after it was shown.
    pub is_live: bool,
}

/// What a piece of a text means, for a choice of colours that is the same everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// What to look at first.
    Strong,
    /// What may be passed over.
    Faint,
    /// As it should be.
    Good,
    /// To be looked at.
    Warning,
    /// To be mended.
    Bad,
    /// To be opened.
    Link,
    /// To be typed elsewhere.
    Code,
}

impl Screen {
    /// A file, a pipe, or a reader who wants text alone.
    pub const PLAIN: Self = Self { columns: None, rows: None, colour: false, unicode: false, is_live: false };

    /// The person's terminal.
    pub fn of_terminal(terminal: &dyn Terminal, variables: Variables<'_>, is_plain: bool) -> Self {
        Self::new(terminal.surface(), variables, is_plain)
    }

    /// A `surface`, if there is one; `is_plain` where text alone is wanted.
    pub fn new(surface: Option<Surface>, variables: Variables<'_>, is_plain: bool) -> Self {
        let Some(surface) = surface else { return Self::PLAIN };
        let text =
            |name: &str| variables(name).and_then(|value| value.into_string().ok()).filter(|text| !text.is_empty());
        let is_dumb = text("TERM").map_or(cfg!(unix), |term| term == "dumb");
        let moves = surface.takes_sequences && !is_dumb && !is_plain;
        Self {
            columns: Some(surface.columns.into()),
            rows: Some(surface.rows.into()),
            colour: moves && text("NO_COLOR").is_none(),
            unicode: !is_plain && is_unicode(surface, &text),
            is_live: moves,
        }
    }

    /// `text` in the colour of what it means.
    pub fn paint(&self, meaning: Meaning, text: &str) -> String {
        if !self.colour || text.is_empty() {
            return text.to_owned();
        }
        let style = meaning.style();
        format!("{style}{text}{style:#}")
    }
}

impl Meaning {
    fn style(self) -> Style {
        let bold = Style::new().bold();
        let colour = |colour: AnsiColor| Style::new().fg_color(Some(colour.into()));
        match self {
            Self::Strong => bold,
            Self::Faint => Style::new().dimmed(),
            Self::Good => colour(AnsiColor::Green),
            Self::Warning => colour(AnsiColor::Yellow),
            Self::Bad => colour(AnsiColor::Red).bold(),
            Self::Link => colour(AnsiColor::Cyan),
            Self::Code => bold.invert(),
        }
    }
}

/// Whether the locale's characters are Unicode (POSIX: the first of the three that is set decides). A console of
/// Windows is written to in Unicode; one that is new enough for sequences has a font for more than its code page.
fn is_unicode(surface: Surface, text: &dyn Fn(&str) -> Option<String>) -> bool {
    if cfg!(windows) {
        return surface.takes_sequences;
    }
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(text).unwrap_or_default().to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    const SURFACE: Surface = Surface { columns: 80, rows: 24, takes_sequences: true };

    fn screen(variables: &[(&str, &str)], is_plain: bool) -> Screen {
        let variable =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value));
        Screen::new(Some(SURFACE), &variable, is_plain)
    }

    #[test]
    fn a_file_has_no_width_and_no_colour() {
        assert_eq!(Screen::new(None, &|_| Some("xterm".into()), false), Screen::PLAIN);
    }

    #[test]
    fn a_terminal_shows_what_it_can_and_its_user_wants() {
        let full = screen(&[("TERM", "xterm"), ("LANG", "C.UTF-8")], false);
        assert_eq!((full.columns, full.rows, full.colour, full.is_live), (Some(80), Some(24), true, true));
        assert!(full.unicode);
        let calm = screen(&[("TERM", "xterm"), ("NO_COLOR", "1"), ("LANG", "C")], false);
        assert_eq!((calm.colour, calm.is_live, calm.unicode), (false, true, cfg!(windows)));
        assert!(screen(&[("TERM", "xterm"), ("NO_COLOR", "")], false).colour);
        let dumb = screen(&[("TERM", "dumb")], false);
        assert_eq!((dumb.colour, dumb.is_live), (false, false));
        let plain = screen(&[("TERM", "xterm"), ("LANG", "C.UTF-8")], true);
        assert_eq!((plain.colour, plain.is_live, plain.unicode, plain.columns), (false, false, false, Some(80)));
        let first = screen(&[("TERM", "xterm"), ("LC_ALL", "C"), ("LANG", "C.UTF-8")], false);
        assert_eq!(first.unicode, cfg!(windows));
    }

    #[test]
    fn a_console_that_takes_no_sequences_gets_words_alone() {
        let old = Surface { takes_sequences: false, ..SURFACE };
        let screen = Screen::new(Some(old), &|_| None, false);
        assert_eq!((screen.colour, screen.is_live, screen.unicode), (false, false, false));
    }

    #[test]
    fn only_colour_is_painted() {
        let colour = screen(&[("TERM", "xterm")], false);
        assert_eq!(colour.paint(Meaning::Good, "valid"), "\u{1b}[32mvalid\u{1b}[0m");
        assert_eq!(colour.paint(Meaning::Good, ""), "");
        assert_eq!(Screen::PLAIN.paint(Meaning::Bad, "gone"), "gone");
    }
}
