//! Holds the answer from the cache to what it costs: `cargo bench -- guard`. Instructions are counted, because time
//! on a busy machine says nothing.

use std::path::Path;
use std::process::{Command, ExitCode};

use super::case::output;
use super::meters::{find, instructions};
use super::programs::release;
use super::support::Machine;
use super::table::grouped;
use super::warm::{EXEC_INFO, PROTOCOLS};

/// What each call was measured to take, in instructions: whoever makes it faster lowers the number here.
const MEASURED: [(&str, u64); 2] = [("native", 650_226), ("kubernetes", 652_986)];
/// How much more is let pass, in percent: another compiler or another C library is no regression.
const ROOM: u64 = 10;

/// Fails if a call takes more than its bound.
pub fn run() -> ExitCode {
    let Some(valgrind) = find("valgrind") else {
        eprintln!("!!! NOT GUARDED: the instructions of the cached answer, for want of valgrind");
        return ExitCode::from(u8::from(std::env::var_os("VB365_HELPER_TESTS_STRICT").is_some()));
    };
    let (program, machine) = (release(), Machine::signed_in());
    let mut is_good = true;
    for (protocol, measured) in MEASURED {
        let bound = measured + measured * ROOM / 100;
        let counted = count(&valgrind, &machine, &program, protocol);
        let verdict = if counted <= bound { "within" } else { "ABOVE" };
        let (counted_words, bound_words) = (grouped(counted), grouped(bound));
        println!("a cached answer, {protocol}: {counted_words} instructions, {verdict} the bound of {bound_words}");
        is_good &= counted <= bound;
    }
    ExitCode::from(u8::from(!is_good))
}

/// The instructions of `get`, in an environment that is the same everywhere: paths are relative, because a long one
/// takes more of them.
fn count(valgrind: &Path, machine: &Machine, program: &Path, protocol: &str) -> u64 {
    let mut command = Command::new(program);
    let (_, args) = PROTOCOLS.into_iter().find(|(name, _)| *name == protocol).expect("it is one of them");
    command.args(args).env_clear().current_dir(machine.home());
    command.env("PATH", "/usr/bin:/bin").env("HOME", "/");
    command.env("VB365_HELPER_CONFIG", "config.toml").env("VB365_HELPER_CACHE_DIR", "cache");
    if protocol == "kubernetes" {
        command.env("KUBERNETES_EXEC_INFO", EXEC_INFO);
    }
    instructions(valgrind, |wrap| {
        let output = output(&mut wrap(command), b"");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    })
}
