//! The list as metrics, in the text format of Prometheus (version 0.0.4), for the textfile collector of
//! node-exporter: a sign-in that is about to end becomes an alert, not a failed restore.

use std::fmt::Write;

use chrono::{DateTime, Utc};

use super::{Listed, State};

/// One sample: labels, value.
type Sample<'t> = (Vec<(&'static str, &'t str)>, i64);

/// Everything about `tenants`. No sample is written for what nobody can tell.
pub(super) fn write(tenants: &[Listed], now: DateTime<Utc>) -> String {
    let mut text = String::new();
    let mut put = |name: &str, help: &str, samples: Vec<Sample<'_>>| {
        if samples.is_empty() {
            return;
        }
        // A `String` takes everything.
        let _ = writeln!(text, "# HELP vb365_helper_{name} {help}\n# TYPE vb365_helper_{name} gauge");
        for (labels, value) in samples {
            let labels: Vec<_> = labels.iter().map(|(key, value)| format!("{key}=\"{}\"", escaped(value))).collect();
            let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
            let _ = writeln!(text, "vb365_helper_{name}{labels} {value}");
        }
    };
    put("tenant_state", "1 for the state that the tenant is in.", tenants.iter().flat_map(states).collect());
    put(
        "sign_in_needed_timestamp_seconds",
        "When a person has to sign in again if nothing is renewed before.",
        per_tenant(tenants, |tenant| tenant.sign_in_needed_by(now)),
    );
    put(
        "access_token_expiry_timestamp_seconds",
        "When the kept access token of the VB365 server ends.",
        tenants.iter().flat_map(ends).collect(),
    );
    put(
        "last_renewed_timestamp_seconds",
        "When Microsoft's tokens came.",
        per_tenant(tenants, |tenant| Some(tenant.entra.as_ref()?.last_renewed_at)),
    );
    put("list_timestamp_seconds", "When this was written.", vec![(Vec::new(), now.timestamp())]);
    put("info", "The version that wrote this.", vec![(vec![("version", env!("CARGO_PKG_VERSION"))], 1)]);
    text
}

fn states(tenant: &Listed) -> impl Iterator<Item = Sample<'_>> {
    State::ALL.into_iter().map(|state| {
        (vec![("tenant", tenant.tenant.as_str()), ("state", state.name())], i64::from(tenant.state == state))
    })
}

fn ends(tenant: &Listed) -> impl Iterator<Item = Sample<'_>> {
    tenant.servers.iter().filter_map(|server| {
        let ends = server.access_expires_at?;
        Some((vec![("tenant", tenant.tenant.as_str()), ("server", server.server.as_str())], ends.timestamp()))
    })
}

fn per_tenant(tenants: &[Listed], at: impl Fn(&Listed) -> Option<DateTime<Utc>>) -> Vec<Sample<'_>> {
    let sample = |tenant| Some((vec![("tenant", Listed::name(tenant))], at(tenant)?.timestamp()));
    tenants.iter().filter_map(sample).collect()
}

/// A label's value as the format quotes it.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
