//! What can be learnt of a process from outside, and of its end: arguments, environment, memory,
//! core files and panics hold no secret, and neither does what it says of words typed in a wrong place.

use crate::support::{Home, Machine, TENANT, started};

#[test]
fn a_token_typed_in_a_wrong_place_is_not_repeated() {
    // Letters between digits, and none of it a file or a tenant.
    let token = "eyJ0eXAiOiJKV1QiLCJhbGciOiJub25lIn0.eyJ1cG4iOiJhZG1pbiJ9".to_owned() + &"_canary".repeat(9);
    let home = Home::new();
    let (flag, short, path) = (format!("--{token}"), format!("-{token}"), format!("https://h/{token}"));
    let (with, long, query) = (format!("--json={token}"), format!("5{token}"), format!("https://h?{token}"));
    let dotted = token.replace("_", ".");
    for words in [
        &["get", &token][..],
        &["store", &token],
        &["erase", &token],
        &["login", &token],
        &["schema", &token],
        &["list", &token],
        &[&token],
        &[&flag],
        &["get", &flag],
        &["get", &short],
        &["list", &with],
        &["get", TENANT, &token],
        &["get", TENANT, "--server", &token],
        &["get", TENANT, "--server", &dotted],
        &["get", TENANT, "--want", &token],
        &["get", TENANT, "--interactive", &token],
        &["get", TENANT, "--min-ttl", &token],
        &["get", TENANT, "--min-ttl", &long],
        &["get", TENANT, "--timeout", &long],
        &["login", TENANT, "--server", "https://h", "--pin-sha256", &token],
        &["login", TENANT, "--server", "https://h", "--api-version", &token],
        &["login", TENANT, "--server", "https://h", "--authority", &token],
        &["login", TENANT, "--server", "https://h", "--scope", &token],
        &["login", TENANT, "--server", "https://h", "--timeout", &long],
    ] {
        for level in ["off", "debug", "trace", &token] {
            let output = started(|| home.command(words).env("VB365_HELPER_LOG", level).output());
            let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
            assert_eq!(output.status.code(), Some(2), "{said}");
            assert!(!said.contains("canary") && !said.to_ascii_lowercase().contains("eyj"), "{said}");
        }
    }
    // Of an address only the host is looked at.
    for address in [&path, &query] {
        let outcome = home.run(&["get", TENANT, "--server", address], b"");
        assert_eq!(outcome.error("config")["message"], format!("https://h is no configured server of {TENANT}"));
        assert!(!outcome.stdout.contains("eyJ"), "{}", outcome.stdout);
    }
}

#[cfg(debug_assertions)]
#[test]
fn a_panic_tells_its_place_alone_and_holds_nobody_up() {
    let place = "src/host/crash.rs";
    let mut steps = 0;
    loop {
        let machine = Machine::signed_in();
        machine.expire_veeam(TENANT);
        machine.sandbox.revoke_veeam_refresh();
        machine.expire_entra(TENANT);
        let mut get = machine.command(&["get", TENANT, "--interactive", "never"]);
        let output = started(|| get.env("VB365_HELPER_CRASH", format!("panic@{}", steps + 1)).output());
        if output.status.success() {
            break;
        }
        steps += 1;
        // Whichever way the compiler's own machine writes paths.
        let said = String::from_utf8(output.stderr).unwrap().replace('\\', "/");
        let line = said.strip_prefix(&format!("vb365-helper: internal error at {place}:"));
        let line = line.and_then(|rest| rest.strip_suffix(", please report it\n"));
        assert!(line.is_some_and(|line| line.parse::<u32>().is_ok()), "step {steps}: {said:?}");
        assert_eq!((output.status.code(), &output.stdout[..]), (Some(1), &b""[..]), "step {steps}");
        // The lock is free, and what was lost is got anew.
        machine.get(TENANT, &["--timeout", "5s"]).answer();
    }
    assert!(steps > 20, "a renewal of both systems' tokens has only {steps} steps");
}

#[cfg(all(debug_assertions, target_os = "linux"))]
mod linux {
    use std::fs;
    use std::io::{BufRead, BufReader};
    use std::os::unix::fs::MetadataExt;
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Child, Command, Stdio};

    use rustix::process::{Pid, Signal, kill_process};
    use serde_json::json;

    use crate::support::elsewhere::has_tool;
    use crate::support::hostile::{Role, Victim, answer};
    use crate::support::{TENANT, veeam};

    /// Starts `command`, which waits with all secrets in its memory, and returns once it does.
    fn stalled(command: &mut Command, stdin: &[u8]) -> Child {
        use std::io::Write;
        command.env("VB365_HELPER_CRASH", "stall@answer_read").env("VB365_HELPER_LOG", "trace");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(stdin).unwrap();
        let mut log = BufReader::new(child.stderr.as_mut().unwrap()).lines().map(Result::unwrap);
        assert!(log.any(|line| line.ends_with(": answer_read")), "it has never got that far");
        child
    }

    fn end(mut child: Child, with: Signal) -> std::process::ExitStatus {
        kill_process(Pid::from_child(&child), with).unwrap();
        child.wait().unwrap()
    }

    fn refreshing() -> Victim {
        Victim::new(Role::VeeamRefresh, |_| answer(200, &veeam("2").to_string()))
    }

    #[test]
    fn arguments_and_environment_hold_no_secret() {
        let victim = refreshing();
        let request = json!({ "version": 1, "tenant": TENANT, "refused_token": "canary-veeam-access-1" }).to_string();
        let child = stalled(&mut victim.command(&["get", "--interactive", "never"]), request.as_bytes());
        let proc = |name: &str| fs::read(format!("/proc/{}/{name}", child.id()));
        let arguments = String::from_utf8(proc("cmdline").unwrap()).unwrap();
        assert!(arguments.ends_with("\0get\0--interactive\0never\0"), "{arguments:?}");
        // Only root can read it at all.
        let environment = proc("environ").map(|bytes| String::from_utf8(bytes).unwrap());
        assert!(environment.is_err() || environment.is_ok_and(|text| !text.contains("canary")));
        let limits = String::from_utf8(proc("limits").unwrap()).unwrap();
        let core = limits.lines().find_map(|line| line.strip_prefix("Max core file size")).unwrap();
        assert_eq!(core.split_whitespace().collect::<Vec<_>>(), ["0", "0", "bytes"]);
        end(child, Signal::KILL);
    }

    #[test]
    fn nobody_else_looks_into_its_memory_and_no_core_file_keeps_it() {
        if !has_tool("setpriv") {
            return;
        }
        let victim = refreshing();
        let get = victim.as_nobody(&["get", TENANT, "--interactive", "never"]);
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -c unlimited && exec \"$@\"", "sh"]).arg(get.get_program()).args(get.get_args());
        command.env_clear().envs(get.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let child = stalled(command.current_dir(victim.home()), b"");
        // What may not be dumped belongs to root there, whoever runs it (proc(5)).
        assert_eq!(fs::metadata(format!("/proc/{}/mem", child.id())).unwrap().uid(), 0);
        let status = end(child, Signal::ABORT);
        assert_eq!((status.signal(), status.core_dumped()), (Some(6), false));
        let files: Vec<_> = fs::read_dir(victim.home()).unwrap().map(|file| file.unwrap().file_name()).collect();
        assert!(!files.iter().any(|name| name.to_string_lossy().starts_with("core")), "{files:?}");
    }
}
