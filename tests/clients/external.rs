//! Terraform's `external` data source, whose provider is a download of its own: this starts the program
//! as that provider does, with the query on stdin, and takes nothing but a flat object of strings.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::readme;
use crate::support::{Machine, Outcome, TENANT, finish};

/// What a `program` list has after the program itself.
const PROGRAM: [&str; 3] = ["get", "--protocol", "external"];

/// One refresh of `data "external"` with this `query`.
fn refresh(machine: &Machine, query: &Value) -> Outcome {
    let mut command = machine.command(&PROGRAM);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(query.to_string().as_bytes()).unwrap();
    finish(child)
}

/// The result as the provider reads it: anything but strings is an error there.
fn result(outcome: &Outcome) -> BTreeMap<String, String> {
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{outcome:?}");
    serde_json::from_str(&outcome.stdout).unwrap()
}

#[test]
fn the_result_is_a_flat_object_of_strings() {
    let program: Vec<_> = ["vb365-helper"].iter().chain(&PROGRAM).collect();
    assert!(readme::block("data \"external\"").contains(&json!(program).to_string().replace(',', ", ")));
    let machine = Machine::signed_in();
    let kept = machine.get(TENANT, &[]).answer();
    let server = machine.sandbox.url();
    let found = result(&refresh(&machine, &json!({ "tenant": TENANT, "min_ttl": "10m", "server": server })));
    let expected = ["tenant", "server", "access_token", "expires_at"];
    let expected = expected.map(|key| (key.to_owned(), kept[key].as_str().unwrap().to_owned()));
    assert_eq!(found, BTreeMap::from(expected));
    // Each refresh runs it again: the same answer, and nothing spent.
    let before = machine.sandbox.requests("veeam_token");
    assert_eq!(result(&refresh(&machine, &json!({ "tenant": TENANT }))), found);
    assert_eq!(machine.sandbox.requests("veeam_token"), before);
}

#[test]
fn every_token_has_a_form_that_terraform_can_take() {
    let machine = Machine::signed_in();
    assert!(result(&refresh(&machine, &json!({ "tenant": TENANT, "want": "entra" }))).contains_key("access_token"));
    let assertion = result(&refresh(&machine, &json!({ "tenant": TENANT, "want": "assertion" })));
    assert!(serde_json::from_str::<Value>(&assertion["assertion"]).unwrap().is_object());
}

#[test]
fn a_failure_is_words_on_stderr_and_no_result() {
    let machine = Machine::new();
    for (query, code, said) in [
        (json!({ "tenant": TENANT }), 3, format!("hint: vb365-helper login {TENANT}")),
        (json!({}), 2, "field `tenant` is missing".into()),
        (json!({ "tenant": TENANT, "interactive": "always" }), 2, "field `interactive` is not known".into()),
        (json!({ "tenant": TENANT, "server": "https://other.example:4443" }), 8, "is no configured server".into()),
    ] {
        let outcome = refresh(&machine, &query);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (code, ""), "{query}: {outcome:?}");
        assert!(outcome.stderr.contains(&said), "{query}: {outcome:?}");
    }
    assert_eq!(machine.sandbox.requests("device_code"), 0);
}
