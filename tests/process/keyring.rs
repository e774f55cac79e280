//! Sealing by the keyring of a Linux desktop: a real bus and a real gnome-keyring, of the test's own.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::protection::shows_a_secret;
use crate::support::server::Options;
use crate::support::{Machine, Outcome, TENANT, piped, tool, wait_until};

const OTHER: &str = "other.onmicrosoft.com";
/// How long a keyring may take to be there.
const PATIENCE: Duration = Duration::from_secs(20);

/// A session with a bus, and a keyring in `home`.
struct Desktop {
    home: tempfile::TempDir,
    bus: Child,
    address: String,
    keyring: Option<Child>,
}

impl Desktop {
    /// One whose keyring is open, or `None` where its programs are missing.
    fn new() -> Option<Self> {
        let (daemon, _) = (tool("dbus-daemon")?, tool("gnome-keyring-daemon")?);
        let home = tempfile::tempdir().unwrap();
        let mut bus = Command::new(daemon);
        bus.args(["--session", "--nofork", "--print-address=1"])
            .arg(format!("--address=unix:dir={}", home.path().display()));
        let mut bus = bus.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut address = String::new();
        BufReader::new(bus.stdout.take().unwrap()).read_line(&mut address).unwrap();
        let mut desktop = Self { home, bus, address: address.trim().to_owned(), keyring: None };
        desktop.open_keyring();
        Some(desktop)
    }

    /// A keyring whose password was typed.
    fn open_keyring(&mut self) {
        self.start_keyring(&["--unlock"], b"a password");
    }

    /// A keyring of somebody who has not typed it yet.
    fn lock_keyring(&mut self) {
        self.end_keyring();
        self.start_keyring(&[], b"");
    }

