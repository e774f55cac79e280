//! The prompt where there is no terminal: a command of the user's is given one document
//! (`schemas/prompt-v1.schema.json`) and tells a person elsewhere, by mail or chat. It gets the code that a
//! person enters and never the one that belongs to this program, and it can neither hold the call nor speak
//! in its name.

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use serde::Serialize;

use super::prompt::{Invitation, Prompt, Waiting};
use super::tree::Tree;
use super::{NotSignedIn, cancelled};
use crate::credential::{PromptCommand, Settings};
use crate::error::{Error, Kind, Result};
use crate::host::Terminal;
use crate::protocol::instant;
use crate::text::without_tokens;

/// How much of the command's words are kept for the error, in bytes; the rest is read and dropped.
const LONGEST_WORDS: usize = 2048;
/// How long the last words of a command that failed are waited for.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// The document.
#[derive(Serialize)]
struct Document<'a> {
    version: u64,
    tenant: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<&'a str>,
    identity_host: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<&'a str>,
    verification_uri: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    verification_uri_complete: Option<&'a str>,
    user_code: &'a str,
    expires_at: String,
}

/// A prompt by a command.
pub(super) struct ByCommand<'a> {
    command: &'a PromptCommand,
    /// Where Ctrl-C and a service's stop are heard, though nobody reads there.
    terminal: &'a dyn Terminal,
    settings: &'a Settings,
    running: Option<Running>,
}

/// Whatever ends the wait, the command does not outlive it.
struct Running {
    tree: Tree,
    words: Arc<Mutex<Vec<u8>>>,
}

impl<'a> ByCommand<'a> {
    pub(super) fn new(command: &'a PromptCommand, terminal: &'a dyn Terminal, settings: &'a Settings) -> Self {
        Self { command, terminal, settings, running: None }
    }

    fn failed(&self, why: &str) -> Error {
        let (tenant, program) = (&self.settings.tenant, self.command.program.display());
        let message = format!("a sign-in to {tenant} is due, and the prompt command {program} {why}");
        Error::new(Kind::LoginRequired, message).with_hint(format!("vb365-helper login {tenant}")).with_tenant(tenant)
    }
}

impl Prompt for ByCommand<'_> {
    fn show(&mut self, invitation: &Invitation<'_>) -> Result<()> {
        self.terminal.catch_interrupts();
        let document = serde_json::to_vec(&Document::from(invitation)).unwrap_or_default();
        let started = Running::start(self.command, document);
        self.running = Some(started.map_err(|error| self.failed(&format!("cannot be started: {error}")))?);
        Ok(())
    }

    fn tell(&mut self, _: Waiting, _: Duration) {}

    fn check(&mut self) -> Result<(), NotSignedIn> {
        if self.terminal.is_interrupted() {
            return Err(NotSignedIn::Declined(cancelled(&self.settings.tenant)));
        }
        let Some(Running { tree, words }) = &mut self.running else { return Ok(()) };
        match tree.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) if status.success() => {
                // It has told; whoever was told takes their time.
                self.running = None;
                Ok(())
            }
            Ok(Some(status)) => {
                let said = last_words(words);
                Err(NotSignedIn::Untold(self.failed(&format!("failed ({status}){said}"))))
            }
            Err(error) => Err(NotSignedIn::Failed(self.failed(&format!("is lost: {error}")))),
        }
    }

    fn close(&mut self) {
        self.running = None;
    }

    /// Nobody is there to be asked.
    fn confirms(&mut self, _: &str) -> bool {
        false
    }
}

impl Running {
    fn start(command: &PromptCommand, document: Vec<u8>) -> std::io::Result<Self> {
        let mut process = Command::new(&command.program);
        process.args(&command.args).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut tree = Tree::start(process)?;
        let (stdin, stderr) = tree.pipes();
        let running = Self { tree, words: Arc::default() };
        if let Some(mut stdin) = stdin {
            // On a thread of its own: it may never read, or close its end at once.
            thread::Builder::new().spawn(move || drop(stdin.write_all(&document)))?;
        }
        if let Some(stderr) = stderr {
            let words = Arc::clone(&running.words);
            thread::Builder::new().spawn(move || listen(stderr, &words))?;
        }
        Ok(running)
    }
}

impl<'a> From<&Invitation<'a>> for Document<'a> {
    fn from(invitation: &Invitation<'a>) -> Self {
        let Invitation { settings, server, account, code, expires_at, .. } = *invitation;
        Self {
            version: 1,
            tenant: settings.tenant.as_str(),
            server: server.map(crate::credential::Origin::as_str),
            identity_host: settings.authority.host(),
            account,
            verification_uri: &code.verification_uri,
            verification_uri_complete: code.complete_uri.as_deref(),
            user_code: &code.user_code,
            expires_at: instant(expires_at),
        }
    }
}

/// Keeps the first of what the command says, and reads on: a pipe that nobody reads would hold it.
fn listen(mut stderr: impl Read, words: &Mutex<Vec<u8>>) {
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = stderr.read(&mut buffer) {
        let mut words = words.lock().unwrap_or_else(PoisonError::into_inner);
        let room = LONGEST_WORDS.saturating_sub(words.len()).min(length);
        words.extend_from_slice(&buffer[..room]);
    }
}

/// The first line of them, as they can be shown.
fn last_words(words: &Mutex<Vec<u8>>) -> String {
    #[allow(clippy::disallowed_methods, reason = "the other thread's time, not the call's")]
    thread::sleep(LAST_WORDS);
    let words = words.lock().unwrap_or_else(PoisonError::into_inner);
    let text = String::from_utf8_lossy(&words);
    let line = without_tokens(text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default());
    if line.is_empty() { line } else { format!(": {line}") }
}
