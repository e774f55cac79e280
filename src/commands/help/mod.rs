//! `help`: a command's help, or a topic. The topics are sections of README.md, which is compiled in as it
//! is: what is said there is said here in the same words.

mod markdown;

use std::ffi::OsString;

use self::markdown::Markdown;
use super::Answer;
use crate::cli::{self, HelpArgs};
use crate::error::{Error, Kind, Result};
use crate::screen::Screen;
use crate::secret::Secret;
use crate::text::without_tokens;
use crate::typo;

const README: &str = include_str!("../../../README.md");

/// Every topic with the heading of its section.
const TOPICS: [(&str, &str); 19] = [
    ("first-use", "First use"),
    ("sign-in", "Signing in"),
    ("certificates", "Trusting a server"),
    ("seeing", "Seeing what is kept"),
    ("keeping-alive", "Keeping sign-ins alive"),
    ("unattended", "Unattended jobs"),
    ("config", "Configuration"),
    ("protection", "Tokens at rest"),
    ("protocol", "Protocol"),
    ("exit-codes", "Errors and exit codes"),
    ("callers", "Callers"),
    ("kubectl", "kubectl"),
    ("terraform", "Terraform"),
    ("curl", "curl and shells"),
    ("bazel", "Bazel and others"),
    ("powershell", "PowerShell"),
    ("files", "Files"),
    ("trouble", "When things go wrong"),
    ("security", "Security"),
];

/// Explains what is asked for.
///
/// # Errors
/// Kind `bad_request`: neither a command nor a topic.
pub fn run(args: &HelpArgs, screen: Screen) -> Result<Answer> {
    let Some(about) = args.about.as_deref() else { return Ok(overview(screen)) };
    if let Some((_, heading)) = TOPICS.iter().find(|(name, _)| *name == about) {
        let section = Markdown::section(README, heading).unwrap_or_default();
        return Ok(text(section.rendered(screen, cli::width(screen))));
    }
    if cli::commands().iter().any(|(name, _)| name == about) {
        return Ok(of(&["vb365-helper".into(), about.into(), "--help".into()], screen));
    }
    let names = names();
    let near = typo::nearest(about, names.iter().map(String::as_str));
    let hint = near.map_or("vb365-helper help".to_owned(), |near| format!("vb365-helper help {near}"));
    let message = format!("there is no command and no topic {}", without_tokens(about));
    Err(Error::new(Kind::BadRequest, message).with_hint(hint))
}

/// Where to begin, the commands and the topics.
pub fn overview(screen: Screen) -> Answer {
    of(&["vb365-helper".into(), "--help".into()], screen)
}

/// The help that these arguments of the program ask for.
pub fn of(args: &[OsString], screen: Screen) -> Answer {
    text(cli::help(args, screen, &TOPICS.map(|(name, _)| name)))
}

/// What can be explained: the commands and the topics.
pub fn names() -> Vec<String> {
    let topics = TOPICS.iter().map(|(name, _)| (*name).to_owned());
    cli::commands().into_iter().map(|(name, _)| name).chain(topics).collect()
}

/// What each exit code tells a caller to do, row by row: code, kind and words.
pub fn exit_codes() -> Vec<Vec<String>> {
    let section = Markdown::section(README, "Errors and exit codes").unwrap_or_default();
    section.table().into_iter().skip(1).collect()
}

fn text(text: String) -> Answer {
    Secret::new(text.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::KINDS;

    #[test]
    fn every_topic_is_a_section_of_the_readme() {
        for (name, heading) in TOPICS {
            assert!(Markdown::section(README, heading).is_some(), "{name}");
            assert!(!cli::commands().iter().any(|(command, _)| command == name), "{name} is a command");
        }
    }

    #[test]
    fn the_readme_explains_every_exit_code() {
        let rows = exit_codes();
        let told: Vec<_> = rows.iter().map(|row| (row[0].as_str(), row[1].as_str())).collect();
        let kinds: Vec<_> = KINDS.iter().map(|(_, kind, code)| (code.to_string(), *kind)).collect();
        let kinds = kinds.iter().map(|(code, kind)| (code.as_str(), *kind));
        assert_eq!(told, [("0", "")].into_iter().chain(kinds).collect::<Vec<_>>());
        assert!(rows.iter().all(|row| row.len() == 3 && !row[2].is_empty()));
    }
}
