//! `get`: which token answers, from where, and for whom.

use serde_json::json;

use crate::support::{
    Answers, HOUR, ORGANIZATION, Outcome, TENANT, World, ago, assert_ends_in, closed_port, entra, post, veeam,
    veeam_living,
};

#[test]
fn a_cached_token_is_answered_without_request_and_without_lock() {
    let mut world = World::new();
    world.store_veeam("1", 0);
    let lock = world.cache_dir().join(format!("{TENANT}.lock"));
    std::fs::remove_file(&lock).unwrap();
    let before = world.kept();
    let silence = world.silence();
    world.assert_gave(&world.get(&[]), "1", "cache", HOUR);
    world.assert_gave(&world.ask(&json!({ "version": 1, "tenant": TENANT })), "1", "cache", HOUR);
    assert!(!lock.exists());
    assert_eq!(world.kept(), before);
    silence.assert();
}

#[test]
fn the_document_keeps_its_order_and_is_one_line() {
    let world = World::new();
    world.store_veeam("1", 0);
    let stdout = world.get(&[]).stdout;
    let start = format!(
        r#"{{"version":1,"tenant":"{TENANT}","server":"{}","token_type":"Bearer","access_token":"canary-veeam-access-1","expires_at":""#,
        world.vb365.url()
    );
    assert!(stdout.starts_with(&start) && stdout.ends_with("Z\",\"source\":\"cache\"}\n"), "{stdout}");
}

#[test]
fn a_tenant_is_found_in_any_case_and_named_as_the_caller_does() {
    let world = World::new();
    world.store_veeam("1", 0);
    let answer = world.run(&["get", "ABC.onmicrosoft.com"], b"").answer();
    assert_eq!(answer["tenant"], "ABC.onmicrosoft.com");
    assert_eq!(answer["access_token"], "canary-veeam-access-1");
}

#[test]
fn a_token_below_the_minimum_is_renewed() {
    let mut world = World::new();
    world.store_veeam("1", HOUR - 400);
    world.assert_gave(&world.get(&[]), "1", "cache", 400);
    world.store_veeam("1", HOUR - 200);
    let refresh = world.veeam_refresh("1").answers(&veeam("2"));
    world.assert_gave(&world.get(&[]), "2", "veeam_refresh", HOUR);
    world.assert_gave(&world.get(&[]), "2", "cache", HOUR);
    refresh.assert();
}

#[test]
fn the_minimum_comes_from_flag_request_and_configuration() {
    let mut world = World::with("api_version = \"v8\"\nmin_ttl = \"10m\"");
    world.store_veeam("1", HOUR - 400);
    world.assert_gave(&world.get(&["--min-ttl", "5m"]), "1", "cache", 400);
    world.assert_gave(&world.ask(&json!({ "version": 1, "tenant": TENANT, "min_ttl": 300 })), "1", "cache", 400);
    let refresh = world.veeam_refresh("1").answers(&veeam("2"));
    world.assert_gave(&world.get(&[]), "2", "veeam_refresh", HOUR);
    refresh.assert();

    world.store_veeam("3", HOUR - 900);
    let refresh = world.veeam_refresh("3").answers(&veeam("4"));
    world.assert_gave(&world.get(&["--min-ttl", "20m"]), "4", "veeam_refresh", HOUR);
    refresh.assert();
    world.store_veeam("5", HOUR - 900);
    let refresh = world.veeam_refresh("5").answers(&veeam("6"));
    let outcome = world.ask(&json!({ "version": 1, "tenant": TENANT, "min_ttl": 1200 }));
    world.assert_gave(&outcome, "6", "veeam_refresh", HOUR);
    refresh.assert();
}

