//! A file of which only one tenant's part is read says of that tenant what the whole file says.

use proptest::prelude::*;

use super::*;
use crate::credential::ServerName;

fn whole(text: &str) -> Result<Config> {
    Config::parse("config.toml".into(), text.to_owned(), &places())
}

fn for_one(text: &str) -> Result<Config> {
    Config::parse_for_one("config.toml".into(), text.to_owned(), &places())
}

fn places() -> Places {
    Places { cache_dir: Some("cache".into()), ..Places::default() }
}

/// Whether `text` was skimmed; what it says is the same in any case.
fn is_skimmed(text: &str) -> bool {
    let skimmed = for_one(text).unwrap();
    for name in [TENANT, "ABC.onmicrosoft.com", "other.com", "stranger.com"] {
        let tenant: Tenant = name.parse().unwrap();
        let expected = whole(text).unwrap().settings(&tenant);
        assert_eq!(format!("{:?}", skimmed.settings(&tenant)), format!("{expected:?}"), "{name} in {text}");
    }
    skimmed.tables.is_some()
}

#[test]
fn a_file_as_login_writes_it_is_not_read_whole() {
    let file = format!(
        "# Settings.\n[defaults]\nmin_ttl = \"9m\" # [tenants.\"x\"]\n\n[tenants.\"other.com\"]\nservers = [\n  \"https://o\",\n]\n\
         [tenants.\"Abc.onmicrosoft.com\"] # ours\r\nserver = \"https://[::1]:9\"\r\n\r\n[prompt]\ncommand = [\"a\"]\n\n\
         [cache]\ndir = \"kept\"\n  [tenants.\"last.com\"]\npin_sha256 = [\"{PIN}\"]\n"
    );
    assert!(is_skimmed(&file));
    let config = for_one(&file).unwrap();
    config.settings(&tenant()).unwrap();
    assert!(config.whole.get().is_none());
    assert!(is_skimmed(""));
    assert!(is_skimmed("[tenants.\"other.com\"]"));
}

#[test]
fn what_only_looks_like_a_header_is_none() {
    let own = format!("[tenants.\"{TENANT}\"]\nserver = \"https://a\"\n");
    for other in [
        format!("[tenants.\"other.com\"]\norganization = '''\n[defaults]\nmin_ttl = \"1m\"\n#'''\n{own}"),
        format!("[tenants.\"other.com\"]\norganization = \"\"\"\n[defaults]\nmin_ttl = \"1m\"\n#\"\"\"\n{own}"),
        format!("[tenants.'other.com']\nserver = \"https://o\"\n{own}"),
        format!("[ tenants . \"other.com\" ]\n{own}"),
        format!("[tenants.\"other\\u002ecom\"]\nserver = \"https://o\"\n{own}"),
        format!("[tenants]\n\"other.com\" = {{ server = \"https://o\" }}\n{own}"),
        "tenants.\"abc.onmicrosoft.com\".server = \"https://a\"\n[defaults]\n".to_owned(),
        format!("\u{feff}[tenants.\"other.com\"]\nserver = \"https://o\"\n{own}"),
    ] {
        assert!(!is_skimmed(&other), "{other}");
    }
}

#[test]
fn a_mistake_is_told_from_the_whole_file_and_stops_nobody_else() {
    let good = format!("[tenants.\"{TENANT}\"]\nserver = \"https://a\"\n");
    for (text, place) in [
        (format!("[tenants.\"other.com\"]\nserver = \"https://o\"\n\n{good}min_ttl = 5\n"), "config.toml:6: "),
        (format!("[tenants.\"other.com\"]\nserver = \"https://o\"\n\n{good}servr = 5\n"), "config.toml:6: "),
        (format!("[tenants.\"other.com\"]\n{good}[defaults]\nmin_ttl = 1\n"), "config.toml:5: "),
        (format!("{good}[prompt]\ntimeout = 1\ncommand = [\"x\"]\n"), "config.toml:4: "),
        (format!("{good}{good}"), "config.toml:3: "),
        (format!("{good}[tenants.\"ABC.onmicrosoft.com\"]\n"), "config.toml:3: "),
    ] {
        let error = for_one(&text).and_then(|config| config.settings(&tenant())).unwrap_err();
        assert!(error.message().starts_with(place), "{text}: {error}");
        let expected = whole(&text).and_then(|config| config.settings(&tenant())).unwrap_err();
        assert_eq!(error.message(), expected.message());
    }
    for (text, place) in [("[cache]\ndir = 5\n", "config.toml:2: "), ("[defaults]\nx = 1\n", "config.toml:2: ")] {
        let error = for_one(&format!("{text}{good}")).unwrap_err();
        assert!(error.message().starts_with(place), "{error}");
    }
    // A value of somebody else's is told to who asks for all.
    let config = for_one(&format!("{good}[tenants.\"other.com\"]\nserver = \n")).unwrap();
    assert_eq!(config.settings(&tenant()).unwrap().servers, [origin("https://a")]);
    assert_eq!(config.tenants().count(), 0);
    let error = config.whose(&ServerName::Origin(origin("https://a")), None).unwrap_err();
    assert!(error.message().starts_with("config.toml:4: "), "{error}");
}

