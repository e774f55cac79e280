//! The table that people read, and that is Markdown as well.

use std::fmt;
use std::time::Duration;

use super::meters::Usage;

const HEADINGS: [&str; 9] =
    ["", "median", "minimum", "maximum", "in comparison", "instructions", "system calls", "CPU", "peak memory"];

/// What was measured beside each other.
pub struct Table {
    title: String,
    rows: Vec<Row>,
}

/// What a case came to.
pub struct Row {
    name: String,
    than: Option<String>,
    /// One for each round.
    times: Vec<Duration>,
    pub instructions: Option<u64>,
    pub system_calls: Option<u64>,
    /// One for each call that was looked at.
    pub usage: Vec<Usage>,
}

impl Row {
    /// A row with times alone.
    pub fn new(name: &str, than: Option<String>, times: Vec<Duration>) -> Self {
        Self { name: name.to_owned(), than, times, instructions: None, system_calls: None, usage: Vec::new() }
    }

    /// The time of the round in the middle.
    pub fn median(&self) -> Duration {
        median(self.times.clone())
    }

    fn of_usage<T: Ord + Copy>(&self, part: impl Fn(&Usage) -> T) -> Option<T> {
        (!self.usage.is_empty()).then(|| median(self.usage.iter().map(part).collect()))
    }

    fn cells(&self, table: &Table) -> [String; HEADINGS.len()] {
        let bound = |time: Option<&Duration>| time.map_or_else(none, |time| milliseconds(*time));
        [
            self.name.clone(),
            milliseconds(self.median()),
            bound(self.times.iter().min()),
            bound(self.times.iter().max()),
            self.than.as_ref().and_then(|than| table.ratio(self, than)).unwrap_or_else(none),
            self.instructions.map_or_else(none, grouped),
            self.system_calls.map_or_else(none, grouped),
            self.of_usage(|usage| usage.cpu).map_or_else(none, milliseconds),
            self.of_usage(|usage| usage.peak_kib).map_or_else(none, |kib| format!("{:.1} MiB", kib as f64 / 1024.0)),
        ]
    }
}

impl Table {
    /// A table of `rows`.
    pub fn new(title: &str, rows: Vec<Row>) -> Self {
        Self { title: title.to_owned(), rows }
    }

    /// Whether there was nothing to measure.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The median of the case of this name.
    pub fn median(&self, name: &str) -> Option<Duration> {
        self.rows.iter().find(|row| row.name == name).map(Row::median)
    }

    /// How many times as long `row` took as the case `than`: the median over the rounds, each of which had both.
    fn ratio(&self, row: &Row, than: &str) -> Option<String> {
        let other = self.rows.iter().find(|other| other.name == than)?;
        let pairs = row.times.iter().zip(&other.times);
        let mut ratios: Vec<_> = pairs.map(|(time, other)| time.as_secs_f64() / other.as_secs_f64()).collect();
        ratios.sort_by(f64::total_cmp);
        Some(format!("{:.2} x {than}", ratios[ratios.len() / 2]))
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body: Vec<_> = self.rows.iter().map(|row| row.cells(self)).collect();
        let headings = HEADINGS.map(str::to_owned);
        // What nothing was measured of needs no column.
        let shown: Vec<_> =
            (0..HEADINGS.len()).filter(|&at| at == 0 || body.iter().any(|cells| cells[at] != none())).collect();
        let width = |at: usize| body.iter().chain([&headings]).map(|cells| cells[at].chars().count()).max();
        writeln!(f, "### {}\n", self.title)?;
        let rule = HEADINGS.map(|_| String::new());
        for (line, cells) in [&headings, &rule].into_iter().chain(&body).enumerate() {
            for &at in &shown {
                let width = width(at).unwrap_or_default();
                match (line, at) {
                    (1, 0) => write!(f, "|{}", "-".repeat(width + 2))?,
                    (1, _) => write!(f, "|{}:", "-".repeat(width + 1))?,
                    (_, 0) => write!(f, "| {:<width$} ", cells[at])?,
                    _ => write!(f, "| {:>width$} ", cells[at])?,
                }
            }
            writeln!(f, "|")?;
        }
        Ok(())
    }
}

/// The one in the middle.
fn median<T: Ord + Copy>(mut values: Vec<T>) -> T {
    values.sort_unstable();
    values[values.len() / 2]
}

/// What is not measured.
fn none() -> String {
    "-".to_owned()
}

fn milliseconds(time: Duration) -> String {
    let time = time.as_secs_f64() * 1000.0;
    if time < 100.0 { format!("{time:.2} ms") } else { format!("{time:.0} ms") }
}

/// A number whose thousands can be told apart.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    groups.join(",")
}
