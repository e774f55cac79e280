//! What people are told who ask: help of the program and of its commands, topics, manual pages, and what
//! was probably meant by a name with a slip in it.

use std::fs;
use std::process::Command;

use crate::support::{Home, Machine, ORGANIZATION, TENANT, World, tool};

const COMMANDS: [&str; 15] = [
    "cache",
    "login",
    "logout",
    "refresh",
    "list",
    "doctor",
    "trust",
    "setup",
    "schema",
    "completions",
    "man",
    "help",
    "get",
    "store",
    "erase",
];

/// Where there is no terminal, lines have the usual width.
const WIDTH: usize = 80;

/// The answer of a command for people that has nothing to say beside it.
fn told(home: &Home, args: &[&str]) -> String {
    let outcome = home.run_raw(args);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{args:?}");
    outcome.stdout
}

fn assert_fits(text: &str, width: usize) {
    // Code is for copying, and stays as it is.
    let lines = text.lines().filter(|line| !line.starts_with("    "));
    lines.for_each(|line| assert!(line.chars().count() <= width, "wider than {width}: {line}"));
}

#[cfg(unix)]
#[test]
fn the_screens_of_help_are_those_that_were_looked_at() {
    use crate::support::screens::assert_screen;

    let world = World::unconfigured();
    for name in COMMANDS {
        let help = told(&world, &[name, "--help"]);
        assert_fits(&help, WIDTH);
        assert_screen(&format!("help-{name}"), &help);
        assert_eq!(told(&world, &["help", name]), help);
        assert_fits(&told(&world, &[name, "-h"]), WIDTH);
    }
    let help = told(&world, &["help"]);
    assert_fits(&help, WIDTH);
    assert_screen("help", &help);
    assert_eq!(told(&world, &["--help"]), help);
    let listed = COMMANDS.iter().filter(|name| help.contains(&format!("\n  {name} ")));
    assert_eq!(listed.count(), COMMANDS.len(), "{help}");
}

#[cfg(unix)]
#[test]
fn the_name_alone_shows_a_person_where_to_begin_and_tells_a_program_that_a_command_is_missing() {
    let world = World::unconfigured();
    if !crate::support::can_use_terminals() {
        return;
    }
    for columns in [40, 60] {
        let finished = world.on_a_terminal((columns, 50), &[], &[("NO_COLOR", "1")]);
        assert_eq!(finished.code, Some(0));
        assert!(finished.terminal.contains("\nWhere to begin:\n"), "{}", finished.terminal);
        let topic = world.on_a_terminal((columns, 50), &["help", "security"], &[("NO_COLOR", "1")]);
        assert_fits(&topic.terminal, columns.into());
    }
    let bare = world.on_a_terminal((80, 50), &["help"], &[]);
    assert!(bare.terminal.contains("\u{1b}[1mWhere to begin:\u{1b}[0m"), "{}", bare.terminal);
    let piped = world.run_raw(&[]);
    assert_eq!((piped.code, piped.stdout.as_str()), (2, ""));
    assert_eq!(piped.stderr, "vb365-helper: a command is missing\nvb365-helper: hint: vb365-helper --help\n");
}

#[test]
fn topics_say_what_the_readme_says() {
    let world = World::unconfigured();
    for (topic, words) in [
        ("exit-codes", "3     login_required    have a person run the hint\n"),
        ("protocol", "Version 1: one JSON document on stdin, one on stdout."),
        ("security", "- What is stored. `store` believes its input"),
        ("config", "    [tenants.\"abc.onmicrosoft.com\"]\n"),
        ("kubectl", "    - name: vb365\n"),
    ] {
        let text = told(&world, &["help", topic]);
        assert_fits(&text, WIDTH);
        assert!(text.contains(words), "{text}");
        assert!(!text.contains("**") && !text.contains("```") && !text.contains("|---"), "{text}");
    }
    // The next section of the same depth is another topic, a deeper one is not.
    let protocol = told(&world, &["help", "protocol"]);
    assert!(protocol.contains("\nErrors and exit codes\n") && !protocol.contains("\nCallers\n"));
}