/// What belongs to all, or to this tenant, must not go to the table above it unseen.
#[test]
fn a_spoilt_header_is_a_mistake_for_everybody() {
    let other = "[tenants.\"other.com\"]\nserver = \"https://o\"\n";
    let cache = "protection = \"key_file\"\nkey_file = \"k\"\n";
    let own = "[tenants.\"abc.onmicrosoft.com\"]\nserver = \"https://a\"\n";
    for text in [
        format!("{other}cache]\n{cache}{own}"),
        format!("{other}#[cache]\n{cache}{own}"),
        format!("{other}\u{feff}[cache]\n{cache}{own}"),
        format!("{other}\u{a0}[cache]\n{cache}{own}"),
        format!("{other}api_version = \"v8\"\r[defaults]\nmin_ttl = \"9m\"\n{own}"),
        format!("{other}defaults]\nmin_ttl = \"9m\"\n{own}"),
        format!("{other}\u{feff}{own}"),
        format!("{other}[tenants.\"\"]\n{own}"),
        format!("{other}servr = 1\n{own}"),
        format!("tenants = {{}}\n{own}"),
    ] {
        let expected = whole(&text).unwrap_err();
        let error = for_one(&text).and_then(|config| config.settings(&tenant())).unwrap_err();
        assert_eq!(error.message(), expected.message(), "{text}");
    }
}

#[test]
fn who_asks_for_all_gets_all() {
    let text = format!("[tenants.\"{TENANT}\"]\nserver = \"https://a\"\n[tenants.\"b.com\"]\nserver = \"https://b\"\n");
    let config = for_one(&text).unwrap();
    assert_eq!(config.tenants().map(Tenant::as_str).collect::<Vec<_>>(), [TENANT, "b.com"]);
    assert_eq!(config.servers().collect::<Vec<_>>(), [origin("https://a"), origin("https://b")]);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) })]

    #[test]
    fn one_part_says_what_the_whole_says(lines in prop::collection::vec(prop::sample::select(vec![
        "[defaults]", "[cache]", "[prompt]", "[tenants.\"abc.onmicrosoft.com\"]", "[tenants.\"other.com\"]",
        " [tenants.\"other.com\"] # x", "[tenants.\"ABC.onmicrosoft.com\"]", "[tenants.'other.com']", "[tenants]",
        "server = \"https://a\"", "servers = [", "\"https://b\",", "[\"https://c\"]", "]", "min_ttl = \"9m\"",
        "organization = \"\"\"", "\"\"\"", "organization = '[tenants.\"other.com\"]'", "# [cache]", "",
        "tenants.\"other.com\".server = \"https://d\"", "command = [\"a\"]", "dir = \"x\"",
    ]), 0..9)) {
        let text = lines.join("\n");
        if let Ok(whole) = whole(&text) {
            let one = for_one(&text).unwrap();
            for name in [TENANT, "other.com"] {
                let tenant: Tenant = name.parse().unwrap();
                prop_assert_eq!(format!("{:?}", one.settings(&tenant)), format!("{:?}", whole.settings(&tenant)));
            }
            prop_assert_eq!(one.cache_dir(), whole.cache_dir());
        }
    }
}
