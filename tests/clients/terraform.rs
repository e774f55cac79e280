//! Terraform's credentials helper: the program, linked into Terraform's plugin directory, answers for
//! every host that Terraform calls. The host is a private module registry on loopback.
//! For Unix, where the directory is in the home directory and a link leads to the program.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::json;

use crate::readme;
use crate::service::{Service, json, text};
use crate::support::seat::{PROMPT, SOON};
use crate::support::server::http::{Request, Response};
use crate::support::{Machine, ORGANIZATION, Outcome, TENANT, can_use_terminals, finish, piped, tool, veeam};

/// Where the program has to be, below the home directory.
const PLUGIN: &str = ".terraform.d/plugins/terraform-credentials-vb365";
const VERSIONS: &str = "/modules/abc/vb365/any/versions";
const DOWNLOAD: &str = "/modules/abc/vb365/any/1.0.0/download";
/// What the registry gives who signs in to it.
const SIGNED_IN: &str = "canary-registry-signed-in";

/// What it gives for a sign-in at Microsoft, as a VB365 server does.
const EXCHANGED: &str = "canary-veeam-access-exchanged";

/// A user's machine with Terraform, and a registry that gives its one module to who has a token.
struct Registry {
    terraform: PathBuf,
    machine: Machine,
    service: Service,
    accepted: Arc<Mutex<BTreeSet<String>>>,
}

impl Registry {
    /// `None` without Terraform, which is said.
    fn new() -> Option<Self> {
        let terraform = tool("terraform")?;
        let machine = Machine::new();
        let accepted = Arc::<Mutex<BTreeSet<String>>>::default();
        let (known, module) = (accepted.clone(), machine.home().join("module"));
        fs::create_dir(&module).unwrap();
        fs::write(module.join("main.tf"), "output \"installed\" {\n  value = true\n}\n").unwrap();
        let service = Service::start(move |url, request| {
            let may_see = request.bearer().is_some_and(|token| known.lock().unwrap().contains(token));
            answer(url, request, may_see, &module)
        });
        let registry = Self { terraform, machine, service, accepted };
        let home = registry.machine.home();
        fs::write(home.join("registry.pem"), registry.service.pem()).unwrap();
        registry.link();
        fs::write(home.join("terraformrc"), readme::block("credentials_helper")).unwrap();
        registry.use_module();
        Some(registry)
    }

    /// The registry gives its module to who has `token`.
    fn accept(&self, token: &str) {
        self.accepted.lock().unwrap().insert(token.to_owned());
    }

    /// Links the program to where Terraform looks for it.
    fn link(&self) {
        assert!(self.shell(&readme::block("ln -s")).status().unwrap().success());
    }

