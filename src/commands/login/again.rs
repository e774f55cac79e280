//! The sign-in that would go on where one did not, as a command with everything that was told: run as it is
//! printed it must not go to another host than the one that was meant.

use crate::config::Told;
use crate::shell;

/// Signs in to `tenants`, or to those that such flags mean, by what was `told`.
pub(super) fn again<'t>(tenants: impl IntoIterator<Item = &'t str>, told: &Told) -> String {
    let mut words: Vec<String> = ["vb365-helper", "login"].into_iter().chain(tenants).map(str::to_owned).collect();
    let mut add = |flag: &str, values: Vec<String>| {
        words.extend(values.into_iter().flat_map(|value| [flag.to_owned(), value]));
    };
    let one = |value: Option<String>| Vec::from_iter(value);
    add("--server", one(told.server.as_ref().map(ToString::to_string)));
    add("--organization", one(told.organization.clone()));
    add("--client-id", one(told.client_id.clone()));
    add("--scope", told.scopes.as_ref().map(|scopes| scopes.as_slice().to_vec()).unwrap_or_default());
    add("--authority", one(told.authority.as_ref().map(ToString::to_string)));
    add("--ca-file", one(told.ca_file.as_ref().map(|file| file.display().to_string())));
    add("--pin-sha256", told.pins.iter().map(ToString::to_string).collect());
    add("--api-version", one(told.api_version.map(|version| version.to_string())));
    shell::sh(&words)
}
