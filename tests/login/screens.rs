//! What a person sees of a sign-in, on terminals of every kind.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::machine;
use crate::support::pty::{Finished, Session};
use crate::support::screens::{assert_screen, seen};
use crate::support::seat::{PROMPT, SOON};
use crate::support::server::Fault;
use crate::support::{Machine, TENANT, can_use_terminals, wait_until};

const LINE: &str = "waiting for your sign-in";
const WIDE: (u16, u16) = (100, 30);

/// A machine whose platform sends everybody to the same page with the same code.
fn offered(more: &serde_json::Value) -> Machine {
    let machine = machine(|_| {});
    let mut code = json!({
        "device_code": "canary-device-code",
        "user_code": "HJ4KQ2LMN",
        "verification_uri": "https://microsoft.com/devicelogin",
        "expires_in": 900,
        "interval": 1,
    });
    code.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    machine.sandbox.fault("device_code", Fault::Answer { status: 200, headers: Vec::new(), body: code.to_string() });
    for _ in 0..100 {
        let body = r#"{"error":"authorization_pending","error_codes":[70016]}"#.to_owned();
        machine.sandbox.fault("entra_token", Fault::Answer { status: 400, headers: Vec::new(), body });
    }
    machine
}

/// What stands on the terminal while the person is waited for, without what differs from run to run.
fn prompt(machine: &Machine, size: (u16, u16), args: &[&str], more: &[(&str, &str)], until: &str) -> (String, String) {
    let session = machine.at_a_terminal_of(size, args, more);
    session.wait_for(PROMPT, SOON);
    let shown = session.wait_for(until, SOON);
    session.send("\x03");
    let finished = session.finish(SOON);
    assert_eq!(finished.code, Some(4), "{finished:?}");
    assert!(!shown.contains("canary"), "{shown}");
    let steady = seen(shown.as_bytes(), size.0, size.1).replace(&machine.sandbox.url(), "http://127.0.0.1:40000");
    let steady = steady.replace(&machine.sandbox.url()[7..], "127.0.0.1:40000");
    let lines: Vec<_> =
        steady.lines().map(|line| line.split_once(" left, ").map_or(line, |(_, words)| words)).collect();
    (lines.join("\n") + "\n", shown)
}

#[test]
fn the_prompt_fits_the_terminal_and_its_users_wishes() {
    if !can_use_terminals() {
        return;
    }
    let login = &["login", TENANT][..];
    for (name, size, args, more, until) in [
        ("login", WIDE, login, &[][..], LINE),
        ("login-tall", (70, 50), login, &[], LINE),
        ("login-80x24", (80, 24), login, &[], LINE),
        ("login-short", (100, 18), login, &[], LINE),
        ("login-narrow", (40, 24), login, &[], LINE),
        ("login-no-colour", WIDE, login, &[("NO_COLOR", "1")], LINE),
        ("login-no-qr", WIDE, &["login", TENANT, "--no-qr"], &[], LINE),
        ("login-plain", WIDE, &["login", TENANT, "--plain"], &[], PROMPT),
        ("login-dumb", WIDE, login, &[("TERM", "dumb")], PROMPT),
        ("login-ascii", WIDE, login, &[("LANG", "C")], LINE),
    ] {
        let (screen, shown) = prompt(&offered(&json!({})), size, args, more, until);
        assert_screen(name, &screen);
        let is_calm = name.ends_with("colour") || name.ends_with("plain") || name.ends_with("dumb");
        assert_eq!(shown.contains("\u{1b}[1m"), !is_calm, "{name}: {shown:?}");
        if name.ends_with("plain") || name.ends_with("dumb") {
            assert!(!shown.contains('\u{1b}'), "{name}: {shown:?}");
        }
        assert!(!shown.contains("[?25l"), "{name}: the cursor was hidden");
    }
}

