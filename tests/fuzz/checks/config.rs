//! The configuration file: a mistake is told with its line, and what is not a mistake sends tokens
//! nowhere but over https or to this machine.

use std::path::Path;

use vb365_helper::config::{Config, Places};
use vb365_helper::credential::{Settings, Tenant};
use vb365_helper::error::{Error, Kind};

use super::{assert_discreet, assert_printable, assert_safe};

const FILE: &str = "home/config.toml";
const MICROSOFTS: [&str; 7] = [
    "https://login.microsoftonline.com",
    "https://login.microsoftonline.us",
    "https://login.partner.microsoftonline.cn",
    "https://login.chinacloudapi.cn",
    "https://login.sovcloud-identity.fr",
    "https://login.sovcloud-identity.de",
    "https://login.sovcloud-identity.sg",
];

/// `text` is the file's content.
pub fn check(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else { return };
    let places = Places { config_file: None, cache_dir: Some("cache".into()), ..Places::default() };
    let config = match Config::parse(FILE.into(), text.to_owned(), &places) {
        Ok(config) => config,
        Err(error) => return assert_placed(&error, text),
    };
    let tenants: Vec<Tenant> = config.tenants().cloned().collect();
    assert!(tenants.is_sorted_by(|a, b| a.key() < b.key()), "a tenant twice: {tenants:?}");
    let unnamed: Tenant = "unnamed.example".parse().expect("a tenant");
    let skimmed = Config::parse_for_one(FILE.into(), text.to_owned(), &places).expect("the whole file is right");
    for tenant in tenants.iter().chain([&unnamed]) {
        let settings = config.settings(tenant);
        assert_eq!(format!("{:?}", skimmed.settings(tenant)), format!("{settings:?}"), "the file is not what it seems");
        match settings {
            Ok(settings) => assert_usable(&settings, tenant, text),
            Err(error) => assert_placed(&error, text),
        }
    }
}

fn assert_placed(error: &Error, text: &str) {
    assert_eq!(error.kind(), Kind::Config);
    assert_discreet(error);
    if error.message().ends_with(" is none of Microsoft's identity hosts") {
        return assert!(error.hint().is_some_and(|hint| hint.ends_with(&format!(" in {FILE}"))), "{error:?}");
    }
    let place = error.message().strip_prefix(&format!("{FILE}:")).and_then(|rest| rest.split_once(": "));
    let (line, why) = place.expect("file and line");
    let lines = text.split('\n').count();
    assert!(line.parse().is_ok_and(|line: usize| (1..=lines).contains(&line)), "line {line} of {lines}");
    assert!(!why.is_empty());
}

fn assert_usable(settings: &Settings, tenant: &Tenant, text: &str) {
    assert_eq!(settings.tenant.as_str(), tenant.as_str());
    settings.servers.iter().chain([&settings.authority]).for_each(|origin| assert_safe(origin.as_str()));
    let is_known = settings.authority.is_loopback() || MICROSOFTS.contains(&settings.authority.as_str());
    assert!(is_known || text.contains("allow_custom_authority"), "goes to {}", settings.authority);
    assert!(!settings.organization.trim().is_empty() && !settings.organization.chars().any(char::is_control));
    let is_word = |text: &str| !text.is_empty() && text.bytes().all(|byte| (0x21..=0x7e).contains(&byte));
    assert!(is_word(&settings.client_id), "client_id {:?}", settings.client_id);
    assert!(settings.scopes.as_slice().iter().all(|scope| is_word(scope)), "{:?}", settings.scopes);
    assert_printable(&settings.scopes.as_slice()[0]);
    assert!(settings.min_ttl.as_secs() <= 86_400, "{:?}", settings.min_ttl);
    let is_placed = |path: &Path| path.has_root() || path.starts_with("home");
    assert!(settings.trust.ca_file.as_deref().is_none_or(is_placed), "{:?}", settings.trust.ca_file);
}
