//! Arguments of `list`.

use clap::Args;

/// Arguments of `list`.
#[derive(Args, Debug)]
pub struct ListArgs {
    /// As a JSON document
    #[arg(long)]
    pub json: bool,
}
