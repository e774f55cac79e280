//! Who may see and change the files.

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
    drop(home.login_lock(&mut || Ok(())).unwrap());
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
        let why =
            format!("the cache directory {} cannot be used: it is writable by other users", home.cache.dir().display());
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
    let cache = if is_root { home.cache.clone() } else { Cache::new("/", unsealed()) };
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
        let cache = Cache::new(&link, unsealed());
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
    home.cache.dir.ensure().unwrap();
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
    assert_eq!(message(home.login_lock(&mut || Ok(()))), why);

    home.keep("token");
    assert_eq!(home.token().as_deref(), Some("token"));
    assert!(!home.path("abc.com.json").is_symlink());
    assert_eq!(fs::read(&elsewhere).unwrap(), before);
}

#[test]
fn remove_takes_the_link_and_not_what_it_points_to() {
    let home = Home::new();
    home.cache.dir.ensure().unwrap();
    fs::write(home.path("elsewhere"), "").unwrap();
    symlink(home.path("elsewhere"), home.path("abc.com.json")).unwrap();
    home.lock().unwrap().remove().unwrap();
    assert_eq!(home.files(), ["abc.com.lock", "elsewhere"]);
}

#[test]
fn a_fifo_is_refused_without_waiting_for_its_other_end() {
    let home = Home::new();
    home.cache.dir.ensure().unwrap();
    for name in ["abc.com.json", "abc.com.lock"] {
        assert!(Command::new("mkfifo").arg(home.path(name)).status().unwrap().success());
    }
    assert!(message(home.cache.read(&abc())).ends_with("abc.com.json cannot be used: it is not a regular file"));
    assert!(message(home.lock()).ends_with("abc.com.lock cannot be used: it is not a regular file"));
}
