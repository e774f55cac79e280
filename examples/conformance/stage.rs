//! Where a transcript is played: a home of its own for the helper, the systems it talks to, and the
//! state that is given. What transcripts write (an address, instants of one day) stands for what
//! there really is: the address of this stage's server, and instants counted from now.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, io, thread};

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::server::{Fault, Options, Sandbox};
use crate::transcript::{Run, Transcript};

/// The names and the address in transcripts.
const TENANT: &str = "abc.onmicrosoft.com";
const OTHER_TENANT: &str = "def.onmicrosoft.com";
const ORGANIZATION: &str = "Abc.onmicrosoft.com";
const ADDRESS: &str = "127.0.0.1:4443";
/// When transcripts begin; the token that they are given ends an hour later.
const START: &str = "2026-11-23T04:00:00Z";
const TOKEN: &str = "veeam-access-token";
/// How long a run may take.
const LIMIT: Duration = Duration::from_secs(20);

/// A helper to be tried.
pub(crate) struct Helper {
    /// The program.
    pub(crate) path: PathBuf,
    /// Brings about a state; without it, the helper's own `store` does.
    pub(crate) prepare: Option<PathBuf>,
}

/// A stage.
struct Stage<'a> {
    helper: &'a Helper,
    home: TempDir,
    sandbox: Sandbox,
    start: DateTime<Utc>,
    variables: BTreeMap<String, String>,
}

/// Plays `transcript` with `helper`; what went otherwise than written, in words.
///
/// # Errors
/// It cannot be played.
pub(crate) fn play(helper: &Helper, transcript: &Transcript) -> io::Result<Vec<String>> {
    let stage = Stage::new(helper)?;
    stage.prepare(&transcript.given)?;
    let mut differences = Vec::new();
    for written in &transcript.runs {
        let expected = written.map(|text| stage.real(text));
        let seen = stage.run(&expected)?;
        let streams = [("stdout", &expected.stdout, &seen.stdout), ("stderr", &expected.stderr, &seen.stderr)];
        for (name, expected, seen) in streams {
            if expected != seen {
                differences.push(format!("{name} is\n{}and not\n{}", shown(seen), shown(expected)));
            }
        }
        if expected.code != seen.code {
            differences.push(format!("the exit code is {} and not {}", seen.code, expected.code));
        }
    }
    Ok(differences)
}

impl<'a> Stage<'a> {
    fn new(helper: &'a Helper) -> io::Result<Self> {
        let home = TempDir::new()?;
        let sandbox = Sandbox::start(Options::default())?;
        let place = |name: &str| home.path().join(name).display().to_string();
        let variables = BTreeMap::from([
            ("HOME".into(), place("")),
            ("USERPROFILE".into(), place("")),
            ("VB365_HELPER_CONFIG".into(), place("config.toml")),
            ("VB365_HELPER_CACHE_DIR".into(), place("cache")),
        ]);
        Ok(Self { helper, home, sandbox, start: Utc::now().trunc_subsecs(0), variables })
    }

    /// Brings about the state that is given.
    fn prepare(&self, given: &str) -> io::Result<()> {
        let (server, authority) = (self.sandbox.url(), self.sandbox.authority());
        let table = |tenant: &str| {
            format!(
                "[tenants.\"{tenant}\"]\nserver = \"{server}\"\nauthority = \"{authority}\"\n\
                 organization = \"{ORGANIZATION}\"\napi_version = \"v8\"\n"
            )
        };
        let both = if given.contains("two tenants") { table(OTHER_TENANT) } else { String::new() };
        fs::write(self.home.path().join("config.toml"), table(TENANT) + &both)?;
        if let Some(prepare) = &self.helper.prepare {
            return self.prepare_by(prepare, given);
        }
        match given {
            "nobody has signed in" => Ok(()),
            "a token" | "a token of one of two tenants with that server" => self.keep(&self.token()),
            "a sign-in that Microsoft has ended" => {
                self.keep(&self.sign_in())?;
                self.sandbox.revoke_entra_refresh();
                Ok(())
            }
            "a sign-in that the server refuses" => self.keep_and_fault(2, 401, &[], REFUSAL),
            "a sign-in, and a server that is busy" => self.keep_and_fault(9, 503, &[("Retry-After", "30")], ""),
            other => Err(io::Error::other(format!("nobody knows how to prepare `{other}`"))),
        }
    }

    fn prepare_by(&self, prepare: &Path, given: &str) -> io::Result<()> {
        let mut command = Command::new(prepare);
        command.arg(given).envs(&self.variables).env("VB365_SERVER", self.sandbox.url());
        let ends = self.start + TimeDelta::hours(1);
        let status = command.env("VB365_TOKEN", TOKEN).env("VB365_TOKEN_ENDS", ends.to_rfc3339()).status()?;
        if status.success() { Ok(()) } else { Err(io::Error::other(format!("{}: {status}", prepare.display()))) }
    }

