//! A process together with all that it starts: a process group of its own on Unix, a job object on Windows. What
//! leaves that on purpose, as a daemon does, is out of reach.

use std::io;
use std::process::{ChildStderr, ChildStdin, Command, ExitStatus};
use std::thread;
use std::time::Duration;

/// How long the end of what was killed is waited for: so often, so long.
const LAST_BREATHS: usize = 100;
const BREATH: Duration = Duration::from_millis(10);

/// A running process, which Ctrl-C at this program's terminal does not reach.
pub(super) struct Tree {
    root: platform::Root,
}

impl Tree {
    /// Starts `command`.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn start(command: Command) -> io::Result<Self> {
        Ok(Self { root: platform::start(command)? })
    }

    /// Its ends of the pipes that `command` asked for.
    pub(super) fn pipes(&mut self) -> (Option<ChildStdin>, Option<ChildStderr>) {
        platform::pipes(&mut self.root)
    }

    /// How the process has ended, if it has.
    ///
    /// # Errors
    /// It is lost.
    pub(super) fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.root.try_wait()
    }

    /// Kills all of it, and waits for its end, which the system may hold up, as on a file server that is gone.
    #[allow(clippy::disallowed_methods, reason = "the system's time, not the call's")]
    fn kill(&mut self) {
        platform::kill(&mut self.root);
        for _ in 0..LAST_BREATHS {
            if !matches!(self.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(BREATH);
        }
    }
}

/// It does not outlive its owner. One that has ended by itself is left alone: something of it may still be at
/// work, and its number may be another's.
impl Drop for Tree {
    fn drop(&mut self) {
        if matches!(self.try_wait(), Ok(None)) {
            self.kill();
        }
    }
}

#[cfg(unix)]
mod platform {
    use std::io;
    use std::os::unix::process::CommandExt;
    use std::process::{Child, ChildStderr, ChildStdin, Command};

    use rustix::process::{Pid, Signal, kill_process_group};

    pub(super) type Root = Child;

    pub(super) fn start(mut command: Command) -> io::Result<Root> {
        command.process_group(0).spawn()
    }

    pub(super) fn pipes(root: &mut Root) -> (Option<ChildStdin>, Option<ChildStderr>) {
        (root.stdin.take(), root.stderr.take())
    }

    pub(super) fn kill(root: &mut Root) {
        if let Some(group) = i32::try_from(root.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = root.kill();
    }
}

#[cfg(windows)]
mod platform {
    use std::io;
    use std::process::{ChildStderr, ChildStdin, Command};

    use process_wrap::std::{ChildWrapper, CommandWrap, CreationFlags, JobObject};
    use windows::Win32::System::Threading::CREATE_NO_WINDOW;

    pub(super) type Root = Box<dyn ChildWrapper>;

    pub(super) fn start(command: Command) -> io::Result<Root> {
        // A console of its own that nobody sees: none of this program's keys go there.
        CommandWrap::from(command).wrap(CreationFlags(CREATE_NO_WINDOW)).wrap(JobObject).spawn()
    }

    pub(super) fn pipes(root: &mut Root) -> (Option<ChildStdin>, Option<ChildStderr>) {
        (root.stdin().take(), root.stderr().take())
    }

    pub(super) fn kill(root: &mut Root) {
        let _ = root.start_kill();
    }
}