    /// A shell that finds the program, Terraform and curl.
    fn shell(&self, script: &str) -> Command {
        let mut shell = self.command(&[]);
        let (bin, terraform) = (readme::install(&self.machine), self.terraform.parent().unwrap());
        let path = format!("{}:{}:/usr/bin:/bin", bin.display(), terraform.display());
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]).env_clear().current_dir(self.machine.home());
        command.envs(shell.env("PATH", path).get_envs().filter_map(|(name, value)| Some((name, value?))));
        command
    }

    fn plugin(&self) -> PathBuf {
        self.machine.home().join(PLUGIN)
    }

    /// The helper gets these arguments.
    fn configure(&self, args: &str) {
        let text = readme::block("credentials_helper").replace("[]", args);
        fs::write(self.machine.home().join("terraformrc"), text).unwrap();
    }

    /// A configuration that wants the registry's module, not installed yet.
    fn use_module(&self) {
        let work = self.machine.home().join("work");
        let _ = fs::remove_dir_all(&work);
        fs::create_dir(&work).unwrap();
        let source = format!("{}/abc/vb365/any", self.service.host());
        let text = format!("module \"any\" {{\n  source  = \"{source}\"\n  version = \"1.0.0\"\n}}\n");
        fs::write(work.join("main.tf"), text).unwrap();
    }

    fn command(&self, args: &[&str]) -> Command {
        let (plain, home) = (self.machine.command(&[]), self.machine.home());
        let mut command = Command::new(&self.terraform);
        command.args(args).env_clear().envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.env("TF_CLI_CONFIG_FILE", home.join("terraformrc")).env("SSL_CERT_FILE", home.join("registry.pem"));
        // Nobody else is asked for anything.
        command.env("CHECKPOINT_DISABLE", "1").current_dir(home.join("work"));
        command
    }

    fn run(&self, args: &[&str]) -> Outcome {
        finish(piped(&mut self.command(args)).spawn().unwrap())
    }

    /// `terraform init` as often as a test likes.
    fn init(&self) -> Outcome {
        self.use_module();
        self.run(&["init", "-no-color"])
    }

    /// The same with Terraform's own log on stderr.
    fn init_with_log(&self) -> Outcome {
        self.use_module();
        finish(piped(self.command(&["init", "-no-color"]).env("TF_LOG", "WARN")).spawn().unwrap())
    }

    /// The program as Terraform calls it.
    fn call(&self, args: &[&str], stdin: &str) -> Outcome {
        let plain = self.command(&[]);
        let mut command = Command::new(self.plugin());
        command.args(args).env_clear().envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let mut child = piped(&mut command).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
        finish(child)
    }

    /// The module is there, by calls that all had `token`.
    fn assert_installed(&self, outcome: &Outcome, token: &str) {
        assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{outcome:?}");
        assert!(self.machine.home().join("work/.terraform/modules/any/main.tf").exists());
        let sent = Some(format!("Bearer {token}"));
        for path in [VERSIONS, DOWNLOAD] {
            assert_eq!(self.service.authorizations(path).last(), Some(&sent), "{path}");
        }
    }

    /// What a user sees whose call had no token.
    fn assert_denied(&self, outcome: &Outcome) {
        assert_eq!(outcome.code, 1, "{outcome:?}");
        assert!(outcome.stderr.contains("401 Unauthorized"), "{outcome:?}");
        assert_eq!(self.service.authorizations(VERSIONS).last(), Some(&None));
    }
}

/// The registry: where its services are, its module, and a sign-in that asks nobody.
fn answer(url: &str, request: &Request, may_see: bool, module: &Path) -> Response {
    match request.path.as_str() {
        "/.well-known/terraform.json" => json(&json!({
            "modules.v1": "/modules/",
            "login.v1": {
                "client": "terraform-cli", "grant_types": ["authz_code"], "authz": "/authorize", "token": "/token",
            },
        })),
        VERSIONS | DOWNLOAD if !may_see => text(401, "Unauthorized"),
        VERSIONS => json(&json!({ "modules": [{ "versions": [{ "version": "1.0.0" }] }] })),
        DOWNLOAD => Response::empty(204).with("X-Terraform-Get", &format!("file://{}", module.display())),
        "/authorize" => {
            let asked = url::Url::parse(&format!("{url}/?{}", request.query)).unwrap();
            let named = |name| asked.query_pairs().find(|(known, _)| known == name).unwrap().1.into_owned();
            let back = format!("{}?code=any&state={}", named("redirect_uri"), named("state"));
            Response::empty(302).with("Location", &back)
        }
        "/v8/token" => json(&veeam("exchanged")),
        "/token" => json(&json!({ "access_token": SIGNED_IN, "token_type": "bearer" })),
        _ => Response::empty(404),
    }
}

#[test]
fn a_stored_token_is_sent_whether_the_program_is_linked_or_copied() {
    let Some(registry) = Registry::new() else { return };
    let host = registry.service.host();
    let home = registry.machine.home();
    // By a process of its own: nobody can run what another test's child has open for writing.
    let copied = home.join("vb365-helper");
    let program = registry.machine.command(&[]).get_program().to_owned();
    assert!(Command::new("cp").arg(program).arg(&copied).status().unwrap().success());
    for (n, way) in [None, Some(&["ln", "-f"][..]), Some(&["cp", "--remove-destination"])].into_iter().enumerate() {
        if let Some(way) = way {
            let mut command = Command::new(way[0]);
            let status = command.args(&way[1..]).arg(&copied).arg(registry.plugin()).status().unwrap();
            assert!(status.success() && !registry.plugin().is_symlink(), "{way:?}");
        }
        let token = format!("canary-registry-{n}");
        registry.accept(&token);
        let stored = registry.call(&["store", host], &json!({ "token": token }).to_string());
        assert_eq!((stored.code, stored.stdout.as_str(), stored.stderr.as_str()), (0, "", ""));
        registry.assert_installed(&registry.init(), &token);
    }
    assert_eq!(registry.machine.sandbox.requests("veeam_token"), 0);
}

