//! A guided tour: `cargo run --release --example tour`. Runs the real program against a sandbox of
//! its own, step by step as a user and a user's tools would, shows what it is asked and what it
//! answers, and fails if a token comes from anywhere but the rung of the ladder that it should.
//!
//! `--manual` lets you sign in yourself, in the browser; `--helper PATH` names the program to run.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program of its own, which knows its process, its clock and its streams"
)]

#[path = "support/program.rs"]
mod program;
#[cfg(unix)]
#[path = "support/pty.rs"]
mod pty;
#[path = "sandbox/server/mod.rs"]
mod server;

use std::env;
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use self::program::{Program, has_terminal, shortened};
use self::server::{Options, Sandbox};

const TENANT: &str = "abc.onmicrosoft.com";
/// As the VB365 server spells the tenant.
const ORGANIZATION: &str = "Abc.onmicrosoft.com";
/// How long the server's access tokens live, in seconds: the program renews them after half of it.
const VEEAM_LIFE: u64 = 10;
/// How long a sign-in may take, with a person and without.
const BY_HAND: Duration = Duration::from_secs(900);
const BY_ITSELF: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    let outcome = Arguments::read(env::args().skip(1)).and_then(Tour::start).and_then(|mut tour| walk(&mut tour));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("\ntour: {why}");
            ExitCode::FAILURE
        }
    }
}

/// The tour itself: it goes down the ladder rung by rung, and then takes the ladder away.
fn walk(tour: &mut Tour) -> Result<(), String> {
    tour.say("A person signs in, once. The prompt goes to the terminal, wherever the streams lead.");
    tour.login()?;

    tour.say("From now on any tool gets a token: from the cache, in milliseconds, without a request.");
    tour.get(&["get", TENANT], "cache")?;

    tour.say("The same in the native protocol: a JSON request on stdin, a JSON answer on stdout.");
    tour.ask(&json!({ "version": 1, "tenant": TENANT }), "cache")?;

    tour.say("Other tools get it in a protocol of their own: a header for curl, an object for Terraform.");
    tour.run(&["get", TENANT, "--protocol", "header"])?;
    let server = tour.sandbox.url();
    tour.run(&["get", server.trim_start_matches("http://"), "--protocol", "terraform"])?;

    tour.say(&format!(
        "This server's tokens live for {VEEAM_LIFE} seconds. After half of that the next call renews the token \
         silently, with the server's refresh token."
    ));
    thread::sleep(Duration::from_secs(VEEAM_LIFE / 2 + 1));
    tour.get(&["get", TENANT], "veeam_refresh")?;

    tour.say("The server refuses a token before its time: the tool says so, and gets another.");
    tour.sandbox.expire_veeam_access();
    let refused = tour.token.clone();
    tour.refuse(&refused, "veeam_refresh")?;

    tour.say("A second tool that was refused the same token costs no second renewal.");
    tour.refuse(&refused, "cache")?;

    tour.say("The server forgets its refresh tokens: Microsoft's tokens are exchanged for new ones.");
    tour.sandbox.expire_veeam_access();
    tour.sandbox.revoke_veeam_refresh();
    tour.refuse_latest("exchange")?;

    tour.say("Microsoft's access token has ended as well: its refresh token renews everything, still silently.");
    tour.end_all_but_entra_refresh();
    tour.refuse_latest("entra_refresh")?;

    tour.say("Everything is revoked: now, and only now, a person is needed. The hint is the command to run.");
    tour.end_all_but_entra_refresh();
    tour.sandbox.revoke_entra_refresh();
    tour.refuse_latest("login_required")?;

    tour.say("What the cache holds, without showing a token.");
    tour.run(&["list"])?;

    tour.say("And away with it, on this machine.");
    tour.run(&["erase", TENANT])?;
    tour.get(&["get", TENANT, "--interactive", "never"], "login_required")?;

    tour.nothing_was_amiss()?;
    println!("\nThat was the whole ladder. Nothing of it is left on this machine.");
    Ok(())
}

/// What the tour was started with.
struct Arguments {
    manual: bool,
    helper: Option<PathBuf>,
}

impl Arguments {
    fn read(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut read = Self { manual: false, helper: None };
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--manual" => read.manual = true,
                "--helper" => read.helper = Some(args.next().ok_or("--helper needs a path")?.into()),
                _ => return Err("usage: tour [--manual] [--helper PATH]".to_owned()),
            }
        }
        Ok(read)
    }
}

/// The sandbox, the program, and what is known of both.
struct Tour {
    manual: bool,
    helper: Program,
    sandbox: Sandbox,
    /// Holds the program's configuration and cache, so that the user's own are not touched.
    _home: TempDir,
    /// The latest access token that was handed out.
    token: String,
    /// Every token seen: none is printed in full.
    seen: Vec<String>,
    steps: usize,
}

impl Tour {
    fn start(Arguments { manual, helper }: Arguments) -> Result<Self, String> {
        if manual && !has_terminal() {
            return Err("--manual needs a terminal, to show the code on".to_owned());
        }
        let options = Options {
            tenant: TENANT.to_owned(),
            organization: ORGANIZATION.to_owned(),
            interval: 1,
            veeam_life: VEEAM_LIFE,
            ..Options::default()
        };
        let home = tempfile::tempdir().map_err(|error| format!("there is no temporary directory: {error}"))?;
        Ok(Self {
            manual,
            helper: Program::new(helper.map_or_else(program::build, Ok)?, home.path()),
            sandbox: Sandbox::start(options).map_err(|error| format!("the sandbox cannot be started: {error}"))?,
            _home: home,
            token: String::new(),
            seen: Vec::new(),
            steps: 0,
        })
    }

