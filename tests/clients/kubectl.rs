//! kubectl, and with it everything made with client-go: an exec plugin of a kubeconfig that names the
//! program by its absolute path. The cluster is a server on loopback that looks at the token alone.
//! For Unix, because half of what is promised is about a terminal.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::readme;
use crate::service::{Service, text};
use crate::support::pty::Session;
use crate::support::seat::{PROMPT, SOON};
use crate::support::server::Fault;
use crate::support::{Machine, Outcome, TENANT, can_use_terminals, crowd, finish, piped, skip, tool, veeam};

const V1: &str = "client.authentication.k8s.io/v1";
const V1BETA1: &str = "client.authentication.k8s.io/v1beta1";
/// What kubectl is asked for as a rule: any path shows which token comes.
const PATH: &str = "/healthz";
const GET: [&str; 3] = ["get", "--raw", PATH];

/// A user's machine and a cluster that their kubeconfig names.
struct Cluster {
    kubectl: PathBuf,
    machine: Machine,
    service: Service,
    refused: Arc<Mutex<BTreeSet<String>>>,
}

impl Cluster {
    /// `None` without kubectl, which is said.
    fn of(machine: Machine) -> Option<Self> {
        let kubectl = tool("kubectl")?;
        let refused = Arc::<Mutex<BTreeSet<String>>>::default();
        let known = refused.clone();
        let service = Service::start(move |_, request| match request.bearer() {
            Some(token) if !known.lock().unwrap().contains(token) => text(200, "ok"),
            _ => text(401, "Unauthorized"),
        });
        let cluster = Self { kubectl, machine, service, refused };
        cluster.configure(&json!({}));
        Some(cluster)
    }

    /// Writes the kubeconfig, whose plugin runs `get TENANT` without a person unless `changes` say otherwise.
    fn configure(&self, changes: &Value) {
        let mut exec = json!({
            "apiVersion": V1,
            "command": program(&self.machine),
            "args": ["get", TENANT],
            "interactiveMode": "Never",
        });
        exec.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        let trusted = STANDARD.encode(self.service.pem());
        let kubeconfig = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{ "name": "vb365", "cluster": { "server": self.service.url(), "certificate-authority-data": trusted } }],
            "users": [{ "name": "vb365", "user": { "exec": exec } }],
            "contexts": [{ "name": "vb365", "context": { "cluster": "vb365", "user": "vb365" } }],
            "current-context": "vb365",
        });
        // JSON is YAML.
        self.write("kubeconfig", &kubeconfig.to_string());
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.machine.home().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// kubectl at this user's home.
    fn command(&self, args: &[&str]) -> Command {
        let plain = self.machine.command(&[]);
        let mut command = Command::new(&self.kubectl);
        command.args(args).env_clear().current_dir(self.machine.home());
        command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.env("KUBECONFIG", self.machine.home().join("kubeconfig"));
        command
    }

    fn run(&self, args: &[&str]) -> Outcome {
        finish(piped(&mut self.command(args)).spawn().unwrap())
    }

    /// kubectl whose stdin is the terminal that it runs at, as a person starts it.
    fn at_a_terminal(&self, args: &[&str]) -> Session {
        let kubectl = self.command(args);
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", r#"exec "$@" </dev/tty"#, "sh"]).arg(kubectl.get_program()).args(kubectl.get_args());
        shell.envs(kubectl.get_envs().filter_map(|(name, value)| Some((name, value?))));
        self.machine.at_a_terminal_by(&shell, &[])
    }

    /// Whether this kubectl is one that an allowlist can be told to; else that is said.
    fn knows_allowlists(&self) -> bool {
        let version = finish(piped(&mut self.command(&["version", "--client", "-o", "json"])).spawn().unwrap());
        let version: Value = serde_json::from_str(&version.stdout).unwrap();
        let minor = version["clientVersion"]["minor"].as_str().and_then(|minor| minor.parse::<u32>().ok());
        minor.is_some_and(|minor| minor >= 35) || skip("kubectl is older than 1.35")
    }

    /// The tokens that came since the start, in their order.
    fn tokens(&self) -> Vec<String> {
        let tokens = self.service.authorizations(PATH).into_iter();
        tokens.map(|value| value.unwrap().strip_prefix("Bearer ").unwrap().to_owned()).collect()
    }

    /// From now on the cluster answers 401 to `token`.
    fn refuse(&self, token: &str) {
        self.refused.lock().unwrap().insert(token.to_owned());
    }

    /// The token that is kept.
    fn kept(&self) -> String {
        let answer = self.machine.get(TENANT, &[]).answer();
        assert_eq!(answer["source"], "cache");
        answer["access_token"].as_str().unwrap().to_owned()
    }
}

