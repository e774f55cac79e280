//! The programs that tests run beside this one: those of `tests/requirements.txt` in their own
//! environment, and all others as the machine has them.

use std::path::{Path, PathBuf};

use super::skip;

/// Where `name` is; if it is nowhere, that is said, and where every test must run, it is a failure.
pub fn tool(name: &str) -> Option<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/bin");
    let machine = std::env::var_os("PATH").unwrap_or_default();
    let mut places = [own].into_iter().chain(std::env::split_paths(&machine)).map(|place| place.join(name));
    let found = places.find(|path| path.is_file());
    if found.is_none() {
        skip(&format!("{name} is missing"));
    }
    found
}
