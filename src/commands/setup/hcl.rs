//! The outermost blocks of Terraform's CLI configuration, which is HCL of version 1 (crates read
//! version 2), as far as it takes to add one, or to put one in the place of another. What is inside a
//! block is only passed over, word by word.

use std::ops::Range;

use serde::Deserialize;
use serde_json::{Value, json};

use super::edit::Refusal;
use crate::text::end_of_line;

const KIND: &str = "credentials_helper";
/// What Terraform calls this program.
pub(super) const NAME: &str = "vb365";

/// A helper for Terraform's credentials: `credentials_helper "NAME" { .. }`.
pub(super) struct Helper {
    /// As it is written.
    pub(super) block: String,
    /// Its arguments, as they stand in it.
    pub(super) args: Vec<String>,
}

/// A word of the text; a string with its quotes, a text of many lines as a whole.
#[derive(Clone, Debug, PartialEq)]
struct Word<'t> {
    text: &'t str,
    span: Range<usize>,
}

/// What stands outside of all brackets: names, and then a body or a value.
struct Item<'t> {
    words: Vec<Word<'t>>,
}

impl Helper {
    /// Whether the helper in `text` is this one; `None` if there is none, or if `text` cannot be read.
    pub(super) fn is_in(&self, text: &str) -> Option<bool> {
        if is_json(text) {
            return self.is_in_json(text);
        }
        let items = items(text).ok()?;
        let is_same = self.added_to(Some(text), false) == Ok(None);
        items.iter().any(|item| item.name(0) == KIND).then_some(is_same)
    }

    fn is_in_json(&self, text: &str) -> Option<bool> {
        #[derive(Deserialize)]
        struct File {
            credentials_helper: Option<Value>,
        }
        let helper = serde_json::from_str::<File>(text).ok()?.credentials_helper?;
        let args: Vec<_> = self.args.iter().filter_map(|arg| serde_json::from_str::<Value>(arg).ok()).collect();
        let is_without = args.is_empty() && helper == json!({ NAME: {} });
        Some(is_without || helper == json!({ NAME: { "args": args } }))
    }

    /// `old` with this helper; `None` if it is there already.
    ///
    /// # Errors
    /// `old` cannot be read, or has another helper (and not `force`): Terraform takes only one.
    pub(super) fn added_to(&self, old: Option<&str>, force: bool) -> Result<Option<String>, Refusal> {
        let old = old.unwrap_or_default();
        if is_json(old) && self.is_in_json(old) == Some(true) {
            return Ok(None);
        }
        let found = items(old)?;
        let helpers: Vec<_> = found.iter().filter(|item| item.name(0) == KIND).collect();
        let block = self.block.replace('\n', end_of_line(old));
        let new = match helpers[..] {
            [] => appended(old, &block),
            [own] if own.says(&items(&self.block)?[0]) => return Ok(None),
            [own] if !own.is_helper() => return Err(Refusal::ByHand),
            [own] if !force => return Err(Refusal::Other(own.told())),
            [own] => format!("{}{}{}", &old[..own.span().start], block.trim_end(), &old[own.span().end..]),
            _ => return Err(Refusal::Unreadable("it has more than one credentials_helper".into())),
        };
        // What comes of it must be what was there, and this block.
        let is_right = items(&new).is_ok_and(|items| {
            let own = items.iter().filter(|item| item.name(0) == KIND).count();
            own == 1 && items.len() == found.len() + usize::from(helpers.is_empty())
        });
        if is_right { Ok(Some(new)) } else { Err(Refusal::ByHand) }
    }
}

