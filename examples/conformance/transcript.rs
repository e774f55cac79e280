//! Transcripts: sessions between a caller and a credential helper, in Markdown files that are read as
//! documentation and held to byte by byte.
//!
//! A section (`##`) is one transcript. A line `Given: STATE` says what there is before it, and its
//! `console` blocks are the session: a line `$ COMMAND` with the variables and arguments of a run,
//! `< ` before each line of its stdin, `! ` before each line of its stderr, `[exit N]` where it is not
//! 0, and every other line is a line of its stdout.

use std::path::Path;
use std::{fs, io};

/// One session.
pub(crate) struct Transcript {
    /// The section's title.
    pub(crate) title: String,
    /// The state before it, in the transcript's words.
    pub(crate) given: String,
    /// Its runs, in order.
    pub(crate) runs: Vec<Run>,
}

/// One run of the helper and what is expected of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Run {
    /// Variables of the environment.
    pub(crate) variables: Vec<(String, String)>,
    /// The name that the helper is called by.
    pub(crate) program: String,
    /// Its arguments.
    pub(crate) args: Vec<String>,
    /// Its stdin; none where nothing is said of it.
    pub(crate) stdin: String,
    /// Its whole stdout.
    pub(crate) stdout: String,
    /// Its whole stderr.
    pub(crate) stderr: String,
    /// Its exit code.
    pub(crate) code: i32,
}

/// Reads the transcripts of a file.
///
/// # Errors
/// The file cannot be read, or what is in it makes no sense.
pub(crate) fn read(path: &Path) -> io::Result<Vec<Transcript>> {
    parse(&fs::read_to_string(path)?).map_err(|why| io::Error::other(format!("{}: {why}", path.display())))
}

fn parse(text: &str) -> Result<Vec<Transcript>, String> {
    let mut transcripts: Vec<Transcript> = Vec::new();
    let mut in_session = false;
    for (number, line) in text.lines().enumerate() {
        let wrong = |why: &str| format!("line {}: {why}", number + 1);
        match (line, transcripts.last_mut()) {
            ("```console", Some(_)) => in_session = true,
            ("```", _) => in_session = false,
            (_, Some(transcript)) if in_session => transcript.add(line).map_err(|why| wrong(&why))?,
            _ => {
                if let Some(title) = line.strip_prefix("## ") {
                    transcripts.push(Transcript { title: title.into(), given: String::new(), runs: Vec::new() });
                } else if let (Some(given), Some(transcript)) = (line.strip_prefix("Given: "), transcripts.last_mut()) {
                    given.trim_end_matches('.').clone_into(&mut transcript.given);
                }
            }
        }
    }
    match transcripts.iter().find(|transcript| transcript.runs.is_empty() || transcript.given.is_empty()) {
        Some(empty) => Err(format!("`{}` has no session or nothing given", empty.title)),
        None => Ok(transcripts),
    }
}

impl Transcript {
    fn add(&mut self, line: &str) -> Result<(), String> {
        if let Some(command) = line.strip_prefix("$ ") {
            self.runs.push(Run::of(command)?);
            return Ok(());
        }
        let run = self.runs.last_mut().ok_or("a session begins with a command")?;
        if let Some(code) = line.strip_prefix("[exit ").and_then(|rest| rest.strip_suffix(']')) {
            run.code = code.parse().map_err(|_| "no exit code")?;
            return Ok(());
        }
        let (stream, words) = match line.split_at_checked(2) {
            Some(("< ", words)) => (&mut run.stdin, words),
            Some(("! ", words)) => (&mut run.stderr, words),
            _ => (&mut run.stdout, line),
        };
        *stream += words;
        stream.push('\n');
        Ok(())
    }
}

impl Run {
    /// The command as a shell would split it, which knows no more than words and single quotes.
    fn of(command: &str) -> Result<Self, String> {
        let mut words = split(command)?.into_iter().peekable();
        let mut run = Self::default();
        while let Some((name, value)) = words.peek().and_then(|word| word.split_once('=')) {
            run.variables.push((name.into(), value.into()));
            words.next();
        }
        run.program = words.next().ok_or("a command is missing")?;
        run.args = words.collect();
        Ok(run)
    }

    /// The same with every piece of text changed.
    pub(crate) fn map(&self, change: impl Fn(&str) -> String) -> Self {
        Self {
            variables: self.variables.iter().map(|(name, value)| (name.clone(), change(value))).collect(),
            program: self.program.clone(),
            args: self.args.iter().map(|arg| change(arg)).collect(),
            stdin: change(&self.stdin),
            stdout: change(&self.stdout),
            stderr: change(&self.stderr),
            code: self.code,
        }
    }
}

fn split(command: &str) -> Result<Vec<String>, String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), None::<String>, false);
    for c in command.chars() {
        match c {
            '\'' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            ' ' if !quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    if quoted { Err("a quote is not closed".into()) } else { Ok(words) }
}
