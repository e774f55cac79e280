//! Arguments of `help`, and the screens of help: clap writes those of commands, and the one of the whole
//! program says where to begin. All of it is made only when somebody asks.

use std::ffi::OsString;

use clap::{Args, CommandFactory, Subcommand};

use super::{Cli, PersonCommand, ProgramCommand};
use crate::screen::{Meaning, Screen};
use crate::text::filled;

/// Lines longer than this are hard to read, however wide the terminal is.
const WIDEST: usize = 100;
/// The width where there is no terminal.
const USUAL: usize = 80;

const BEGIN: [&str; 3] =
    ["login abc.onmicrosoft.com --server https://vb365.abc.local:4443", "get abc.onmicrosoft.com", "setup curl"];
const NEXT: &str = "vb365-helper help COMMAND or TOPIC explains one, with examples.";

const ABOUT: &str = "\
    Explains a command, as its --help does, or a topic, as README.md does. Without \
    either, shows where to begin and lists both.";
const EXAMPLES: &str = "\
Examples:
  # What the exit codes mean
  vb365-helper help exit-codes
  # How programs ask and are answered
  vb365-helper help protocol
  # A command
  vb365-helper help login";

/// Arguments of `help`.
#[derive(Args, Debug)]
#[command(long_about = ABOUT, after_long_help = EXAMPLES)]
pub struct HelpArgs {
    /// A command or a topic
    #[arg(value_name = "ABOUT")]
    pub about: Option<String>,
}

/// How wide texts for people are on `screen`.
pub fn width(screen: Screen) -> usize {
    screen.columns.map_or(USUAL, |columns| columns.min(WIDEST))
}

/// The names of the commands, with what each does in a line.
pub fn commands() -> Vec<(String, String)> {
    named(&Cli::command())
}

/// The help that `args` ask for.
pub fn help(args: &[OsString], screen: Screen, topics: &[&str]) -> String {
    let command = Cli::command().term_width(width(screen)).help_template(template(screen, topics));
    // These belong to `get`, whose help has them.
    let command = ["protocol", "for_tenant", "interactive"]
        .into_iter()
        .fold(command, |command, name| command.mut_arg(name, |arg| arg.hide(true)));
    // Whoever asks for no help gets none.
    let help = command.try_get_matches_from(args).map_or_else(|error| error.render().to_string(), |_| String::new());
    help.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

/// The whole program's screen: where to begin, the commands by who calls them, and the topics.
fn template(screen: Screen, topics: &[&str]) -> String {
    let empty = || clap::Command::new("");
    let people = named(&PersonCommand::augment_subcommands(empty()));
    let programs = named(&ProgramCommand::augment_subcommands(empty()));
    let longest = people.iter().chain(&programs).map(|(name, _)| name.len()).max().unwrap_or(0);
    let rows = |rows: Vec<(String, String)>| {
        rows.iter().map(|(name, about)| format!("  {name:longest$}  {about}\n")).collect::<String>()
    };
    let begin: String = BEGIN.iter().map(|line| format!("  vb365-helper {line}\n")).collect();
    let part = |head: &str, body: &str| format!("{}\n{body}\n", screen.paint(Meaning::Strong, head));
    [
        "{about-with-newline}\n{usage-heading} {usage}\n\n",
        &part("Where to begin:", &begin),
        &part("For people:", &rows(people)),
        &part("For programs:", &rows(programs)),
        &part("Topics:", &filled("  ", &topics.join(" "), width(screen))),
        &part("Options:", "{options}\n"),
        NEXT,
    ]
    .concat()
}

fn named(command: &clap::Command) -> Vec<(String, String)> {
    let row = |command: &clap::Command| {
        (command.get_name().to_owned(), command.get_about().map(ToString::to_string).unwrap_or_default())
    };
    command.get_subcommands().filter(|command| !command.is_hide_set()).map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{command, parse};

    /// What a shell shows in a line of 80 columns, its mark for a line that goes on included.
    const LONGEST_EXAMPLE: usize = 78;

    /// The command lines of this program in a text of examples, up to what a shell takes for itself.
    fn calls(text: &str) -> Vec<Vec<OsString>> {
        let text = text.replace("\\\n", " ");
        let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
        let calls = lines.flat_map(|line| line.match_indices("vb365-helper ").map(|(at, _)| &line[at..]));
        let words = |call: &str| call.split(['|', '<', '>', '&', ';', ')']).next().map(ToOwned::to_owned);
        calls.filter_map(words).map(|call| call.split_whitespace().map(OsString::from).collect()).collect()
    }

    #[test]
    fn every_command_says_what_it_is_for_and_shows_it_by_examples_that_work() {
        for command in command().get_subcommands() {
            let name = command.get_name();
            let long = command.get_long_about().map(ToString::to_string).unwrap_or_default();
            assert!(long.ends_with('.'), "{name} has no long_about");
            let examples = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
            let calls = calls(&examples);
            assert!(examples.starts_with("Examples:\n") && calls.len() >= 2, "{name} has no examples");
            for call in calls {
                assert!(call[1..].iter().any(|word| word == name), "{call:?} is no example of {name}");
                assert!(parse(&call).is_ok(), "{call:?}: {:?}", parse(&call));
            }
        }
    }

    #[test]
    fn an_example_fits_a_terminal_so_that_it_can_be_copied() {
        for command in command().get_subcommands() {
            let examples = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
            let long: Vec<_> = examples.lines().filter(|line| line.chars().count() > LONGEST_EXAMPLE).collect();
            assert!(long.is_empty(), "{}: {long:?}", command.get_name());
        }
    }

    #[test]
    fn the_first_steps_are_commands() {
        for line in BEGIN {
            assert!(parse(&calls(&format!("vb365-helper {line}"))[0]).is_ok(), "{line}");
        }
    }
}
