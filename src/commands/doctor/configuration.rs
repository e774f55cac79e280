//! The configuration file: whether it is there, and whether only its owner can name a destination in it.

use super::finding::{Finding, Findings};
use crate::config::Config;
use crate::files;

/// What these findings are about.
pub(super) const ABOUT: &str = "configuration";

/// Checks the file, which could be read.
pub(super) fn check(config: &Config) -> Vec<Finding> {
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
    findings.list
}
