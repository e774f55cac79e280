//! Windows' access lists, in the text form that its tools show (SDDL): who may read what is kept here, beside
//! whom the user's own local data directory lets in.

use std::collections::BTreeSet;

/// The system, its administrators, and whoever owns or makes a file: they can read any file, or it is theirs.
const ALWAYS: [&str; 4] = ["SY", "BA", "OW", "CO"];
/// Groups that nobody means when they say who may read tokens: everyone, who is signed in, users, guests,
/// whoever sits at the machine or came over the network, a domain's users and guests, apps.
const NEVER: [&str; 12] = ["WD", "AU", "BU", "BG", "AN", "IU", "NU", "DU", "DG", "DC", "AC", "RC"];

/// Whether the list of `sddl` lets anybody in but its owner, [`ALWAYS`] and `own`.
fn lets_others_in(sddl: &str, own: &BTreeSet<String>) -> bool {
    let owner = sddl.strip_prefix("O:").and_then(|rest| rest.split("G:").next()?.split("D:").next());
    match sddl.split_once("D:") {
        Some((_, list)) if !list.contains("NO_ACCESS_CONTROL") => {
            let is_known = |who: &str| ALWAYS.contains(&who) || own.contains(who) || owner == Some(who);
            allowed(sddl).any(|who| !is_known(who))
        }
        // No list lets everybody in.
        _ => true,
    }
}

/// Those whom the list of `sddl` lets in, on purpose.
fn trusted(sddl: &str) -> BTreeSet<String> {
    allowed(sddl).filter(|who| !NEVER.contains(who)).map(str::to_owned).collect()
}

/// A list that lets in `own` and [`ALWAYS`], also to what is made in the directory later, and inherits nothing.
fn private(own: &BTreeSet<String>) -> String {
    let who: BTreeSet<&str> = own.iter().map(String::as_str).chain(ALWAYS).collect();
    let entries: String = who.iter().map(|who| format!("(A;OICI;FA;;;{who})")).collect();
    format!("D:P{entries}")
}

/// Those whom any of the entries allows anything: `(TYPE;FLAGS;RIGHTS;OBJECT;INHERITED;WHO)`, and in one of a
/// conditional type a condition behind it.
fn allowed(sddl: &str) -> impl Iterator<Item = &str> {
    let list = sddl.split_once("D:").map_or("", |(_, list)| list);
    list.split('(').skip(1).filter_map(|entry| {
        let fields: Vec<_> = entry.split([';', ')']).collect();
        let ["A" | "OA" | "XA" | "ZA", _, _, _, _, who, ..] = fields[..] else { return None };
        Some(who)
    })
}

#[cfg(windows)]
pub(super) use self::on_windows::{is_exposed, make_private};

#[cfg(windows)]
mod on_windows {
    use std::collections::BTreeSet;
    use std::fs;
    use std::io;
    use std::path::Path;
    use std::sync::OnceLock;

    use directories::BaseDirs;
    use windows_permissions::constants::{SeObjectType::SE_FILE_OBJECT, SecurityInformation};
    use windows_permissions::wrappers::{
        ConvertSecurityDescriptorToStringSecurityDescriptor, GetNamedSecurityInfo, SetNamedSecurityInfo,
    };
    use windows_permissions::{LocalBox, SecurityDescriptor};

    /// Whether anybody may read `path` whom the user's local data directory does not let in as well.
    pub(in crate::cache::file) fn is_exposed(path: &Path) -> bool {
        // What cannot be asked, as a list on a server without any, is not said to be wrong.
        sddl(path).is_ok_and(|sddl| super::lets_others_in(&sddl, own()))
    }

    /// Lets nobody into `dir` but those.
    pub(in crate::cache::file) fn make_private(dir: &Path) -> io::Result<()> {
        let list: LocalBox<SecurityDescriptor> = super::private(own()).parse()?;
        let what = SecurityInformation::Dacl | SecurityInformation::ProtectedDacl;
        SetNamedSecurityInfo(&fs::canonicalize(dir)?, SE_FILE_OBJECT, what, None, None, list.dacl(), None)
    }

