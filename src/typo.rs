//! The name that was probably meant by one that nobody knows.

/// The one of `known` that is nearest to `typed`, if it is near: a slip of the fingers away, or the same
/// name with another ending or none (`abc`, `abc.com` and `abc.onmicrosoft.com`).
pub fn nearest<'n>(typed: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let typed = typed.to_ascii_lowercase();
    let first = first_label(&typed);
    // A short name is another one after two slips.
    let slips = first.len() / 4 + 1;
    let distance = |name: &str| match name.to_ascii_lowercase() {
        name if first_label(&name) == first => 1,
        // Who types no ending has made the slip before it.
        name if first == typed => strsim::damerau_levenshtein(&typed, first_label(&name)),
        name => strsim::damerau_levenshtein(&typed, &name),
    };
    let near = known.into_iter().map(|name| (distance(name), name)).filter(|(distance, _)| *distance <= slips);
    near.min_by_key(|(distance, _)| *distance).map(|(_, name)| name)
}

fn first_label(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_understood_and_another_name_is_not_taken_for_one() {
        let known = ["abc.onmicrosoft.com", "contoso.onmicrosoft.com", "72f988bf-86f1-41af-91ab-2d7cd011db47"];
        for (typed, meant) in [
            ("abd.onmicrosoft.com", Some(0)),
            ("acb.onmicrosoft.com", Some(0)),
            ("abc.onmircosoft.com", Some(0)),
            ("ABC", Some(0)),
            ("abc.com", Some(0)),
            ("abcc", Some(0)),
            ("contosso", Some(1)),
            ("xyz", None),
            ("contosso.onmicrosoft.com", Some(1)),
            ("cotnos.onmicrosoft.com", Some(1)),
            ("72f988bf-86f1-41af-91ab-2d7cd011db74", Some(2)),
            ("xyz.onmicrosoft.com", None),
            ("def.com", None),
            ("", None),
        ] {
            assert_eq!(nearest(typed, known), meant.map(|at: usize| known[at]), "{typed}");
        }
        assert_eq!(nearest("abc", []), None);
    }
}