impl<'t> Item<'t> {
    /// The name at `at`, without quotes.
    fn name(&self, at: usize) -> &'t str {
        self.words.get(at).map_or("", |word| word.text.trim_matches('"'))
    }

    fn span(&self) -> Range<usize> {
        let start = self.words.first().map_or(0, |word| word.span.start);
        start..self.words.last().map_or(start, |word| word.span.end)
    }

    /// Whether it is `kind "name" { .. }`.
    fn is_helper(&self) -> bool {
        self.words.get(1).is_some_and(|word| word.text != "=") && self.words.get(2).is_some_and(|word| word.text == "{")
    }

    /// Whether both say the same; that there are no arguments can be left out.
    fn says(&self, other: &Self) -> bool {
        let words = |item: &Self| {
            let words = item.words.iter().map(|word| word.text.trim_matches('"')).filter(|word| *word != ",");
            let words = words.collect::<Vec<_>>().join(" ");
            words.replace("{ args = [ ] }", "{ }")
        };
        words(self) == words(other)
    }

    fn told(&self) -> String {
        format!("credentials_helper \"{}\"", crate::text::without_tokens(self.name(1)))
    }
}

/// Whether Terraform reads `text` as JSON, whatever its file is called.
fn is_json(text: &str) -> bool {
    text.trim_start().starts_with('{')
}

/// `old` with `block` behind a blank line.
fn appended(old: &str, block: &str) -> String {
    let nl = end_of_line(old);
    let between = match old {
        "" => "",
        old if old.ends_with('\n') => nl,
        _ => &format!("{nl}{nl}"),
    };
    format!("{old}{between}{block}")
}

/// The outermost items of `text`.
fn items(text: &str) -> Result<Vec<Item<'_>>, Refusal> {
    let wrong = |offset: usize, why: &str| {
        let line = text[..offset].matches('\n').count() + 1;
        Refusal::Unreadable(format!("line {line}: {why}"))
    };
    let mut words = Words { text, at: 0 };
    let mut next = || words.next().map_err(|(at, why)| wrong(at, why));
    let mut items = Vec::new();
    while let Some(first) = next()? {
        if first.text == "," {
            continue;
        }
        if !first.text.starts_with(|c: char| c.is_alphabetic() || c == '_' || c == '"') {
            return Err(wrong(first.span.start, "a name is missing"));
        }
        let (start, mut item) = (first.span.start, Item { words: vec![first] });
        let mut open = Vec::new();
        loop {
            let word = next()?.ok_or_else(|| wrong(start, "it has no end"))?;
            let had_value = item.words.last().is_some_and(|last| last.text == "=");
            match word.text {
                "{" => open.push("}"),
                "[" => open.push("]"),
                "}" | "]" if open.pop() != Some(word.text) => return Err(wrong(word.span.start, "a bracket too many")),
                _ => {}
            }
            let is_value = had_value && !matches!(word.text, "=" | ",");
            let is_bracket = matches!(word.text, "}" | "]");
            item.words.push(word);
            if open.is_empty() && (is_value || is_bracket) {
                break;
            }
        }
        items.push(item);
    }
    Ok(items)
}

/// Words one after the other, without comments and white space.
struct Words<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Words<'t> {
    /// The next word; where there is none that HCL knows, the place and why.
    fn next(&mut self) -> Result<Option<Word<'t>>, (usize, &'static str)> {
        loop {
            let rest = &self.text[self.at..];
            let start = self.at + rest.len() - rest.trim_start().len();
            let rest = &self.text[start..];
            let Some(first) = rest.chars().next() else { return Ok(None) };
            let to_line_end = || Some(rest.find('\n').unwrap_or(rest.len()));
            let (length, is_comment) = if rest.starts_with('#') || rest.starts_with("//") {
                (to_line_end(), true)
            } else if rest.starts_with("/*") {
                (rest.find("*/").map(|end| end + 2), true)
            } else if first == '"' {
                (string(rest), false)
            } else if rest.starts_with("<<") {
                (lines(rest), false)
            } else if "{}[]=,".contains(first) {
                (Some(1), false)
            } else {
                let is_other = |c: char| !c.is_alphanumeric() && !"_-+.:".contains(c);
                (Some(rest.find(is_other).unwrap_or(rest.len())), false)
            };
            let end = match length {
                None => return Err((start, "a string or a comment has no end")),
                Some(0) => return Err((start, "a character is out of place")),
                Some(length) => start + length,
            };
            self.at = end;
            if !is_comment {
                return Ok(Some(Word { text: &self.text[start..end], span: start..end }));
            }
        }
    }
}

