//! Terraform and OpenTofu: the block of the CLI configuration, and the program under the name that
//! Terraform looks for, in the one directory that it looks in (Terraform, "Credentials Helpers").

use std::path::{Path, PathBuf};

use super::edit::{Deed, Edit};
use super::hcl::Helper;
use super::yaml::quoted;
use super::{Desk, Piece, Wiring, shell, text};
use crate::error::{Error, Kind, Result};

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
    let change = Box::new(move |old: Option<&str>, force| helper.added_to(old, force));
    let about = vec![format!("For {}, where only one such block may stand.", file.display())];
    let block = Piece { about, text: block, edits: vec![Edit { path: file, deed: Deed::Text(change) }] };
    let about = vec!["Terraform finds the program in its own directory alone, under this name:".to_owned()];
    let edits = vec![Edit { path: link.clone(), deed: Deed::Link(PathBuf::from(&desk.program)) }];
    // Behind a #, so that all of it can go into the file above.
    let program = Piece { about, text: format!("#   {}\n", command(&desk.program, &link)?), edits };
    let next = vec![
        "Terraform then asks for the token of every configured VB365 server, and keeps all others here:".to_owned(),
        "terraform login HOST and terraform logout HOST go on as before.".to_owned(),
    ];
    Ok(Wiring { pieces: vec![block, program], next })
}

/// The CLI configuration, and the place of the program.
fn places(desk: &Desk<'_>) -> Result<(PathBuf, PathBuf)> {
    let named = desk.place("TF_CLI_CONFIG_FILE").map(std::path::absolute).transpose();
    let named =
        named.map_err(|error| Error::new(Kind::Config, format!("TF_CLI_CONFIG_FILE cannot be found: {error}")))?;
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
