//! One user's machine whose two systems are played by the sandbox, which is as strict as the real
//! ones: its refresh tokens are good once, and it remembers every request that was wrong.

use std::ops::Deref;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use super::server::{Options, Sandbox};
use super::{Home, ORGANIZATION, Outcome, TENANT, started};

/// A home, a sandbox and the configuration that leads to it.
pub struct Machine {
    home: Home,
    pub sandbox: Sandbox,
}

impl Machine {
    /// Nobody has signed in yet.
    pub fn new() -> Self {
        Self::with(Options::default())
    }

    /// The same with a sandbox that is played otherwise.
    pub fn with(options: Options) -> Self {
        let machine = Self { home: Home::new(), sandbox: Sandbox::start(options).unwrap() };
        machine.configure(&[ORGANIZATION]);
        machine
    }

    /// Somebody signed in: Microsoft's tokens are kept, and the server's too.
    pub fn signed_in() -> Self {
        let machine = Self::new();
        machine.sign_in(TENANT);
        machine
    }

    /// Configures these tenants, all of them with this machine's sandbox.
    pub fn configure(&self, tenants: &[&str]) {
        let (server, authority) = (self.sandbox.url(), self.sandbox.authority());
        let defaults =
            format!("[defaults]\nserver = \"{server}\"\nauthority = \"{authority}\"\napi_version = \"v8\"\n");
        let table = |tenant: &&str| format!("[tenants.\"{tenant}\"]\norganization = \"{ORGANIZATION}\"\n");
        self.write_config(&(defaults + &tenants.iter().map(table).collect::<String>()));
    }

    /// Keeps a sign-in's token response for `tenant` and has the server take it.
    pub fn sign_in(&self, tenant: &str) {
        let response: Value = serde_json::from_str(&self.sandbox.token_response()).unwrap();
        let request = json!({ "version": 1, "tenant": tenant, "entra": response });
        self.run(&["store"], request.to_string().as_bytes()).answer();
        self.get(tenant, &[]).answer();
    }

    /// The server's access tokens end, here and there: the next `get` has to renew.
    pub fn expire_veeam(&self, tenant: &str) {
        self.sandbox.expire_veeam_access();
        self.change_entry(tenant, |entry| end(&mut entry["veeam"][0]));
    }

    /// Microsoft's access tokens end, here and there.
    pub fn expire_entra(&self, tenant: &str) {
        self.sandbox.expire_entra_access();
        self.change_entry(tenant, |entry| end(&mut entry["entra"][0]));
    }

    /// Changes what is kept behind the program's back.
    pub fn change_entry(&self, tenant: &str, change: impl FnOnce(&mut Value)) {
        let path = self.cache_dir().join(format!("{tenant}.json"));
        let mut entry = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        change(&mut entry);
        std::fs::write(&path, entry.to_string()).unwrap();
    }

    /// `get` without a person, to its end.
    pub fn get(&self, tenant: &str, args: &[&str]) -> Outcome {
        self.run(&[&["get", tenant, "--interactive", "never"], args].concat(), b"")
    }

    /// A run that goes on by itself, with pipes for its output; a test ends it or waits for it.
    pub fn start(&self, args: &[&str]) -> Child {
        started(|| piped(&mut self.command(args)).spawn())
    }

    /// Fails if the sandbox was ever asked in a wrong way: a token spent twice is one.
    pub fn assert_no_complaints(&self) {
        assert_eq!(self.sandbox.complaints(), Vec::<String>::new());
    }
}

impl Deref for Machine {
    type Target = Home;

    fn deref(&self) -> &Home {
        &self.home
    }
}

/// Both outputs are kept for whoever waits, and nothing is on stdin.
pub fn piped(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped())
}

/// The access token of `record` ended an hour ago.
fn end(record: &mut Value) {
    record["obtained_at"] = super::ago(2 * super::HOUR).into();
    record["access_expires_at"] = super::ago(super::HOUR).into();
}
