//! `man`: manual pages (man(7)), made of the commands' own help. What every page ends with, exit codes,
//! files and variables, is said here and in README.md alone.

use std::fs;
use std::path::Path;

use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, italic, roman};

use super::{Answer, help};
use crate::cli::{self, ManArgs};
use crate::error::{Error, Kind, Result};
use crate::secret::Secret;
use crate::text::without_tokens;
use crate::typo;

const NAME: &str = "vb365-helper";
const FILES: [(&str, &str); 3] = [
    ("~/.config/vb365-helper/config.toml", "The configuration."),
    ("~/.local/share/vb365-helper/TENANT.json", "The tokens of one tenant, readable by their owner alone."),
    ("~/.local/share/vb365-helper/TENANT.lock", "Held while they are renewed. Never removed."),
];
const ENVIRONMENT: [(&str, &str); 7] = [
    ("VB365_HELPER_CONFIG", "The configuration file, unless --config names one."),
    ("VB365_HELPER_CACHE_DIR", "The directory of the tokens."),
    ("VB365_HELPER_PROTECTION", "How the tokens are protected, over the configuration."),
    ("VB365_HELPER_KEY_FILE", "The file with the key that seals them."),
    (
        "VB365_HELPER_LOG",
        "With \"debug\" or \"trace\", every decision of a call is written to stderr. It never has a secret.",
    ),
    ("HTTPS_PROXY, ALL_PROXY, NO_PROXY", "How servers are reached."),
    ("NO_COLOR", "No colours, whatever its value."),
];

/// One page, or all of them as files.
///
/// # Errors
/// Kind `bad_request`: no command has this name, or a file cannot be written.
pub fn run(args: &ManArgs) -> Result<Answer> {
    let pages = pages();
    if let Some(dir) = &args.dir {
        write_all(&pages, dir)
            .map_err(|error| Error::new(Kind::BadRequest, format!("--dir {}: {error}", dir.display())))?;
        return Ok(Secret::new(Vec::new()));
    }
    let wanted = args.command.as_ref().map_or(NAME.to_owned(), |command| format!("{NAME}-{command}"));
    let page = pages.into_iter().find(|(name, _)| *name == wanted);
    page.map(|(_, page)| Secret::new(page)).ok_or_else(|| unknown(args.command.as_deref().unwrap_or_default()))
}

fn unknown(command: &str) -> Error {
    let names: Vec<String> = cli::commands().into_iter().map(|(name, _)| name).collect();
    let near = typo::nearest(command, names.iter().map(String::as_str));
    let hint = near.map_or("vb365-helper help".to_owned(), |near| format!("vb365-helper man {near}"));
    Error::new(Kind::BadRequest, format!("there is no command {}", without_tokens(command))).with_hint(hint)
}

fn write_all(pages: &[(String, Vec<u8>)], dir: &Path) -> std::io::Result<()> {
    fs::create_dir_all(dir)?;
    pages.iter().try_for_each(|(name, page)| fs::write(dir.join(format!("{name}.1")), page))
}

/// Every page by its name.
fn pages() -> Vec<(String, Vec<u8>)> {
    let command = cli::command();
    let names: Vec<String> = cli::commands().into_iter().map(|(name, _)| format!("{NAME}-{name}")).collect();
    let subcommands =
        command.get_subcommands().cloned().map(|command| (format!("{NAME}-{}", command.get_name()), command));
    let all = [(NAME.to_owned(), command.clone())].into_iter().chain(subcommands);
    all.map(|(name, command)| {
        let others = if name == NAME { &names[..] } else { &[] };
        let page = page(command, others);
        (name, page)
    })
    .collect()
}

fn page(command: clap::Command, others: &[String]) -> Vec<u8> {
    let examples = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
    let has_commands = command.has_subcommands();
    let source = format!("{NAME} {}", env!("CARGO_PKG_VERSION"));
    let man = Man::new(command).source(source).manual("VB365 Manual").date(" ");
    let mut page = Vec::new();
    // Writing to memory cannot fail.
    let _ = man.render_title(&mut page);
    let _ = man.render_name_section(&mut page);
    let _ = man.render_synopsis_section(&mut page);
    let _ = man.render_description_section(&mut page);
    let _ = man.render_options_section(&mut page);
    if has_commands {
        let _ = man.render_subcommands_section(&mut page);
    }
    let _ = ending(&examples, others).to_writer(&mut page);
    page
}

/// What clap does not know of.
fn ending(examples: &str, others: &[String]) -> Roff {
    let mut roff = Roff::new();
    if !examples.is_empty() {
        roff.control("SH", ["EXAMPLES"]).control("nf", []);
        for line in examples.lines().skip(1) {
            roff.text([roman(line.strip_prefix("  ").unwrap_or(line))]);
        }
        roff.control("fi", []);
    }
    roff.control("SH", ["EXIT STATUS"]);
    for row in help::exit_codes() {
        let kind = if row[1].is_empty() { String::new() } else { format!("{}: ", row[1]) };
        roff.control("TP", []).text([bold(&row[0])]).text([roman(format!("{kind}{}", row[2]))]);
    }
    listed(&mut roff, "FILES", &FILES);
    listed(&mut roff, "ENVIRONMENT", &ENVIRONMENT);
    roff.control("SH", ["SEE ALSO"]);
    let main = [NAME.to_owned()];
    let others = if others.is_empty() { &main[..] } else { others };
    for (at, name) in others.iter().enumerate() {
        let end = if at + 1 < others.len() { "(1)," } else { "(1)" };
        roff.text([bold(name), roman(end)]);
    }
    roff
}

fn listed(roff: &mut Roff, heading: &str, entries: &[(&str, &str)]) {
    roff.control("SH", [heading]);
    for (name, words) in entries {
        roff.control("TP", []).text([italic(*name)]).text([roman(*words)]);
    }
}
