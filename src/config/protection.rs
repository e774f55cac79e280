//! How tokens are protected on disk, under `[cache]`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use toml_edit::{Array, DocumentMut, Item, TableLike};

use super::edit::{appended, put, put_value, with_lines_of};
use super::file::{File, Mistake, Section, Value};
use super::settings::path;
use super::{Config, Places, told};
use crate::error::Result;
use crate::host::Clock;
use crate::seal::{Mode, Protection};

const MODE: &str = "protection";
const KEY_FILE: &str = "key_file";
/// Names a mode over the file's.
const VARIABLE: &str = "VB365_HELPER_PROTECTION";

/// What `cache` says of it.
pub(super) struct Written {
    mode: Option<Mode>,
    key_files: Vec<PathBuf>,
}

/// Reads that.
pub(super) fn written(cache: &Section, config: &Path) -> Result<Written, Mistake> {
    let key_files = cache.get(KEY_FILE, |value| {
        let texts = value.one_or_more_texts()?.iter();
        texts.map(|text| path(&Value::Text(text.clone()), config)).collect()
    })?;
    Ok(Written { mode: cache.get(MODE, |value| mode(value.text()?))?, key_files: key_files.unwrap_or_default() })
}

impl Written {
    /// What counts, where the environment says more.
    ///
    /// # Errors
    /// Kind `config`: it names no protection, or a key file is missing.
    pub(super) fn over(self, places: &Places) -> Result<Protection> {
        let named = |name: &OsString| mode(&name.to_string_lossy()).map_err(|why| told(format!("{VARIABLE}: {why}")));
        let mode = places.protection.as_ref().map(named).transpose()?.or(self.mode);
        let key_files: Vec<_> = places.key_file.iter().cloned().chain(self.key_files).collect();
        match mode {
            Some(Mode::KeyFile) if key_files.is_empty() => {
                Err(told("the protection key_file needs [cache] key_file, a file with a key of 32 bytes".to_owned()))
            }
            Some(mode) => Ok(Protection { mode, key_files }),
            // Nobody names a key for nothing.
            None => Ok(Protection { mode: if key_files.is_empty() { Mode::Auto } else { Mode::KeyFile }, key_files }),
        }
    }
}

fn mode(text: &str) -> Result<Mode, String> {
    let named = Mode::ALL.into_iter().find(|(_, name)| *name == text);
    named.map(|(mode, _)| mode).ok_or_else(|| {
        let names: Vec<_> = Mode::ALL.iter().map(|(_, name)| *name).collect();
        format!("not one of {}", names.join(", "))
    })
}

impl Config {
    /// Writes that tokens are to be protected so.
    ///
    /// # Errors
    /// Kind `config`, naming the file, which is as it was.
    pub fn protect(&self, protection: &Protection, clock: &dyn Clock) -> Result<()> {
        self.rewrite(clock, &|text| edited(text, protection))
    }
}

fn edited(old: &str, protection: &Protection) -> Result<Option<String>, Mistake> {
    File::read(old)?;
    let by_hand = || Mistake { offset: 0, why: "[cache] must be changed by hand here".to_owned() };
    let mut document: DocumentMut = old.parse().map_err(|_| by_hand())?;
    let before = document.to_string();
    let new = if document.contains_key("cache") {
        let table = document.get_mut("cache").and_then(Item::as_table_like_mut).ok_or_else(by_hand)?;
        write(table, protection);
        let after = document.to_string();
        if after == before { old.to_owned() } else { with_lines_of(old, &after) }
    } else {
        let mut table = toml_edit::Table::new();
        write(&mut table, protection);
        appended(old, &format!("[cache]\n{table}"))
    };
    if new == old {
        return Ok(None);
    }
    File::read(&new).map_err(|_| by_hand())?;
    Ok(Some(new))
}

fn write(table: &mut dyn TableLike, protection: &Protection) {
    put(table, MODE, Some(protection.mode.name()));
    let files: Vec<_> = protection.key_files.iter().filter_map(|file| file.to_str()).collect();
    match files.as_slice() {
        [] => drop(table.remove(KEY_FILE)),
        [only] => put(table, KEY_FILE, Some(only)),
        several => put_value(table, KEY_FILE, several.iter().copied().collect::<Array>().into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    /// What counts where this stands under `[cache]`, and the environment says so much more.
    fn counts(cache: &str, protection: Option<&str>, key_file: Option<&str>) -> Result<Protection> {
        let places = Places {
            cache_dir: Some("cache".into()),
            protection: protection.map(OsString::from),
            key_file: key_file.map(PathBuf::from),
            ..Places::default()
        };
        let config = Config::parse("/etc/config.toml".into(), format!("[cache]\n{cache}"), &places)?;
        Ok(config.protection().clone())
    }

    #[test]
    fn nobody_names_a_key_for_nothing_and_the_environment_decides() {
        let protection =
            |mode, key_files: &[&str]| Protection { mode, key_files: key_files.iter().map(PathBuf::from).collect() };
        let one = "key_file = \"/one\"\n";
        assert_eq!(counts("", None, None).unwrap(), protection(Mode::Auto, &[]));
        assert_eq!(counts(one, None, None).unwrap(), protection(Mode::KeyFile, &["/one"]));
        assert_eq!(counts("", None, Some("/two")).unwrap(), protection(Mode::KeyFile, &["/two"]));
        // The environment's key seals, and the file's still open.
        assert_eq!(counts(one, None, Some("/two")).unwrap(), protection(Mode::KeyFile, &["/two", "/one"]));
        assert_eq!(counts("protection = \"none\"\n", None, Some("/two")).unwrap(), protection(Mode::Plain, &["/two"]));
        assert_eq!(counts(one, Some("os"), None).unwrap(), protection(Mode::Os, &["/one"]));
        for error in [
            counts("protection = \"key_file\"\n", None, None),
            counts("", Some("key_file"), None),
            counts("", Some("x"), None),
        ] {
            assert_eq!(error.unwrap_err().kind(), Kind::Config);
        }
    }

    #[test]
    fn every_mode_has_its_own_name() {
        for (mode, name) in Mode::ALL {
            assert_eq!((mode.name(), super::mode(name)), (name, Ok(mode)));
        }
    }
}
