//! The name of a tenant, which is also the name of its files: what it may consist of is decided
//! here, so that nothing else ever reaches the file system.

use std::fmt;
use std::str::FromStr;

/// A Microsoft 365 organization in Entra: its domain name or directory id.
///
/// Kept as typed; [`Tenant::file_name`] is the one form that reaches the file system.
#[derive(Clone, Debug)]
pub struct Tenant {
    typed: String,
    key: String,
}

/// Longest tenant name: with the longest ending of its files it fills a file name of 255 bytes.
const LONGEST_TENANT: usize = 240;

/// Device names of Windows, which shadow every file `NAME.anything` in every directory.
const WINDOWS_DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];

impl Tenant {
    /// Lower case: tenants that differ in case alone are one.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The name of its files, without their endings. Windows takes a device's name for the device whatever stands
    /// behind its first dot; with a mark before it, which no tenant's name can have, it is a name like any other.
    pub fn file_name(&self) -> String {
        let mark = if is_windows_device(&self.key) { "_" } else { "" };
        format!("{mark}{}", self.key)
    }

    /// The tenant of which this is the [`Tenant::file_name`].
    pub fn from_file_name(name: &str) -> Option<Self> {
        let tenant: Self = name.strip_prefix('_').unwrap_or(name).parse().ok()?;
        tenant.file_name().eq_ignore_ascii_case(name).then_some(tenant)
    }

    /// The name as it was typed.
    pub fn as_str(&self) -> &str {
        &self.typed
    }
}

impl FromStr for Tenant {
    type Err = String;

    fn from_str(typed: &str) -> Result<Self, String> {
        let key = typed.to_ascii_lowercase();
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
        if key.is_empty() {
            return Err("a tenant name cannot be empty".into());
        }
        if key.len() > LONGEST_TENANT {
            return Err(format!("a tenant name has at most {LONGEST_TENANT} characters"));
        }
        if !key.chars().all(allowed) {
            return Err("a tenant name consists of ASCII letters, digits, '.' and '-'".into());
        }
        if key.split('.').any(str::is_empty) || key.starts_with('-') {
            return Err("a tenant name is a domain name or a directory id".into());
        }
        if ["common", "organizations", "consumers"].contains(&key.as_str()) {
            return Err(format!("'{key}' is no tenant: name the organization, as in abc.onmicrosoft.com"));
        }
        if key.ends_with(".login") {
            // `abc.login` would share its lock file with the sign-in of `abc`.
            return Err("a tenant name cannot end in '.login'".into());
        }
        Ok(Self { typed: typed.to_owned(), key })
    }
}

/// Whether Windows would take a file of this name, lower-cased, for a device.
pub(super) fn is_windows_device(key: &str) -> bool {
    let stem = key.split('.').next().unwrap_or(key);
    let numbered = (stem.starts_with("com") || stem.starts_with("lpt"))
        && stem.len() == 4
        && stem.ends_with(|c: char| c.is_ascii_digit());
    numbered || WINDOWS_DEVICES.contains(&stem)
}

impl PartialEq for Tenant {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Tenant {}

impl fmt::Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.typed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenants_are_domain_names_and_ids_in_any_case() {
        let tenant: Tenant = "Abc.OnMicrosoft.com".parse().unwrap();
        assert_eq!((tenant.key(), tenant.as_str()), ("abc.onmicrosoft.com", "Abc.OnMicrosoft.com"));
        assert_eq!(tenant, "ABC.onmicrosoft.COM".parse().unwrap());
        assert!("72f988bf-86f1-41af-91ab-2d7cd011db47".parse::<Tenant>().is_ok());
    }

    #[test]
    fn nothing_else_reaches_the_file_system() {
        let long = format!("{}.com", "a".repeat(240));
        for wrong in [
            "",
            ".",
            "..",
            "../abc.com",
            "abc/def",
            "abc\\def",
            "abc.com.",
            ".abc.com",
            "a..b",
            "-abc.com",
            "abc com",
            "abc\0.com",
            "\u{e4}bc.com",
            "abc_def.com",
            "common",
            "Organizations",
            "consumers",
            "abc.login",
            &long,
        ] {
            assert!(wrong.parse::<Tenant>().is_err(), "{wrong:?} was taken");
        }
    }

    #[test]
    fn a_name_that_windows_has_for_a_device_is_marked_in_its_files() {
        for (name, file) in [
            ("CON", "_con"),
            ("nul.com", "_nul.com"),
            ("com1", "_com1"),
            ("LPT9.onmicrosoft.com", "_lpt9.onmicrosoft.com"),
            ("company.com", "company.com"),
            ("com10.com", "com10.com"),
        ] {
            let tenant: Tenant = name.parse().unwrap();
            assert_eq!(tenant.file_name(), file);
            assert_eq!(Tenant::from_file_name(file), Some(tenant));
        }
        for none in ["nul.com", "_company.com", "__nul.com", "_", ""] {
            assert_eq!(Tenant::from_file_name(none), None, "{none}");
        }
    }
}
