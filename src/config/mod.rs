//! Where the files are, and what the user wrote about each tenant. Nothing is ever read from the
//! working directory, and only `login` and `trust` write here.

mod edit;
mod file;
mod lookup;
mod pins;
mod protection;
mod settings;
mod skim;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use directories::ProjectDirs;

use self::file::{File, Mistake};
pub use self::pins::{Believer, Place};
use self::settings::Sources;
use self::skim::{Tables, skim};
use crate::credential::{ApiVersion, Fingerprint, Origin, Scopes, Settings, Tenant};
use crate::error::{Error, Kind, Result};
use crate::files;
use crate::seal::Protection;

/// Where the caller of the program wants its files to be.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// From `--config` or `VB365_HELPER_CONFIG`.
    pub config_file: Option<PathBuf>,
    /// From `VB365_HELPER_CACHE_DIR`.
    pub cache_dir: Option<PathBuf>,
    /// From `VB365_HELPER_PROTECTION`, over what the file says.
    pub protection: Option<OsString>,
    /// From `VB365_HELPER_KEY_FILE`, before those of the file.
    pub key_file: Option<PathBuf>,
}

/// What a `login` was told, to be remembered; `None` and empty where it was told nothing.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs, reason = "each field is explained at Settings")]
pub struct Told {
    pub server: Option<Origin>,
    pub organization: Option<String>,
    pub client_id: Option<String>,
    pub scopes: Option<Scopes>,
    pub authority: Option<Origin>,
    pub ca_file: Option<PathBuf>,
    pub pins: Vec<Fingerprint>,
    /// Whether the pins take the place of those before.
    pub replaces_pins: bool,
    pub api_version: Option<ApiVersion>,
}

/// The configuration file and the places of the other files.
#[derive(Debug)]
pub struct Config {
    path: PathBuf,
    cache_dir: PathBuf,
    protection: Protection,
    text: String,
    /// The file; of one that was only skimmed, what all tenants have in common.
    read: File,
    /// Where the tenants' tables stand in a file that was only skimmed.
    tables: Option<Tables>,
    /// That file read as a whole, once somebody needs it.
    whole: OnceLock<Result<File>>,
    /// Whether the file was named and is not there.
    is_missed: bool,
}

impl Config {
    /// Reads the configuration file; where there is none, nothing is configured yet.
    ///
    /// # Errors
    /// Kind `config`, naming file, line and key: not readable, not TOML, a key that is not known,
    /// or a tenant that cannot be one or stands there twice.
    pub fn load(places: &Places) -> Result<Self> {
        Self::load_as(places, Self::parse)
    }

    /// The same for who needs what is configured: a file that was named and is not there is a slip, which
    /// must not pass for an empty one.
    ///
    /// # Errors
    /// As [`Config::load`], and kind `config` for such a file.
    pub fn load_present(places: &Places) -> Result<Self> {
        let config = Self::load(places)?;
        config.missed().map_or(Ok(config), Err)
    }

    /// The same for a call about one tenant, which does not pay for the values of the others.
    ///
    /// # Errors
    /// As [`Config::load_present`], but for those values.
    pub fn load_for_one(places: &Places) -> Result<Self> {
        let config = Self::load_as(places, Self::parse_for_one)?;
        config.missed().map_or(Ok(config), Err)
    }

    fn load_as(places: &Places, parse: fn(PathBuf, String, &Places) -> Result<Self>) -> Result<Self> {
        let default = || Some(own_directories()?.config_dir().join("config.toml"));
        let path = places.config_file.clone().or_else(default).ok_or_else(no_home)?;
        let text = read(&path)?;
        let is_missed = text.is_none() && places.config_file.is_some();
        Ok(Self { is_missed, ..parse(path, text.unwrap_or_default(), places)? })
    }

