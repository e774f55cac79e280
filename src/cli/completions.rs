//! Arguments of `completions`.

use clap::{Args, ValueEnum};

const ABOUT: &str = "\
    Prints a script that has a shell complete commands, flags and their values, the \
    tenants of the configuration and the cache, and the configured servers. The \
    script asks this program each time, and so knows what was added since.";
const EXAMPLES: &str = "\
Examples:
  # bash: in ~/.bashrc
  source <(vb365-helper completions bash)
  # zsh: in ~/.zshrc, after compinit
  source <(vb365-helper completions zsh)
  # fish: in ~/.config/fish/completions/vb365-helper.fish
  vb365-helper completions fish | source
  # PowerShell: in $PROFILE
  vb365-helper completions powershell | Out-String | Invoke-Expression";

/// Arguments of `completions`.
#[derive(Args, Debug)]
#[command(long_about = ABOUT, after_long_help = EXAMPLES)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub shell: ShellArg,
}

/// A shell that completes arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs, reason = "each is called by its name")]
pub enum ShellArg {
    Bash,
    Zsh,
    Fish,
    Powershell,
}

impl ShellArg {
    /// The name on the command line.
    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}
