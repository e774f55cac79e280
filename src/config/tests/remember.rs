//! What `login` writes: only what it was told, and every other byte stays.

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

/// Files in every style that TOML has for them; `def.com` stands for all that is not to change.
const FILES: [&str; 12] = [
    "",
    "# only words",
    "[defaults]\nserver = \"https://a\"\n",
    "[defaults]\nservers = [\"https://b\", \"https://a\"]\norganization = \"D\"\nmin_ttl = \"1m\"\n",
    "[tenants.\"Abc.onmicrosoft.com\"]\nserver = \"https://a\" # 1\n\n[tenants.\"def.com\"]\nserver = \"https://o\"\n#2",
    "tenants = { \"def.com\" = { server = \"https://o\" } }\n",
    "tenants = { \"abc.onmicrosoft.com\" = { servers = [\"https://a\"] }, \"def.com\" = {} } # 1\n",
    "[tenants]\n\"def.com\" = { server = \"https://o\" }\n",
    "tenants.\"def.com\".server = \"https://o\" # 1\ntenants.\"abc.onmicrosoft.com\".server = \"https://a\"\n",
    "[tenants]\n\"abc.onmicrosoft.com\".server = \"https://a\"\n\n# 1\n[cache]\ndir = \"c\" # 2\n",
    "\u{feff}# 1\r\n[tenants.\"abc.onmicrosoft.com\"]\r\nclient_id = \"x\" # 2\r\n\r\n[cache]\r\ndir = \"c\" # 3\r\n",
    "[defaults]\npin_sha256 = [\n  \"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\", # 1\n]\n",
];

fn tolds() -> impl Strategy<Value = Told> {
    let scopes = ["Directory.Read.All", "User.Read", "offline_access"].map(str::to_owned);
    let scopes = [Scopes::default(), Scopes::new(scopes.into()).unwrap()];
    (
        of(select(&["https://a", "https://b", "https://[2001:db8::1]:4443"][..]).prop_map(origin)),
        of("[A-Za-z\"'\\\\#\u{e4}\u{1f600}]{1,12}"),
        of("[!-~]{1,12}"),
        of(select(scopes.to_vec())),
        of(select(&["https://login.microsoftonline.us", "http://127.0.0.1:8080"][..]).prop_map(origin)),
        // A colon may make a drive of Windows, and two slashes a server, to which nothing is relative.
        of(r"/?[!-.0-9;-\[\]-~][!-9;-~]{0,11}".prop_map(PathBuf::from)),
        vec(select(&[PIN, OTHER_PIN][..]).prop_map(|pin| pin.parse().unwrap()), 0..3),
        of(select(&ApiVersion::NEWEST_FIRST[..])),
    )
        .prop_map(|(server, organization, client_id, scopes, authority, ca_file, pins, api_version)| Told {
            server,
            organization,
            client_id,
            scopes,
            authority,
            ca_file,
            pins,
            replaces_pins: false,
            api_version,
        })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn whatever_is_told_in_whatever_file_is_remembered_and_disturbs_nothing(
        old in select(&FILES[..]), told in tolds(),
    ) {
        let others = |text: &str| Home::new(text).load().unwrap().settings(&"def.com".parse().unwrap()).unwrap();
        let new = after(old, &told);
        prop_assert_eq!(others(&new), others(old), "{}", new);
        for comment in old.split_inclusive('\n').filter_map(|line| line.split_once('#')) {
            prop_assert!(new.contains(comment.1), "{}", new);
        }
    }
}

fn server(text: &str) -> Told {
    Told { server: Some(origin(text)), ..Told::default() }
}

/// The file after `told`; what was foreseen is what is then read, and nothing is left to be told.
fn after(text: &str, told: &Told) -> String {
    let home = Home::new(text);
    let foreseen = home.load().unwrap().settings_with(&tenant(), told).unwrap();
    home.remember(told).unwrap();
    let new = home.text();
    assert_eq!(home.settings().unwrap(), foreseen, "{new}");
    let written = fs::metadata(home.path()).unwrap().modified().unwrap();
    home.remember(told).unwrap();
    assert_eq!(fs::metadata(home.path()).unwrap().modified().unwrap(), written, "written twice: {new}");
    new
}