/// The length of the string that `text` begins with. In `${ }` quotes and line ends are nothing special,
/// as HCL's own scanner has it.
fn string(text: &str) -> Option<usize> {
    let (mut depth, mut escaped, mut before) = (0_usize, false, ' ');
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '{' if depth > 0 || before == '$' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            '"' if depth == 0 => return Some(at + 1),
            '\n' if depth == 0 => return None,
            _ => {}
        }
        before = c;
    }
    None
}

/// The length of the text of many lines, from `<<END` to the line `END`.
fn lines(text: &str) -> Option<usize> {
    let (first, rest) = text.split_once('\n')?;
    let end = first.trim_start_matches('<').trim_start_matches('-').trim();
    let mut length = first.len() + 1;
    for line in rest.split_inclusive('\n') {
        if line.trim() == end {
            return Some(length + line.trim_end().len());
        }
        length += line.len();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "credentials_helper \"vb365\" {\n  args = []\n}\n";

    fn added(old: &str, force: bool) -> Result<Option<String>, Refusal> {
        Helper { block: OURS.into(), args: Vec::new() }.added_to(Some(old), force)
    }

    #[test]
    fn the_block_comes_behind_what_is_there() {
        let old = concat!(
            "# credentials_helper \"x\" {}\nb = \"${\"}\"\nplugin_cache_dir = \"$HOME/${\"a\"}\\\"{\" // {\n",
            "host \"a.com\" { services = { \"modules.v1\" = \"https://a.com/{\" } }\n/* credentials_helper \"y\" {} */\n",
            "provider_installation {\n  direct { exclude = [\"a/b\", <<-E\n}\n  E\n] }\n}\ndisable_checkpoint = 1//{",
        );
        let new = added(old, false).unwrap().unwrap();
        assert_eq!(new, format!("{old}\n\n{OURS}"));
        assert_eq!(added(&new, false), Ok(None));
        assert_eq!(added("", false), Ok(Some(OURS.into())));
        let on_windows = format!("a = 1\n\n{OURS}").replace('\n', "\r\n");
        assert_eq!(added("a = 1\r\n", false), Ok(Some(on_windows)));
    }

    #[test]
    fn the_same_helper_is_there_in_any_style() {
        for same in [
            "credentials_helper vb365 {}",
            "credentials_helper \"vb365\" { # none\n args=[] }",
            "\"credentials_helper\" \"vb365\" { args = [], }",
        ] {
            assert_eq!(added(same, false), Ok(None), "{same}");
        }
    }

    #[test]
    fn another_helper_stays_unless_it_is_to_be_replaced() {
        let old = "a = 1 # one\ncredentials_helper \"x\" {\n  args = [\"}\"]\n} # its\nb = 2\n";
        assert_eq!(added(old, false), Err(Refusal::Other("credentials_helper \"x\"".into())));
        let new = added(old, true).unwrap().unwrap();
        assert_eq!(new, format!("a = 1 # one\n{} # its\nb = 2\n", OURS.trim_end()));
        let args = "credentials_helper \"vb365\" { args = [\"--tenant\", \"a.com\"] }";
        assert_eq!(added(args, false), Err(Refusal::Other("credentials_helper \"vb365\"".into())));
    }

    #[test]
    fn what_is_not_understood_is_left_alone() {
        for wrong in [
            "a",
            "a = ",
            "a {",
            "a = [}",
            "}",
            "a = \"b",
            "/* a",
            "a = <<E\nb",
            "{\"credentials_helper\":{}}",
            "= 1",
            "a = b; c",
        ] {
            assert!(matches!(added(wrong, true), Err(Refusal::Unreadable(_))), "{wrong}: {:?}", added(wrong, true));
        }
        assert_eq!(added("credentials_helper = { x = {} }", true), Err(Refusal::ByHand));
        let two = "credentials_helper \"x\" {}\ncredentials_helper \"y\" {}\n";
        assert!(matches!(added(two, true), Err(Refusal::Unreadable(_))));
    }
}
