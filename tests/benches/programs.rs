//! The programs that are measured.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The one that needs no library; built as .ci/release does, but for the paths that it keeps out.
const STATIC: &str = "x86_64-unknown-linux-musl";

/// A program of this project's: the static one as it is released, the dynamic one as `cargo install` makes it.
pub struct Program {
    pub name: &'static str,
    pub path: PathBuf,
}

impl Program {
    /// Whether it needs no library.
    pub fn is_static(&self) -> bool {
        self.name == "static"
    }
}

/// Builds them; what cannot be built here is `missing`.
pub fn build(missing: &mut Vec<String>) -> Vec<Program> {
    let mut programs = vec![Program { name: "dynamic", path: release() }];
    if has_target(STATIC) {
        cargo(&["--target", STATIC, "--no-default-features"], "-Cforce-unwind-tables=no\x1f-Crelocation-model=static");
        programs.push(Program { name: "static", path: artifact(Some(STATIC)) });
    } else {
        missing.push(format!("the static program (rustup target add {STATIC})"));
    }
    programs
}

/// The release's dynamic program. Not the one that Cargo builds for a benchmark: that has the harness's profile, and
/// unwinds panics even where the release does not.
pub fn release() -> PathBuf {
    cargo(&[], "");
    artifact(None)
}

/// Whether rustup has what it needs to build for `target`.
pub fn has_target(target: &str) -> bool {
    let installed = Command::new("rustup").args(["target", "list", "--installed"]).output();
    installed.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).lines().any(|line| line == target))
}

fn cargo(args: &[&str], flags: &str) {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet", "--release", "--locked", "--bin", "vb365-helper"]).args(args);
    cargo.current_dir(env!("CARGO_MANIFEST_DIR")).env("CARGO_TARGET_DIR", target_dir());
    if !flags.is_empty() {
        cargo.env("CARGO_ENCODED_RUSTFLAGS", flags);
    }
    // A build script that sees what Cargo tells a benchmark of its package builds everything again, and once more
    // when the next build is not a benchmark's.
    for (name, _) in env::vars_os() {
        if ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|start| name.to_string_lossy().starts_with(start)) {
            cargo.env_remove(name);
        }
    }
    assert!(cargo.status().expect("cargo starts").success(), "the release cannot be built");
}

fn artifact(target: Option<&str>) -> PathBuf {
    let name = OsString::from(format!("vb365-helper{}", env::consts::EXE_SUFFIX));
    target_dir().join(target.unwrap_or_default()).join("release").join(name)
}

/// Cargo's own, above the one for what a benchmark makes.
fn target_dir() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it lies in Cargo's")
}
