//! Runs in places that a test cannot make by itself: on a disk of its own, as a user without
//! rights, with few file descriptors. Each needs a tool of util-linux, and says where it lacks it.

use std::fs;
use std::os::unix::fs::chown;
use std::path::Path;
use std::process::{Command, Stdio};

use super::{Home, Outcome, skip};

/// The user and group of a process without rights.
const NOBODY: u32 = 65534;
/// Where the tools are, whatever `PATH` says.
const TOOLS: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// Puts the cache on a small disk of its own ($1), does what the test wants ($2) and runs the rest.
/// What is kept there at the end is left in `kept`.
const ON_A_DISK: &str = r#"
set -e
cd "$HOME"
cache=$1 setup=$2
shift 2
cp -a "$cache" seed
mount -t tmpfs -o size=64k,mode=0700 tmpfs "$cache"
cp -a seed/. "$cache"
eval "$setup"
set +e
"$@"
code=$?
cp -a "$cache" kept
exit $code
"#;

/// Whether a disk can be mounted here, in a name space that nobody else sees.
pub fn can_mount() -> bool {
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]);
    works(&mut command) || skip("unshare (util-linux) or a name space to mount a disk in is missing")
}

/// Whether the system calls of a run can be seen here, with the paths in them.
pub fn can_trace() -> bool {
    has_tool("strace") && super::is_root("look into a process that hides its memory")
}

/// Whether `tool` is there.
pub fn has_tool(tool: &str) -> bool {
    works(Command::new(tool).arg("--version")) || skip(&format!("{tool} is missing"))
}

fn works(command: &mut Command) -> bool {
    command.env("PATH", TOOLS).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

impl Home {
    /// A run whose cache is on a disk of its own, on which the shell did `setup` first, with the
    /// cache directory as `$cache`.
    pub fn on_a_disk(&self, setup: &str, args: &[&str]) -> Command {
        let cache = self.cache_dir().display().to_string();
        let shell = ["--map-root-user", "--mount", "sh", "-c", ON_A_DISK, "sh", &cache, setup];
        self.by(&[&["unshare"], &shell[..]].concat(), self.command(args))
    }

    /// A run as a user without rights, to whom the home then belongs.
    pub fn as_nobody(&self, args: &[&str]) -> Command {
        let mut plain = self.command(args);
        if !rustix::process::geteuid().is_root() {
            plain.env("PATH", TOOLS);
            return plain;
        }
        // Where tests are built, nobody may have nothing to look for.
        let program = self.home().join("program");
        if !program.exists() {
            // By a process of its own: what this one has open for writing, a child that another
            // test is just starting has as well, and nobody can run it then.
            let copied = Command::new("cp").env("PATH", TOOLS).arg(plain.get_program()).arg(&program).status();
            assert!(copied.unwrap().success());
        }
        give_away(&self.home());
        self.as_nobody_again(args)
    }

    /// The same once more, when the home is somebody's already, and perhaps closed to others.
    pub fn as_nobody_again(&self, args: &[&str]) -> Command {
        if !rustix::process::geteuid().is_root() {
            return self.as_nobody(args);
        }
        let mut command = Command::new(self.home().join("program"));
        command.args(args);
        self.by_nobody(command)
    }

    fn by_nobody(&self, command: Command) -> Command {
        let nobody = NOBODY.to_string();
        self.by(&["setpriv", "--reuid", &nobody, "--regid", &nobody, "--clear-groups"], command)
    }

    /// A run that can have `count` file descriptors open, the three of its streams among them.
    pub fn with_descriptors(&self, count: usize, args: &[&str]) -> Command {
        self.by(&["prlimit", &format!("--nofile={count}:{count}")], self.command(args))
    }

    /// The system calls that `command` makes in the directory `cwd`, as strace(1) writes them.
    pub fn trace(&self, flags: &[&str], command: Command, cwd: &Path) -> String {
        let trace = self.home().join("trace");
        let tool = [&["strace", "-f"], flags, &["-o", trace.to_str().unwrap()]].concat();
        super::piped(&mut self.by(&tool, command)).current_dir(cwd).output().unwrap();
        fs::read_to_string(trace).unwrap()
    }

    /// A run in which the system call `name` fails with `error`.
    pub fn with_failing_call(&self, name: &str, error: &str, args: &[&str]) -> Command {
        let inject = format!("inject={name}:error={error}");
        self.by(&["strace", "-f", "-o", "/dev/null", "-e", &inject], self.command(args))
    }

    /// What is kept for `tenant` on the disk of a run that ended.
    pub fn kept_on_disk(&self, tenant: &str) -> Vec<u8> {
        fs::read(self.home().join("kept").join(format!("{tenant}.json"))).unwrap()
    }

    /// `command` started by a tool, with the environment of every run.
    fn by(&self, tool: &[&str], command: Command) -> Command {
        let plain = self.command(&[]);
        let mut by = Command::new(tool[0]);
        by.args(&tool[1..]).arg(command.get_program()).args(command.get_args());
        by.env_clear().envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
        by.env("PATH", TOOLS).current_dir(self.home());
        by
    }
}

/// Runs to the end with nothing on stdin.
pub fn run(mut command: Command) -> Outcome {
    super::finish(super::piped(&mut command).spawn().unwrap())
}

fn give_away(path: &Path) {
    chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    for file in path.is_dir().then(|| fs::read_dir(path).unwrap()).into_iter().flatten() {
        give_away(&file.unwrap().path());
    }
}
