//! The findings for people: a line each, below the thing they are about, and below those that are not well
//! what mends them.

use std::collections::HashMap;

use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width, presets};

use super::finding::{Finding, State};
use crate::screen::{Meaning, Screen};

/// Of so many findings with the same check and state each is told; of more, their number.
const MOST: usize = 20;
/// Before each line, in characters.
const MARGIN: usize = 1;
/// Around the words of a column, in characters.
const PADDING: usize = 2;

/// Draws the page.
pub(super) fn draw(findings: &[Finding], screen: Screen) -> String {
    let (shown, more) = chosen(findings);
    let width = |word: fn(&Finding) -> &str| shown.iter().map(|finding| word(finding).len()).max().unwrap_or_default();
    let widths = [width(|finding| finding.state.name()), width(|finding| finding.check)];
    let (mut text, mut about) = (String::new(), "");
    for finding in &shown {
        if finding.about != about {
            about = &finding.about;
            text += &format!("{}\n", screen.paint(Meaning::Strong, about));
        }
        text += &line(finding, widths, screen);
        if let Some(hint) = &finding.hint {
            text += &format!("   {} {hint}\n", screen.paint(Meaning::Faint, "->"));
        }
    }
    for (check, count) in more {
        text += &format!("{count} more like these were found: {check}; vb365-helper doctor --json has all of them\n");
    }
    text
}

/// One finding; where it is too long for the screen, it goes on below its own words.
fn line(finding: &Finding, widths: [usize; 2], screen: Screen) -> String {
    let state = finding.state.name();
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    if let Some(columns) = screen.columns {
        table.set_width(u16::try_from(columns.saturating_sub(MARGIN)).unwrap_or(u16::MAX));
    }
    table.add_row([state, finding.check, &finding.message]);
    for (column, width) in table.column_iter_mut().zip(widths) {
        column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(
            u16::try_from(width + PADDING).unwrap_or(u16::MAX),
        )));
    }
    let text: String = table.lines().map(|line| format!(" {}\n", line.trim_end())).collect();
    text.replacen(state, &screen.paint(meaning(finding.state), state), 1)
}

/// What is told one by one, and how much more there is of each check.
fn chosen(findings: &[Finding]) -> (Vec<&Finding>, Vec<(&'static str, usize)>) {
    let mut counts: HashMap<(&str, &str), usize> = HashMap::new();
    let (mut shown, mut more): (Vec<&Finding>, Vec<(&'static str, usize)>) = (Vec::new(), Vec::new());
    for finding in findings {
        let count = counts.entry((finding.check, finding.state.name())).or_default();
        *count += 1;
        if *count <= MOST {
            shown.push(finding);
        } else if let Some((_, more)) = more.iter_mut().find(|(check, _)| *check == finding.check) {
            *more += 1;
        } else {
            more.push((finding.check, 1));
        }
    }
    (shown, more)
}

fn meaning(state: State) -> Meaning {
    match state {
        State::Ok => Meaning::Good,
        State::Warning => Meaning::Warning,
        State::Failure(_) => Meaning::Bad,
    }
}