    fn start_keyring(&mut self, args: &[&str], stdin: &[u8]) {
        let mut command = Command::new("gnome-keyring-daemon");
        command.args(["--foreground", "--components=secrets"]).args(args).stdin(Stdio::piped());
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.home.path()).env("XDG_RUNTIME_DIR", self.home.path());
        command.env("DBUS_SESSION_BUS_ADDRESS", &self.address);
        let mut keyring = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        keyring.stdin.take().unwrap().write_all(stdin).unwrap();
        self.keyring = Some(keyring);
        let start = Instant::now();
        while !self.has_owner() {
            assert!(start.elapsed() < PATIENCE, "no keyring came");
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn end_keyring(&mut self) {
        let Some(mut keyring) = self.keyring.take() else { return };
        let _ = keyring.kill();
        let _ = keyring.wait();
        while self.has_owner() {
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Has the keyring stop, or go on.
    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(self.keyring.as_ref().unwrap()), signal).unwrap();
    }

    fn has_owner(&self) -> bool {
        let mut ask = Command::new("dbus-send");
        ask.arg(format!("--bus={}", self.address)).args(["--print-reply", "--dest=org.freedesktop.DBus", "/"]);
        ask.args(["org.freedesktop.DBus.NameHasOwner", "string:org.freedesktop.secrets"]);
        String::from_utf8_lossy(&ask.output().unwrap().stdout).contains("boolean true")
    }

    fn run(&self, machine: &Machine, args: &[&str]) -> Outcome {
        Outcome::of(machine.command(args).env("DBUS_SESSION_BUS_ADDRESS", &self.address).output().unwrap())
    }

    /// A machine with two tenants whose entries are sealed by this desktop's keyring.
    fn signed_in(&self) -> Machine {
        self.signed_in_at(Machine::new())
    }

    fn signed_in_at(&self, machine: Machine) -> Machine {
        machine.configure(&[TENANT, OTHER]);
        for tenant in [TENANT, OTHER] {
            machine.sign_in(tenant);
        }
        let outcome = self.run(&machine, &["cache", "protect", "auto"]);
        let said = "tokens are sealed by the keyring (Secret Service): 2 files rewritten, 0 so already\n";
        assert_eq!((outcome.code, outcome.stdout.as_str(), outcome.stderr.as_str()), (0, said, ""));
        machine
    }

    fn get(&self, machine: &Machine) -> Outcome {
        self.run(machine, &["get", TENANT, "--interactive", "never"])
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        for child in self.keyring.iter_mut().chain([&mut self.bus]) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn assert_sealed(machine: &Machine) {
    for tenant in [TENANT, OTHER] {
        let file = fs::read_to_string(machine.cache_dir().join(format!("{tenant}.json"))).unwrap();
        assert!(!shows_a_secret(file.as_bytes()) && file.contains(r#""protection":"secret_service""#), "{tenant}");
    }
}

/// The name of the key with which the tenant's entry is sealed.
fn key(machine: &Machine) -> String {
    let file: serde_json::Value = serde_json::from_slice(&machine.kept().unwrap()).unwrap();
    file["header"]["key"].as_str().unwrap().to_owned()
}

#[test]
fn an_open_keyring_seals_and_opens() {
    let Some(desktop) = Desktop::new() else { return };
    let machine = desktop.signed_in();
    assert_sealed(&machine);
    assert_eq!(desktop.get(&machine).document()["source"], "cache");
    assert_eq!(desktop.run(&machine, &["refresh", "--all"]).code, 0);
    assert_sealed(&machine);
    assert_eq!(desktop.get(&machine).document()["source"], "cache");
    let listed = desktop.run(&machine, &["list", "--json"]).document();
    assert_eq!(listed["tenants"][0]["protection"], "secret_service");
    let doctor = desktop.run(&machine, &["doctor", "--json", TENANT]).stdout;
    assert!(doctor.contains("sealed by the keyring (Secret Service)"), "{doctor}");
    // Whoever has the files alone has nothing.
    let outcome = machine.get(TENANT, &[]);
    assert_eq!(outcome.code, 7, "{outcome:?}");
    assert!(outcome.stderr.contains("cannot be opened now: no keyring answers ("), "{outcome:?}");
    machine.assert_no_complaints();
}

#[test]
fn a_new_key_takes_the_place_of_the_old_one() {
    let Some(desktop) = Desktop::new() else { return };
    let machine = desktop.signed_in();
    let old = key(&machine);
    let outcome = desktop.run(&machine, &["cache", "protect", "os", "--new-key"]);
    let said = "tokens are sealed by the keyring (Secret Service): 2 files rewritten, 0 so already\n";
    assert_eq!((outcome.code, outcome.stdout.as_str()), (0, said), "{outcome:?}");
    let sealed = machine.kept().unwrap();
    assert_ne!(key(&machine), old);
    assert_eq!(desktop.get(&machine).document()["source"], "cache");
    // It is gone from the keyring: what it sealed cannot be opened any more.
    let text = String::from_utf8(sealed.clone()).unwrap().replace(&key(&machine), &old);
    fs::write(machine.cache_file(), text).unwrap();
    let outcome = desktop.get(&machine);
    assert_eq!(outcome.code, 3, "{outcome:?}");
    let why =
        format!("cannot be opened and counts as empty: it is sealed with the key {old}, which is not in the keyring");
    assert!(outcome.stderr.contains(&why), "{outcome:?}");
    fs::write(machine.cache_file(), sealed).unwrap();
    assert_eq!(desktop.get(&machine).document()["source"], "cache");
}

#[test]
fn what_was_sealed_stays_so_though_the_keyring_falls_silent_in_between() {
    let Some(desktop) = Desktop::new() else { return };
    let slow = Options { latency: Duration::from_secs(2), ..Options::default() };
    let machine = desktop.signed_in_at(Machine::with(slow));
    assert_eq!(desktop.run(&machine, &["erase", TENANT, "--access-only"]).code, 0);
    let (kept, requests) = (machine.kept(), machine.sandbox.requests("veeam_token"));
    let mut get = machine.command(&["get", TENANT]);
    let mut get = piped(get.env("DBUS_SESSION_BUS_ADDRESS", &desktop.address)).spawn().unwrap();
    wait_until("the request", || machine.sandbox.requests("veeam_token") > requests);
    desktop.signal(Signal::STOP);
    assert!(get.wait().unwrap().success());
    assert_ne!(machine.kept(), kept, "nothing was written");
    assert_sealed(&machine);
    desktop.signal(Signal::CONT);
    assert_eq!(desktop.get(&machine).document()["source"], "cache");
}

#[test]
fn a_locked_keyring_is_waited_for_by_nobody() {
    let Some(mut desktop) = Desktop::new() else { return };
    let machine = desktop.signed_in();
    let kept = machine.kept();
    desktop.lock_keyring();
    let start = Instant::now();
    let outcome = desktop.get(&machine);
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    assert_eq!(outcome.code, 7, "{outcome:?}");
    assert!(outcome.stderr.contains("cannot be opened now: the keyring is locked\n"), "{outcome:?}");
    assert_eq!(machine.kept(), kept);
    // What is new is kept in the clear, as without a keyring.
    let fresh = Machine::signed_in();
    assert_eq!(desktop.run(&fresh, &["refresh", TENANT]).code, 0);
    assert!(shows_a_secret(&fresh.kept().unwrap()));
    desktop.end_keyring();
    desktop.open_keyring();
    assert_eq!(desktop.get(&machine).document()["source"], "cache");
    machine.assert_no_complaints();
}

/// The address of a bus that answers nobody.
fn silent_bus(machine: &Machine) -> String {
    let path = machine.home().join("bus");
    let listener = UnixListener::bind(&path).unwrap();
    thread::spawn(move || {
        let mut callers = Vec::new();
        listener.incoming().for_each(|caller| callers.push(caller));
    });
    format!("unix:path={}", path.display())
}

#[test]
fn one_key_that_is_away_is_waited_for_once_in_a_process() {
    let Some(desktop) = Desktop::new() else { return };
    let machine = desktop.signed_in();
    // Six entries that nobody opens: they are waited for by 2 seconds each, or together.
    for n in 0..4 {
        fs::copy(machine.cache_file(), machine.cache_dir().join(format!("more-{n}.com.json"))).unwrap();
    }
    let address = silent_bus(&machine);
    let start = Instant::now();
    let outcome = machine.command(&["refresh", "--all"]).env("DBUS_SESSION_BUS_ADDRESS", address).output().unwrap();
    assert_eq!(outcome.status.code(), Some(7));
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
    assert_eq!(desktop.get(&machine).document()["source"], "cache");
}

#[test]
fn a_bus_that_says_nothing_holds_nobody() {
    let machine = Machine::signed_in();
    let address = silent_bus(&machine);
    let run =
        |args: &[&str]| Outcome::of(machine.command(args).env("DBUS_SESSION_BUS_ADDRESS", &address).output().unwrap());
    let start = Instant::now();
    // What needs no key does not even ask.
    assert_eq!(run(&["get", TENANT]).document()["source"], "cache");
    assert_eq!(run(&["refresh", TENANT]).code, 0);
    assert!(shows_a_secret(&machine.kept().unwrap()));
    let outcome = run(&["cache", "protect", "os"]);
    assert_eq!(outcome.code, 7);
    assert!(outcome.stderr.contains("the keyring did not answer within 2000 ms"), "{outcome:?}");
    assert!(start.elapsed() < PATIENCE, "{:?}", start.elapsed());
    assert_eq!(run(&["get", TENANT]).document()["tenant"], json!(TENANT));
}
