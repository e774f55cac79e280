//! The world around one run: a home of its own, the two systems, and checks that hold for every
//! run whatever it is about. Every secret in these tests has the word `canary` in it, so that a
//! leak is seen wherever it happens.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use mockito::{Matcher, Mock, Server, ServerGuard};
use serde_json::{Value, json};
use tempfile::TempDir;

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

/// What a caller reads from the exit code.
const EXIT_CODES: [(&str, i32); 9] = [
    ("internal", 1),
    ("bad_request", 2),
    ("login_required", 3),
    ("login_failed", 4),
    ("refused", 5),
    ("unavailable", 6),
    ("cache", 7),
    ("config", 8),
    ("untrusted_server", 9),
];

/// One user's machine, an identity platform and a VB365 server.
pub struct World {
    home: TempDir,
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
        Self { home: TempDir::new().unwrap(), entra: Server::new(), vb365: Server::new() }
    }

    /// Writes the tenant's table anew, with this world's identity platform.
    pub fn configure(&self, lines: &str) {
        let authority = self.entra.url();
        self.write_config(&format!("[tenants.\"{ORGANIZATION}\"]\nauthority = \"{authority}\"\n{lines}\n"));
    }

    pub fn write_config(&self, text: &str) {
        fs::write(self.home.path().join("config.toml"), text).unwrap();
    }

    pub fn home(&self) -> PathBuf {
        self.home.path().to_owned()
    }

    pub fn cache_dir(&self) -> PathBuf {
        self.home.path().join("cache")
    }

    pub fn cache_file(&self) -> PathBuf {
        self.cache_dir().join(format!("{TENANT}.json"))
    }

    /// What is kept for the tenant, byte for byte.
    pub fn kept(&self) -> Option<Vec<u8>> {
        fs::read(self.cache_file()).ok()
    }

    /// A run that nothing of this machine's environment reaches.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("vb365-helper"));
        command
            .env_clear()
            .envs(std::env::var_os("SystemRoot").map(|root| ("SystemRoot", root)))
            .env("PATH", self.home.path())
            .env("HOME", self.home.path())
            .env("VB365_HELPER_CONFIG", self.home.path().join("config.toml"))
            .env("VB365_HELPER_CACHE_DIR", self.cache_dir())
            .current_dir(self.home.path())
            .args(args);
        command
    }

    /// Runs to the end.
    pub fn run(&self, args: &[&str], stdin: &[u8]) -> Outcome {
        let mut command = assert_cmd::Command::from_std(self.command(args));
        let output = command.write_stdin(stdin).timeout(Duration::from_secs(60)).output().unwrap();
        self.checked(args, output)
    }

    /// Runs to the end a command whose output is for people.
    pub fn run_raw(&self, args: &[&str]) -> Outcome {
        Outcome::of(self.command(args).output().unwrap())
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

    /// What holds for every run, whatever it is about.
    fn checked(&self, args: &[&str], output: Output) -> Outcome {
        let outcome = Outcome::of(output);
        assert!(!outcome.stderr.contains("canary"), "a secret on stderr: {}", outcome.stderr);
        if outcome.code == 0 {
            let schema = match args[0] {
                "get" => Some("get-response-v1"),
                "store" => Some("store-response-v1"),
                "erase" | "forget" => Some("erase-response-v1"),
                "list" if args.contains(&"--json") => Some("list-v1"),
                _ => None,
            };
            schema.into_iter().for_each(|schema| assert_valid(schema, &outcome.document()));
        } else {
            assert!(!outcome.stdout.contains("canary"), "a secret in a failure: {}", outcome.stdout);
            outcome.check_failure();
        }
        self.check_files();
        outcome
    }

    fn check_files(&self) {
        for file in fs::read_dir(self.cache_dir()).into_iter().flatten() {
            let path = file.unwrap().path();
            assert!(!path.display().to_string().contains("canary"), "a secret in a name: {}", path.display());
            let is_entry = path.extension().is_some_and(|extension| extension == "json") && !path.is_symlink();
            let entry = is_entry.then(|| serde_json::from_slice::<Value>(&fs::read(&path).unwrap()).ok()).flatten();
            if let Some(entry) = entry.filter(|entry| entry["version"] == 1) {
                assert_valid("cache-entry-v1", &entry);
            }
        }
    }
}

/// What a run left behind.
#[derive(Debug)]
pub struct Outcome {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Outcome {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code().expect("ended by itself"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// stdout as the one document it is.
    pub fn document(&self) -> Value {
        assert!(self.stdout.ends_with('\n') && self.stdout.lines().count() == 1, "not one line: {self:?}");
        serde_json::from_str(&self.stdout).unwrap()
    }

    /// The document of a success that had nothing to say beside it.
    pub fn answer(&self) -> Value {
        assert_eq!((self.code, self.stderr.as_str()), (0, ""), "{self:?}");
        self.document()
    }

    /// The `error` of a failure of `kind`.
    pub fn error(&self, kind: &str) -> Value {
        let error = self.document()["error"].clone();
        assert_eq!(error["kind"], kind, "{self:?}");
        error
    }

    /// The warning lines on stderr, without what every line starts with.
    pub fn warnings(&self) -> Vec<&str> {
        self.stderr.lines().filter_map(|line| line.strip_prefix("vb365-helper: warning: ")).collect()
    }

    /// Exit code, document and words say the same.
    fn check_failure(&self) {
        if self.stdout.is_empty() {
            return;
        }
        let document = self.document();
        assert_valid("error-v1", &document);
        let error = &document["error"];
        let kind = error["kind"].as_str().unwrap();
        assert!(EXIT_CODES.contains(&(kind, self.code)), "{self:?}");
        let mut words = vec![format!("vb365-helper: {}", error["message"].as_str().unwrap())];
        words.extend(error["hint"].as_str().map(|hint| format!("vb365-helper: hint: {hint}")));
        let said: Vec<_> = self.stderr.lines().filter(|line| !line.contains("vb365-helper: warning: ")).collect();
        assert_eq!(said, words);
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

/// An address where nobody listens.
pub fn closed_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
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

/// Another process's hold on a lock file of the cache.
pub fn hold_lock(world: &World, name: &str) -> File {
    let path = world.cache_dir().join(name);
    let file = File::options().create(true).truncate(false).write(true).open(path).unwrap();
    // In full: the short form is the standard library's own method.
    fs2::FileExt::lock_exclusive(&file).unwrap();
    file
}
