//! What is measured, and how: all cases of a table in turn, round after round, so that whatever else the machine does
//! hits all of them alike.

use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use super::meters::{Meters, Usage};
use super::table::{Row, Table};

/// How many calls are looked at for CPU and memory, and from what time on a single one has to do.
const LOOKED_AT: usize = 10;
const LONG: Duration = Duration::from_millis(500);

/// A call, or something else that takes time.
pub struct Case<'a> {
    pub name: String,
    /// The name of the case that each round of this one is compared with.
    than: Option<String>,
    what: What<'a>,
    is_counted: bool,
}

enum What<'a> {
    Call(Call<'a>),
    Timed(Box<dyn FnMut() -> Duration + 'a>),
}

/// Whether stdout is what it has to be.
type Check<'a> = Box<dyn Fn(&[u8]) -> bool + 'a>;

/// One process from its start to its end, with pipes for its streams, as its callers have it.
struct Call<'a> {
    before: Box<dyn FnMut() + 'a>,
    command: Box<dyn Fn() -> Command + 'a>,
    stdin: Vec<u8>,
    check: Check<'a>,
}

impl<'a> Case<'a> {
    /// A call of what `command` makes.
    pub fn call(name: impl Into<String>, command: impl Fn() -> Command + 'a) -> Self {
        let call = Call {
            before: Box::new(|| {}),
            command: Box::new(command),
            stdin: Vec::new(),
            check: Box::new(|stdout| !stdout.is_empty()),
        };
        Self { name: name.into(), than: None, what: What::Call(call), is_counted: true }
    }

    /// What says itself how long it took.
    pub fn timed(name: impl Into<String>, run: impl FnMut() -> Duration + 'a) -> Self {
        Self { name: name.into(), than: None, what: What::Timed(Box::new(run)), is_counted: false }
    }

    /// Compared with the case of this name.
    pub fn than(self, name: impl Into<String>) -> Self {
        Self { than: Some(name.into()), ..self }
    }

    /// Without instructions and system calls, which take fifty times as long as the call.
    pub fn uncounted(self) -> Self {
        Self { is_counted: false, ..self }
    }

    /// With a request on stdin.
    pub fn stdin(self, request: impl Into<Vec<u8>>) -> Self {
        self.with(|call| call.stdin = request.into())
    }

    /// With something to do before each call, which is not measured.
    pub fn before(self, before: impl FnMut() + 'a) -> Self {
        self.with(|call| call.before = Box::new(before))
    }

    /// Believed only if stdout is what `check` wants.
    pub fn check(self, check: impl Fn(&[u8]) -> bool + 'a) -> Self {
        self.with(|call| call.check = Box::new(check))
    }

    fn with(mut self, change: impl FnOnce(&mut Call<'a>)) -> Self {
        if let What::Call(call) = &mut self.what {
            change(call);
        }
        self
    }

    fn once(&mut self) -> Duration {
        match &mut self.what {
            What::Call(call) => call.once(&self.name, |command| command),
            What::Timed(run) => run(),
        }
    }

    fn usage(&mut self, meters: &Meters) -> Option<Usage> {
        let What::Call(call) = &mut self.what else { return None };
        meters.usage(|wrap| {
            call.once(&self.name, wrap);
        })
    }

    fn count(&mut self, row: &mut Row, meters: &Meters) {
        let What::Call(call) = &mut self.what else { return };
        row.instructions = meters.instructions(|wrap| {
            call.once(&self.name, wrap);
        });
        row.system_calls = meters.system_calls(|wrap| {
            call.once(&self.name, wrap);
        });
    }
}

impl Call<'_> {
    /// How long it took, `wrap`ped into a meter or as it is.
    fn once(&mut self, name: &str, wrap: impl FnOnce(Command) -> Command) -> Duration {
        (self.before)();
        let mut command = wrap((self.command)());
        let start = Instant::now();
        let output = output(&mut command, &self.stdin);
        let time = start.elapsed();
        let is_good = output.status.success() && (self.check)(&output.stdout);
        // What stdout has may be a token.
        assert!(is_good, "{name}: {}: {}", output.status, String::from_utf8_lossy(&output.stderr));
        time
    }
}

/// What a process with this on stdin said.
pub fn output(command: &mut Command, stdin: &[u8]) -> Output {
    let input = if stdin.is_empty() { Stdio::null() } else { Stdio::piped() };
    command.stdin(input).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{:?}: {error}", command.get_program()));
    if let Some(mut pipe) = child.stdin.take() {
        // Who needs no request may have closed it.
        let _ = pipe.write_all(stdin);
    }
    child.wait_with_output().unwrap()
}

/// Measures `cases` in turn.
pub fn measure(title: &str, rounds: usize, mut cases: Vec<Case<'_>>, meters: &Meters) -> Table {
    let mut times = vec![Vec::with_capacity(rounds); cases.len()];
    for round in 0..rounds {
        let mut order: Vec<_> = cases.iter_mut().zip(&mut times).collect();
        // There and back: a program finds the processor warm if its own other case came before it.
        if round % 2 == 1 {
            order.reverse();
        }
        order.into_iter().for_each(|(case, times)| times.push(case.once()));
    }
    let mut rows: Vec<_> =
        cases.iter().zip(times).map(|(case, times)| Row::new(&case.name, case.than.clone(), times)).collect();
    for round in 0..LOOKED_AT {
        for (case, row) in cases.iter_mut().zip(&mut rows).filter(|(_, row)| round == 0 || row.median() < LONG) {
            row.usage.extend(case.usage(meters));
        }
    }
    for (case, row) in cases.iter_mut().zip(&mut rows).filter(|(case, _)| case.is_counted) {
        case.count(row, meters);
    }
    Table::new(title, rows)
}
