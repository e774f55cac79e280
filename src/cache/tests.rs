//! The cache on a real file system: who may see the files, what damage does, and what a lock covers.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use chrono::{TimeZone, Utc};
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::host::SystemClock;
use crate::host::fake::FakeClock;
use crate::secret::Secret;

const CANARY: &str = "canary-9c2e";

/// A cache in a directory that is not there yet.
struct Home {
    _dir: TempDir,
    cache: Cache,
    clock: FakeClock,
}

impl Home {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::new(dir.path().join("data").join("cache"));
        Self { _dir: dir, cache, clock: FakeClock::default() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.cache.dir().join(name)
    }

    fn lock(&self) -> Result<TenantLock<'_>> {
        self.cache.lock(&abc(), &self.clock, Deadline::after(&self.clock, Duration::from_millis(50)))
    }

    fn login_lock(&self, on_wait: &mut dyn FnMut()) -> Result<LoginLock> {
        let deadline = Deadline::after(&self.clock, Duration::from_millis(50));
        self.cache.lock_login(&abc(), &self.clock, deadline, on_wait)
    }

    /// Writes an entry with `token` in it.
    fn keep(&self, token: &str) {
        self.lock().unwrap().write(&entry(token)).unwrap();
    }

    /// Puts `content` where the entry belongs.
    fn plant(&self, content: impl AsRef<[u8]>) {
        self.cache.ensure_directory().unwrap();
        fs::write(self.path("abc.com.json"), content).unwrap();
    }

    fn token(&self) -> Option<String> {
        let found = self.cache.read(&abc()).unwrap();
        assert_eq!(found.damage, None);
        found.entry.veeam(&server()).and_then(|record| record.access_token.as_ref().map(|token| token.expose().clone()))
    }

    fn files(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.cache.dir())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

fn abc() -> Tenant {
    "Abc.com".parse().unwrap()
}

fn server() -> crate::credential::Origin {
    "https://v:4443".parse().unwrap()
}

fn entry(token: &str) -> Entry {
    let obtained_at = Utc.with_ymd_and_hms(2026, 11, 23, 4, 0, 0).unwrap();
    let mut entry = Entry::empty(&abc());
    entry.put_veeam(VeeamRecord {
        server: server().as_str().to_owned(),
        api_version: Some("v8".into()),
        obtained_at,
        account: Some("admin@abc.com".into()),
        access_token: Some(token.into()),
        access_expires_at: obtained_at + Duration::from_secs(3600),
        refresh_token: Some(format!("{token}-refresh").as_str().into()),
    });
    entry.put_entra(EntraRecord {
        authority: "https://login.microsoftonline.com".into(),
        client_id: "c".into(),
        scopes: vec!["offline_access".into()],
        obtained_at,
        access_expires_at: obtained_at + Duration::from_secs(3600),
        account: None,
        token_response: Secret::new(format!(r#"{{"access_token":"{token}","refresh_token":"r"}}"#)),
        rejected: Some(Rejected {
            at: obtained_at,
            error: Some("invalid_grant".into()),
            codes: vec![70008],
            claims: None,
        }),
    });
    entry
}

fn message<T: std::fmt::Debug>(result: Result<T>) -> String {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), Kind::Cache);
    error.message().to_owned()
}

#[test]
fn a_cache_that_is_not_there_is_empty_and_stays_away() {
    let home = Home::new();
    let found = home.cache.read(&abc()).unwrap();
    assert!(found.entry.is_empty() && found.damage.is_none());
    assert_eq!(found.entry.tenant(), "Abc.com");
    assert_eq!(home.cache.tenants().unwrap(), []);
    assert!(!home.cache.holds(&abc()) && !home.cache.is_login_under_way(&abc()));
    assert!(!home.cache.dir().exists());
}

