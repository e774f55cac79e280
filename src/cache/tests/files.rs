//! What is kept, and what is made of files that are not what they should be.

use super::*;

#[test]
fn a_cache_that_is_not_there_is_empty_and_stays_away() {
    let home = Home::new();
    let found = home.cache.read(&abc()).unwrap();
    assert!(found.entry.is_empty() && found.damage.is_none());
    assert_eq!(found.entry.tenant(), "Abc.com");
    assert_eq!(home.cache.tenants().unwrap(), []);
    assert!(!home.cache.holds(&abc()).unwrap() && !home.cache.is_login_under_way(&abc()));
    assert!(!home.cache.dir().exists());
}

#[test]
fn what_was_written_is_read_and_nothing_but_its_lock_lies_beside_it() {
    let home = Home::new();
    home.keep("first");
    home.keep("second");
    assert_eq!(home.token().as_deref(), Some("second"));
    assert_eq!(home.files(), ["abc.com.json", "abc.com.lock"]);
    assert!(home.cache.holds(&"ABC.COM".parse().unwrap()).unwrap());
    assert_eq!(home.lock().unwrap().read().unwrap().entry.veeam.len(), 1);
}

#[test]
fn the_file_fits_its_schema() {
    let home = Home::new();
    home.keep("token");
    let read = |path: &Path| serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let schema = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/cache-entry-v1.schema.json"));
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    validator.validate(&read(&home.path("abc.com.json"))).unwrap();
}

#[test]
fn an_empty_entry_removes_the_file() {
    let home = Home::new();
    home.keep("token");
    home.lock().unwrap().write(&Entry::empty(&abc())).unwrap();
    assert_eq!(home.files(), ["abc.com.lock"]);
    home.lock().unwrap().write(&Entry::empty(&abc())).unwrap();
    assert!(!home.cache.holds(&abc()).unwrap());
}

#[test]
fn remove_is_idempotent_and_takes_damaged_newer_and_left_over_files() {
    let home = Home::new();
    for content in [&b"\xff\x00"[..], br#"{"version":9}"#, b""] {
        home.plant(content);
        fs::write(home.path("abc.com.json.tmp"), "half").unwrap();
        home.lock().unwrap().remove().unwrap();
        assert_eq!(home.files(), ["abc.com.lock"]);
    }
    home.lock().unwrap().remove().unwrap();
}

#[test]
fn a_temporary_file_left_over_counts_as_held_until_the_next_write_replaces_it() {
    let home = Home::new();
    home.cache.dir.ensure().unwrap();
    fs::write(home.path("abc.com.json.tmp"), CANARY.repeat(1000)).unwrap();
    assert!(home.cache.holds(&abc()).unwrap());
    assert!(home.cache.read(&abc()).unwrap().entry.is_empty());
    home.keep("token");
    assert_eq!(home.token().as_deref(), Some("token"));
    assert_eq!(home.files(), ["abc.com.json", "abc.com.lock"]);
}

#[test]
fn a_write_that_fails_leaves_the_old_file() {
    let home = Home::new();
    home.keep("old");
    let before = fs::read(home.path("abc.com.json")).unwrap();
    fs::create_dir_all(home.path("abc.com.json.tmp/in-the-way")).unwrap();
    let why = message(home.lock().unwrap().write(&entry(CANARY)));
    let start = format!("the cache file {} cannot be used: ", home.path("abc.com.json").display());
    assert!(why.starts_with(&start) && !why.contains(CANARY), "{why}");
    assert_eq!(fs::read(home.path("abc.com.json")).unwrap(), before);
}

#[test]
fn a_file_that_cannot_be_replaced_leaves_no_temporary_file() {
    let home = Home::new();
    fs::create_dir_all(home.path("abc.com.json/in-the-way")).unwrap();
    #[cfg(unix)]
    rights::set_mode(home.cache.dir(), 0o700);
    message(home.lock().unwrap().write(&entry("token")));
    assert_eq!(home.files(), ["abc.com.json", "abc.com.lock"]);
}

