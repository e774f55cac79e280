//! Peers that can be given a token here: they keep what they are told, and hand it out.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

use super::{EXEC_INFO, Peer, Place, succeeds};

/// The password that the credential helpers of git and docker keep.
const GIT: &str = "protocol=https\nhost=vb365.abc.local\nusername=bench\n";
const DOCKER: &str = r#"{"ServerURL":"https://vb365.abc.local","Username":"bench","Secret":"canary-of-docker"}"#;
const MSAL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/benches/peers/silent.py");

pub(super) const PEERS: [Peer; 4] = [
    Peer {
        name: "MSAL for Python: acquire_token_silent",
        program: "python3",
        set_up: |place| succeeds(place.own(&[MSAL, "cache.json", "keep"]), ""),
        call: |place| place.own(&[MSAL, "cache.json"]),
        stdin: "",
        end: |_| {},
    },
    Peer {
        name: "git credential-cache get",
        program: "git",
        set_up: |place| succeeds(git(place, "store"), &format!("{GIT}password=canary-of-git\n")),
        call: |place| git(place, "get"),
        stdin: GIT,
        end: |place| drop(git(place, "exit").status()),
    },
    Peer {
        name: "docker-credential-pass get",
        program: "docker-credential-pass",
        set_up: |place| pass(place) && succeeds(place.own(&["store"]), DOCKER),
        call: |place| place.own(&["get"]),
        stdin: "https://vb365.abc.local\n",
        end: |place| drop(place.command(Path::new("gpgconf"), &["--kill", "gpg-agent"]).status()),
    },
    Peer {
        name: "gke-gcloud-auth-plugin",
        program: "gke-gcloud-auth-plugin",
        set_up: |place| kube(place).is_ok(),
        call: |place| {
            let mut command = place.own(&[]);
            command.env("KUBERNETES_EXEC_INFO", EXEC_INFO);
            command
        },
        stdin: "",
        end: |_| {},
    },
];

fn git(place: &Place, action: &str) -> Command {
    place.own(&["credential-cache", "--socket", &place.home.path().join("socket/s").display().to_string(), action])
}

/// A store of passwords with a key of its own.
fn pass(place: &Place) -> bool {
    let key = "--batch --quiet --pinentry-mode loopback --passphrase= --quick-generate-key bench default default never";
    fs::create_dir(place.home.path().join(".gnupg")).is_ok()
        && succeeds(place.command(Path::new("gpg"), &key.split(' ').collect::<Vec<_>>()), "")
        && succeeds(place.command(Path::new("pass"), &["init", "bench"]), "")
}

/// A token of a cluster that the plugin believes to have had before.
fn kube(place: &Place) -> io::Result<()> {
    let kube = place.home.path().join(".kube");
    fs::create_dir(&kube)?;
    fs::write(kube.join("config"), "current-context: bench\n")?;
    let token = r#"{"current_context":"bench","access_token":"canary-of-gke","token_expiry":"2099-01-01T00:00:00Z"}"#;
    fs::write(kube.join("gke_gcloud_auth_plugin_cache"), token)
}
