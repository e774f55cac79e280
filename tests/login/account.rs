//! Another account, or another directory, than last time: noticed before anything of it is kept or sent.

use serde_json::{Value, json};

use crate::support::pty::Finished;
use crate::support::seat::{PROMPT, SOON};
use crate::support::{Machine, TENANT, can_use_terminals};
use crate::{json, run};

const ACCOUNT: &str = "admin@abc.onmicrosoft.com";

/// A machine on which somebody else signed in last, as `change` has it, and nothing can be renewed.
fn elsewhere(change: impl FnOnce(&mut Value)) -> Machine {
    let machine = Machine::signed_in();
    machine.change_entry(TENANT, |entry| {
        assert_eq!(entry["entra"][0]["tenant_id"], "6babcaad-604b-40ac-a9d7-9fd97c0b779f");
        change(&mut entry["entra"][0]);
    });
    machine
}

/// Signs in, and types `answer` at the question.
fn answered(machine: &Machine, args: &[&str], answer: &str) -> Finished {
    let session = machine.at_a_terminal(args);
    session.wait_for(PROMPT, SOON);
    assert!(machine.sandbox.approve());
    session.wait_for("Keep it? [y/N]", SOON);
    session.send(answer);
    session.finish(SOON)
}

#[test]
fn another_account_is_kept_only_if_the_person_says_so() {
    if !can_use_terminals() {
        return;
    }
    let machine = elsewhere(|record| record["account"] = json!("else@abc.onmicrosoft.com"));
    let before = machine.kept();
    let exchanges = machine.sandbox.requests("veeam_token");
    for no in ["n\n", "\n", "\x03"] {
        let finished = answered(&machine, &["login", TENANT], no);
        assert_eq!(finished.code, Some(4), "{finished:?}");
        let asked = format!(
            "This sign-in to {TENANT} is for the account {ACCOUNT}, and the last one was for \
             else@abc.onmicrosoft.com. Keep it? [y/N]"
        );
        assert!(finished.terminal.contains(&asked), "{}", finished.terminal);
        let words = String::from_utf8_lossy(&finished.stderr);
        assert!(words.contains(&format!("the sign-in to {TENANT} was dropped: it is for the account {ACCOUNT}")));
        assert_eq!((machine.kept(), machine.sandbox.requests("veeam_token")), (before.clone(), exchanges));
    }
    let finished = answered(&machine, &["login", TENANT], "y\n");
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let listed = json(&run(&machine, &["list", "--json"]).stdout);
    assert_eq!(listed["tenants"][0]["account"], ACCOUNT);
}

#[test]
fn another_directory_than_the_names_last_one_is_noticed_by_get_too() {
    if !can_use_terminals() {
        return;
    }
    let other = "00000000-0000-4000-8000-000000000000";
    let machine = elsewhere(|record| record["tenant_id"] = json!(other));
    machine.sandbox.revoke_entra_refresh();
    machine.sandbox.revoke_veeam_refresh();
    machine.expire_entra(TENANT);
    machine.expire_veeam(TENANT);
    let finished = answered(&machine, &["get", TENANT], "no\n");
    assert_eq!((finished.code, &json(&finished.stdout)["error"]["kind"]), (Some(4), &"login_failed".into()));
    let asked = format!("is for the directory 6babcaad-604b-40ac-a9d7-9fd97c0b779f, and the last one was for {other}.");
    assert!(finished.terminal.contains(&asked), "{}", finished.terminal);
}

#[test]
fn the_same_account_in_other_letters_is_no_other() {
    if !can_use_terminals() {
        return;
    }
    for change in [
        |record: &mut Value| record["account"] = json!(ACCOUNT.to_uppercase()),
        // Nobody can tell.
        |record: &mut Value| {
            record.as_object_mut().unwrap().retain(|key, _| key != "account" && key != "tenant_id");
        },
    ] {
        let machine = elsewhere(change);
        let session = machine.at_a_terminal(&["login", TENANT]);
        session.wait_for(PROMPT, SOON);
        assert!(machine.sandbox.approve());
        let finished = session.finish(SOON);
        assert_eq!(finished.code, Some(0), "{finished:?}");
        assert!(!finished.terminal.contains("Keep it?"));
    }
}

#[test]
fn what_was_typed_before_the_question_is_no_answer() {
    if !can_use_terminals() {
        return;
    }
    let machine = elsewhere(|record| record["account"] = json!("else@abc.onmicrosoft.com"));
    let session = machine.at_a_terminal(&["login", TENANT]);
    session.wait_for(PROMPT, SOON);
    session.send("\nn\n");
    session.wait_for("n\n", SOON);
    assert!(machine.sandbox.approve());
    session.wait_for("Keep it? [y/N]", SOON);
    session.send("y\n");
    let finished = session.finish(SOON);
    assert_eq!(finished.code, Some(0), "{finished:?}");
}

#[test]
fn a_sign_in_is_not_lost_because_the_cache_cannot_be_read_any_more() {
    if !can_use_terminals() {
        return;
    }
    let machine = elsewhere(|_| {});
    machine.sandbox.revoke_entra_refresh();
    machine.sandbox.revoke_veeam_refresh();
    machine.expire_entra(TENANT);
    machine.expire_veeam(TENANT);
    let session = machine.at_a_terminal(&["get", TENANT]);
    session.wait_for(PROMPT, SOON);
    // A newer version of the program was here.
    let newer = json!({ "version": 99, "tenant": TENANT }).to_string();
    std::fs::write(machine.cache_file(), &newer).unwrap();
    assert!(machine.sandbox.approve());
    let finished = session.finish(SOON);
    assert_eq!((finished.code, &json(&finished.stdout)["source"]), (Some(0), &"login".into()), "{finished:?}");
    assert!(String::from_utf8_lossy(&finished.stderr).contains("newer version"), "{finished:?}");
    assert_eq!(std::fs::read_to_string(machine.cache_file()).unwrap(), newer);
}
