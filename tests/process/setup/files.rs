//! What holds for every file that is written, shown by PowerShell's module: links, modes and owners of Unix.
#![cfg(unix)]

use std::fs;
use std::iter;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

use super::{beside, configured, put, refused, setup, with_ending};
use crate::support::{Home, Outcome, finish, is_root, piped};

fn module(home: &Home, name: &str) -> PathBuf {
    home.home().join(".local/share/powershell/Modules/Vb365Helper").join(name)
}

#[test]
fn the_module_is_the_one_of_this_repository() {
    let home = configured();
    assert!(setup(&home, &["powershell"]).contains("\nImport-Module Vb365Helper\n"));
    let words = setup(&home, &["powershell", "--write"]);
    let own = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples/powershell/Vb365Helper/any");
    assert_eq!(beside(&module(&home, "any")), beside(&own), "every file of it");
    for name in beside(&own) {
        let path = module(&home, &name);
        assert_eq!(fs::read(&path).unwrap(), fs::read(own.with_file_name(&name)).unwrap());
        assert!(words.contains(&format!("{}: made\n", path.display())), "{words}");
    }
    assert_eq!(setup(&home, &["powershell", "--write"]).matches(": is already there\n").count(), beside(&own).len());
}

#[test]
fn what_is_there_already_is_kept_and_every_backup_too() {
    let home = configured();
    let path = module(&home, "Vb365Helper.psm1");
    for (n, mine) in ["mine", "mine again", "and again"].iter().enumerate() {
        put(&path, mine);
        assert!(refused(&home, &["powershell", "--write"], 8).contains("has other content in this place"));
        assert_eq!(fs::read_to_string(&path).unwrap(), *mine);
        setup(&home, &["powershell", "--write", "--force"]);
        let ending = if n == 0 { ".vb365-backup".to_owned() } else { format!(".vb365-backup-{}", n + 1) };
        assert_eq!(fs::read_to_string(with_ending(&path, &ending)).unwrap(), *mine);
    }
    assert_eq!(beside(&path).iter().filter(|name| name.contains("psm1")).count(), 4);
}

#[test]
fn a_failed_write_leaves_everything_as_it_was() {
    let home = configured();
    let path = module(&home, "Vb365Helper.psm1");
    // A directory cannot be a file; the other file comes first, and is not written for nothing.
    fs::create_dir_all(&path).unwrap();
    let words = refused(&home, &["powershell", "--write", "--force"], 8);
    assert!(words.contains("cannot be changed: it is not a regular file\n"), "{words}");
    assert_eq!(beside(&path), ["Vb365Helper.psm1"]);
}

#[test]
fn a_directory_that_cannot_be_written_is_told() {
    let home = configured();
    let path = module(&home, "Vb365Helper.psd1");
    put(&path, "mine");
    let dir = path.parent().unwrap();
    fs::set_permissions(dir, fs::Permissions::from_mode(0o500)).unwrap();
    if !is_root("write into a directory that nobody may write into") {
        let mut command = home.command(&["setup", "powershell", "--write", "--force"]);
        let output = command.output().unwrap();
        let words = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(8));
        assert!(words.contains("cannot be changed: Permission denied"), "{words}");
    }
    fs::set_permissions(dir, fs::Permissions::from_mode(0o700)).unwrap();
    assert_eq!((fs::read_to_string(&path).unwrap().as_str(), beside(&path).len()), ("mine", 1));
}

#[test]
fn another_users_file_stays_theirs() {
    if !is_root("give a file to another user") {
        return;
    }
    let home = configured();
    let path = module(&home, "Vb365Helper.psd1");
    put(&path, "theirs");
    chown(&path, Some(12345), None).unwrap();
    let words = refused(&home, &["powershell", "--write", "--force"], 8);
    assert!(words.contains("Vb365Helper.psd1 cannot be changed: it belongs to another user\n"), "{words}");
    assert_eq!((fs::read_to_string(&path).unwrap().as_str(), beside(&path).len()), ("theirs", 1));
}

