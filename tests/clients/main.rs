//! Real clients with the real program: kubectl, Terraform, curl, and what starts helpers as Bazel and
//! Terraform's `external` data source do. Each file is one client, and what README.md says of it.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "tests: real time, real processes, and failing is their way to speak"
)]

mod external;
mod headers;
mod readme;
#[path = "../support/mod.rs"]
mod support;

// These find the program by what Unix alone has: a link, a shell or a terminal.
#[cfg(unix)]
mod curl;
#[cfg(unix)]
mod kubectl;
#[cfg(unix)]
mod service;
#[cfg(unix)]
mod terraform;
