//! The files themselves: for their owner alone, never half written, and healed or left alone when
//! they are not what they should be.

use std::fs;

use serde_json::json;

use crate::support::{Answers, HOUR, TENANT, World, entra, veeam};

#[test]
fn a_damaged_file_counts_as_empty_with_one_warning_and_is_healed() {
    for damage in
        [&b""[..], b"{\"version\":1,\"tenant\":\"canary", b"\xff\xfe\x00", b"[]", b"{\"version\":0,\"canary\":1}"]
    {
        let world = World::new();
        world.store_veeam("1", 0);
        fs::write(world.cache_file(), damage).unwrap();
        let file = world.cache_file().display().to_string();

        let outcome = world.get(&[]);
        outcome.error("login_required");
        let [warning] = outcome.warnings()[..] else { panic!("not one warning: {outcome:?}") };
        assert!(warning.contains(&file), "{warning}");
        assert_eq!(world.kept().unwrap(), damage);

        let outcome = world.run(&["store", TENANT, "--server", &world.vb365.url()], veeam("2").to_string().as_bytes());
        assert_eq!(outcome.document(), json!({ "version": 1, "tenant": TENANT, "stored": ["veeam"] }));
        let [warning] = outcome.warnings()[..] else { panic!("not one warning: {outcome:?}") };
        assert!(warning.contains(&file), "{warning}");
        world.assert_gave(&world.get(&[]), "2", "cache", HOUR);
    }
}

#[test]
fn one_tenants_damage_is_nobody_elses() {
    let world = World::new();
    world.store_veeam("1", 0);
    fs::write(world.cache_dir().join("def.onmicrosoft.com.json"), "canary").unwrap();
    world.assert_gave(&world.get(&[]), "1", "cache", HOUR);
}

#[test]
fn another_tenants_entry_under_this_name_is_not_used() {
    let mut world = World::new();
    world.store_veeam("1", 0);
    let text = fs::read_to_string(world.cache_file()).unwrap();
    fs::write(world.cache_file(), text.replace(TENANT, "def.onmicrosoft.com")).unwrap();
    let silence = world.silence();
    world.get(&[]).error("login_required");
    silence.assert();
}

#[test]
fn a_file_of_a_newer_version_is_left_untouched() {
    let mut world = World::new();
    world.store_veeam("1", 0);
    let newer = br#"{"version":3,"anything":"canary"}"#;
    fs::write(world.cache_file(), newer).unwrap();
    let silence = world.silence();
    let file = world.cache_file().display().to_string();
    let outcomes = [
        world.get(&[]),
        world.run(&["store", TENANT], entra("1").to_string().as_bytes()),
        world.run(&["erase", TENANT, "--access-only"], b""),
    ];
    for outcome in outcomes {
        let error = outcome.error("cache");
        assert!(error["message"].as_str().unwrap().contains(&file), "{error}");
    }
    assert_eq!(world.kept().unwrap(), newer);
    silence.assert();
    // Only a whole erasure, which was asked for by name, removes it.
    world.run(&["erase", TENANT], b"").answer();
    assert_eq!(world.kept(), None);
}

#[test]
fn what_a_killed_writer_left_is_in_nobodys_way() {
    let mut world = World::new();
    world.store_veeam("1", HOUR);
    let temporary = world.cache_dir().join(format!("{TENANT}.json.tmp"));
    fs::write(&temporary, "{\"canary").unwrap();
    let refresh = world.veeam_refresh("1").answers(&veeam("2"));
    world.assert_gave(&world.get(&[]), "2", "veeam_refresh", HOUR);
    world.assert_gave(&world.get(&[]), "2", "cache", HOUR);
    assert!(!temporary.exists());
    refresh.assert();
}

#[test]
fn a_token_that_cannot_be_saved_is_handed_out_all_the_same() {
    let mut world = World::new();
    world.store_veeam("1", HOUR);
    let before = world.kept();
    fs::create_dir(world.cache_dir().join(format!("{TENANT}.json.tmp"))).unwrap();
    let refresh = world.veeam_refresh("1").answers(&veeam("2"));
    let outcome = world.get(&[]);
    world.assert_token(&outcome, "2", "veeam_refresh", HOUR);
    let [warning] = outcome.warnings()[..] else { panic!("not one warning: {outcome:?}") };
    assert!(warning.contains(&world.cache_file().display().to_string()), "{warning}");
    assert_eq!((outcome.code, world.kept()), (0, before));
    refresh.assert();
}

