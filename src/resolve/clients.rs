//! The HTTP clients of a process: one for each rule of trust, made when it is first needed, so that
//! connections and roots serve every tenant that trusts alike.

use std::sync::{Mutex, PoisonError};

use crate::credential::Trust;
use crate::error::Result;
use crate::http::Client;

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
        known.push((trust, client.clone()));
        Ok(client)
    }
}