#[test]
fn a_page_with_the_code_filled_in_is_offered_only_if_the_platform_sent_one() {
    if !can_use_terminals() {
        return;
    }
    let complete = "https://microsoft.com/devicelogin?otc=HJ4KQ2LMN";
    let machine = offered(&json!({ "verification_uri_complete": complete }));
    let (screen, _) = prompt(&machine, (120, 30), &["login", TENANT], &[], LINE);
    assert_screen("login-complete", &screen);
    assert!(screen.contains(&format!("or open   {complete}")), "{screen}");
    let (screen, _) = prompt(&offered(&json!({})), (120, 30), &["login", TENANT], &[], LINE);
    assert!(!screen.contains("otc="), "{screen}");
}

#[test]
fn what_was_got_and_what_is_next_is_told_at_the_end() {
    if !can_use_terminals() {
        return;
    }
    let machine = machine(|options| options.auto_approve = true);
    machine.configure(&[TENANT, "second.com"]);
    let end = |args: &[&str], from: &str| {
        let finished = machine.at_a_terminal_of(WIDE, args, &[]).finish(SOON);
        let screen = seen(finished.terminal.as_bytes(), WIDE.0, 60);
        let host = &machine.sandbox.url()[7..];
        let (_, end) = screen.split_once(from).unwrap_or_else(|| panic!("{from} is missing in: {screen}"));
        format!("{from}{end}").replace(host, "127.0.0.1:40000")
    };
    let screen = end(&["login", TENANT, "--no-qr"], "Signed in");
    let (before, time) = screen.split_once(", until ").unwrap();
    assert_screen("login-done", &format!("{before}, until 05:00{}", &time[5..]));
    assert_screen("login-several", &end(&["login", "second.com", TENANT, "--no-qr"], "Signed in"));
}

/// Ends what is shown by `end` and answers what then stands on the screen.
fn left_behind(session: Session, end: impl FnOnce(&Session)) -> (Finished, String) {
    session.wait_for(LINE, SOON);
    end(&session);
    let finished = session.finish(SOON);
    let screen = seen(finished.terminal.as_bytes(), WIDE.0, WIDE.1);
    (finished, screen)
}

#[test]
fn whatever_ends_the_wait_the_line_is_gone_and_the_cursor_is_not() {
    if !can_use_terminals() {
        return;
    }
    let hang_up = |session: &Session| {
        let id = rustix::process::Pid::from_raw(i32::try_from(session.id()).unwrap()).unwrap();
        rustix::process::kill_process(id, rustix::process::Signal::HUP).unwrap();
    };
    type End<'a> = (&'a str, i32, &'a dyn Fn(&Machine, &Session));
    let ends: [End<'_>; 4] = [
        ("Ctrl-C", 4, &|_, session| session.send("\x03")),
        ("SIGHUP", 4, &|_, session| hang_up(session)),
        ("a no in the browser", 4, &|machine, _| assert!(machine.sandbox.decline())),
        ("the sign-in", 0, &|machine, _| assert!(machine.sandbox.approve())),
    ];
    for (what, code, end) in ends {
        let machine = machine(|_| {});
        let session = machine.at_a_terminal_of(WIDE, &["login", TENANT], &[]);
        let (finished, screen) = left_behind(session, |session| end(&machine, session));
        assert_eq!(finished.code, Some(code), "{what}: {finished:?}");
        assert!(!screen.contains(LINE), "{what}: {screen}");
        assert!(!finished.terminal.contains("[?25"), "{what}");
        assert!(!finished.terminal.ends_with("\u{1b}[1m"), "{what}");
    }
}

