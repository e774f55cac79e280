//! What README.md tells people to copy, so that a test runs just that.

const README: &str = include_str!("../../README.md");

/// The one block of code that has `words` in it.
pub fn block(words: &str) -> String {
    // Every other part is a block; its first line is its language.
    let blocks = README.split("```").skip(1).step_by(2).filter_map(|block| block.split_once('\n'));
    let mut found = blocks.map(|(_, code)| code).filter(|code| code.contains(words));
    match (found.next(), found.next()) {
        (Some(code), None) => code.to_owned(),
        (one, _) => panic!("{words:?} is in {} block of README.md", if one.is_some() { "more than one" } else { "no" }),
    }
}

/// Puts the program into the directory `bin` of this user's home, as a person would who installs it.
#[cfg(unix)]
pub fn install(machine: &crate::support::Machine) -> std::path::PathBuf {
    let bin = machine.home().join("bin");
    if !bin.exists() {
        std::fs::create_dir(&bin).unwrap();
        std::os::unix::fs::symlink(machine.command(&[]).get_program(), bin.join("vb365-helper")).unwrap();
    }
    bin
}
