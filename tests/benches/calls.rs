//! What a whole call costs, beside what any process costs and what others do for the same.
//!
//! `cargo bench` measures all of it; `-- WORD...` the groups that have a word in their name, `-- --rounds N` more
//! or fewer rounds, and `-- guard` holds the cached answer to its number of instructions. The programs that are
//! measured are built here and are the release's, whatever profile this harness has: with `--profile dev` it costs
//! next to no build.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a program for people at a terminal: real time, real processes, and it fails by panics"
)]

mod bench;
mod case;
mod crowds;
mod curl;
mod floors;
mod guard;
mod many;
mod meters;
mod peers;
mod programs;
mod rungs;
#[path = "../support/mod.rs"]
mod support;
mod table;
mod user;
mod warm;

use std::process::ExitCode;

use self::bench::Bench;

/// What is measured under one name.
type Group = (&'static str, fn(&Bench));

const GROUPS: [Group; 6] = [
    ("floors", floors::run),
    ("warm", warm::run),
    ("rungs", rungs::run),
    ("crowds", crowds::run),
    ("many", many::run),
    ("peers", peers::run),
];

/// How often each call is made where nobody says it.
const ROUNDS: usize = 100;

fn main() -> ExitCode {
    let (words, rounds) = arguments();
    if words.iter().any(|word| word == "guard") {
        return guard::run();
    }
    let is_wanted = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(word.as_str()));
    let groups: Vec<_> = GROUPS.into_iter().filter(|(name, _)| is_wanted(name)).collect();
    assert!(!groups.is_empty(), "no group has a name like {words:?}");
    let bench = Bench::new(rounds);
    println!("{}\n", bench.machine());
    for (_, run) in groups {
        run(&bench);
    }
    let missing = bench.missing();
    if !missing.is_empty() {
        println!("missing: {}", missing.join(", "));
    }
    ExitCode::SUCCESS
}

/// The words that pick groups, and the number of rounds. Cargo passes a flag of its own.
fn arguments() -> (Vec<String>, usize) {
    let (mut words, mut rounds) = (Vec::new(), ROUNDS);
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    while let Some(argument) = arguments.next() {
        if argument == "--rounds" {
            let number = arguments.next().and_then(|number| number.parse().ok());
            rounds = number.filter(|number| *number > 0).expect("--rounds wants a number");
        } else {
            words.push(argument);
        }
    }
    (words, rounds)
}