#[test]
fn what_is_no_regular_file_is_refused_with_what_to_paste() {
    let home = configured();
    let socket = home.home().join("socket");
    let _listener = UnixListener::bind(&socket).unwrap();
    for (caller, variable) in [("kubectl", "KUBECONFIG"), ("terraform", "TF_CLI_CONFIG_FILE")] {
        let mut command = home.command(&["setup", caller, "--write", "--force"]);
        let outcome = Outcome::of(command.env(variable, &socket).output().unwrap());
        assert_eq!((outcome.code, outcome.stdout.as_str()), (8, ""), "{outcome:?}");
        assert!(outcome.stderr.contains("socket cannot be changed: it is not a regular file\n"), "{outcome:?}");
        let hint = format!("hint: vb365-helper setup {caller} prints what to put there by hand\n");
        assert!(outcome.stderr.contains(&hint), "{outcome:?}");
        assert!(!socket.symlink_metadata().unwrap().is_file());
    }
}

/// As with `sudo` that keeps `HOME`.
#[test]
fn nothing_is_made_in_another_users_directory() {
    if !is_root("give a directory to another user") {
        return;
    }
    let home = configured();
    chown(home.home(), Some(12345), None).unwrap();
    let before = beside(&home.home().join("config.toml"));
    for caller in ["kubectl", "terraform", "powershell", "systemd"] {
        let words = refused(&home, &[caller, "--write"], 8);
        let why = format!("cannot be changed: the directory {} belongs to another user\n", home.home().display());
        assert!(words.contains(&why), "{words}");
        assert!(words.contains(&format!("hint: vb365-helper setup {caller} prints what to put there by hand\n")));
        assert_eq!(beside(&home.home().join("config.toml")), before);
    }
}

#[test]
fn the_group_that_may_read_a_file_stays() {
    if !is_root("give a file to another group") {
        return;
    }
    let home = configured();
    let path = module(&home, "Vb365Helper.psd1");
    put(&path, "mine");
    chown(&path, None, Some(4242)).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    setup(&home, &["powershell", "--write", "--force"]);
    for path in [&path, &with_ending(&path, ".vb365-backup")] {
        let metadata = fs::metadata(path).unwrap();
        assert_eq!((metadata.gid(), metadata.mode() & 0o777), (4242, 0o640), "{}", path.display());
    }
}

#[test]
fn of_writers_at_once_one_writes_and_the_others_see_it() {
    for (caller, name) in [("kubectl", ".kube/config"), ("terraform", ".terraformrc")] {
        for old in [None, Some("# mine\n")] {
            let home = configured();
            let path = home.home().join(name);
            old.into_iter().for_each(|old| put(&path, old));
            let writers: Vec<_> =
                (0..4).map(|_| piped(&mut home.command(&["setup", caller, "--write"])).spawn().unwrap()).collect();
            for outcome in writers.into_iter().map(finish) {
                assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{outcome:?}");
            }
            let text = fs::read_to_string(&path).unwrap();
            assert_eq!(text.matches("exec:\n").count() + text.matches("credentials_helper").count(), 1, "{text}");
            let file = path.file_name().unwrap().to_str().unwrap();
            let backup = old.map(|_| format!("{file}.vb365-backup"));
            let expected: Vec<_> = iter::once(file.to_owned()).chain(backup).collect();
            let mut left = beside(&path);
            left.retain(|name| name.starts_with(file));
            assert_eq!(left, expected);
            if caller == "terraform" {
                let plugin = home.home().join(".terraform.d/plugins/terraform-credentials-vb365");
                assert_eq!(beside(&plugin), ["terraform-credentials-vb365"]);
            }
        }
    }
}

#[test]
fn a_write_that_fails_leaves_no_backup() {
    let home = configured();
    let path = module(&home, "Vb365Helper.psd1");
    put(&path, "mine");
    // Where the new file is written first.
    fs::create_dir(with_ending(&path, ".vb365-tmp")).unwrap();
    let outcome = super::outcome(&home, &["powershell", "--write", "--force"]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (8, ""), "{outcome:?}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    assert_eq!(beside(&path), ["Vb365Helper.psd1", "Vb365Helper.psd1.vb365-tmp"]);
}
