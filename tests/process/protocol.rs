//! Requests and arguments: what is not understood is refused by name, and never by value.

use std::io::Write;
use std::process::Stdio;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{TENANT, World};

#[test]
fn requests_that_are_not_understood_are_refused_by_the_fields_name() {
    let mut world = World::new();
    world.store_veeam("1", 0);
    let silence = world.silence();
    for (request, named) in [
        (json!({ "tenant": TENANT }), "`version`"),
        (json!({ "version": 2, "tenant": TENANT }), "`version`"),
        (json!({ "version": "canary", "tenant": TENANT }), "`version`"),
        (json!({ "version": 1 }), "`tenant`"),
        (json!({ "version": 1, "tenant": 7 }), "`tenant`"),
        (json!({ "version": 1, "tenant": "../canary" }), "`tenant`"),
        (json!({ "version": 1, "tenant": TENANT, "server": "canary" }), "`server`"),
        (json!({ "version": 1, "tenant": TENANT, "server": "http://canary.example.com" }), "`server`"),
        (json!({ "version": 1, "tenant": TENANT, "want": "canary" }), "`want`"),
        (json!({ "version": 1, "tenant": TENANT, "min_ttl": "canary" }), "`min_ttl`"),
        (json!({ "version": 1, "tenant": TENANT, "min_ttl": -1 }), "`min_ttl`"),
        (json!({ "version": 1, "tenant": TENANT, "min_ttl": 1.5 }), "`min_ttl`"),
        (json!({ "version": 1, "tenant": TENANT, "interactive": true }), "`interactive`"),
        (json!({ "version": 1, "tenant": TENANT, "refused_token": ["canary"] }), "`refused_token`"),
        (json!({ "version": 1, "tenant": TENANT, "password": "canary" }), "`password`"),
        (json!({ "version": 1, "tenant": TENANT, "Tenant": "canary" }), "`Tenant`"),
    ] {
        let error = world.run(&["get", "--interactive", "never"], request.to_string().as_bytes()).error("bad_request");
        assert!(error["message"].as_str().unwrap().contains(named), "{request}: {error}");
    }
    silence.assert();
}

#[test]
fn input_that_is_no_request_is_refused() {
    let world = World::new();
    for stdin in ["", "\n", "canary", "[]", "null", "\"canary\"", "{", "{\"version\":1,\"canary", "{} {}", "\u{feff}{}"]
    {
        for command in ["get", "store", "erase"] {
            world.run(&[command], stdin.as_bytes()).error("bad_request");
        }
    }
    world.run(&["get"], b"\xff\xfe{\"version\":1}").error("bad_request");
}

#[test]
fn a_request_of_a_mebibyte_is_the_largest() {
    let world = World::new();
    world.store_veeam("1", 0);
    let mut request = json!({ "version": 1, "tenant": TENANT }).to_string().into_bytes();
    request.resize(1024 * 1024, b' ');
    world.run(&["get"], &request).answer();
    for more in [1, 4 * 1024 * 1024] {
        let mut larger = request.clone();
        larger.resize(request.len() + more, b' ');
        let error = world.run(&["get"], &larger).error("bad_request");
        assert_eq!(error["message"], "the request on stdin is larger than 1 MiB");
    }
}