/// The page that was asked for, and nothing else.
fn assert_ok(outcome: &Outcome) {
    assert_eq!((outcome.code, outcome.stdout.as_str(), outcome.stderr.as_str()), (0, "ok", ""), "{outcome:?}");
}

/// The path of the program, as a kubeconfig has it.
fn program(machine: &Machine) -> String {
    machine.command(&[]).get_program().to_str().unwrap().to_owned()
}

#[test]
fn the_cluster_gets_the_tenants_token_in_either_version_of_the_protocol() {
    let Some(cluster) = Cluster::of(Machine::signed_in()) else { return };
    let bearer = cluster.kept();
    for version in [V1, V1BETA1] {
        cluster.configure(&json!({ "apiVersion": version }));
        assert_ok(&cluster.run(&GET));
    }
    assert_eq!(cluster.tokens(), [bearer.clone(), bearer]);
    cluster.machine.assert_no_complaints();
}

#[test]
fn the_kubeconfig_that_the_readme_has_needs_its_path_and_tenant_changed_and_no_more() {
    let Some(cluster) = Cluster::of(Machine::signed_in()) else { return };
    let stanza = readme::block("interactiveMode").replace("/usr/local/bin/vb365-helper", &program(&cluster.machine));
    let user = cluster.write("user", &stanza);
    // Of two files that name the same user, the first one counts.
    let both = format!("{}:{}", user.display(), cluster.machine.home().join("kubeconfig").display());
    cluster.configure(&json!({ "command": "/nowhere" }));
    assert_ok(&finish(piped(cluster.command(&GET).env("KUBECONFIG", both)).spawn().unwrap()));
    assert_eq!(cluster.tokens(), [cluster.kept()]);
}

#[test]
fn without_a_sign_in_kubectl_fails_at_once_and_shows_what_to_do() {
    let Some(cluster) = Cluster::of(Machine::new()) else { return };
    let start = Instant::now();
    let outcome = cluster.run(&GET);
    assert!(start.elapsed() < Duration::from_secs(2), "took {:?}", start.elapsed());
    assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""), "{outcome:?}");
    assert!(outcome.stderr.contains(&format!("vb365-helper: hint: vb365-helper login {TENANT}\n")), "{outcome:?}");
    assert!(outcome.stderr.contains("failed with exit code 3"), "{outcome:?}");
    assert_eq!(cluster.service.requests(), 0);
    assert_eq!(cluster.machine.sandbox.requests("device_code"), 0);
}

#[test]
fn after_a_401_erasing_the_access_token_makes_the_next_call_work() {
    let Some(cluster) = Cluster::of(Machine::signed_in()) else { return };
    let token = cluster.kept();
    cluster.refuse(&token);
    for _ in 0..2 {
        // kubectl runs the plugin a second time after a 401, and cannot say why: it gets the same token.
        let outcome = finish(piped(cluster.command(&GET).env("VB365_HELPER_LOG", "debug")).spawn().unwrap());
        let runs = outcome.stderr.matches("answer: by the cache").count();
        assert_eq!((outcome.code, runs), (1, 2), "{outcome:?}");
        assert!(outcome.stderr.contains("the server has asked for the client to provide credentials"), "{outcome:?}");
    }
    assert_eq!(cluster.tokens(), [token.clone(), token.clone()]);

    let erase = readme::block("--access-only");
    let args: Vec<_> = erase.split_whitespace().skip(1).collect();
    cluster.machine.run(&args, b"").answer();
    assert_ok(&cluster.run(&GET));
    let renewed = cluster.kept();
    assert_ne!(renewed, token);
    assert_eq!(cluster.tokens().last(), Some(&renewed));
    cluster.machine.assert_no_complaints();
}