#[test]
fn what_has_no_help_is_told_by_the_nearest_that_has() {
    let world = World::unconfigured();
    for (args, message, hint) in [
        (["help", "exit-code"], "there is no command and no topic exit-code", "vb365-helper help exit-codes"),
        (["help", "gte"], "there is no command and no topic gte", "vb365-helper help get"),
        (["help", "nothing"], "there is no command and no topic nothing", "vb365-helper help"),
        (["man", "stor"], "there is no command stor", "vb365-helper man store"),
        (["schema", "list-v2"], "there is no schema list-v2", "vb365-helper schema list-v1"),
    ] {
        let outcome = world.run_raw(&args);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (2, ""));
        assert_eq!(outcome.stderr, format!("vb365-helper: {message}\nvb365-helper: hint: {hint}\n"));
    }
}

#[test]
fn a_tenant_with_a_slip_in_its_name_is_told_by_the_one_that_was_meant() {
    let machine = Machine::signed_in();
    let hint = |name: &str| {
        let error = machine.get(name, &[]).error("login_required");
        error["hint"].as_str().unwrap().to_owned()
    };
    for typed in ["abd.onmicrosoft.com", "abc.com", "abc"] {
        assert_eq!(hint(typed), format!("did you mean {ORGANIZATION}? if not: vb365-helper login {typed}"));
    }
    assert_eq!(hint("contoso.com"), "vb365-helper login contoso.com");
    // One that is configured is meant, whatever it is near to.
    machine.configure(&[ORGANIZATION, "abd.onmicrosoft.com"]);
    assert_eq!(hint("abd.onmicrosoft.com"), "vb365-helper login abd.onmicrosoft.com");
    // One that only the cache knows is known, too.
    machine.write_config("");
    let error = machine.get("abd.onmicrosoft.com", &[]).error("config");
    let login = "vb365-helper login abd.onmicrosoft.com --server https://HOST:4443";
    assert_eq!(error["hint"], format!("did you mean {TENANT}? if not: {login}"));
    let setup = machine.run_raw(&["setup", "curl", "abd.onmicrosoft.com"]);
    assert!(setup.stderr.contains(&format!("hint: did you mean {TENANT}? if not: {login}")), "{}", setup.stderr);
}

#[test]
fn a_server_is_named_as_its_address_was_copied() {
    let world = World::with("api_version = \"v8\"");
    world.store_veeam("1", 0);
    let copied = world.vb365.url() + "/swagger/ui/index.html?x#y";
    world.assert_gave(&world.get(&["--server", &copied]), "1", "cache", crate::support::HOUR);
    let other = world.get(&["--server", "vb365.abc.local"]).error("config");
    assert_eq!(other["message"], format!("https://vb365.abc.local:4443 is no configured server of {TENANT}"));
}

#[test]
fn manual_pages_are_written_for_every_command_and_have_no_mistakes() {
    let world = World::unconfigured();
    let dir = world.home().join("share/man1");
    assert_eq!(told(&world, &["man", "--dir", dir.to_str().unwrap()]), "");
    let mut names: Vec<_> =
        fs::read_dir(&dir).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    let mut expected: Vec<_> = COMMANDS.iter().map(|name| format!("vb365-helper-{name}.1")).collect();
    expected.push("vb365-helper.1".to_owned());
    expected.sort();
    assert_eq!(names, expected);
    assert_eq!(told(&world, &["man"]), fs::read_to_string(dir.join("vb365-helper.1")).unwrap());
    let page = told(&world, &["man", "get"]);
    assert_eq!(page, fs::read_to_string(dir.join("vb365-helper-get.1")).unwrap());
    for part in [
        "NAME",
        "SYNOPSIS",
        "DESCRIPTION",
        "OPTIONS",
        "EXAMPLES",
        "\"EXIT STATUS\"",
        "FILES",
        "ENVIRONMENT",
        "\"SEE ALSO\"",
    ] {
        assert!(page.contains(&format!("\n.SH {part}\n")), "{part}: {page}");
    }
    let files = || names.iter().map(|name| dir.join(name));
    for (reader, args) in [("mandoc", &["-T", "lint", "-W", "error"][..]), ("groff", &["-man", "-ww", "-z", "-Tascii"])]
    {
        let Some(reader) = tool(reader) else { continue };
        let output = Command::new(reader).args(args).args(files()).output().unwrap();
        let words = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && words.is_empty(), "{words}");
    }
}
