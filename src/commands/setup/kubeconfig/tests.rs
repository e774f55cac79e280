//! Kubeconfigs in every style that people and programs write, and in some that nobody would.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::*;

const NAME: &str = "vb365-abc.com";

fn user() -> User {
    let lines = ["name: vb365-abc.com", "user:", "  exec:", "    command: /bin/helper", "    args: [get, abc.com]"];
    User::new(lines.map(str::to_owned).into()).unwrap()
}

fn merged(old: &str) -> Result<Option<String>, Refusal> {
    user().merged_into(Some(old), false)
}

fn forced(old: &str) -> String {
    user().merged_into(Some(old), true).unwrap().unwrap()
}

/// The item where the dashes have no indentation.
const ITEM: &str =
    "- name: vb365-abc.com\n  user:\n    exec:\n      command: /bin/helper\n      args: [get, abc.com]\n";
const JSON: &str =
    r#"{"name": "vb365-abc.com", "user": {"exec": {"command": "/bin/helper", "args": ["get", "abc.com"]}}}"#;

/// `text` as what is before and behind `<>`; the item that is put there.
fn assert_put(text: &str, item: &str) {
    let (before, behind) = text.split_once("<>").unwrap();
    let old = format!("{before}{behind}");
    assert_eq!(merged(&old), Ok(Some(format!("{before}{item}{behind}"))), "{old}");
    assert_eq!(merged(&format!("{before}{item}{behind}")), Ok(None), "a second time: {old}");
}

#[test]
fn the_user_comes_behind_the_others_and_their_comments() {
    assert_put("# top\nusers:  # all\n- name: a # b\n  # its end\n<># contexts\ncontexts: []\n", ITEM);
    assert_put("users:\n- name: a\n  user: {}\n<>\n\ncurrent-context: x\n", ITEM);
    assert_put("users:\n- name: a\n<>", ITEM);
    let indented = ITEM.lines().map(|line| format!("   {line}\n")).collect::<String>();
    assert_put("users:\n   -   name: a\n     # b\n<>kind: Config\n", &indented);
    // A text of many lines has what looks like a comment, and a line of its own at its end.
    assert_put("users:\n- name: a\n  user:\n    token: |\n      # no comment\n<>\nkind: Config\n", ITEM);
    assert_put("users:\n- name: a\n  user:\n    token: |+\n      x\n\n<>kind: Config\n", ITEM);
}

#[test]
fn line_ends_stay_what_they_are() {
    let crlf = |text: &str| text.replace('\n', "\r\n");
    let old = crlf("users:\n- name: a\nkind: Config\n");
    assert_eq!(merged(&old), Ok(Some(crlf(&format!("users:\n- name: a\n{ITEM}kind: Config\n")))));
    assert_eq!(merged("users:\n- name: a"), Ok(Some(format!("users:\n- name: a\n{ITEM}"))));
    let long = crlf("users:\n- name: a\n  user:\n    token: |\n      x\n      y\nkind: Config\n");
    assert!(merged(&long).unwrap().unwrap().ends_with(&crlf(&format!("y\n{ITEM}kind: Config\n"))));
}

#[test]
fn a_list_without_users_gets_the_first() {
    assert_put("kind: Config\n<>", &format!("users:\n{ITEM}"));
    assert_put("---\nkind: Config\n# end\n<>", &format!("users:\n{ITEM}"));
    for (empty, key) in [
        ("users: []  # none\n", "users:   # none\n"),
        ("users:\n", "users:\n"),
        ("users: null\n", "users: \n"),
        ("users: ~", "users: \n"),
    ] {
        assert_eq!(merged(&format!("a: b\n{empty}")), Ok(Some(format!("a: b\n{key}{ITEM}"))), "{empty}");
    }
    assert_eq!(merged("users: []\nkind: Config\n"), Ok(Some(format!("users: \n{ITEM}kind: Config\n"))));
}

#[test]
fn brackets_are_kept() {
    assert_put("{\"kind\": \"Config\", \"users\": [<>]}\n", JSON);
    assert_put("{\n  \"users\": [\n    {\"name\": \"a\"}<>\n  ],\n  \"kind\": \"Config\"\n}\n", &format!(", {JSON}"));
    assert_put("users: [{name: a}<>]  # b\nkind: Config\n", &format!(", {JSON}"));
    assert_put("users: [a<>,]\n", &format!(", {JSON}"));
    assert_put("users: [ # none\n<>]\nkind: Config\n", JSON);
}

#[test]
fn an_empty_file_becomes_a_kubeconfig() {
    let file = format!("apiVersion: v1\nkind: Config\nusers:\n{ITEM}");
    assert_eq!(user().merged_into(None, false), Ok(Some(file.clone())));
    for old in ["", "# mine\n", "---\n", "\n\n"] {
        assert_eq!(merged(old), Ok(Some(format!("{old}{file}"))), "{old:?}");
    }
}

#[test]
fn the_same_user_is_there_in_any_style_and_order() {
    for old in [
        format!("users: [{JSON}]"),
        format!(
            "users:\n- user:\n    exec: {{args: ['get', abc.com], env: null, command: \"/bin/helper\"}}\n  name: {NAME}\n"
        ),
    ] {
        assert_eq!(merged(&old), Ok(None), "{old}");
    }
}

