//! The examples for other tools, run by the real tools against the sandbox. What holds for each: a
//! refused token is renewed once, a person reads what to do, and no token stands where it could be seen. On Unix,
//! where each of them runs; what is PowerShell's is read in `tests/powershell.rs`.
#![cfg(unix)]
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

mod ansible;
mod ci;
mod desk;
mod python;
#[path = "../support/mod.rs"]
mod support;
mod swagger;
#[cfg(target_os = "linux")]
mod systemd;
mod unattended;
