//! `completions`: what a shell needs to ask this program how a word may go on, and the answers. clap makes
//! both; here are the names that only the user's files know, and what shells do to words.

mod candidates;

use std::ffi::{OsStr, OsString};
use std::path::{Path, absolute};

use clap_complete::engine::CompletionCandidate;
use clap_complete::env::Shells;

use super::Answer;
use crate::cli::{CompletionsArgs, ShellArg};
use crate::config::Places;
use crate::error::{Error, Kind, Result};
use crate::protocol::Variables;
use crate::secret::Secret;

/// Names the shell that asks.
const VARIABLE: &str = "VB365_HELPER_COMPLETE";
/// Which of the words is completed, and what its shell wants between the answers.
const INDEX: &str = "_CLAP_COMPLETE_INDEX";
const SEPARATOR: &str = "_CLAP_IFS";
/// What bash makes words of their own, and so hands over in pieces.
const BREAKS: [char; 2] = [':', '='];
/// Stands for this program's path while the script is made.
const PROGRAM: &str = "VB365_HELPER_PROGRAM";

/// The script for a shell, which starts this program as it was `called`.
///
/// # Errors
/// Kind `internal`: clap does not know the shell.
pub fn run(args: &CompletionsArgs, called: &OsStr) -> Result<Answer> {
    let program = program(called);
    let mut script = Vec::new();
    let shells = Shells::builtins();
    let shell = shells.completer(&args.shell.name());
    // In bash's script the path stands in quotes already, where others would be a part of it.
    let named = if args.shell == ShellArg::Bash { PROGRAM } else { &program };
    let written =
        shell.map(|shell| shell.write_registration(VARIABLE, "vb365-helper", "vb365-helper", named, &mut script));
    if !matches!(written, Some(Ok(()))) {
        return Err(Error::new(Kind::Internal, format!("there are no completions for {}", args.shell.name())));
    }
    let script = String::from_utf8_lossy(&script).replace(PROGRAM, &in_double_quotes(&program));
    Ok(Secret::new(format!("{}\n", script.trim()).into_bytes()))
}

/// The words that a shell may go on with, if it is one that asks; quickly, quietly and without a lock.
pub fn answer(
    args: &[OsString],
    variables: Variables<'_>,
    places: impl FnOnce(Option<&OsStr>) -> Places,
) -> Option<Answer> {
    // Nobody else begins like this: no call of a program pays for a look at the environment.
    let words = args.get(1).filter(|first| *first == "--").and(args.get(2..))?;
    let shell = variables(VARIABLE)?.into_string().ok()?;
    let number = |name| variables(name)?.to_str()?.parse::<usize>().ok();
    let index = number(INDEX).unwrap_or(words.len().saturating_sub(1));
    let mut words = words.to_vec();
    if index >= words.len() {
        // The word that only begins here; some shells leave it out.
        words.push(OsString::new());
    }
    let index = index.min(words.len() - 1);
    let (index, stays) = if shell == "bash" { mend(&mut words, index) } else { (index, String::new()) };
    let config = words.iter().position(|word| word == "--config").and_then(|at| words.get(at + 1));
    let mut command = candidates::command(places(config.map(OsString::as_os_str)));
    // Without an answer a shell does what it does without us.
    let found = clap_complete::engine::complete(&mut command, words, index, Some(Path::new("."))).unwrap_or_default();
    let separator = variables(SEPARATOR).and_then(|value| value.into_string().ok()).unwrap_or("\n".to_owned());
    let lines: Vec<String> = found.iter().map(|candidate| line(candidate, &shell, &stays)).collect();
    Some(Secret::new(lines.join(&separator).into_bytes()))
}

/// One candidate as `shell` reads it; bash replaces only what is behind `stays`.
fn line(candidate: &CompletionCandidate, shell: &str, stays: &str) -> String {
    let value = candidate.get_value().to_string_lossy();
    let help = candidate.get_help().map(ToString::to_string).unwrap_or_default();
    let help = help.lines().next().unwrap_or_default();
    match shell {
        "zsh" => {
            let value = value.replace('\\', "\\\\").replace(':', "\\:");
            if help.is_empty() { value } else { format!("{value}:{}", help.replace('\\', "\\\\")) }
        }
        "bash" => value.strip_prefix(stays).unwrap_or(&value).to_owned(),
        _ if help.is_empty() => value.into_owned(),
        _ => format!("{value}\t{help}"),
    }
}

/// Puts together what bash took apart at [`BREAKS`], as `https : //host` was one word; answers where the
/// word to complete is then, and what of it bash keeps.
fn mend(words: &mut Vec<OsString>, index: usize) -> (usize, String) {
    let is_break = |word: &OsString| {
        word.to_str().is_some_and(|word| !word.is_empty() && word.chars().all(|c| BREAKS.contains(&c)))
    };
    let (mut whole, mut at) = (Vec::<OsString>::new(), 0);
    let mut glue = false;
    for (place, word) in words.drain(..).enumerate().take(index + 1) {
        let joins = is_break(&word);
        match whole.last_mut() {
            Some(last) if place > 1 && (joins || glue) => last.push(&word),
            _ => whole.push(word),
        }
        glue = joins;
        at = whole.len() - 1;
    }
    let word = whole[at].to_string_lossy();
    let stays = word.rfind(BREAKS).map_or("", |end| &word[..=end]).to_owned();
    *words = whole;
    (at, stays)
}

/// How the script starts this program: by its name, where the shell finds it by `PATH` now and after an
/// update; else by where it is.
fn program(called: &OsStr) -> String {
    let path = Path::new(called);
    let is_name = path.components().count() == 1;
    let path = if is_name { path.to_owned() } else { absolute(path).unwrap_or(path.to_owned()) };
    path.to_string_lossy().into_owned()
}

/// `text` inside double quotes of a POSIX shell.
fn in_double_quotes(text: &str) -> String {
    let escaped = |c: char| if "\\\"$`".contains(c) { format!("\\{c}") } else { c.to_string() };
    text.chars().map(escaped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_bash_took_apart_are_put_together() {
        for (words, index, whole, at, stays) in [
            (&["x", "get", "a"][..], 2, &["x", "get", "a"][..], 2, ""),
            (&["x", "get", "--server", "https", ":", "//vb"], 5, &["x", "get", "--server", "https://vb"], 3, "https:"),
            (
                &["x", "get", "--server", "https", ":", "//vb", ":", ""],
                7,
                &["x", "get", "--server", "https://vb:"],
                3,
                "https://vb:",
            ),
            (&["x", "get", "--server", "=", "ht"], 4, &["x", "get", "--server=ht"], 2, "--server="),
            (&["x", "get", "a", "--want", "="], 4, &["x", "get", "a", "--want="], 3, "--want="),
        ] {
            let mut words: Vec<OsString> = words.iter().map(OsString::from).collect();
            assert_eq!(mend(&mut words, index), (at, stays.to_owned()), "{whole:?}");
            assert_eq!(words, whole);
        }
    }
}