#[test]
fn another_user_of_the_name_stays_unless_it_is_to_be_replaced() {
    let old = "users:\n- name: a # a\n-  user: # x\n      token: |\n        secret\n   name: vb365-abc.com  # own\n# behind\n- name: c\n";
    assert_eq!(merged(old), Err(Refusal::Other(format!("another user {NAME}"))));
    let own = ITEM.trim_end().replace("- ", "-  ").replace("\n  ", "\n   ");
    assert_eq!(forced(old), format!("users:\n- name: a # a\n{own}  # own\n# behind\n- name: c\n"));
    let last = "users:\n- user:\n    token: |\n      secret\n  name: vb365-abc.com\n\nkind: Config\n";
    assert_eq!(forced(last), format!("users:\n{ITEM}\nkind: Config\n"));
    let flow = format!("users: [a, {{name: {NAME}}}, b]\n");
    assert_eq!(forced(&flow), format!("users: [a, {JSON}, b]\n"));
}

#[test]
fn what_is_not_understood_is_left_alone() {
    for (old, why) in
        [("users:\n- name: [\n", "line "), ("a: b\n---\nc: d\n", "it has more"), ("users: \"a\n", "line ")]
    {
        let Err(Refusal::Unreadable(told)) = merged(old) else { panic!("{old}: {:?}", merged(old)) };
        assert!(told.starts_with(why), "{old}: {told}");
    }
    for old in [
        "- users\n",
        "\tusers: []\n",
        "  kind: Config\n",
        "users: text\n",
        "users: {a: b}\n",
        "{kind: Config}\n",
        "{users: null}\n",
        "users:\n-\n  name: a\n",
        "users:\n- name: a\nusers:\n- name: b\n",
        "kind: Config\n...\n",
        "users:\n- name: vb365-abc.com\n- name: vb365-abc.com\n",
        "users: &all\n- name: a\nothers: *all\n",
    ] {
        assert_eq!(user().merged_into(Some(old), true), Err(Refusal::ByHand), "{old}");
    }
}

/// Lines to make kubeconfigs of, good and bad.
const LINES: [&str; 34] = [
    "apiVersion: v1",
    "kind: Config",
    "users:",
    "users: []",
    "users: # none",
    "users: [{name: a}]",
    "- name: a",
    "- name: \u{e4}",
    "  - name: b",
    "  user:",
    "    user:",
    "    token: |",
    "      # secret",
    "      secret",
    "    token: >-",
    "    token: \"a",
    "      b\"",
    "    client-certificate-data: YQ==",
    "  user: {token: a, x: [1, 2]}",
    "  user: &x",
    "  user: *x",
    "- name: vb365-abc.com",
    "contexts:",
    "contexts: []",
    "- context: {user: a}",
    "current-context: a",
    "# a comment",
    "  # an indented comment",
    "      # a deep comment",
    "",
    "---",
    "...",
    "{\"kind\": \"Config\", \"users\": [",
    "]}",
];

/// What is left of `new` and `old` between their common beginning and their common end.
fn difference<'t>(old: &'t str, new: &'t str) -> (&'t str, &'t str) {
    let (old, new) = (old.as_bytes(), new.as_bytes());
    let before = old.iter().zip(new).take_while(|(old, new)| old == new).count();
    let rest = old.len().min(new.len()) - before;
    let behind = old.iter().rev().zip(new.iter().rev()).take(rest).take_while(|(old, new)| old == new).count();
    let between = |text: &'t [u8]| std::str::from_utf8(&text[before..text.len() - behind]).unwrap_or("?");
    (between(old), between(new))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn nothing_else_ever_changes(
        lines in vec(select(&LINES[..]), 0..12),
        ends in select(&["\n", "\r\n"][..]),
        cut in any::<Index>(),
        is_cut in prop::bool::weighted(0.2),
    ) {
        let mut old = lines.join(ends) + ends;
        if is_cut {
            let ends: Vec<_> = old.char_indices().map(|(at, _)| at).collect();
            old.truncate(*cut.get(&ends));
        }
        for force in [false, true] {
            let Ok(Some(new)) = user().merged_into(Some(&old), force) else { continue };
            prop_assert_eq!(user().merged_into(Some(&new), false), Ok(None));
            let (gone, come) = difference(&old, &new);
            if !force {
                prop_assert!(matches!(gone.trim(), "" | "[]" | "["), "{:?} is gone", gone);
                prop_assert!(come.contains("/bin/helper"));
            }
            // Without the user, and with an empty list as none, it says what it said.
            let others = |text: &str| {
                let mut root = parse(text).unwrap();
                if let Some(Value::Map(pairs)) = root.as_mut().map(|root| &mut root.value) {
                    for (_, users) in pairs.iter_mut().filter(|(key, _)| key.text() == Some("users")) {
                        let is_other = |item: &&Node| item.get("name").and_then(Node::text) != Some(NAME);
                        users.value = Value::List(items_of(users).iter().filter(is_other).cloned().collect());
                    }
                }
                root
            };
            if parse(&old).unwrap().is_some_and(|root| root.get("users").is_some()) {
                prop_assert_eq!(others(&old), others(&new));
            }
        }
    }
}
