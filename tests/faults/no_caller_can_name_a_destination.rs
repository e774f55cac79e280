//! Where tokens go is what the configuration says. No flag, request, variable or file that lies
//! where the program is started leads them elsewhere, and a proxy learns where they go, not what they are.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

use crate::support::hostile::Decoy;
use crate::support::{HOUR, Home, Machine, ORGANIZATION, TENANT, ago, entra, self_signed_server, veeam};

/// Variables by which other programs are led elsewhere, and names that this one could have had.
const LEADING: [&str; 16] = [
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "ALL_PROXY",
    "https_proxy",
    "http_proxy",
    "all_proxy",
    "VB365_SERVER",
    "VB365_HELPER_SERVER",
    "VB365_HELPER_AUTHORITY",
    "AZURE_AUTHORITY_HOST",
    "IDENTITY_ENDPOINT",
    "MSI_ENDPOINT",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];

/// A machine whose next `get` has to go to both systems.
fn due() -> Machine {
    let machine = Machine::signed_in();
    machine.expire_veeam(TENANT);
    machine.sandbox.revoke_veeam_refresh();
    machine.expire_entra(TENANT);
    machine
}

/// Runs to the end and finds its one document.
fn document(command: &mut Command) -> (Output, Value) {
    let output = command.output().unwrap();
    let document = serde_json::from_slice(&output.stdout);
    (output.clone(), document.unwrap_or_else(|_| panic!("{output:?}")))
}