#[test]
fn two_kubectl_at_once_cost_one_renewal() {
    let Some(cluster) = Cluster::of(Machine::signed_in()) else { return };
    cluster.machine.expire_veeam(TENANT);
    cluster.machine.sandbox.fault("veeam_token", Fault::Delay(Duration::from_secs(1)));
    let before = cluster.machine.sandbox.requests("veeam_token");
    crowd((0..2).map(|_| cluster.command(&GET)), b"").iter().for_each(assert_ok);
    assert_eq!(cluster.machine.sandbox.requests("veeam_token"), before + 1);
    let renewed = cluster.kept();
    assert_eq!(cluster.tokens(), [renewed.clone(), renewed]);
    cluster.machine.assert_no_complaints();
}

#[test]
fn a_sign_in_at_the_terminal_serves_the_very_call() {
    if !can_use_terminals() {
        return;
    }
    let Some(cluster) = Cluster::of(Machine::new()) else { return };
    cluster.configure(&json!({ "interactiveMode": "IfAvailable" }));
    let session = cluster.at_a_terminal(&GET);
    session.wait_for(PROMPT, SOON);
    assert!(cluster.machine.sandbox.approve());
    assert_ok(&Outcome::at_a_terminal(session.finish(SOON)));
    assert_eq!(cluster.tokens(), [cluster.kept()]);
    cluster.machine.assert_no_complaints();
}

#[test]
fn interactive_mode_never_asks_nobody_at_a_terminal_either() {
    if !can_use_terminals() {
        return;
    }
    let Some(cluster) = Cluster::of(Machine::new()) else { return };
    let finished = cluster.at_a_terminal(&GET).finish(SOON);
    assert_eq!((finished.code, finished.terminal.as_str()), (Some(1), ""));
    assert_eq!(cluster.machine.sandbox.requests("device_code"), 0);
}

#[test]
fn a_sign_in_that_was_declined_is_not_offered_again_though_kubectl_runs_a_failed_plugin_again() {
    if !can_use_terminals() {
        return;
    }
    let Some(cluster) = Cluster::of(Machine::new()) else { return };
    cluster.configure(&json!({ "interactiveMode": "IfAvailable" }));
    // To list something, kubectl asks what there is, and does not take the first no.
    let session = cluster.at_a_terminal(&["get", "configmaps"]);
    session.wait_for(PROMPT, SOON);
    assert!(cluster.machine.sandbox.decline());
    let finished = session.finish(SOON);
    assert_eq!(finished.terminal.matches("  enter     ").count(), 1, "{}", finished.terminal);
    let outcome = Outcome::at_a_terminal(finished);
    let declined = outcome.stderr.matches(&format!("vb365-helper: the sign-in for {TENANT} was declined\n")).count();
    assert_eq!((outcome.code, declined), (1, 1), "{outcome:?}");
    assert!(outcome.stderr.matches("failed with exit code 4").count() > 1, "{outcome:?}");
    assert_eq!((cluster.machine.sandbox.requests("device_code"), cluster.service.requests()), (1, 0));
}

#[test]
fn ctrl_c_at_the_prompt_ends_kubectl_and_the_sign_in() {
    if !can_use_terminals() {
        return;
    }
    let Some(cluster) = Cluster::of(Machine::new()) else { return };
    cluster.configure(&json!({ "interactiveMode": "IfAvailable" }));
    let session = cluster.at_a_terminal(&GET);
    session.wait_for(PROMPT, SOON);
    session.send("\x03");
    let finished = session.finish(SOON);
    assert_ne!(finished.code, Some(0));
    assert_eq!(finished.terminal.matches("  enter     ").count(), 1, "{}", finished.terminal);
    // Nor is it offered again by the call after it.
    let again = cluster.at_a_terminal(&GET).finish(SOON);
    assert_eq!((again.code, again.terminal.as_str()), (Some(1), ""));
    assert_eq!((cluster.machine.sandbox.requests("device_code"), cluster.service.requests()), (1, 0));
}

