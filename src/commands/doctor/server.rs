//! A visit to a VB365 server: whether it is the one it should be, what it speaks, what time it has, and
//! whether it still takes the access tokens that it gave out.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::finding::{Finding, Findings};
use super::visits::{MOST_ASKED, Time, Visit, check_clock};
use crate::cache::Entry;
use crate::credential::{ApiVersion, Origin, Settings, Tenant, Trust};
use crate::error::{Error, Kind, Result};
use crate::http::{self, Client, Presented, Probe};
use crate::secret::Secret;
use crate::text::in_a_row;
use crate::veeam::{Veeam, verdict};

/// What there is to ask a server.
pub(super) struct ServerVisit {
    server: Origin,
    trust: Trust,
    /// Tenants with a token of this server that still lives.
    tokens: Vec<(Tenant, Secret<String>)>,
    /// How many more of them there are.
    more: usize,
    /// The versions in which it is configured to be spoken to, each with one tenant of those who do.
    versions: BTreeMap<ApiVersion, Tenant>,
}

impl ServerVisit {
    pub(super) fn new(server: &Origin, trust: &Trust) -> Self {
        let (tokens, versions) = (Vec::new(), BTreeMap::new());
        Self { server: server.clone(), trust: trust.clone(), tokens, more: 0, versions }
    }

    pub(super) fn note(&mut self, settings: &Settings, entry: &Entry, now: DateTime<Utc>) {
        if let Some(version) = settings.api_version {
            self.versions.entry(version).or_insert_with(|| settings.tenant.clone());
        }
        let record = entry.veeam(&self.server).filter(|record| record.life().is_alive(now));
        if let Some(token) = record.and_then(|record| record.access_token.clone()) {
            if self.tokens.len() < MOST_ASKED {
                self.tokens.push((settings.tenant.clone(), token));
            } else {
                self.more += 1;
            }
        }
    }

    /// Everything, as far as it can be asked.
    fn ask(&self, findings: &mut Findings, time: Time<'_>) -> Result<(), (&'static str, Error)> {
        let server = &self.server;
        let at = |check| move |error: Error| (check, error);
        self.certificate(findings, time)?;
        let http = Client::new(&self.trust).map_err(at("certificate"))?;
        let mut served = Vec::new();
        for version in ApiVersion::NEWEST_FIRST {
            let asked = Veeam::asked_for(&http, server, version, None, time.limit()).map_err(at("reachable"))?;
            if version == ApiVersion::NEWEST_FIRST[0] {
                check_clock(findings, asked.date, time.clock.now());
            }
            served.extend(asked.is_served.then_some(version));
        }
        let Some(newest) = served.first() else {
            let message = format!("{server} speaks none of the API versions v4 to v8");
            let hint = "check the server's address and port, and that its REST API is enabled";
            return Err(("versions", Error::new(Kind::Config, message).with_hint(hint)));
        };
        self.versions(findings, &served);
        self.tokens(findings, &http, *newest, time).map_err(at("token"))
    }

    fn certificate(&self, findings: &mut Findings, time: Time<'_>) -> Result<(), (&'static str, Error)> {
        let server = &self.server;
        let at = |check| move |error| (check, error);
        let probe = Probe::new(&self.trust).map_err(at("certificate"))?;
        let seen = probe.look(server, time.limit());
        let seen = seen.map_err(|failure| verdict::of_failure(server, failure)).map_err(at("reachable"))?;
        let Some(Presented { certificate, distrust }) = seen else { return Ok(()) };
        if let Some(distrust) = distrust {
            let message = format!("the certificate of {server} {distrust}; its SHA-256 is {}", certificate.fingerprint);
            let hint = format!("vb365-helper trust {server}");
            return Err(("certificate", Error::new(Kind::UntrustedServer, message).with_hint(hint)));
        }
        let by = match (&self.trust.ca_file, self.trust.pins.as_slice()) {
            (_, [_, ..]) => "its pin".to_owned(),
            (Some(file), []) => format!("the system's roots and {}", file.display()),
            (None, []) => "the system's roots".to_owned(),
        };
        let Some(details) = certificate.details else {
            findings.ok("certificate", format!("trusted by {by}"));
            return Ok(());
        };
        match details.ending(time.clock.now()) {
            Some(ending) => {
                let hint = format!("have it renewed on the server; if it is pinned, then vb365-helper trust {server}");
                findings.warn("certificate", format!("that of {} {ending}", details.subject), hint);
            }
            None => {
                let end = details.not_after.format("%Y-%m-%d");
                findings.ok("certificate", format!("{}, trusted by {by}, valid until {end}", details.subject));
            }
        }
        Ok(())
    }

    fn versions(&self, findings: &mut Findings, served: &[ApiVersion]) {
        let names: Vec<_> = served.iter().map(|version| version.as_str()).collect();
        findings.ok("versions", format!("speaks {}", in_a_row(names.iter().copied())));
        for (version, tenant) in self.versions.iter().filter(|(version, _)| !served.contains(version)) {
            let message = format!("{} does not speak {version}, which is configured for {tenant}", self.server);
            let hint = format!("vb365-helper login {tenant} --server {} --api-version {}", self.server, served[0]);
            findings.fail("versions", &Error::new(Kind::Config, message).with_hint(hint));
        }
    }

    /// A token that still lives goes to the server that issued it, and nowhere else.
    fn tokens(&self, findings: &mut Findings, http: &Client, newest: ApiVersion, time: Time<'_>) -> Result<()> {
        let mut taken = Vec::new();
        for (tenant, token) in &self.tokens {
            let asked = Veeam::asked_for(http, &self.server, newest, Some(token), time.limit())?;
            match asked.status {
                200 => taken.push(tenant.as_str()),
                401 => {
                    let message = format!("the kept access token of {tenant} is not taken any more");
                    let hint = format!("vb365-helper erase {tenant} --access-only");
                    findings.fail("token", &Error::new(Kind::Cache, message).with_hint(hint));
                }
                status => findings.warn(
                    "token",
                    format!("whether the kept access token of {tenant} is taken was not said (HTTP {status})"),
                    "check on the server what the account may do".to_owned(),
                ),
            }
        }
        let more = if self.more > 0 { format!("; {} more were not tried", self.more) } else { String::new() };
        if !taken.is_empty() {
            findings.ok("token", format!("taken, of {}{more}", in_a_row(taken.into_iter())));
        }
        Ok(())
    }
}

impl Visit for ServerVisit {
    fn host(&self) -> &Origin {
        &self.server
    }

    fn pay(&self, time: Time<'_>) -> Vec<Finding> {
        let mut findings = Findings::about(self.server.as_str());
        if let Some(proxy) = http::proxy_of(&self.server) {
            findings.ok("proxy", format!("asked through {proxy}"));
        }
        if let Err((check, error)) = self.ask(&mut findings, time) {
            findings.fail(check, &error);
        }
        findings.list
    }
}
