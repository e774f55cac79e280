//! A visit to an identity host: whether it can be reached, knows the tenants, and has the same time. Nothing
//! is sent but the tenants' names, in the address of a document that anybody may read.

use super::finding::{Finding, Findings};
use super::visits::{MOST_ASKED, Time, Visit, check_clock};
use crate::credential::{Origin, Settings, Trust};
use crate::entra::Entra;
use crate::error::Kind;
use crate::http::{self, Client};

/// What there is to ask an identity host.
pub(super) struct IdentityVisit {
    authority: Origin,
    trust: Trust,
    asked: Vec<Settings>,
}

impl IdentityVisit {
    pub(super) fn new(authority: &Origin, trust: Trust) -> Self {
        Self { authority: authority.clone(), trust, asked: Vec::new() }
    }

    pub(super) fn note(&mut self, settings: &Settings) {
        if self.asked.len() < MOST_ASKED {
            self.asked.push(settings.clone());
        }
    }

    fn ask(&self, findings: &mut Findings, time: Time<'_>) {
        let http = match Client::new(&self.trust) {
            Ok(http) => http,
            Err(error) => return findings.fail("reachable", &error),
        };
        let mut is_reached = false;
        for settings in &self.asked {
            match Entra::new(http.clone(), settings).known(time.limit()) {
                Ok(date) => {
                    if !is_reached {
                        findings.ok("reachable", "answers");
                        check_clock(findings, date, time.clock.now());
                    }
                    is_reached = true;
                }
                Err(error) if error.kind() == Kind::Refused => findings.fail("tenant", &error),
                Err(error) => return findings.fail("reachable", &error),
            }
        }
    }
}

impl Visit for IdentityVisit {
    fn host(&self) -> &Origin {
        &self.authority
    }

    fn pay(&self, time: Time<'_>) -> Vec<Finding> {
        let mut findings = Findings::about(self.authority.as_str());
        if let Some(proxy) = http::proxy_of(&self.authority) {
            findings.ok("proxy", format!("asked through {proxy}"));
        }
        self.ask(&mut findings, time);
        findings.list
    }
}