#[test]
fn a_damaged_file_is_an_empty_cache_with_one_warning_and_the_next_write_heals_it() {
    let home = Home::new();
    let path = home.path("abc.com.json");
    for (content, why) in [
        ("", "the JSON ends too early (line 1, column 0)"),
        ("{\"version\":1,\n", "the JSON ends too early (line 2, column 0)"),
        ("\0\0\0\0", "not JSON (line 1, column 1)"),
        (r#"{"version":1,"tenant":"other.com"}"#, "it belongs to another tenant"),
        (r#"{"version":0,"tenant":"abc.com"}"#, "it has no version"),
    ] {
        home.plant(content);
        let found = home.cache.read(&abc()).unwrap();
        assert!(found.entry.is_empty());
        let damage = format!("the cache file {} is damaged and counts as empty: {why}", path.display());
        assert_eq!(found.damage, Some(damage));
        home.keep("healed");
        assert_eq!(home.token().as_deref(), Some("healed"));
    }
}

#[test]
fn damage_is_told_without_what_is_in_the_file() {
    let home = Home::new();
    for content in [
        format!(r#"{{"version":1,"tenant":"abc.com","{CANARY}":1}}"#),
        format!(r#"{{"version":1,"tenant":"abc.com","veeam":"{CANARY}"}}"#),
        format!(r#"{{"version":"{CANARY}"}}"#),
        format!(r#"{{"version":1,"tenant":"{CANARY}"}}"#),
    ] {
        home.plant(content);
        let found = home.cache.read(&abc()).unwrap();
        assert!(found.damage.is_some() && !format!("{found:?}").contains(CANARY), "{found:?}");
    }
}

#[test]
fn a_file_of_a_newer_version_is_refused_and_left_untouched() {
    let home = Home::new();
    let content = r#"{"version":3,"tenant":"abc.com","sealed":"x"}"#;
    home.plant(content);
    let error = home.lock().unwrap().read().unwrap_err();
    let path = home.path("abc.com.json");
    assert_eq!(error.kind(), Kind::Cache);
    assert_eq!(error.message(), format!("the cache file {} is of the newer version 3", path.display()));
    assert_eq!(error.hint(), Some("use the version of vb365-helper that wrote it, or a newer one"));
    assert_eq!(fs::read_to_string(path).unwrap(), content);
}

#[test]
fn a_file_over_one_mebibyte_is_damage_and_is_never_written() {
    let home = Home::new();
    home.plant(" ".repeat(1024 * 1024 + 1));
    let why = home.cache.read(&abc()).unwrap().damage.unwrap();
    let path = home.path("abc.com.json");
    let expected = format!("the cache file {} is damaged and counts as empty: it is larger than 1 MiB", path.display());
    assert_eq!(why, expected);
    home.keep("token");
    assert_eq!(home.token().as_deref(), Some("token"));

    let expected = format!("the cache file {} cannot be used: it is larger than 1 MiB", path.display());
    assert_eq!(message(home.lock().unwrap().write(&entry(&"x".repeat(1024 * 1024)))), expected);
    assert_eq!(home.token().as_deref(), Some("token"));
    assert_eq!(home.files(), ["abc.com.json", "abc.com.lock"]);
}

#[test]
fn what_a_killed_writer_had_written_is_finished_by_the_next_holder() {
    let home = Home::new();
    home.keep("old");
    let new = entry("new").write().unwrap();
    fs::write(home.path("abc.com.json.tmp"), new.expose()).unwrap();
    assert_eq!(home.token().as_deref(), Some("old"));
    let lock = home.lock().unwrap();
    assert_eq!(lock.read().unwrap().entry.write().unwrap(), new);
    drop(lock);
    assert_eq!(home.token().as_deref(), Some("new"));
    assert_eq!(home.files(), ["abc.com.json", "abc.com.lock"]);
}

#[test]
fn what_a_killed_writer_had_half_written_is_gone_with_the_next_holder() {
    let home = Home::new();
    home.keep("old");
    let new = entry("new").write().unwrap();
    for end in 0..new.expose().len() - 1 {
        fs::write(home.path("abc.com.json.tmp"), &new.expose()[..end]).unwrap();
        home.lock().unwrap().read().unwrap();
        assert_eq!(home.files(), ["abc.com.json", "abc.com.lock"], "after {end} bytes");
    }
    assert_eq!(home.token().as_deref(), Some("old"));
}

#[test]
fn what_a_killed_writer_of_a_newer_version_had_written_is_left_to_it() {
    let home = Home::new();
    home.keep("old");
    let (temporary, newer) = (home.path("abc.com.json.tmp"), r#"{"version":3,"sealed":"x"}"#);
    fs::write(&temporary, newer).unwrap();
    let expected = format!("the cache file {} is of the newer version 3", temporary.display());
    assert_eq!(message(home.lock().unwrap().read()), expected);
    assert_eq!(fs::read_to_string(temporary).unwrap(), newer);
    home.lock().unwrap().remove().unwrap();
    assert_eq!(home.files(), ["abc.com.lock"]);
}

#[test]
fn what_cannot_be_put_in_place_is_not_passed_over() {
    let home = Home::new();
    home.keep("old");
    fs::remove_file(home.path("abc.com.json")).unwrap();
    fs::create_dir_all(home.path("abc.com.json/in-the-way")).unwrap();
    let new = entry("new").write().unwrap();
    fs::write(home.path("abc.com.json.tmp"), new.expose()).unwrap();
    let why = message(home.lock().unwrap().read());
    let start = format!("the cache file {} cannot be used: ", home.path("abc.com.json.tmp").display());
    assert!(why.starts_with(&start), "{why}");
    assert_eq!(fs::read(home.path("abc.com.json.tmp")).unwrap(), *new.expose());
}

#[test]
fn nobody_elses_temporary_file_takes_an_entrys_place() {
    let home = Home::new();
    home.keep("old");
    let foreign = String::from_utf8(entry("new").write().unwrap().expose().clone()).unwrap();
    fs::write(home.path("abc.com.json.tmp"), foreign.replace("Abc.com", "def.com")).unwrap();
    home.lock().unwrap().read().unwrap();
    assert_eq!(home.token().as_deref(), Some("old"));
    assert_eq!(home.files(), ["abc.com.json", "abc.com.lock"]);
}

#[test]
fn only_the_files_of_tenants_are_listed_in_order() {
    let home = Home::new();
    home.cache.dir.ensure().unwrap();
    for name in [
        "b.com.json",
        "a.com.json",
        "c.com.json.tmp",
        "d.com.lock",
        "e.com.login.lock",
        "f.com",
        ".json",
        "..json",
        "a b.json",
        "common.json",
        "nul.json",
        "_con.com.json",
        "_e.com.json",
        "72f988bf-86f1-41af-91ab-2d7cd011db47.json",
    ] {
        // Windows has no room for some of them.
        let _ = fs::write(home.path(name), "{");
    }
    fs::write(home.path("a.com.json.tmp"), "half").unwrap();
    let names = |tenants: Vec<Tenant>| tenants.iter().map(ToString::to_string).collect::<Vec<_>>();
    let guid = "72f988bf-86f1-41af-91ab-2d7cd011db47";
    assert_eq!(names(home.cache.tenants().unwrap()), [guid, "a.com", "b.com", "con.com"]);
    assert_eq!(names(home.cache.tenants_and_leftovers().unwrap()), [guid, "a.com", "b.com", "c.com", "con.com"]);
}

#[test]
fn a_directory_that_is_a_file_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("cache");
    fs::write(&path, "").unwrap();
    let cache = Cache::new(&path, unsealed());
    let clock = FakeClock::default();
    let why = format!("the cache directory {} cannot be used: it is not a directory", path.display());
    assert_eq!(message(cache.read(&abc())), why);
    assert_eq!(message(cache.tenants()), why);
    assert_eq!(message(cache.lock(&abc(), &clock, Deadline::after(&clock, Duration::ZERO))), why);
}
