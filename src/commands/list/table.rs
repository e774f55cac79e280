//! The list for people: one aligned table that fits the terminal, a line for each server of a tenant, or
//! a block for each tenant where everything is asked for. What
//! Terraform gave to be kept stands at the end.

use chrono::{DateTime, Utc};
use comfy_table::{ColumnConstraint, Table, presets};

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
/// The state of a host.
const FOR_TERRAFORM: &str = "for Terraform";

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
        let blocks = tenants.iter().map(|tenant| block(tenant, screen, now));
        return blocks.chain(hosts.iter().map(|host| host_block(host, screen))).collect::<Vec<_>>().join("\n");
    }
    let rows = tenants.iter().flat_map(|tenant| rows_of(tenant, now)).chain(hosts.iter().map(row_of_host));
    table(rows, screen)
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

fn row_of_host(ListedHost { host }: &ListedHost) -> Row {
    let [state, nothing] = [FOR_TERRAFORM, NONE].map(str::to_owned);
    let cells = [host.clone(), state, nothing.clone(), nothing.clone(), nothing.clone(), nothing];
    Row { cells, meaning: None }
}

fn table(rows: impl Iterator<Item = Row>, screen: Screen) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(COLUMNS);
    let mut states = vec![(None, String::new())];
    for Row { cells, meaning } in rows {
        states.push((meaning, cells[1].clone()));
        table.add_row(cells);
    }
    let widths: Vec<_> = table.column_max_content_widths().into_iter().map(usize::from).collect();
    for left_out in screen.columns.map(|room| left_out(&widths, room)).unwrap_or_default() {
        if let Some(column) = table.column_mut(*left_out) {
            column.set_constraint(ColumnConstraint::Hidden);
        }
    }
    let lines = table.lines().zip(states).map(|(line, (meaning, state))| {
        let line = line.trim();
        match meaning.filter(|_| screen.colour) {
            Some(meaning) => {
                // Not in the tenant's name, which may have the same word in it, and is ASCII.
                let (name, rest) = line.split_at((widths[0] + GAP).min(line.len()));
                format!("{name}{}\n", rest.replacen(&state, &screen.paint(meaning, &state), 1))
            }
            None => format!("{line}\n"),
        }
    });
    lines.collect()
}

/// The columns for which there is no room.
fn left_out(widths: &[usize], room: usize) -> &'static [usize] {
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
    let mut facts = vec![("state", state), ("sign in by", needed_by(tenant, now))];
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
        facts.push(("  access token", left(server, now) + &ends));
        facts.push(("  refresh token", presence(server.refreshable)));
    }
    facts.push(("protection", tenant.protection.to_owned()));
    facts_of(&tenant.tenant, facts, screen)
}

fn host_block(ListedHost { host }: &ListedHost, screen: Screen) -> String {
    facts_of(host, vec![("state", FOR_TERRAFORM.to_owned())], screen)
}

fn facts_of(name: &str, facts: Vec<(&str, String)>, screen: Screen) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    for (name, value) in facts {
        table.add_row([name.to_owned(), value]);
    }
    let lines: String = table.lines().map(|line| format!(" {}\n", line.trim_end())).collect();
    format!("{}\n{lines}", screen.paint(Meaning::Strong, name))
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
    match server.access_expires_at {
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
