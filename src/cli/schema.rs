//! Arguments of `schema`.

use clap::Args;

/// Arguments of `schema`.
#[derive(Args, Debug)]
pub struct SchemaArgs {
    /// The schema's name, as in get-request-v1
    pub name: Option<String>,
}