/// Files that other programs look for where they are started; all of them lead to `decoy`.
fn litter(dir: &Path, decoy: &str) {
    let config = format!(
        "[tenants.\"{TENANT}\"]\nserver = \"{decoy}\"\nauthority = \"{decoy}\"\norganization = \"{ORGANIZATION}\"\napi_version = \"v8\"\n"
    );
    let entry = json!({ "version": 1, "tenant": TENANT }).to_string();
    for (name, text) in [
        ("config.toml", config.as_str()),
        ("vb365-helper.toml", &config),
        (".vb365-helper.toml", &config),
        ("vb365-helper/config.toml", &config),
        (".config/vb365-helper/config.toml", &config),
        ("config/vb365-helper/config.toml", &config),
        (".vb365-helper/config.toml", &config),
        (&format!("{TENANT}.json"), &entry),
        (&format!("cache/{TENANT}.json"), &entry),
        (&format!("vb365-helper/{TENANT}.json"), &entry),
        (".env", &format!("HTTPS_PROXY={decoy}\nVB365_HELPER_CONFIG=config.toml\n")),
        (".netrc", "default login canary password canary"),
        (".curlrc", &format!("proxy = {decoy}")),
        ("curlrc", &format!("proxy = {decoy}")),
        ("ca.pem", "canary"),
        ("get", &entry),
    ] {
        let path = dir.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

#[test]
fn a_server_that_is_not_configured_gets_nothing() {
    let (machine, decoy) = (due(), Decoy::start());
    let (there, here) = (decoy.url(), machine.sandbox.url());
    let hint = format!("vb365-helper login {TENANT} --server {there}");
    let request = json!({ "version": 1, "tenant": TENANT, "server": there, "interactive": "never" }).to_string();
    let store = json!({ "version": 1, "tenant": TENANT, "server": there, "veeam": veeam("1") }).to_string();
    for (args, stdin) in [
        (&["get", TENANT, "--server", &there][..], String::new()),
        (&["get", TENANT, "--want", "entra", "--server", &there], String::new()),
        (&["get"], request),
        (&["store"], store),
        (&["store", TENANT, "--server", &there], veeam("1").to_string()),
    ] {
        let before = machine.kept();
        let error = machine.run(args, stdin.as_bytes()).error("config");
        assert_eq!((&error["tenant"], &error["hint"]), (&json!(TENANT), &json!(hint)), "{args:?}");
        assert_eq!(machine.kept(), before, "{args:?}");
    }
    // Names in which a configured server stands and is not the host.
    let host = here.replace("http://", "");
    let other = there.replace("http://", "");
    for (dressed, code) in [
        (format!("http://{host}@{other}"), 2),
        (format!("{here}@{other}"), 2),
        (format!("http://{other}/{host}"), 8),
        (format!("http://{other}?{here}"), 8),
        (format!("http://{other}#{here}"), 8),
        (format!("http://{other}\\@{host}"), 8),
        (format!("{here}.evil.example"), 2),
        (format!("{host}@{other}"), 2),
        (format!("{other}/{host}"), 8),
        (there.replace("http", "ftp"), 2),
        (format!("http://127.0.0.1.evil.example:{}", other.split(':').nth(1).unwrap()), 2),
    ] {
        let outcome = machine.run(&["get", TENANT, "--interactive", "never", "--server", &dressed], b"");
        assert_eq!(outcome.code, code, "{dressed}: {outcome:?}");
    }
    decoy.assert_untouched();
    machine.run(&["erase", TENANT, "--server", &there], b"").answer();
    decoy.assert_untouched();
    // Of a copied address only the host counts.
    let copied = format!("{here}/../{other}");
    assert_eq!(machine.get(TENANT, &["--server", &copied]).answer()["source"], "entra_refresh");
    decoy.assert_untouched();
}

#[test]
fn no_variable_leads_away_from_the_configured_servers() {
    let (machine, decoy, elsewhere) = (due(), Decoy::start(), Home::new());
    litter(&elsewhere.home(), &decoy.url());
    let mut get = machine.command(&["get", TENANT, "--interactive", "never"]);
    get.envs(LEADING.map(|name| (name, decoy.url()))).env("NO_PROXY", "").env("no_proxy", "");
    for home in ["HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "APPDATA", "LOCALAPPDATA", "USERPROFILE", "CURL_HOME"] {
        get.env(home, elsewhere.home());
    }
    let (output, answer) = document(&mut get);
    assert_eq!(
        (&answer["source"], &answer["server"]),
        (&json!("entra_refresh"), &json!(machine.sandbox.url())),
        "{output:?}"
    );
    assert_eq!(output.stderr, b"");
    decoy.assert_untouched();
}

#[test]
fn what_lies_in_the_working_directory_is_nobodys_wish() {
    let (machine, decoy, elsewhere) = (due(), Decoy::start(), Home::new());
    litter(&elsewhere.home(), &decoy.url());
    let get = &mut machine.command(&["get", TENANT, "--interactive", "never"]);
    let (output, answer) = document(get.current_dir(elsewhere.home()));
    assert_eq!(answer["source"], "entra_refresh", "{output:?}");
    decoy.assert_untouched();

    // A relative path in the user's own variable is the user's own wish.
    fs::copy(machine.home().join("config.toml"), elsewhere.home().join("mine.toml")).unwrap();
    let get = &mut machine.command(&["get", TENANT, "--interactive", "never"]);
    let (output, answer) = document(get.env("VB365_HELPER_CONFIG", "mine.toml").current_dir(elsewhere.home()));
    assert_eq!(answer["source"], "cache", "{output:?}");
}

/// What was sent through a proxy, tunnel and all.
#[derive(Clone, Default)]
struct Sent(Arc<Mutex<Vec<u8>>>);

/// A proxy whose every tunnel leads to a server that nobody vouches for.
fn listening_proxy() -> (String, Sent) {
    let (listener, sent) = (TcpListener::bind("127.0.0.1:0").unwrap(), Sent::default());
    let (address, kept) = (listener.local_addr().unwrap(), sent.clone());
    thread::spawn(move || {
        for client in listener.incoming() {
            let (mut client, kept) = (client.unwrap(), kept.clone());
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                client.read_exact(&mut byte).unwrap();
                head.push(byte[0]);
            }
            kept.0.lock().unwrap().extend(head);
            client.write_all(b"HTTP/1.1 200 Established\r\n\r\n").unwrap();
            let server = TcpStream::connect(self_signed_server().replace("https://", "")).unwrap();
            let back = (server.try_clone().unwrap(), client.try_clone().unwrap());
            thread::spawn(move || io::copy(&mut { back.0 }, &mut { back.1 }));
            let mut chunk = [0; 4096];
            while let Ok(count @ 1..) = client.read(&mut chunk) {
                kept.0.lock().unwrap().extend_from_slice(&chunk[..count]);
                (&server).write_all(&chunk[..count]).unwrap();
            }
            let _ = server.shutdown(Shutdown::Both);
        }
    });
    (address.to_string(), sent)
}

#[test]
fn a_proxy_learns_where_tokens_go_and_not_what_they_are() {
    let home = Home::new();
    home.write_config(&format!(
        "[tenants.\"{TENANT}\"]\nserver = \"https://vb365.invalid:4443\"\norganization = \"{ORGANIZATION}\"\napi_version = \"v8\"\n"
    ));
    let kept = |fields: Value, age: i64| {
        let mut request = json!({ "version": 1, "tenant": TENANT, "obtained_at": ago(age) });
        request.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        home.run(&["erase", TENANT], b"").answer();
        home.run(&["store"], request.to_string().as_bytes()).answer();
    };
    let tokens = json!({ "server": "https://vb365.invalid:4443", "veeam": veeam("1") });
    for (fields, age, host) in [
        (tokens, 2 * HOUR, "vb365.invalid:4443"),
        (json!({ "entra": entra("1") }), 0, "vb365.invalid:4443"),
        (json!({ "entra": entra("1") }), 2 * HOUR, "login.microsoftonline.com:443"),
    ] {
        kept(fields, age);
        let (address, sent) = listening_proxy();
        let mut get = home.command(&["get", TENANT, "--interactive", "never"]);
        get.env("VB365_HELPER_LOG", "trace").env("HTTPS_PROXY", format!("http://user:canary-password@{address}"));
        let (output, answer) = document(&mut get);
        assert_eq!(answer["error"]["kind"], "untrusted_server", "{output:?}");
        let sent = String::from_utf8_lossy(&sent.0.lock().unwrap()).into_owned();
        assert!(sent.starts_with(&format!("CONNECT {host} HTTP/1.1\r\n")), "{sent}");
        for words in [sent.as_str(), &String::from_utf8_lossy(&output.stderr), &String::from_utf8_lossy(&output.stdout)]
        {
            assert!(!words.contains("canary") && !words.contains("grant_type"), "{words}");
        }
    }
}

/// `strace` sees every path that the program asks the system about.
#[cfg(target_os = "linux")]
#[test]
fn nothing_in_the_working_directory_is_even_looked_at() {
    if !crate::support::elsewhere::can_trace() {
        return;
    }
    let (machine, decoy, elsewhere) = (due(), Decoy::start(), Home::new());
    litter(&elsewhere.home(), &decoy.url());
    let login = ["login", TENANT, "--server", &machine.sandbox.url()];
    let calls: [&[&str]; 6] = [
        &["get", TENANT, "--interactive", "never"],
        &["get"],
        &login,
        &["list"],
        &["list", "--json"],
        &["erase", TENANT],
    ];
    for args in calls {
        let trace = machine.trace(&["-e", "trace=file", "-s", "4096"], machine.command(args), &elsewhere.home());
        assert!(trace.contains(machine.home().join("config.toml").to_str().unwrap()), "{args:?} is not seen: {trace}");
        for line in trace.lines().filter(|line| !line.contains(" getcwd(") && !line.contains(" execve(")) {
            for path in line.split('"').skip(1).step_by(2).filter(|path| !path.is_empty()) {
                let is_elsewhere = path.starts_with('/') && !Path::new(path).starts_with(elsewhere.home());
                assert!(is_elsewhere, "{args:?} looks at {path}: {line}");
            }
        }
    }
    decoy.assert_untouched();
}
