//! `examples/python/`, by python3 with requests.

use std::process::Command;

use mockito::{Matcher, Server};

use crate::desk::{Desk, example, with_tls};
use crate::support::server::{Fault, Options, Sandbox};
use crate::support::{Answers, HOUR, Machine, ORGANIZATION, Outcome, TENANT, World, ago, skip, tool, veeam};

/// Python with the example's module and requests, if there is one.
fn python(desk: &Desk<'_>, args: &[&str]) -> Option<Command> {
    let mut command = desk.command(&tool("python3")?);
    command.env("PYTHONPATH", example("python")).env("PYTHONDONTWRITEBYTECODE", "1");
    let has_requests = command.args(["-c", "import requests"]).status().unwrap().success();
    let mut command = desk.command(&tool("python3")?);
    command.env("PYTHONPATH", example("python")).env("PYTHONDONTWRITEBYTECODE", "1").args(args);
    (has_requests || skip("requests is missing for python3")).then_some(command)
}

/// What a program of a few lines does; it has a session `vb365` with the tenant's server.
fn session(desk: &Desk<'_>, arguments: &str, lines: &str) -> Option<Outcome> {
    let program = format!("from vb365_auth import *\nvb365 = Vb365Session('{TENANT}'{arguments})\n{lines}\n");
    python(desk, &["-c", &program]).map(|command| desk.run(command))
}

fn organizations(desk: &Desk<'_>) -> Option<Outcome> {
    let script = example("python/organizations.py");
    python(desk, &[script.to_str().unwrap(), TENANT]).map(|command| desk.run(command))
}

fn assert_said(outcome: &Outcome, code: i32, stdout: &str, stderr: &str) {
    assert_eq!((outcome.code, outcome.stdout.as_str(), outcome.stderr.as_str()), (code, stdout, stderr));
}

fn listed() -> String {
    format!("{ORGANIZATION}\tnever\n")
}

#[test]
fn organizations_are_listed() {
    let machine = Machine::signed_in();
    let desk = Desk::new(&machine);
    let Some(outcome) = organizations(&desk) else { return };
    assert_said(&outcome, 0, &listed(), "");
    assert!(desk.observations().contains("vb365-helper\nget\n--protocol\nnative\n"));
    assert_eq!((machine.sandbox.requests("organization"), machine.sandbox.requests("veeam_token")), (1, 1));
    machine.assert_no_complaints();
}

#[test]
fn a_refused_token_is_renewed_once_and_the_request_repeated() {
    let machine = Machine::signed_in();
    machine.sandbox.expire_veeam_access();
    let Some(outcome) = organizations(&Desk::new(&machine)) else { return };
    assert_said(&outcome, 0, &listed(), "");
    assert_eq!((machine.sandbox.requests("organization"), machine.sandbox.requests("veeam_token")), (2, 2));
    machine.assert_no_complaints();
}

#[test]
fn a_second_refusal_is_the_answer() {
    let machine = Machine::signed_in();
    for _ in 0..9 {
        let fault = Fault::Answer { status: 401, headers: vec![], body: "{}".into() };
        machine.sandbox.fault("organization", fault);
    }
    let Some(outcome) = organizations(&Desk::new(&machine)) else { return };
    let words =
        format!("{TENANT}: 401 Client Error: Unauthorized for url: {}/v8/Organization\n", machine.sandbox.url());
    assert_said(&outcome, 1, "", &words);
    assert_eq!((machine.sandbox.requests("organization"), machine.sandbox.requests("veeam_token")), (2, 2));
}

#[test]
fn whoever_is_not_signed_in_reads_how() {
    let machine = Machine::new();
    let Some(outcome) = organizations(&Desk::new(&machine)) else { return };
    let words =
        format!("{TENANT}: nobody on this machine is signed in to {TENANT}; hint: vb365-helper login {TENANT}\n");
    assert_said(&outcome, 3, "", &words);
    assert_eq!(machine.sandbox.requests("device_code"), 0);
}

#[test]
fn a_server_that_is_away_is_told_with_what_the_helper_knows() {
    let machine = Machine::signed_in();
    machine.expire_veeam(TENANT);
    for _ in 0..9 {
        let headers = vec![("Retry-After".to_owned(), "30".to_owned())];
        machine.sandbox.fault("veeam_token", Fault::Answer { status: 503, headers, body: String::new() });
    }
    let lines = format!(
        "try: Vb365Auth('{TENANT}').ask()\n\
         except HelperError as error: print(error.kind, error.exit_code, error.retry_after)"
    );
    let program = format!("from vb365_auth import *\n{lines}");
    let desk = Desk::new(&machine);
    let Some(command) = python(&desk, &["-c", &program]) else { return };
    assert_said(&desk.run(command), 0, "unavailable 6 30\n", "");
}

