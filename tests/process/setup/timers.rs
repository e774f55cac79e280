//! What keeps sign-ins alive where there is no systemd: a line for cron, and a task of Windows.

use std::fs;

use super::{configured, program, with_ending};
#[cfg(unix)]
use super::{refused, setup};
use crate::support::{Home, TENANT};

#[cfg(unix)]
#[test]
fn a_line_for_cron_renews_all_tenants_or_one() {
    use super::program_in_shell;
    let home = configured();
    let (program, cache) = (program_in_shell(), home.cache_dir().display().to_string());
    let config = home.home().join("config.toml").display().to_string();
    let printed = setup(&home, &["cron"]);
    let line = |whom: &str| {
        format!(
            "\n17 5 * * * VB365_HELPER_CONFIG={config} VB365_HELPER_CACHE_DIR={cache} {program} refresh {whom} >/dev/null\n"
        )
    };
    assert!(printed.contains(&line("--all")), "{printed}");
    assert!(setup(&home, &["cron", TENANT]).contains(&line(TENANT)));
    assert!(refused(&home, &["cron", "--write"], 2).contains("there is no file to write for cron"));
}

#[cfg(unix)]
#[test]
fn what_cron_runs_is_what_was_meant() {
    use crate::support::{Machine, tool};
    let machine = Machine::signed_in();
    let odd = machine.home().join("100% my 'config'.toml");
    fs::copy(machine.home().join("config.toml"), &odd).unwrap();
    machine.expire_entra(TENANT);
    let printed = setup(&machine, &["cron", "--config", odd.to_str().unwrap()]);
    let line = printed.lines().find(|line| !line.starts_with('#')).unwrap();
    // As cron has it: five fields, and what stands behind a bare % would be stdin.
    let command = line.splitn(6, ' ').nth(5).unwrap().replace("\\%", "\u{0}");
    assert!(!command.contains('%'), "{line}");
    let Some(sh) = tool("sh") else { return };
    let mut cron = std::process::Command::new(sh);
    cron.env_clear().args(["-c", &command.replace('\u{0}', "%")]);
    let output = cron.output().unwrap();
    assert_eq!((output.status.code(), output.stdout.len(), output.stderr.len()), (Some(0), 0, 0), "{output:?}");
    assert_eq!(machine.sandbox.requests("entra_token"), 1);
}

fn with_local_data(home: &Home, args: &[&str]) -> String {
    let mut command = home.command(&[&["setup"], args].concat());
    let output = command.env("LOCALAPPDATA", home.home().join("Local")).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn arguments(config: &str, whom: &str) -> String {
    let config = if config.contains(' ') { format!("\"{config}\"") } else { config.to_owned() };
    format!("--config {config} refresh {whom}")
}

/// What stands in an element of the task, as Windows reads it.
fn told(task: &str, element: &str) -> String {
    let task = roxmltree::Document::parse(task).unwrap();
    let mut found = task.descendants().filter(|node| node.tag_name().name() == element);
    found.next().unwrap().text().unwrap().to_owned()
}

#[test]
fn a_task_of_windows_is_printed_as_it_is_written() {
    let home = configured();
    let printed = with_local_data(&home, &["task-scheduler"]);
    let words = with_local_data(&home, &["task-scheduler", "--write"]);
    let path = home.home().join("Local").join("vb365-helper").join("refresh-task.xml");
    let content = fs::read_to_string(&path).unwrap();
    assert!(printed.contains(&format!("# The content of {}:\n{content}", path.display())), "{printed}");
    assert!(words.contains(&format!("{}: made\n", path.display())), "{words}");
    let import = format!(
        "Register-ScheduledTask -TaskName 'vb365-helper refresh' -Xml (Get-Content -Raw -LiteralPath '{}')\n",
        path.display()
    );
    assert!(words.contains(&import), "{words}");
    assert_eq!(told(&content, "Command"), program());
    // The shell of this test says where both are.
    let config = home.home().join("config.toml").display().to_string();
    assert_eq!(told(&content, "Arguments"), arguments(&config, "--all"));
    assert!(words.contains(&format!("setx VB365_HELPER_CACHE_DIR \"{}\"\n", home.cache_dir().display())), "{words}");

    let other = with_local_data(&home, &["task-scheduler", TENANT, "--write", "--force"]);
    assert!(other.contains("changed"), "{other}");
    assert_eq!(told(&fs::read_to_string(&path).unwrap(), "Arguments"), arguments(&config, TENANT));
    assert_eq!(fs::read_to_string(with_ending(&path, ".vb365-backup")).unwrap(), content);
}

#[cfg(unix)]
#[test]
fn where_there_is_no_windows_there_is_no_task() {
    assert!(refused(&configured(), &["task-scheduler"], 2).contains("there is no Task Scheduler here"));
}