#[test]
fn what_was_written_is_read_and_nothing_but_its_lock_lies_beside_it() {
    let home = Home::new();
    home.keep("first");
    home.keep("second");
    assert_eq!(home.token().as_deref(), Some("second"));
    assert_eq!(home.files(), ["abc.com.json", "abc.com.lock"]);
    assert!(home.cache.holds(&"ABC.COM".parse().unwrap()));
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
    assert!(!home.cache.holds(&abc()));
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
    home.cache.ensure_directory().unwrap();
    fs::write(home.path("abc.com.json.tmp"), CANARY.repeat(1000)).unwrap();
    assert!(home.cache.holds(&abc()));
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
    unix::set_mode(home.cache.dir(), 0o700);
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
    let content = r#"{"version":2,"tenant":"abc.com","sealed":"x"}"#;
    home.plant(content);
    let error = home.lock().unwrap().read().unwrap_err();
    let path = home.path("abc.com.json");
    assert_eq!(error.kind(), Kind::Cache);
    assert_eq!(error.message(), format!("the cache file {} is of the newer version 2", path.display()));
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
        drop(home.lock().unwrap());
        assert_eq!(home.files(), ["abc.com.json", "abc.com.lock"], "after {end} bytes");
    }
    assert_eq!(home.token().as_deref(), Some("old"));
}

#[test]
fn nobody_elses_temporary_file_takes_an_entrys_place() {
    let home = Home::new();
    home.keep("old");
    let foreign = String::from_utf8(entry("new").write().unwrap().expose().clone()).unwrap();
    fs::write(home.path("abc.com.json.tmp"), foreign.replace("Abc.com", "def.com")).unwrap();
    drop(home.lock().unwrap());
    assert_eq!(home.token().as_deref(), Some("old"));
    assert_eq!(home.files(), ["abc.com.json", "abc.com.lock"]);
}

#[test]
fn only_the_files_of_tenants_are_listed_in_order() {
    let home = Home::new();
    home.cache.ensure_directory().unwrap();
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
        "72f988bf-86f1-41af-91ab-2d7cd011db47.json",
    ] {
        // Windows has no room for some of them.
        let _ = fs::write(home.path(name), "{");
    }
    fs::write(home.path("a.com.json.tmp"), "half").unwrap();
    let names = |tenants: Vec<Tenant>| tenants.iter().map(ToString::to_string).collect::<Vec<_>>();
    let guid = "72f988bf-86f1-41af-91ab-2d7cd011db47";
    assert_eq!(names(home.cache.tenants().unwrap()), [guid, "a.com", "b.com"]);
    assert_eq!(names(home.cache.tenants_and_leftovers().unwrap()), [guid, "a.com", "b.com", "c.com"]);
}

#[test]
fn a_directory_that_is_a_file_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("cache");
    fs::write(&path, "").unwrap();
    let cache = Cache::new(&path);
    let clock = FakeClock::default();
    let why = format!("the cache directory {} cannot be used: it is not a directory", path.display());
    assert_eq!(message(cache.read(&abc())), why);
    assert_eq!(message(cache.tenants()), why);
    assert_eq!(message(cache.lock(&abc(), &clock, Deadline::after(&clock, Duration::ZERO))), why);
}

/// A clock that lets go of a lock while somebody waits for it.
struct Releasing<L> {
    clock: FakeClock,
    held: Mutex<Option<L>>,
    after: Duration,
}

impl<L: Send> Clock for Releasing<L> {
    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }

    fn sleep(&self, duration: Duration) {
        self.clock.sleep(duration);
        if self.clock.elapsed() >= self.after {
            self.held.lock().unwrap().take();
        }
    }
}

#[test]
fn who_comes_second_waits_and_gets_the_lock() {
    let home = Home::new();
    let held = Mutex::new(Some(home.lock().unwrap()));
    let clock = Releasing { clock: FakeClock::default(), held, after: Duration::from_millis(100) };
    home.cache.lock(&abc(), &clock, Deadline::after(&clock, Duration::from_secs(8))).unwrap();
    assert_eq!(clock.elapsed(), Duration::from_millis(100));
}