    /// The configuration that stands as `text` in the file `path`.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn parse(path: PathBuf, text: String, places: &Places) -> Result<Self> {
        let file = File::read(&text).map_err(|mistake| placed(&path, &text, &mistake))?;
        let (cache_dir, protection) = common(&file, &path, &text, places)?;
        Ok(Self::of(path, text, file, None, cache_dir, protection))
    }

    /// The same for a call about one tenant.
    ///
    /// # Errors
    /// As [`Config::load_for_one`].
    pub fn parse_for_one(path: PathBuf, text: String, places: &Places) -> Result<Self> {
        let skimmed = skim(&text).and_then(|(file, tables)| {
            let (cache_dir, protection) = common(&file, &path, &text, places).ok()?;
            Some((file, tables, cache_dir, protection))
        });
        match skimmed {
            Some((file, tables, cache_dir, protection)) => {
                Ok(Self::of(path, text, file, Some(tables), cache_dir, protection))
            }
            // What is wrong is told from the whole file, in which each thing has its place.
            None => Self::parse(path, text, places),
        }
    }

    fn of(
        path: PathBuf,
        text: String,
        read: File,
        tables: Option<Tables>,
        cache_dir: PathBuf,
        protection: Protection,
    ) -> Self {
        Self { path, cache_dir, protection, text, read, tables, whole: OnceLock::new(), is_missed: false }
    }

    /// The configuration file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is wrong where the file was named and is not there.
    pub fn missed(&self) -> Option<Error> {
        let message = format!("the configuration file {} is not there", self.path.display());
        let hint = "name the one that is meant, or make it: vb365-helper login TENANT --server https://HOST:4443";
        self.is_missed.then(|| Error::new(Kind::Config, message).with_hint(hint))
    }

    /// Where the tokens are kept.
    pub fn cache_dir(&self) -> &Path {
        &self.cache_dir
    }

    /// How tokens are protected.
    pub fn protection(&self) -> &Protection {
        &self.protection
    }

    /// The tenants that have a table, as the file spells them, in alphabetical order; none if the file was only
    /// skimmed and is wrong.
    pub fn tenants(&self) -> impl Iterator<Item = &Tenant> {
        self.file().into_iter().flat_map(|file| file.tenants.values()).map(|table| &table.tenant)
    }

    /// Everything about `tenant`: its table, else `[defaults]`, else what is built in.
    ///
    /// # Errors
    /// Kind `config`, naming file, line and key, or the identity host that is not allowed.
    pub fn settings(&self, tenant: &Tenant) -> Result<Settings> {
        self.settings_with(tenant, &Told::default())
    }

    /// The settings as they are once what was `told` is remembered.
    ///
    /// # Errors
    /// As [`Config::settings`]; kind `bad_request`, naming the flag, if what was told is wrong.
    pub fn settings_with(&self, tenant: &Tenant, told: &Told) -> Result<Settings> {
        let whole = || Sources::new(self, self.file()?, tenant, told).settings();
        let Some(own) = self.tables.as_ref().and_then(|tables| tables.own(&self.text, tenant)) else { return whole() };
        let part = File { defaults: self.read.defaults.clone(), prompt: self.read.prompt.clone(), ..own };
        Sources::new(self, &part, tenant, told).settings().or_else(|_| whole())
    }

    /// The whole file.
    ///
    /// # Errors
    /// Kind `config`, naming file, line and key, if it was only skimmed before.
    fn file(&self) -> Result<&File> {
        if self.tables.is_none() {
            return Ok(&self.read);
        }
        let read = || File::read(&self.text).map_err(|mistake| self.mistake(&mistake));
        self.whole.get_or_init(read).as_ref().map_err(Clone::clone)
    }

    fn mistake(&self, mistake: &Mistake) -> Error {
        placed(&self.path, &self.text, mistake)
    }
}

/// Where the tokens are kept, and how they are protected.
fn common(file: &File, path: &Path, text: &str, places: &Places) -> Result<(PathBuf, Protection)> {
    let configured = file.cache.get("dir", |value| settings::path(value, path));
    let configured = configured.map_err(|mistake| placed(path, text, &mistake))?;
    let default = || Some(own_directories()?.data_local_dir().to_owned());
    let cache_dir = places.cache_dir.clone().or(configured).or_else(default).ok_or_else(no_home)?;
    let protection = protection::written(&file.cache, path).map_err(|mistake| placed(path, text, &mistake))?;
    Ok((cache_dir, protection.over(places)?))
}

/// Where the platform keeps a program's own files; asked for only when nobody named a place.
fn own_directories() -> Option<ProjectDirs> {
    ProjectDirs::from("", "", "vb365-helper")
}

/// The file's text; `None` where there is no file.
fn read(path: &Path) -> Result<Option<String>> {
    if path == Path::new("/dev/null") {
        // The usual way to have none.
        return Ok(Some(String::new()));
    }
    match files::read(path) {
        Ok(bytes) => String::from_utf8(bytes).map(Some).map_err(|error| {
            let lines = error.as_bytes()[..error.utf8_error().valid_up_to()].split(|byte| *byte == b'\n');
            told(format!("{}:{}: not UTF-8", path.display(), lines.count()))
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unusable(path, &error)),
    }
}

fn placed(path: &Path, text: &str, mistake: &Mistake) -> Error {
    let line = file::line_of(text, mistake.offset);
    told(format!("{}:{line}: {}", path.display(), mistake.why))
}

/// A mistake in the file; what may stand there is explained by the program itself.
fn told(message: String) -> Error {
    Error::new(Kind::Config, message).with_hint("vb365-helper help config")
}

fn unusable(path: &Path, error: &io::Error) -> Error {
    Error::new(Kind::Config, format!("the configuration file {} cannot be used: {error}", path.display()))
}

fn no_home() -> Error {
    Error::new(Kind::Config, "there is no home directory to keep files in")
        .with_hint("set VB365_HELPER_CONFIG and VB365_HELPER_CACHE_DIR")
}