#[test]
fn terraform_login_and_logout_keep_and_forget_a_token_here() {
    let (Some(registry), Some(_)) = (Registry::new(), tool("curl")) else { return };
    let home = registry.machine.home();
    // The browser: it goes where it is sent, and Terraform does not wait for it.
    let browser = readme::install(&registry.machine).join("xdg-open");
    fs::write(&browser, "#!/bin/sh\ncurl -sSL \"$1\" >/dev/null &\n").unwrap();
    assert!(Command::new("chmod").arg("+x").arg(&browser).status().unwrap().success());

    let host = registry.service.host();
    let mut login = registry.shell(&format!("terraform login {host}"));
    login.env("CURL_CA_BUNDLE", home.join("registry.pem"));
    let mut child = piped(&mut login).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"yes\n").unwrap();
    let outcome = finish(child);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    registry.accept(SIGNED_IN);
    registry.assert_installed(&registry.init(), SIGNED_IN);
    assert!(!home.join(".terraform.d/credentials.tfrc.json").exists(), "Terraform kept it by itself");

    let kept = || {
        let files = fs::read_dir(registry.machine.cache_dir().join("hosts")).unwrap();
        files.filter(|file| file.as_ref().unwrap().path().extension().is_some_and(|end| end == "json")).count()
    };
    assert_eq!(kept(), 1);
    for _ in 0..2 {
        // The second time there is nothing to forget.
        let outcome = registry.run(&["logout", host]);
        assert_eq!((outcome.code, outcome.stderr.as_str(), kept()), (0, "", 0), "{outcome:?}");
    }
    registry.assert_denied(&registry.init());
}

#[test]
fn a_host_of_which_nothing_is_kept_gets_nothing_and_costs_nothing() {
    let Some(registry) = Registry::new() else { return };
    let outcome = registry.init_with_log();
    registry.assert_denied(&outcome);
    assert!(!outcome.stderr.contains("vb365-helper: "), "{outcome:?}");
    let endpoints = ["device_code", "entra_token", "veeam_token"];
    assert_eq!(endpoints.map(|endpoint| registry.machine.sandbox.requests(endpoint)), [0; 3]);
    assert!(!registry.machine.cache_dir().exists());
}

/// Configures these tenants with the registry as their server, and keeps a token for each.
fn share(registry: &Registry, tenants: &[&str]) {
    let server = registry.service.url();
    let table = |tenant: &&str| format!("[tenants.\"{tenant}\"]\nserver = \"{server}\"\n");
    registry.machine.write_config(&tenants.iter().map(table).collect::<String>());
    for tenant in tenants {
        let response = veeam(tenant).to_string();
        registry.machine.run(&["store", tenant, "--server", server], response.as_bytes()).answer();
        registry.accept(&format!("canary-veeam-access-{tenant}"));
    }
}

