//! Writes what `login` and `trust` were told into the configuration file, and leaves every other byte of it as
//! the user wrote it: comments, order, line ends.

use std::path::Path;

use toml_edit::{Array, DocumentMut, Item, Key, Table, TableLike, Value};

use super::file::{File, Mistake, Section};
use super::{Believer, Config, Place, Told, placed, read, settings, unusable};
use crate::credential::{Fingerprint, Origin, Tenant};
use crate::error::Result;
use crate::files::{check_replaceable, lock, make_directory, replace, target};
use crate::host::Clock;
use crate::text::end_of_line;

/// Editors of Windows put it before the text, where toml_edit would drop it.
const BYTE_ORDER_MARK: &str = "\u{feff}";
/// First line of a new file.
const GREETING: &str = "# Settings of vb365-helper; the keys are explained in its README under \"Configuration\".\n";

impl Config {
    /// Gives `tenant` a table with what was told about it: [`Config::settings_with`] the same are then the
    /// settings. A file that says all that already is not touched.
    ///
    /// # Errors
    /// Kind `config`, naming the file, which is as it was, and what to write there; `bad_request`, naming the flag.
    pub fn remember(&self, tenant: &Tenant, told: &Told, clock: &dyn Clock) -> Result<()> {
        let told = told.checked()?;
        self.rewrite(clock, &|text| edited(text, tenant, &told)).map_err(|error| {
            let mut own = Table::new();
            put_told(&mut own, &self.read.defaults, &told);
            let lines = own.to_string().trim_end().replace('\n', "; ");
            error.with_hint(format!("write it there by hand, under [tenants.\"{tenant}\"]: {lines}"))
        })
    }

    /// Has `edit` change the file's text; where it changes nothing, the file is not touched.
    ///
    /// # Errors
    /// Kind `config`, naming the file, which is as it was.
    pub(super) fn rewrite(&self, clock: &dyn Clock, edit: &Edit<'_>) -> Result<()> {
        let path = target(&self.path);
        // Without a lock at first: the file may be where nobody can write, and complete.
        if rewritten(&path, edit)?.is_none() {
            return Ok(());
        }
        // Before a lock file is left beside a device.
        check_replaceable(&path).map_err(|error| unusable(&path, &error))?;
        path.parent().map_or(Ok(()), make_directory).map_err(|error| unusable(&path, &error))?;
        let _lock = lock(&path, clock)?;
        match rewritten(&path, edit)? {
            Some(text) => replace(&path, &text).map_err(|error| unusable(&path, &error)),
            None => Ok(()),
        }
    }
}

/// What becomes of the file's text; `None` if nothing does.
pub(super) type Edit<'a> = dyn Fn(&str) -> Result<Option<String>, Mistake> + 'a;

/// The file's text after `edit`; `None` if that changes nothing.
fn rewritten(path: &Path, edit: &Edit<'_>) -> Result<Option<String>> {
    let old = read(path)?.unwrap_or_default();
    let (mark, text) = match old.strip_prefix(BYTE_ORDER_MARK) {
        Some(text) => (BYTE_ORDER_MARK, text),
        None => ("", old.as_str()),
    };
    let new = edit(text).map_err(|mistake| placed(path, text, &mistake))?;
    Ok(new.map(|new| format!("{mark}{new}")))
}

fn edited(old: &str, tenant: &Tenant, told: &Told) -> Result<Option<String>, Mistake> {
    let file = File::read(old)?;
    let by_hand = || Mistake { offset: 0, why: format!("[tenants.\"{tenant}\"] must be changed by hand here") };
    let mut document: DocumentMut = old.parse().map_err(|_| by_hand())?;
    let new = match file.tenants.get(tenant.key()) {
        Some(table) => {
            let before = document.to_string();
            let own = document.get_mut("tenants").and_then(Item::as_table_like_mut);
            let own = own.and_then(|tenants| tenants.get_mut(table.tenant.as_str())?.as_table_like_mut());
            put_told(own.ok_or_else(by_hand)?, &file.defaults, told);
            let after = document.to_string();
            if after == before { old.to_owned() } else { with_lines_of(old, &after) }
        }
        None => {
            let mut own = Table::new();
            put_told(&mut own, &file.defaults, told);
            match document.get_mut("tenants").and_then(Item::as_inline_table_mut) {
                Some(tenants) => {
                    tenants.insert(tenant.as_str(), own.into_inline_table().into());
                    with_lines_of(old, &document.to_string())
                }
                None => appended(old, &format!("[tenants.\"{tenant}\"]\n{own}")),
            }
        }
    };
    if new == old {
        return Ok(None);
    }
    // A file in a style that nobody thought of is better left alone than broken.
    File::read(&new).map_err(|_| by_hand())?;
    Ok(Some(new))
}

