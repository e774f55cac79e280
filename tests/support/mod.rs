//! The world around one run: a home of its own, the two systems, and checks that hold for every
//! run whatever it is about. Every secret in these tests has the word `canary` in it, so that a
//! leak is seen wherever it happens.
#![allow(dead_code, unused_imports, reason = "each program of tests uses a part of it")]

mod crowd;
#[cfg(target_os = "linux")]
pub mod elsewhere;
mod home;
pub mod hostile;
pub mod inside;
mod long;
mod machine;
#[cfg(unix)]
#[path = "../../examples/support/pty.rs"]
pub mod pty;
#[cfg(unix)]
pub mod screens;
#[cfg(unix)]
pub mod seat;
#[path = "../../examples/sandbox/server/mod.rs"]
pub mod server;
mod tools;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::ops::Deref;
use std::sync::Arc;
use std::thread;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use mockito::{Matcher, Mock, Server, ServerGuard};
use serde_json::{Value, json};

pub use self::crowd::{crowd, finish, started, wait_until};
pub use self::home::{Home, Outcome};
pub use self::long::{fewer, is_long, rounds, tell};
pub use self::machine::{Machine, piped};
#[cfg(unix)]
pub use self::seat::can_use_terminals;
pub use self::tools::tool;

/// The tenant as callers name it; the configuration spells it as the VB365 server does.
pub const TENANT: &str = "abc.onmicrosoft.com";
pub const ORGANIZATION: &str = "Abc.onmicrosoft.com";
pub const CLIENT_ID: &str = "04b07795-8ddb-461a-bbee-02f9e1bf7b46";
pub const SCOPE: &str = "Directory.AccessAsUser.All User.ReadWrite.All offline_access";
pub const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// The usual life of a token.
pub const HOUR: i64 = 3600;
/// How much of a token's life a slow machine may spend before the test looks at it.
const SLACK: i64 = 60;

/// One user's machine, an identity platform and a VB365 server.
pub struct World {
    home: Home,
    pub entra: ServerGuard,
    pub vb365: ServerGuard,
}

impl World {
    /// The tenant is configured with one server of the newest API version.
    pub fn new() -> Self {
        Self::with("api_version = \"v8\"")
    }

    /// The same with other `lines` in the tenant's table.
    pub fn with(lines: &str) -> Self {
        let world = Self::unconfigured();
        let server = world.vb365.url();
        world.configure(&format!("server = \"{server}\"\n{lines}"));
        world
    }

    /// Nothing is configured.
    pub fn unconfigured() -> Self {
        Self { home: Home::new(), entra: Server::new(), vb365: Server::new() }
    }

    /// Writes the tenant's table anew, with this world's identity platform.
    pub fn configure(&self, lines: &str) {
        let authority = self.entra.url();
        self.write_config(&format!("[tenants.\"{ORGANIZATION}\"]\nauthority = \"{authority}\"\n{lines}\n"));
    }

    /// `get` for the tenant, without a person.
    pub fn get(&self, args: &[&str]) -> Outcome {
        self.run(&[&["get", TENANT, "--interactive", "never"], args].concat(), b"")
    }

    /// `get` for a request on stdin, without a person.
    pub fn ask(&self, request: &Value) -> Outcome {
        assert_valid("get-request-v1", request);
        self.run(&["get", "--interactive", "never"], request.to_string().as_bytes())
    }

    /// `get` by a caller whose token `n` was refused.
    pub fn ask_after_refusal(&self, n: &str) -> Outcome {
        self.ask(&json!({ "version": 1, "tenant": TENANT, "refused_token": format!("canary-veeam-access-{n}") }))
    }

    /// Keeps Microsoft's answer `n` as received `age` seconds ago, with an hour of life.
    pub fn store_entra(&self, n: &str, age: i64) {
        self.store(&json!({ "entra": entra(n), "obtained_at": ago(age) }));
    }