    /// Begins a step.
    fn say(&mut self, words: &str) {
        self.steps += 1;
        println!("\n{}. {words}", self.steps);
    }

    fn login(&self) -> Result<(), String> {
        let (url, authority) = (self.sandbox.url(), self.sandbox.authority());
        let args = ["login", TENANT, "--server", &url, "--authority", &authority, "--organization", ORGANIZATION];
        println!("$ vb365-helper {}", args.join(" "));
        if has_terminal() { self.login_at_this_terminal(&args) } else { self.login_at_another_terminal(&args) }
    }

    /// The person at this terminal sees the prompt itself.
    fn login_at_this_terminal(&self, args: &[&str]) -> Result<(), String> {
        let limit = if self.manual { BY_HAND } else { BY_ITSELF };
        let answer = self.helper.run_here(args, limit, || {
            if !self.manual {
                self.sandbox.approve();
            }
        })?;
        answer.succeeded()
    }

    #[cfg(unix)]
    fn login_at_another_terminal(&self, args: &[&str]) -> Result<(), String> {
        if let Some(tool) = pty::missing_tool() {
            return Err(format!("there is no terminal, and without {tool} none can be made"));
        }
        let env = self.helper.env.each_ref().map(|(name, value)| (*name, value.as_str()));
        let session = pty::Session::start(&self.helper.path, args, &env, b"");
        session.try_wait_for("Ctrl-C cancels", BY_ITSELF)?;
        self.sandbox.approve();
        let finished = session.try_finish(BY_ITSELF)?;
        program::show(&finished.terminal);
        let answer = program::Answer { code: finished.code, stdout: finished.stdout, stderr: finished.stderr };
        answer.print(&self.seen);
        answer.succeeded()?;
        expect("stdout of a login", "nothing", if answer.stdout.is_empty() { "nothing" } else { "something" })
    }

    #[cfg(not(unix))]
    fn login_at_another_terminal(&self, _: &[&str]) -> Result<(), String> {
        Err("there is no console to show the code on".to_owned())
    }

    /// Runs a `get` that is to be answered from `source`, or to fail with that kind of error.
    fn get(&mut self, args: &[&str], source: &str) -> Result<(), String> {
        println!("$ vb365-helper {}", args.join(" "));
        self.check(args, "", source)
    }

    /// As [`Tour::get`], with the request on stdin.
    fn ask(&mut self, request: &Value, source: &str) -> Result<(), String> {
        let request = request.to_string();
        println!("$ echo '{}' | vb365-helper get", shortened(&request, &self.seen));
        self.check(&["get"], &request, source)
    }

    /// Asks for another token than `token`, which the server refused.
    fn refuse(&mut self, token: &str, source: &str) -> Result<(), String> {
        self.ask(&json!({ "version": 1, "tenant": TENANT, "interactive": "never", "refused_token": token }), source)?;
        let is_new = source == "login_required" || self.token != token;
        expect("instead of the refused token", "another", if is_new { "another" } else { "the same" })
    }

    fn refuse_latest(&mut self, source: &str) -> Result<(), String> {
        let token = self.token.clone();
        self.refuse(&token, source)
    }

    /// Calls the program, shows its answer, remembers the token, and compares where it came from.
    fn check(&mut self, args: &[&str], stdin: &str, expected: &str) -> Result<(), String> {
        let requests = self.requests();
        let answer = self.helper.call(args, stdin)?;
        let document: Value = serde_json::from_slice(&answer.stdout).unwrap_or_default();
        if let Some(token) = document["access_token"].as_str() {
            self.token = token.to_owned();
            self.seen.push(token.to_owned());
        }
        answer.print(&self.seen);
        let got = document["source"].as_str().or(document["error"]["kind"].as_str()).unwrap_or("neither");
        expect("source of the token, or kind of the error", expected, got)?;
        expect("exit code", if expected == "login_required" { "3" } else { "0" }, &answer.code())?;
        let sent = if self.requests() == requests { "nothing" } else { "something" };
        if expected == "cache" { expect("sent for a cached token", "nothing", sent) } else { Ok(()) }
    }

    /// Runs any other command.
    fn run(&self, args: &[&str]) -> Result<(), String> {
        println!("$ vb365-helper {}", args.join(" "));
        let answer = self.helper.call(args, "")?;
        answer.print(&self.seen);
        answer.succeeded()
    }

    fn end_all_but_entra_refresh(&self) {
        self.sandbox.expire_veeam_access();
        self.sandbox.revoke_veeam_refresh();
        self.sandbox.expire_entra_access();
    }

    /// How many requests have reached the servers that issue tokens.
    fn requests(&self) -> usize {
        ["device_code", "entra_token", "veeam_token", "service_instance"]
            .map(|at| self.sandbox.requests(at))
            .iter()
            .sum()
    }

    /// The sandbox notes whatever the real servers would not have liked.
    fn nothing_was_amiss(&self) -> Result<(), String> {
        let complaints = self.sandbox.complaints();
        if complaints.is_empty() { Ok(()) } else { Err(format!("the servers complain:\n{}", complaints.join("\n"))) }
    }
}

fn expect(what: &str, expected: &str, got: &str) -> Result<(), String> {
    if expected == got { Ok(()) } else { Err(format!("{what}: expected {expected}, got {got}")) }
}
