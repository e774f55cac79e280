//! YAML with the place of each node, as much of it as it takes to change one entry of a file and to
//! prove that nothing else changed. The text itself is never written anew.

use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle, Span, StructureStyle};

/// Plain words that are no text for one reader or another (YAML 1.1 and 1.2).
const NO_TEXT: [&str; 13] = ["", "~", "null", "true", "false", "yes", "no", "on", "off", "y", "n", ".inf", ".nan"];

/// A node; two are equal if they say the same, wherever and in whatever style they stand.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// In bytes. A block collection ends where its last node does.
    pub(super) span: Range<usize>,
    /// The column that it starts in, from 0.
    pub(super) column: usize,
    /// Whether it is a collection in brackets, as in JSON.
    pub(super) is_flow: bool,
    pub(super) value: Value,
    anchor: usize,
    tag: Option<String>,
}

/// What a node says.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Text(String),
    /// A plain word that is a number, a truth value or nothing.
    Other(String),
    Alias(usize),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        (&self.value, self.anchor, &self.tag) == (&other.value, other.anchor, &other.tag)
    }
}

/// Reads the one document of `text`; `None` if there is nothing in it.
///
/// # Errors
/// In words: it is not YAML, and where; or it is more than one document.
pub(super) fn parse(text: &str) -> Result<Option<Node>, String> {
    let mut events = Events(Parser::new_from_str(text));
    let mut root = None;
    loop {
        match events.next()? {
            (Event::StreamEnd, _) => return Ok(root),
            (Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd, _) => {}
            _ if root.is_some() => return Err("it has more than one document".into()),
            (event, span) => root = Some(events.node(event, &span)?),
        }
    }
}

struct Events<'t>(Parser<'t, granit_parser::StrInput<'t>>);

impl<'t> Events<'t> {
    fn next(&mut self) -> Result<(Event<'t>, Span), String> {
        let event = self.0.next().ok_or("it ends too early")?;
        // Why would be 40 KB more, and could repeat a secret of the file.
        event.map_err(|error| format!("line {}: it is not YAML", error.marker().line()))
    }

    fn node(&mut self, event: Event<'t>, span: &Span) -> Result<Node, String> {
        let range = |span: &Span| span.byte_range().ok_or("a place is missing");
        let (mut end, mut is_flow) = (range(span)?.end, false);
        let (value, anchor, tag) = match event {
            Event::Scalar(text, style, anchor, tag) => (scalar(&text, style), anchor, tag),
            Event::Alias(anchor) => (Value::Alias(anchor), 0, None),
            Event::SequenceStart(style, anchor, tag) => {
                is_flow = style == StructureStyle::Flow;
                let mut items = Vec::new();
                let closing = loop {
                    match self.next()? {
                        (Event::SequenceEnd, closing) => break closing,
                        (event, span) => items.push(self.node(event, &span)?),
                    }
                };
                end = if is_flow { range(&closing)?.end } else { items.last().map_or(end, |last| last.span.end) };
                (Value::List(items), anchor, tag)
            }
            Event::MappingStart(style, anchor, tag) => {
                is_flow = style == StructureStyle::Flow;
                let mut pairs = Vec::new();
                let closing = loop {
                    match self.next()? {
                        (Event::MappingEnd, closing) => break closing,
                        (event, span) => {
                            let key = self.node(event, &span)?;
                            let (event, span) = self.next()?;
                            pairs.push((key, self.node(event, &span)?));
                        }
                    }
                };
                // A value that is left out has its place before the colon.
                let last = |(key, value): &(Node, Node)| key.span.end.max(value.span.end);
                end = if is_flow { range(&closing)?.end } else { pairs.last().map_or(end, last) };
                (Value::Map(pairs), anchor, tag)
            }
            _ => return Err("it is not understood".into()),
        };
        let tag = tag.map(|tag| tag.to_string());
        Ok(Node { span: range(span)?.start..end, column: span.start.col(), is_flow, value, anchor, tag })
    }
}

fn scalar(text: &str, style: ScalarStyle) -> Value {
    let text = text.to_owned();
    if style == ScalarStyle::Plain && !is_text(&text) { Value::Other(text) } else { Value::Text(text) }
}

/// Whether every reader takes the plain word for text.
fn is_text(word: &str) -> bool {
    let number = word.trim_start_matches(['+', '-', '.']).starts_with(|c: char| c.is_ascii_digit());
    !number && !NO_TEXT.contains(&word.trim_start_matches(['+', '-']).to_ascii_lowercase().as_str())
}

