//! The list for people: one aligned table that fits the terminal, a line for each server of a tenant, or
//! a block for each tenant where everything is asked for.

use chrono::{DateTime, Utc};
use comfy_table::{Table, presets};

use super::listed::ListedServer;
use super::{Listed, ListedHost, State};
use crate::protocol::instant;
use crate::screen::{Meaning, Screen};
use crate::text::span;

const COLUMNS: [&str; 6] = ["TENANT", "STATE", "ACCOUNT", "SERVER", "ACCESS TOKEN", "SIGN IN BY"];
/// What is left out first where a terminal is too narrow, as indices of [`COLUMNS`].
const LEFT_OUT_FIRST: [usize; 3] = [2, 4, 3];
/// Between two columns, in characters.
const GAP: usize = 2;
const NONE: &str = "-";

/// A line of the table.
struct Row {
    cells: [String; COLUMNS.len()],
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
        return blocks(tenants, screen, now) + &lines(hosts);
    }
    let rows: Vec<Row> = tenants.iter().flat_map(|tenant| rows_of(tenant, now)).collect();
    if rows.is_empty() { lines(hosts) } else { table(&rows, screen) + &lines(hosts) }
}

fn rows_of(tenant: &Listed, now: DateTime<Utc>) -> Vec<Row> {
    let row = |server: Option<&ListedServer>| Row {
        cells: [
            tenant.tenant.clone(),
            words(tenant.state).to_owned(),
            tenant.account.clone().unwrap_or_else(|| NONE.to_owned()),
            server.map_or_else(|| NONE.to_owned(), |server| server.server.clone()),
            server.map_or_else(|| NONE.to_owned(), |server| left(server, now)),
            needed_by(tenant, now),
        ],
        meaning: Some(meaning(tenant.state)),
    };
    match tenant.servers.as_slice() {
        [] => vec![row(None)],
        servers => servers.iter().map(|server| row(Some(server))).collect(),
    }
}

fn table(rows: &[Row], screen: Screen) -> String {
    let columns = fitting(rows, screen);
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(columns.iter().map(|column| COLUMNS[*column]));
    for row in rows {
        table.add_row(columns.iter().map(|column| row.cells[*column].as_str()));
    }
    let meanings = std::iter::once(None).chain(rows.iter().map(|row| row.meaning));
    let state_at = GAP + width(rows, 0);
    let painted =
        table.lines().zip(meanings).zip(std::iter::once("").chain(rows.iter().map(|row| row.cells[1].as_str())));
    let lines = painted.map(|((line, meaning), state)| {
        let line = line.trim();
        match meaning.filter(|_| screen.colour) {
            Some(meaning) => {
                // Not in the tenant's name, which may have the same word in it.
                let (name, rest) = line.split_at(state_at.min(line.len()));
                format!("{name}{}\n", rest.replacen(state, &screen.paint(meaning, state), 1))
            }
            None => format!("{line}\n"),
        }
    });
    lines.collect()
}

/// The columns for which there is room, in order.
fn fitting(rows: &[Row], screen: Screen) -> Vec<usize> {
    let mut columns: Vec<usize> = (0..COLUMNS.len()).collect();
    let Some(room) = screen.columns else { return columns };
    let widths: Vec<_> = (0..COLUMNS.len()).map(|column| width(rows, column)).collect();
    for left_out in LEFT_OUT_FIRST {
        let needed: usize = columns.iter().map(|column| widths[*column] + GAP).sum();
        if needed <= room + GAP {
            break;
        }
        columns.retain(|column| *column != left_out);
    }
    columns
}

fn width(rows: &[Row], column: usize) -> usize {
    rows.iter().map(|row| row.cells[column].chars().count()).chain([COLUMNS[column].len()]).max().unwrap_or_default()
}

/// Everything about each tenant, a fact a line.
fn blocks(tenants: &[Listed], screen: Screen, now: DateTime<Utc>) -> String {
    tenants.iter().map(|tenant| block(tenant, screen, now)).collect::<Vec<_>>().join("\n")
}

fn block(tenant: &Listed, screen: Screen, now: DateTime<Utc>) -> String {
    let state = screen.paint(meaning(tenant.state), words(tenant.state));
    let mut facts = vec![("state", state), ("sign in by", needed_by(tenant, now))];
    facts.extend(tenant.account.clone().map(|account| ("account", account)));
    if let Some(entra) = &tenant.entra {
        facts.push(("identity host", entra.authority.clone()));
        facts.push(("client id", entra.client_id.clone()));
        facts.push(("scopes", entra.scopes.join(" ")));
        facts.push(("last renewed", entra.last_renewed_at.clone()));
        facts.push(("refresh token", presence(entra.refreshable)));
    }
    for server in &tenant.servers {
        facts.push(("server", server.server.clone()));
        let ends = server.access_ends().map(|ends| format!(" ({})", instant(ends))).unwrap_or_default();
        facts.push(("  access token", left(server, now) + &ends));
        facts.push(("  refresh token", presence(server.refreshable)));
    }
    facts.push(("protection", tenant.protection.to_owned()));
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    for (name, value) in facts {
        table.add_row([name.to_owned(), value]);
    }
    let lines: String = table.lines().map(|line| format!(" {}\n", line.trim_end())).collect();
    format!("{}\n{lines}", screen.paint(Meaning::Strong, &tenant.tenant))
}

/// What Terraform gave to be kept.
fn lines(hosts: &[ListedHost]) -> String {
    let lines: String = hosts.iter().map(|ListedHost { host }| format!("for Terraform, a token of {host}\n")).collect();
    if hosts.is_empty() { lines } else { lines + "forget one with: vb365-helper forget HOST --protocol terraform\n" }
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

fn left(server: &ListedServer, now: DateTime<Utc>) -> String {
    match server.access_ends() {
        None => NONE.to_owned(),
        Some(ends) if ends <= now => "ended".to_owned(),
        Some(ends) => format!("{} left", span(ends - now)),
    }
}

fn needed_by(tenant: &Listed, now: DateTime<Utc>) -> String {
    match tenant.sign_in_needed_by(now) {
        None => NONE.to_owned(),
        Some(needed) if needed <= now => "now".to_owned(),
        Some(needed) => needed.format("%Y-%m-%d").to_string(),
    }
}