#[test]
fn short_tokens_are_served_for_the_first_half_of_their_life() {
    let mut world = World::new();
    let store = |age, life| {
        let server = world.vb365.url();
        world.store(&json!({ "server": server, "veeam": veeam_living("1", life), "obtained_at": ago(age) }));
    };
    store(0, 120);
    world.assert_gave(&world.get(&["--min-ttl", "24h"]), "1", "cache", 120);
    store(70, 120);
    let refresh = world.veeam_refresh("1").answers(&veeam_living("2", 120));
    world.assert_gave(&world.get(&[]), "2", "veeam_refresh", 120);
    world.assert_gave(&world.get(&[]), "2", "cache", 120);
    refresh.assert();
}

#[test]
fn a_refused_token_is_dropped_and_renewed_once_for_all_who_refuse_it() {
    let mut world = World::new();
    world.store_veeam("1", 0);
    let refresh = world.veeam_refresh("1").answers(&veeam("2"));
    world.assert_gave(&world.ask_after_refusal("1"), "2", "veeam_refresh", HOUR);
    for _ in 0..3 {
        world.assert_gave(&world.ask_after_refusal("1"), "2", "cache", HOUR);
    }
    refresh.assert();
}

#[test]
fn a_refused_token_is_never_the_answer_again() {
    let mut world = World::new();
    world.store_veeam("1", 0);
    let refresh = world.veeam_refresh("1").fails(503, "");
    world.ask_after_refusal("1").error("unavailable");
    refresh.assert();
    refresh.remove();
    // Dropped it is: another caller, who knows nothing of the refusal, does not get it either.
    let refresh = world.veeam_refresh("1").answers(&veeam("2"));
    world.assert_gave(&world.get(&[]), "2", "veeam_refresh", HOUR);
    refresh.assert();
}

#[test]
fn the_first_server_is_the_default_and_others_are_chosen_by_name() {
    let mut world = World::unconfigured();
    let mut other = mockito::Server::new();
    world.configure(&format!("servers = [\"{}\", \"{}\"]\napi_version = \"v8\"", world.vb365.url(), other.url()));
    world.store_entra("1", 0);
    let assertion = entra("1").to_string();
    let form = [
        ("grant_type", crate::support::EXCHANGE),
        ("client_id", ORGANIZATION),
        ("assertion", &assertion),
        ("disable_antiforgery_token", "true"),
    ];
    let at_other = post(&mut other, "/v8/token", &form).answers(&veeam("other"));
    let at_first = world.exchange(&entra("1")).answers(&veeam("first"));

    let answer = world.get(&["--server", &other.url()]).answer();
    assert_eq!(
        (&answer["server"], &answer["access_token"]),
        (&json!(other.url()), &json!("canary-veeam-access-other"))
    );
    world.assert_gave(&world.get(&[]), "first", "exchange", HOUR);
    let answer = world.ask(&json!({ "version": 1, "tenant": TENANT, "server": other.url() })).answer();
    assert_eq!((&answer["source"], &answer["access_token"]), (&json!("cache"), &json!("canary-veeam-access-other")));
    at_other.assert();
    at_first.assert();
}

#[test]
fn a_server_that_is_not_configured_gets_nothing() {
    let mut world = World::new();
    world.store_entra("1", 0);
    let silence = world.silence();
    let elsewhere = closed_port();
    let expected = json!({
        "kind": "config",
        "message": format!("{elsewhere} is no configured server of {TENANT}"),
        "hint": format!("vb365-helper login {TENANT} --server {elsewhere}"),
        "tenant": TENANT,
    });
    assert_eq!(world.get(&["--server", &elsewhere]).error("config"), expected);
    let request = json!({ "version": 1, "tenant": TENANT, "server": elsewhere });
    assert_eq!(world.ask(&request).error("config"), expected);
    silence.assert();
}

#[test]
fn a_tenant_that_is_not_configured_is_told_how_to_begin() {
    let mut world = World::new();
    let silence = world.silence();
    let expected = json!({
        "kind": "config",
        "message": "no server is configured for def.onmicrosoft.com",
        "hint": "vb365-helper login def.onmicrosoft.com --server https://HOST:4443",
        "tenant": "def.onmicrosoft.com",
    });
    let outcome = world.run(&["get", "def.onmicrosoft.com", "--interactive", "never"], b"");
    assert_eq!(outcome.error("config"), expected);
    silence.assert();
}

