//! What `setup` writes for Terraform where nobody may make links: `%APPDATA%` is a test's own. (PowerShell's module
//! would go to the folder of documents, which no variable moves.)

use std::fs;

use crate::support::{Machine, Outcome, piped};

const BLOCK: &str = "credentials_helper \"vb365\" {\n  args = []\n}\n";

#[test]
fn terraform_gets_a_block_and_the_program_under_its_own_name() {
    let machine = Machine::new();
    let setup = || {
        let outcome = Outcome::of(piped(&mut machine.command(&["setup", "terraform", "--write"])).output().unwrap());
        assert_eq!(outcome.code, 0, "{outcome:?}");
        outcome.stdout + &outcome.stderr
    };
    let dir = machine.home().join("AppData");
    let words = setup();
    assert!(words.contains("vb365-helper setup terraform --write --force"), "{words}");
    assert_eq!(fs::read_to_string(dir.join("terraform.rc")).unwrap(), BLOCK);
    let program = fs::read(assert_cmd::cargo::cargo_bin!("vb365-helper")).unwrap();
    let copy = fs::read(dir.join(r"terraform.d\plugins\terraform-credentials-vb365.exe")).unwrap();
    assert!(program == copy, "it is another program");
    let words = setup();
    assert_eq!(words.matches(": is already there\n").count(), 2, "{words}");
}