#[test]
fn a_token_that_was_handed_out_in_an_outage_comes_with_a_warning() {
    let machine = Machine::signed_in();
    for _ in 0..9 {
        machine.sandbox.fault("veeam_token", Fault::Answer { status: 503, headers: vec![], body: String::new() });
    }
    machine.change_entry(TENANT, |entry| {
        entry["veeam"][0]["obtained_at"] = ago(HOUR).into();
        entry["veeam"][0]["access_expires_at"] = ago(-200).into();
    });
    let Some(outcome) = organizations(&Desk::new(&machine)) else { return };
    assert_eq!((outcome.code, outcome.stdout), (0, listed()), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("vb365-helper: warning: "), "{}", outcome.stderr);
}

#[test]
fn a_redirect_to_another_host_takes_no_token_along_and_buys_none() {
    let machine = Machine::signed_in();
    let mut other = Server::new();
    let elsewhere = other.url().replace("127.0.0.1", "localhost");
    // The other host says that the token is no good: that is no reason to renew it, or to send it there.
    let stranger = other.mock("GET", "/").match_header("authorization", Matcher::Missing).with_status(401);
    let stranger = stranger.expect(2).create();
    // Another port of the same host is another server too.
    for to in [elsewhere, other.url()] {
        let headers = vec![("Location".to_owned(), format!("{to}/"))];
        machine.sandbox.fault("organization", Fault::Answer { status: 302, headers, body: String::new() });
        let lines = "print(vb365.get('/v8/Organization').status_code)";
        let Some(outcome) = session(&Desk::new(&machine), "", lines) else { return };
        assert_said(&outcome, 0, "401\n", "");
    }
    stranger.assert();
    assert_eq!(machine.sandbox.requests("veeam_token"), 1);
}

#[test]
fn a_redirect_within_the_server_is_followed_with_the_renewed_token() {
    let machine = Machine::signed_in();
    machine.sandbox.expire_veeam_access();
    let headers = vec![("Location".to_owned(), "/v8/ServiceInstance".to_owned())];
    for (status, headers) in [(401, vec![]), (302, headers)] {
        machine.sandbox.fault("organization", Fault::Answer { status, headers, body: String::new() });
    }
    let lines = "print(vb365.get('/v8/Organization').json()['version'])";
    let Some(outcome) = session(&Desk::new(&machine), "", lines) else { return };
    assert_said(&outcome, 0, "8.1.0.305\n", "");
    assert_eq!(machine.sandbox.requests("veeam_token"), 2);
    machine.assert_no_complaints();
}

#[test]
fn another_server_is_refused_before_it_is_asked() {
    let machine = Machine::signed_in();
    let other = Sandbox::start(Options::default()).unwrap();
    let server = machine.sandbox.url();
    for url in [
        format!("{}/v8/Organization", other.url()),
        format!("//{}/v8/Organization", other.url().trim_start_matches("http://")),
        format!("{server}@{}/v8/Organization", other.url().trim_start_matches("http://")),
        server.replace("127.0.0.1", "localhost"),
    ] {
        let lines = format!("try: vb365.get('{url}')\nexcept HelperError as error: print(error.kind, error)");
        let Some(outcome) = session(&Desk::new(&machine), "", &lines) else { return };
        assert_said(&outcome, 0, &format!("bad_request the token is for {server} and for no other server\n"), "");
    }
    assert_eq!(other.requests("organization"), 0);
}

#[test]
fn a_body_is_sent_again_from_where_it_began() {
    let mut world = World::new();
    world.store_veeam("1", 0);
    let renewal = world.veeam_refresh("1").answers(&veeam("2"));
    let mut post = |n: &str, status| {
        let mock = world.vb365.mock("POST", "/v8/Jobs").match_body("payload").with_status(status);
        mock.match_header("authorization", format!("Bearer canary-veeam-access-{n}").as_str()).expect(1).create()
    };
    let (first, second) = (post("1", 401), post("2", 200));
    let lines = "import io\n\
        body = io.BytesIO(b'not this, payload')\n\
        body.seek(10)\n\
        print(vb365.post('/v8/Jobs', data=body).status_code)";
    let Some(outcome) = session(&Desk::new(&world), "", lines) else { return };
    assert_said(&outcome, 0, "200\n", "");
    [first, second, renewal].iter().for_each(mockito::Mock::assert);
}

