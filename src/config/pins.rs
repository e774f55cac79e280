//! Where the configuration says whose certificates are believed, and the one change that is made there.
//! A pin counts instead of chain and name wherever it is inherited: it is written only where it
//! concerns the server that was looked at.

use super::file::{Section, TenantTable};
use super::{Config, Told, settings};
use crate::credential::{Fingerprint, Origin, Tenant, Trust};
use crate::error::Result;
use crate::host::Clock;

/// A part of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// `[defaults]`.
    Defaults,
    /// A tenant's table.
    Tenant(Tenant),
}

/// A part of the configuration that decides about the certificate of some server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Believer {
    /// The part.
    pub place: Place,
    /// Whom it believes.
    pub trust: Trust,
    /// Every server for which it does.
    pub servers: Vec<Origin>,
}

impl Config {
    /// Who decides about the certificate of `server`: every part that names it, or `only` this tenant's.
    ///
    /// # Errors
    /// Kind `config`: a mistake in one of them.
    pub fn believers(&self, server: &Origin, only: Option<&Tenant>) -> Result<Vec<Believer>> {
        let mut found = match only {
            Some(tenant) => vec![self.believer(tenant)?],
            None => self.all_believers(server)?,
        };
        found.retain(|believer| believer.servers.contains(server));
        Ok(found)
    }

    fn all_believers(&self, server: &Origin) -> Result<Vec<Believer>> {
        let (mut found, mut heirs, mut is_shared) = (Vec::new(), Vec::new(), false);
        for TenantTable { tenant, section, .. } in self.file()?.tenants.values() {
            let believer = match self.believer(tenant) {
                Err(error) if settings::mentions_server(section, server.name_and_port().0) => return Err(error),
                // A mistake stops its own tenant and no other.
                Err(_) => continue,
                Ok(believer) => believer,
            };
            let is_concerned = believer.servers.contains(server);
            match (is_concerned, settings::names_servers(section) || section.has("pin_sha256")) {
                (true, true) => found.push(believer),
                (true, false) => heirs.push(believer),
                (false, _) => is_shared |= !section.has("pin_sha256"),
            }
        }
        let defaults = self.default_believer()?;
        if !defaults.servers.contains(server) {
            return Ok(found);
        }
        // A pin in `[defaults]` would make strangers of the servers of those who only inherit pins.
        if is_shared {
            found.extend(heirs)
        } else {
            found.push(defaults)
        }
        Ok(found)
    }

    fn believer(&self, tenant: &Tenant) -> Result<Believer> {
        let settings = self.settings(tenant)?;
        Ok(Believer { place: Place::Tenant(tenant.clone()), trust: settings.trust, servers: settings.servers })
    }

    fn default_believer(&self) -> Result<Believer> {
        let defaults = &self.file()?.defaults;
        let read = || {
            let ca_file = defaults.get("ca_file", |value| settings::path(value, &self.path))?;
            let pins = defaults.get("pin_sha256", settings::pins)?.unwrap_or_default();
            Ok(Believer {
                place: Place::Defaults,
                trust: Trust { ca_file, pins },
                servers: settings::servers(defaults)?,
            })
        };
        read().map_err(|mistake| self.mistake(&mistake))
    }

    /// Has each of `believers` believe a certificate with this fingerprint, too; with `is_replacing`, those who
    /// decide about nothing but one server believe no other any more.
    ///
    /// # Errors
    /// As [`Config::remember`].
    pub fn pin(&self, believers: &[&Believer], pin: Fingerprint, is_replacing: bool, clock: &dyn Clock) -> Result<()> {
        let told = |believer: &Believer| Told {
            pins: vec![pin],
            replaces_pins: is_replacing && believer.is_of_one_server(),
            ..Told::default()
        };
        match believers {
            // It may have no table yet.
            [Believer { place: Place::Tenant(tenant), .. }] => self.remember(tenant, &told(believers[0]), clock),
            _ => self.rewrite(clock, &|text| super::edit::pinned(text, believers, &told)),
        }
    }
}

impl Believer {
    /// Whether its pins can be of no other server.
    pub fn is_of_one_server(&self) -> bool {
        self.servers.len() == 1
    }
}

impl Place {
    /// What of the file it inherits from.
    pub(super) fn inherits<'f>(&self, defaults: &'f Section, nothing: &'f Section) -> &'f Section {
        if matches!(self, Self::Defaults) { nothing } else { defaults }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Defaults => f.write_str("[defaults]"),
            Self::Tenant(tenant) => tenant.fmt(f),
        }
    }
}