#[test]
fn a_configured_server_gets_the_token_of_its_tenant() {
    let Some(registry) = Registry::new() else { return };
    share(&registry, &[TENANT]);
    registry.assert_installed(&registry.init(), &format!("canary-veeam-access-{TENANT}"));
    // What a sign-in brings is not for Terraform to replace.
    let stored = registry.call(&["store", registry.service.host()], r#"{"token":"canary-other"}"#);
    assert_eq!((stored.code, stored.stdout.as_str()), (2, ""), "{stored:?}");
    registry.assert_installed(&registry.init(), &format!("canary-veeam-access-{TENANT}"));
    // But to forget.
    assert_eq!(registry.run(&["logout", registry.service.host()]).code, 0);
    assert_eq!(registry.machine.get(TENANT, &[]).error("login_required")["tenant"], TENANT);
}

#[test]
fn of_several_tenants_with_one_server_an_argument_names_the_one() {
    let Some(registry) = Registry::new() else { return };
    let tenants = [ORGANIZATION, "def.onmicrosoft.com"];
    share(&registry, &tenants);
    registry.assert_denied(&registry.init());
    let said = format!("several tenants have the server {}: {}", registry.service.host(), tenants.join(", "));
    let outcome = registry.init_with_log();
    registry.assert_denied(&outcome);
    assert!(outcome.stderr.contains(&said), "{outcome:?}");
    for tenant in tenants {
        registry.configure(&format!("[\"--tenant\", \"{tenant}\"]"));
        registry.assert_installed(&registry.init(), &format!("canary-veeam-access-{tenant}"));
    }
}

#[test]
fn what_the_program_says_of_a_failure_is_in_terraforms_log_alone() {
    let Some(registry) = Registry::new() else { return };
    let server = registry.service.url();
    registry.machine.write_config(&format!("[tenants.\"{TENANT}\"]\nserver = \"{server}\"\n"));
    let hint = format!("vb365-helper: hint: vb365-helper login {TENANT}");
    let outcome = registry.init();
    registry.assert_denied(&outcome);
    assert!(!outcome.stderr.contains("vb365-helper"), "{outcome:?}");
    let outcome = registry.init_with_log();
    registry.assert_denied(&outcome);
    assert!(outcome.stderr.contains(&hint), "{outcome:?}");
}

#[test]
fn a_sign_in_is_offered_at_terraforms_terminal_unless_an_argument_forbids_it() {
    if !can_use_terminals() {
        return;
    }
    let Some(registry) = Registry::new() else { return };
    let (server, authority) = (registry.service.url(), registry.machine.sandbox.authority());
    registry.machine.write_config(&format!(
        "[tenants.\"{TENANT}\"]\nserver = \"{server}\"\nauthority = \"{authority}\"\napi_version = \"v8\"\n\
         ca_file = \"registry.pem\"\n"
    ));
    let init = || registry.machine.at_a_terminal_by(&registry.shell("cd ~/work && exec terraform init -no-color"), &[]);
    registry.configure("[\"--interactive\", \"never\"]");
    let finished = init().finish(SOON);
    assert_eq!(finished.terminal, "");
    registry.assert_denied(&Outcome::at_a_terminal(finished));

    registry.configure("[]");
    registry.use_module();
    let session = init();
    session.wait_for(PROMPT, SOON);
    registry.accept(EXCHANGED);
    assert!(registry.machine.sandbox.approve());
    registry.assert_installed(&Outcome::at_a_terminal(session.finish(SOON)), EXCHANGED);
}

#[test]
fn a_provider_gets_the_token_by_a_variable_that_is_kept_in_no_file() {
    let (Some(registry), Some(_)) = (Registry::new(), tool("curl")) else { return };
    let machine = &registry.machine;
    machine.sign_in(TENANT);
    let call = format!(
        r#"resource "terraform_data" "call" {{
  provisioner "local-exec" {{
    command     = "printf 'Authorization: Bearer %s' \"$TOKEN\" | curl -fsS -H @- -o organization {}/v8/Organization"
    environment = {{ TOKEN = var.vb365_token }}
  }}
}}
"#,
        machine.sandbox.url()
    );
    let work = machine.home().join("work");
    fs::write(work.join("main.tf"), readme::block("variable \"vb365_token\"") + &call).unwrap();
    assert_eq!(registry.run(&["init"]).code, 0);
    let script = readme::block("TF_VAR_vb365_token=$(").replace("apply", "apply -auto-approve -no-color");
    let outcome =
        finish(piped(registry.shell(&format!("cd work\n{script}")).env("TF_IN_AUTOMATION", "1")).spawn().unwrap());
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{outcome:?}");
    assert!(work.join("organization").exists() && work.join("terraform.tfstate").exists());
    let token = machine.get(TENANT, &[]).answer()["access_token"].as_str().unwrap().to_owned();
    for file in ["terraform.tfstate", "organization"] {
        assert!(!fs::read_to_string(work.join(file)).unwrap().contains(&token), "{file}");
    }
    // Without a token Terraform is not even started.
    machine.run(&["erase", TENANT], b"").answer();
    fs::remove_file(work.join("organization")).unwrap();
    let outcome = finish(piped(&mut registry.shell(&format!("cd work\n{script}"))).spawn().unwrap());
    assert_eq!((outcome.code, outcome.stdout.as_str()), (3, ""), "{outcome:?}");
}
