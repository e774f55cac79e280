//! Arguments of `cache`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::seal::Mode;

const ABOUT: &str = "\
    Protects the kept tokens in another way, all of them, and remembers it in the \
    configuration. It can be stopped and run again at any time: no token is lost, \
    and what is done is not done again.";
const EXAMPLES: &str = "\
Examples:
  # Sealed by Windows, the keychain of macOS or the keyring of a Linux desktop
  vb365-helper cache protect os
  # Sealed with a key from a file, for services and containers
  head -c 32 /dev/urandom >vb365.key && chmod 600 vb365.key
  vb365-helper cache protect key_file --key-file vb365.key
  # Another key in the place of that one
  vb365-helper cache protect key_file --key-file new.key
  vb365-helper cache protect os --new-key";

/// Arguments of `cache`.
#[derive(Args, Debug)]
#[command(long_about = ABOUT, after_long_help = EXAMPLES)]
pub struct CacheArgs {
    /// What to do with the cache
    #[arg(value_name = "ACTION")]
    pub action: CacheActionArg,
    /// How the tokens are protected from now on
    #[arg(value_name = "MODE")]
    pub mode: ModeArg,
    /// The file with the key, of 32 bytes, that seals from now on
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// Seal with a new key of the operating system's
    #[arg(long)]
    pub new_key: bool,
}

/// What to do with the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CacheActionArg {
    /// Protect the kept tokens in another way
    Protect,
}

/// How the tokens are protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ModeArg {
    /// By the operating system where it can, else by the rights of the files alone
    Auto,
    /// By the operating system
    Os,
    /// With a key from a file
    #[value(name = "key_file")]
    KeyFile,
    /// By the rights of the files alone
    None,
}

impl From<ModeArg> for Mode {
    fn from(mode: ModeArg) -> Self {
        match mode {
            ModeArg::Auto => Self::Auto,
            ModeArg::Os => Self::Os,
            ModeArg::KeyFile => Self::KeyFile,
            ModeArg::None => Self::Plain,
        }
    }
}