#[test]
fn identity_hosts_that_are_not_microsofts_are_refused_without_the_users_word() {
    let world = World::unconfigured();
    for host in [
        "https://login.example.com",
        "https://login.microsoftonline.com.example.com",
        "https://login.microsoftonline.com:444",
    ] {
        let config =
            |more| format!("[tenants.\"{TENANT}\"]\nserver = \"{}\"\nauthority = \"{host}\"\n{more}", closed_port());
        world.write_config(&config(""));
        let error = world.get(&[]).error("config");
        assert_eq!(error["message"], format!("{host} is none of Microsoft's identity hosts"));
        world.write_config(&config("allow_custom_authority = true"));
        world.get(&[]).error("login_required");
    }
}

#[test]
fn nobody_signed_in_is_login_required_with_the_command() {
    let mut world = World::new();
    let silence = world.silence();
    let expected = json!({
        "kind": "login_required",
        "message": format!("nobody on this machine is signed in to {TENANT}"),
        "hint": format!("vb365-helper login {TENANT}"),
        "tenant": TENANT,
    });
    assert_eq!(world.get(&[]).error("login_required"), expected);
    silence.assert();
}

#[test]
fn microsofts_own_token_is_answered_without_the_server() {
    let mut world = World::new();
    world.store_entra("1", 0);
    let expected = |n: &str, source: &str, expires_at: &serde_json::Value| {
        json!({
            "version": 1,
            "tenant": TENANT,
            "token_type": "Bearer",
            "access_token": format!("canary-entra-access-{n}"),
            "expires_at": expires_at,
            "source": source,
        })
    };
    let answer = world.get(&["--want", "entra"]).answer();
    assert_eq!(answer, expected("1", "cache", &answer["expires_at"]));
    assert_ends_in(&answer["expires_at"], HOUR);

    world.store_entra("2", HOUR);
    let refresh = world.entra_refresh("2").answers(&entra("3"));
    let answer = world.ask(&json!({ "version": 1, "tenant": TENANT, "want": "entra" })).answer();
    assert_eq!(answer, expected("3", "entra_refresh", &answer["expires_at"]));
    refresh.assert();
}

#[test]
fn microsofts_own_token_needs_no_server() {
    let world = World::unconfigured();
    world.configure("");
    world.store_entra("1", 0);
    assert_eq!(world.get(&["--want", "entra"]).answer()["access_token"], "canary-entra-access-1");
    assert_eq!(world.get(&["--want", "assertion"]).answer()["client_id"], ORGANIZATION);
    world.get(&[]).error("config");
}

#[test]
fn an_assertion_is_what_the_swagger_page_asks_for() {
    let mut world = World::new();
    world.store_entra("1", HOUR);
    let refresh = world.entra_refresh("1").answers(&entra("2"));
    for _ in 0..2 {
        let answer = world.get(&["--want", "assertion"]).answer();
        let expected = json!({
            "version": 1,
            "tenant": TENANT,
            "client_id": ORGANIZATION,
            "assertion": entra("2").to_string(),
            "expires_at": answer["expires_at"],
        });
        assert_eq!(answer, expected);
        assert_ends_in(&answer["expires_at"], HOUR);
    }
    refresh.assert();
}

#[test]
fn organization_client_and_scopes_are_sent_as_configured() {
    let lines = r#"
        organization = "aBC Ltd."
        client_id = "11111111-2222-3333-4444-555555555555"
        scopes = ["Directory.Read.All", "User.Read", "offline_access"]
        api_version = "v8""#;
    let mut world = World::with(lines);
    world.store_entra("1", HOUR);
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", "11111111-2222-3333-4444-555555555555"),
        ("refresh_token", "canary-entra-refresh-1"),
        ("scope", "Directory.Read.All User.Read offline_access"),
    ];
    let refresh = post(&mut world.entra, &format!("/{TENANT}/oauth2/v2.0/token"), &form).answers(&entra("2"));
    let assertion = entra("2").to_string();
    let form = [
        ("grant_type", crate::support::EXCHANGE),
        ("client_id", "aBC Ltd."),
        ("assertion", &assertion),
        ("disable_antiforgery_token", "true"),
    ];
    let exchange = post(&mut world.vb365, "/v8/token", &form).answers(&veeam("1"));
    world.assert_gave(&world.get(&[]), "1", "entra_refresh", HOUR);
    refresh.assert();
    exchange.assert();
}

