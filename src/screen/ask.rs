//! Questions to the person at the terminal. What is not a clear yes is a no, and so is silence: somebody
//! who is not there must not hold the program, nor agree to anything.

use std::io;
use std::time::Duration;

use crate::host::Terminal;

/// How long an answer is waited for.
pub const PATIENCE: Duration = Duration::from_secs(120);
/// How often an answer that is neither yes nor no is asked again.
const TRIES: usize = 3;

/// Asks a question that is answered by yes or no; no is the default.
///
/// # Errors
/// Ctrl-C was pressed (`Interrupted`), or the terminal is gone.
pub fn confirm(terminal: &dyn Terminal, question: &str) -> io::Result<bool> {
    terminal.forget_typed();
    for _ in 0..TRIES {
        terminal.show(&format!("{question} [y/N] "))?;
        match answer(terminal)?.to_ascii_lowercase().as_str() {
            "y" | "yes" => return Ok(true),
            "" | "n" | "no" => return Ok(false),
            _ => terminal.show("Please type y or n.\n")?,
        }
    }
    Ok(false)
}

/// Asks to type `word`, where a `y` out of habit would do harm.
///
/// # Errors
/// As [`confirm`].
pub fn confirm_by_word(terminal: &dyn Terminal, question: &str, word: &str) -> io::Result<bool> {
    terminal.forget_typed();
    terminal.show(&format!("{question} "))?;
    Ok(answer(terminal)?.eq_ignore_ascii_case(word))
}

/// The line that is typed; an empty one where none comes in time.
fn answer(terminal: &dyn Terminal) -> io::Result<String> {
    match terminal.read_line(PATIENCE) {
        Ok(line) => Ok(line.trim().to_owned()),
        Err(error) if matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::UnexpectedEof) => {
            terminal.show("\n")?;
            Ok(String::new())
        }
        Err(error) => {
            terminal.show("\n")?;
            Err(error)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fake::FakeTerminal;

    fn asked(lines: &[&str]) -> (bool, String) {
        let terminal = FakeTerminal::default();
        terminal.will_type(lines);
        (confirm(&terminal, "Go on?").unwrap(), terminal.text())
    }

    #[test]
    fn only_a_clear_yes_is_one() {
        for yes in ["y", "Y", " yes ", "YES"] {
            assert!(asked(&[yes]).0, "{yes}");
        }
        for no in ["n", "No", "", " "] {
            assert!(!asked(&[no]).0, "{no}");
        }
        assert_eq!(asked(&["what", "y"]), (true, "Go on? [y/N] Please type y or n.\nGo on? [y/N] ".into()));
        assert!(!asked(&["a", "b", "c", "y"]).0);
        // Nobody answers.
        assert_eq!(asked(&[]), (false, "Go on? [y/N] \n".into()));
    }

    #[test]
    fn a_word_is_typed_as_it_is() {
        let typed = |line| {
            let terminal = FakeTerminal::default();
            terminal.will_type(&[line]);
            confirm_by_word(&terminal, "Type replace:", "replace").unwrap()
        };
        assert!(typed("replace") && typed(" Replace "));
        assert!(!typed("y") && !typed(""));
    }

    #[test]
    fn ctrl_c_is_no_answer() {
        let terminal = FakeTerminal::default();
        terminal.catch_interrupts();
        terminal.interrupt_after(1);
        assert_eq!(confirm(&terminal, "Go on?").unwrap_err().kind(), io::ErrorKind::Interrupted);
    }
}
