//! How a renewal of many went: in words that end with the command for those who need a person, as a document
//! (`schemas/refresh-v1.schema.json`), and as an exit code.

use comfy_table::{Table, presets};
use serde::Serialize;

use super::job::Outcome;
use crate::commands::{Answer, Report};
use crate::credential::Tenant;
use crate::error::{Error, Kind};
use crate::protocol::native::ErrorDetails;
use crate::protocol::{document, native};
use crate::secret::Secret;

/// So many tenants are named in a hint at most.
const MOST_NAMED: usize = 50;

#[derive(Serialize)]
struct Document<'a> {
    version: u64,
    renewed: usize,
    not_due: usize,
    failed: usize,
    tenants: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    tenant: &'a str,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorDetails<'a>>,
}

/// The report on those that were renewed or failed, and those that were not due.
pub(super) fn of(outcomes: Vec<Outcome>, not_due: &[Tenant], is_json: bool) -> Report {
    let answer = if is_json { json(&outcomes, not_due) } else { text(&outcomes, not_due.len()) };
    Report { answer, failure: failure(&outcomes) }
}

/// Where nothing is kept of anybody; `is_any_configured`: of those a person can be told by name.
pub(super) fn nobody(is_any_configured: bool) -> Error {
    let whom = if is_any_configured { "--from-config" } else { "TENANT --server https://HOST:4443" };
    Error::new(Kind::LoginRequired, "nobody is signed in on this machine, so that nothing was renewed")
        .with_hint(format!("vb365-helper login {whom}"))
}

fn json(outcomes: &[Outcome], not_due: &[Tenant]) -> Answer {
    let mut tenants: Vec<Row<'_>> = outcomes.iter().map(Row::of).collect();
    tenants.extend(not_due.iter().map(|tenant| Row { tenant: tenant.as_str(), outcome: "not_due", error: None }));
    tenants.sort_by_key(|row| row.tenant.to_ascii_lowercase());
    let failed = failed(outcomes).count();
    let renewed = outcomes.len() - failed;
    document(&Document { version: native::VERSION, renewed, not_due: not_due.len(), failed, tenants })
}

impl<'a> Row<'a> {
    fn of(outcome: &'a Outcome) -> Self {
        let error = outcome.result.as_ref().err();
        Self {
            tenant: outcome.tenant.as_str(),
            outcome: if error.is_some() { "failed" } else { "renewed" },
            error: error.map(ErrorDetails::from),
        }
    }
}

fn text(outcomes: &[Outcome], not_due: usize) -> Answer {
    let failures: Vec<_> = failed(outcomes).collect();
    let renewed = outcomes.len() - failures.len();
    let tenants = |count: usize| if count == 1 { "1 tenant".to_owned() } else { format!("{count} tenants") };
    let mut text = format!("renewed {}", tenants(renewed));
    if not_due > 0 {
        text += &format!("; {not_due} not due");
    }
    if !failures.is_empty() {
        text += &format!("; {} failed", failures.len());
    }
    text.push('\n');
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    for (tenant, error) in &failures {
        table.add_row([tenant.as_str(), error.message()]);
    }
    if !failures.is_empty() {
        text += &table.lines().map(|line| format!(" {}\n", line.trim_end())).collect::<String>();
    }
    Secret::new(text.into_bytes())
}

/// What the exit code tells of all: a person is needed, or else the first reason. Of one tenant everything is
/// told.
fn failure(outcomes: &[Outcome]) -> Option<Error> {
    if let [only] = outcomes {
        return only.result.clone().err();
    }
    let failures: Vec<_> = failed(outcomes).collect();
    let (_, first) = failures.first()?;
    let people: Vec<_> = failures.iter().filter(|(_, error)| error.kind() == Kind::LoginRequired).copied().collect();
    let count = format!("{} of {} tenants could not be renewed", failures.len(), outcomes.len());
    if !people.is_empty() {
        let message = format!("{count}, {} of them without a person", people.len());
        let hint = format!("vb365-helper login {}", names(&people, "--from-config --due"));
        return Some(Error::new(Kind::LoginRequired, message).with_hint(hint));
    }
    let own = first.hint().filter(|_| failures.len() == 1);
    let again = || format!("vb365-helper refresh {}", names(&failures, "--all"));
    Some(Error::new(first.kind(), count).with_hint(own.map_or_else(again, str::to_owned)))
}

/// The names; where a shell would not take so many, the flag that means them.
fn names(failures: &[(&Tenant, &Error)], flag: &str) -> String {
    if failures.len() > MOST_NAMED {
        return flag.to_owned();
    }
    failures.iter().map(|(tenant, _)| tenant.as_str()).collect::<Vec<_>>().join(" ")
}

fn failed(outcomes: &[Outcome]) -> impl Iterator<Item = (&Tenant, &Error)> {
    outcomes.iter().filter_map(|outcome| Some((&outcome.tenant, outcome.result.as_ref().err()?)))
}
