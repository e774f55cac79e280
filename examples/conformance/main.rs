//! Holds a credential helper to the transcripts in `tests/transcripts/`, byte by byte:
//! `cargo run --example conformance -- [--helper PATH] [--prepare PATH] [FILE..]`.
//!
//! Any helper can be tried. It finds a configuration in `VB365_HELPER_CONFIG` and an empty directory
//! in `VB365_HELPER_CACHE_DIR`. What is given before a transcript, `--prepare` brings about: a program
//! that gets the state's words as its argument, and `VB365_SERVER`, `VB365_TOKEN` and
//! `VB365_TOKEN_ENDS`. Without it, the helper's own `store` is called, in the native protocol.
#![allow(clippy::disallowed_methods, clippy::print_stdout, clippy::print_stderr, reason = "a program of its own")]

#[path = "../support/program.rs"]
#[allow(dead_code, reason = "it builds the program, and more")]
mod program;
#[path = "../sandbox/server/mod.rs"]
mod server;
mod stage;
mod transcript;

use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use self::stage::Helper;

/// Where the transcripts of this project are.
const TRANSCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/transcripts");

/// Holds a credential helper to transcripts.
#[derive(Parser)]
struct Args {
    /// The helper to be tried; this project's own without it
    #[arg(long, value_name = "PATH")]
    helper: Option<PathBuf>,
    /// The program that brings about the state given
    #[arg(long, value_name = "PATH")]
    prepare: Option<PathBuf>,
    /// The transcripts; all of this project's without them
    files: Vec<PathBuf>,
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let args = Args::parse();
    let path = args.helper.map_or_else(program::build, Ok)?;
    let helper = Helper { path: fs::canonicalize(path)?, prepare: args.prepare };
    let (mut held, mut broken) = (0, 0);
    for file in if args.files.is_empty() { transcripts()? } else { args.files } {
        for transcript in transcript::read(&file)? {
            let differences = stage::play(&helper, &transcript)?;
            let name = format!("{}: {}", file.file_stem().unwrap_or_default().display(), transcript.title);
            if differences.is_empty() {
                println!("held    {name}");
                held += 1;
            } else {
                println!("broken  {name}");
                differences.iter().for_each(|difference| program::show(difference));
                broken += 1;
            }
        }
    }
    println!("\n{held} held, {broken} broken");
    Ok(if broken == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn transcripts() -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut files =
        fs::read_dir(TRANSCRIPTS)?.map(|file| Ok(file?.path())).collect::<Result<Vec<_>, Box<dyn Error>>>()?;
    files.sort();
    Ok(files)
}
