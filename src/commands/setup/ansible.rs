//! Ansible: a lookup that runs on the controller, and a task whose output nobody logs.

use super::curl::{ca_file, example_url, pin_hints};
use super::yaml::{quoted, word};
use super::{Desk, Piece, Wiring, shell};
use crate::error::Result;

pub(super) fn wiring(desk: &Desk<'_>) -> Result<Wiring> {
    let settings = desk.config.settings(&desk.tenant()?)?;
    let server = desk.server(&settings)?;
    let mut get = vec![desk.program.clone()];
    get.extend(desk.get(&settings)?);
    get.extend(["--protocol", "token"].map(str::to_owned));
    let command = shell::sh(&get).replace('\\', "\\\\").replace('\'', "\\'");
    let header = format!("Bearer {{{{ lookup('ansible.builtin.pipe', '{command}') }}}}");
    let ca_path = ca_file(&settings).map(|path| format!("    ca_path: {}\n", word(&path))).unwrap_or_default();
    let text = format!(
        "- name: Ask Veeam Backup for Microsoft 365 for the organization\n  ansible.builtin.uri:\n    url: {}\n    headers:\n      \
         Authorization: {}\n{ca_path}    follow_redirects: none\n    return_content: true\n  vars:\n    ansible_pipelining: true\n  register: vb365_organization\n  no_log: true\n",
        quoted(&example_url(&settings, &server)),
        quoted(&header),
    );
    let about = vec![
        "A task for a playbook. The program runs on the controller, as the user who runs Ansible.".to_owned(),
        "The token stays out of logs and callbacks by no_log, out of temporary files by ansible_pipelining, and"
            .to_owned(),
        "with the server by follow_redirects; leave them there.".to_owned(),
    ];
    let next = pin_hints(&settings, &server, "ca_path: vb365.pem to the task");
    Ok(Wiring { pieces: vec![Piece { about, text, edits: Vec::new() }], next })
}
