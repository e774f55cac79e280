//! What any process costs: programs that open a file, read from it, write to stdout and end.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::bench::Bench;
use super::case::Case;
use super::programs::{Program, has_target};

const MUSL: &str = "x86_64-unknown-linux-musl";
/// The names by which others are compared with these.
const C: &str = "C";
const RUST: &str = "Rust";

/// A program that does next to nothing.
pub struct Floor {
    pub name: &'static str,
    path: PathBuf,
}

impl Floor {
    /// A run that copies half of the file.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command.env_clear().arg(source());
        command
    }

    /// The same as a case.
    pub fn case(&self) -> Case<'_> {
        Case::call(self.name, || self.command()).check(|stdout| stdout.len() == 2048)
    }
}

/// All of them beside each other.
pub fn run(bench: &Bench) {
    let cases = bench.floors.iter().map(|floor| if floor.name == C { floor.case() } else { floor.case().than(C) });
    bench.table("floors: 2 KiB from a file to stdout", bench.rounds, cases.collect());
}

/// The name of the floor that `program` is held to. Both are what the loader costs, of which the static program has
/// none: as much as that is what it may do instead.
pub fn of(program: &Program) -> &'static str {
    if program.is_static() { C } else { RUST }
}

/// Builds them; for whom there is no compiler is `missing`.
pub fn build(missing: &mut Vec<String>) -> Vec<Floor> {
    fs::write(source(), format!("{{\"canary\":\"{}\"}}\n", "x".repeat(4096 - 14))).unwrap();
    let rustc: &[&str] = &["rustc", "--edition=2024", "-O", "-Clto", "-Cpanic=abort", "-Cstrip=symbols"];
    let mut floors = Vec::new();
    for (name, compiler, source) in [
        (C, vec!["cc", "-O2"], "copy.c"),
        ("C, static", vec!["cc", "-O2", "-static"], "copy.c"),
        ("C, static by musl", vec!["musl-gcc", "-O2", "-static"], "copy.c"),
        (RUST, rustc.to_vec(), "copy.rs"),
        ("Rust, static by musl", [rustc, &["--target", MUSL]].concat(), "copy.rs"),
    ] {
        let is_known = !compiler.contains(&MUSL) || has_target(MUSL);
        match compile(&compiler, source, name).filter(|_| is_known) {
            Some(path) => floors.push(Floor { name, path }),
            None => missing.push(format!("the floor of {name}")),
        }
    }
    floors
}

/// A program made from one of the sources beside this one, if there is the compiler.
pub fn compile(compiler: &[&str], source: &str, name: &str) -> Option<PathBuf> {
    let path = temporary().join(name.replace(", ", "-").replace(' ', "-"));
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/benches/floors").join(source);
    let made = Command::new(compiler[0]).args(&compiler[1..]).arg("-o").arg(&path).arg(source).output();
    made.is_ok_and(|output| output.status.success()).then_some(path)
}

/// Where Cargo wants what a benchmark makes.
pub fn temporary() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

/// The file that they read.
fn source() -> PathBuf {
    temporary().join("floor.json")
}