#[test]
fn tokens_of_other_scopes_or_another_client_are_not_used() {
    let mut world = World::new();
    world.store_entra("1", 0);
    let silence = world.silence();
    for line in ["client_id = \"other\"", "scopes = [\"Directory.Read.All\", \"User.Read\", \"offline_access\"]"] {
        world.configure(&format!("server = \"{}\"\napi_version = \"v8\"\n{line}", world.vb365.url()));
        world.get(&[]).error("login_required");
    }
    silence.assert();
}

#[cfg(target_os = "linux")]
#[test]
fn without_a_terminal_nobody_is_asked_whatever_the_caller_allows() {
    let mut world = World::new();
    let silence = world.silence();
    let program = world.command(&[]);
    for when in ["auto", "always", "never"] {
        let mut command = std::process::Command::new("/usr/bin/setsid");
        command.env_clear().envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let output = command.arg(program.get_program()).args(["get", TENANT, "--interactive", when]).output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{when}: {output:?}");
    }
    silence.assert();
}

#[test]
fn a_log_of_no_known_level_is_none_and_says_so() {
    let world = World::new();
    world.store_veeam("1", 0);
    for (level, said) in [
        ("off", ""),
        ("info", "vb365-helper: warning: VB365_HELPER_LOG is none of off, debug and trace\n"),
        ("canary", "vb365-helper: warning: VB365_HELPER_LOG is none of off, debug and trace\n"),
    ] {
        let output = world.command(&["get", TENANT]).env("VB365_HELPER_LOG", level).output().unwrap();
        assert_eq!((output.status.code(), &*String::from_utf8_lossy(&output.stderr)), (Some(0), said), "{level}");
    }
    let output = world.command(&["get", TENANT]).env("VB365_HELPER_LOG", "DEBUG").output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("rung 1"), "{output:?}");
}

/// A call whose words are read as they are: a failure's are more than the error.
const EXPLAINED: [&str; 5] = ["get", TENANT, "--interactive", "never", "--explain"];

/// What `--explain` told, without the times.
fn explained(outcome: &Outcome) -> Vec<String> {
    let told = outcome.stderr.lines().filter_map(|line| {
        let (words, after) = line.strip_prefix("vb365-helper: ")?.rsplit_once(" (after ")?;
        assert!(after.strip_suffix(" ms)").is_some_and(|ms| ms.parse::<u64>().is_ok()), "{line}");
        Some(words.to_owned())
    });
    told.collect()
}

#[test]
fn each_rung_is_explained_on_stderr_and_the_answer_is_the_same() {
    let mut world = World::new();
    let (server, host) = (world.vb365.url(), world.entra.host_with_port());
    world.store_veeam("1", 30);
    let outcome = world.run_raw(&["get", TENANT, "--explain", "--protocol", "token"]);
    assert_eq!(outcome.stdout, "canary-veeam-access-1\n");
    assert_eq!(
        explained(&outcome),
        ["rung 1, cached token: 59 min left, that is enough", "answer: by the cache, ends in 59 min"]
    );
    assert_eq!(outcome.stderr.lines().count(), 2);

    // The server's refresh token is dead, Microsoft's assertion too, and all that is left is the fourth rung.
    world.store_veeam("1", 2 * HOUR);
    world.store_entra("1", 2 * HOUR);
    let dead = world.veeam_refresh("1").fails(401, "");
    let renewed = world.entra_refresh("1").answers(&entra("2"));
    let exchange = world.exchange(&entra("2")).answers(&veeam("2"));
    let outcome = world.get(&["--explain"]);
    [dead, renewed, exchange].iter().for_each(mockito::Mock::assert);
    assert_eq!(
        explained(&outcome),
        [
            "rung 1, cached token: ended 1 h ago".to_owned(),
            format!("rung 2, refresh token of {server}: rejected (HTTP 401)"),
            "rung 3, kept token response: ended 1 h ago".to_owned(),
            format!("rung 4, refresh token of {host}: renewed"),
            format!("rung 4, refresh token of {host}: {server} took the assertion"),
            "answer: by Microsoft's refresh token, ends in 59 min".to_owned(),
        ]
    );
    assert!(!outcome.stderr.contains("canary"), "{}", outcome.stderr);
}

