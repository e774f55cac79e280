//! What all groups share: the programs, the meters, and what this machine lacks.

use std::cell::RefCell;
use std::fs;
use std::process::Command;

use super::case::{Case, measure};
use super::floors::{self, Floor};
use super::meters::Meters;
use super::programs::{self, Program};
use super::table::Table;

/// One run of the benchmark.
pub struct Bench {
    pub rounds: usize,
    /// This project's: the dynamic one first.
    pub programs: Vec<Program>,
    /// The least that a process costs: C's, dynamic, first, if there is a compiler.
    pub floors: Vec<Floor>,
    meters: Meters,
    missing: RefCell<Vec<String>>,
}

impl Bench {
    /// Builds everything.
    pub fn new(rounds: usize) -> Self {
        let mut missing = Vec::new();
        let programs = programs::build(&mut missing);
        let floors = floors::build(&mut missing);
        let meters = Meters::find(&mut missing);
        Self { rounds, programs, floors, meters, missing: RefCell::new(missing) }
    }

    /// Measures `cases` against each other and prints what came of it.
    pub fn table(&self, title: &str, rounds: usize, cases: Vec<Case<'_>>) -> Table {
        let table = measure(title, rounds, cases, &self.meters);
        if !table.is_empty() {
            println!("{table}");
        }
        table
    }

    /// Remembers what cannot be measured here.
    pub fn miss(&self, what: impl Into<String>) {
        self.missing.borrow_mut().push(what.into());
    }

    /// Everything that could not be measured.
    pub fn missing(&self) -> Vec<String> {
        self.missing.borrow().clone()
    }

    /// Where the figures come from.
    pub fn machine(&self) -> String {
        let line = |path: &str, start: &str| {
            let text = fs::read_to_string(path).unwrap_or_default();
            let found = text.lines().find(|line| line.starts_with(start));
            found.and_then(|line| line.rsplit_once(": ")).map(|(_, value)| value.to_owned())
        };
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let model = line("/proc/cpuinfo", "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned());
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let rustc = Command::new("rustc").arg("--version").output().map(|output| output.stdout).unwrap_or_default();
        let (system, rustc) = (std::env::consts::OS, String::from_utf8_lossy(&rustc).trim().to_owned());
        format!("{processors} x {model}, {system} {}, {rustc}, {} rounds", kernel.trim(), self.rounds)
    }
}