#[test]
fn a_wait_ends_at_its_deadline_and_names_the_lock() {
    let home = Home::new();
    let _held = home.lock().unwrap();
    let error = home.lock().unwrap_err();
    let path = home.path("abc.com.lock");
    assert_eq!(error.kind(), Kind::Cache);
    assert_eq!(
        error.message(),
        format!("another process holds the lock {} and did not release it in time", path.display())
    );
    assert_eq!(error.hint(), Some("try again, or allow more time with --timeout"));
    assert_eq!(home.clock.elapsed(), Duration::from_millis(50));
}

#[test]
fn a_lock_concerns_one_tenant_and_neither_readers_nor_a_sign_in() {
    let home = Home::new();
    home.keep("token");
    let _held = home.lock().unwrap();
    assert_eq!(home.token().as_deref(), Some("token"));
    home.login_lock(&mut || panic!("nobody signs in")).unwrap();
    let other = "other.com".parse().unwrap();
    home.cache.lock(&other, &home.clock, Deadline::after(&home.clock, Duration::ZERO)).unwrap();
    assert_eq!(home.clock.elapsed(), Duration::ZERO);
}

#[test]
fn a_lock_that_is_let_go_can_be_taken_again_and_its_file_stays() {
    let home = Home::new();
    drop(home.lock().unwrap());
    drop(home.lock().unwrap());
    assert_eq!(home.files(), ["abc.com.lock"]);
}

#[test]
fn a_wait_for_another_sign_in_is_told_once() {
    let home = Home::new();
    let held = Mutex::new(Some(home.login_lock(&mut || panic!("nobody signs in")).unwrap()));
    let clock = Releasing { clock: FakeClock::default(), held, after: Duration::from_millis(200) };
    let told = Cell::new(0);
    let mut on_wait = || told.set(told.get() + 1);
    home.cache.lock_login(&abc(), &clock, Deadline::after(&clock, Duration::from_secs(1)), &mut on_wait).unwrap();
    assert_eq!((told.get(), clock.elapsed()), (1, Duration::from_millis(200)));
}

#[test]
fn a_sign_in_is_under_way_as_long_as_its_lock_is_held() {
    let home = Home::new();
    let held = home.login_lock(&mut || {}).unwrap();
    assert!(home.cache.is_login_under_way(&abc()));
    assert!(!home.cache.is_login_under_way(&"other.com".parse().unwrap()));
    assert_eq!(home.files(), ["abc.com.login.lock"]);
    drop(held);
    assert!(!home.cache.is_login_under_way(&abc()));
}

#[test]
fn who_declined_is_remembered_for_the_next_holder() {
    let home = Home::new();
    let mut lock = home.login_lock(&mut || {}).unwrap();
    assert_eq!(lock.declined_at(), None);
    let precise = home.clock.now() + Duration::from_nanos(123_456_789);
    lock.note_declined(precise).unwrap();
    drop(lock);
    let mut lock = home.login_lock(&mut || {}).unwrap();
    assert_eq!(lock.declined_at(), Some(precise));
    // A shorter note leaves nothing of the longer one behind.
    lock.note_declined(home.clock.now()).unwrap();
    assert_eq!(lock.declined_at(), Some(home.clock.now()));
    assert_eq!(lock.declined_at(), Some(home.clock.now()));
}

#[test]
fn a_lock_file_with_something_else_in_it_is_a_lock_all_the_same() {
    let home = Home::new();
    home.cache.ensure_directory().unwrap();
    for content in [&b"\xff\xfe"[..], b"yesterday", &[b'1'; 4096]] {
        fs::write(home.path("abc.com.login.lock"), content).unwrap();
        assert_eq!(home.login_lock(&mut || {}).unwrap().declined_at(), None);
    }
}

