//! `examples/swagger/`: the commands of the text, run in one shell in their order, with clipboards that
//! keep what they get.

use std::fs;

use serde_json::Value;

use crate::desk::{Desk, assert_no_token, example};
use crate::support::server::Fault;
use crate::support::{Machine, ORGANIZATION, Outcome, TENANT, tool};

/// The text's fenced blocks of shell commands, with this sandbox's server.
fn blocks(machine: &Machine) -> Vec<String> {
    let text = fs::read_to_string(example("swagger/README.md")).unwrap();
    let blocks = text.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    blocks.map(|block| block.replace("https://vb365.abc.local:4443", &machine.sandbox.url())).collect()
}

/// What the commands showed, and what each copied.
fn run(machine: &Machine, blocks: &[String]) -> Option<(Outcome, Vec<String>)> {
    let desk = Desk::with(machine, &["curl", "jq"])?;
    let clipboard = machine.home().join("clipboard");
    fs::create_dir_all(&clipboard).unwrap();
    for program in ["wl-copy", "xclip", "pbcopy"] {
        // In the order of the calls.
        desk.put(program, &format!("cd '{}'\ncat >\"$(ls | wc -l)\"", clipboard.display()));
    }
    let mut command = desk.command(&tool("bash")?);
    command.args(["-c", &format!("set -o pipefail\n{}", blocks.concat())]);
    let outcome = desk.run(command);
    let copied = (0..).map_while(|n| fs::read_to_string(clipboard.join(n.to_string())).ok());
    Some((outcome, copied.collect()))
}

#[test]
fn the_commands_copy_what_the_page_asks_for_and_the_exchange_by_hand_gives_a_token() {
    let machine = Machine::signed_in();
    let blocks = blocks(&machine);
    assert_eq!(blocks.len(), 5);
    let Some((outcome, copied)) = run(&machine, &blocks) else { return };
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{outcome:?}");
    let answer: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(answer["name"], ORGANIZATION);
    // The sign-in's exchange, and the one by hand.
    assert_eq!((machine.sandbox.requests("veeam_token"), machine.sandbox.requests("organization")), (2, 1));
    let [token, client_id, assertion] = &copied[..] else { panic!("{} were copied", copied.len()) };
    assert!(machine.sandbox.accepts(token.strip_prefix("Bearer ").unwrap()));
    assert_eq!(client_id, ORGANIZATION);
    let assertion: Value = serde_json::from_str(assertion).unwrap();
    assert!(assertion["access_token"].is_string() && assertion["refresh_token"].is_string());
    machine.assert_no_complaints();
}

#[test]
fn the_other_clipboards_work_in_the_same_way() {
    let machine = Machine::signed_in();
    for program in ["xclip", "pbcopy"] {
        let mut blocks = blocks(&machine);
        let other = blocks[0].lines().find(|line| line.contains(program)).unwrap().trim_start_matches("# ").to_owned();
        blocks[0] += &format!("{other}\n");
        let Some((outcome, copied)) = run(&machine, &blocks[..2]) else { return };
        assert_eq!(outcome.code, 0, "{outcome:?}");
        assert!(copied.last().unwrap().starts_with("Bearer "));
    }
}

#[test]
fn whoever_is_not_signed_in_reads_how_and_copies_nothing() {
    let machine = Machine::new();
    for block in 1..5 {
        let blocks = blocks(&machine);
        let Some((outcome, copied)) = run(&machine, &[blocks[0].clone(), blocks[block].clone()]) else { return };
        assert_ne!(outcome.code, 0, "{outcome:?}");
        assert!(outcome.stderr.contains(&format!("vb365-helper: hint: vb365-helper login {TENANT}\n")), "{outcome:?}");
        assert_eq!((outcome.stdout.as_str(), copied.concat().as_str()), ("", ""));
    }
}

#[test]
fn a_server_that_is_away_is_told() {
    let machine = Machine::signed_in();
    machine.sandbox.fault("veeam_token", Fault::Answer { status: 503, headers: vec![], body: String::new() });
    let blocks = blocks(&machine);
    let Some((outcome, _)) = run(&machine, &[blocks[0].clone(), blocks[4].clone()]) else { return };
    assert_ne!(outcome.code, 0, "{outcome:?}");
    assert!(outcome.stderr.contains("503"), "{outcome:?}");
}

#[test]
fn no_command_takes_a_secret_from_its_arguments() {
    for block in blocks(&Machine::new()) {
        assert_no_token("the text", &block);
        assert!(!block.contains("$("), "what a command answers would stand in arguments: {block}");
    }
}
