//! `examples/unattended/`: what is told of a sign-in that is due, to a chat and by mail, with the real jq and
//! curl, and a machine that answers as a chat or takes mail.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use mockito::{Matcher, Server};
use serde_json::{Value, json};

use crate::desk::{Desk, example};
use crate::support::{Home, Outcome, tool};

/// What the examples call this machine.
const MACHINE: &str = "backup1";

/// What the program gives a prompt command; its schema has this example.
fn document() -> Value {
    let schema = fs::read_to_string(example("../schemas/prompt-v1.schema.json")).unwrap();
    serde_json::from_str::<Value>(&schema).unwrap()["examples"][0].clone()
}

/// Runs an example with `document` on stdin; `None` where a tool is missing.
fn tell(home: &Home, script: &str, args: &[&str], env: &[(&str, &str)], document: &Value) -> Option<Outcome> {
    let desk = Desk::with(home, &["jq", "curl"])?;
    let mut command = desk.command(&tool("bash")?);
    command.arg(example(script)).args(args).env("HOSTNAME", MACHINE).envs(env.iter().copied());
    let output = assert_cmd::Command::from_std(command).write_stdin(document.to_string()).output().unwrap();
    assert!(!desk.observations().contains("/hook/"), "the webhook's address: {}", desk.observations());
    Some(Outcome::of(output))
}

fn address(home: &Home, url: &str) -> String {
    let file = home.home().join("webhook-url");
    fs::write(&file, format!("{url}\n")).unwrap();
    file.display().to_string()
}

#[test]
fn a_chat_is_told_what_to_do_by_a_webhook_whose_address_is_seen_nowhere() {
    let (home, mut chat) = (Home::new(), Server::new());
    let text = format!(
        "Sign-in due for abc.onmicrosoft.com on {MACHINE} (last time admin@abc.onmicrosoft.com): open \
         https://microsoft.com/devicelogin and enter HJ4KQ2LMN until 2026-11-23T05:15:00Z. \
         Only if you expect this: whoever enters the code signs that machine in."
    );
    let hook = chat
        .mock("POST", "/hook/secret")
        .match_header("content-type", "application/json")
        .match_body(Matcher::Json(json!({ "text": &text })))
        .create();
    let file = address(&home, &format!("{}/hook/secret", chat.url()));
    let Some(outcome) = tell(&home, "unattended/webhook.sh", &[&file], &[], &document()) else { return };
    assert_eq!((outcome.code, outcome.stdout.as_str(), outcome.stderr.as_str()), (0, "", ""));
    hook.assert();

    let card = json!({
        "type": "AdaptiveCard", "version": "1.2", "body": [{ "type": "TextBlock", "text": text, "wrap": true }],
    });
    let attachment = json!({ "contentType": "application/vnd.microsoft.card.adaptive", "content": card });
    let hook = chat
        .mock("POST", "/hook/secret")
        .match_body(Matcher::Json(json!({ "type": "message", "attachments": [attachment] })))
        .create();
    assert_eq!(tell(&home, "unattended/webhook.sh", &[&file, "teams"], &[], &document()).unwrap().code, 0);
    hook.assert();

    // What is not said is left out, and nothing in it can end the text.
    let mut odd = document();
    odd.as_object_mut().unwrap().remove("account");
    odd["tenant"] = json!("abc\"},{\"x");
    let hook = chat
        .mock("POST", "/hook/secret")
        .match_request(|request| {
            let body: Value = serde_json::from_slice(request.body().unwrap()).unwrap();
            let start = format!("Sign-in due for abc\"}},{{\"x on {MACHINE}: open");
            body["text"].as_str().unwrap().starts_with(&start)
        })
        .create();
    assert_eq!(tell(&home, "unattended/webhook.sh", &[&file], &[], &odd).unwrap().code, 0);
    hook.assert();
}

#[test]
fn a_chat_that_does_not_answer_is_a_failure_and_http_is_for_nobody() {
    let (home, mut chat) = (Home::new(), Server::new());
    let hook = chat.mock("POST", "/hook/secret").with_status(410).create();
    let file = address(&home, &format!("{}/hook/secret", chat.url()));
    let Some(outcome) = tell(&home, "unattended/webhook.sh", &[&file], &[], &document()) else { return };
    assert_eq!(outcome.code, 22, "{outcome:?}");
    assert!(outcome.stderr.contains("410"), "{outcome:?}");
    hook.assert();
    let file = address(&home, "http://chat.example/hook/secret");
    let outcome = tell(&home, "unattended/webhook.sh", &[&file], &[], &document()).unwrap();
    assert_eq!((outcome.code, outcome.stderr.as_str()), (1, "the address of the webhook is not https\n"));
}

#[test]
fn an_address_without_a_line_end_is_one_and_none_is_said() {
    let (home, mut chat) = (Home::new(), Server::new());
    let hook = chat.mock("POST", "/hook/secret").create();
    let file = home.home().join("webhook-url");
    fs::write(&file, format!("{}/hook/secret", chat.url())).unwrap();
    let run = |file: &str| tell(&home, "unattended/webhook.sh", &[file], &[], &document());
    let Some(outcome) = run(file.to_str().unwrap()) else { return };
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""));
    hook.assert();
    fs::write(&file, "").unwrap();
    let outcome = run(file.to_str().unwrap()).unwrap();
    assert_eq!((outcome.code, outcome.stderr.as_str()), (1, "the address of the webhook is not https\n"));
    let outcome = run("/nowhere/webhook-url").unwrap();
    assert!(outcome.code == 1 && outcome.stderr.contains("/nowhere/webhook-url"), "{outcome:?}");
}

#[test]
fn a_mail_has_the_headers_that_it_should_and_no_others() {
    let home = Home::new();
    let (sendmail, sent) = (home.home().join("sendmail"), home.home().join("sent"));
    fs::write(&sendmail, format!("#!/bin/sh\necho \"$@\" >'{0}'\ncat >>'{0}'\n", sent.display())).unwrap();
    fs::set_permissions(&sendmail, fs::Permissions::from_mode(0o755)).unwrap();
    let env = [("SENDMAIL", sendmail.to_str().unwrap())];
    let mut odd = document();
    odd["account"] = json!("admin\r\nBcc: everybody@evil.example");
    odd["tenant"] = json!("abc.com\nBcc: everybody@evil.example");
    for (document, subject) in [
        (document(), format!("Sign-in due for abc.onmicrosoft.com on {MACHINE}")),
        (odd, format!("Sign-in due for abc.com Bcc: everybody@evil.example on {MACHINE}")),
    ] {
        let Some(outcome) = tell(&home, "unattended/mail.sh", &["ops@abc.com"], &env, &document) else { return };
        assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""));
        let mail = fs::read_to_string(&sent).unwrap();
        let (head, body) = mail.split_once("\n\n").unwrap();
        let headers: Vec<_> = head.lines().collect();
        assert_eq!(headers[..3], ["-t -i", "To: ops@abc.com", &format!("Subject: {subject}")]);
        assert_eq!(headers[3..], ["Auto-Submitted: auto-generated", "Content-Type: text/plain; charset=utf-8"]);
        assert!(body.contains("  enter  HJ4KQ2LMN\n") && body.contains("until  2026-11-23T05:15:00Z\n"), "{body}");
        assert!(!body.contains('\r'), "{body:?}");
    }
}