    /// Keeps the server's answer `n` as received `age` seconds ago, with an hour of life.
    pub fn store_veeam(&self, n: &str, age: i64) {
        self.store(&json!({ "server": self.vb365.url(), "veeam": veeam(n), "obtained_at": ago(age) }));
    }

    /// A native `store` that must succeed.
    pub fn store(&self, fields: &Value) {
        let mut request = json!({ "version": 1, "tenant": TENANT });
        request.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        assert_valid("store-request-v1", &request);
        self.run(&["store"], request.to_string().as_bytes()).answer();
    }

    /// A call that spends the server's refresh token `n`, in API version 8.
    pub fn veeam_refresh(&mut self, n: &str) -> Mock {
        let refresh_token = format!("canary-veeam-refresh-{n}");
        let form =
            [("grant_type", "refresh_token"), ("refresh_token", &refresh_token), ("disable_antiforgery_token", "true")];
        post(&mut self.vb365, "/v8/token", &form)
    }

    /// A call that hands `assertion` over, in API version 8.
    pub fn exchange(&mut self, assertion: &Value) -> Mock {
        let assertion = assertion.to_string();
        let form = [
            ("grant_type", EXCHANGE),
            ("client_id", ORGANIZATION),
            ("assertion", &assertion),
            ("disable_antiforgery_token", "true"),
        ];
        post(&mut self.vb365, "/v8/token", &form)
    }

    /// A call that spends Microsoft's refresh token `n`.
    pub fn entra_refresh(&mut self, n: &str) -> Mock {
        let refresh_token = format!("canary-entra-refresh-{n}");
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", CLIENT_ID),
            ("refresh_token", &refresh_token),
            ("scope", SCOPE),
        ];
        post(&mut self.entra, &format!("/{TENANT}/oauth2/v2.0/token"), &form)
    }

    /// Neither system is called.
    pub fn silence(&mut self) -> Silence {
        let mut none = |method| {
            let to = |server: &mut ServerGuard| server.mock(method, Matcher::Any).expect(0).create();
            [to(&mut self.entra), to(&mut self.vb365)]
        };
        Silence([none("GET"), none("POST")])
    }

    /// The whole answer is the server's token `n` with about `life` seconds left; stderr is silent.
    pub fn assert_gave(&self, outcome: &Outcome, n: &str, source: &str, life: i64) {
        assert_eq!(outcome.stderr, "");
        self.assert_token(outcome, n, source, life);
    }

    /// The same whatever stderr says.
    pub fn assert_token(&self, outcome: &Outcome, n: &str, source: &str, life: i64) {
        let mut expected = json!({
            "version": 1,
            "tenant": TENANT,
            "server": self.vb365.url(),
            "token_type": "Bearer",
            "access_token": format!("canary-veeam-access-{n}"),
            "source": source,
        });
        let answer = outcome.document();
        expected["expires_at"] = answer["expires_at"].clone();
        assert_eq!(answer, expected);
        assert_ends_in(&answer["expires_at"], life);
    }
}

impl Deref for World {
    type Target = Home;

    fn deref(&self) -> &Home {
        &self.home
    }
}

/// Expects that nothing was asked of anybody.
pub struct Silence([[Mock; 2]; 2]);

impl Silence {
    pub fn assert(&self) {
        self.0.iter().flatten().for_each(Mock::assert);
    }
}

/// How a system answers the one call that is due.
pub trait Answers {
    /// With `document`, once.
    fn answers(self, document: &Value) -> Mock;
    /// With `status` and `body`, once.
    fn fails(self, status: usize, body: &str) -> Mock;
}

impl Answers for Mock {
    fn answers(self, document: &Value) -> Mock {
        self.with_header("content-type", "application/json").with_body(document.to_string()).expect(1).create()
    }

    fn fails(self, status: usize, body: &str) -> Mock {
        self.with_status(status).with_body(body).expect(1).create()
    }
}

/// A call with these form fields and no others, in any order.
pub fn post(server: &mut ServerGuard, path: &str, form: &[(&str, &str)]) -> Mock {
    let expected: BTreeMap<String, String> =
        form.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    server.mock("POST", path).match_header("content-type", "application/x-www-form-urlencoded").match_request(
        move |request| {
            let body = request.body().unwrap();
            form_urlencoded::parse(body).into_owned().collect::<BTreeMap<_, _>>() == expected
        },
    )
}

