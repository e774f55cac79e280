//! The configuration file: whether it is there, whether only its owner can name a destination in it, and
//! whether the prompt command that it names can be started.

use std::env::split_paths;
use std::io::{self, ErrorKind};
use std::path::Path;

use super::finding::{Finding, Findings};
use crate::config::Config;
use crate::files;
use crate::protocol::Variables;

/// What these findings are about.
pub(super) const ABOUT: &str = "configuration";
/// Where the system looks for programs that has no `PATH`.
const USUAL_PATH: &str = "/bin:/usr/bin";

/// Checks the file, which could be read.
pub(super) fn check(config: &Config, variables: Variables<'_>) -> Vec<Finding> {
    let mut findings = Findings::about(ABOUT);
    let (path, tenants) = (config.path(), config.tenants().count());
    let shown = path.display();
    if let Some(error) = config.missed() {
        findings.fail("file", &error);
    } else if path.exists() {
        let tenants = if tenants == 1 { "1 tenant".to_owned() } else { format!("{tenants} tenants") };
        findings.ok("file", format!("{shown}, {tenants}"));
    } else {
        let hint = "vb365-helper login TENANT --server https://HOST:4443";
        findings.warn("file", format!("{shown} is not there yet"), hint);
    }
    if let Some(part) = files::shared_part(path) {
        let part = part.display();
        let message = format!("other users can change {part}, and with it where tokens go");
        findings.warn("permissions", message, format!("chmod go-w '{part}'"));
    }
    // What is wrong in the table is told of each tenant, whose calls it stops.
    if let Ok(Some(prompt)) = config.prompt() {
        check_prompt(&mut findings, &prompt.program, variables);
    }
    findings.list
}

/// A command that nobody starts before a sign-in is due had better be looked at before.
fn check_prompt(findings: &mut Findings, program: &Path, variables: Variables<'_>) {
    let shown = program.display();
    match startable(program, variables) {
        Ok(()) => findings.ok("prompt", shown.to_string()),
        Err(error) => {
            let hint = match error.kind() {
                ErrorKind::PermissionDenied => format!("chmod u+x '{shown}'"),
                _ => "vb365-helper help unattended".to_owned(),
            };
            findings.warn("prompt", format!("the prompt command {shown} cannot be started: {error}"), hint);
        }
    }
}

/// Whether there is such a program; a bare name is looked up as the system does it.
fn startable(program: &Path, variables: Variables<'_>) -> io::Result<()> {
    let is_name = program.components().count() == 1;
    // Windows looks elsewhere as well, and by more names.
    if cfg!(windows) && (is_name || program.extension().is_none()) {
        return Ok(());
    } else if !is_name {
        return files::check_executable(program);
    }
    let path = variables("PATH").unwrap_or_else(|| USUAL_PATH.into());
    if split_paths(&path).any(|dir| files::check_executable(&dir.join(program)).is_ok()) {
        return Ok(());
    }
    Err(io::Error::other("it is in no directory of PATH"))
}
