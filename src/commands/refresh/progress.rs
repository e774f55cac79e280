//! The progress at the terminal: how many are done, and who is under way. Where nothing can move, nothing is
//! shown before the end.

use chrono::TimeDelta;
use indicatif::{ProgressBar, ProgressStyle};

use super::queue::{Queue, Standing};
use crate::credential::Tenant;
use crate::host::{Clock, Terminal};
use crate::screen::{Canvas, Screen};
use crate::text::{in_a_row, span};

const UNICODE: &str = "{bar:24} {pos}/{len} {wide_msg}";
const ASCII: &str = "[{bar:24}] {pos}/{len} {wide_msg}";

/// A bar at the terminal.
pub(super) struct Progress<'a> {
    terminal: &'a dyn Terminal,
    bar: Option<(ProgressBar, Canvas)>,
}

impl<'a> Progress<'a> {
    pub(super) fn new(terminal: &'a dyn Terminal, screen: Screen, length: usize) -> Self {
        let surface = terminal.surface().filter(|_| screen.is_live && length > 1);
        let bar = surface.map(|surface| {
            let canvas = Canvas::new(surface);
            let bar = ProgressBar::with_draw_target(Some(length as u64), canvas.target());
            let (template, marks) = if screen.unicode { (UNICODE, "\u{2588}\u{2591}") } else { (ASCII, "#-") };
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style.progress_chars(marks));
            }
            (bar, canvas)
        });
        Self { terminal, bar }
    }

    pub(super) fn show(&mut self, queue: &Queue, clock: &dyn Clock) {
        let Some((bar, canvas)) = &self.bar else { return };
        let standing = queue.standing(clock);
        bar.set_message(message(&standing));
        bar.set_position(standing.done as u64);
        canvas.show_on(self.terminal);
    }

    pub(super) fn end(self) {
        if let Some((bar, canvas)) = self.bar {
            bar.finish_and_clear();
            canvas.end_on(self.terminal);
        }
    }
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
