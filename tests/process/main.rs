//! The program as its callers meet it: a process with arguments, streams and files, between an
//! identity platform and a VB365 server on loopback that count what they are asked.
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

mod api_versions;
mod cache_files;
mod callers;
#[cfg(unix)]
mod completions;
mod concurrency;
mod doctor;
mod erase;
mod faults;
mod get;
mod help;
mod hosts;
#[cfg(target_os = "linux")]
mod keyring;
mod ladder;
mod list;
mod logout;
mod named_config;
mod protection;
mod protocol;
mod refresh;
mod secrets;
mod setup;
mod store;
#[path = "../support/mod.rs"]
mod support;
mod unaccepted;
