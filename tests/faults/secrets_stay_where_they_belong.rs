//! Whatever a call comes to and however much it logs, what it was told in confidence is in the
//! answer that was asked for and in the tenant's file alone. The log still says what was decided.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::hostile::{Reply, Role, Victim, answer};
use crate::support::{HOUR, Home, TENANT, ago, self_signed_server};

/// What is in every secret here: the tests' own mark, and those that Microsoft's tokens have.
const MARKS: [&str; 4] = ["canary", "RXZvU3RzQXJ0aWZhY3Rz", "V2b1N0c0FydGlmYWN0c", "dm9TdHNBcnRpZmFjdH"];
const LEVELS: [&str; 2] = ["debug", "trace"];
/// What an answer may hold and nothing else may.
const GRANTED: [&str; 2] = ["access_token", "assertion"];

fn secret(name: &str) -> String {
    format!("{name}.{}", MARKS.join("-"))
}

/// A token response of either system.
fn tokens(name: &str) -> Value {
    json!({
        "token_type": "Bearer",
        "access_token": secret(&format!("{name}-access")),
        "refresh_token": secret(&format!("{name}-refresh")),
        "expires_in": HOUR,
    })
}

/// Grants everything.
fn grant(request: &str) -> Reply {
    let name = if request.contains("/oauth2/") { "entra" } else { "veeam" };
    answer(200, &tokens(name).to_string())
}

/// Refuses with all it was sent.
fn quote(request: &str) -> Reply {
    quote_as("invalid_client", request)
}

fn quote_as(error: &str, request: &str) -> Reply {
    let (_, sent) = request.split_once("\r\n\r\n").unwrap();
    let words: String = form_urlencoded::parse(sent.as_bytes()).map(|(_, value)| value.into_owned() + " ").collect();
    let error = json!({ "error": error, "error_description": words, "suberror": words, "message": words });
    answer(400, &error.to_string())
}

fn assert_no_secret(what: &str, text: &str) {
    for mark in MARKS {
        assert!(!text.contains(mark), "{mark} in {what}: {text}");
    }
}

/// A run at a log level: its exit code and its log, once nothing else was found to hold a secret.
fn logged(home: &Home, level: &str, args: &[&str], stdin: &str) -> (i32, String) {
    let mut command = assert_cmd::Command::from_std(home.command(args));
    let output =
        command.env("VB365_HELPER_LOG", level).write_stdin(stdin).timeout(Duration::from_secs(30)).output().unwrap();
    let (stdout, log) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    let code = output.status.code().unwrap();
    let rest = match serde_json::from_str::<Value>(&stdout) {
        Ok(Value::Object(mut answer)) if code == 0 && args[0] == "get" => {
            let granted = GRANTED.iter().filter(|name| answer.remove(**name).is_some()).count();
            assert_eq!(granted, 1, "{stdout}");
            Value::Object(answer).to_string()
        }
        _ => stdout,
    };
    assert_no_secret("stdout", &rest);
    assert_no_secret("stderr", &log);
    assert_eq!(log.contains("vb365-helper: step at "), level == "trace", "{log}");
    assert_only_the_entry_knows(&home.home());
    (code, log)
}

/// No file has a secret in its name, and only the tenant's file has one in its content.
fn assert_only_the_entry_knows(dir: &Path) {
    for file in fs::read_dir(dir).unwrap() {
        let path: PathBuf = file.unwrap().path();
        assert_no_secret("a name", path.to_str().unwrap());
        if path.is_dir() {
            assert_only_the_entry_knows(&path);
        } else if path.file_name().unwrap() != format!("{TENANT}.json").as_str() {
            assert_no_secret(path.to_str().unwrap(), &String::from_utf8_lossy(&fs::read(&path).unwrap()));
        }
    }
}

