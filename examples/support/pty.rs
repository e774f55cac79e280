//! Runs a program as a tool does whose user sits at a terminal: the streams are not the terminal,
//! and yet `/dev/tty` is there. Every wait is bounded, and nothing outlives its [`Session`].
//!
//! The terminal becomes the controlling one by setsid(1) of util-linux, so that no unsafe code is needed.
#![allow(dead_code, clippy::panic, reason = "shared by programs that need parts of it, and fail at the first surprise")]

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::OFlags;
use rustix::process::{Pid, Signal, kill_process_group};
use rustix::pty::{grantpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use tempfile::TempDir;

/// The first argument is the program's stdin, the rest its command line: the terminal, which
/// setsid(1) wants as its own stdin, is replaced before the program starts.
const START: &str = r#"stdin=$1; shift; exec "$@" <"$stdin""#;
/// How often a child is asked whether it has ended.
const GLANCE: Duration = Duration::from_millis(10);
/// How long what was written may take to arrive here after its writer ended.
const ARRIVAL: Duration = Duration::from_secs(2);

/// Names the tool that [`Session::start`] needs and this machine lacks.
pub(crate) fn missing_tool() -> Option<&'static str> {
    let found = Command::new("setsid").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    (!found.is_ok_and(|status| status.success())).then_some("setsid")
}

/// A program that runs with a terminal of its own.
pub(crate) struct Session {
    child: Child,
    master: File,
    /// Kept open, because the terminal hangs up where nobody has it open for a moment.
    slave: Option<File>,
    terminal: Collector,
    stdout: Collector,
    stderr: Collector,
    _stdin: TempDir,
}

/// What a program left behind.
#[derive(Debug)]
pub(crate) struct Finished {
    /// The exit code; `None` if a signal ended it.
    pub(crate) code: Option<i32>,
    /// All of stdout.
    pub(crate) stdout: Vec<u8>,
    /// All of stderr.
    pub(crate) stderr: Vec<u8>,
    /// All that the terminal showed, its line ends as `\n`.
    pub(crate) terminal: String,
}

impl Session {
    /// Starts `program` with `env` and `PATH` as its whole environment, and `stdin` as all it can read there.
    ///
    /// # Panics
    /// There is no terminal to be had, or the program cannot be started.
    pub(crate) fn start(program: &Path, args: &[&str], env: &[(&str, &str)], stdin: &[u8]) -> Self {
        Self::start_on((80, 24), program, args, env, stdin)
    }

    /// The same at a terminal of so many columns and rows.
    ///
    /// # Panics
    /// As [`Session::start`].
    pub(crate) fn start_on(
        size: (u16, u16),
        program: &Path,
        args: &[&str],
        env: &[(&str, &str)],
        stdin: &[u8],
    ) -> Self {
        Self::try_start(size, program, args, env, stdin)
            .unwrap_or_else(|error| panic!("{} cannot be started at a terminal: {error}", program.display()))
    }