#[test]
fn with_a_tenant_named_an_open_and_silent_stdin_is_left_alone() {
    let world = World::new();
    world.store_veeam("1", 0);
    for args in [
        &["get", TENANT, "--timeout", "1h"][..],
        &["get", "--tenant", TENANT, "--timeout", "1h"],
        &["get", TENANT, "--protocol", "header", "--timeout", "1h"],
        &["get", "app.terraform.io", "--protocol", "terraform", "--timeout", "1h"],
        &["list"],
        &["erase", TENANT],
        &["erase", "--tenant", TENANT],
        &["erase", "--all"],
    ] {
        let mut command = world.command(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdin = child.stdin.take().unwrap();
        let (done, ended) = mpsc::channel();
        let waiter = thread::spawn(move || done.send(child.wait_with_output().unwrap()));
        let output = ended.recv_timeout(Duration::from_secs(30));
        // Closed only now; where the run hung, this is what ends it.
        drop(stdin);
        let output = output.unwrap_or_else(|_| panic!("{args:?} waits for its stdin"));
        waiter.join().unwrap().unwrap();
        assert!(output.status.success(), "{args:?}");
    }
}

#[test]
fn a_request_in_pieces_is_read_to_its_end() {
    let world = World::new();
    world.store_veeam("1", 0);
    let mut command = world.command(&["get"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    for piece in ["{\"version\":1,", "\"tenant\":", &format!("\"{TENANT}\"}}"), "\n"] {
        stdin.write_all(piece.as_bytes()).unwrap();
        stdin.flush().unwrap();
        thread::sleep(Duration::from_millis(20));
    }
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["access_token"], "canary-veeam-access-1");
}

#[test]
fn wrong_arguments_are_told_as_a_document_where_a_program_asks() {
    let world = World::new();
    for args in [
        &["get", TENANT, "--token=canary"][..],
        &["get", TENANT, "canary"],
        &["get", TENANT, "--min-ttl", "canary"],
        &["get", TENANT, "--want", "canary"],
        &["get", TENANT, "--server", "canary"],
        &["get", TENANT, "--server", "http://vb365.example.com"],
        &["get", TENANT, "--interactive", "canary"],
        &["get", TENANT, "--timeout"],
        &["get", "../canary"],
        &["get", "--server", "https://vb365.example.com"],
        &["store", TENANT, "--token=canary"],
        &["store", "--server", "https://vb365.example.com"],
        &["erase", TENANT, "canary"],
        &["list", "--json", "--token=canary"],
    ] {
        let outcome = world.run(args, b"");
        assert_eq!(outcome.code, 2, "{args:?}");
        let error = outcome.error("bad_request");
        let help = [&format!("vb365-helper {} --help", args[0]), "vb365-helper help protocol"];
        assert!(help.iter().any(|help| error["hint"].as_str().unwrap().ends_with(help)), "{args:?}: {error}");
    }
}

#[test]
fn wrong_arguments_are_told_in_words_alone_where_a_person_asks() {
    let world = World::new();
    for args in [&[][..], &["canary"], &["list", "../canary"], &["login"], &["schema", "canary", "canary"]] {
        let outcome = world.run(args, b"");
        assert_eq!((outcome.code, outcome.stdout.as_str()), (2, ""), "{args:?}");
        assert_eq!(outcome.stderr.lines().count(), 2, "{args:?}: {}", outcome.stderr);
        assert!(outcome.stderr.lines().all(|line| line.starts_with("vb365-helper: ")), "{}", outcome.stderr);
    }
}

#[test]
fn help_and_version_are_answers() {
    let world = World::new();
    for args in [&["--help"][..], &["--version"], &["get", "--help"]] {
        let outcome = world.run_raw(args);
        assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{args:?}");
        assert!(!outcome.stdout.is_empty());
    }
    assert_eq!(world.run_raw(&["--version"]).stdout, concat!("vb365-helper ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn every_schema_is_printed_as_it_lies_in_the_repository() {
    let world = World::unconfigured();
    let names = world.run_raw(&["schema"]).stdout;
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/schemas");
    let mut files: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap().replace(".schema.json", ""))
        .collect();
    files.sort();
    assert_eq!(names.lines().collect::<Vec<_>>(), files);
    for name in files {
        let outcome = world.run_raw(&["schema", &name]);
        assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""));
        assert_eq!(outcome.stdout, std::fs::read_to_string(format!("{dir}/{name}.schema.json")).unwrap());
        serde_json::from_str::<Value>(&outcome.stdout).unwrap();
    }
    assert_eq!(world.run_raw(&["schema", "unknown"]).code, 2);
}

#[test]
fn mistakes_in_the_configuration_are_placed() {
    let world = World::new();
    let path = world.home().join("config.toml").display().to_string();
    for (text, line) in [
        ("[defaults]\nservr = \"https://h\"\n", 2),
        ("\n\n[tenants\n", 3),
        (&format!("[tenants.\"{TENANT}\"]\n\nserver = \"http://h.example.com\"\n"), 3),
        (&format!("[tenants.\"{TENANT}\"]\nserver = \"https://h\"\nscopes = [\"User.Read\"]\n"), 3),
        (&format!("[tenants.\"{TENANT}\"]\nserver = \"https://h\"\nmin_ttl = \"soon\"\n"), 3),
        (&format!("[tenants.\"{TENANT}\"]\nserver = \"https://h\"\napi_version = \"v9\"\n"), 3),
    ] {
        world.write_config(text);
        let error = world.get(&[]).error("config");
        let message = error["message"].as_str().unwrap();
        assert!(message.starts_with(&format!("{path}:{line}: ")), "{text}: {message}");
    }
}

#[test]
fn a_flag_names_another_configuration() {
    let world = World::new();
    world.store_veeam("1", 0);
    let other = world.home().join("other.toml");
    std::fs::write(&other, "").unwrap();
    world.get(&["--config", &other.display().to_string()]).error("config");
}

#[test]
fn nothing_on_stdin_is_told_as_such() {
    let world = World::new();
    for args in
        [&["get"][..], &["get", "--timeout", "9999999999999999999s"], &["erase"], &["store"], &["store", TENANT]]
    {
        let error = world.run(args, b"").error("bad_request");
        assert_eq!(error["message"], "the request on stdin is empty", "{args:?}");
        let hint = "name the tenant as an argument, or send a JSON request and close stdin";
        assert_eq!(error.get("hint").is_some_and(|said| said == hint), args[0] != "store", "{args:?}");
    }
}