/// Microsoft's token response `n`.
pub fn entra(n: &str) -> Value {
    json!({
        "token_type": "Bearer",
        "scope": "Directory.AccessAsUser.All User.ReadWrite.All",
        "expires_in": HOUR,
        "ext_expires_in": HOUR,
        "access_token": format!("canary-entra-access-{n}"),
        "refresh_token": format!("canary-entra-refresh-{n}"),
    })
}

/// The VB365 server's token response `n`.
pub fn veeam(n: &str) -> Value {
    veeam_living(n, HOUR)
}

/// The same with another life.
pub fn veeam_living(n: &str, life: i64) -> Value {
    json!({
        "access_token": format!("canary-veeam-access-{n}"),
        "token_type": "bearer",
        "refresh_token": format!("canary-veeam-refresh-{n}"),
        "expires_in": life,
        ".issued": "Mon, 23 Nov 2026 05:00:00 GMT",
    })
}

/// Microsoft's word that a refresh token is dead.
pub const DEAD: &str = r#"{"error":"invalid_grant","error_description":"AADSTS700082: The refresh token has expired due to inactivity.","error_codes":[700082],"suberror":"token_expired","correlation_id":"3f5c"}"#;

/// The instant `age` seconds ago, as requests spell it.
pub fn ago(age: i64) -> String {
    (Utc::now() - TimeDelta::seconds(age)).to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Whether `instant` is `life` seconds ahead, less what the run took.
pub fn assert_ends_in(instant: &Value, life: i64) {
    let instant: DateTime<Utc> = instant.as_str().unwrap().parse().unwrap();
    let left = (instant - Utc::now()).num_seconds();
    assert!((life - SLACK..=life).contains(&left), "{left} s are left, not {life}");
}

/// Whether `document` is what its schema says, formats included.
pub fn assert_valid(schema: &str, document: &Value) {
    let path = format!("{}/schemas/{schema}.schema.json", env!("CARGO_MANIFEST_DIR"));
    let text = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let validator = jsonschema::draft202012::options().should_validate_formats(true).build(&text).unwrap();
    if let Err(error) = validator.validate(document) {
        panic!("{schema}: {error} at {}", error.instance_path());
    }
}

/// An address where nobody listens: a port that was free a moment ago may be another test's by now.
pub fn closed_port() -> String {
    "http://127.0.0.1:1".to_owned()
}

/// A TLS server with a certificate that nobody vouches for.
pub fn self_signed_server() -> String {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = rustls::StreamOwned::new(connection, stream.unwrap());
            // The client hangs up: there is nothing to read.
            let _ = stream.read(&mut [0; 1]);
        }
    });
    format!("https://{address}")
}

/// Says that a test is passed over, and why; with `VB365_HELPER_TESTS_STRICT` that is a failure.
/// Always false, as the answer to whether it can run.
pub fn skip(why: &str) -> bool {
    assert!(std::env::var_os("VB365_HELPER_TESTS_STRICT").is_none(), "{why}");
    say_skipped(why);
    false
}

/// Past what the tests' harness keeps to itself.
pub fn say_skipped(why: &str) {
    let _ = writeln!(std::io::stderr(), "SKIPPED: {why}");
}

/// Whether this process is root's; where not, what `only` root can do is passed over, and that is said.
#[cfg(unix)]
pub fn is_root(only: &str) -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        say_skipped(&format!("only root can {only}"));
    }
    is_root
}

/// Another process's hold on a lock file of the cache.
pub fn hold_lock(home: &Home, name: &str) -> File {
    let path = home.cache_dir().join(name);
    let file = File::options().create(true).truncate(false).write(true).open(path).unwrap();
    // In full: the short form is the standard library's own method.
    fs2::FileExt::lock_exclusive(&file).unwrap();
    file
}
