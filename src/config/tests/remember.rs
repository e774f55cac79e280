//! What `login` writes: only what it was told, and every other byte stays.

use super::*;

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
    let config = Config::load(&Places { config_file: Some(path.clone()), cache_dir: None }).unwrap();
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
fn nothing_told_or_nothing_new_writes_nothing_not_even_a_lock() {
    for told in [Told::default(), server("https://a")] {
        let home = Home::new("[defaults]\nserver = \"https://a\"");
        home.remember(&told).unwrap();
        assert_eq!(fs::read_dir(home.0.path()).unwrap().count(), 1);
        assert_eq!(home.text(), "[defaults]\nserver = \"https://a\"");
    }
}

#[test]
fn what_cannot_be_edited_is_left_alone() {
    let old = "tenants = { \"def.com\" = { server = \"https://a\" } }\n";
    let home = Home::new(old);
    let error = home.remember(&server("https://b")).unwrap_err();
    let path = home.path().display().to_string();
    assert_eq!(error.message(), format!("{path}:1: [tenants.\"{TENANT}\"] must be changed by hand here"));
    assert_eq!(home.text(), old);

    let config = home.load().unwrap();
    fs::write(home.path(), "\n[x]\n").unwrap();
    let error = config.remember(&tenant(), &server("https://b"), &FakeClock::default()).unwrap_err();
    assert_eq!(error.message(), format!("{path}:2: x: not a known key; known are defaults, tenants, cache"));
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
    let held = super::super::write::lock(&home.path(), &FakeClock::default()).unwrap();
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
