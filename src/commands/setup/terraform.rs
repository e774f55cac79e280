//! Terraform and OpenTofu: the block of the CLI configuration, and the program under the name that
//! Terraform looks for, in the one directory that it looks in (Terraform, "Credentials Helpers").

use std::fs;
use std::path::{Path, PathBuf};

use super::edit::{Deed, Edit, Refusal};
use super::hcl::{Helper, has_helper};
use super::yaml::quoted;
use super::{Desk, Piece, Wiring, shell, text};
use crate::error::{Error, Kind, Result};
use crate::files;

/// Names the CLI configuration, and then it is the only one.
const FILE_VARIABLE: &str = "TF_CLI_CONFIG_FILE";

pub(super) fn wiring(desk: &Desk<'_>) -> Result<Wiring> {
    desk.no_server()?;
    let mut args = desk.config_flag();
    if let Some(tenant) = &desk.args.tenant {
        args.extend(["--tenant".to_owned(), tenant.key().to_owned()]);
    }
    // Strings of HCL are those of JSON.
    let args: Vec<_> = args.iter().map(|arg| quoted(arg)).collect();
    let (file, link) = places(desk)?;
    let block = format!("credentials_helper \"vb365\" {{\n  args = [{}]\n}}\n", args.join(", "));
    let helper = Helper { block: block.clone() };
    let others = if desk.place(FILE_VARIABLE).is_none() { other_files(&link) } else { Vec::new() };
    let change = Box::new(move |old: Option<&str>, force| match others.iter().find(|path| is_with_helper(path)) {
        Some(other) => Err(Refusal::Elsewhere(format!("{} has a credentials_helper too", other.display()))),
        None => helper.added_to(old, force),
    });
    let about = vec![format!("For {}, where only one such block may stand.", file.display())];
    let block = Piece { about, text: block, edits: vec![Edit { path: file, deed: Deed::Text(change) }] };
    let about = vec!["Terraform finds the program in its own directory alone, under this name:".to_owned()];
    let edits = vec![Edit { path: link.clone(), deed: Deed::Link(PathBuf::from(&desk.program)) }];
    // Behind a #, so that all of it can go into the file below.
    let program = Piece { about, text: format!("#   {}\n", command(&desk.program, &link)?), edits };
    let next = vec![
        "Terraform then asks for the token of every configured VB365 server, and keeps all others here:".to_owned(),
        "terraform login HOST and terraform logout HOST go on as before.".to_owned(),
    ];
    // A block whose program is not there would be an error in every run of Terraform.
    Ok(Wiring { pieces: vec![program, block], next })
}

/// The CLI configuration, and the place of the program.
fn places(desk: &Desk<'_>) -> Result<(PathBuf, PathBuf)> {
    let named = desk.place(FILE_VARIABLE).map(std::path::absolute).transpose();
    let named = named.map_err(|error| Error::new(Kind::Config, format!("{FILE_VARIABLE} cannot be found: {error}")))?;
    let (file, dir, name) = if cfg!(windows) {
        let app_data = desk.place("APPDATA").filter(|dir| dir.is_absolute());
        let app_data = app_data.ok_or_else(|| Error::new(Kind::Config, "APPDATA is not set"))?;
        (app_data.join("terraform.rc"), app_data.join("terraform.d"), "terraform-credentials-vb365.exe")
    } else {
        let home = desk.home()?;
        (home.join(".terraformrc"), home.join(".terraform.d"), "terraform-credentials-vb365")
    };
    Ok((named.unwrap_or(file), dir.join("plugins").join(name)))
}

/// What Terraform reads beside its one file, unless a variable names that: `*.tfrc` in its directory.
fn other_files(link: &Path) -> Vec<PathBuf> {
    let dir = link.parent().and_then(Path::parent);
    let files = dir.and_then(|dir| fs::read_dir(dir).ok()).into_iter().flatten().flatten();
    files.map(|file| file.path()).filter(|path| path.extension().is_some_and(|ending| ending == "tfrc")).collect()
}

fn is_with_helper(path: &Path) -> bool {
    files::read(path).is_ok_and(|text| has_helper(&String::from_utf8_lossy(&text)))
}

/// What makes `link` lead to `program`.
fn command(program: &str, link: &Path) -> Result<String> {
    let (link, dir) = (text(link)?, link.parent().map_or(Ok(String::new()), text)?);
    Ok(if cfg!(windows) {
        let new = |words: &[&str]| shell::powershell(&[&["New-Item", "-ItemType"], words].concat());
        let directory = new(&["Directory", "-Force", "-Path", &dir]);
        format!("{directory}; {}", new(&["HardLink", "-Path", &link, "-Target", program]))
    } else {
        format!("{} && {}", shell::sh(&["mkdir", "-p", &dir]), shell::sh(&["ln", "-s", program, &link]))
    })
}
