//! The schemas themselves: each stands on its own, needs no network, accepts its examples and
//! refuses what no document may be.
#![allow(clippy::unwrap_used, reason = "a test")]

use serde_json::{Value, json};

fn schema(name: &str) -> Value {
    let path = format!("{}/schemas/{name}-v1.schema.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn accepts(name: &str, document: &Value) -> bool {
    jsonschema::options().should_validate_formats(true).build(&schema(name)).unwrap().is_valid(document)
}

/// Every object of `value`, with where it stands.
fn objects<'a>(at: String, value: &'a Value, found: &mut Vec<(String, &'a Value)>) {
    match value {
        Value::Object(map) => {
            found.push((at.clone(), value));
            map.iter().for_each(|(key, value)| objects(format!("{at}/{key}"), value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| objects(at.clone() + "/-", value, found)),
        _ => {}
    }
}

const NAMES: [&str; 23] = [
    "cache-entry",
    "doctor",
    "erase-request",
    "erase-response",
    "error",
    "external-request",
    "external-response",
    "get-request",
    "get-response",
    "headers-request",
    "headers-response",
    "host-entry",
    "kubernetes-request",
    "kubernetes-response",
    "list",
    "login",
    "logins",
    "prompt",
    "refresh",
    "sealed-entry",
    "store-request",
    "store-response",
    "terraform-credentials",
];

/// Requests of others, who may say more from one version to the next.
const OPEN: [&str; 2] = ["headers-request", "kubernetes-request"];

#[test]
fn every_schema_accepts_its_examples_and_no_unknown_field() {
    for name in NAMES {
        let schema = schema(name);
        assert!(jsonschema::draft202012::meta::is_valid(&schema), "{name}");
        let examples = schema["examples"].as_array().unwrap();
        assert!(!examples.is_empty());
        for example in examples {
            assert!(accepts(name, example), "{name} {example}");
            let mut more = example.clone();
            more["unknown"] = json!(1);
            assert_eq!(accepts(name, &more), OPEN.contains(&name), "{name}");
            for key in example.as_object().unwrap().keys() {
                let mut nulled = example.clone();
                nulled[key] = Value::Null;
                assert!(!accepts(name, &nulled), "{name} {key}");
            }
        }
    }
}

#[test]
fn every_object_of_a_schema_says_what_more_it_takes() {
    for name in NAMES {
        let schema = schema(name);
        let mut found = Vec::new();
        for key in ["properties", "$defs", "oneOf"] {
            objects(format!("{name}/{key}"), &schema[key], &mut found);
        }
        for (at, object) in found {
            if object["type"] == "object" {
                assert!(object["additionalProperties"].is_boolean(), "{at}");
            }
        }
    }
}

#[test]
fn impossible_mixtures_are_refused() {
    let tenant = "abc.com";
    for (name, accepted, document) in [
        ("store-request", false, json!({"version":1,"tenant":tenant})),
        ("store-request", false, json!({"version":1,"tenant":tenant,"veeam":{"access_token":"a","expires_in":1}})),
        (
            "store-request",
            false,
            json!({"version":1,"tenant":tenant,"server":"https://h","entra":{"access_token":"a","expires_in":1}}),
        ),
        (
            "store-request",
            true,
            json!({"version":1,"tenant":tenant,"server":"https://h","veeam":{"access_token":"a","expires_in":"1",".issued":"x"}}),
        ),
        (
            "store-request",
            false,
            json!({"version":1,"tenant":tenant,"obtained_at":"yesterday","entra":{"access_token":"a","expires_in":1}}),
        ),
        ("get-request", false, json!({"version":2,"tenant":tenant})),
        ("get-request", false, json!({"version":"1","tenant":tenant})),
        ("get-request", false, json!({"version":1,"tenant":"../x"})),
        ("get-request", false, json!({"version":1,"tenant":"abc.com\n"})),
        ("get-request", false, json!({"version":1,"tenant":tenant,"min_ttl":-1})),
        ("get-request", true, json!({"version":1,"tenant":tenant,"server":"http://[::1]:1/"})),
        (
            "get-response",
            false,
            json!({"version":1,"tenant":tenant,"token_type":"Bearer","access_token":"a","expires_at":"2026-11-23T05:00:00Z","source":"veeam_refresh"}),
        ),
        (
            "get-response",
            true,
            json!({"version":1,"tenant":tenant,"server":"http://127.0.0.1:99","token_type":"Bearer","access_token":"a","expires_at":"2026-11-23T05:00:00Z","source":"veeam_refresh"}),
        ),
        (
            "get-response",
            false,
            json!({"version":1,"tenant":tenant,"server":"http://h:99","token_type":"Bearer","access_token":"a","expires_at":"2026-11-23T05:00:00Z","source":"cache"}),
        ),
        (
            "get-response",
            false,
            json!({"version":1,"tenant":tenant,"token_type":"Bearer","access_token":"a b","expires_at":"2026-11-23T05:00:00Z","source":"cache"}),
        ),
        (
            "get-response",
            false,
            json!({"version":1,"tenant":tenant,"token_type":"Bearer","access_token":"a","expires_at":"2026-11-23T05:00:00.5Z","source":"cache"}),
        ),
        ("store-response", false, json!({"version":1,"tenant":tenant,"stored":[]})),
        ("store-response", false, json!({"version":1,"tenant":tenant,"stored":["entra","entra"]})),
        ("erase-response", true, json!({"version":1,"erased":true})),
        ("error", false, json!({"version":1,"error":{"kind":"other","message":"m"}})),
        ("error", false, json!({"version":1,"error":{"kind":"cache","message":"m","retry_after":1.5}})),
        ("kubernetes-request", false, json!({"kind":"Pod","apiVersion":"client.authentication.k8s.io/v1"})),
        (
            "kubernetes-request",
            false,
            json!({"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1alpha1"}),
        ),
        ("headers-response", false, json!({"headers":{"Authorization":"Bearer a"}})),
        ("headers-response", false, json!({"headers":{},"expires":"2026-11-23T04:59:00.5Z"})),
        ("external-request", false, json!({"tenant":tenant,"min_ttl":600})),
        ("terraform-credentials", true, json!({})),
        ("cache-entry", true, json!({"version":1,"tenant":tenant})),
    ] {
        assert_eq!(accepts(name, &document), accepted, "{name} {document}");
    }
}
