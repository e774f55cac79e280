//! A person's seat: runs at a terminal of their own, with pipes for all three streams.

use std::ffi::OsStr;
use std::process::Command;
use std::time::Duration;

use super::Home;
use super::pty::{self, Finished, Session};

/// How long anything at a terminal may take.
pub const SOON: Duration = Duration::from_secs(20);
/// The last words of the prompt.
pub const PROMPT: &str = "Ctrl-C cancels.";

impl Home {
    /// A run at a terminal of its own, with pipes for all three streams.
    pub fn at_a_terminal(&self, args: &[&str]) -> Session {
        self.at_a_terminal_by(&self.command(args), &[])
    }

    /// The same at a terminal of this size that can show everything, with more variables in the environment.
    pub fn at_a_terminal_of(&self, size: (u16, u16), args: &[&str], more: &[(&str, &str)]) -> Session {
        let mut command = self.command(&[]);
        command.env("TERM", "xterm").env("LANG", "C.UTF-8");
        let program = command.get_program().to_owned();
        with_env(&command, more, |env| Session::start_on(size, program.as_ref(), args, env, b""))
    }

    /// A run whose output is on a terminal of this size, too, as where a person types the command.
    pub fn on_a_terminal(&self, (columns, rows): (u16, u16), args: &[&str], more: &[(&str, &str)]) -> Finished {
        let mut command = self.command(&[]);
        let program = command.get_program().to_owned();
        command.env("TERM", "xterm").env("LANG", "C.UTF-8");
        let mut line = vec!["-c", r#"exec "$@" >/dev/tty 2>/dev/tty"#, "sh", program.to_str().unwrap()];
        line.extend(args);
        with_env(&command, more, |env| Session::start_on((columns, rows), "sh".as_ref(), &line, env, b"")).finish(SOON)
    }

    /// The same for any command of this home's, with more variables in its environment.
    pub fn at_a_terminal_by(&self, command: &Command, more: &[(&str, &str)]) -> Session {
        let args: Vec<_> = command.get_args().map(text).collect();
        let args: Vec<_> = args.iter().map(String::as_str).collect();
        with_env(command, more, |env| Session::start(command.get_program().as_ref(), &args, env, b""))
    }
}

/// Has `start` what of the environment `command` sets, and `more`.
fn with_env<T>(command: &Command, more: &[(&str, &str)], start: impl FnOnce(&[(&str, &str)]) -> T) -> T {
    // `PATH` is the tests' own, for the tools that make the terminal.
    let env = command.get_envs().filter(|(name, _)| *name != "PATH");
    let env: Vec<_> = env.filter_map(|(name, value)| Some((text(name), text(value?)))).collect();
    let env: Vec<_> = env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    start(&[&env[..], more].concat())
}

fn text(value: &OsStr) -> String {
    value.to_str().unwrap().to_owned()
}

/// Whether programs can be run at a terminal here; where not, that is said, and where every test
/// must run, it is a failure.
pub fn can_use_terminals() -> bool {
    pty::missing_tool().is_none_or(|tool| super::skip(&format!("{tool} (util-linux) is missing")))
}