/// The text with what was told to each of `believers`, which stand there.
pub(super) fn pinned(
    old: &str,
    believers: &[&Believer],
    told: &dyn Fn(&Believer) -> Told,
) -> Result<Option<String>, Mistake> {
    let (file, nothing) = (File::read(old)?, Section::default());
    let by_hand = || Mistake { offset: 0, why: "pin_sha256 must be written by hand here".to_owned() };
    let mut document: DocumentMut = old.parse().map_err(|_| by_hand())?;
    let before = document.to_string();
    for believer in believers {
        let table = match &believer.place {
            Place::Defaults => document.get_mut("defaults"),
            Place::Tenant(tenant) => {
                let name = file.tenants.get(tenant.key()).map_or(tenant, |table| &table.tenant);
                let tenants = document.get_mut("tenants").and_then(Item::as_table_like_mut);
                tenants.and_then(|tenants| tenants.get_mut(name.as_str()))
            }
        };
        let table = table.and_then(Item::as_table_like_mut).ok_or_else(by_hand)?;
        put_pins(table, believer.place.inherits(&file.defaults, &nothing), &told(believer));
    }
    let after = document.to_string();
    if after == before {
        return Ok(None);
    }
    let new = with_lines_of(old, &after);
    File::read(&new).map_err(|_| by_hand())?;
    Ok(Some(new))
}

/// `old` with `table` behind a blank line: at the end, so that no comment changes the table it is in.
pub(super) fn appended(old: &str, table: &str) -> String {
    let start = if old.is_empty() { GREETING } else { old };
    let unfinished = if start.ends_with('\n') { "" } else { "\n" };
    let end_of_line = end_of_line(old);
    format!("{start}{}", format!("{unfinished}\n{table}").replace('\n', end_of_line))
}

/// `new`, with the line ends of `old`, byte for byte, in all lines before and behind the change.
pub(super) fn with_lines_of(old: &str, new: &str) -> String {
    let bare = |line: &str| line.trim_end_matches(['\r', '\n']).to_owned();
    let (old_lines, new_lines): (Vec<_>, Vec<_>) =
        (old.split_inclusive('\n').collect(), new.split_inclusive('\n').collect());
    let same = |(old, new): &(&&str, &&str)| bare(old) == bare(new);
    let before = old_lines.iter().zip(&new_lines).take_while(same).count();
    let rest = old_lines.len().min(new_lines.len()) - before;
    let behind = old_lines.iter().rev().zip(new_lines.iter().rev()).take(rest).take_while(same).count();
    let changed = new_lines[before..new_lines.len() - behind].iter();
    let changed = changed.map(|line| format!("{}{}", bare(line), end_of_line(old)));
    let mut text = String::new();
    let kept = |line: &&str| (*line).to_owned();
    let head = old_lines[..before].iter().map(kept);
    for line in head.chain(changed).chain(old_lines[old_lines.len() - behind..].iter().map(kept)) {
        if !text.is_empty() && !text.ends_with('\n') {
            text.push_str(end_of_line(old));
        }
        text.push_str(&line);
    }
    text
}