#[test]
fn an_outage_is_explained_with_what_was_left() {
    let mut world = World::new();
    let server = world.vb365.url();
    world.store_veeam("1", HOUR - 120);
    let down = world.veeam_refresh("1").fails(503, "");
    let outcome = world.get(&["--explain"]);
    down.assert();
    assert_eq!(outcome.code, 0);
    let told = explained(&outcome);
    assert_eq!(told[0], "rung 1, cached token: 1 min left, 5 min wanted");
    assert_eq!(
        told[1..3],
        [
            format!("rung 2, refresh token of {server}: failed (unavailable)"),
            "rung 1, cached token: it still lives, and nothing better is to be had".to_owned()
        ]
    );
    assert_eq!((told.len(), told[3].as_str()), (4, "answer: by the cache, ends in 1 min"));
    assert_eq!(outcome.warnings().len(), 1);
}

#[test]
fn a_call_that_needs_a_person_is_explained_too() {
    use crate::support::DEAD;
    let mut world = World::new();
    let (server, host) = (world.vb365.url(), world.entra.host_with_port());
    let rungs = |first: &str, third: &str, fourth: &str| {
        [
            format!("rung 1, cached token: {first}"),
            format!("rung 2, refresh token of {server}: none is kept"),
            format!("rung 3, kept token response: {third}"),
            format!("rung 4, refresh token of {host}: {fourth}"),
            "rung 5, a person: needed, and not to be asked".to_owned(),
        ]
    };
    let told = |world: &World| {
        let outcome = world.run_raw(&EXPLAINED);
        assert_eq!(outcome.code, 3);
        explained(&outcome)
    };
    assert_eq!(told(&world), rungs("none is kept", "none is kept", "none is kept"));
    world.store_entra("1", 5 * HOUR);
    let dead = world.entra_refresh("1").fails(400, DEAD);
    assert_eq!(told(&world), rungs("none is kept", "ended 4 h ago", "dead (AADSTS700082)"));
    assert_eq!(told(&world), rungs("none is kept", "ended 4 h ago", "known to be dead (AADSTS700082)"));
    dead.assert();
}

#[test]
fn a_server_that_will_not_have_the_assertion_is_explained() {
    let mut world = World::new();
    let (server, host) = (world.vb365.url(), world.entra.host_with_port());
    world.store_entra("1", 0);
    let rejected = world.exchange(&entra("1")).fails(400, "");
    let renewed = world.entra_refresh("1").answers(&entra("2"));
    let again = world.exchange(&entra("2")).fails(400, "");
    let outcome = world.run_raw(&EXPLAINED);
    [rejected, renewed, again].iter().for_each(mockito::Mock::assert);
    assert_eq!(outcome.code, 5);
    assert_eq!(
        explained(&outcome),
        [
            "rung 1, cached token: none is kept".to_owned(),
            format!("rung 2, refresh token of {server}: none is kept"),
            format!("rung 3, kept token response: {server} rejected the assertion (HTTP 400)"),
            format!("rung 4, refresh token of {host}: renewed"),
            format!("rung 4, refresh token of {host}: {server} rejected the assertion (HTTP 400)"),
        ]
    );
}
