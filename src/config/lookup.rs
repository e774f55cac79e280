//! Whose server is it? For callers that name a server and no tenant: the answer is a tenant of the
//! configuration, and where several share the server it is theirs to say which, never ours to guess.

use super::file::{File, Section};
use super::{Config, settings};
use crate::credential::{Origin, ServerName, Tenant};
use crate::error::{Error, Kind, Result};
use crate::text::in_a_row;

impl Config {
    /// Every server that is configured for anybody; what is none is passed over.
    pub fn servers(&self) -> impl Iterator<Item = Origin> {
        let sections = self.file().into_iter().flat_map(File::sections);
        sections.flat_map(|section| settings::servers(section).unwrap_or_default())
    }

    /// The tenant that `server` is configured for, and the server as it is configured; `None` where it
    /// is nobody's. With a `tenant` named, only its servers count.
    ///
    /// # Errors
    /// Kind `config`: several tenants have it, or none by name; or what looks like it is no server.
    pub fn whose(&self, server: &ServerName, tenant: Option<&Tenant>) -> Result<Option<(Tenant, Origin)>> {
        let file = self.file()?;
        let default = self.origin_in(&file.defaults, server)?;
        if let Some(tenant) = tenant {
            let own = file.tenants.get(tenant.key()).map(|table| &table.section);
            let origin = self.origin_of(own, server, default.as_ref())?;
            return Ok(origin.map(|origin| (tenant.clone(), origin)));
        }
        let mut found = Vec::new();
        for table in file.tenants.values() {
            let origin = self.origin_of(Some(&table.section), server, default.as_ref())?;
            found.extend(origin.map(|origin| (table.tenant.clone(), origin)));
        }
        match (&found[..], default) {
            ([], Some(origin)) => Err(Error::new(Kind::Config, format!("no tenant is configured for {server}"))
                .with_hint(format!("vb365-helper login TENANT --server {origin}"))),
            ([] | [_], _) => Ok(found.pop()),
            (several, _) => {
                let names = in_a_row(several.iter().map(|(tenant, _)| tenant.as_str()));
                let message = format!("several tenants have the server {server}: {names}");
                Err(Error::new(Kind::Config, message).with_hint("name one with --tenant TENANT"))
            }
        }
    }

    /// The server that is meant by `server`, if it is configured for anybody.
    ///
    /// # Errors
    /// Kind `config`: what looks like it is no server.
    pub fn somebodys(&self, server: &ServerName) -> Result<Option<Origin>> {
        let mut sections = self.file()?.sections();
        sections.find_map(|section| self.origin_in(section, server).transpose()).transpose()
    }

    /// `server`, if a tenant's table names it, or says nothing and inherits it.
    fn origin_of(
        &self,
        own: Option<&Section>,
        server: &ServerName,
        default: Option<&Origin>,
    ) -> Result<Option<Origin>> {
        match own.filter(|own| settings::names_servers(own)) {
            Some(own) => self.origin_in(own, server),
            None => Ok(default.cloned()),
        }
    }

    /// `server`, if `section` names it. A mistake there stops whoever it could be about, and nobody else.
    fn origin_in(&self, section: &Section, server: &ServerName) -> Result<Option<Origin>> {
        match settings::servers(section) {
            Ok(servers) => Ok(servers.into_iter().find(|origin| server.is(origin))),
            Err(mistake) if settings::mentions_server(section, server.name()) => Err(self.mistake(&mistake)),
            Err(_) => Ok(None),
        }
    }
}
