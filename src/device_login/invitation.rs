//! What a person is shown who is to sign in: who signs in where, the page, the code, and the warning of the
//! one trick played with device codes, sending somebody one's own. Nothing of it is broken by the
//! terminal's edge but an address that is longer than a line.

use std::time::Duration;

use comfy_table::{ContentArrangement, Table, presets};

use super::person::Wishes;
use super::prompt::Invitation;
use crate::screen::{Meaning, Picture, Screen, picture};
use crate::text::printable;

/// Between the text and the picture beside it, in columns.
const GAP: usize = 2;
/// Longest line of sentences, in columns: longer ones are hard to read.
const LONGEST_LINE: usize = 78;
/// Longest name of a fact, in columns.
const LONGEST_NAME: usize = 8;
/// What is seen beside the text, in lines: one above it, and two with the line that moves below it.
const AROUND: usize = 3;

/// A line, with its width, which colours do not count for.
struct Line {
    text: String,
    columns: usize,
}

/// The whole text, with the page's QR code where the screen has room for all of it.
pub(super) fn text(invitation: &Invitation<'_>, screen: Screen, wishes: Wishes) -> String {
    let address = invitation.code.complete_uri.as_deref().unwrap_or(&invitation.code.verification_uri);
    let picture = Some(screen).filter(|_| wishes.has_qr).and_then(|screen| picture(address, screen));
    let columns = screen.columns.unwrap_or(usize::MAX);
    let shown = picture.and_then(|picture| {
        beside(invitation, screen, &picture).or_else(|| above(lines(invitation, screen, columns), screen, &picture))
    });
    let shown = shown.unwrap_or_else(|| lines(invitation, screen, columns).into_iter().map(|line| line.text).collect());
    format!("\n{}\n\n", shown.join("\n"))
}

/// The text on the left of the picture; `None` without room.
fn beside(invitation: &Invitation<'_>, screen: Screen, picture: &Picture) -> Option<Vec<String>> {
    let room = screen.columns?.checked_sub(picture.columns + GAP)?;
    let text = lines(invitation, screen, room);
    let width = text.iter().map(|line| line.columns).max().unwrap_or_default();
    let height = text.len().max(picture.lines.len());
    if width > room || !has_rows(height, screen) {
        return None;
    }
    let line = |row: usize| match (text.get(row), picture.lines.get(row)) {
        (Some(left), None) => left.text.clone(),
        (left, right) => {
            let (left, columns) = left.map_or(("", 0), |line| (&line.text, line.columns));
            format!("{left}{}{}", " ".repeat(width + GAP - columns), right.map_or("", |line| line))
        }
    };
    Some((0..height).map(line).collect())
}

/// The text above the picture; `None` without room.
fn above(text: Vec<Line>, screen: Screen, picture: &Picture) -> Option<Vec<String>> {
    let has_columns = 2 + picture.columns <= screen.columns?;
    let has_room = has_columns && has_rows(text.len() + 1 + picture.lines.len(), screen);
    let pictured = picture.lines.iter().map(|line| format!("  {line}"));
    has_room.then(|| text.into_iter().map(|line| line.text).chain([String::new()]).chain(pictured).collect())
}

fn has_rows(height: usize, screen: Screen) -> bool {
    screen.rows.is_some_and(|rows| height + AROUND <= rows)
}

/// The text in lines of at most so many columns, as far as its words allow.
fn lines(invitation: &Invitation<'_>, screen: Screen, columns: usize) -> Vec<Line> {
    let Invitation { settings, server, account, code, life, .. } = invitation;
    let said = |text: &str, meaning| said(text, meaning, screen, columns);
    let fact = |name, value: &str, meaning| fact(name, value, meaning, screen, columns);
    let empty = || vec![Line { text: String::new(), columns: 0 }];
    let (strong, link, letters) = (Some(Meaning::Strong), Some(Meaning::Link), Some(Meaning::Code));
    let valid = format!("The code is valid for {}, for this command alone.", minutes(*life));
    [
        said("Sign in to Veeam Backup for Microsoft 365", strong),
        empty(),
        fact("tenant", settings.tenant.as_str(), None),
        account.map_or_else(Vec::new, |account| fact("again as", &printable(account), None)),
        fact("identity", settings.authority.host(), None),
        server.map_or_else(Vec::new, |server| fact("server", server.as_str(), None)),
        empty(),
        fact("open", &code.verification_uri, link),
        fact("enter", &code.user_code, strong),
        spelled(&code.user_code, screen).map_or_else(Vec::new, |spelled| fact("spelled", &spelled, letters)),
        code.complete_uri.as_ref().map_or_else(Vec::new, |complete| fact("or open", complete, link)),
        empty(),
        said(&valid, None),
        said("Never enter a code that someone sent you.", Some(Meaning::Warning)),
        said("Ctrl-C cancels.", None),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A name and its value, which is told below it where the line is too short for both.
fn fact(name: &str, value: &str, meaning: Option<Meaning>, screen: Screen, columns: usize) -> Vec<Line> {
    let shown = meaning.map_or_else(|| value.to_owned(), |meaning| screen.paint(meaning, value));
    let shown_name = screen.paint(Meaning::Faint, name);
    let after_name = " ".repeat(LONGEST_NAME - name.len() + 2);
    let line = |text: String, bare: &str| Line { text, columns: bare.chars().count() };
    let whole = line(format!("  {shown_name}{after_name}{shown}"), &format!("  {name}{after_name}{value}"));
    if whole.columns <= columns {
        return vec![whole];
    }
    vec![line(format!("  {shown_name}"), &format!("  {name}")), line(format!("    {shown}"), &format!("    {value}"))]
}

/// A sentence, broken between words.
fn said(text: &str, meaning: Option<Meaning>, screen: Screen, columns: usize) -> Vec<Line> {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(u16::try_from(columns.min(LONGEST_LINE)).unwrap_or(u16::MAX)).add_row([text]);
    if let Some(column) = table.column_mut(0) {
        column.set_padding((0, 0));
    }
    let line = |line: String| {
        let line = line.trim_end();
        let text = meaning.map_or_else(|| line.to_owned(), |meaning| screen.paint(meaning, line));
        Line { text, columns: line.chars().count() }
    };
    table.lines().map(line).collect()
}

/// The code with its letters apart, in groups: as large as text can be. The exact code stands by itself,
/// for who copies it. `None` for a code that is written in groups already.
fn spelled(code: &str, screen: Screen) -> Option<String> {
    if !code.chars().all(char::is_alphanumeric) {
        return None;
    }
    let letters: Vec<char> = code.chars().collect();
    let size = if letters.len().is_multiple_of(3) { 3 } else { 4 };
    let apart = |group: &[char]| group.iter().map(char::to_string).collect::<Vec<_>>().join(" ");
    let spelled = letters.chunks(size).map(apart).collect::<Vec<_>>().join("   ");
    // Its colours are a box around it.
    Some(if screen.colour { format!(" {spelled} ") } else { spelled })
}

/// A time in minutes, for a person.
fn minutes(time: Duration) -> String {
    match time.as_secs().div_ceil(60) {
        1 => "1 minute".to_owned(),
        minutes => format!("{minutes} minutes"),
    }
}
