//! Runs the real program as tools do, with pipes for streams and files of its own, and shows what
//! it answered. Every run is bounded, and no token is shown in full.

use std::env;
use std::fs::File;
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How long a call may take that needs nobody.
const SILENT: Duration = Duration::from_secs(30);
/// How often a running program is looked at, at the least.
const GLANCE: Duration = Duration::from_millis(200);
/// How much of a token is shown: enough to tell two of the sandbox's apart.
const SHOWN: usize = 18;

/// The program, and the environment that gives it files of its own.
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    pub(crate) env: [(&'static str, String); 3],
}

/// What it answered; empty streams where they were not collected.
#[derive(Default)]
pub(crate) struct Answer {
    /// The exit code; `None` if a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
}

impl Program {
    /// The program at `path`, with configuration and cache in `home`.
    pub(crate) fn new(path: PathBuf, home: &Path) -> Self {
        let place = |name| home.join(name).display().to_string();
        let env = [
            ("VB365_HELPER_CONFIG", place("config.toml")),
            ("VB365_HELPER_CACHE_DIR", place("cache")),
            // Whoever tries the program wants nothing of it in their keyring.
            ("VB365_HELPER_PROTECTION", "none".to_owned()),
        ];
        Self { path, env }
    }

    /// One run with `stdin` and pipes.
    pub(crate) fn call(&self, args: &[&str], stdin: &str) -> Result<Answer, String> {
        let mut command = self.command(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| self.not_started(&error))?;
        if let Some(mut pipe) = child.stdin.take() {
            // A program that needs no request may have closed it.
            let _ = pipe.write_all(stdin.as_bytes());
        }
        let (stdout, stderr) = (collect(child.stdout.take()), collect(child.stderr.take()));
        let status = wait(&mut child, SILENT, || {})?;
        let all = |stream: JoinHandle<Vec<u8>>| stream.join().unwrap_or_default();
        Ok(Answer { code: status.code(), stdout: all(stdout), stderr: all(stderr) })
    }

    /// One run with this process's own streams and terminal, and something to do `meanwhile`.
    pub(crate) fn run_here(&self, args: &[&str], limit: Duration, meanwhile: impl Fn()) -> Result<Answer, String> {
        let mut child = self.command(args).spawn().map_err(|error| self.not_started(&error))?;
        let status = wait(&mut child, limit, meanwhile)?;
        Ok(Answer { code: status.code(), ..Answer::default() })
    }

    /// Nothing of the user's settings, or of a caller that started this process, reaches the program.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.path);
        for (name, _) in env::vars_os() {
            if name.to_string_lossy().starts_with("VB365_HELPER_") || name == "KUBERNETES_EXEC_INFO" {
                command.env_remove(name);
            }
        }
        command.args(args).envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    fn not_started(&self, error: &io::Error) -> String {
        format!("{} cannot be started: {error}", self.path.display())
    }
}

impl Answer {
    /// Shows both streams and a failure's exit code, with `secrets` shortened.
    pub(crate) fn print(&self, secrets: &[String]) {
        for stream in [&self.stdout, &self.stderr] {
            show(&shortened(&String::from_utf8_lossy(stream), secrets));
        }
        if self.code != Some(0) {
            println!("  (exit code {})", self.code());
        }
    }

    /// Fails unless the exit code is 0.
    pub(crate) fn succeeded(&self) -> Result<(), String> {
        if self.code == Some(0) { Ok(()) } else { Err(format!("exit code: expected 0, got {}", self.code())) }
    }

    /// The exit code in words.
    pub(crate) fn code(&self) -> String {
        self.code.map_or_else(|| "none, because a signal ended it".to_owned(), |code| code.to_string())
    }
}

/// Whether this process has a terminal, wherever its streams lead.
pub(crate) fn has_terminal() -> bool {
    File::options().read(true).write(true).open(if cfg!(windows) { "CONIN$" } else { "/dev/tty" }).is_ok()
}

/// Builds the program as this example was built, above which it then lies.
pub(crate) fn build() -> Result<PathBuf, String> {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet", "--bin", "vb365-helper", "--manifest-path"]);
    cargo.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"));
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    let is_built = cargo.status().is_ok_and(|status| status.success());
    let here = env::current_exe().unwrap_or_default();
    let path = here.ancestors().nth(2).map(|profile| profile.join(format!("vb365-helper{}", env::consts::EXE_SUFFIX)));
    path.filter(|path| is_built && path.is_file())
        .ok_or_else(|| "vb365-helper cannot be built here; name it with --helper PATH".to_owned())
}

/// `text` with no more than the beginning of each of `secrets`.
pub(crate) fn shortened(text: &str, secrets: &[String]) -> String {
    secrets.iter().fold(text.to_owned(), |text, secret| {
        let start: String = secret.chars().take(SHOWN).collect();
        text.replace(secret.as_str(), &format!("{start}..."))
    })
}

/// Prints what a program said, set off from what this one says.
pub(crate) fn show(text: &str) {
    for line in text.trim_end().trim_start_matches('\n').lines() {
        println!("{}", format!("  {line}").trim_end());
    }
}

/// Waits for the end of `child`; kills it after `limit`.
fn wait(child: &mut Child, limit: Duration, meanwhile: impl Fn()) -> Result<ExitStatus, String> {
    let start = Instant::now();
    let mut pause = Duration::from_millis(1);
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status),
            Ok(None) if start.elapsed() < limit => {}
            Ok(None) => {
                let _ = child.kill().and_then(|()| child.wait());
                return Err(format!("the program has not ended within {limit:?}"));
            }
            Err(error) => return Err(format!("the program is lost: {error}")),
        }
        meanwhile();
        thread::sleep(pause);
        pause = (pause * 2).min(GLANCE);
    }
}

fn collect(stream: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What came before a fault is shown, and the comparison tells the rest.
        let _ = stream.map(|mut stream| stream.read_to_end(&mut bytes));
        bytes
    })
}
