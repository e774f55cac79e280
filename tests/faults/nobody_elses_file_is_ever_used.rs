//! A cache directory in which somebody has put things: what is not this user's own plain file is
//! neither read nor written nor waited for, and what a name leads to elsewhere stays as it is.

use std::fs;
#[cfg(unix)]
use std::time::{Duration, Instant};

use crate::support::Machine;
#[cfg(unix)]
use crate::support::TENANT;

/// How long the slowest machine may take to refuse something.
#[cfg(unix)]
const SOON: Duration = Duration::from_secs(20);

/// Names that lead to a device of Windows, out of the directory or to another tenant's files.
const NO_NAMES: [&str; 13] = [
    "conin$",
    "CONOUT$",
    "abc.onmicrosoft.com.",
    "abc.onmicrosoft.com ",
    " abc.onmicrosoft.com",
    ".",
    "..",
    "../abc.onmicrosoft.com",
    "abc/def",
    "abc\\def",
    "C:abc",
    "abc.onmicrosoft.com.login",
    "abc:stream",
];

#[test]
fn no_name_leads_anywhere_but_to_a_tenants_own_file() {
    let machine = Machine::signed_in();
    let files = |machine: &Machine| {
        let names = fs::read_dir(machine.cache_dir()).unwrap().chain(fs::read_dir(machine.home()).unwrap());
        let mut names: Vec<_> = names.map(|file| file.unwrap().path()).collect();
        names.sort();
        names
    };
    let (before, kept) = (files(&machine), machine.kept());
    for name in NO_NAMES {
        for args in [&["get", name][..], &["store", name], &["erase", name], &["login", name]] {
            let outcome = machine.run(args, machine.sandbox.token_response().as_bytes());
            assert_eq!(outcome.code, 2, "{args:?}: {outcome:?}");
        }
        for command in ["get", "store", "erase"] {
            let request = serde_json::json!({ "version": 1, "tenant": name, "entra": {} });
            machine.run(&[command], request.to_string().as_bytes()).error("bad_request");
        }
    }
    assert_eq!((files(&machine), machine.kept()), (before, kept));
}

/// Names that Windows has for devices, whatever stands behind the first dot.
#[test]
fn a_tenant_named_as_a_device_has_a_file_like_any_other() {
    let machine = Machine::new();
    let tenants = ["con.onmicrosoft.com", "nul.com", "COM9.onmicrosoft.com", "aux"];
    machine.configure(&tenants);
    tenants.iter().for_each(|tenant| machine.sign_in(tenant));
    for tenant in tenants {
        assert_eq!(machine.get(tenant, &[]).answer()["source"], "cache", "{tenant}");
        assert!(machine.cache_dir().join(format!("_{}.json", tenant.to_ascii_lowercase())).is_file(), "{tenant}");
    }
    let listed = machine.run(&["list", "--json"], b"").document();
    assert_eq!(listed["tenants"].as_array().unwrap().len(), tenants.len(), "{listed}");
}

