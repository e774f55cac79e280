//! What is printed, whole; and for whom.

use super::{configured, outcome, program, program_in_shell, program_in_yaml, put, refused, setup};
use crate::support::{Home, TENANT};

/// Every name by which a caller is set up.
const CALLERS: [&str; 8] =
    ["kubectl", "terraform", "powershell", "curl", "ansible", "systemd", "cron", "task-scheduler"];
/// Those that are not for this platform, or not in the environment of these tests.
const NOT_HERE: &[&str] = if cfg!(windows) { &["systemd", "cron", "task-scheduler"] } else { &["task-scheduler"] };

#[test]
fn a_user_for_kubectl_is_printed_as_a_kubeconfig() {
    let home = configured();
    let (program, file) = (program_in_yaml(), home.home().join(".kube").join("config"));
    let expected = format!(
        "# A user for {}.
users:
- name: vb365-{TENANT}
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1
      command: {program}
      args:
      - get
      - {TENANT}
      interactiveMode: IfAvailable
      provideClusterInfo: false
      installHint: \"vb365-helper hands out tokens for Veeam Backup for Microsoft 365; install it, then run: vb365-helper setup kubectl --write\"

# Use it in a context: kubectl config set-context CONTEXT --user=vb365-{TENANT}
",
        file.display()
    );
    assert_eq!(setup(&home, &["kubectl"]), expected);
    assert_eq!(setup(&home, &["kubectl", "ABC.onmicrosoft.com"]), expected, "case makes no difference");
    let server = "https://vb365.example.com:4443";
    let with_server =
        expected.replace(&format!("- {TENANT}\n"), &format!("- {TENANT}\n      - --server\n      - \"{server}\"\n"));
    assert_eq!(setup(&home, &["kubectl", "--server", server]), with_server);
    let config = home.home().join("config.toml").display().to_string();
    let word = if cfg!(windows) { serde_json::Value::from(&*config).to_string() } else { config.clone() };
    let with_config =
        expected.replace(&format!("- {TENANT}\n"), &format!("- {TENANT}\n      - --config\n      - {word}\n"));
    assert_eq!(setup(&home, &["kubectl", "--config", &config]), with_config);
}

#[test]
fn a_helper_for_terraform_is_printed_as_a_block_and_a_command() {
    let home = configured();
    let (program, dir) = (program(), home.home().join(".terraform.d/plugins"));
    let expected = format!(
        "# Terraform finds the program in its own directory alone, under this name:
#   mkdir -p {dir} && ln -s {program} {dir}/terraform-credentials-vb365

# For {}, where only one such block may stand.
# With \"--interactive\", \"never\" among its args, nobody is ever asked to sign in.
credentials_helper \"vb365\" {{
  args = []
}}

# Terraform then asks for the token of every configured VB365 server, and keeps all others here:
# terraform login HOST and terraform logout HOST go on as before.
",
        home.home().join(".terraformrc").display(),
        dir = dir.display(),
    );
    if cfg!(unix) {
        assert_eq!(setup(&home, &["terraform"]), expected);
        let args = format!("args = [\"--tenant\", \"{TENANT}\"]");
        assert_eq!(setup(&home, &["terraform", TENANT]), expected.replace("args = []", &args));
    }
}

#[test]
fn command_lines_for_curl_are_printed_for_two_shells() {
    let home = configured();
    let get = format!("{} get {TENANT} --protocol header", program_in_shell());
    let expected = format!(
        "# In bash and zsh; without pipefail a sign-in that has ended shows as curl's error alone.
set -o pipefail
{get} | curl --fail -H '@-' https://vb365.example.com:4443/v8/Organization

# In PowerShell.
& {get} | curl.exe --fail -H '@-' https://vb365.example.com:4443/v8/Organization

# The token is renewed by the first command when it is due.
"
    );
    assert_eq!(setup(&home, &["curl"]), expected);
    if cfg!(windows) {
        // Its paths are others, and quoted as the program's is.
        return;
    }
    home.write_config(&format!(
        "[tenants.\"{TENANT}\"]\nserver = \"https://vb365.example.com:4443\"\napi_version = \"v6\"\nca_file = \"/my roots.pem\"\n"
    ));
    let with_roots = expected.replace("'@-'", "'@-' --cacert '/my roots.pem'").replace("/v8/", "/v6/");
    assert_eq!(setup(&home, &["curl"]), with_roots);
}

#[test]
// Ansible's controllers are no Windows machines.
#[cfg(unix)]
fn a_task_for_ansible_is_printed_with_its_token_hidden() {
    let home = configured();
    let expected = format!(
        "# A task for a playbook. The program runs on the controller, as the user who runs Ansible.
# The token stays out of logs and callbacks by no_log, out of temporary files by ansible_pipelining, and
# with the server by follow_redirects; leave them there.
- name: Ask Veeam Backup for Microsoft 365 for the organization
  ansible.builtin.uri:
    url: \"https://vb365.example.com:4443/v8/Organization\"
    headers:
      Authorization: \"Bearer {{{{ lookup('ansible.builtin.pipe', '{} get {TENANT} --protocol token') }}}}\"
    follow_redirects: none
    return_content: true
  vars:
    ansible_pipelining: true
  register: vb365_organization
  no_log: true

# The token is renewed by the first command when it is due.
",
        program()
    );
    assert_eq!(setup(&home, &["ansible"]), expected);
}

