//! What is recorded, scene by scene; each goes on where the one before it ended.

use std::path::PathBuf;

use crate::pty::Session;
use crate::stage::{SERVER, Stage, seen};

/// One screen.
pub(crate) struct Recording {
    /// Its mark in README.md.
    pub(crate) name: &'static str,
    /// The command and what it showed.
    pub(crate) shown: String,
}

/// The words with which the prompt ends.
const PROMPT: &str = "Ctrl-C cancels";

/// Plays everything with `program`.
///
/// # Errors
/// What went otherwise than it should, in words.
pub(crate) fn record(program: PathBuf) -> Result<Vec<Recording>, String> {
    let stage = Stage::new(program).map_err(|error| format!("the installation cannot be played: {error}"))?;
    let server = format!("https://{SERVER}:4443");
    let approve: &dyn Fn(&Stage, &Session) = &|stage, _| {
        stage.sandbox.approve();
    };
    let login = stage.scene("login", &["login", "abc.onmicrosoft.com", "--server", &server], &[(PROMPT, approve)])?;
    Ok(vec![login])
}

impl Stage {
    /// Runs a command that has to succeed, and keeps what a person sees of it.
    fn scene(&self, name: &'static str, args: &[&str], cues: &[crate::stage::Cue<'_>]) -> Result<Recording, String> {
        let command = format!("$ vb365-helper {}\n", args.join(" "));
        let finished = self.run(args, cues)?;
        let said = format!(
            "{}{}{}",
            seen(&finished),
            String::from_utf8_lossy(&finished.stdout),
            String::from_utf8_lossy(&finished.stderr)
        );
        match finished.code {
            Some(0) => Ok(Recording { name, shown: command + &said }),
            _ => Err(format!("{command}ended otherwise than it should: {said}")),
        }
    }
}