#[test]
fn a_new_file_says_where_its_keys_are_explained() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("a/b/config.toml");
    let config = Config::load(&Places { config_file: Some(path.clone()), ..Places::default() }).unwrap();
    let told = Told { api_version: Some(ApiVersion::V8), ..server("https://a:4443") };
    config.remember(&"Abc.com".parse().unwrap(), &told, &FakeClock::default()).unwrap();
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        "# Settings of vb365-helper; the keys are explained in its README under \"Configuration\".\n\n\
         [tenants.\"Abc.com\"]\nserver = \"https://a:4443\"\napi_version = \"v8\"\n"
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        assert_eq!(mode(&path.with_extension("toml.lock")), 0o600);
    }
}

#[test]
fn everything_that_was_told_is_written() {
    let scopes = Scopes::new(["Directory.Read.All", "User.Read", "offline_access"].map(str::to_owned).into()).unwrap();
    let told = Told {
        server: Some(origin("https://a")),
        organization: Some("Abc \"x\" \\ \u{e4}".into()),
        client_id: Some("app".into()),
        scopes: Some(scopes),
        authority: Some(origin("https://login.microsoftonline.us")),
        ca_file: Some("relative.pem".into()),
        pins: vec![PIN.parse().unwrap(), PIN.parse().unwrap()],
        replaces_pins: false,
        api_version: Some(ApiVersion::V6),
    };
    let new = after("", &told);
    assert_eq!(new.matches(PIN).count(), 1);
    let ca_file = std::path::absolute("relative.pem").unwrap();
    let home = Home::new(&new);
    assert_eq!(home.settings().unwrap().trust.ca_file, Some(ca_file));
    let other = format!("[tenants.\"{TENANT}\"]\nserver = \"https://b\"\nclient_id = \"old\"\nca_file = \"old\"\n");
    after(&other, &told);
}

#[test]
fn servers_and_pins_are_added_and_comments_stay_where_they_were() {
    let pin = |pin: &str| Told { pins: vec![pin.parse().unwrap()], ..Told::default() };
    let a = "[tenants.\"abc.onmicrosoft.com\"]\n";
    let (b, c) = (server("https://b"), server("https://c"));
    for (old, told, expected) in [
        (format!("{a}server = \"https://b\" # c\n"), &b, format!("{a}server = \"https://b\" # c\n")),
        (format!("{a}server = \"HTTPS://B:443/\"\n"), &b, format!("{a}server = \"HTTPS://B:443/\"\n")),
        (
            format!("# top\n\n{a}# above\n  server   = \"https://a\"  # behind\nmin_ttl = \"5m\"\n# last\n"),
            &b,
            format!(
                "# top\n\n{a}# above\n  servers   = [\"https://a\", \"https://b\"]  # behind\nmin_ttl = \"5m\"\n# last\n"
            ),
        ),
        (
            format!("{a}servers = [\n  \"https://a\", # one\n  \"https://b\", # two\n]\n"),
            &c,
            format!("{a}servers = [\n  \"https://a\", # one\n  \"https://b\", \"https://c\", # two\n]\n"),
        ),
        (
            format!("[defaults]\nserver = \"https://b\"\n{a}min_ttl = \"5m\"\n"),
            &b,
            format!("[defaults]\nserver = \"https://b\"\n{a}min_ttl = \"5m\"\n"),
        ),
        (
            format!("[defaults]\nserver = \"https://a\"\n{a}min_ttl = \"5m\"\n# end\n"),
            &b,
            format!("[defaults]\nserver = \"https://a\"\n{a}min_ttl = \"5m\"\nserver = \"https://b\"\n# end\n"),
        ),
        (
            format!("[tenants]\n\"{TENANT}\" = {{ server = \"https://a\", min_ttl = \"5m\" }} # c\n"),
            &b,
            format!("[tenants]\n\"{TENANT}\" = {{ servers = [\"https://a\", \"https://b\"], min_ttl = \"5m\" }} # c\n"),
        ),
        (
            format!("tenants.\"{TENANT}\".server = \"https://a\"\ntenants.\"{TENANT}\".min_ttl = \"5m\"\n"),
            &b,
            format!(
                "tenants.\"{TENANT}\".servers = [\"https://a\", \"https://b\"]\ntenants.\"{TENANT}\".min_ttl = \"5m\"\n"
            ),
        ),
        (
            format!("{a}pin_sha256 = \"{OTHER_PIN}\" # c\n"),
            &pin(PIN),
            format!("{a}pin_sha256 = [\"{OTHER_PIN}\", \"{PIN}\"] # c\n"),
        ),
        (
            format!("{a}pin_sha256 = [ \"{}\" ] # c\n", PIN.to_uppercase()),
            &pin(PIN),
            format!("{a}pin_sha256 = [ \"{}\" ] # c\n", PIN.to_uppercase()),
        ),
        (
            format!("{a}[defaults]\npin_sha256 = \"{OTHER_PIN}\"\n"),
            &pin(PIN),
            format!("{a}pin_sha256 = [\"{OTHER_PIN}\", \"{PIN}\"]\n[defaults]\npin_sha256 = \"{OTHER_PIN}\"\n"),
        ),
    ] {
        assert_eq!(after(&old, told), expected);
    }
}

