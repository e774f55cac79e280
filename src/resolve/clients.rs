//! The HTTP clients of a process: one for each rule of trust, made when it is first needed, so that
//! connections and roots serve every tenant that trusts alike.

use std::sync::{Mutex, PoisonError};

use crate::credential::Trust;
use crate::error::Result;
use crate::http::Client;

/// So many are kept at most: each holds its idle connections open.
const MOST: usize = 64;

/// Clients by whom they trust.
#[derive(Debug, Default)]
pub struct Clients(Mutex<Vec<(Trust, Client)>>);

impl Clients {
    /// For an identity host, which pins do not concern.
    pub(super) fn identity(&self, trust: &Trust) -> Result<Client> {
        self.of(Trust { ca_file: trust.ca_file.clone(), pins: Vec::new() })
    }

    /// For a VB365 server; without pins it is the same, so that roots load once.
    pub(super) fn server(&self, trust: &Trust) -> Result<Client> {
        self.of(trust.clone())
    }

    fn of(&self, trust: Trust) -> Result<Client> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, client)) = known.iter().find(|(rule, _)| *rule == trust) {
            return Ok(client.clone());
        }
        let client = Client::new(&trust)?;
        if known.len() == MOST {
            // The one made first; whoever works with it has it still.
            known.remove(0);
        }
        known.push((trust, client.clone()));
        Ok(client)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credential::Fingerprint;

    #[test]
    fn thousands_of_servers_with_pins_of_their_own_do_not_pile_up() {
        let clients = Clients::default();
        for n in 0..200 {
            let pin: Fingerprint = format!("{n:064x}").parse().unwrap();
            clients.server(&Trust { ca_file: None, pins: vec![pin] }).unwrap();
        }
        assert_eq!(clients.0.lock().unwrap().len(), MOST);
    }
}
