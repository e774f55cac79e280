//! A file with the tables of a thousand tenants, read for one of them. Each call of a program's would pay for all:
//! so the tables are told apart by their headers, and only what the one tenant needs is parsed. That is done only
//! where every line is what it seems, and whatever is wrong is told from the whole file.

use std::ops::Range;

use memchr::{memchr_iter, memmem};

use super::file::{File, TENANT_KEYS};
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

/// What all tenants have in common, and where each has its own; `None` where the file has to be read whole.
pub(super) fn skim(text: &str) -> Option<(File, Tables)> {
    // In a text of several lines anything may look like a header, and a lone carriage return may hide one.
    let is_alone = |at: usize| text.as_bytes().get(at + 1) != Some(&b'\n');
    if memchr_iter(b'\r', text.as_bytes()).any(is_alone) {
        return None;
    }
    if ["\"\"\"", "'''"].iter().any(|quotes| memmem::find(text.as_bytes(), quotes.as_bytes()).is_some()) {
        return None;
    }
    let (mut common, mut tables) = (String::new(), Vec::<Table>::new());
    let mut headers = headers(text).peekable();
    if !has_only(&text[..headers.peek().map_or(text.len(), |start| *start)], &[]) {
        return None;
    }
    while let Some(start) = headers.next() {
        let whole = start..headers.peek().map_or(text.len(), |next| *next);
        let table = &text[whole.clone()];
        match name(table) {
            Some(name) if has_only(lines_of(table), &TENANT_KEYS) => {
                tables.push(Table { name: start + name.start..start + name.end, whole });
            }
            None if is_common(table) => common.push_str(table),
            _ => return None,
        }
    }
    Some((File::read(&common).ok()?, Tables(tables)))
}

impl Tables {
    /// The table of `tenant` in `text`, which is the one that was skimmed; `None` where that takes the whole file.
    pub(super) fn own(&self, text: &str, tenant: &Tenant) -> Option<File> {
        let mut found = self.0.iter().filter(|table| text[table.name.clone()].eq_ignore_ascii_case(tenant.key()));
        match (found.next(), found.next()) {
            (Some(table), None) => File::read(&text[table.whole.clone()]).ok(),
            _ => None,
        }
    }
}

/// Where a line begins that may be a header.
fn headers(text: &str) -> impl Iterator<Item = usize> {
    memchr_iter(b'[', text.as_bytes()).filter(|at| {
        let before = text[..*at].trim_end_matches([' ', '\t']);
        before.is_empty() || before.ends_with('\n')
    })
}

/// Where in a `table` that begins with `[tenants."NAME"]` the name stands.
fn name(table: &str) -> Option<Range<usize>> {
    const OPENING: &str = "[tenants.\"";
    let (name, rest) = table.strip_prefix(OPENING)?.split_once('"')?;
    // No tenant is called anything else; what is written by escapes could be any name.
    let is_plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte));
    (is_plain && ends_line(rest.strip_prefix(']')?)).then_some(OPENING.len()..OPENING.len() + name.len())
}

fn is_common(table: &str) -> bool {
    let headers = ["[defaults]", "[cache]", "[prompt]"];
    headers.into_iter().filter_map(|header| table.strip_prefix(header)).any(ends_line)
}

/// What stands behind the header of `table`.
fn lines_of(table: &str) -> &str {
    table.split_once('\n').map_or("", |(_, lines)| lines)
}

/// Whether no line gives another key than one of `keys`, or is something else than keys, arrays and comments: of a
/// header that was spoilt, the keys must not go to the table above it, where nobody would look for them.
fn has_only(lines: &str, keys: &[&str]) -> bool {
    lines.split('\n').map(str::trim).all(|line| match line.bytes().next() {
        None | Some(b'#') => true,
        Some(b'"' | b'\'' | b']') => !keys.is_empty() && !line.contains('='),
        Some(_) => line.split_once('=').is_some_and(|(key, _)| keys.contains(&key.trim_end())),
    })
}

/// Whether nothing stands before the line's end but a comment.
fn ends_line(rest: &str) -> bool {
    let rest = rest.split('\n').next().unwrap_or_default().trim_start();
    rest.is_empty() || rest.starts_with('#')
}
