//! Words that came from outside, made fit to show: one line, no control characters, bounded; and
//! where they could repeat a token, without what is as long as one.

use chrono::TimeDelta;

/// Longest piece of words from outside that is repeated to a person, in characters.
const LONGEST: usize = 300;
/// Longest word that is repeated where it could be a token, in characters: an id or a grant type fits, a token does not.
const LONGEST_WORD: usize = 64;
/// Longest name of an account, in characters (Microsoft's `userPrincipalName`).
const LONGEST_NAME: usize = 113;
/// How many names are told in a row.
const MOST_NAMES: usize = 5;
/// Stands for what is not repeated.
const LEFT_OUT: &str = "[...]";

/// The line end that `text` has, for what is put into it.
pub fn end_of_line(text: &str) -> &'static str {
    if text.contains("\r\n") { "\r\n" } else { "\n" }
}

/// `text` on one line without control characters (terminal escapes and bidirectional overrides
/// included), white space folded, cut after 300 characters.
pub fn printable(text: &str) -> String {
    cut(one_line(text))
}

/// Words of somebody who could repeat a token, as [`printable`] has them, but without `sent`, the
/// secret that a server was just sent (empty if there was none), and every word as long as a token.
pub fn said(words: &str, sent: &str) -> String {
    let (words, sent) = (one_line(words), one_line(sent));
    let words = if sent.is_empty() { words } else { words.replace(&sent, LEFT_OUT) };
    // Folded into lines, a token is many short words.
    let unfolded = |text: &str| text.replace(' ', "");
    if !sent.is_empty() && unfolded(&words).contains(&unfolded(&sent)) {
        return LEFT_OUT.into();
    }
    let short = |word| if length(word) > LONGEST_WORD { LEFT_OUT } else { word };
    cut(words.split(' ').map(short).collect::<Vec<_>>().join(" "))
}

/// The same of somebody who was sent nothing.
pub fn without_tokens(words: &str) -> String {
    said(words, "")
}

/// The name of an account as a server told it; `None` if no account is called so.
pub fn account_name(name: &str) -> Option<String> {
    Some(one_line(name)).filter(|name| !name.is_empty() && length(name) <= LONGEST_NAME)
}

/// `names` in a row, of which a person reads the first few.
pub fn in_a_row<'n>(names: impl ExactSizeIterator<Item = &'n str>) -> String {
    let more = names.len().saturating_sub(MOST_NAMES);
    let row = names.take(MOST_NAMES).collect::<Vec<_>>().join(", ");
    if more == 0 { row } else { format!("{row} and {more} more") }
}

/// A time that is left or has passed, in the one unit that a person thinks in.
pub fn span(time: TimeDelta) -> String {
    match time.num_seconds() {
        seconds @ ..60 => format!("{} s", seconds.max(0)),
        seconds @ 60..3600 => format!("{} min", seconds / 60),
        seconds @ 3600..172_800 => format!("{} h", seconds / 3600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

/// `words` in lines, the first of them behind `mark` and the others below it.
pub fn filled(mark: &str, words: &str, width: usize) -> String {
    let mut lines = vec![mark.to_owned()];
    let indent = " ".repeat(mark.len());
    for word in words.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.len() == indent.len() => line.push_str(word),
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => *line += &format!(" {word}"),
            _ => lines.push(format!("{indent}{word}")),
        }
    }
    lines.join("\n") + "\n"
}

fn one_line(text: &str) -> String {
    let words = text.split_whitespace().map(|word| word.chars().filter(|c| !is_steering(*c)).collect::<String>());
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

fn cut(text: String) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

fn length(text: &str) -> usize {
    text.chars().count()
}

/// Whether a terminal could take `c` as a command, or show something else because of it.
fn is_steering(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e01ef}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_and_line_ends_do_not_survive() {
        assert_eq!(printable("a\x1b[31mb\r\n\tc\u{202e}d\u{9b}1m"), "a[31mb cd1m");
        assert_eq!(printable("a\u{61c}b\u{2028}c\u{e0041}\u{ad}d"), "ab cd");
        assert_eq!(printable("  \u{7}  "), "");
    }

    #[test]
    fn long_words_are_cut_at_a_character() {
        let shown = printable(&"\u{e9}".repeat(400));
        assert_eq!(shown.chars().count(), 303);
        assert!(shown.ends_with("..."));
    }

    #[test]
    fn a_server_is_quoted_without_what_could_be_a_token() {
        let token = "t".repeat(65);
        assert_eq!(said(&format!("the token\n{token} or \"{token}\" is bad"), ""), "the token [...] or [...] is bad");
        assert_eq!(said(&format!("{}\u{200b}{}", &token[..40], &token[40..]), ""), "[...]");
        assert_eq!(said(&token[1..], ""), token[1..]);
        assert_eq!(said("   ", ""), "");
    }

    #[test]
    fn a_server_is_quoted_without_what_it_was_sent_however_short_that_is() {
        assert_eq!(said("'s3cret' is bad: s3\u{1b}cret", "s3cret"), "'[...]' is bad: [...]");
        assert_eq!(said("{\"a\":\"b\n c\"} is bad", "{\"a\":\"b  c\"}"), "[...] is bad");
        assert_eq!(said("bad: abcd\nefgh\nijkl", "abcdefghijkl"), "[...]");
        assert_eq!(said("bad", ""), "bad");
    }

    #[test]
    fn of_many_names_the_first_are_told() {
        let names = ["a", "b", "c", "d", "e", "f", "g"];
        assert_eq!(in_a_row(names[..2].iter().copied()), "a, b");
        assert_eq!(in_a_row(names[..5].iter().copied()), "a, b, c, d, e");
        assert_eq!(in_a_row(names.into_iter()), "a, b, c, d, e and 2 more");
    }

    #[test]
    fn a_time_has_one_unit() {
        for (seconds, words) in [
            (-1, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (3599, "59 min"),
            (3600, "1 h"),
            (172_799, "47 h"),
            (172_800, "2 days"),
            (7_776_000, "90 days"),
        ] {
            assert_eq!(span(TimeDelta::seconds(seconds)), words);
        }
    }

    #[test]
    fn an_account_has_a_short_name_or_none() {
        assert_eq!(account_name(" admin\u{1b}@abc.com\n").as_deref(), Some("admin@abc.com"));
        assert_eq!(account_name("\u{1b}"), None);
        assert_eq!(account_name(&"n".repeat(113)), Some("n".repeat(113)));
        assert_eq!(account_name(&"n".repeat(114)), None);
    }
}