/// A tenant that has the cluster as its second server, with a token for each.
fn with_two_servers() -> Option<Cluster> {
    let cluster = Cluster::of(Machine::new())?;
    let (first, second) = ("https://vb365.abc.local:4443", cluster.service.url());
    cluster.machine.write_config(&format!("[tenants.\"{TENANT}\"]\nservers = [\"{first}\", \"{second}\"]\n"));
    for (server, n) in [(first, "first"), (second, "second")] {
        let response = veeam(n).to_string();
        cluster.machine.run(&["store", TENANT, "--server", server], response.as_bytes()).answer();
    }
    Some(cluster)
}

#[test]
fn the_cluster_that_kubectl_calls_chooses_among_the_tenants_servers_where_kubectl_names_it() {
    let Some(cluster) = with_two_servers() else { return };
    for provides in [false, true] {
        cluster.configure(&json!({ "provideClusterInfo": provides }));
        assert_ok(&cluster.run(&GET));
    }
    assert_eq!(cluster.tokens(), ["canary-veeam-access-first", "canary-veeam-access-second"]);
}

#[test]
fn a_cluster_that_is_no_server_of_the_tenants_gets_a_token_only_by_an_argument() {
    let Some(cluster) = Cluster::of(Machine::signed_in()) else { return };
    cluster.configure(&json!({ "provideClusterInfo": true }));
    let outcome = cluster.run(&GET);
    assert_eq!((outcome.code, cluster.service.requests()), (1, 0), "{outcome:?}");
    let said = format!("vb365-helper: {} is no configured server of {TENANT}\n", cluster.service.url());
    assert!(outcome.stderr.contains(&said), "{outcome:?}");
    assert!(outcome.stderr.contains("failed with exit code 8"), "{outcome:?}");

    let server = cluster.machine.sandbox.url();
    cluster.configure(&json!({ "provideClusterInfo": true, "args": ["get", TENANT, "--server", server] }));
    assert_ok(&cluster.run(&GET));
    assert_eq!(cluster.tokens(), [cluster.kept()]);
}

#[test]
fn an_allowlist_of_plugins_takes_the_program_by_its_absolute_path() {
    let Some(cluster) = Cluster::of(Machine::signed_in()) else { return };
    if !cluster.knows_allowlists() {
        return;
    }
    let program = program(&cluster.machine);
    let run = |policy: &str, allowed: &[&str]| {
        let list: String = allowed.iter().map(|path| format!("- command: {path}\n")).collect();
        let list = if list.is_empty() { list } else { format!("credentialPluginAllowlist:\n{list}") };
        let kuberc = cluster.write(
            "kuberc",
            &format!(
                "apiVersion: kubectl.config.k8s.io/v1beta1\nkind: Preference\ncredentialPluginPolicy: {policy}\n{list}"
            ),
        );
        cluster.run(&[&GET[..], &["--kuberc", kuberc.to_str().unwrap()]].concat())
    };
    assert_ok(&run("Allowlist", &[&program]));
    assert_eq!(cluster.tokens(), [cluster.kept()]);
    // What shows that the policy is in force.
    let elsewhere = Path::new("/nowhere").join(Path::new(&program).file_name().unwrap());
    for (policy, allowed, why) in [
        ("Allowlist", &[elsewhere.to_str().unwrap()][..], "is not permitted by the credential plugin allowlist"),
        ("DenyAll", &[], "policy set to \"DenyAll\""),
    ] {
        let outcome = run(policy, allowed);
        assert_eq!((outcome.code, cluster.service.requests()), (1, 1), "{outcome:?}");
        assert!(outcome.stderr.contains(why), "{outcome:?}");
    }
}