    /// The server's answer of this moment.
    fn token(&self) -> Value {
        let response = json!({ "access_token": TOKEN, "token_type": "bearer", "expires_in": 3600 });
        json!({ "server": self.sandbox.url(), "veeam": response, "obtained_at": self.start.to_rfc3339() })
    }

    /// Microsoft's answer of two hours ago, an hour after its end.
    fn sign_in(&self) -> Value {
        let response: Value = serde_json::from_str(&self.sandbox.token_response()).unwrap_or_default();
        json!({ "entra": response, "obtained_at": (self.start - TimeDelta::hours(2)).to_rfc3339() })
    }

    fn keep_and_fault(&self, times: usize, status: u16, headers: &[(&str, &str)], body: &str) -> io::Result<()> {
        let mut sign_in = self.sign_in();
        sign_in["obtained_at"] = self.start.to_rfc3339().into();
        self.keep(&sign_in)?;
        let headers: Vec<_> = headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        for _ in 0..times {
            let (headers, body) = (headers.clone(), body.to_owned());
            self.sandbox.fault("veeam_token", Fault::Answer { status, headers, body });
        }
        Ok(())
    }

    /// Has the helper keep something.
    fn keep(&self, fields: &Value) -> io::Result<()> {
        let mut request = json!({ "version": 1, "tenant": TENANT });
        for (name, value) in fields.as_object().into_iter().flatten() {
            request[name] = value.clone();
        }
        let (program, args) = ("vb365-helper".into(), vec!["store".into()]);
        let seen = self.run(&Run { program, args, stdin: request.to_string(), ..Run::default() })?;
        if seen.code == 0 { Ok(()) } else { Err(io::Error::other(format!("store: {}", seen.stderr))) }
    }

    /// What there really is for what is written.
    fn real(&self, written: &str) -> String {
        let address = self.sandbox.url().replace("http://", "");
        let mut text = written.replace(ADDRESS, &address);
        let Ok(start) = START.parse::<DateTime<Utc>>() else { return text };
        let day = &START[..11];
        let mut from = 0;
        while let Some(at) = text[from..].find(day).map(|at| from + at) {
            let end = at + START.len();
            if let Some(instant) = text.get(at..end).and_then(|instant| instant.parse::<DateTime<Utc>>().ok()) {
                let real = self.start + (instant - start);
                text.replace_range(at..end, &real.to_rfc3339_opts(chrono::SecondsFormat::Secs, true));
            }
            from = end.min(text.len());
        }
        text
    }

    /// One run, to its end.
    fn run(&self, run: &Run) -> io::Result<Run> {
        let mut command = self.command(&run.program)?;
        command.args(&run.args).env_clear().envs(&self.variables).current_dir(self.home.path());
        command.envs(env::var_os("SystemRoot").map(|root| ("SystemRoot", root)));
        command.envs(run.variables.iter().map(|(name, value)| (name, value)));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            // Who needs no request may have closed it.
            let _ = stdin.write_all(run.stdin.as_bytes());
        }
        let (stdout, stderr) = (collect(child.stdout.take()), collect(child.stderr.take()));
        let since = Instant::now();
        let status = loop {
            match child.try_wait()? {
                Some(status) => break status,
                None if since.elapsed() < LIMIT => thread::sleep(Duration::from_millis(2)),
                None => {
                    child.kill()?;
                    return Err(io::Error::other(format!("the helper has not ended within {LIMIT:?}")));
                }
            }
        };
        let text = |stream: thread::JoinHandle<String>| stream.join().unwrap_or_default();
        let (stdout, stderr, code) = (text(stdout), text(stderr), status.code().unwrap_or(-1));
        Ok(Run { stdout, stderr, code, ..Run::default() })
    }

    /// The helper by the name that its caller has for it, without a terminal where that can be had.
    fn command(&self, name: &str) -> io::Result<Command> {
        let path = self.home.path().join(format!("{name}{}", env::consts::EXE_SUFFIX));
        if !path.exists() {
            fs::hard_link(&self.helper.path, &path).or_else(|_| fs::copy(&self.helper.path, &path).map(drop))?;
        }
        let Some(setsid) = setsid() else { return Ok(Command::new(path)) };
        let mut command = Command::new(setsid);
        command.arg("--wait").arg(path);
        Ok(command)
    }
}

/// A VB365 server's word for credentials that it does not like.
const REFUSAL: &str = r#"{"message":"Wrong credentials","errorCode":"InvalidCredentials"}"#;

/// The tool that starts a program without the terminal of who starts this one.
fn setsid() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).map(|place| place.join("setsid")).find(|tool| cfg!(unix) && tool.is_file())
}

fn collect(stream: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What came before a fault is compared.
        let _ = stream.map(|mut stream| stream.read_to_end(&mut bytes));
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// Text that shows where it ends.
fn shown(text: &str) -> String {
    if text.is_empty() { "  (nothing)\n".into() } else { text.split_inclusive('\n').map(line).collect() }
}

fn line(line: &str) -> String {
    match line.strip_suffix('\n') {
        Some(words) => format!("  {words}\n"),
        None => format!("  {line} (without a line end)\n"),
    }
}
