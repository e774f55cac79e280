use std::fs;

use super::*;

const NAME: &str = "tenants/abc.com";
const OUTLINE: &str = r#"{"tenant":"abc.com"}"#;

fn text() -> Secret<Vec<u8>> {
    Secret::new(b"canary-of-a-token".to_vec())
}

/// What would stand under [`NAME`] with this outline.
fn sealed(vault: &Vault, outline: &str) -> Option<Secret<Vec<u8>>> {
    vault.seal(NAME, &text(), || Ok(Secret::new(outline.as_bytes().to_vec()))).unwrap()
}

/// A vault with keys from files that hold these bytes over and over.
fn vault(dir: &tempfile::TempDir, bytes: &[u8]) -> Vault {
    let key_files = bytes.iter().map(|byte| {
        let path = dir.path().join(format!("key-{byte}"));
        fs::write(&path, [*byte; 32]).unwrap();
        path
    });
    Vault::new(Protection { mode: Mode::KeyFile, key_files: key_files.collect() })
}

fn damage(vault: &Vault, name: &str, file: Vec<u8>) -> String {
    match vault.open(name, Secret::new(file)) {
        Err(Unopened::Damaged(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_was_sealed_is_opened_again_and_shows_nothing_meanwhile() {
    let dir = tempfile::tempdir().unwrap();
    let vault = vault(&dir, &[1]);
    let file = sealed(&vault, OUTLINE).unwrap();
    let shown = String::from_utf8(file.expose().clone()).unwrap();
    assert!(!shown.contains("canary") && shown.contains(OUTLINE) && shown.contains(r#""protection":"key_file""#));
    let opened = vault.open(NAME, file.clone()).unwrap();
    assert_eq!((opened.text, opened.guard), (text(), Some(Guard::KeyFile)));
    let outline = Vault::outline(file.clone()).unwrap();
    assert_eq!(outline.text.expose(), OUTLINE.as_bytes());
    // No nonce is used twice.
    assert_ne!(sealed(&vault, OUTLINE).unwrap(), file);
}

#[test]
fn a_change_of_any_byte_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let vault = vault(&dir, &[1]);
    let file = sealed(&vault, OUTLINE).unwrap();
    let end = file.expose().len() - 1;
    for at in 0..end {
        for flip in [0x01, 0x20, 0x80] {
            let mut changed = file.expose().clone();
            changed[at] ^= flip;
            let changed = Secret::new(changed);
            match vault.open(NAME, changed.clone()) {
                Err(_) => {}
                // Not sealed by the look of it: then it is no entry either.
                Ok(opened) => assert_eq!((opened.guard, opened.text), (None, changed), "byte {at}"),
            }
        }
    }
    for cut in [1, end / 2, end] {
        let mut changed = file.expose().clone();
        changed.truncate(end - cut);
        if changed.starts_with(br#"{"version":2,"header":"#) {
            damage(&vault, NAME, changed);
        }
    }
}

#[test]
fn no_file_passes_for_anothers() {
    let dir = tempfile::tempdir().unwrap();
    let vault = vault(&dir, &[1]);
    let file = sealed(&vault, OUTLINE).unwrap();
    for other in ["tenants/abd.com", "hosts/abc.com", "tenants/abc.com ", ""] {
        assert_eq!(damage(&vault, other, file.expose().clone()), "it was altered, or belongs to another name");
    }
}

#[test]
fn a_header_of_another_file_is_not_believed() {
    let dir = tempfile::tempdir().unwrap();
    let vault = vault(&dir, &[1]);
    let file = |outline| String::from_utf8(sealed(&vault, outline).unwrap().expose().clone()).unwrap();
    let (own, other) = (file(OUTLINE), file(r#"{"tenant":"abc.com","entra":[]}"#));
    let (head, tail) = (other.split(r#","sealed""#).next().unwrap(), own.split(r#","sealed""#).nth(1).unwrap());
    let mixed = format!(r#"{head},"sealed"{tail}"#);
    assert_eq!(damage(&vault, NAME, mixed.into_bytes()), "it was altered, or belongs to another name");
}

#[test]
fn the_first_key_seals_and_all_open() {
    let dir = tempfile::tempdir().unwrap();
    let file = sealed(&vault(&dir, &[1]), OUTLINE).unwrap();
    let both = vault(&dir, &[2, 1]);
    assert_eq!(both.open(NAME, file.clone()).unwrap().text, text());
    assert!(!both.is_up_to_date(&file).unwrap());
    let newer = sealed(&both, OUTLINE).unwrap();
    assert!(both.is_up_to_date(&newer).unwrap());
    let only = vault(&dir, &[2]);
    assert_eq!(only.open(NAME, newer).unwrap().text, text());
    match only.open(NAME, file) {
        Err(Unopened::Lost(why)) => assert!(why.starts_with("it is sealed with the key "), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_write_asks_anew_which_key_seals() {
    let dir = tempfile::tempdir().unwrap();
    let vault = vault(&dir, &[1]);
    let before = sealed(&vault, OUTLINE).unwrap();
    fs::write(dir.path().join("key-1"), [2; 32]).unwrap();
    let after = sealed(&vault, OUTLINE).unwrap();
    let fresh = Vault::new(vault.protection.clone());
    assert_eq!(fresh.open(NAME, after).unwrap().text, text());
    assert!(matches!(fresh.open(NAME, before), Err(Unopened::Lost(_))));
}

#[test]
fn a_key_file_that_cannot_be_used_now_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let own = vault(&dir, &[1]);
    let file = sealed(&own, OUTLINE).unwrap();
    let path = dir.path().join("key-1");
    let why = |content: Option<&[u8]>| {
        let _ = fs::remove_file(&path);
        if let Some(content) = content {
            fs::write(&path, content).unwrap();
        }
        let vault = Vault::new(own.protection.clone());
        assert_eq!(vault.guard().unwrap_err().kind(), Kind::Cache);
        match vault.open(NAME, file.clone()) {
            Err(Unopened::Away(error)) => error.message().to_owned(),
            other => panic!("{other:?}"),
        }
    };
    assert!(why(None).contains(" cannot be read: "));
    assert!(why(Some(b"short")).ends_with(" has 5 bytes, and a key has 32"));
    assert!(why(Some(&[1; 33])).ends_with(" has 33 bytes, and a key has 32"));
    let nobody = Vault::new(Protection { mode: Mode::KeyFile, key_files: Vec::new() });
    assert!(matches!(nobody.open(NAME, file), Err(Unopened::Away(_))));
}

#[test]
fn what_is_not_sealed_goes_through_as_it_is() {
    let vault = Vault::new(Protection { mode: Mode::Plain, key_files: Vec::new() });
    assert_eq!(sealed(&vault, OUTLINE), None);
    assert!(vault.is_up_to_date(&text()).unwrap());
    let opened = vault.open(NAME, text()).unwrap();
    assert_eq!((opened.text, opened.guard), (text(), None));
}

#[test]
fn keys_show_neither_themselves_nor_each_other() {
    let (one, other) = (Key::read(&[1; 32]).unwrap(), Key::read(&[2; 32]).unwrap());
    assert_ne!(one.name(), other.name());
    assert_eq!(one.name().len(), 16);
    assert_eq!(format!("{one:?}"), "[redacted]");
}
