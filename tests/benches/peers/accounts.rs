//! Peers whose tokens are a provider's: they run as the user of this machine, who has to have set up an account that
//! is called `vb365-bench`. kubectl needs none, and hands out nothing: it is what a caller costs.

use std::process::Command;

use super::{Peer, Place};

const ACCOUNT: &str = "vb365-bench";

pub(super) const PEERS: [Peer; 3] = [
    Peer { name: "oidc-token", program: "oidc-token", call: |place| of_user(place, &[ACCOUNT]), ..KUBECTL },
    Peer { name: "pizauth show", program: "pizauth", call: |place| of_user(place, &["show", ACCOUNT]), ..KUBECTL },
    KUBECTL,
];

const KUBECTL: Peer = Peer {
    name: "kubectl version --client",
    program: "kubectl",
    set_up: |_| true,
    call: |place| place.own(&["version", "--client"]),
    stdin: "",
    end: |_| {},
};

/// With the user's environment, by which they find their agents.
fn of_user(place: &Place, args: &[&str]) -> Command {
    let mut command = place.own(args);
    command.envs(std::env::vars_os());
    command
}
