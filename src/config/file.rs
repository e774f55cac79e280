//! The configuration file's wire form: TOML in which a key that is not known is a mistake with a
//! line. Values are only kept here, each with its place, and checked when their tenant is asked
//! for: a mistake in one tenant's values stops that tenant alone.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::credential::Tenant;
use crate::text::printable;

/// Keys of a tenant's table, and so of `[defaults]`.
pub(super) const TENANT_KEYS: [&str; 11] = [
    "server",
    "servers",
    "organization",
    "api_version",
    "client_id",
    "scopes",
    "authority",
    "ca_file",
    "pin_sha256",
    "min_ttl",
    "allow_custom_authority",
];
const CACHE_KEYS: [&str; 3] = ["dir", "protection", "key_file"];
const PROMPT_KEYS: [&str; 3] = ["command", "timeout", "repeat_after"];
const TABLES: [&str; 4] = ["defaults", "tenants", "cache", "prompt"];

/// The whole file.
#[derive(Debug, Default)]
pub(super) struct File {
    pub(super) defaults: Section,
    pub(super) cache: Section,
    pub(super) prompt: Section,
    /// By [`Tenant::key`].
    pub(super) tenants: BTreeMap<String, TenantTable>,
}

/// `[tenants."x"]`.
#[derive(Debug)]
pub(super) struct TenantTable {
    /// As the file spells it.
    pub(super) tenant: Tenant,
    pub(super) section: Section,
    offset: usize,
}

/// A table of values.
#[derive(Clone, Debug, Default)]
pub(super) struct Section {
    /// Its path, as in `tenants."abc.onmicrosoft.com"`.
    name: String,
    entries: Vec<Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    key: &'static str,
    offset: usize,
    value: Value,
}

/// A value of one of the types that some key has.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Text(String),
    Texts(Vec<String>),
    Flag(bool),
    Other,
}

/// What is wrong with the file, and where.
#[derive(Debug)]
pub(super) struct Mistake {
    /// In bytes from the start of the text.
    pub(super) offset: usize,
    pub(super) why: String,
}

impl File {
    /// Reads the file's text.
    pub(super) fn read(text: &str) -> Result<Self, Mistake> {
        let document = DeTable::parse(text).map_err(|error| Mistake {
            offset: error.span().map_or(0, |span| span.start),
            why: printable(error.message()),
        })?;
        let mut file = Self::default();
        for (key, value) in document.into_inner() {
            match key.get_ref().as_ref() {
                "defaults" => file.defaults = Section::read("defaults", value, &TENANT_KEYS)?,
                "cache" => file.cache = Section::read("cache", value, &CACHE_KEYS)?,
                "prompt" => file.prompt = Section::read("prompt", value, &PROMPT_KEYS)?,
                "tenants" => {
                    for (name, value) in table("tenants", value)? {
                        file.add_tenant(name.span().start, name.get_ref(), value, text)?;
                    }
                }
                other => return Err(unknown(key.span().start, other, &TABLES)),
            }
        }
        Ok(file)
    }

    /// The tables of the tenants, and `[defaults]`.
    pub(super) fn sections(&self) -> impl Iterator<Item = &Section> {
        self.tenants.values().map(|table| &table.section).chain([&self.defaults])
    }

    fn add_tenant(
        &mut self,
        offset: usize,
        name: &str,
        value: Spanned<DeValue<'_>>,
        text: &str,
    ) -> Result<(), Mistake> {
        let path = format!("tenants.\"{}\"", printable(name));
        let tenant: Tenant = name.parse().map_err(|why: String| Mistake { offset, why: format!("{path}: {why}") })?;
        let section = Section::read(&path, value, &TENANT_KEYS)?;
        let key = tenant.key().to_owned();
        let Some(other) = self.tenants.insert(key, TenantTable { tenant, section, offset }) else { return Ok(()) };
        let line = line_of(text, other.offset.min(offset));
        Err(Mistake {
            offset: other.offset.max(offset),
            why: format!("{path}: the same tenant stands in line {line}, and case makes no difference"),
        })
    }
}

impl Section {
    fn read(name: &str, value: Spanned<DeValue<'_>>, known: &[&'static str]) -> Result<Self, Mistake> {
        let mut entries = Vec::new();
        for (key, value) in table(name, value)? {
            let offset = key.span().start;
            let Some(key) = known.iter().find(|known| *known == key.get_ref()) else {
                return Err(unknown(offset, &format!("{name}.{}", printable(key.get_ref())), known));
            };
            entries.push(Entry { key, offset, value: Value::from(value.into_inner()) });
        }
        Ok(Self { name: name.to_owned(), entries })
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.entry(key).is_some()
    }

    /// The value of `key`, if it is there, as `read` takes it.
    pub(super) fn get<T>(
        &self,
        key: &str,
        read: impl FnOnce(&Value) -> Result<T, String>,
    ) -> Result<Option<T>, Mistake> {
        let Some(entry) = self.entry(key) else { return Ok(None) };
        read(&entry.value)
            .map(Some)
            .map_err(|why| Mistake { offset: entry.offset, why: format!("{}.{key}: {why}", self.name) })
    }

    fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }
}

impl Value {
    pub(super) fn text(&self) -> Result<&str, String> {
        if let Self::Text(text) = self { Ok(text) } else { Err("not a string".into()) }
    }

    pub(super) fn texts(&self) -> Result<&[String], String> {
        if let Self::Texts(texts) = self { Ok(texts) } else { Err("not an array of strings".into()) }
    }

    pub(super) fn one_or_more_texts(&self) -> Result<&[String], String> {
        match self {
            Self::Text(text) => Ok(std::slice::from_ref(text)),
            Self::Texts(texts) => Ok(texts),
            _ => Err("neither a string nor an array of strings".into()),
        }
    }

    pub(super) fn flag(&self) -> Result<bool, String> {
        if let Self::Flag(flag) = self { Ok(*flag) } else { Err("neither true nor false".into()) }
    }
}

impl From<DeValue<'_>> for Value {
    fn from(value: DeValue<'_>) -> Self {
        match value {
            DeValue::String(text) => Self::Text(text.into_owned()),
            DeValue::Boolean(flag) => Self::Flag(flag),
            DeValue::Array(array) => {
                let texts: Option<_> = array.iter().map(|text| text.get_ref().as_str().map(str::to_owned)).collect();
                texts.map_or(Self::Other, Self::Texts)
            }
            _ => Self::Other,
        }
    }
}

fn table<'t>(name: &str, value: Spanned<DeValue<'t>>) -> Result<DeTable<'t>, Mistake> {
    let offset = value.span().start;
    match value.into_inner() {
        DeValue::Table(table) => Ok(table),
        _ => Err(Mistake { offset, why: format!("{name}: not a table") }),
    }
}

fn unknown(offset: usize, path: &str, known: &[&str]) -> Mistake {
    Mistake { offset, why: format!("{}: not a known key; known are {}", printable(path), known.join(", ")) }
}

/// The line, from 1, in which `offset` lies.
pub(super) fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}