/// A user who has these tokens, and what the systems answer.
fn scene(kept: &[(&str, i64)], reply: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Victim {
    let victim = Victim::new(Role::Exchange, reply);
    victim.run(&["erase", TENANT], b"").answer();
    for (whose, age) in kept {
        let mut fields = json!({ *whose: tokens(whose), "obtained_at": ago(*age) });
        if *whose == "veeam" {
            fields["server"] = victim.server.url().into();
        }
        victim.store(&fields);
    }
    victim
}

const OLD: i64 = 2 * HOUR;
const GET: [&str; 4] = ["get", TENANT, "--interactive", "never"];

#[test]
fn each_rung_says_why_it_answers_and_no_more() {
    for level in LEVELS {
        for (kept, args, why) in [
            (
                &[("veeam", 0)][..],
                &[][..],
                &["rung 1, cached token: 59 min left, that is enough", "answer: by the cache"][..],
            ),
            (&[("veeam", OLD)], &[], &["rung 1, cached token: ended 1 h ago", "renewed"]),
            (&[("entra", 0)], &[], &["none is kept", "rung 3, kept token response: http"]),
            (&[("entra", OLD)], &[], &["rung 3, kept token response: ended 1 h ago", "rung 4, refresh token of "]),
            (&[("entra", 0)], &["--want", "entra"], &["rung 1, cached token: 59 min left"]),
            (&[("entra", OLD)], &["--want", "entra"], &["rung 4, refresh token of "]),
            (&[("entra", 0)], &["--want", "assertion"], &["rung 1, cached token: 59 min left"]),
            (&[("entra", OLD)], &["--want", "assertion"], &["rung 4, refresh token of "]),
        ] {
            let (code, log) = logged(&scene(kept, grant), level, &[&GET[..], args].concat(), "");
            assert_eq!(code, 0, "{log}");
            why.iter().for_each(|words| assert!(log.contains(words), "{words:?} is missing in {log}"));
        }
        let victim = scene(&[("veeam", 0)], grant);
        let request = json!({ "version": 1, "tenant": TENANT, "refused_token": secret("veeam-access") }).to_string();
        let (_, log) = logged(&victim, level, &["get", "--interactive", "never"], &request);
        assert!(log.contains("rung 1, cached token: it is the one that was refused"), "{log}");
    }
}

#[test]
fn each_failure_says_why_and_no_more() {
    for level in LEVELS {
        let victim = scene(&[("veeam", OLD), ("entra", OLD)], quote);
        let (code, log) = logged(&victim, level, &GET, "");
        assert_eq!(code, 5, "{log}");
        assert!(log.contains("rejected (HTTP 400)") && log.contains("answered HTTP 400"), "{log}");

        let rejecting = |request: &str| if request.contains("/oauth2/") { grant(request) } else { quote(request) };
        let (code, log) = logged(&scene(&[("entra", 0)], rejecting), level, &GET, "");
        assert_eq!((code, log.matches("rejected the assertion (HTTP 400)").count()), (5, 2), "{log}");

        let victim = scene(&[("entra", OLD)], |request| quote_as("invalid_grant", request));
        for why in [": dead", "known to be dead"] {
            let (code, log) = logged(&victim, level, &GET, "");
            assert_eq!(code, 3, "{log}");
            assert!(log.contains(why) && log.contains("rung 5, a person: needed"), "{log}");
        }

        let failing = |request: &str| answer(503, request);
        for (kept, expected) in
            [(&[("veeam", OLD)][..], 6), (&[("entra", 0)], 6), (&[("entra", OLD)], 6), (&[("veeam", 3500)], 0)]
        {
            let (code, log) = logged(&scene(kept, failing), level, &GET, "");
            assert_eq!(code, expected, "{log}");
            assert!(log.contains("answered HTTP 503"), "{log}");
        }

        let victim = scene(&[("entra", 0)], grant);
        let stranger = self_signed_server();
        victim.write_config(&fs::read_to_string(victim.home().join("config.toml")).unwrap().replacen(
            &victim.server.url(),
            &stranger,
            1,
        ));
        let (code, log) = logged(&victim, level, &GET, "");
        assert_eq!(code, 9, "{log}");
        assert!(log.contains(&format!("the certificate of {stranger} is not trusted")), "{log}");

        let victim = scene(&[("veeam", 0), ("entra", 0)], grant);
        let kept = victim.kept().unwrap();
        for damaged in [&kept[..kept.len() - 9], &kept[1..], secret("canary").as_bytes()] {
            fs::write(victim.cache_file(), damaged).unwrap();
            let (code, log) = logged(&victim, level, &GET, "");
            assert_eq!((code, log.matches("warning: ").count()), (3, 1), "{log}");
        }
    }
}

#[test]
fn what_is_stored_listed_and_erased_is_not_told() {
    for level in LEVELS {
        let victim = scene(&[], grant);
        let url = victim.server.url();
        let store = json!({ "version": 1, "tenant": TENANT, "entra": tokens("entra"), "server": url, "veeam": tokens("veeam") });
        for (args, stdin, expected) in [
            (&["store"][..], store.to_string(), 0),
            (&["store", TENANT], tokens("entra").to_string(), 0),
            (&["store", TENANT, "--server", &url], tokens("veeam").to_string(), 0),
            (&["list"], String::new(), 0),
            (&["list", "--json"], String::new(), 0),
            (&["store"], store.to_string().replace("\"expires_in\":3600", "\"expires_in\":\"canary\""), 2),
            (&["store"], store.to_string().replace("\"version\":1", "\"version\":\"canary\""), 2),
            (&["store"], store.to_string().replace("\"tenant\"", "\"tennant\""), 2),
            (&["store", TENANT], secret("entra-access"), 2),
            (&["store", TENANT], json!([secret("entra-access")]).to_string(), 2),
            (&["get"], json!({ "version": 1, "tenant": secret("entra access") }).to_string(), 2),
            (
                &["get"],
                json!({ "version": 1, "tenant": TENANT, "refused_token": [secret("veeam-access")] }).to_string(),
                2,
            ),
            (&["get"], json!({ "version": 1, "tenant": TENANT, "want": secret("veeam-access") }).to_string(), 2),
            (&["get"], json!({ "version": 1, "tenant": TENANT, (secret("entra-access")): 1 }).to_string(), 2),
            (&["erase", TENANT, "--access-only"], String::new(), 0),
            (&["erase"], json!({ "version": 1, "tenant": TENANT }).to_string(), 0),
        ] {
            let (code, log) = logged(&victim, level, args, &stdin);
            assert_eq!(code, expected, "{args:?}: {log}");
        }
        assert_eq!(victim.kept(), None);
    }
}

#[cfg(unix)]
#[test]
fn a_sign_in_tells_its_code_and_nothing_else() {
    use crate::support::can_use_terminals;
    use crate::support::seat::SOON;
    if !can_use_terminals() {
        return;
    }
    for level in LEVELS {
        for args in [&["login", TENANT][..], &["login", TENANT, "--json"], &["get", TENANT]] {
            let victim = scene(&[], |request| {
                if !request.contains("/devicecode") {
                    return grant(request);
                }
                let page = "https://microsoft.com/devicelogin";
                let code = json!({ "device_code": secret("device"), "user_code": "HJ4K", "verification_uri": page, "interval": 1 });
                answer(200, &code.to_string())
            });
            let session = victim.at_a_terminal_by(&victim.command(args), &[("VB365_HELPER_LOG", level)]);
            let finished = session.finish(SOON);
            let log = String::from_utf8(finished.stderr).unwrap();
            assert_eq!(finished.code, Some(0), "{log}");
            assert!(log.contains("rung 5, a person: asked") && log.contains(" took the assertion"), "{log}");
            assert!(finished.terminal.contains("  enter     HJ4K\n"), "{}", finished.terminal);
            assert_no_secret("the terminal", &finished.terminal);
            assert_no_secret("stderr", &log);
            assert_only_the_entry_knows(&victim.home());
            if args[0] == "login" {
                assert_no_secret("stdout", &String::from_utf8(finished.stdout).unwrap());
            }
        }
    }
}
