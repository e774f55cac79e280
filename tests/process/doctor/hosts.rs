//! What `doctor` finds at the servers and on the way there, and what it sends them: next to nothing.

use mockito::Matcher;

use super::*;

#[test]
fn a_server_that_is_not_itself_gets_no_token() {
    let machine = Machine::with(Options { tls: true, no_san: true, ..Options::default() });
    let (url, authority) = (machine.sandbox.url(), machine.sandbox.authority());
    let configure = |lines: &str| {
        machine.write_config(&format!(
            "[tenants.\"{TENANT}\"]\nserver = \"{url}\"\nauthority = \"{authority}\"\norganization = \"{ORGANIZATION}\"\n{lines}\n"
        ));
    };
    let own = machine.sandbox.certificate_sha256().unwrap();
    configure(&format!("pin_sha256 = \"{own}\""));
    machine.sign_in(TENANT);
    let asked = machine.sandbox.requests("service_instance");
    let found = findings(&machine, &[], 0);
    assert_eq!(one(&found, &url, "certificate")[1], "CN=VB365 sandbox, trusted by its pin, valid until 4096-01-01");
    assert_eq!(one(&found, &url, "token")[0], "ok");
    let asked_by_doctor = machine.sandbox.requests("service_instance") - asked;
    assert_eq!(asked_by_doctor, 6, "five versions and a token");

    configure(&format!("pin_sha256 = \"{}\"", "ab".repeat(32)));
    let found = findings(&machine, &[], 9);
    let [state, message, hint] = one(&found, &url, "certificate");
    assert_eq!((state, hint), ("failure", format!("vb365-helper trust {url}").as_str()));
    assert!(message.contains(&own) && message.contains(&"ab".repeat(32)), "{message}");
    assert_eq!(machine.sandbox.requests("service_instance") - asked, asked_by_doctor);
}

#[test]
fn a_certificate_and_a_clock_are_watched() {
    for (days, state, words) in
        [(3, "warning", "ends in 2 days, on "), (-3, "warning", "ended on "), (60, "ok", "until")]
    {
        let options = Options { tls: true, no_san: true, days: Some(days), clock_ahead: -200, ..Options::default() };
        let machine = Machine::with(options);
        let (url, authority) = (machine.sandbox.url(), machine.sandbox.authority());
        let pin = machine.sandbox.certificate_sha256().unwrap();
        machine.write_config(&format!(
            "[tenants.\"{TENANT}\"]\nserver = \"{url}\"\nauthority = \"{authority}\"\npin_sha256 = \"{pin}\"\n"
        ));
        let found = findings(&machine, &[], 3);
        let certificate = one(&found, &url, "certificate");
        assert_eq!((certificate[0], certificate[1].contains(words)), (state, true), "{certificate:?}");
        for host in [&url, &authority] {
            let [state, message, _] = one(&found, host, "clock");
            assert!(state == "warning" && message.contains("s behind this machine's"), "{message}");
        }
    }
}

#[test]
fn what_a_server_says_of_versions_and_tokens_is_told() {
    let machine = Machine::with(Options { versions: vec![6, 7], ..Options::default() });
    let url = machine.sandbox.url();
    machine.write_config(&fs::read_to_string(machine.home().join("config.toml")).unwrap().replace("v8", "v7"));
    machine.sign_in(TENANT);
    machine.sandbox.expire_veeam_access();
    let found = findings(&machine, &[], 7);
    assert_eq!(one(&found, &url, "versions"), ["ok", "speaks v7, v6", ""]);
    let hint = format!("vb365-helper erase {ORGANIZATION} --access-only");
    let message = format!("the kept access token of {ORGANIZATION} is not taken any more");
    assert_eq!(one(&found, &url, "token"), ["failure", message.as_str(), hint.as_str()]);
    // What it says helps.
    machine.run(&["erase", TENANT, "--access-only"], b"").answer();
    machine.get(TENANT, &[]).answer();
    assert_eq!(not_well(&findings(&machine, &[], 0)), []);

    machine.write_config(&fs::read_to_string(machine.home().join("config.toml")).unwrap().replace("v7", "v5"));
    let found = findings(&machine, &[], 8);
    let versions = about(&found, &url, "versions");
    assert_eq!(versions[1][0], "failure", "{versions:?}");
    assert_eq!(versions[1][2], format!("vb365-helper login {ORGANIZATION} --server {url} --api-version v7"));
}