/// Puts what was told into a tenant's table that stands over `defaults`.
fn put_told(table: &mut dyn TableLike, defaults: &Section, told: &Told) {
    put_server(table, defaults, told.server.as_ref());
    put(table, "organization", told.organization.as_deref());
    put(table, "api_version", told.api_version.map(|version| version.as_str()));
    put(table, "client_id", told.client_id.as_deref());
    if let Some(scopes) = &told.scopes
        && texts(table.get("scopes")) != scopes.as_slice()
    {
        put_value(table, "scopes", scopes.as_slice().iter().collect::<Array>().into());
    }
    put(table, "authority", told.authority.as_ref().map(Origin::as_str));
    put(table, "ca_file", told.ca_file.as_deref().and_then(Path::to_str));
    put_pins(table, defaults, told);
}

/// Adds a server behind those of the table: the first stays the default.
fn put_server(table: &mut dyn TableLike, defaults: &Section, server: Option<&Origin>) {
    let Some(server) = server else { return };
    let written = [texts(table.get("server")), texts(table.get("servers"))].concat();
    let known = |text: &String| text.parse().as_ref() == Ok(server);
    if written.iter().any(known) {
        return;
    }
    if let Some(servers) = table.get_mut("servers").and_then(Item::as_array_mut) {
        servers.push(server.as_str());
    } else if let Some(first) = written.first() {
        rename(table, "server", "servers");
        put_value(table, "servers", [first.as_str(), server.as_str()].into_iter().collect::<Array>().into());
    } else if !settings::servers(defaults).is_ok_and(|servers| servers.contains(server)) {
        put(table, "server", Some(server.as_str()));
    }
}

/// Adds pins to those that count for the tenant now, or puts them in their place.
fn put_pins(table: &mut dyn TableLike, defaults: &Section, told: &Told) {
    if told.replaces_pins {
        put_value(table, "pin_sha256", told.pins.iter().map(Fingerprint::to_string).collect::<Array>().into());
        return;
    }
    let own = table.get("pin_sha256");
    let written = match own {
        Some(_) => texts(own),
        None => {
            defaults.get("pin_sha256", |pins| Ok(pins.one_or_more_texts()?.to_vec())).ok().flatten().unwrap_or_default()
        }
    };
    let mut known: Vec<Fingerprint> = written.iter().filter_map(|text| text.parse().ok()).collect();
    let mut array = own.and_then(Item::as_array).cloned().unwrap_or_else(|| written.iter().collect());
    for pin in &told.pins {
        if !known.contains(pin) {
            known.push(*pin);
            array.push(pin.to_string());
        }
    }
    if array.len() > written.len() {
        put_value(table, "pin_sha256", array.into());
    }
}

/// The strings of an array, or the one that stands alone.
fn texts(item: Option<&Item>) -> Vec<String> {
    match item.and_then(Item::as_value) {
        Some(Value::Array(array)) => array.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Some(value) => value.as_str().map(str::to_owned).into_iter().collect(),
        None => Vec::new(),
    }
}

pub(super) fn put(table: &mut dyn TableLike, key: &str, text: Option<&str>) {
    if let Some(text) = text
        && table.get(key).and_then(Item::as_str) != Some(text)
    {
        put_value(table, key, text.into());
    }
}

/// Sets a key, and keeps the comment behind its old value.
pub(super) fn put_value(table: &mut dyn TableLike, key: &str, mut value: Value) {
    match table.get_mut(key) {
        Some(item) => {
            if let Some(old) = item.as_value() {
                *value.decor_mut() = old.decor().clone();
            }
            *item = Item::Value(value);
        }
        None => {
            table.insert(key, Item::Value(value));
        }
    }
}

/// Renames a key where it stands, with the comments above it.
fn rename(table: &mut dyn TableLike, from: &str, to: &str) {
    let entries: Vec<_> =
        table.iter().filter_map(|(name, item)| Some((table.key(name)?.clone(), item.clone()))).collect();
    table.clear();
    for (key, item) in entries {
        let renamed =
            || Key::new(to).with_leaf_decor(key.leaf_decor().clone()).with_dotted_decor(key.dotted_decor().clone());
        let key = if key.get() == from { renamed() } else { key };
        table.entry_format(&key).or_insert(item);
    }
}
