//! The list for people: one aligned table that fits the terminal, a line for each server of a tenant, or
//! a block for each tenant where everything is asked for. What
//! Terraform gave to be kept stands at the end.

use std::borrow::Cow;
use std::iter;

use chrono::{DateTime, Utc};
use unicode_width::UnicodeWidthStr;

use super::listed::ListedServer;
use super::{Listed, ListedHost, State};
use crate::protocol::instant;
use crate::screen::{Meaning, Screen};
use crate::text::span;

const COLUMNS: Cells<&str> = ["TENANT", "STATE", "ACCOUNT", "SERVER", "ACCESS TOKEN", "SIGN IN BY"];
/// Which of them is painted.
const STATE: usize = 1;
/// What is left out first where a terminal is too narrow, as indices of [`COLUMNS`].
const LEFT_OUT_FIRST: [usize; 3] = [2, 4, 3];
/// Between two columns, in characters.
const GAP: usize = 2;
const NONE: &str = "-";
/// The state of a host.
const FOR_TERRAFORM: &str = "for Terraform";

/// What stands in each column.
type Cells<T> = [T; 6];

/// A line of the table.
struct Row<'t> {
    cells: Cells<Cow<'t, str>>,
    meaning: Option<Meaning>,
}

/// Draws the table, or with `is_wide` the blocks.
pub(super) fn draw(
    tenants: &[Listed],
    hosts: &[ListedHost],
    screen: Screen,
    is_wide: bool,
    now: DateTime<Utc>,
) -> String {
    if is_wide {
        let blocks = tenants.iter().map(|tenant| block(tenant, screen, now));
        return blocks.chain(hosts.iter().map(|host| host_block(host, screen))).collect::<Vec<_>>().join("\n");
    }
    let rows = tenants.iter().flat_map(|tenant| rows_of(tenant, now)).chain(hosts.iter().map(row_of_host));
    table(&rows.collect::<Vec<_>>(), screen)
}

fn rows_of(tenant: &Listed, now: DateTime<Utc>) -> impl Iterator<Item = Row<'_>> {
    let without = tenant.servers.is_empty().then(|| row_of(tenant, None, now));
    without.into_iter().chain(tenant.servers.iter().map(move |server| row_of(tenant, Some(server), now)))
}

fn row_of<'t>(tenant: &'t Listed, server: Option<&'t ListedServer>, now: DateTime<Utc>) -> Row<'t> {
    let cells = [
        tenant.tenant.as_str().into(),
        words(tenant.state).into(),
        tenant.account.as_deref().unwrap_or(NONE).into(),
        server.map_or(NONE, |server| &server.server).into(),
        server.map_or(NONE.into(), |server| left(server, now)),
        needed_by(tenant, now),
    ];
    Row { cells, meaning: Some(meaning(tenant.state)) }
}

fn row_of_host(ListedHost { host }: &ListedHost) -> Row<'_> {
    Row { cells: [host, FOR_TERRAFORM, NONE, NONE, NONE, NONE].map(Cow::from), meaning: None }
}

fn table(rows: &[Row<'_>], screen: Screen) -> String {
    let header = Row { cells: COLUMNS.map(Cow::from), meaning: None };
    let mut widths = COLUMNS.map(str::len);
    for row in rows {
        widths.iter_mut().zip(&row.cells).for_each(|(width, cell)| *width = cell.width().max(*width));
    }
    for left_out in screen.columns.map(|room| left_out(&widths, room)).unwrap_or_default() {
        widths[*left_out] = 0;
    }
    let mut text = String::with_capacity((rows.len() + 1) * widths.iter().map(|width| width + GAP).sum::<usize>());
    [&header].into_iter().chain(rows).for_each(|row| put(&mut text, row, &widths, screen));
    text
}

/// The line of `row`, without the columns that have no width.
fn put(text: &mut String, row: &Row<'_>, widths: &Cells<usize>, screen: Screen) {
    let mut gap = 0;
    for (column, (cell, width)) in row.cells.iter().zip(widths).enumerate().filter(|(_, (_, width))| **width > 0) {
        text.extend(iter::repeat_n(' ', gap));
        match row.meaning.filter(|_| column == STATE) {
            Some(meaning) => *text += &screen.paint(meaning, cell),
            None => *text += cell,
        }
        gap = width - cell.width() + GAP;
    }
    text.push('\n');
}

/// The columns for which there is no room.
fn left_out(widths: &Cells<usize>, room: usize) -> &'static [usize] {
    let needed = |left_out: &[usize]| {
        let shown = (0..widths.len()).filter(|column| !left_out.contains(column));
        shown.map(|column| widths[column] + GAP).sum::<usize>()
    };
    let fits = |count: &usize| needed(&LEFT_OUT_FIRST[..*count]) <= room + GAP;
    &LEFT_OUT_FIRST[..(0..LEFT_OUT_FIRST.len()).find(fits).unwrap_or(LEFT_OUT_FIRST.len())]
}

