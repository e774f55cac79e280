//! Arguments of `schema`.

use clap::Args;

const ABOUT: &str = "\
    Prints the JSON Schema (draft 2020-12) of a document that this program reads or \
    writes, for validators and code generators.";
const EXAMPLES: &str = "\
Examples:
  # What there is
  vb365-helper schema
  # One of them
  vb365-helper schema get-request-v1";

/// Arguments of `schema`.
#[derive(Args, Debug)]
#[command(long_about = ABOUT, after_long_help = EXAMPLES)]
pub struct SchemaArgs {
    /// The schema's name, as in get-request-v1
    pub name: Option<String>,
}