#[test]
fn a_pinned_server_is_told_what_its_client_can_check() {
    let home = Home::new();
    let pin = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    home.write_config(&format!(
        "[tenants.\"{TENANT}\"]\nserver = \"https://vb365.example.com\"\npin_sha256 = \"{pin}\"\nca_file = \"r.pem\"\n"
    ));
    for caller in ["curl", "ansible"] {
        let printed = setup(&home, &[caller]);
        assert!(printed.contains("s_client -connect vb365.example.com:443 "), "{printed}");
        assert!(printed.contains(&format!("It must say {pin} ")), "{printed}");
        assert!(!printed.contains("r.pem") && !printed.contains("pinnedpubkey"), "{printed}");
    }
}

#[test]
fn the_tenant_is_the_one_named_or_the_only_one() {
    let home = Home::new();
    let words = refused(&home, &["kubectl"], 8);
    assert!(words.contains("no tenant is configured\n") && words.contains("vb365-helper login TENANT"), "{words}");
    home.write_config("[tenants.\"a.com\"]\nserver = \"https://v\"\n[tenants.\"B.com\"]\n");
    let words = refused(&home, &["kubectl"], 8);
    assert!(words.contains("several tenants are configured: a.com, B.com\n"), "{words}");
    assert!(words.contains("hint: vb365-helper setup kubectl TENANT\n"), "{words}");
    assert!(setup(&home, &["kubectl", "B.com"]).contains("vb365-b.com"));
    assert!(setup(&home, &["terraform"]).contains("args = []"));
    // Who calls a server needs one; who names one has to name one that is configured.
    assert!(refused(&home, &["curl", "b.com"], 8).contains("no server is configured for b.com\n"));
    let words = refused(&home, &["kubectl", "a.com", "--server", "https://w"], 8);
    assert!(words.contains("https://w is no configured server of a.com\n"), "{words}");
    assert!(words.contains("hint: vb365-helper login a.com --server https://w\n"), "{words}");
}

#[test]
fn what_makes_no_sense_is_a_bad_request() {
    let home = configured();
    for args in [
        &["nobody"][..],
        &[],
        &["kubectl", TENANT, "canary"],
        &["kubectl", "--force"],
        &["kubectl", "no tenant"],
        &["curl", "--write"],
        &["ansible", "--write"],
        &["terraform", "--server", "https://vb365.example.com:4443"],
        &["powershell", "--server", "https://vb365.example.com:4443"],
        &["systemd", "--server", "https://vb365.example.com:4443"],
    ] {
        refused(&home, args, 2);
    }
    assert!(refused(&home, &["curl", "--write"], 2).contains("hint: vb365-helper setup curl prints what to paste\n"));
}

#[test]
fn printing_changes_nothing() {
    let home = configured();
    put(&home.home().join(".kube/config"), "users: [");
    let files = || walk(&home);
    let before = files();
    for caller in CALLERS.into_iter().filter(|caller| !NOT_HERE.contains(caller)) {
        setup(&home, &[caller]);
        assert_eq!(files(), before, "{caller}");
    }
}

fn walk(home: &Home) -> Vec<std::path::PathBuf> {
    let mut found = vec![home.home()];
    let mut at = 0;
    while let Some(path) = found.get(at).cloned() {
        found.extend(path.read_dir().into_iter().flatten().map(|file| file.unwrap().path()));
        at += 1;
    }
    found
}

#[test]
fn help_names_every_caller() {
    let home = configured();
    let help = home.run_raw(&["setup", "--help"]).stdout;
    for word in CALLERS.iter().chain(&["--write", "--force", "--server", ".vb365-backup"]) {
        assert!(help.contains(word), "{word}: {help}");
    }
}

#[cfg(unix)]
#[test]
fn callers_are_told_the_path_that_an_update_does_not_change() {
    let home = configured();
    let bin = home.home().join("bin");
    std::fs::create_dir(&bin).unwrap();
    let link = bin.join("vb365-helper");
    std::os::unix::fs::symlink(program(), &link).unwrap();
    let mut by_name = std::process::Command::new("vb365-helper");
    by_name.env_clear().env("PATH", &bin).env("HOME", home.home());
    by_name.args(["--config", home.home().join("config.toml").to_str().unwrap(), "setup", "kubectl"]);
    let printed = String::from_utf8(by_name.output().unwrap().stdout).unwrap();
    assert!(printed.contains(&format!("      command: {}\n", link.display())), "{printed}");
}

#[test]
fn without_a_home_nothing_is_written_anywhere() {
    let home = configured();
    for caller in ["kubectl", "terraform", "powershell", "systemd"] {
        let mut command = home.command(&["setup", caller, "--write"]);
        let output = command.env_remove("HOME").env_remove("USERPROFILE").output().unwrap();
        if cfg!(unix) {
            let stderr = String::from_utf8(output.stderr).unwrap();
            assert_eq!(
                (output.status.code(), stderr.contains("there is no home directory")),
                (Some(8), true),
                "{stderr}"
            );
        }
    }
    assert_eq!(outcome(&home, &["curl"]).code, 0);
}

#[cfg(windows)]
#[test]
fn what_windows_alone_needs_is_told_there() {
    let home = configured();
    let printed = |caller: &str| {
        let mut command = home.command(&["setup", caller]);
        let output = command.env("APPDATA", home.home()).env("USERPROFILE", home.home()).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(printed("terraform").contains("# vb365-helper setup terraform --write --force\n"));
    assert!(printed("powershell").contains(": Set-ExecutionPolicy -Scope CurrentUser RemoteSigned\n"));
}
