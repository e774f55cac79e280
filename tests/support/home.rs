//! One user's files, the program run among them, and what holds for every run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::{TENANT, assert_valid, started};

/// What a caller reads from the exit code.
const EXIT_CODES: [(&str, i32); 9] = [
    ("internal", 1),
    ("bad_request", 2),
    ("login_required", 3),
    ("login_failed", 4),
    ("refused", 5),
    ("unavailable", 6),
    ("cache", 7),
    ("config", 8),
    ("untrusted_server", 9),
];

/// A home directory with a configuration and a cache.
pub struct Home(TempDir);

impl Home {
    /// Nothing is configured.
    pub fn new() -> Self {
        let home = Self(TempDir::new().unwrap());
        home.write_config("");
        home
    }

    pub fn write_config(&self, text: &str) {
        fs::write(self.0.path().join("config.toml"), text).unwrap();
    }

    pub fn home(&self) -> PathBuf {
        self.0.path().to_owned()
    }

    pub fn cache_dir(&self) -> PathBuf {
        self.0.path().join("cache")
    }

    pub fn cache_file(&self) -> PathBuf {
        self.cache_dir().join(format!("{TENANT}.json"))
    }

    /// What is kept for the tenant, byte for byte.
    pub fn kept(&self) -> Option<Vec<u8>> {
        fs::read(self.cache_file()).ok()
    }

    /// A run that nothing of this machine's environment reaches.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("vb365-helper"));
        command
            .env_clear()
            .envs(std::env::var_os("SystemRoot").map(|root| ("SystemRoot", root)))
            .env("PATH", self.0.path())
            .env("HOME", self.0.path())
            .env("USERPROFILE", self.0.path())
            .env("APPDATA", self.0.path().join("AppData"))
            .env("VB365_HELPER_CONFIG", self.0.path().join("config.toml"))
            .env("VB365_HELPER_CACHE_DIR", self.cache_dir())
            // Windows would seal what tests read; elsewhere no keyring is within reach.
            .envs(cfg!(windows).then_some(("VB365_HELPER_PROTECTION", "none")))
            .current_dir(self.0.path())
            .args(args);
        command
    }

    /// Runs to the end.
    pub fn run(&self, args: &[&str], stdin: &[u8]) -> Outcome {
        let mut command = assert_cmd::Command::from_std(self.command(args));
        let output = started(|| command.write_stdin(stdin).timeout(Duration::from_secs(60)).output());
        self.checked(args, output)
    }

    /// Runs to the end a command whose output is for people.
    pub fn run_raw(&self, args: &[&str]) -> Outcome {
        Outcome::of(started(|| self.command(args).output()))
    }

    /// The same for one of another caller, with its request.
    pub fn run_with_stdin(&self, args: &[&str], stdin: &[u8]) -> Outcome {
        let mut command = assert_cmd::Command::from_std(self.command(args));
        Outcome::of(started(|| command.write_stdin(stdin).timeout(Duration::from_secs(60)).output()))
    }

    /// What holds for every run, whatever it is about.
    fn checked(&self, args: &[&str], output: Output) -> Outcome {
        let outcome = Outcome::of(output);
        assert!(!outcome.stderr.contains("canary"), "a secret on stderr: {}", outcome.stderr);
        if outcome.code == 0 {
            schema(args).into_iter().for_each(|schema| assert_valid(schema, &outcome.document()));
        } else {
            assert!(!outcome.stdout.contains("canary"), "a secret in a failure: {}", outcome.stdout);
            outcome.check_failure();
        }
        self.check_files();
        outcome
    }

    fn check_files(&self) {
        self.check_files_in(&self.cache_dir(), "cache-entry-v1");
        self.check_files_in(&self.cache_dir().join("hosts"), "host-entry-v1");
    }

    fn check_files_in(&self, dir: &Path, schema: &str) {
        for file in fs::read_dir(dir).into_iter().flatten() {
            let path = file.unwrap().path();
            assert!(!path.display().to_string().contains("canary"), "a secret in a name: {}", path.display());
            // A test may have put there what cannot be read.
            let is_plain = path.symlink_metadata().is_ok_and(|metadata| metadata.is_file());
            let is_entry = path.extension().is_some_and(|extension| extension == "json") && is_plain;
            let entry = is_entry.then(|| serde_json::from_slice::<Value>(&fs::read(&path).unwrap()).ok()).flatten();
            match entry {
                Some(entry) if entry["version"] == 1 => assert_valid(schema, &entry),
                Some(entry) if entry["version"] == 2 => assert_valid("sealed-entry-v1", &entry),
                _ => {}
            }
        }
    }
}

/// What the answer to `args` has to fit.
fn schema(args: &[&str]) -> Option<&'static str> {
    let protocol = args.iter().skip_while(|arg| **arg != "--protocol").nth(1).copied().unwrap_or("native");
    match (protocol, args[0]) {
        ("native", "get") => Some("get-response-v1"),
        ("native", "store") => Some("store-response-v1"),
        ("native", "erase" | "forget") => Some("erase-response-v1"),
        ("native", "list") if args.contains(&"--json") => Some("list-v1"),
        ("kubernetes", "get") => Some("kubernetes-response-v1"),
        ("terraform", "get") => Some("terraform-credentials-v1"),
        ("external", "get") => Some("external-response-v1"),
        ("headers", "get") => Some("headers-response-v1"),
        _ => None,
    }
}

/// What a run left behind.
#[derive(Debug)]
pub struct Outcome {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Outcome {
    pub fn of(output: Output) -> Self {
        Self {
            code: output.status.code().expect("ended by itself"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The streams of a run at a terminal.
    #[cfg(unix)]
    pub fn at_a_terminal(finished: super::pty::Finished) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: finished.code.unwrap(), stdout: text(finished.stdout), stderr: text(finished.stderr) }
    }

    /// stdout as the one document it is.
    pub fn document(&self) -> Value {
        assert!(self.stdout.ends_with('\n') && self.stdout.lines().count() == 1, "not one line: {self:?}");
        serde_json::from_str(&self.stdout).unwrap()
    }

    /// The document of a success that had nothing to say beside it.
    pub fn answer(&self) -> Value {
        assert_eq!((self.code, self.stderr.as_str()), (0, ""), "{self:?}");
        self.document()
    }

    /// The `error` of a failure of `kind`.
    pub fn error(&self, kind: &str) -> Value {
        let error = self.document()["error"].clone();
        assert_eq!(error["kind"], kind, "{self:?}");
        error
    }

    /// The warning lines on stderr, without what every line starts with.
    pub fn warnings(&self) -> Vec<&str> {
        self.stderr.lines().filter_map(|line| line.strip_prefix("vb365-helper: warning: ")).collect()
    }

    /// Exit code, document and words say the same.
    fn check_failure(&self) {
        if self.stdout.is_empty() {
            return;
        }
        let document = self.document();
        assert_valid("error-v1", &document);
        let error = &document["error"];
        let kind = error["kind"].as_str().unwrap();
        assert!(EXIT_CODES.contains(&(kind, self.code)), "{self:?}");
        let mut words = vec![format!("vb365-helper: {}", error["message"].as_str().unwrap())];
        words.extend(error["hint"].as_str().map(|hint| format!("vb365-helper: hint: {hint}")));
        let said: Vec<_> = self.stderr.lines().filter(|line| !line.contains("vb365-helper: warning: ")).collect();
        assert_eq!(said, words);
    }
}
