//! A section of README.md on a terminal. It knows what that file uses of Markdown (headings, paragraphs,
//! lists, tables, blocks of code) and nothing else; code stays as it is, whatever its width.

use comfy_table::{ContentArrangement, Table, presets};

use crate::screen::{Meaning, Screen};
use crate::text::filled;

/// Stands before each line of code.
const INDENT: &str = "    ";
/// What begins a line that nobody sees.
const COMMENT: &str = "<!--";
const FENCE: &str = "```";
/// Stands for a bar that is part of a cell, while rows are taken apart.
const BAR: &str = "\u{1}";

/// Lines of Markdown, the first of them a heading.
#[derive(Default)]
pub(super) struct Markdown<'t>(Vec<&'t str>);

/// What stands together.
enum Block<'t> {
    Heading(&'t str),
    /// What begins its first line, and the words.
    Text(&'static str, String),
    Table(Vec<Vec<String>>),
    Code(Vec<&'t str>),
}

impl<'t> Markdown<'t> {
    /// The section below `heading`, with those inside it.
    pub(super) fn section(text: &'t str, heading: &str) -> Option<Self> {
        let mut is_code = false;
        let mut lines = text.lines().map(|line| {
            is_code ^= line.starts_with(FENCE);
            (line, if is_code { 0 } else { level(line) })
        });
        let (first, own) = lines.find(|(line, level)| *level > 0 && title(line) == heading)?;
        let rest = lines.take_while(|(_, level)| *level == 0 || *level > own).map(|(line, _)| line);
        Some(Self([first].into_iter().chain(rest).collect()))
    }

    /// The cells of its first table, row by row.
    pub(super) fn table(&self) -> Vec<Vec<String>> {
        let tables = self.blocks().into_iter().filter_map(|block| match block {
            Block::Table(rows) => Some(rows),
            _ => None,
        });
        tables.into_iter().next().unwrap_or_default()
    }

    /// The section in lines of at most `width` characters.
    pub(super) fn rendered(&self, screen: Screen, width: usize) -> String {
        let blocks = self.blocks();
        let shown = blocks.iter().map(|block| match block {
            Block::Heading(words) => screen.paint(Meaning::Strong, words) + "\n",
            Block::Text(mark, words) => filled(mark, words, width),
            Block::Table(rows) => table(rows, width),
            Block::Code(lines) => {
                lines.iter().map(|line| format!("{INDENT}{line}").trim_end().to_owned() + "\n").collect()
            }
        });
        shown.collect::<Vec<_>>().join("\n")
    }

    fn blocks(&self) -> Vec<Block<'t>> {
        let (mut blocks, mut lines) = (Vec::new(), self.0.iter().copied().peekable());
        while let Some(line) = lines.next() {
            if line.starts_with(FENCE) {
                blocks.push(Block::Code(lines.by_ref().take_while(|line| !line.starts_with(FENCE)).collect()));
            } else if level(line) > 0 {
                blocks.push(Block::Heading(title(line)));
            } else if line.starts_with('|') {
                let mut rows = vec![line];
                rows.extend(std::iter::from_fn(|| lines.next_if(|line| line.starts_with('|'))));
                // The second line only says that the first is the head.
                blocks.push(Block::Table(
                    rows.iter().enumerate().filter(|(at, _)| *at != 1).map(|(_, row)| cells(row)).collect(),
                ));
            } else if !line.trim().is_empty() && !line.starts_with(COMMENT) {
                let mark = if line.starts_with("- ") { "- " } else { "" };
                let mut words = vec![line.trim_start_matches(mark)];
                words.extend(std::iter::from_fn(|| lines.next_if(|line| is_more(line))));
                blocks.push(Block::Text(mark, plain(&words.join(" "))));
            }
        }
        blocks
    }
}

/// How deep a heading `line` is; 0 if it is none.
fn level(line: &str) -> usize {
    let marks = line.len() - line.trim_start_matches('#').len();
    if line[marks..].starts_with(' ') { marks } else { 0 }
}

fn title(line: &str) -> &str {
    line.trim_start_matches('#').trim()
}

/// Whether `line` goes on with the text above it.
fn is_more(line: &str) -> bool {
    !line.trim().is_empty() && !line.starts_with(['|', '#']) && !line.starts_with("- ") && !line.starts_with(FENCE)
}

fn cells(row: &str) -> Vec<String> {
    let cell = |cell: &str| {
        let words = plain(&cell.replace(BAR, "|"));
        // Code among words keeps its marks; a cell of code alone is seen to be that.
        let alone = words.strip_prefix('`').and_then(|code| code.strip_suffix('`')).filter(|code| !code.contains('`'));
        alone.map_or(words.clone(), str::to_owned)
    };
    let row = row.replace("\\|", BAR);
    row.trim().trim_start_matches('|').trim_end_matches('|').split('|').map(cell).collect()
}

/// Words without the marks that only a page needs, and of a link within it the words alone.
fn plain(words: &str) -> String {
    let mut rest = words.replace("**", "");
    while let Some((before, link)) = rest.split_once("](#") {
        let Some((text, (_, behind))) = before.rsplit_once('[').zip(link.split_once(')')) else { break };
        rest = format!("{}{}{behind}", text.0, text.1);
    }
    rest.trim().to_owned()
}

fn table(rows: &[Vec<String>], width: usize) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    // The blanks at both ends are left out again.
    table.set_width(u16::try_from(width + 2).unwrap_or(u16::MAX)).add_rows(rows.iter().filter(|row| !is_blank(row)));
    table.lines().map(|line| line.trim_end().strip_prefix(' ').unwrap_or_default().to_owned() + "\n").collect()
}

fn is_blank(row: &[String]) -> bool {
    row.iter().all(String::is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# One
## Two
A **long** line
that goes on.

- first
- second, which
  is longer

```sh
# no heading
a  very long line of code | that stays
```

| name | |
|---|---|
| `a \\| b` | one two three four |

### Three
| | |
|---|---|
| b | c |

## Four
";

    #[test]
    fn a_section_ends_where_the_next_begins_and_fits_the_width() {
        let section = Markdown::section(TEXT, "Two").unwrap();
        assert_eq!(
            section.rendered(Screen::PLAIN, 20),
            "\
Two

A long line that
goes on.

- first

- second, which is
  longer

    # no heading
    a  very long line of code | that stays

name
a | b  one two three
       four

Three

b  c
"
        );
        assert_eq!(section.table(), [["name", ""], ["a | b", "one two three four"]]);
        assert!(Markdown::section(TEXT, "no heading").is_none());
    }
}
