//! What only Windows has: consoles that are or are not there, files that somebody holds, access lists, long paths
//! and command scripts.
#![cfg(windows)]
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

mod files;
mod prompt;
mod setup;
#[path = "../support/mod.rs"]
mod support;