    /// Whom the local data directory lets in, which is asked once.
    fn own() -> &'static BTreeSet<String> {
        static OWN: OnceLock<BTreeSet<String>> = OnceLock::new();
        OWN.get_or_init(|| {
            let sddl = BaseDirs::new().and_then(|dirs| sddl(dirs.data_local_dir()).ok());
            sddl.map(|sddl| super::trusted(&sddl)).unwrap_or_default()
        })
    }

    fn sddl(path: &Path) -> io::Result<String> {
        let what = SecurityInformation::Owner | SecurityInformation::Dacl;
        // In the form that has no limit of length.
        let list = GetNamedSecurityInfo(&fs::canonicalize(path)?, SE_FILE_OBJECT, what)?;
        Ok(ConvertSecurityDescriptorToStringSecurityDescriptor(&list, what)?.to_string_lossy().into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USER: &str = "S-1-5-21-1-2-3-1001";

    fn own() -> BTreeSet<String> {
        trusted(&format!("O:SYD:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FA;;;{USER})(A;;0x1200a9;;;BU)"))
    }

    #[test]
    fn whom_the_profile_lets_in_on_purpose_is_trusted() {
        assert_eq!(own(), BTreeSet::from(["BA", "SY", USER].map(str::to_owned)));
    }

    #[test]
    fn only_others_are_told_of() {
        let is_exposed = |list: &str| lets_others_in(list, &own());
        for good in [
            format!("O:BAD:AI(A;OICIID;FA;;;SY)(A;OICIID;FA;;;BA)(A;OICIID;FA;;;{USER})"),
            "O:S-1-5-21-9G:S-1-5-21-9-513D:(A;;FA;;;S-1-5-21-9)(A;OICIIO;GA;;;CO)".into(),
            "O:BAG:BAD:P(D;;FA;;;WD)(A;;FA;;;OW)".into(),
            "O:BAD:P".into(),
        ] {
            assert!(!is_exposed(&good), "{good}");
        }
        for bad in [
            format!("O:BAD:AI(A;OICIID;FA;;;{USER})(A;OICIID;0x1200a9;;;BU)"),
            format!("O:{USER}D:(A;;FA;;;S-1-5-21-1-2-3-1002)"),
            "O:BAD:(XA;;FR;;;WD;(@User.clearance>1))".into(),
            "O:BAD:NO_ACCESS_CONTROL".into(),
            "O:BA".into(),
        ] {
            assert!(is_exposed(&bad), "{bad}");
        }
    }

    #[test]
    fn a_private_list_lets_in_the_same_and_inherits_nothing() {
        let list = private(&own());
        assert!(list.starts_with("D:P(A;OICI;FA;;;BA)") && list.contains(USER), "{list}");
        assert!(!lets_others_in(&list, &own()) && lets_others_in(&list, &BTreeSet::new()), "{list}");
    }

    #[cfg(windows)]
    #[test]
    fn what_was_made_private_is_exposed_no_longer() {
        use windows_permissions::constants::{SeObjectType::SE_FILE_OBJECT, SecurityInformation};
        use windows_permissions::wrappers::SetNamedSecurityInfo;
        use windows_permissions::{LocalBox, SecurityDescriptor};
        let dir = tempfile::tempdir().unwrap();
        let wide: LocalBox<SecurityDescriptor> = "D:(A;OICI;FA;;;OW)(A;OICI;FR;;;WD)".parse().unwrap();
        SetNamedSecurityInfo(dir.path(), SE_FILE_OBJECT, SecurityInformation::Dacl, None, None, wide.dacl(), None)
            .unwrap();
        assert!(is_exposed(dir.path()));
        make_private(dir.path()).unwrap();
        assert!(!is_exposed(dir.path()));
        std::fs::write(dir.path().join("file"), "its owner can still write").unwrap();
    }
}
