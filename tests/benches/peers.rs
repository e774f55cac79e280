//! What others do who hand out a token that they keep: each with a token of its own, made up for this.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::bench::Bench;
use super::case::{Case, output};
use super::meters::find;
use super::support::{Machine, TENANT};
use super::user::{command, is_from};
use super::warm::EXEC_INFO;

mod accounts;
mod stores;

/// How many rounds are enough: some of them take their time.
const MOST: usize = 50;

/// Another program, and how it is brought to hand out a token.
struct Peer {
    name: &'static str,
    /// What is looked for on this machine.
    program: &'static str,
    /// What has to be there before; false where that cannot be.
    set_up: fn(&Place) -> bool,
    call: fn(&Place) -> Command,
    stdin: &'static str,
    /// What puts an end to what was started.
    end: fn(&Place),
}

/// Where a peer is and has its files.
struct Place {
    program: PathBuf,
    home: TempDir,
}

impl Place {
    /// A run in this home and with nothing of this process's environment but the place of programs.
    fn command(&self, program: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(args).env_clear().env("HOME", self.home.path()).current_dir(self.home.path());
        command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command
    }

    fn own(&self, args: &[&str]) -> Command {
        self.command(&self.program, args)
    }
}

/// Whether `command` runs here, and to its good end.
fn succeeds(mut command: Command, stdin: &str) -> bool {
    let is_there = command.get_program().to_str().is_some_and(|name| name.starts_with('/') || find(name).is_some());
    is_there && output(&mut command, stdin.as_bytes()).status.success()
}

/// Those that are here, beside this program.
pub fn run(bench: &Bench) {
    let machine = Machine::signed_in();
    let peers: Vec<_> =
        stores::PEERS.into_iter().chain(accounts::PEERS).filter_map(|peer| set_up(bench, peer)).collect();
    let mut cases = Vec::new();
    let own = bench.programs.last().map_or("", |program| program.name);
    for program in &bench.programs {
        let call = || command(&machine, &program.path, &["get", TENANT]);
        cases.push(Case::call(program.name, call).check(|stdout| is_from("cache", stdout)));
    }
    for (peer, place) in &peers {
        cases.push(Case::call(peer.name, || (peer.call)(place)).stdin(peer.stdin).uncounted().than(own));
    }
    bench.table("peers: a kept token, handed out", bench.rounds.min(MOST), cases);
    for (peer, place) in &peers {
        (peer.end)(place);
    }
}

/// A peer that hands out its token.
fn set_up(bench: &Bench, peer: Peer) -> Option<(Peer, Place)> {
    let Some(program) = find(peer.program) else {
        bench.miss(peer.name);
        return None;
    };
    let place = Place { program, home: TempDir::new().unwrap() };
    if (peer.set_up)(&place) && succeeds((peer.call)(&place), peer.stdin) {
        return Some((peer, place));
    }
    (peer.end)(&place);
    bench.miss(format!("{} (not set up)", peer.name));
    None
}
