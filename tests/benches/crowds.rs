//! Many processes at once, as a build or a `terraform apply` starts them.

use std::process::Command;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use super::bench::Bench;
use super::case::{Case, output};
use super::floors;
use super::rungs::spoil;
use super::support::{Machine, TENANT};
use super::user::command;

/// How many there are.
const MANY: usize = 100;
const GET: &[&str] = &["get", TENANT, "--interactive", "never"];

/// Where a token is kept, and where one has to be renewed.
pub fn run(bench: &Bench) {
    let rounds = (bench.rounds / 5).max(3);
    warm(bench, rounds);
    let machines: Vec<_> = bench.programs.iter().map(|_| Machine::signed_in()).collect();
    let mut cases = Vec::new();
    for (program, machine) in bench.programs.iter().zip(&machines) {
        let (alone, call) = (format!("{}: one renewal", program.name), || command(machine, &program.path, GET));
        cases.push(Case::timed(alone.clone(), move || renewal(machine, || at_once(1, call).all())));
        let name = format!("{}: {MANY} at once, first end to last", program.name);
        cases.push(Case::timed(name, move || renewal(machine, || at_once(MANY, call).spread())).than(alone));
    }
    bench.table("crowds: one renewal for all of them", rounds, cases);
    machines.iter().for_each(Machine::assert_no_complaints);
}

fn warm(bench: &Bench, rounds: usize) {
    let machine = Machine::signed_in();
    let mut cases: Vec<_> =
        bench.floors.iter().map(|floor| Case::timed(floor.name, || at_once(MANY, || floor.command()).all())).collect();
    for program in &bench.programs {
        let call = || command(&machine, &program.path, GET);
        let floor = floors::of(program);
        cases.push(Case::timed(program.name, move || at_once(MANY, call).all()).than(floor));
    }
    let names: Vec<_> = cases.iter().map(|case| case.name.clone()).collect();
    let table = bench.table(&format!("crowds: {MANY} at once, answered from the cache"), rounds, cases);
    for (name, time) in names.iter().filter_map(|name| Some((name, table.median(name)?))) {
        println!("{name}: {:.0} calls a second", MANY as f64 / time.as_secs_f64());
    }
    println!();
}

/// How long it takes until `run` has had its token, which the server is asked for once.
fn renewal(machine: &Machine, run: impl FnOnce() -> Duration) -> Duration {
    spoil(machine, "veeam_refresh");
    let before = machine.sandbox.requests("veeam_token");
    let time = run();
    assert_eq!(machine.sandbox.requests("veeam_token"), before + 1, "one renewal serves all");
    time
}

/// When each of many processes began and ended.
struct Times(Vec<(Instant, Instant)>);

impl Times {
    fn starts(&self) -> impl Iterator<Item = Instant> {
        self.0.iter().map(|(start, _)| *start)
    }

    fn ends(&self) -> impl Iterator<Item = Instant> {
        self.0.iter().map(|(_, end)| *end)
    }

    /// From the first start to the last end.
    fn all(&self) -> Duration {
        self.ends().max().unwrap() - self.starts().min().unwrap()
    }

    /// From the first end to the last.
    fn spread(&self) -> Duration {
        self.ends().max().unwrap() - self.ends().min().unwrap()
    }
}

/// Starts `many` processes at once, each of which has to succeed.
fn at_once(many: usize, call: impl Fn() -> Command + Sync) -> Times {
    let barrier = Barrier::new(many);
    let one = || {
        let mut command = call();
        barrier.wait();
        let start = Instant::now();
        let output = output(&mut command, b"");
        let end = Instant::now();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        (start, end)
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..many).map(|_| scope.spawn(one)).collect();
        Times(threads.into_iter().map(|thread| thread.join().unwrap()).collect())
    })
}
