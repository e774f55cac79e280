//! Words that came from outside, made fit to show: one line, no control characters, bounded.

/// Longest piece of a server's words that is repeated to a person, in characters.
const LONGEST: usize = 300;

/// `text` on one line without control characters (terminal escapes and bidirectional overrides
/// included), white space folded, cut after 300 characters.
pub fn printable(text: &str) -> String {
    let mut shown = String::new();
    for word in text.split_whitespace() {
        let word: String = word.chars().filter(|c| !is_steering(*c)).collect();
        if !word.is_empty() {
            if !shown.is_empty() {
                shown.push(' ');
            }
            shown.push_str(&word);
        }
    }
    match shown.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &shown[..end]),
        None => shown,
    }
}

/// Whether a terminal could take `c` as a command rather than as text.
fn is_steering(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_and_line_ends_do_not_survive() {
        assert_eq!(printable("a\x1b[31mb\r\n\tc\u{202e}d\u{9b}1m"), "a[31mb cd1m");
        assert_eq!(printable("  \u{7}  "), "");
    }

    #[test]
    fn long_words_are_cut_at_a_character() {
        let shown = printable(&"\u{e9}".repeat(400));
        assert_eq!(shown.chars().count(), 303);
        assert!(shown.ends_with("..."));
    }
}