#[test]
fn writers_at_once_lose_nothing_and_readers_never_see_half_a_file() {
    const WRITERS: u16 = 4;
    const WRITES: u16 = 8;
    let home = Home::new();
    let clock = SystemClock::start();
    home.cache.ensure_directory().unwrap();
    let write = |port: u16| {
        let deadline = Deadline::after(&clock, Duration::from_secs(60));
        let mut lock = home.cache.lock(&abc(), &clock, deadline).unwrap();
        let mut entry = lock.read().unwrap().entry;
        let server = format!("https://v:{port}");
        entry.put_veeam(VeeamRecord { server, ..self::entry("t").veeam.remove(0) });
        lock.write(&entry).unwrap();
    };
    std::thread::scope(|scope| {
        for writer in 1..=WRITERS {
            scope.spawn(move || (0..WRITES).for_each(|n| write(writer * 1000 + n)));
        }
        scope.spawn(|| {
            for _ in 0..200 {
                assert_eq!(home.cache.read(&abc()).unwrap().damage, None);
            }
        });
    });
    let found = home.cache.read(&abc()).unwrap();
    assert_eq!(found.entry.veeam.len(), usize::from(WRITERS * WRITES));
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{PermissionsExt, chown, symlink};
    use std::process::Command;

    use super::*;

    pub(super) fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn mode(path: impl AsRef<Path>) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn directory_and_files_are_the_owners_alone() {
        let home = Home::new();
        home.keep("token");
        drop(home.login_lock(&mut || {}).unwrap());
        assert_eq!(mode(home.cache.dir()), 0o700);
        assert_eq!(mode(home.cache.dir().parent().unwrap()), 0o700);
        for name in home.files() {
            assert_eq!(mode(home.path(&name)), 0o600, "{name}");
        }
    }

    #[test]
    fn a_file_that_others_could_read_is_so_no_longer_after_a_write() {
        let home = Home::new();
        home.keep("old");
        set_mode(&home.path("abc.com.json"), 0o644);
        fs::write(home.path("abc.com.json.tmp"), "").unwrap();
        set_mode(&home.path("abc.com.json.tmp"), 0o666);
        home.keep("new");
        assert_eq!(mode(home.path("abc.com.json")), 0o600);
    }

    #[test]
    fn a_directory_that_others_can_write_to_is_refused() {
        let home = Home::new();
        home.keep("token");
        for shared in [0o770, 0o707, 0o777, 0o1777] {
            set_mode(home.cache.dir(), shared);
            let why = format!(
                "the cache directory {} cannot be used: it is writable by other users",
                home.cache.dir().display()
            );
            assert_eq!(message(home.cache.read(&abc())), why);
            assert_eq!(message(home.cache.tenants()), why);
            assert_eq!(message(home.lock()), why);
        }
        set_mode(home.cache.dir(), 0o755);
        assert_eq!(home.token().as_deref(), Some("token"));
    }

    #[test]
    fn what_belongs_to_another_user_is_refused() {
        let home = Home::new();
        home.keep("token");
        // Only root can give files away; everybody else looks at one of root's.
        let is_root = chown(home.path("abc.com.json"), Some(65_534), None).is_ok();
        if is_root {
            let path = home.path("abc.com.json");
            let why = format!("the cache file {} cannot be used: it belongs to another user", path.display());
            assert_eq!(message(home.cache.read(&abc())), why);
            chown(home.cache.dir(), Some(65_534), None).unwrap();
        }
        let cache = if is_root { home.cache.clone() } else { Cache::new("/") };
        let why = format!("the cache directory {} cannot be used: it belongs to another user", cache.dir().display());
        assert_eq!(message(cache.read(&abc())), why);
        assert_eq!(message(cache.tenants()), why);
    }

    #[test]
    fn a_linked_directory_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("cache");
        fs::create_dir(dir.path().join("real")).unwrap();
        for target in ["real", "missing"] {
            let _ = fs::remove_file(&link);
            symlink(dir.path().join(target), &link).unwrap();
            let cache = Cache::new(&link);
            let clock = FakeClock::default();
            let why = format!("the cache directory {} cannot be used: it is a symbolic link", link.display());
            assert_eq!(message(cache.read(&abc())), why);
            assert_eq!(message(cache.tenants()), why);
            assert_eq!(message(cache.lock(&abc(), &clock, Deadline::after(&clock, Duration::ZERO))), why);
        }
        assert!(!dir.path().join("missing").exists());
    }

    #[test]
    fn linked_files_are_neither_read_nor_locked_nor_written_through() {
        let home = Home::new();
        home.cache.ensure_directory().unwrap();
        let elsewhere = home.path("elsewhere");
        fs::write(&elsewhere, entry("planted").write().unwrap().expose()).unwrap();
        let before = fs::read(&elsewhere).unwrap();
        for name in ["abc.com.json", "abc.com.json.tmp", "abc.com.login.lock"] {
            symlink(&elsewhere, home.path(name)).unwrap();
        }
        let path = home.path("abc.com.json");
        let why = format!("the cache file {} cannot be used: it is a symbolic link", path.display());
        assert_eq!(message(home.cache.read(&abc())), why);
        let path = home.path("abc.com.login.lock");
        let why = format!("the lock file {} cannot be used: it is a symbolic link", path.display());
        assert_eq!(message(home.login_lock(&mut || {})), why);

        home.keep("token");
        assert_eq!(home.token().as_deref(), Some("token"));
        assert!(!home.path("abc.com.json").is_symlink());
        assert_eq!(fs::read(&elsewhere).unwrap(), before);
    }

    #[test]
    fn remove_takes_the_link_and_not_what_it_points_to() {
        let home = Home::new();
        home.cache.ensure_directory().unwrap();
        fs::write(home.path("elsewhere"), "").unwrap();
        symlink(home.path("elsewhere"), home.path("abc.com.json")).unwrap();
        home.lock().unwrap().remove().unwrap();
        assert_eq!(home.files(), ["abc.com.lock", "elsewhere"]);
    }

    #[test]
    fn a_fifo_is_refused_without_waiting_for_its_other_end() {
        let home = Home::new();
        home.cache.ensure_directory().unwrap();
        for name in ["abc.com.json", "abc.com.lock"] {
            assert!(Command::new("mkfifo").arg(home.path(name)).status().unwrap().success());
        }
        assert!(message(home.cache.read(&abc())).ends_with("abc.com.json cannot be used: it is not a regular file"));
        assert!(message(home.lock()).ends_with("abc.com.lock cannot be used: it is not a regular file"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    #[test]
    fn any_bytes_are_damage_and_nothing_worse(before in any::<Vec<u8>>(), after in any::<Vec<u8>>()) {
        let home = Home::new();
        home.plant([before.as_slice(), CANARY.as_bytes(), after.as_slice()].concat());
        let found = home.cache.read(&abc()).unwrap();
        prop_assert!(found.entry.is_empty());
        prop_assert!(found.damage.is_some_and(|damage| !damage.contains(CANARY)));
    }

    #[test]
    fn an_entry_with_one_byte_changed_is_read_or_refused_without_a_word_of_it(
        at in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        let home = Home::new();
        let mut text = entry(CANARY).write().unwrap().expose().clone();
        let at = at.index(text.len());
        text[at] = byte;
        home.plant(text);
        let said = match home.cache.read(&abc()) {
            Ok(found) => found.damage.unwrap_or_default(),
            Err(error) => format!("{error:?}"),
        };
        prop_assert!(!said.contains(CANARY));
    }

    #[test]
    fn an_entry_cut_anywhere_is_damaged(end in any::<prop::sample::Index>()) {
        let home = Home::new();
        let text = entry(CANARY).write().unwrap();
        home.plant(&text.expose()[..end.index(text.expose().len() - 1)]);
        prop_assert!(home.cache.read(&abc()).unwrap().damage.is_some());
    }

    #[test]
    fn no_two_tenants_share_a_file(
        one in "[a-c]{1,2}(\\.(login|lock|json|tmp|a)){0,3}", other in "[a-c]{1,2}(\\.(login|lock|json|tmp|a)){0,3}",
    ) {
        let (Ok(one), Ok(other)) = (one.parse::<Tenant>(), other.parse::<Tenant>()) else { return Ok(()) };
        prop_assume!(one != other);
        let cache = Cache::new("c");
        let files = |tenant: &Tenant| ["json", "json.tmp", "lock", "login.lock"].map(|ending| cache.path(tenant, ending));
        prop_assert!(files(&one).iter().all(|file| !files(&other).contains(file)), "{} {}", one, other);
    }
}
