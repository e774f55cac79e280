//! `examples/systemd/`: checked by systemd-analyze, and the service's command run with the directories
//! and the environment that systemd makes for it: a configuration on a read-only disk, and nothing at home.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::desk::{Desk, example};
use crate::support::pty::Finished;
use crate::support::seat::SOON;
use crate::support::server::{Fault, Options};
use crate::support::{Machine, ORGANIZATION, Outcome, TENANT, can_use_terminals, elsewhere, tool};

/// Shows $1 as a read-only disk, and runs the rest.
const READ_ONLY: &str = r#"
set -e
mount --bind "$1" "$1"
mount -o remount,bind,ro "$1"
shift
exec "$@"
"#;

/// The service with its programs in this machine's directories.
struct Service<'a> {
    machine: &'a Machine,
    desk: Desk<'a>,
}

impl<'a> Service<'a> {
    fn new(machine: &'a Machine) -> Option<Self> {
        let desk = Desk::with(machine, &["curl", "systemd-analyze"])?;
        fs::copy(example("ci/backup-report.sh"), desk.bin().join("backup-report.sh")).unwrap();
        let service = Self { machine, desk };
        // StateDirectory= and LoadCredential=, as the service has them.
        for name in ["credentials", "state/vb365-helper", "state/vb365-report"] {
            fs::create_dir_all(service.place(name)).unwrap();
            fs::set_permissions(service.place(name), fs::Permissions::from_mode(0o700)).unwrap();
        }
        if machine.cache_dir().exists() {
            fs::rename(machine.cache_dir(), service.place("state/vb365-helper")).unwrap();
        }
        fs::rename(machine.home().join("config.toml"), service.place("credentials/config.toml")).unwrap();
        fs::set_permissions(service.place("credentials/config.toml"), fs::Permissions::from_mode(0o400)).unwrap();
        elsewhere::can_mount().then_some(service)
    }

    fn place(&self, name: &str) -> std::path::PathBuf {
        self.machine.home().join(name)
    }

    /// A unit's text, with the programs where they are here.
    fn unit(&self, name: &str) -> String {
        let text = fs::read_to_string(example("systemd").join(name)).unwrap();
        text.replace("/usr/local/bin", &self.desk.bin().display().to_string())
            .replace("https://vb365.abc.local:4443", &self.machine.sandbox.url())
    }

    /// The values of a key, with the specifiers that are used.
    fn values(&self, key: &str) -> Vec<String> {
        let unit = self.unit("vb365-report.service");
        let values = unit.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        let place = |name| self.place(name).display().to_string();
        values.map(|value| value.replace("%d", &place("credentials")).replace("%S", &place("state"))).collect()
    }

    /// One start.
    fn start(&self) -> Outcome {
        let exec = self.values("ExecStart").concat();
        let credentials = self.place("credentials");
        let mut command = self.desk.command("unshare".as_ref());
        command.args(["--map-root-user", "--mount", "sh", "-c", READ_ONLY, "sh"]).arg(&credentials);
        command.args(exec.split(' ')).current_dir("/");
        // The helper's own places come from the unit alone.
        command.env_remove("VB365_HELPER_CONFIG").env_remove("VB365_HELPER_CACHE_DIR");
        command.env("HOME", "/nonexistent").env("CREDENTIALS_DIRECTORY", credentials);
        for variable in self.values("Environment") {
            let (name, value) = variable.split_once('=').unwrap();
            command.env(name, value);
        }
        self.desk.run(command)
    }

    /// The sign-in as the service's user, as the unit's comment has it.
    fn sign_in(&self) -> Finished {
        let unit = self.unit("vb365-report.service");
        let lines: Vec<_> = unit.lines().filter_map(|line| line.strip_prefix("#   ")).collect();
        let command = lines.join("\n").replace("sudo -u vb365 ", "env ");
        let command = command.replace("/etc/vb365-helper", &self.place("credentials").display().to_string());
        let command = command.replace("/var/lib", &self.place("state").display().to_string());
        let helper = self.machine.command(&[]).get_program().to_str().unwrap().to_owned();
        let command = command.replace(" \\\n    vb365-helper ", &format!(" {helper} "));
        let mut at_seat = Command::new("unshare");
        at_seat.args(["--map-root-user", "--mount", "sh", "-c", READ_ONLY, "sh"]).arg(self.place("credentials"));
        at_seat.args(["sh", "-c", &command]);
        self.machine.at_a_terminal_by(&at_seat, &[("HOME", "/nonexistent")]).finish(SOON)
    }

