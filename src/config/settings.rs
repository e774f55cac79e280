//! One tenant's settings: what `login` was told, over the tenant's own table, over `[defaults]`,
//! over what is built in. Everything is checked here, so that no later code meets a value that it
//! cannot use.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use directories::BaseDirs;

use super::file::{File, Mistake, Section, TenantTable, Value};
use super::{Config, Told};
use crate::credential::{ENTRA, Fingerprint, Origin, PromptCommand, Scopes, Settings, Tenant, Trust};
use crate::error::{Error, Kind, Result};
use crate::token::is_one_word;

/// Azure CLI: a public client that Veeam's documents use as their example.
const CLIENT_ID: &str = "04b07795-8ddb-461a-bbee-02f9e1bf7b46";
/// Microsoft's identity hosts: worldwide, US Government, China and the sovereign clouds.
const IDENTITY_HOSTS: [&str; 7] = [
    ENTRA,
    "https://login.microsoftonline.us",
    "https://login.partner.microsoftonline.cn",
    "https://login.chinacloudapi.cn",
    "https://login.sovcloud-identity.fr",
    "https://login.sovcloud-identity.de",
    "https://login.sovcloud-identity.sg",
];
/// The margin that other clients of the identity platform keep.
const MIN_TTL: Duration = Duration::from_secs(300);
/// How long nobody is told again of a sign-in that is due: a job that runs every few minutes must not send a
/// message each time.
const REPEAT_AFTER: Duration = Duration::from_secs(3600);
/// A minimum above this would renew at every call.
const LONGEST_MIN_TTL: Duration = Duration::from_secs(86_400);

/// What there is to say about one tenant, in order of precedence.
pub(super) struct Sources<'a> {
    config: &'a Config,
    file: &'a File,
    tenant: &'a Tenant,
    own: Option<&'a TenantTable>,
    told: &'a Told,
}

impl<'a> Sources<'a> {
    /// Those of `file`, which is what `config` has for `tenant`.
    pub(super) fn new(config: &'a Config, file: &'a File, tenant: &'a Tenant, told: &'a Told) -> Self {
        Self { config, file, tenant, own: file.tenants.get(tenant.key()), told }
    }

    /// All of it together.
    ///
    /// # Errors
    /// Kind `config`, naming file, line and key; `bad_request`, naming the flag.
    pub(super) fn settings(&self) -> Result<Settings> {
        let told = self.told.checked()?;
        let spelling = || self.own.map_or(self.tenant, |own| &own.tenant).as_str().to_owned();
        Ok(Settings {
            tenant: self.tenant.clone(),
            servers: self.servers()?,
            organization: self
                .pick(told.organization, "organization", |value| one_line(value.text()?))?
                .unwrap_or_else(spelling),
            api_version: self.pick(told.api_version, "api_version", |value| value.text()?.parse())?,
            client_id: self
                .pick(told.client_id, "client_id", |value| one_word(value.text()?))?
                .unwrap_or_else(|| CLIENT_ID.to_owned()),
            scopes: self.pick(told.scopes, "scopes", |value| Scopes::new(value.texts()?.to_vec()))?.unwrap_or_default(),
            authority: self.authority(told.authority)?,
            trust: Trust {
                ca_file: self.pick(told.ca_file, "ca_file", |value| path(value, &self.config.path))?,
                pins: self.pins()?,
            },
            min_ttl: self.pick(None, "min_ttl", |value| min_ttl(value.text()?))?.unwrap_or(MIN_TTL),
            prompt: self.config.prompt_in(self.file)?,
        })
    }

    /// What was told, else what the first table with the key has.
    fn pick<T>(&self, told: Option<T>, key: &str, read: impl FnOnce(&Value) -> Result<T, String>) -> Result<Option<T>> {
        if told.is_some() {
            return Ok(told);
        }
        let section = self.sections().find(|section| section.has(key));
        section.map_or(Ok(None), |section| section.get(key, read)).map_err(|mistake| self.config.mistake(&mistake))
    }

    fn sections(&self) -> impl Iterator<Item = &'a Section> {
        self.own.map(|own| &own.section).into_iter().chain([&self.file.defaults])
    }

    /// A server that was told joins those of the tenant's own table, and stands before `[defaults]`.
    fn servers(&self) -> Result<Vec<Origin>> {
        let written = |section| servers(section).map_err(|mistake| self.config.mistake(&mistake));
        let own = self.own.map_or(Ok(Vec::new()), |own| written(&own.section))?;
        let present = if own.is_empty() { written(&self.file.defaults)? } else { own.clone() };
        Ok(match &self.told.server {
            Some(told) if !present.contains(told) => own.into_iter().chain([told.clone()]).collect(),
            _ => present,
        })
    }

    fn pins(&self) -> Result<Vec<Fingerprint>> {
        let before = if self.told.replaces_pins { None } else { self.pick(None, "pin_sha256", pins)? };
        let mut pins = before.unwrap_or_default();
        for told in &self.told.pins {
            if !pins.contains(told) {
                pins.push(*told);
            }
        }
        Ok(pins)
    }

    /// The identity host: Microsoft's or this machine's, others only with the user's word for it.
    fn authority(&self, told: Option<Origin>) -> Result<Origin> {
        let authority = self.pick(told, "authority", |value| value.text()?.parse())?.unwrap_or_else(Origin::entra);
        let allowed = self.pick(None, "allow_custom_authority", Value::flag)?.unwrap_or(false);
        if allowed || authority.is_loopback() || IDENTITY_HOSTS.contains(&authority.as_str()) {
            return Ok(authority);
        }
        let (tenant, file) = (self.own.map_or(self.tenant, |own| &own.tenant), self.config.path.display());
        Err(Error::new(Kind::Config, format!("{authority} is none of Microsoft's identity hosts")).with_hint(format!(
            "if tokens may go there, add `allow_custom_authority = true` below [tenants.\"{tenant}\"] in {file}"
        )))
    }
}

