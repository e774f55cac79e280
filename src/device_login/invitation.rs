//! What a person is shown who is to sign in: who signs in where, the page, the code, and the warning of the
//! one trick played with device codes, sending somebody one's own.

use std::time::Duration;

use super::person::Wishes;
use super::prompt::Invitation;
use crate::screen::{Meaning, Picture, Screen, picture};

/// Between the text and the picture beside it, in columns.
const GAP: usize = 3;

/// A line, with its width, which colours do not count for.
struct Line {
    text: String,
    columns: usize,
}

/// The whole text, with the page's QR code where the screen has room for it.
pub(super) fn text(invitation: &Invitation<'_>, screen: Screen, wishes: Wishes) -> String {
    let facts = facts(invitation, screen);
    let address = invitation.code.complete_uri.as_deref().unwrap_or(&invitation.code.verification_uri);
    let picture = Some(screen).filter(|_| wishes.has_qr).and_then(|screen| picture(address, screen));
    let warning = warning(invitation, screen);
    let lines = match picture {
        Some(picture) if is_room_beside(&facts, &picture, screen) => beside(facts, picture).chain(warning).collect(),
        Some(picture) if is_room_below(facts.len() + warning.len(), &picture, screen) => {
            let picture = picture.lines.into_iter().map(|line| format!("  {line}"));
            facts.into_iter().map(|line| line.text).chain(picture).chain([String::new()]).chain(warning).collect()
        }
        _ => facts.into_iter().map(|line| line.text).chain(warning).collect::<Vec<_>>(),
    };
    format!("\n{}\n\n", lines.join("\n"))
}

fn facts(invitation: &Invitation<'_>, screen: Screen) -> Vec<Line> {
    let Invitation { settings, server, code, .. } = invitation;
    let mut lines = vec![plain("Sign in to Veeam Backup for Microsoft 365", Meaning::Strong, screen), empty()];
    lines.push(fact("tenant", settings.tenant.as_str(), None, screen));
    lines.push(fact("identity host", settings.authority.host(), None, screen));
    lines.extend(server.map(|server| fact("server", server.as_str(), None, screen)));
    lines.push(empty());
    lines.push(fact("open", &code.verification_uri, Some(Meaning::Link), screen));
    lines.push(fact("enter the code", &code.user_code, Some(Meaning::Strong), screen));
    if let Some(spelled) = spelled(&code.user_code) {
        lines.push(fact("spelled", &spelled, Some(Meaning::Strong), screen));
    }
    if let Some(complete) = &code.complete_uri {
        lines.push(fact("or open", complete, Some(Meaning::Link), screen));
    }
    lines.push(empty());
    lines
}

fn warning(invitation: &Invitation<'_>, screen: Screen) -> Vec<String> {
    let (life, paint) = (minutes(invitation.life), |words| screen.paint(Meaning::Warning, words));
    vec![
        format!("The code is valid for {life}. It belongs to the command just started."),
        format!("{} Ctrl-C cancels.", paint("Never enter a code that someone sent you.")),
    ]
}

/// The code with its letters apart, in groups: as large as text can be. The exact code stands by itself,
/// for who copies it. `None` for a code that is written in groups already.
fn spelled(code: &str) -> Option<String> {
    if !code.chars().all(char::is_alphanumeric) {
        return None;
    }
    let letters: Vec<char> = code.chars().collect();
    let size = if letters.len().is_multiple_of(3) { 3 } else { 4 };
    let apart = |group: &[char]| group.iter().map(char::to_string).collect::<Vec<_>>().join(" ");
    Some(letters.chunks(size).map(apart).collect::<Vec<_>>().join("   "))
}

fn is_room_beside(facts: &[Line], picture: &Picture, screen: Screen) -> bool {
    screen.columns.is_some_and(|columns| width(facts) + GAP + picture.columns <= columns)
}

/// The prompt and the line that moves below it are to be seen as a whole.
fn is_room_below(lines: usize, picture: &Picture, screen: Screen) -> bool {
    screen.columns.is_some_and(|columns| 2 + picture.columns <= columns)
        && screen.rows.is_some_and(|rows| lines + picture.lines.len() + 5 <= rows)
}

fn beside(facts: Vec<Line>, picture: Picture) -> impl Iterator<Item = String> {
    let (left, height) = (width(&facts) + GAP, facts.len().max(picture.lines.len() + 1));
    let mut facts = facts.into_iter();
    let mut picture = picture.lines.into_iter();
    (0..height).map(move |_| {
        let fact = facts.next().unwrap_or_else(empty);
        match picture.next() {
            Some(line) => format!("{}{}{line}", fact.text, " ".repeat(left - fact.columns)),
            None => fact.text,
        }
    })
}

fn width(lines: &[Line]) -> usize {
    lines.iter().map(|line| line.columns).max().unwrap_or_default()
}

fn fact(name: &str, value: &str, meaning: Option<Meaning>, screen: Screen) -> Line {
    let columns = format!("  {name:<14}  {value}").chars().count();
    let value = meaning.map_or_else(|| value.to_owned(), |meaning| screen.paint(meaning, value));
    Line { text: format!("  {name:<14}  {value}"), columns }
}

fn plain(text: &str, meaning: Meaning, screen: Screen) -> Line {
    Line { text: screen.paint(meaning, text), columns: text.chars().count() }
}

fn empty() -> Line {
    Line { text: String::new(), columns: 0 }
}

/// A time in minutes, for a person.
fn minutes(time: Duration) -> String {
    match time.as_secs().div_ceil(60) {
        1 => "1 minute".to_owned(),
        minutes => format!("{minutes} minutes"),
    }
}
