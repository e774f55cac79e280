//! PowerShell: the module of this repository, put where PowerShell looks for a user's modules
//! (PowerShell, "about_PSModulePath").

use std::path::PathBuf;

use super::edit::Edit;
use super::{Desk, Piece, Wiring, shell};
use crate::error::Result;

const NAME: &str = "Vb365Helper";
/// The module's files.
const FILES: [(&str, &str); 3] = [
    ("Vb365Helper.psd1", include_str!("../../../examples/powershell/Vb365Helper/Vb365Helper.psd1")),
    ("Vb365Helper.psm1", include_str!("../../../examples/powershell/Vb365Helper/Vb365Helper.psm1")),
    ("CertificateRule.cs", include_str!("../../../examples/powershell/Vb365Helper/CertificateRule.cs")),
];

pub(super) fn wiring(desk: &Desk<'_>) -> Result<Wiring> {
    desk.no_server()?;
    let dirs = module_directories(desk)?;
    let shown: Vec<_> = dirs.iter().map(|dir| dir.join(NAME).display().to_string()).collect();
    let edit = |dir: &PathBuf| {
        let dir = dir.join(NAME);
        FILES.map(|(name, content)| Edit::whole(dir.join(name), content.to_owned()))
    };
    let about = vec![format!("The module comes with this program; with --write it goes to {}.", shown.join(" and "))];
    let text = format!("Import-Module {NAME}\n");
    let edits = dirs.iter().flat_map(edit).collect();
    let program = shell::powershell(&[&desk.program]);
    let mut next = vec![
        format!("What it can do: Get-Command -Module {NAME}"),
        format!("It looks for vb365-helper on the PATH, or where the variable VB365_HELPER says: {}", &program[2..]),
    ];
    if cfg!(windows) {
        next.push("If running scripts is disabled: Set-ExecutionPolicy -Scope CurrentUser RemoteSigned".to_owned());
    }
    Ok(Wiring { pieces: vec![Piece { about, text, edits }], next })
}

/// Of PowerShell 7, and of Windows PowerShell 5.1.
#[cfg(windows)]
fn module_directories(_: &Desk<'_>) -> Result<Vec<PathBuf>> {
    use crate::error::{Error, Kind};
    let user = directories::UserDirs::new();
    let documents = user.as_ref().and_then(|user| user.document_dir());
    let documents = documents.ok_or_else(|| Error::new(Kind::Config, "there is no directory for documents"))?;
    Ok(["PowerShell", "WindowsPowerShell"].map(|dir| documents.join(dir).join("Modules")).into())
}

#[cfg(not(windows))]
fn module_directories(desk: &Desk<'_>) -> Result<Vec<PathBuf>> {
    let data = desk.xdg("XDG_DATA_HOME").map_or_else(|| Ok(desk.home()?.join(".local").join("share")), Ok)?;
    Ok(vec![data.join("powershell").join("Modules")])
}
