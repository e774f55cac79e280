//! What is recorded, scene by scene; each goes on where the one before it ended. What differs from run to run,
//! as codes, times and fingerprints, is replaced by what is as long, so that a recording can be compared.

use std::path::PathBuf;

use crate::pty::Session;
use crate::stage::{Cue, SERVER, Stage, seen};

/// One screen.
pub(crate) struct Recording {
    /// Its mark in README.md.
    pub(crate) name: &'static str,
    /// The command and what it showed.
    pub(crate) shown: String,
}

const ABC: &str = "abc.onmicrosoft.com";
const BERLIN: &str = "berlin.abc.onmicrosoft.com";
const PARIS: &str = "paris.abc.onmicrosoft.com";
/// The words with which the prompt ends.
const PROMPT: &str = "Ctrl-C cancels";
/// The last day of the certificate, on every page.
const CERTIFICATE_END: &str = "2031-01-07";
const QUESTION: &str = "Trust this certificate? [y/N]";

/// Plays everything with `program`.
///
/// # Errors
/// What went otherwise than it should, in words.
pub(crate) fn record(program: PathBuf) -> Result<Vec<Recording>, String> {
    let stage = Stage::new(program).map_err(|error| format!("the installation cannot be played: {error}"))?;
    let server = format!("https://{SERVER}:4443");
    let approve: &dyn Fn(&Stage, &Session) = &|stage, _| {
        stage.sandbox.approve();
    };
    let trust: &dyn Fn(&Stage, &Session) = &|_, session| session.send("y\n");
    let login = ["login", ABC, "--server", &server, "--no-qr"];
    let login = stage.scene("login", &login, 0, &[(QUESTION, trust), (PROMPT, approve)])?;
    stage.add(&[BERLIN, PARIS])?;
    stage.scene("another", &["login", BERLIN, "--no-qr"], 0, &[(PROMPT, approve)])?;
    let list = stage.scene("list", &["list"], 0, &[])?;
    let doctor = stage.scene("doctor", &["doctor", ABC], 0, &[])?;
    stage.sandbox.expire_veeam_access();
    stage.sandbox.revoke_veeam_refresh();
    stage.scene("erased", &["erase", ABC, "--access-only"], 0, &[])?;
    let explain = stage.scene("explain", &["get", ABC, "--explain", "--protocol", "token"], 0, &[])?;
    Ok(vec![login, list, doctor, without_answer(explain)])
}

/// The same for somebody who does not want the token on the screen.
fn without_answer(recording: Recording) -> Recording {
    let mut lines = recording.shown.lines();
    let command = lines.next().unwrap_or_default();
    let lines: Vec<_> = lines.filter(|line| line.starts_with("vb365-helper: ")).collect();
    Recording { shown: format!("{command} >/dev/null\n{}\n", lines.join("\n")), ..recording }
}

impl Stage {
    /// Configures further tenants as the first one is.
    fn add(&self, tenants: &[&str]) -> Result<(), String> {
        let text = self.read("config.toml").map_err(|error| error.to_string())?;
        let (head, table) = text.split_once("[tenants.\"").ok_or("the sign-in has configured nothing")?;
        let (name, lines) = table.split_once("\"]\n").ok_or("the sign-in has configured nothing")?;
        let more = tenants
            .iter()
            .map(|tenant| format!("\n[tenants.\"{tenant}\"]\norganization = \"abc.onmicrosoft.com\"\n{lines}"));
        let text = format!("{head}[tenants.\"{name}\"]\n{lines}{}", more.collect::<String>());
        self.write("config.toml", &text).map_err(|error| error.to_string())
    }

    /// Runs a command that has to end with `code`, and keeps what a person sees of it.
    fn scene(&self, name: &'static str, args: &[&str], code: i32, cues: &[Cue<'_>]) -> Result<Recording, String> {
        let command = format!("$ vb365-helper {}\n", args.join(" "));
        let finished = self.run(args, cues)?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let said = [seen(&finished), text(&finished.stdout), text(&finished.stderr)].concat();
        if finished.code != Some(code) {
            return Err(format!("{command}ended otherwise than it should: {said}"));
        }
        let shown = steady(&self.at_home(&said)).trim_matches('\n').to_owned();
        Ok(Recording { name, shown: format!("{command}{}{shown}\n", if cues.is_empty() { "" } else { "\n" }) })
    }
}

/// `text` with the same words in the place of those that differ from run to run.
fn steady(text: &str) -> String {
    let code = text.lines().find_map(|line| line.trim().strip_prefix("enter ")).unwrap_or_default().trim();
    let spelled = |code: &str| {
        let letters: Vec<_> = code.chars().map(String::from).collect();
        letters.chunks(3).map(|group| group.join(" ")).collect::<Vec<_>>().join("   ")
    };
    let mut text = text.to_owned();
    if !code.is_empty() {
        text = text.replace(code, "HJ4KQ2LMN").replace(&spelled(code), &spelled("HJ4KQ2LMN"));
    }
    let lines = text.lines().filter(|line| !is_way(line));
    lines.map(|line| steady_line(line) + "\n").collect()
}

/// Whether `line` tells of the way to the names of this installation, which nobody else needs.
fn is_way(line: &str) -> bool {
    line == "network" || line.trim_start().starts_with("ok  proxy ")
}

fn steady_line(line: &str) -> String {
    if line.trim().starts_with("valid ") {
        return format!("  valid    2026-01-07 to {CERTIFICATE_END}");
    }
    if let Some((before, _)) = line.split_once("valid until ") {
        return format!("{before}valid until {CERTIFICATE_END}");
    }
    let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
    let mut pairs: u8 = if line.contains("SHA-256") { 0x9f } else { 0x5d };
    for word in &mut words {
        let is_print = word.len() == 47 && word.split(':').all(|pair| pair.len() == 2);
        if is_print {
            *word = (0..16)
                .map(|_| {
                    pairs = pairs.wrapping_mul(5).wrapping_add(59);
                    format!("{pairs:02X}")
                })
                .collect::<Vec<_>>()
                .join(":");
        } else if word.len() == 10 && word.starts_with("20") && word.matches('-').count() == 2 {
            *word = "2027-02-21".to_owned();
        } else if word.len() == 5 && word.as_bytes()[2] == b':' {
            *word = "05:00".to_owned();
        }
    }
    let line = words.join(" ");
    match line.split_once(" (after ") {
        Some((before, after)) if after.ends_with(" ms)") => format!("{before} (after ... ms)"),
        _ => line,
    }
}