#[cfg(unix)]
mod unix {
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt, chown, symlink};
    use std::os::unix::net::UnixListener;
    use std::path::Path;
    use std::process::Command;

    use super::*;
    use crate::support::{Outcome, can_use_terminals, is_root};

    const ENDINGS: [&str; 4] = ["json", "lock", "login.lock", "json.tmp"];

    fn fifo(path: &Path) {
        assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    }

    /// `get` for a tenant in whose files something was put: it ends, and soon.
    fn get(machine: &Machine) -> Outcome {
        let start = Instant::now();
        let outcome = machine.get(TENANT, &["--timeout", "2s"]);
        assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
        outcome
    }

    /// A machine whose next `get` needs all of the tenant's files but the lock of a sign-in.
    fn due() -> Machine {
        let machine = Machine::signed_in();
        machine.expire_veeam(TENANT);
        machine
    }

    /// What becomes of a call when `put` has put something in the place of the file with `ending`.
    fn check(what: &str, ending: &str, put: impl Fn(&Path)) {
        let machine = due();
        let path = machine.cache_dir().join(format!("{TENANT}.{ending}"));
        let _ = fs::remove_file(&path);
        put(&path);
        let outcome = get(&machine);
        match ending {
            // Only whoever asks a person looks at it.
            "login.lock" => assert_eq!(outcome.answer()["source"], "veeam_refresh", "{what}"),
            // A temporary file is never written into but made anew.
            "json.tmp" if !path.is_dir() => assert_eq!(outcome.answer()["source"], "veeam_refresh", "{what}"),
            "json.tmp" => assert_eq!((outcome.code, outcome.warnings().len()), (0, 1), "{what}: {outcome:?}"),
            _ => {
                let message = outcome.error("cache")["message"].as_str().unwrap().to_owned();
                assert!(message.contains(&path.display().to_string()), "{what} as {ending}: {message}");
                assert_eq!(machine.sandbox.requests("veeam_token"), 1, "{what} as {ending}");
            }
        }
        machine.run(&["list"], b"");
    }

    #[test]
    fn what_is_no_plain_file_is_neither_used_nor_waited_for() {
        for ending in ENDINGS {
            check("a FIFO", ending, fifo);
            check("a socket", ending, |path| drop(UnixListener::bind(path).unwrap()));
            check("a directory", ending, |path| fs::create_dir(path).unwrap());
            check("a link to a device", ending, |path| symlink("/dev/zero", path).unwrap());
            check("a link to nothing", ending, |path| symlink("/nowhere", path).unwrap());
        }
    }

    #[test]
    fn what_a_name_leads_to_elsewhere_stays_as_it_is() {
        for kind in ["symbolic", "hard"] {
            for ending in ENDINGS {
                let machine = due();
                let path = machine.cache_dir().join(format!("{TENANT}.{ending}"));
                let victim = machine.home().join("victim");
                // The entry itself, so that reading through the link would bring something.
                fs::copy(machine.cache_file(), &victim).unwrap();
                let before = fs::read(&victim).unwrap();
                let _ = fs::remove_file(&path);
                if kind == "hard" { fs::hard_link(&victim, &path) } else { symlink(&victim, &path) }.unwrap();
                let outcome = get(&machine);
                assert!(matches!(outcome.code, 0 | 7), "{kind} {ending}: {outcome:?}");
                machine.run(&["erase", TENANT], b"");
                assert_eq!(fs::read(&victim).unwrap(), before, "{kind} {ending}");
            }
        }
    }

    #[test]
    fn the_note_of_a_sign_in_that_was_declined_goes_into_no_other_file() {
        if !can_use_terminals() {
            return;
        }
        let machine = Machine::new();
        machine.get(TENANT, &[]).error("login_required");
        let victim = machine.home().join("victim");
        fs::write(&victim, "mine").unwrap();
        let lock = machine.cache_dir().join(format!("{TENANT}.login.lock"));
        fs::hard_link(&victim, &lock).unwrap();
        let session = machine.at_a_terminal(&["get", TENANT]);
        session.wait_for("Ctrl-C cancels.", SOON);
        assert!(machine.sandbox.decline());
        let finished = session.finish(SOON);
        let stderr = String::from_utf8(finished.stderr).unwrap();
        assert_eq!(finished.code, Some(4));
        let warning = format!("the lock file {} cannot be written: it is no lock file", lock.display());
        assert!(stderr.contains(&warning), "{stderr}");
        assert_eq!(fs::read_to_string(&victim).unwrap(), "mine");
    }

    #[test]
    fn what_belongs_to_another_user_is_not_used() {
        if !is_root("give files away") {
            return;
        }
        for name in ["", &format!("{TENANT}.json"), &format!("{TENANT}.lock")] {
            let machine = due();
            let path = machine.cache_dir().join(name);
            chown(&path, Some(65534), Some(65534)).unwrap();
            let message = get(&machine).error("cache")["message"].as_str().unwrap().to_owned();
            assert!(message.ends_with("cannot be used: it belongs to another user"), "{message}");
            assert_eq!(machine.sandbox.requests("veeam_token"), 1, "{name}");
        }
    }

    /// Whoever can write to the directory above can take the cache away, and gets nothing for it.
    #[test]
    fn a_directory_that_another_user_put_in_place_gets_no_token() {
        if !is_root("give directories away") {
            return;
        }
        for mode in [0o777, 0o775, 0o757] {
            let machine = due();
            fs::set_permissions(machine.home(), Permissions::from_mode(mode)).unwrap();
            let aside = machine.home().join("aside");
            fs::rename(machine.cache_dir(), &aside).unwrap();
            fs::create_dir(machine.cache_dir()).unwrap();
            fs::set_permissions(machine.cache_dir(), Permissions::from_mode(0o777)).unwrap();
            chown(machine.cache_dir(), Some(65534), Some(65534)).unwrap();
            get(&machine).error("cache");
            let response = machine.sandbox.token_response();
            machine.run(&["store", TENANT], response.as_bytes()).error("cache");
            assert_eq!(fs::read_dir(machine.cache_dir()).unwrap().count(), 0);

            // Put back, it is as good as before.
            fs::remove_dir(machine.cache_dir()).unwrap();
            fs::rename(aside, machine.cache_dir()).unwrap();
            assert_eq!(get(&machine).answer()["source"], "veeam_refresh");
        }
    }

    #[test]
    fn a_directory_that_others_can_write_to_is_not_used() {
        for mode in [0o720, 0o702, 0o777, 0o1777] {
            let machine = due();
            fs::set_permissions(machine.cache_dir(), Permissions::from_mode(mode)).unwrap();
            let message = get(&machine).error("cache")["message"].as_str().unwrap().to_owned();
            assert!(message.ends_with("it is writable by other users"), "{message}");
            assert_eq!(machine.sandbox.requests("veeam_token"), 1);
        }
    }
}