#[test]
fn a_new_tenant_comes_last_and_moves_nothing() {
    let table = "[tenants.\"abc.onmicrosoft.com\"]\nserver = \"https://b\"\n";
    for old in [
        "[tenants.\"def.com\"]\nserver = \"https://a\"\n# min_ttl = \"5m\"\n\n[cache]\ndir = \"x\"\n# the end\n",
        "[tenants]\n\"def.com\" = { server = \"https://a\" }\n",
        "tenants.\"def.com\".server = \"https://a\"\n",
        "\u{feff}# only words\n",
    ] {
        assert_eq!(after(old, &server("https://b")), format!("{old}\n{table}"));
        let unfinished = old.trim_end();
        assert_eq!(after(unfinished, &server("https://b")), format!("{unfinished}\n\n{table}"));
        let windows = old.replace('\n', "\r\n");
        assert_eq!(after(&windows, &server("https://b")), format!("{windows}\r\n{}", table.replace('\n', "\r\n")));
    }
}

#[test]
fn line_ends_stay_as_they_are_even_mixed() {
    let old =
        "\u{feff}# one\r\n# two\n[tenants.\"abc.onmicrosoft.com\"]\r\nserver = \"https://a\" # c\r\n# three\n# four";
    let told = Told { organization: Some("Abc".into()), ..server("https://b") };
    assert_eq!(
        after(old, &told),
        "\u{feff}# one\r\n# two\n[tenants.\"abc.onmicrosoft.com\"]\r\nservers = [\"https://a\", \"https://b\"] # c\r\n\
         organization = \"Abc\"\r\n# three\n# four"
    );
    let unfinished = "[tenants.\"abc.onmicrosoft.com\"]\r\nserver = \"https://a\"";
    let told = Told { organization: Some("Abc".into()), ..Told::default() };
    assert_eq!(after(unfinished, &told), format!("{unfinished}\r\norganization = \"Abc\"\r\n"));
}

#[test]
fn what_is_overwritten_keeps_its_comment_and_need_not_have_been_right() {
    let old = "[tenants.\"ABC.onmicrosoft.com\"]\nclient_id = \"a b\" # c\nmin_ttl = \"5m\"\n";
    let told = Told { client_id: Some("app".into()), ..Told::default() };
    assert_eq!(after(old, &told), old.replace("a b", "app"));
}

#[test]
fn nothing_new_writes_nothing_not_even_a_lock() {
    let old = "[defaults]\nserver = \"https://a\"\n[tenants.\"ABC.onmicrosoft.com\"]";
    for told in [Told::default(), server("https://a")] {
        let home = Home::new(old);
        home.remember(&told).unwrap();
        assert_eq!(fs::read_dir(home.0.path()).unwrap().count(), 1);
        assert_eq!(home.text(), old);
    }
}

#[test]
fn a_tenant_that_takes_all_from_the_defaults_is_known_from_then_on() {
    let old = "[defaults]\nserver = \"https://a\"\n";
    assert_eq!(after(old, &server("https://a")), format!("{old}\n[tenants.\"{TENANT}\"]\n"));
    let inline = after("tenants = { \"def.com\" = {} } # c\n", &Told::default());
    assert_eq!(Home::new(inline).load().unwrap().tenants().count(), 2);
}

