//! The screens that README.md shows, recorded: `cargo run --release --example recordings` plays a whole
//! installation on this machine, runs the real program at a terminal, and writes what it shows between the
//! marks of README.md. With `--check` it only compares. `--helper PATH` names the program to run.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program of its own, which knows its process, its clock and its streams"
)]

#[cfg(unix)]
#[path = "../support/program.rs"]
#[allow(dead_code, reason = "shared with a program that shows more")]
mod program;
#[cfg(unix)]
mod proxy;
#[cfg(unix)]
#[path = "../support/pty.rs"]
mod pty;
#[cfg(unix)]
mod scenes;
#[cfg(unix)]
#[path = "../sandbox/server/mod.rs"]
mod server;
#[cfg(unix)]
mod stage;

use std::process::ExitCode;

#[cfg(not(unix))]
fn main() -> ExitCode {
    eprintln!("recordings: there are no terminals here to record from");
    ExitCode::FAILURE
}

#[cfg(unix)]
fn main() -> ExitCode {
    match unix::run() {
        Ok(words) => {
            println!("{words}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("recordings: {why}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(unix)]
mod unix {
    use std::env;
    use std::fs;
    use std::path::PathBuf;

    use crate::program;
    use crate::scenes::{self, Recording};

    const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");

    pub(crate) fn run() -> Result<String, String> {
        let (mut helper, mut is_check) = (None, false);
        let mut args = env::args().skip(1);
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--check" => is_check = true,
                "--helper" => helper = Some(args.next().map(PathBuf::from).ok_or("--helper wants a path")?),
                _ => return Err(format!("{arg} is not known; there are --check and --helper PATH")),
            }
        }
        let recordings: Vec<Recording> = scenes::record(helper.map_or_else(program::build, Ok)?)?;
        let old = fs::read_to_string(README).map_err(|error| format!("README.md: {error}"))?;
        let new = recordings.iter().try_fold(old.clone(), |text, recording| placed(&text, recording))?;
        if is_check {
            return match old == new {
                true => Ok(format!("README.md shows what the program does: {} screens", recordings.len())),
                false => Err(difference(&old, &new)),
            };
        }
        fs::write(README, new).map_err(|error| format!("README.md: {error}"))?;
        Ok(format!("{} screens are in README.md", recordings.len()))
    }

    /// `text` with a recording in the block behind its mark.
    fn placed(text: &str, Recording { name, shown }: &Recording) -> Result<String, String> {
        let missing = || format!("README.md has no block for the screen {name}");
        let (before, rest) =
            text.split_once(&format!("<!-- recorded: {name} -->\n```console\n")).ok_or_else(missing)?;
        let (_, behind) = rest.split_once("\n```\n").ok_or_else(missing)?;
        Ok(format!("{before}<!-- recorded: {name} -->\n```console\n{}\n```\n{behind}", shown.trim_end()))
    }

    fn difference(old: &str, new: &str) -> String {
        let differing = old.lines().zip(new.lines()).find(|(old, new)| old != new);
        let (old, new) = differing.unwrap_or_default();
        format!("README.md does not show what the program does; record it anew without --check\n- {old}\n+ {new}")
    }
}