#[test]
fn a_body_that_cannot_be_sent_again_is_not_sent_half() {
    let mut world = World::new();
    world.store_veeam("1", 0);
    let renewal = world.veeam_refresh("1").answers(&veeam("2"));
    let refused = world.vb365.mock("POST", "/v8/Jobs").with_status(401).expect(1).create();
    let next = world.vb365.mock("GET", "/v8/Jobs").match_header("authorization", "Bearer canary-veeam-access-2");
    let next = next.expect(1).create();
    let lines = "print(vb365.post('/v8/Jobs', data=(part for part in [b'payload'])).status_code)\n\
        print(vb365.get('/v8/Jobs').status_code)";
    let Some(outcome) = session(&Desk::new(&world), "", lines) else { return };
    assert_said(&outcome, 0, "401\n200\n", "");
    [renewal, refused, next].iter().for_each(mockito::Mock::assert);
}

#[test]
fn threads_share_one_renewal() {
    let machine = Machine::signed_in();
    machine.sandbox.expire_veeam_access();
    let lines = "from concurrent.futures import ThreadPoolExecutor\n\
        with ThreadPoolExecutor(8) as pool:\n\
        \x20   print(set(pool.map(lambda _: vb365.get('/v8/Organization').status_code, range(24))))";
    let Some(outcome) = session(&Desk::new(&machine), "", lines) else { return };
    assert_said(&outcome, 0, "{200}\n", "");
    assert_eq!(machine.sandbox.requests("veeam_token"), 2);
    machine.assert_no_complaints();
}

#[test]
fn a_server_is_trusted_by_its_root_or_its_pin_and_nothing_else() {
    for no_san in [false, true] {
        let machine = with_tls(no_san);
        let sandbox = &machine.sandbox;
        let (pin, root) = (sandbox.certificate_sha256().unwrap(), machine.home().join("root.pem"));
        let desk = Desk::new(&machine);
        let status = "import os\n\
            os.environ['REQUESTS_CA_BUNDLE'] = requests.certs.where()\n\
            try: print(vb365.get('/v8/Organization').status_code)\n\
            except requests.exceptions.SSLError: print('not trusted')";
        let by_root = format!(", ca_file='{}'", root.display());
        let by_pin = format!(", pin_sha256='{pin}'");
        let wrong = format!(", pin_sha256='{}', ca_file='{}'", "ab".repeat(32), root.display());
        let expected = [
            // A common name alone is no name that a root could vouch for.
            (by_root.as_str(), if no_san { "not trusted\n" } else { "200\n" }),
            (&by_pin, "200\n"),
            (&wrong, "not trusted\n"),
            ("", "not trusted\n"),
        ];
        for (arguments, answer) in expected {
            let before = sandbox.requests("organization");
            let Some(outcome) = session(&desk, arguments, status) else { return };
            assert_said(&outcome, 0, answer, "");
            assert_eq!(sandbox.requests("organization") - before, usize::from(answer == "200\n"), "{arguments}");
        }
    }
}

#[test]
fn a_helper_that_fails_in_no_known_way_gives_nothing_away() {
    let machine = Machine::new();
    let desk = Desk::new(&machine);
    desk.put("garbled", "printf '{\"access_token\":\"veeam-access-1'");
    desk.put("half", "printf '{\"access_token\":\"veeam-access-1\"}'");
    desk.put("list", "printf '[\"veeam-access-1\"]'");
    desk.put("silent", "printf 'veeam-access-1'; exec sleep 60");
    for (helper, said) in [
        ("garbled", "internal 0 garbled gave no answer that can be read"),
        ("half", "internal 0 half gave no answer that can be read"),
        ("list", "internal 0 list gave no answer that can be read"),
        ("silent", "unavailable None silent gave no answer within 0.5 s"),
        ("missing", "internal None missing cannot be started: No such file or directory"),
    ] {
        let program = format!(
            "import traceback\n\
             from vb365_auth import *\n\
             try: Vb365Auth('{TENANT}', helper='{helper}', limit=0.5).ask()\n\
             except HelperError as error: print(error.kind, error.exit_code, error, error.__context__); traceback.print_exc()"
        );
        let Some(command) = python(&desk, &["-c", &program]) else { return };
        let outcome = desk.run(command);
        assert_eq!((outcome.code, outcome.stdout), (0, format!("{said} None\n")), "{}", outcome.stderr);
    }
}