#[test]
fn an_identity_host_is_asked_whom_it_knows() {
    let machine = Machine::signed_in();
    machine.configure(&[ORGANIZATION, "nobody.onmicrosoft.com"]);
    let authority = machine.sandbox.authority();
    let found = findings(&machine, &[], 5);
    let [state, message, hint] = one(&found, &authority, "tenant");
    assert_eq!((state, hint), ("failure", "check the tenant's name"));
    assert!(message.contains("nobody.onmicrosoft.com") && message.contains("AADSTS90002"), "{message}");

    machine.configure(&[ORGANIZATION]);
    let html = "<html>the hotel's network</html>".to_owned();
    machine.sandbox.fault("configuration", Fault::Answer { status: 200, headers: Vec::new(), body: html.clone() });
    machine.sandbox.fault("configuration", Fault::Answer { status: 502, headers: Vec::new(), body: html });
    findings(&machine, &[], 0);
    let found = findings(&machine, &[], 6);
    assert!(about(&found, &authority, "reachable")[0][1].contains("502"));
}

#[test]
fn a_proxy_is_named_without_its_password() {
    let machine = Machine::signed_in();
    let mut command = machine.command(&["doctor", "--json", "--timeout", "2s"]);
    command.env("HTTPS_PROXY", "http://user:canary@127.0.0.1:1").env("NO_PROXY", "");
    let config = fs::read_to_string(machine.home().join("config.toml")).unwrap();
    machine.write_config(&config.replace(&machine.sandbox.url(), "https://vb365.invalid:4443").replace(
        "authority = \"https://vb365.invalid:4443\"",
        &format!("authority = \"{}\"", machine.sandbox.authority()),
    ));
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!text.contains("canary") && !String::from_utf8_lossy(&output.stderr).contains("canary"));
    let document: Value = serde_json::from_str(&text).unwrap();
    let found = document["findings"].as_array().unwrap();
    assert_eq!(one(found, "network", "proxy")[1], "127.0.0.1:1, for every host that no_proxy does not name");
    assert_eq!(one(found, "https://vb365.invalid:4443", "proxy")[1], "asked through 127.0.0.1:1");
    assert!(about(found, &machine.sandbox.authority(), "proxy").is_empty(), "loopback goes through no proxy");
}

#[test]
fn hosts_that_do_not_answer_hold_nobody_for_long() {
    let world = World::unconfigured();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let table = |n: usize| format!("[tenants.\"t{n}.com\"]\nserver = \"{url}\"\npin_sha256 = \"{n:064x}\"\n");
    world.write_config(&format!("[defaults]\nauthority = \"{url}\"\n{}", (0..40).map(table).collect::<String>()));
    let start = Instant::now();
    let outcome = world.run_raw(&["doctor", "--timeout", "1s"]);
    assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
    assert_eq!(outcome.code, 6, "{outcome:?}");
    assert!(outcome.stdout.contains("not asked: the time for all hosts was over"), "{outcome:?}");
}

#[test]
fn a_clock_far_off_is_told_before_anybody_wonders() {
    let machine = Machine::signed_in();
    let clock = ManualClock::new();
    clock.jump(TimeDelta::days(400));
    let outcome = machine.run_inside(&clock, &["doctor", "--json"], b"");
    let document = outcome.document();
    let found = document["findings"].as_array().unwrap();
    let [state, message, _] = about(found, &machine.sandbox.url(), "clock")[0];
    assert!(state == "warning" && message.contains("behind this machine's"), "{message}");
}

#[test]
fn a_token_that_may_not_ask_is_not_called_dead() {
    for status in [403, 404] {
        let mut world = World::new();
        world.store_veeam("1", 0);
        for version in ["v8", "v7", "v6", "v5", "v4"] {
            let path = format!("/{version}/ServiceInstance");
            world.vb365.mock("GET", path.as_str()).with_status(401).create();
            let token = Matcher::Regex("^Bearer ".into());
            world.vb365.mock("GET", path.as_str()).match_header("authorization", token).with_status(status).create();
        }
        let outcome = world.run_raw(&["doctor", "--json", TENANT]);
        let found: Value = serde_json::from_str(&outcome.stdout).unwrap();
        let found = found["findings"].as_array().unwrap();
        let token = found.iter().find(|finding| finding["check"] == "token").unwrap();
        assert_eq!(token["state"], "warning", "{token}");
        assert!(token["message"].as_str().unwrap().contains(&format!("HTTP {status}")), "{token}");
    }
}