#[test]
fn the_line_tells_of_trouble_and_of_its_end() {
    if !can_use_terminals() {
        return;
    }
    let machine = machine(|_| {});
    machine.sandbox.fault("entra_token", Fault::Drop);
    machine.sandbox.fault(
        "entra_token",
        Fault::Answer { status: 400, headers: Vec::new(), body: r#"{"error":"slow_down"}"#.to_owned() },
    );
    let host = machine.sandbox.authority().replace("http://", "");
    let session = machine.at_a_terminal_of(WIDE, &["login", TENANT], &[]);
    session.wait_for(&format!("no answer from {host}, trying again"), SOON);
    session.wait_for(&format!("waiting; {host} wants to be asked less often"), SOON);
    assert!(machine.sandbox.approve());
    assert_eq!(session.finish(SOON).code, Some(0));
}

#[test]
fn where_nothing_moves_a_change_is_a_line() {
    if !can_use_terminals() {
        return;
    }
    let machine = machine(|_| {});
    machine.sandbox.fault("entra_token", Fault::Drop);
    let host = machine.sandbox.authority().replace("http://", "");
    let session = machine.at_a_terminal_of(WIDE, &["login", TENANT, "--plain"], &[]);
    let shown = session.wait_for(&format!("no answer from {host}, trying again ...\n"), SOON);
    assert!(!shown.contains(LINE), "{shown}");
    session.wait_for(&format!("{LINE} ...\n"), SOON);
    assert!(machine.sandbox.approve());
    let finished = session.finish(SOON);
    assert_eq!(finished.code, Some(0));
    assert!(!finished.terminal.contains('\u{1b}'), "{}", finished.terminal);
}

#[test]
fn a_window_that_is_made_narrow_gets_no_second_line() {
    if !can_use_terminals() {
        return;
    }
    let machine = offered(&json!({}));
    let session = machine.at_a_terminal_of(WIDE, &["login", TENANT], &[]);
    session.wait_for(LINE, SOON);
    session.resize(24, 30);
    wait_until("the line is drawn for the new width", || {
        let shown = session.wait_for(LINE, SOON);
        let last = shown.rsplit("\u{1b}[2K").next().unwrap().replace("\u{1b}[2m", "").replace("\u{1b}[0m", "");
        last.trim_end().chars().count() < 24
    });
    session.send("\x03");
    assert_eq!(session.finish(SOON).code, Some(4));
}

#[test]
fn the_browser_is_asked_to_open_the_page_and_the_terminal_stays_ours() {
    if !can_use_terminals() {
        return;
    }
    let machine = offered(&json!({}));
    let (browser, opened) = (machine.home().join("xdg-open"), machine.home().join("opened"));
    // A browser for text that wants the terminal, and does not end by itself.
    let takes_the_terminal = "echo a page; echo a page >/dev/tty; read key </dev/tty; exec sleep 5";
    put_script(&browser, &format!("echo \"$@\" >'{}'\n{takes_the_terminal}", opened.display()));
    let path = format!("{}:{}", machine.home().display(), std::env::var("PATH").unwrap());
    let session = machine.at_a_terminal_of(WIDE, &["login", TENANT, "--browser"], &[("PATH", &path)]);
    session.wait_for(LINE, SOON);
    wait_until("the page is opened", || fs::read_to_string(&opened).is_ok_and(|text| text.ends_with('\n')));
    assert_eq!(fs::read_to_string(&opened).unwrap(), "https://microsoft.com/devicelogin\n");
    let start = Instant::now();
    session.send("\x03");
    let finished = session.finish(SOON);
    assert!(start.elapsed() < Duration::from_secs(3));
    assert_eq!(finished.code, Some(4));
    assert!(!finished.terminal.contains("a page"), "{}", finished.terminal);
}

#[test]
fn a_browser_that_cannot_be_opened_is_a_line_and_no_failure() {
    if !can_use_terminals() {
        return;
    }
    let machine = offered(&json!({}));
    let empty = machine.home().join("empty");
    fs::create_dir(&empty).unwrap();
    let (setsid, sh) = (empty.join("setsid"), empty.join("sh"));
    let tool = |name| crate::support::tool(name).unwrap();
    std::os::unix::fs::symlink(tool("setsid"), setsid).unwrap();
    std::os::unix::fs::symlink(tool("sh"), sh).unwrap();
    let path = empty.display().to_string();
    let words = "No browser can be started here; open the address yourself.\n";
    for is_there in [false, true] {
        if is_there {
            // As it answers on a machine without a desktop.
            put_script(&empty.join("xdg-open"), "exit 3");
        }
        let session = machine.at_a_terminal_of(WIDE, &["login", TENANT, "--browser"], &[("PATH", &path)]);
        session.wait_for(words, SOON);
        session.wait_for(LINE, SOON);
        session.send("\x03");
        assert_eq!(session.finish(SOON).code, Some(4));
    }
}

fn put_script(path: &Path, script: &str) {
    fs::write(path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}
