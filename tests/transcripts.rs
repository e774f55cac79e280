//! The protocols are what their transcripts say, byte by byte. The same transcripts can be held
//! against any other helper: `cargo run --example conformance -- --help`.
#![allow(clippy::disallowed_methods, clippy::panic, clippy::unwrap_used, reason = "a test, which starts processes")]

#[path = "../examples/sandbox/server/mod.rs"]
mod server;
#[path = "../examples/conformance/stage.rs"]
mod stage;
#[path = "../examples/conformance/transcript.rs"]
mod transcript;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;
use vb365_helper::protocol::PROTOCOLS;

use self::stage::{Helper, play};
use self::transcript::{Transcript, read};

/// What every protocol shows: an answer, what is wrong, who has to sign in, what an administrator has
/// to do and what will pass.
const CODES: [i32; 5] = [0, 2, 3, 5, 6];

fn helper() -> Helper {
    Helper { path: PathBuf::from(env!("CARGO_BIN_EXE_vb365-helper")), prepare: None }
}

fn transcripts(protocol: &str) -> Vec<Transcript> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts").join(protocol);
    read(&path.with_extension("md")).unwrap()
}

#[test]
fn every_protocol_is_what_its_transcripts_say() {
    let mut broken = Vec::new();
    for protocol in &PROTOCOLS {
        for transcript in transcripts(protocol.name) {
            let differences = play(&helper(), &transcript).unwrap();
            broken.extend(differences.iter().map(|why| format!("{}: {}: {why}", protocol.name, transcript.title)));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_protocol_shows_all_that_can_happen() {
    for protocol in &PROTOCOLS {
        let runs: Vec<_> = transcripts(protocol.name).into_iter().flat_map(|transcript| transcript.runs).collect();
        let codes: BTreeSet<_> = runs.iter().map(|run| run.code).collect();
        assert!(CODES.iter().all(|code| codes.contains(code)), "{}: {codes:?}", protocol.name);
        for run in runs.iter().filter(|run| run.code != 0) {
            assert_eq!(run.stdout.is_empty(), protocol.failure.is_none(), "{}: {:?}", protocol.name, run.args);
        }
    }
}

/// The schema of what a protocol answers to `get`.
const SCHEMAS: [(&str, &str); 5] = [
    ("external", "external-response-v1"),
    ("headers", "headers-response-v1"),
    ("kubernetes", "kubernetes-response-v1"),
    ("native", "get-response-v1"),
    ("terraform", "terraform-credentials-v1"),
];

#[test]
fn every_document_in_a_transcript_fits_its_schema() {
    for (protocol, schema) in SCHEMAS {
        let path = format!("{}/schemas/{schema}.schema.json", env!("CARGO_MANIFEST_DIR"));
        let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
        let runs = transcripts(protocol).into_iter().flat_map(|transcript| transcript.runs);
        let answers = runs.filter(|run| run.code == 0 && run.args.iter().any(|arg| arg == "get"));
        let documents = answers.filter_map(|run| serde_json::from_str::<Value>(&run.stdout).ok());
        let checked = documents.inspect(|document| assert!(validator.is_valid(document), "{protocol}: {document}"));
        assert!(checked.count() > 0, "{protocol}");
    }
}

#[test]
fn a_helper_that_says_something_else_breaks_its_transcript() {
    let [mut transcript] = transcripts("token").into_iter().take(1).collect::<Vec<_>>().try_into().ok().unwrap();
    assert_eq!(play(&helper(), &transcript).unwrap(), Vec::<String>::new());
    transcript.runs.truncate(1);
    transcript.runs[0].stdout = "another token".into();
    transcript.runs[0].stderr = "a warning\n".into();
    transcript.runs[0].code = 1;
    assert_eq!(
        play(&helper(), &transcript).unwrap(),
        [
            "stdout is\n  veeam-access-token\nand not\n  another token (without a line end)\n",
            "stderr is\n  (nothing)\nand not\n  a warning\n",
            "the exit code is 0 and not 1",
        ]
    );
}

#[test]
#[cfg(unix)]
fn another_helper_can_be_held_to_them_with_its_own_way_to_prepare() {
    let dir = tempfile::tempdir().unwrap();
    let program = |name: &str, script: &str| {
        use std::os::unix::fs::PermissionsExt;
        let path = dir.path().join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    };
    let prepare =
        program("prepare", r#"mkdir "$VB365_HELPER_CACHE_DIR"; echo "$VB365_TOKEN" >"$VB365_HELPER_CACHE_DIR/$1""#);
    let path =
        program("helper", r#"read -r token <"$VB365_HELPER_CACHE_DIR/a token" && echo "Authorization: Bearer $token""#);
    let other = Helper { path, prepare: Some(prepare) };
    let transcripts = transcripts("header");
    let differences = |title: &str| {
        let transcript = transcripts.iter().find(|transcript| transcript.title == title).unwrap();
        play(&other, transcript).unwrap()
    };
    assert_eq!(differences("A token is one header"), Vec::<String>::new());
    assert_eq!(differences("Where nobody has signed in, there is no header").len(), 2);
}
