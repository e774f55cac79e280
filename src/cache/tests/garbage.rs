//! Files with anything in them, and names of every form.

use proptest::prelude::*;

use super::*;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    #[test]
    fn any_bytes_are_damage_and_nothing_worse(before in any::<Vec<u8>>(), after in any::<Vec<u8>>()) {
        let home = Home::new();
        home.plant([before.as_slice(), CANARY.as_bytes(), after.as_slice()].concat());
        let found = home.cache.read(&abc()).unwrap();
        prop_assert!(found.entry.is_empty());
        prop_assert!(found.damage.is_some_and(|damage| !damage.contains(CANARY)));
    }

    #[test]
    fn an_entry_with_one_byte_changed_is_read_or_refused_without_a_word_of_it(
        at in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        let home = Home::new();
        let mut text = entry(CANARY).write().unwrap().expose().clone();
        let at = at.index(text.len());
        text[at] = byte;
        home.plant(text);
        let said = match home.cache.read(&abc()) {
            Ok(found) => found.damage.unwrap_or_default(),
            Err(error) => format!("{error:?}"),
        };
        prop_assert!(!said.contains(CANARY));
    }

    #[test]
    fn an_entry_cut_anywhere_is_damaged(end in any::<prop::sample::Index>()) {
        let home = Home::new();
        let text = entry(CANARY).write().unwrap();
        home.plant(&text.expose()[..end.index(text.expose().len() - 1)]);
        prop_assert!(home.cache.read(&abc()).unwrap().damage.is_some());
    }

    #[test]
    fn no_two_tenants_share_a_file(
        one in "[a-c]{1,2}(\\.(login|lock|json|tmp|a)){0,3}", other in "[a-c]{1,2}(\\.(login|lock|json|tmp|a)){0,3}",
    ) {
        let (Ok(one), Ok(other)) = (one.parse::<Tenant>(), other.parse::<Tenant>()) else { return Ok(()) };
        prop_assume!(one != other);
        let cache = Cache::new("c", unsealed());
        let files = |tenant: &Tenant| ["json", "json.tmp", "lock", "login.lock"].map(|ending| cache.slot(tenant).path(ending));
        prop_assert!(files(&one).iter().all(|file| !files(&other).contains(file)), "{} {}", one, other);
    }
}