    fn try_start(
        size: (u16, u16),
        program: &Path,
        args: &[&str],
        env: &[(&str, &str)],
        stdin: &[u8],
    ) -> io::Result<Self> {
        let (master, slave) = open_terminal()?;
        tcsetwinsize(&master, window(size))?;
        let directory = tempfile::tempdir()?;
        let stdin_file = directory.path().join("stdin");
        fs::write(&stdin_file, stdin)?;

        let mut command = Command::new("setsid");
        command.args(["--ctty", "sh", "-c", START, "sh"]).arg(stdin_file).arg(program).args(args);
        command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path))).envs(env.iter().copied());
        command.stdin(slave.try_clone()?).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        Ok(Self {
            terminal: Collector::start(Some(master.try_clone()?)),
            stdout: Collector::start(child.stdout.take()),
            stderr: Collector::start(child.stderr.take()),
            child,
            master,
            slave: Some(slave),
            _stdin: directory,
        })
    }

    /// The process's id, which is that of its session and process group as well.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until the terminal shows `text`; returns all it has shown since the start.
    ///
    /// # Panics
    /// As [`Session::try_wait_for`] fails.
    pub(crate) fn wait_for(&self, text: &str, limit: Duration) -> String {
        self.try_wait_for(text, limit).unwrap_or_else(|why| panic!("{why}"))
    }

    /// As [`Session::wait_for`].
    ///
    /// # Errors
    /// The text does not show within `limit`, or the program ended before; says what showed instead.
    pub(crate) fn try_wait_for(&self, text: &str, limit: Duration) -> Result<String, String> {
        let start = Instant::now();
        loop {
            let has_ended = self.stdout.has_ended() && self.stderr.has_ended();
            if self.terminal.wait(GLANCE * 5, |seen| as_text(seen).contains(text)) {
                return Ok(as_text(&self.terminal.lock().bytes));
            }
            if has_ended || start.elapsed() >= limit {
                return Err(format!("the terminal does not show {text:?}; {}", self.seen()));
            }
        }
    }

    /// Types `bytes` at the terminal; `\x03` is Ctrl-C.
    ///
    /// # Panics
    /// The terminal is gone.
    pub(crate) fn send(&self, bytes: impl AsRef<[u8]>) {
        let sent = (&self.master).write_all(bytes.as_ref());
        sent.unwrap_or_else(|error| panic!("nothing can be typed at the terminal: {error}"));
    }

    /// The terminal becomes this large, as when a window is dragged.
    ///
    /// # Panics
    /// The terminal is gone.
    pub(crate) fn resize(&self, columns: u16, rows: u16) {
        tcsetwinsize(&self.master, window((columns, rows)))
            .unwrap_or_else(|error| panic!("the terminal cannot be resized: {error}"));
    }

    /// Waits for the program's end.
    ///
    /// # Panics
    /// It does not end within `limit`.
    pub(crate) fn finish(self, limit: Duration) -> Finished {
        self.try_finish(limit).unwrap_or_else(|why| panic!("{why}"))
    }

    /// As [`Session::finish`].
    ///
    /// # Errors
    /// The program does not end within `limit`, and is killed; says what it wrote.
    pub(crate) fn try_finish(mut self, limit: Duration) -> Result<Finished, String> {
        let Some(status) = wait(&mut self.child, limit) else {
            return Err(format!("the program has not ended within {limit:?}; {}", self.seen()));
        };
        drop(self.slave.take());
        Ok(Finished {
            code: status.code(),
            stdout: self.stdout.all(),
            stderr: self.stderr.all(),
            terminal: as_text(&self.terminal.all()),
        })
    }

    fn seen(&self) -> String {
        let text = |collector: &Collector| as_text(&collector.lock().bytes);
        format!("terminal: {}\nstdout: {}\nstderr: {}", text(&self.terminal), text(&self.stdout), text(&self.stderr))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        // The group is there once setsid(1) has made it; before that, killing the child is enough.
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for the end of `child`; `None` if it still runs after `limit`.
///
/// # Panics
/// The system has lost it.
pub(crate) fn wait(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let start = Instant::now();
    loop {
        let ended = child.try_wait().unwrap_or_else(|error| panic!("process {} is lost: {error}", child.id()));
        if ended.is_some() || start.elapsed() >= limit {
            return ended;
        }
        thread::sleep(GLANCE);
    }
}

/// A new terminal's two ends, neither of which becomes this process's own terminal or a child's by accident.
fn open_terminal() -> io::Result<(File, File)> {
    let no_controlling = i32::try_from(OFlags::NOCTTY.bits()).unwrap_or_default();
    let open = |path: &Path| File::options().read(true).write(true).custom_flags(no_controlling).open(path);
    let master = open(Path::new("/dev/ptmx"))?;
    grantpt(&master)?;
    unlockpt(&master)?;
    let slave = PathBuf::from(OsString::from_vec(ptsname(&master, Vec::new())?.into_bytes()));
    Ok((master, open(&slave)?))
}

fn window((columns, rows): (u16, u16)) -> Winsize {
    Winsize { ws_col: columns, ws_row: rows, ws_xpixel: 0, ws_ypixel: 0 }
}

fn as_text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace("\r\n", "\n")
}

/// Reads a stream on a thread of its own, so that its writer never waits for a reader.
struct Collector {
    shared: Arc<(Mutex<Collected>, Condvar)>,
}

#[derive(Default)]
struct Collected {
    bytes: Vec<u8>,
    ended: bool,
}

impl Collector {
    fn start(source: Option<impl Read + Send + 'static>) -> Self {
        let collector = Self { shared: Arc::default() };
        let shared = Arc::clone(&collector.shared);
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            let mut source = source;
            // A terminal ends with an error (EIO), a pipe with nothing.
            while let Some(count @ 1..) = source.as_mut().and_then(|source| source.read(&mut buffer).ok()) {
                locked(&shared.0).bytes.extend_from_slice(&buffer[..count]);
                shared.1.notify_all();
            }
            locked(&shared.0).ended = true;
            shared.1.notify_all();
        });
        collector
    }

    /// Whether `wanted` held for what was read, at the latest after `limit`.
    fn wait(&self, limit: Duration, wanted: impl Fn(&[u8]) -> bool) -> bool {
        let waiting = |collected: &mut Collected| !wanted(&collected.bytes) && !collected.ended;
        let waited = self.shared.1.wait_timeout_while(self.lock(), limit, waiting);
        wanted(&waited.unwrap_or_else(PoisonError::into_inner).0.bytes)
    }

    /// All of it, as soon as the stream has ended: what still has it open is not waited for long.
    fn all(&self) -> Vec<u8> {
        self.wait(ARRIVAL, |_| false);
        std::mem::take(&mut self.lock().bytes)
    }

    fn has_ended(&self) -> bool {
        self.lock().ended
    }

    fn lock(&self) -> MutexGuard<'_, Collected> {
        locked(&self.shared.0)
    }
}

fn locked(mutex: &Mutex<Collected>) -> MutexGuard<'_, Collected> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
