//! Gathers what only a process has (arguments, environment, streams, clock, terminal) and runs.

use std::env;
use std::io;
use std::process::ExitCode;

use vb365_helper::host::{self, SystemClock, SystemInput, SystemTerminal};
use vb365_helper::{Streams, run};

#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

#[allow(clippy::disallowed_methods, reason = "the one place that knows the process")]
fn main() -> ExitCode {
    host::harden();
    host::hide_panics();
    let variable = |name| env::var_os(name).filter(|value| !value.is_empty());
    #[cfg(debug_assertions)]
    host::plan_crash(variable("VB365_HELPER_CRASH").as_deref());
    host::keep_journal(variable("VB365_HELPER_LOG").as_deref());
    let args: Vec<_> = env::args_os().collect();
    let streams = Streams {
        stdin: &mut SystemInput::new(),
        stdout: &mut io::stdout(),
        stdout_surface: &host::stdout_surface,
        stderr: &mut io::stderr(),
    };
    let clock = SystemClock::start();
    ExitCode::from(run(&args, &|name| env::var_os(name), &env::current_exe, streams, &clock, &SystemTerminal))
}
