//! A file with the tables of a thousand tenants, read for one of them. Each call of a program's would pay for all:
//! so the tables are told apart by their headers, and only what the one tenant needs is parsed. That is done only
//! where headers cannot be mistaken, and whatever is wrong is told from the whole file.

use std::ops::Range;

use memchr::{memchr_iter, memmem};

use super::file::File;
use crate::credential::Tenant;

/// Where the tables of the tenants stand.
#[derive(Debug)]
pub(super) struct Tables(Vec<Table>);

#[derive(Debug)]
struct Table {
    /// What stands between the quotes of its header.
    name: Range<usize>,
    /// Header and all.
    whole: Range<usize>,
}

/// What is to be done for a tenant.
pub(super) enum Part {
    /// It has this table and no other.
    Own(File),
    /// It has none.
    None,
    /// To read the whole file.
    Unknown,
}

/// What all tenants have in common, and where each has its own; `None` where the file has to be read whole.
pub(super) fn skim(text: &str) -> Option<(File, Tables)> {
    // In a text of several lines anything may look like a header.
    if ["\"\"\"", "'''"].iter().any(|quotes| memmem::find(text.as_bytes(), quotes.as_bytes()).is_some()) {
        return None;
    }
    let (mut common, mut tables) = (String::new(), Vec::<Table>::new());
    let mut headers = headers(text).peekable();
    common.push_str(&text[..headers.peek().map_or(text.len(), |start| *start)]);
    while let Some(start) = headers.next() {
        let whole = start..headers.peek().map_or(text.len(), |next| *next);
        let table = &text[whole.clone()];
        match name(table) {
            Some(name) => tables.push(Table { name: start + name.start..start + name.end, whole }),
            None if is_common(table) => common.push_str(table),
            None => return None,
        }
    }
    let file = File::read(&common).ok().filter(|file| file.tenants.is_empty())?;
    Some((file, Tables(tables)))
}

impl Tables {
    /// What there is for `tenant` in `text`, which is the one that was skimmed.
    pub(super) fn part(&self, text: &str, tenant: &Tenant) -> Part {
        let mut found = self.0.iter().filter(|table| text[table.name.clone()].eq_ignore_ascii_case(tenant.key()));
        match (found.next(), found.next()) {
            (None, _) => Part::None,
            (Some(table), None) => File::read(&text[table.whole.clone()]).map_or(Part::Unknown, Part::Own),
            (Some(_), Some(_)) => Part::Unknown,
        }
    }
}

/// Where a line begins that may be a header.
fn headers(text: &str) -> impl Iterator<Item = usize> {
    let is_first = |at: &usize| text[..*at].rsplit('\n').next().is_some_and(|before| before.trim().is_empty());
    memchr_iter(b'[', text.as_bytes()).filter(is_first)
}

/// Where in a `table` that begins with `[tenants."NAME"]` the name stands.
fn name(table: &str) -> Option<Range<usize>> {
    const OPENING: &str = "[tenants.\"";
    let (name, rest) = table.strip_prefix(OPENING)?.split_once('"')?;
    // No tenant is called anything else; what is written by escapes could be any name.
    let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte));
    (is_plain && ends_line(rest.strip_prefix(']')?)).then_some(OPENING.len()..OPENING.len() + name.len())
}

fn is_common(table: &str) -> bool {
    let headers = ["[defaults]", "[cache]", "[prompt]"];
    headers.into_iter().filter_map(|header| table.strip_prefix(header)).any(ends_line)
}

/// Whether nothing stands before the line's end but a comment.
fn ends_line(rest: &str) -> bool {
    let rest = rest.split('\n').next().unwrap_or_default().trim_start();
    rest.is_empty() || rest.starts_with('#')
}
