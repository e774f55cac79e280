//! Where a pin belongs: with everybody who has the server, and nobody else.

use super::*;
use crate::config::Place;

const B: &str = "https://b";

/// The places in which the certificate of `https://b` is decided about, and the file once it is pinned there.
fn pinned(text: &str, only: Option<&str>, is_replacing: bool) -> (Vec<String>, String) {
    let home = Home::new(text);
    let config = home.load().unwrap();
    let only = only.map(|tenant| tenant.parse().unwrap());
    let believers = config.believers(&origin(B), only.as_ref()).unwrap();
    let all: Vec<_> = believers.iter().collect();
    config.pin(&all, OTHER_PIN.parse().unwrap(), is_replacing, &FakeClock::default()).unwrap();
    let pinned = home.load().unwrap();
    for believer in pinned.believers(&origin(B), only.as_ref()).unwrap() {
        assert!(believer.trust.pins.contains(&OTHER_PIN.parse().unwrap()), "{believer:?}");
    }
    (believers.iter().map(|believer| believer.place.to_string()).collect(), home.text())
}

#[test]
fn a_pin_stands_where_the_server_does() {
    let pin = format!("pin_sha256 = [\"{OTHER_PIN}\"]\n");
    let own = "[tenants.\"a.com\"]\nserver = \"https://b\" # 1\n";
    let other = "[tenants.\"c.com\"]\nserver = \"https://o\"\npin_sha256 = []\n";
    assert_eq!(pinned(&format!("{own}{other}"), None, false), (vec!["a.com".into()], format!("{own}{pin}{other}")));

    // Whoever inherits the server inherits the pin.
    let defaults = "[defaults]\nserver = \"https://b\"\n";
    let heir = "[tenants.\"a.com\"]\nmin_ttl = \"1m\" # 2\n";
    let file = format!("{defaults}{heir}{other}");
    assert_eq!(pinned(&file, None, false), (vec!["[defaults]".into()], format!("{defaults}{pin}{heir}{other}")));
    // Unless somebody with another server would inherit that as well.
    let stranger = "[tenants.\"c.com\"]\nserver = \"https://o\"\n";
    let file = format!("{defaults}{heir}{stranger}");
    assert_eq!(pinned(&file, None, false), (vec!["a.com".into()], format!("{defaults}{heir}{pin}{stranger}")));
    // One tenant alone, which has no table yet.
    let (places, new) = pinned(defaults, Some("a.com"), false);
    assert_eq!((places, new), (vec!["a.com".into()], format!("{defaults}\n[tenants.\"a.com\"]\n{pin}")));
}

#[test]
fn a_pin_joins_those_of_before_or_takes_their_place() {
    let before = format!("pin_sha256 = \"{PIN}\" # 1\n");
    let joined = format!("pin_sha256 = [\"{PIN}\", \"{OTHER_PIN}\"] # 1\n");
    let alone = format!("pin_sha256 = [\"{OTHER_PIN}\"] # 1\n");
    for (servers, is_replacing, after) in [
        ("server = \"https://b\"\n", false, &joined),
        ("server = \"https://b\"\n", true, &alone),
        // One of them may be the other server's.
        ("servers = [\"https://b\", \"https://o\"]\n", true, &joined),
    ] {
        for table in ["[defaults]\n", "[tenants.\"a.com\"]\n"] {
            let (_, new) = pinned(&format!("{table}{servers}{before}"), None, is_replacing);
            assert_eq!(new, format!("{table}{servers}{after}"));
        }
    }
}

#[test]
fn many_tenants_are_pinned_at_once_and_the_rest_of_the_file_stays() {
    let table = |n: usize, pin: &str| format!("[tenants.\"t{n}.com\"]\r\nserver = \"https://b\" # {n}\r\n{pin}\r\n");
    let file = |pin: &str| (0..1000).map(|n| table(n, pin)).collect::<String>() + "# end";
    let (places, new) = pinned(&file(""), None, false);
    assert_eq!(places.len(), 1000);
    assert_eq!(new, file(&format!("pin_sha256 = [\"{OTHER_PIN}\"]\r\n")));
}

#[test]
fn a_mistake_stops_those_whom_it_could_be_about() {
    let believers = |text: &str| Home::new(text).load().unwrap().believers(&origin(B), None);
    let good = "[tenants.\"a.com\"]\nserver = \"https://b\"\n";
    let found = believers(&format!("{good}[tenants.\"c.com\"]\nserver = \"ftp://o\"\n")).unwrap();
    assert_eq!(found[0].place, Place::Tenant("a.com".parse().unwrap()));
    assert_eq!(found.len(), 1);
    let error =
        believers(&format!("{good}[tenants.\"c.com\"]\nserver = \"https://b\"\nmin_ttl = \"?\"\n")).unwrap_err();
    assert_eq!(error.kind(), Kind::Config);
    assert!(believers("").unwrap().is_empty());
}
