//! What a person reads after a sign-in: as whom, where, for how long, and what to run next; after several,
//! which of them worked.

use chrono::{DateTime, Utc};
use comfy_table::{ColumnConstraint, ContentArrangement, Table, presets};

use super::several::Ended;
use crate::credential::{Grant, Settings};
use crate::error::Result;
use crate::resolve::SignedIn;
use crate::screen::{Meaning, Screen};
use crate::text::{printable, span};

const WORKED: &str = "signed in";
const FAILED: &str = "failed";

/// How a sign-in to one tenant went.
pub(super) fn of_one(settings: &Settings, signed_in: &SignedIn, screen: Screen, now: DateTime<Utc>) -> String {
    let (tenant, ends) = (&settings.tenant, signed_in.credential.expires_at);
    let server = match &signed_in.credential.grant {
        Grant::Veeam { server, .. } => server,
        Grant::Entra { .. } | Grant::Assertion { .. } => &settings.authority,
    };
    let named = settings.servers.first().filter(|first| *first != server).map(|_| format!(" --server {server}"));
    format!(
        "{done}\
         \n  server        {server}\
         \n  access token  for {left}, until {ends} UTC, then renewed silently\
         \n  sign-in       keeps for 90 days, and anew with each renewal\
         \n  next          vb365-helper get {tenant}{named}\
         \n                vb365-helper setup --help    (kubectl, Terraform, PowerShell ...)\n",
        done = done(settings, signed_in, screen),
        left = span(ends - now),
        named = named.unwrap_or_default(),
        ends = ends.format("%H:%M"),
    )
}

/// How a sign-in went, where more follow.
pub(super) fn in_a_line(result: &Result<(Settings, SignedIn)>, screen: Screen) -> String {
    match result {
        Ok((settings, signed_in)) => done(settings, signed_in, screen),
        Err(error) => format!("{}: {}.\n", screen.paint(Meaning::Bad, "Failed"), error.message()),
    }
}

fn done(settings: &Settings, signed_in: &SignedIn, screen: Screen) -> String {
    let account = signed_in.account.as_deref().map(|account| format!(" as {}", printable(account))).unwrap_or_default();
    format!("{} to {}{account}.\n", screen.paint(Meaning::Good, "Signed in"), settings.tenant)
}

/// Which of several worked, and what mends those that did not.
pub(super) fn of_several(ended: &[Ended], screen: Screen) -> String {
    if ended.is_empty() {
        return "No sign-in is due.\n".to_owned();
    }
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    if let Some(columns) = screen.columns {
        table.set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(u16::try_from(columns).unwrap_or(u16::MAX));
    }
    for one in ended {
        let (state, more) = match &one.result {
            Ok((_, signed_in)) => (WORKED, signed_in.account.as_deref().map(printable).unwrap_or_default()),
            Err(error) => (FAILED, error.message().to_owned()),
        };
        table.add_row([one.tenant.as_str(), state, &more]);
    }
    // Names are there to be copied.
    for column in table.column_iter_mut().take(2) {
        column.set_constraint(ColumnConstraint::ContentWidth);
    }
    let names = ended.iter().map(|one| one.tenant.as_str().len()).max().unwrap_or_default();
    let lines = table.lines().map(|line| format!("{}\n", with_state(line.trim_end(), names + 1, screen)));
    format!("\n{}\n{}", lines.collect::<String>(), hints(ended))
}

/// A line each, which nobody breaks: there are commands to be copied.
fn hints(ended: &[Ended]) -> String {
    let hint = |one: &Ended| Some(format!("{}: {}\n", one.tenant, one.result.as_ref().err()?.hint()?));
    let hints: String = ended.iter().filter_map(hint).collect();
    if hints.is_empty() { hints } else { hints + "\n" }
}

/// A line of the table with its state in colour, if it begins behind so many columns and the gap.
fn with_state(line: &str, names: usize, screen: Screen) -> String {
    let (name, rest) = line.split_at_checked(names + 2).unwrap_or((line, ""));
    for (state, meaning) in [(WORKED, Meaning::Good), (FAILED, Meaning::Bad)] {
        if let Some(more) = rest.strip_prefix(state) {
            return format!("{name}{}{more}", screen.paint(meaning, state));
        }
    }
    line.to_owned()
}