impl Config {
    /// The table `[prompt]`, which is the same for all tenants.
    ///
    /// # Errors
    /// Kind `config`, naming file, line and key.
    pub fn prompt(&self) -> Result<Option<PromptCommand>> {
        self.prompt_in(self.file()?)
    }

    fn prompt_in(&self, file: &File) -> Result<Option<PromptCommand>> {
        prompt(&file.prompt, &self.path).map_err(|mistake| self.mistake(&mistake))
    }
}

fn prompt(section: &Section, config: &Path) -> Result<Option<PromptCommand>, Mistake> {
    let Some((program, args)) = section.get("command", |value| command(value, config))? else { return Ok(None) };
    let timeout = section.get("timeout", |value| match waited(value.text()?)? {
        Duration::ZERO => Err("leaves nobody the time to sign in".into()),
        timeout => Ok(timeout),
    })?;
    let repeat_after = section.get("repeat_after", |value| waited(value.text()?))?.unwrap_or(REPEAT_AFTER);
    Ok(Some(PromptCommand { program, args, timeout, repeat_after }))
}

impl Told {
    /// The same with an absolute `ca_file`: a person's relative path is meant from where they are,
    /// while the file's is from where the file is.
    ///
    /// # Errors
    /// Kind `bad_request`, naming the flag.
    pub(super) fn checked(&self) -> Result<Self> {
        let flag = |flag, why| Error::new(Kind::BadRequest, format!("{flag}: {why}"));
        let mut told = self.clone();
        if let Some(organization) = &self.organization {
            one_line(organization).map_err(|why| flag("--organization", why))?;
        }
        if let Some(client_id) = &self.client_id {
            one_word(client_id).map_err(|why| flag("--client-id", why))?;
        }
        if let Some(ca_file) = &self.ca_file {
            let written = ca_file.to_str().ok_or_else(|| flag("--ca-file", "not Unicode".into()))?;
            one_line(written).map_err(|why| flag("--ca-file", why))?;
            told.ca_file = Some(std::path::absolute(ca_file).map_err(|why| flag("--ca-file", why.to_string()))?);
        }
        Ok(told)
    }
}

/// The servers that a table names; none if it says nothing about them.
pub(super) fn servers(section: &Section) -> Result<Vec<Origin>, Mistake> {
    let one = section.get("server", |value| value.text()?.parse())?;
    let many = section.get("servers", |value| match value.texts()? {
        _ if one.is_some() => Err("server stands there as well; keep one of the two".into()),
        [] => Err("names no server".into()),
        texts => texts.iter().map(|text| text.parse()).collect(),
    })?;
    Ok(many.unwrap_or_else(|| one.into_iter().collect()))
}

/// Whether a table says anything about servers; else `[defaults]` does.
pub(super) fn names_servers(section: &Section) -> bool {
    section.has("server") || section.has("servers")
}

/// Whether what a table says about servers, right or wrong, has `name` in it.
pub(super) fn mentions_server(section: &Section, name: &str) -> bool {
    let mentions =
        |value: &Value| Ok(value.one_or_more_texts()?.iter().any(|text| text.to_ascii_lowercase().contains(name)));
    ["server", "servers"].iter().any(|key| section.get(key, mentions).is_ok_and(|found| found == Some(true)))
}

/// Fingerprints: an array, or one of them alone.
pub(super) fn pins(value: &Value) -> Result<Vec<Fingerprint>, String> {
    value.one_or_more_texts()?.iter().map(|text| Fingerprint::from_str(text)).collect()
}

/// A path: `~/` is the home directory, and any other relative one begins where the configuration
/// file is, wherever the program was started.
pub(super) fn path(value: &Value, config: &Path) -> Result<PathBuf, String> {
    let written = PathBuf::from(one_line(value.text()?)?);
    match written.strip_prefix("~") {
        Ok(rest) => Ok(BaseDirs::new().ok_or("there is no home directory")?.home_dir().join(rest)),
        Err(_) => Ok(config.parent().unwrap_or(Path::new("")).join(written)),
    }
}

/// A program and its arguments. A name without a slash is looked up as the system does; `~/` is the home
/// directory, and another relative path begins where the configuration file is.
fn command(value: &Value, config: &Path) -> Result<(PathBuf, Vec<String>), String> {
    let texts = value.texts()?;
    let (program, args) = texts.split_first().ok_or("names no program")?;
    if texts.iter().any(|text| text.contains('\0')) || program.trim().is_empty() {
        return Err("has an empty program or a null character".into());
    }
    let is_name = !program.contains(['/', '\\']);
    let program = if is_name { program.into() } else { path(&Value::Text(program.clone()), config)? };
    Ok((program, args.to_vec()))
}

fn waited(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|_| "not a duration; it looks like 15m or 1h".into())
}

fn min_ttl(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text).map_err(|_| "not a duration; it looks like 5m or 90s")?;
    if duration > LONGEST_MIN_TTL { Err("24h at most".into()) } else { Ok(duration) }
}

fn one_line(text: &str) -> Result<String, String> {
    if text.trim().is_empty() || text.chars().any(char::is_control) {
        return Err("is empty or has control characters".into());
    }
    Ok(text.to_owned())
}

fn one_word(text: &str) -> Result<String, String> {
    if is_one_word(text) { Ok(text.to_owned()) } else { Err("is not one word of printable ASCII".into()) }
}
