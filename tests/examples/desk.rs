//! A user's desk with the programs that an example starts. Each lies on `PATH` as a script that writes
//! down its arguments and its environment first: a token in either is seen, however short the process is.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::support::server::Options;
use crate::support::{Home, Machine, ORGANIZATION, Outcome, TENANT, tool};

/// How long a tool may run, however busy the machine is.
const LIMIT: Duration = Duration::from_secs(120);
/// What the tokens of the sandbox, and those of the tests, have in them.
pub const MARKS: [&str; 5] = ["canary", "veeam-access-", "veeam-refresh-", "entra-refresh-", ".sandbox-"];

/// A directory of programs in a home.
pub struct Desk<'a> {
    home: &'a Home,
}

impl<'a> Desk<'a> {
    /// The helper alone.
    pub fn new(home: &'a Home) -> Self {
        let desk = Self { home };
        fs::create_dir_all(desk.bin()).unwrap();
        desk.put("vb365-helper", &desk.observed(Path::new(home.command(&[]).get_program())));
        desk
    }

    /// The same with these programs of the machine; `None` where one is missing.
    pub fn with(home: &'a Home, tools: &[&str]) -> Option<Self> {
        let desk = Self::new(home);
        for name in tools {
            desk.put(name, &desk.observed(&tool(name)?));
        }
        Some(desk)
    }

    /// Puts a shell script there.
    pub fn put(&self, name: &str, script: &str) {
        let path = self.bin().join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Where the programs are.
    pub fn bin(&self) -> PathBuf {
        self.home.home().join("bin")
    }

    /// A program that finds the others, and the user's files.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear();
        command.envs(self.home.command(&[]).get_envs().filter_map(|(name, value)| Some((name, value?))));
        let path = format!("{}:/usr/bin:/bin", self.bin().display());
        command.env("PATH", path).current_dir(self.home.home());
        command
    }

    /// Runs to the end; nothing that can be seen of it holds a token.
    pub fn run(&self, command: Command) -> Outcome {
        let outcome = self.run_unseen(command);
        assert_no_token("stdout", &outcome.stdout);
        assert_no_token("stderr", &outcome.stderr);
        outcome
    }

    /// The same where only one process looks at what is written.
    pub fn run_unseen(&self, command: Command) -> Outcome {
        let output = assert_cmd::Command::from_std(command).timeout(LIMIT).output().unwrap();
        assert_no_token("arguments or environment", &self.observations());
        Outcome::of(output)
    }

    /// Arguments and environments so far.
    pub fn observations(&self) -> String {
        fs::read_to_string(self.log()).unwrap_or_default()
    }

    fn observed(&self, program: &Path) -> String {
        let log = self.log();
        format!("{{ printf '%s\\n' \"$0\" \"$@\"; env; }} >>'{}'\nexec '{}' \"$@\"", log.display(), program.display())
    }

    fn log(&self) -> PathBuf {
        self.home.home().join("observations")
    }
}

/// Fails if a token stands in `text`.
pub fn assert_no_token(place: &str, text: &str) {
    for mark in MARKS {
        assert!(!text.contains(mark), "a token in {place}: {text}");
    }
}

/// Somebody who signed in, whose server's certificate nobody vouches for; it lies beside the configuration.
pub fn with_tls(no_san: bool) -> Machine {
    let machine = Machine::with(Options { tls: true, no_san, ..Options::default() });
    let sandbox = &machine.sandbox;
    fs::write(machine.home().join("root.pem"), sandbox.certificate_pem().unwrap()).unwrap();
    machine.write_config(&format!(
        "[tenants.\"{TENANT}\"]\nserver = \"{}\"\nauthority = \"{}\"\norganization = \"{ORGANIZATION}\"\n\
         ca_file = \"root.pem\"\npin_sha256 = [\"{}\"]\n",
        sandbox.url(),
        sandbox.authority(),
        sandbox.certificate_sha256().unwrap(),
    ));
    machine.sign_in(TENANT);
    machine
}

/// A file of the examples.
pub fn example(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(path)
}