#[test]
fn what_a_file_says_of_a_dead_sign_in_cannot_move_the_terminal() {
    let world = World::new();
    world.store_entra("1", HOUR);
    let mut entry: serde_json::Value = serde_json::from_slice(&world.kept().unwrap()).unwrap();
    entry["entra"][0]["rejected"] = json!({ "at": "2026-11-23T04:00:00Z", "error": "\u{1b}[31mred\u{7}" });
    fs::write(world.cache_file(), entry.to_string()).unwrap();
    let outcome = world.get(&[]);
    assert!(outcome.error("login_required")["message"].as_str().unwrap().ends_with("([31mred)"), "{outcome:?}");
    assert!(outcome.stderr.chars().all(|c| c == '\n' || !c.is_control()), "{outcome:?}");
}

#[cfg(unix)]
mod unix {
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::Path;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn files_and_directory_are_their_owners_alone() {
        let mut world = World::new();
        world.store_veeam("1", HOUR);
        let refresh = world.veeam_refresh("1").answers(&veeam("2"));
        world.get(&[]).answer();
        refresh.assert();
        assert_eq!(mode(&world.cache_dir()), 0o700);
        let files: Vec<_> = fs::read_dir(world.cache_dir()).unwrap().map(|file| file.unwrap().path()).collect();
        assert!(files.contains(&world.cache_file()) && files.len() == 2, "{files:?}");
        for file in files {
            assert_eq!(mode(&file), 0o600, "{}", file.display());
        }
    }

    #[test]
    fn a_directory_that_others_can_write_to_is_not_used() {
        let mut world = World::new();
        world.store_veeam("1", 0);
        let silence = world.silence();
        for mode in [0o770, 0o702, 0o777, 0o1777] {
            fs::set_permissions(world.cache_dir(), Permissions::from_mode(mode)).unwrap();
            let outcomes = [world.get(&[]), world.run(&["store", TENANT], entra("1").to_string().as_bytes())];
            for outcome in outcomes {
                let error = outcome.error("cache");
                let message = format!(
                    "the cache directory {} cannot be used: it is writable by other users",
                    world.cache_dir().display()
                );
                assert_eq!(error["message"], message);
            }
        }
        silence.assert();
    }

    #[test]
    fn links_are_not_followed() {
        let mut world = World::new();
        world.store_veeam("1", 0);
        let silence = world.silence();
        let aside = world.home().join("aside");
        fs::rename(world.cache_file(), &aside).unwrap();
        symlink(&aside, world.cache_file()).unwrap();
        let error = world.get(&[]).error("cache");
        let message = format!("the cache file {} cannot be used: it is a symbolic link", world.cache_file().display());
        assert_eq!(error["message"], message);

        fs::rename(&aside, world.cache_file()).unwrap();
        fs::rename(world.cache_dir(), &aside).unwrap();
        symlink(&aside, world.cache_dir()).unwrap();
        let error = world.get(&[]).error("cache");
        let message =
            format!("the cache directory {} cannot be used: it is a symbolic link", world.cache_dir().display());
        assert_eq!(error["message"], message);
        silence.assert();
    }

    #[test]
    fn a_linked_lock_or_temporary_file_changes_nothing_elsewhere() {
        let mut world = World::new();
        world.store_veeam("1", HOUR);
        let victim = world.home().join("victim");
        fs::write(&victim, "mine").unwrap();
        symlink(&victim, world.cache_dir().join(format!("{TENANT}.json.tmp"))).unwrap();
        let refresh = world.veeam_refresh("1").answers(&veeam("2"));
        world.assert_gave(&world.get(&[]), "2", "veeam_refresh", HOUR);
        refresh.assert();

        let lock = world.cache_dir().join(format!("{TENANT}.lock"));
        fs::remove_file(&lock).unwrap();
        symlink(&victim, &lock).unwrap();
        let error = world.ask_after_refusal("2").error("cache");
        assert!(error["message"].as_str().unwrap().contains(&lock.display().to_string()), "{error}");
        assert_eq!(fs::read_to_string(&victim).unwrap(), "mine");
    }
}
