//! Terraform and OpenTofu: the block of the CLI configuration, and the program under the name that
//! Terraform looks for, in the one directory that it looks in (Terraform, "Credentials Helpers").

use std::fs;
use std::path::{Path, PathBuf};

use super::edit::{Deed, Edit, Refusal};
use super::hcl::{Helper, NAME};
use super::yaml::quoted;
use super::{Desk, Piece, Wiring, shell, text};
use crate::error::{Error, Kind, Result};
use crate::files;

/// Name the CLI configuration, the first that is set, and then it is the only one.
const FILE_VARIABLES: [&str; 2] = ["TF_CLI_CONFIG_FILE", "TERRAFORM_CONFIG"];

pub(super) fn wiring(desk: &Desk<'_>) -> Result<Wiring> {
    desk.no_server()?;
    let mut args = desk.config_flag();
    if let Some(tenant) = &desk.args.tenant {
        args.extend(["--tenant".to_owned(), tenant.key().to_owned()]);
    }
    // Strings of HCL are those of JSON.
    let args: Vec<_> = args.iter().map(|arg| quoted(arg)).collect();
    let (files, link) = places(desk)?;
    let block = format!("credentials_helper \"{NAME}\" {{\n  args = [{}]\n}}\n", args.join(", "));
    let helper = Helper { block: block.clone(), args };
    // It stays in the file that has it.
    let at = files.iter().position(|path| has(&helper, path) == Some(true)).unwrap_or(0);
    let file = files[at].clone();
    let about = vec![
        format!("For {}, where only one such block may stand.", file.display()),
        "With \"--interactive\", \"never\" among its args, nobody is ever asked to sign in.".to_owned(),
    ];
    let change = Box::new(move |old: Option<&str>, force| {
        let others = files.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, path)| path);
        match others.into_iter().find(|path| has(&helper, path) == Some(false)) {
            Some(other) => Err(Refusal::Elsewhere(format!("{} has a credentials_helper too", other.display()))),
            None => helper.added_to(old, force),
        }
    });
    let block = Piece { about, text: block, edits: vec![Edit { path: file, deed: Deed::Text(change) }] };
    let about = vec!["Terraform finds the program in its own directory alone, under this name:".to_owned()];
    let edits = vec![Edit { path: link.clone(), deed: Deed::Link(PathBuf::from(&desk.program)) }];
    // Behind a #, so that all of it can go into the file below.
    let program = Piece { about, text: format!("#   {}\n", command(&desk.program, &link)?), edits };
    let mut next = vec![
        "Terraform then asks for the token of every configured VB365 server, and keeps all others here:".to_owned(),
        "terraform login HOST and terraform logout HOST go on as before.".to_owned(),
    ];
    if cfg!(windows) {
        next.extend([
            "Windows has a copy of the program there, not a link. After an update of vb365-helper, run this again:"
                .to_owned(),
            "vb365-helper setup terraform --write --force".to_owned(),
        ]);
    }
    // A block whose program is not there would be an error in every run of Terraform.
    Ok(Wiring { pieces: vec![program, block], next })
}

/// The files of the CLI configuration, of which the first is the user's, and the place of the program.
fn places(desk: &Desk<'_>) -> Result<(Vec<PathBuf>, PathBuf)> {
    let named = FILE_VARIABLES.iter().find_map(|name| Some((name, desk.place(name)?)));
    let (file, dir, name) = if cfg!(windows) {
        let app_data = desk.place("APPDATA").filter(|dir| dir.is_absolute());
        let app_data = app_data.ok_or_else(|| Error::new(Kind::Config, "APPDATA is not set"))?;
        (app_data.join("terraform.rc"), app_data.join("terraform.d"), "terraform-credentials-vb365.exe")
    } else {
        let home = desk.home()?;
        (home.join(".terraformrc"), home.join(".terraform.d"), "terraform-credentials-vb365")
    };
    let files = match named {
        Some((name, file)) => vec![
            std::path::absolute(file)
                .map_err(|error| Error::new(Kind::Config, format!("{name} cannot be found: {error}")))?,
        ],
        None => [vec![file], other_files(&dir)].concat(),
    };
    Ok((files, dir.join("plugins").join(name)))
}

/// What Terraform reads in its directory beside its one file, unless a variable names that.
fn other_files(dir: &Path) -> Vec<PathBuf> {
    let is_read = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.ends_with(".tfrc") || name.ends_with(".tfrc.json")
    };
    let files = fs::read_dir(dir).into_iter().flatten().flatten().map(|file| file.path());
    let mut files: Vec<_> = files.filter(is_read).collect();
    files.sort();
    files
}

/// Whether the credentials helper in the file is this one; `None` if there is none in it.
fn has(helper: &Helper, path: &Path) -> Option<bool> {
    files::read(path).ok().and_then(|text| helper.is_in(&String::from_utf8_lossy(&text)))
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