/// Everything about a tenant, a fact a line.
fn block(tenant: &Listed, screen: Screen, now: DateTime<Utc>) -> String {
    let state = screen.paint(meaning(tenant.state), words(tenant.state));
    let mut facts = vec![("state", state), ("sign in by", needed_by(tenant, now).into_owned())];
    facts.extend(tenant.account.clone().map(|account| ("account", account)));
    if let Some(entra) = &tenant.entra {
        facts.push(("identity host", entra.authority.clone()));
        facts.push(("client id", entra.client_id.clone()));
        facts.push(("scopes", entra.scopes.join(" ")));
        facts.push(("last renewed", instant(entra.last_renewed_at)));
        facts.push(("refresh token", presence(entra.refreshable)));
    }
    for server in &tenant.servers {
        facts.push(("server", server.server.clone()));
        let ends = server.access_expires_at.map(|ends| format!(" ({})", instant(ends))).unwrap_or_default();
        facts.push(("  access token", format!("{}{ends}", left(server, now))));
        facts.push(("  refresh token", presence(server.refreshable)));
    }
    facts.push(("protection", tenant.protection.to_owned()));
    facts_of(&tenant.tenant, facts, screen)
}

fn host_block(ListedHost { host }: &ListedHost, screen: Screen) -> String {
    facts_of(host, vec![("state", FOR_TERRAFORM.to_owned())], screen)
}

fn facts_of(name: &str, facts: Vec<(&str, String)>, screen: Screen) -> String {
    let width = facts.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    let lines = facts.iter().map(|(name, value)| format!("  {name:width$}  {value}\n"));
    format!("{}\n{}", screen.paint(Meaning::Strong, name), lines.collect::<String>())
}

fn words(state: State) -> &'static str {
    match state {
        State::Valid => "valid",
        State::Renewable => "renewable",
        State::LoginRequired => "login required",
        State::Damaged => "damaged",
    }
}

fn meaning(state: State) -> Meaning {
    match state {
        State::Valid | State::Renewable => Meaning::Good,
        State::LoginRequired => Meaning::Warning,
        State::Damaged => Meaning::Bad,
    }
}

fn presence(is_there: bool) -> String {
    if is_there { "kept" } else { "none" }.to_owned()
}

fn left(server: &ListedServer, now: DateTime<Utc>) -> Cow<'static, str> {
    match server.access_expires_at {
        None => NONE.into(),
        Some(ends) if ends <= now => "ended".into(),
        Some(ends) => format!("{} left", span(ends - now)).into(),
    }
}

fn needed_by(tenant: &Listed, now: DateTime<Utc>) -> Cow<'static, str> {
    match tenant.sign_in_needed_by(now) {
        None => NONE.into(),
        Some(needed) if needed <= now => "now".into(),
        Some(needed) => needed.format("%Y-%m-%d").to_string().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(tenant: &'static str, account: &'static str) -> Row<'static> {
        let cells = [tenant, "valid", account, "https://v:4443", NONE, "now"].map(Cow::from);
        Row { cells, meaning: Some(Meaning::Good) }
    }

    /// Where, in columns of the terminal, `word` begins in each line but the header.
    fn places(text: &str, word: &str) -> Vec<usize> {
        text.lines().skip(1).map(|line| line[..line.find(word).unwrap()].width()).collect()
    }

    #[test]
    fn columns_stand_below_each_other_whatever_room_a_character_takes() {
        let rows = [row("a.com", "\u{6771}\u{4eac}@a.com"), row("abc.com", "e\u{301}va@b.com"), row("b.com", NONE)];
        assert_eq!(places(&table(&rows, Screen::PLAIN), "https"), [28; 3]);
    }

    #[test]
    fn colour_takes_no_room_and_is_the_states_alone() {
        let screen = Screen { columns: Some(80), colour: true, ..Screen::PLAIN };
        let text = table(&[row("valid.com", NONE)], screen);
        let state = screen.paint(Meaning::Good, "valid");
        assert!(text.ends_with(&format!("valid.com  {state}  -        https://v:4443  -             now\n")), "{text}");
    }
}
