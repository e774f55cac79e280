//! The progress at the terminal: how many are done, and who is under way. Where nothing can move, nothing is
//! shown before the end.

use chrono::TimeDelta;

use super::queue::{Queue, Standing};
use crate::credential::Tenant;
use crate::host::{Clock, Terminal};
use crate::screen::{MovingLine, Screen};
use crate::text::{in_a_row, span};

/// How wide the bar is, in characters.
const WIDTH: usize = 24;

/// A bar at the terminal.
pub(super) struct Progress<'a> {
    line: Option<MovingLine<'a>>,
    screen: Screen,
}

impl<'a> Progress<'a> {
    pub(super) fn new(terminal: &'a dyn Terminal, screen: Screen, length: usize) -> Self {
        Self { line: MovingLine::new(terminal, screen).filter(|_| length > 1), screen }
    }

    pub(super) fn show(&mut self, queue: &Queue, clock: &dyn Clock) {
        let Some(line) = &mut self.line else { return };
        let standing = queue.standing(clock);
        let (done, length) = (standing.done, queue.len());
        let bar = bar(done, length, self.screen.unicode);
        line.show(None, &format!("{bar} {done}/{length} {}", message(&standing)));
    }

    pub(super) fn end(self) {
        if let Some(line) = self.line {
            line.end();
        }
    }
}

fn bar(done: usize, length: usize, is_unicode: bool) -> String {
    let full = WIDTH * done / length;
    let of = |full_mark: &str, mark: &str| full_mark.repeat(full) + &mark.repeat(WIDTH - full);
    if is_unicode { of("\u{2588}", "\u{2591}") } else { format!("[{}]", of("#", "-")) }
}

fn message(standing: &Standing) -> String {
    let failed = if standing.failed == 0 { String::new() } else { format!("{} failed, ", standing.failed) };
    let names = in_a_row(standing.under_way.iter().map(Tenant::as_str));
    let what = match standing.closed.first() {
        _ if standing.is_stopped => format!("stopping after {names}"),
        Some((host, delay)) if standing.under_way.is_empty() => {
            format!("{host} asks to wait, {} more", span(TimeDelta::from_std(*delay).unwrap_or(TimeDelta::MAX)))
        }
        _ => names,
    };
    failed + &what
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_full_at_the_end_and_not_before() {
        assert_eq!(bar(0, 3, false), "[------------------------]");
        assert_eq!(bar(1, 3, false), "[########----------------]");
        assert_eq!(bar(999, 1000, false), "[#######################-]");
        assert_eq!(bar(3, 3, true), "\u{2588}".repeat(WIDTH));
    }
}
