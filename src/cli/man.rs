//! Arguments of `man`.

use std::path::PathBuf;

use clap::Args;

const ABOUT: &str = "\
    Prints a manual page, made of the same text as the help: that of the whole \
    program, or that of a command. With --dir, writes all of them as files, for \
    packagers.";
const EXAMPLES: &str = "\
Examples:
  # Read it
  vb365-helper man | man -l -
  # The page of a command
  vb365-helper man get | man -l -
  # All of them, where man looks for them
  vb365-helper man --dir ~/.local/share/man/man1";

/// Arguments of `man`.
#[derive(Args, Debug)]
#[command(long_about = ABOUT, after_long_help = EXAMPLES)]
pub struct ManArgs {
    /// The command whose page it is [default: the whole program's]
    #[arg(value_name = "COMMAND")]
    pub command: Option<String>,
    /// Write every page as a file into this directory, which is made if it is missing
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    pub dir: Option<PathBuf>,
}
