//! Whose server is it? For callers that name a server and no tenant: the answer is a tenant of the
//! configuration, and where several share the server it is theirs to say which, never ours to guess.

use super::{Config, file::Section, settings};
use crate::credential::{Origin, ServerName, Tenant};
use crate::error::{Error, Kind, Result};

impl Config {
    /// The tenant that `server` is configured for, and the server as it is configured; `None` where it
    /// is nobody's. With a `tenant` named, only its servers count.
    ///
    /// # Errors
    /// Kind `config`: several tenants have it, or none by name; or a server in the file is no server.
    pub fn whose(&self, server: &ServerName, tenant: Option<&Tenant>) -> Result<Option<(Tenant, Origin)>> {
        if let Some(tenant) = tenant {
            let servers = self.settings(tenant)?.servers;
            return Ok(servers.into_iter().find(|origin| server.is(origin)).map(|origin| (tenant.clone(), origin)));
        }
        let mut found = Vec::new();
        let default = self.origin_in(&self.file.defaults, server)?;
        for table in self.file.tenants.values() {
            let own = self.origin_in(&table.section, server)?;
            let inherited = || default.clone().filter(|_| !settings::names_servers(&table.section));
            found.extend(own.or_else(inherited).map(|origin| (table.tenant.clone(), origin)));
        }
        if found.is_empty() && default.is_some() {
            return Err(Error::new(Kind::Config, format!("no tenant is configured for {server}"))
                .with_hint(format!("vb365-helper login TENANT --server https://{server}")));
        }
        if found.len() > 1 {
            let names: Vec<_> = found.iter().map(|(tenant, _)| tenant.as_str()).collect();
            let message = format!("several tenants have the server {server}: {}", names.join(", "));
            return Err(Error::new(Kind::Config, message).with_hint("name one with --tenant TENANT"));
        }
        Ok(found.pop())
    }

    /// Whether `server` is configured for anybody.
    ///
    /// # Errors
    /// Kind `config`: a server in the file is no server.
    pub fn is_somebodys(&self, server: &ServerName) -> Result<bool> {
        let mut sections = self.file.tenants.values().map(|table| &table.section).chain([&self.file.defaults]);
        sections.try_fold(false, |found, section| Ok(found || self.origin_in(section, server)?.is_some()))
    }

    /// `server`, if `section` names it.
    fn origin_in(&self, section: &Section, server: &ServerName) -> Result<Option<Origin>> {
        let servers = settings::servers(section).map_err(|mistake| self.mistake(&mistake))?;
        Ok(servers.into_iter().find(|origin| server.is(origin)))
    }
}