impl Node {
    /// The items of a list.
    pub(super) fn items(&self) -> Option<&[Self]> {
        if let Value::List(items) = &self.value { Some(items) } else { None }
    }

    /// The pairs of a map.
    pub(super) fn pairs(&self) -> Option<&[(Self, Self)]> {
        if let Value::Map(pairs) = &self.value { Some(pairs) } else { None }
    }

    /// The text.
    pub(super) fn text(&self) -> Option<&str> {
        if let Value::Text(text) = &self.value { Some(text) } else { None }
    }

    /// The value of `key` in a map that has it once.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        let mut found = self.pairs()?.iter().filter(|(name, _)| name.text() == Some(key));
        found.next().map(|(_, value)| value).filter(|_| found.next().is_none())
    }

    /// Whether others can refer to it.
    pub(super) fn is_anchored(&self) -> bool {
        self.anchor != 0
    }

    /// Whether it says nothing.
    pub(super) fn is_null(&self) -> bool {
        matches!(&self.value, Value::Other(word) if matches!(word.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// Whether a reader that knows the names of a map's keys takes both for the same: order is nothing
    /// then, and null is what is not there.
    pub(super) fn means(&self, other: &Self) -> bool {
        match (&self.value, &other.value) {
            (Value::Map(own), Value::Map(others)) => {
                let known = |pairs: &[(Self, Self)]| pairs.iter().filter(|(_, value)| !value.is_null()).count();
                let is_there = |(key, value): &(Self, Self)| {
                    value.is_null() || others.iter().any(|(name, there)| name.value == key.value && value.means(there))
                };
                known(own) == known(others) && own.iter().all(is_there)
            }
            (Value::List(own), Value::List(others)) => {
                own.len() == others.len() && own.iter().zip(others).all(|(own, other)| own.means(other))
            }
            _ => self.value == other.value,
        }
    }

    /// The same on one line, in brackets and quotes.
    pub(super) fn json(&self) -> String {
        match &self.value {
            Value::Text(text) => quoted(text),
            Value::Other(word) => word.clone(),
            Value::Alias(anchor) => format!("*{anchor}"),
            Value::List(items) => format!("[{}]", items.iter().map(Self::json).collect::<Vec<_>>().join(", ")),
            Value::Map(pairs) => {
                let pair = |(key, value): &(Self, Self)| format!("{}: {}", key.json(), value.json());
                format!("{{{}}}", pairs.iter().map(pair).collect::<Vec<_>>().join(", "))
            }
        }
    }
}

/// `text` as a YAML word: plain where every reader takes it for this text, else in quotes.
pub(super) fn word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '/' | '-' | '_');
    let starts = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/') || text.starts_with("--");
    let plain = starts && !text.starts_with("---") && text.chars().all(is_plain) && is_text(text);
    if plain { text.to_owned() } else { quoted(text) }
}

/// `text` as JSON has it, which every YAML reader understands.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Node {
        parse(text).unwrap().unwrap()
    }

    #[test]
    fn words_are_read_as_the_text_they_were() {
        for text in [
            "get",
            "--server",
            "a.b-c",
            "/usr/bin/x",
            "yes",
            "1.5",
            "72f988bf",
            "",
            "~",
            "---",
            "C:\\x y",
            "a: b",
            "-1",
        ] {
            assert_eq!(read(&format!("- {}\n", word(text))).items().unwrap()[0].text(), Some(text), "{}", word(text));
        }
        assert_eq!((word("get"), word("yes"), word("a b")), ("get".into(), "\"yes\"".into(), "\"a b\"".into()));
    }

    #[test]
    fn style_is_nothing_and_meaning_is_all() {
        assert_eq!(read("a: [b, {c: true}]\n"), read("a:\n- \"b\"\n- c: true\n"));
        assert_ne!(read("a: true"), read("a: 'true'"));
        assert_ne!(read("a: b\nc: d"), read("c: d\na: b"));
        assert!(read("a: b\nc: d\ne:").means(&read("c: d\na: b")));
        assert!(!read("a: b").means(&read("a: b\nc: d")));
        assert_eq!(read("a:\n- b: 'x'\n  c: true\n").json(), r#"{"a": [{"b": "x", "c": true}]}"#);
    }

    #[test]
    fn what_is_no_single_document_is_told_with_its_line() {
        assert_eq!(parse("# nothing\n"), Ok(None));
        assert_eq!(parse("a\n---\nb\n"), Err("it has more than one document".into()));
        assert!(parse("a: b\nc: [\n").unwrap_err().starts_with("line "));
        assert!(parse(&"[".repeat(100_000)).is_err());
    }
}