#[test]
fn a_file_that_has_become_wrong_is_left_alone() {
    let home = Home::new("");
    let config = home.load().unwrap();
    fs::write(home.path(), "\n[x]\n").unwrap();
    let error = config.remember(&tenant(), &server("https://b"), &FakeClock::default()).unwrap_err();
    assert_eq!(
        error.message(),
        format!("{}:2: x: not a known key; known are defaults, tenants, cache, prompt", home.path().display())
    );
    assert_eq!(home.text(), "\n[x]\n");
}

#[test]
fn wrong_words_are_the_flags_mistake() {
    let config = Home::new("").load().unwrap();
    for (told, expected) in [
        (
            Told { organization: Some("\n".into()), ..Told::default() },
            "--organization: is empty or has control characters",
        ),
        (Told { client_id: Some("a b".into()), ..Told::default() }, "--client-id: is not one word of printable ASCII"),
        (Told { ca_file: Some("".into()), ..Told::default() }, "--ca-file: is empty or has control characters"),
    ] {
        let error = config.settings_with(&tenant(), &told).unwrap_err();
        assert_eq!((error.kind(), error.message()), (Kind::BadRequest, expected));
        let error = config.remember(&tenant(), &told, &FakeClock::default()).unwrap_err();
        assert_eq!((error.kind(), error.message()), (Kind::BadRequest, expected));
    }
}

#[test]
fn a_lock_that_is_held_is_waited_for_and_then_named() {
    let home = Home::new("");
    let held = crate::files::lock(&home.path(), &FakeClock::default()).unwrap();
    let clock = FakeClock::default();
    let error = home.load().unwrap().remember(&tenant(), &server("https://a"), &clock).unwrap_err();
    let lock = home.path().with_extension("toml.lock");
    assert_eq!(
        (error.kind(), error.message().to_owned()),
        (Kind::Config, format!("the lock file {} cannot be used: another process holds it", lock.display()))
    );
    assert_eq!(clock.sleeps().iter().sum::<Duration>(), Duration::from_secs(5));
    drop(held);
    home.remember(&server("https://a")).unwrap();
}

#[test]
fn logins_at_once_do_not_lose_one_another() {
    let home = Home::new("# mine\n");
    let clock = crate::host::SystemClock::start();
    std::thread::scope(|scope| {
        for i in 0..8 {
            let (home, clock) = (&home, &clock);
            scope.spawn(move || {
                let tenant = format!("t{i}.com").parse().unwrap();
                home.load().unwrap().remember(&tenant, &server("https://a"), clock).unwrap();
            });
        }
    });
    assert_eq!(home.load().unwrap().tenants().count(), 8);
    let mut names: Vec<_> = fs::read_dir(home.0.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["config.toml", "config.toml.lock"]);
}

#[cfg(unix)]
#[test]
fn links_stay_links_and_modes_stay_modes() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let home = Home::new("");
    let dotfiles = home.0.path().join("dotfiles");
    fs::create_dir(&dotfiles).unwrap();
    fs::write(dotfiles.join("real.toml"), "# mine\n").unwrap();
    fs::set_permissions(dotfiles.join("real.toml"), fs::Permissions::from_mode(0o640)).unwrap();
    fs::remove_file(home.path()).unwrap();
    symlink("dotfiles/real.toml", home.path()).unwrap();
    home.remember(&server("https://a")).unwrap();
    assert!(fs::symlink_metadata(home.path()).unwrap().is_symlink());
    assert_eq!(fs::metadata(dotfiles.join("real.toml")).unwrap().permissions().mode() & 0o777, 0o640);
    assert!(home.text().contains("https://a"));

    fs::remove_file(dotfiles.join("real.toml")).unwrap();
    home.remember(&server("https://b")).unwrap();
    assert!(fs::symlink_metadata(home.path()).unwrap().is_symlink(), "a link to nothing is written through as well");
    assert!(fs::read_to_string(dotfiles.join("real.toml")).unwrap().contains("https://b"));
}
