//! What a person reads after a sign-in: as whom, where, for how long, and what to run next; after several,
//! which of them worked.

use chrono::{DateTime, Utc};
use comfy_table::{Table, presets};

use super::Ended;
use crate::credential::{Origin, Settings};
use crate::resolve::SignedIn;
use crate::screen::{Meaning, Screen};
use crate::text::{printable, span};

/// How a sign-in to one tenant went.
pub(super) fn of_one(settings: &Settings, signed_in: &SignedIn, screen: Screen, now: DateTime<Utc>) -> String {
    let tenant = &settings.tenant;
    let account = signed_in.account.as_deref().map(|account| format!(" as {}", printable(account))).unwrap_or_default();
    let server = settings.servers.iter().map(Origin::as_str).next().unwrap_or_default();
    let left = span(signed_in.credential.expires_at - now);
    format!(
        "{done} to {tenant}{account}.\n\
         \n  server        {server}\
         \n  access token  for {left}, then renewed silently\
         \n  sign-in       keeps for 90 days, and anew with each renewal\
         \n  next          vb365-helper get {tenant}\
         \n                vb365-helper setup --help    (kubectl, Terraform, PowerShell, curl ...)\n",
        done = screen.paint(Meaning::Good, "Signed in"),
    )
}

/// Which of several worked.
pub(super) fn of_several(ended: &[Ended], screen: Screen) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    for one in ended {
        table.add_row([one.tenant.as_str(), one.result.as_ref().map_or_else(|error| error.message(), |_| "signed in")]);
    }
    let lines = table.lines().zip(ended).map(|(line, one)| {
        let meaning = if one.result.is_ok() { Meaning::Good } else { Meaning::Bad };
        let (name, rest) = line.split_at(line.find(one.tenant.as_str()).unwrap_or(0) + one.tenant.as_str().len());
        format!("{name}{}\n", screen.paint(meaning, rest.trim_end()))
    });
    format!("\n{}", lines.collect::<String>())
}
