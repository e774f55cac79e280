//! Entries of the cache: a damaged one is no entry, and one that is none shows, sends and computes
//! nothing odd.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use vb365_helper::cache::{Entry, Found, Life, Unreadable};
use vb365_helper::commands::list::Listed;
use vb365_helper::credential::Tenant;
use vb365_helper::entra::tokens;

use super::{Planted, assert_one_word, assert_printable};

/// `text` is the content of a tenant's file.
pub fn check(text: &[u8]) {
    let tenant: Tenant = "Abc.onmicrosoft.com".parse().expect("a tenant");
    if let Some(planted) = Planted::new(text) {
        let entry = Entry::read(&tenant, &planted.text);
        planted.assert_hidden(&entry);
        planted.assert_hidden(&entry.map(|entry| listed(&entry, instants()[0])));
    }
    let entry = match Entry::read(&tenant, text) {
        Ok(entry) => entry,
        Err(Unreadable::Damaged(why)) => return assert_printable(&why),
        Err(Unreadable::Newer(version)) => return assert!(version > 2),
        Err(Unreadable::Lost(_) | Unreadable::Away(_)) => panic!("no key was asked for"),
    };
    assert!(entry.tenant().eq_ignore_ascii_case(tenant.as_str()));
    let written = entry.write().expect("JSON");
    let again = Entry::read(&tenant, written.expose()).expect("what was written can be read");
    assert_eq!((again.tenant(), again.write().expect("JSON")), (entry.tenant(), written));

    let handed_out = entry.entra.iter().filter_map(|record| tokens::access_token(&record.token_response));
    handed_out.for_each(|token| assert_one_word(&token));
    entry.veeam.iter().filter_map(|record| record.access_token.as_ref()).for_each(assert_one_word);
    for now in instants() {
        let times = entry.entra.iter().map(|record| (record.life(), record.obtained_at));
        for (life, obtained_at) in times.chain(entry.veeam.iter().map(|record| (record.life(), record.obtained_at))) {
            assert_lives(life, obtained_at, now);
        }
        shown("", &listed(&entry, now));
    }
}

/// Now, and when no clock should ever be.
fn instants() -> [DateTime<Utc>; 4] {
    let now = DateTime::from_timestamp(1_795_000_000, 0).expect("an instant");
    [now, DateTime::UNIX_EPOCH, DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC]
}

fn listed(entry: &Entry, now: DateTime<Utc>) -> Value {
    let found = Found { entry: entry.clone(), damage: None, guard: None };
    serde_json::to_value(Listed::new(&found, None, now)).expect("JSON")
}

fn assert_lives(life: Life, obtained_at: DateTime<Utc>, now: DateTime<Utc>) {
    let alive = life.is_alive(now);
    assert!(!alive || now < life.expires_at() && obtained_at - now <= TimeDelta::minutes(5), "{life:?} at {now}");
    assert!(!alive || life.expires_at() - obtained_at <= TimeDelta::days(366), "lives too long: {life:?}");
    assert_eq!(life.is_enough(now, Duration::ZERO), alive, "{life:?} at {now}");
    let enough = [300, 86_400, u64::MAX].map(|seconds| life.is_enough(now, Duration::from_secs(seconds)));
    assert!(enough.is_sorted_by(|less, more| less >= more), "more is less: {life:?} at {now}");
    assert!(alive || !enough[0], "enough of a dead one: {life:?} at {now}");
}

/// Checks what `list` shows, field by field.
fn shown(name: &str, value: &Value) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| shown(name, value)),
        Value::Array(values) => values.iter().for_each(|value| shown(name, value)),
        Value::String(text) => {
            assert!(!text.is_empty() && !text.chars().any(char::is_control), "{name}: {text:?}");
            if name.ends_with("_at") {
                let instant = DateTime::parse_from_rfc3339(text);
                assert!(text.len() == 20 && instant.is_ok(), "{name}: {text}");
            }
        }
        _ => {}
    }
}