    fn is_started_again(&self, outcome: &Outcome) -> bool {
        assert_eq!(self.values("Restart"), ["on-failure"]);
        let never = self.values("RestartPreventExitStatus").concat();
        !never.split(' ').any(|code| code == outcome.code.to_string())
    }

    fn assert_reported(&self) {
        let outcome = self.start();
        assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{outcome:?}");
        let report = fs::read_to_string(self.place("state/vb365-report/backup-report.json")).unwrap();
        assert!(report.contains(ORGANIZATION), "{report}");
    }
}

#[test]
fn the_service_reports_with_a_configuration_it_cannot_change() {
    let machine = Machine::signed_in();
    let Some(service) = Service::new(&machine) else { return };
    assert_eq!(service.values("LoadCredential"), ["config.toml:/etc/vb365-helper/config.toml"]);
    assert_eq!(service.values("StateDirectory"), ["vb365-helper vb365-report"]);
    assert_eq!(service.values("StateDirectoryMode"), ["0700"]);
    service.assert_reported();
    assert_eq!((machine.sandbox.requests("organization"), machine.sandbox.requests("veeam_token")), (1, 1));
    machine.assert_no_complaints();
}

#[test]
fn somebody_signs_in_as_the_services_user_in_the_way_that_the_unit_says() {
    if !can_use_terminals() {
        return;
    }
    let machine = Machine::with(Options { auto_approve: true, ..Options::default() });
    let Some(service) = Service::new(&machine) else { return };
    assert_eq!(service.start().code, 3);
    let finished = service.sign_in();
    assert_eq!(finished.code, Some(0), "{}{}", finished.terminal, String::from_utf8_lossy(&finished.stderr));
    service.assert_reported();
}

#[test]
fn a_refused_token_is_renewed_once_and_kept() {
    let machine = Machine::signed_in();
    machine.sandbox.expire_veeam_access();
    let Some(service) = Service::new(&machine) else { return };
    service.assert_reported();
    service.assert_reported();
    assert_eq!((machine.sandbox.requests("organization"), machine.sandbox.requests("veeam_token")), (3, 2));
    machine.assert_no_complaints();
}

#[test]
fn a_service_that_nobody_signed_in_for_says_how_and_is_not_started_again() {
    let machine = Machine::new();
    let Some(service) = Service::new(&machine) else { return };
    let outcome = service.start();
    assert_eq!(outcome.code, 3, "{outcome:?}");
    assert!(outcome.stderr.ends_with(&format!("vb365-helper: hint: vb365-helper login {TENANT}\n")), "{outcome:?}");
    assert!(!service.is_started_again(&outcome));
}

#[test]
fn a_service_whose_server_is_away_is_started_again() {
    let machine = Machine::signed_in();
    machine.expire_veeam(TENANT);
    for _ in 0..9 {
        machine.sandbox.fault("veeam_token", Fault::Answer { status: 503, headers: vec![], body: String::new() });
    }
    let Some(service) = Service::new(&machine) else { return };
    let outcome = service.start();
    assert_eq!(outcome.code, 6, "{outcome:?}");
    assert!(service.is_started_again(&outcome));
}

#[test]
fn systemd_finds_nothing_wrong_with_the_units() {
    let machine = Machine::signed_in();
    let Some(service) = Service::new(&machine) else { return };
    let Some(analyze) = tool("systemd-analyze") else { return };
    let units = ["vb365-report.service", "vb365-report.timer"].map(|name| {
        fs::write(service.place(name), service.unit(name)).unwrap();
        service.place(name)
    });
    let run = |args: &[&str], units: &[std::path::PathBuf]| {
        Outcome::of(Command::new(&analyze).args(args).args(units).output().unwrap())
    };
    let verified = run(&["verify", "--man=no", "--recursive-errors=no"], &units);
    assert_eq!((verified.code, verified.stdout + &verified.stderr), (0, String::new()));
    // Out of 100; what is left is mostly the network, which it needs.
    let judged = run(&["security", "--offline=yes", "--threshold=20"], &units[..1]);
    assert_eq!(judged.code, 0, "{}", judged.stdout);
}
