//! kubectl and everything else made with client-go: a user of the kubeconfig whose credential comes
//! from this program (Kubernetes, `client-authentication.v1`, "ExecConfig").

use std::env::split_paths;
use std::path::PathBuf;

use super::edit::{Deed, Edit};
use super::kubeconfig::{User, has_user};
use super::yaml::word;
use super::{Desk, Piece, Wiring};
use crate::error::{Error, Kind, Result};
use crate::files;

/// What a person reads whose kubectl does not find the program.
const INSTALL_HINT: &str = "vb365-helper hands out tokens for Veeam Backup for Microsoft 365; \
                            install it, then run: vb365-helper setup kubectl --write";

pub(super) fn wiring(desk: &Desk<'_>) -> Result<Wiring> {
    let settings = desk.config.settings(&desk.tenant()?)?;
    let args = desk.get(&settings)?;
    let name = format!("vb365-{}", settings.tenant.key());
    let path = kubeconfig(desk, &name)?;
    let user = User::new(lines(&name, &desk.program, &args));
    let user = user.map_err(|why| Error::new(Kind::Internal, format!("the user cannot be written: {why}")))?;
    let text = format!("users:\n{}", user.item(0));
    Ok(Wiring {
        pieces: vec![Piece {
            about: vec![format!("A user for {}.", path.display())],
            text,
            edits: vec![Edit {
                path,
                deed: Deed::LockedText(Box::new(move |old, force| user.merged_into(old, force))),
            }],
        }],
        next: vec![format!("Use it in a context: kubectl config set-context CONTEXT --user={name}")],
    })
}

/// The user, as an item of `users`.
fn lines(name: &str, program: &str, args: &[String]) -> Vec<String> {
    let fixed = |line: &str| line.to_owned();
    let mut lines = vec![
        format!("name: {}", word(name)),
        fixed("user:"),
        fixed("  exec:"),
        fixed("    apiVersion: client.authentication.k8s.io/v1"),
        format!("    command: {}", word(program)),
        fixed("    args:"),
    ];
    lines.extend(args.iter().map(|arg| format!("    - {}", word(arg))));
    lines.extend([
        fixed("    interactiveMode: IfAvailable"),
        fixed("    provideClusterInfo: false"),
        format!("    installHint: {}", word(INSTALL_HINT)),
    ]);
    lines
}

/// The file that kubectl would write a new user to: of several in `KUBECONFIG` the first that is there,
/// else the last (client-go, `PathOptions.GetDefaultFilename`). A user of this name stays in its file.
fn kubeconfig(desk: &Desk<'_>, name: &str) -> Result<PathBuf> {
    let list = (desk.variables)("KUBECONFIG").unwrap_or_default();
    let files: Vec<_> = split_paths(&list).filter(|path| !path.as_os_str().is_empty()).collect();
    let holds = |path: &&PathBuf| {
        files::read(path).is_ok_and(|text| std::str::from_utf8(&text).is_ok_and(|text| has_user(text, name)))
    };
    let found = files.iter().find(holds).or_else(|| files.iter().find(|path| path.exists())).or(files.last());
    let Some(found) = found else { return Ok(home(desk)?.join(".kube").join("config")) };
    std::path::absolute(found)
        .map_err(|error| Error::new(Kind::Config, format!("{} cannot be found: {error}", found.display())))
}

/// kubectl's own rule for Windows: a `HOME` that has a kubeconfig comes first.
fn home(desk: &Desk<'_>) -> Result<PathBuf> {
    let has_file = |home: &PathBuf| cfg!(windows) && home.join(".kube").join("config").exists();
    desk.place("HOME").filter(has_file).map_or_else(|| desk.home(), Ok)
}
