//! The native protocol's promises: what is read is what was asked, every refusal names a field and
//! no value, and every document fits its schema.

use std::time::Duration;

use chrono::{DateTime, TimeZone, Utc};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{EraseRequest, Output, Protocol, StoreRequest, native};
use crate::credential::{Credential, Grant, Interactive, Origin, Request, Source, Tenant, Want};
use crate::error::{Cause, Error, KINDS, Kind, Result};
use crate::secret::Secret;

const CANARY: &str = "canary-5f1d";

fn tenant() -> Tenant {
    "Abc.onmicrosoft.com".parse().unwrap()
}

/// The message of a `bad_request`.
fn refusal<T: std::fmt::Debug>(read: fn(&[u8]) -> Result<T>, text: impl ToString) -> String {
    let error = read(text.to_string().as_bytes()).unwrap_err();
    let help = Some("vb365-helper help protocol");
    assert_eq!((error.kind(), error.hint(), error.tenant()), (Kind::BadRequest, help, None));
    error.message().to_owned()
}

/// One document on one line that fits the schema `name`.
fn checked(name: &str, text: &Secret<Vec<u8>>) -> Value {
    let path = format!("{}/schemas/{name}-v1.schema.json", env!("CARGO_MANIFEST_DIR"));
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let text = std::str::from_utf8(text.expose()).unwrap();
    assert_eq!(text.find('\n'), Some(text.len() - 1), "one line: {text}");
    let document: Value = serde_json::from_str(text).unwrap();
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    let mistakes: Vec<String> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
    assert!(mistakes.is_empty(), "{document}: {mistakes:?}");
    document
}

#[test]
fn a_request_is_waited_for_no_longer_than_its_protocol_could_allow() {
    let limit = |name: Option<&str>, timeout: Option<u64>| {
        let timeout = timeout.map(Duration::from_secs);
        let named = name.and_then(Protocol::named);
        Protocol::reading_limit(named, timeout, timeout.unwrap_or(Duration::from_secs(8))).as_secs()
    };
    assert_eq!((limit(None, None), limit(None, Some(20)), limit(None, Some(1))), (7, 20, 1));
    assert_eq!((limit(Some("headers"), Some(20)), limit(Some("headers"), Some(1))), (7, 1));
    assert_eq!((limit(Some("native"), None), limit(Some("external"), Some(20))), (8, 20));
}

#[test]
fn a_get_request_needs_no_more_than_version_and_tenant() {
    let request = native::read_get(br#"{"version":1,"tenant":"Abc.onmicrosoft.com"}"#).unwrap();
    assert_eq!(request.tenant.as_str(), "Abc.onmicrosoft.com");
    assert_eq!((request.server, request.min_ttl, request.refused_token), (None, None, None));
    assert_eq!((request.want, request.interactive, request.timeout), (Want::Veeam, Interactive::Auto, None));
}

#[test]
fn a_store_request_holds_each_response_as_it_was_sent() {
    let text = r#" {"version": 1, "tenant": "abc.com", "entra": {"z": 1, "a": "b"}, "server": "https://v:4443/",
        "veeam": {"access_token": "t", "expires_in": "3600"}, "obtained_at": "2026-11-23T05:00:00+01:00"} "#;
    let request = native::read_store(text.as_bytes()).unwrap();
    assert_eq!(request.tenant.as_str(), "abc.com");
    assert_eq!(request.entra.unwrap().expose(), br#"{"z":1,"a":"b"}"#);
    let (server, response) = request.veeam.unwrap();
    assert_eq!(server.as_str(), "https://v:4443");
    assert_eq!(response.expose(), br#"{"access_token":"t","expires_in":"3600"}"#);
    assert_eq!(request.obtained_at, Some(Utc.with_ymd_and_hms(2026, 11, 23, 4, 0, 0).unwrap()));

    let request = native::read_store(br#"{"version":1,"tenant":"abc.com","entra":{}}"#).unwrap();
    assert!(request.veeam.is_none() && request.obtained_at.is_none());
}

#[test]
fn an_erase_request_means_everything_of_the_tenant_unless_it_says_less() {
    let request = native::read_erase(br#"{"version":1,"tenant":"abc.com"}"#).unwrap();
    assert_eq!((request.tenant.as_str(), request.server, request.access_only), ("abc.com", None, false));
    let text = br#"{"version":1,"tenant":"abc.com","server":"https://v:4443","access_only":true}"#;
    let request = native::read_erase(text).unwrap();
    assert_eq!(request.server, Some("https://v:4443".parse().unwrap()));
    assert!(request.access_only);
}

#[test]
fn what_is_no_json_object_is_refused_with_its_place() {
    let what = "the request is not a JSON object: ";
    for (text, why) in [
        ("", "the JSON ends too early (line 1, column 0)"),
        ("{\"version\":1,\n", "the JSON ends too early (line 2, column 0)"),
        ("tenant=canary", "not JSON (line 1, column 2)"),
        ("\u{feff}{}", "not JSON (line 1, column 1)"),
        ("{} {}", "not JSON (line 1, column 4)"),
    ] {
        assert_eq!(refusal(native::read_get, text), format!("{what}{why}"), "{text}");
        assert_eq!(refusal(native::read_store, text), format!("{what}{why}"), "{text}");
        assert_eq!(refusal(native::read_erase, text), format!("{what}{why}"), "{text}");
    }
    for text in ["[]", "1", "null", "\"canary\""] {
        let message = refusal(native::read_get, text);
        assert!(message.starts_with(&format!("{what}a field is missing or of the wrong type (line 1,")), "{message}");
    }
    let deep = refusal(native::read_get, format!(r#"{{"version":{}"#, "[".repeat(100_000)));
    assert!(deep.starts_with(what), "{deep}");
}

#[test]
fn another_version_is_refused() {
    for (version, why) in [
        ("", "field `version` is missing"),
        (r#""version":0,"#, "field `version`: only version 1 is known"),
        (r#""version":2,"#, "field `version`: only version 1 is known"),
        (r#""version":"1","#, "field `version` is not a whole number"),
        (r#""version":1.5,"#, "field `version` is not a whole number"),
        (r#""version":-1,"#, "field `version` is not a whole number"),
        (r#""version":null,"#, "field `version` is not a whole number"),
    ] {
        let text = format!(r#"{{{version}"tenant":"abc.com"}}"#);
        assert_eq!(refusal(native::read_get, &text), why);
        assert_eq!(refusal(native::read_store, &text), why);
        assert_eq!(refusal(native::read_erase, &text), why);
    }
}

#[test]
fn a_field_that_is_there_twice_is_refused() {
    let text = format!(r#"{{"version":1,"tenant":"abc.com","server":"https://{CANARY}","server":"https://b"}}"#);
    assert_eq!(refusal(native::read_get, &text), "field `server` is there twice");
    assert_eq!(refusal(native::read_store, &text), "field `server` is there twice");
    assert_eq!(refusal(native::read_erase, &text), "field `server` is there twice");
}

#[test]
fn an_unknown_version_is_told_before_its_unknown_fields() {
    let text = json!({"version": 2, "tenants": ["abc.com"]});
    assert_eq!(refusal(native::read_get, text), "field `version`: only version 1 is known");
}

#[test]
fn each_wrong_field_of_get_is_named_without_its_value() {
    for (field, values, why) in [
        ("tenant", vec![json!("canary/x"), json!(1), json!(null), json!("")], "a tenant's name"),
        (
            "server",
            vec![
                json!("http://canary:1"),
                json!("canary"),
                json!("https://canary/path"),
                json!("https://canary:p@h"),
                json!({}),
            ],
            "an https URL of host and port",
        ),
        ("want", vec![json!("canary"), json!("Veeam"), json!(null)], "veeam, entra or assertion"),
        ("min_ttl", vec![json!(-1), json!(1.5), json!("300"), json!(1e300), json!(true)], "a whole number of seconds"),
        ("interactive", vec![json!("canary"), json!(true), json!("")], "auto, always, elsewhere or never"),
        ("refused_token", vec![json!(""), json!(null), json!(["canary"])], "a token"),
    ] {
        for value in values {
            let mut request = json!({"version": 1, "tenant": "abc.com"});
            request[field] = value;
            assert_eq!(refusal(native::read_get, &request), format!("field `{field}` is not {why}"), "{request}");
        }
    }
    assert_eq!(refusal(native::read_get, json!({"version": 1})), "field `tenant` is missing");
    assert_eq!(refusal(native::read_store, json!({"version": 1})), "field `tenant` is missing");
    assert_eq!(refusal(native::read_erase, json!({"version": 1})), "field `tenant` is missing");
}

#[test]
fn each_wrong_field_of_store_is_named_without_its_value() {
    for (field, values, why) in [
        ("entra", vec![json!("canary"), json!(["canary"]), json!(null)], "a token response"),
        ("veeam", vec![json!("canary"), json!(1)], "a token response"),
        ("server", vec![json!("canary")], "an https URL of host and port"),
        (
            "obtained_at",
            vec![
                json!("canary"),
                json!(1_764_000_000),
                json!("2026-11-23"),
                json!("2026-11-23 04:00:00 UTC"),
                json!("+262142-12-31T23:59:59Z"),
                json!("-262143-01-01T00:00:00Z"),
                json!("0000-01-01T00:00:00+23:59"),
            ],
            "an instant as RFC 3339 has it",
        ),
    ] {
        for value in values {
            let mut request =
                json!({"version": 1, "tenant": "abc.com", "entra": {}, "server": "https://v", "veeam": {}});
            request[field] = value;
            assert_eq!(refusal(native::read_store, &request), format!("field `{field}` is not {why}"), "{request}");
        }
    }
}

#[test]
fn impossible_mixtures_of_store_are_refused() {
    let store = |more: Value| {
        let mut request = json!({"version": 1, "tenant": "abc.com"});
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        refusal(native::read_store, request)
    };
    assert_eq!(store(json!({})), "neither `entra` nor `veeam` is there to be stored");
    assert_eq!(store(json!({"server": "https://v", "entra": {}})), "`server` without `veeam`");
    assert_eq!(store(json!({"veeam": {}, "entra": {}})), "`veeam` without the `server` that issued it");
}

#[test]
fn each_wrong_field_of_erase_is_named_without_its_value() {
    for (field, value, why) in [
        ("server", json!("canary"), "an https URL of host and port"),
        ("access_only", json!("canary"), "true or false"),
        ("access_only", json!(1), "true or false"),
        ("access_only", json!(null), "true or false"),
    ] {
        let mut request = json!({"version": 1, "tenant": "abc.com"});
        request[field] = value;
        assert_eq!(refusal(native::read_erase, &request), format!("field `{field}` is not {why}"), "{request}");
    }
}

#[test]
fn an_unknown_field_is_named_fit_to_show_and_without_its_value() {
    for (name, shown) in [
        ("tenat", "tenat".to_owned()),
        ("Tenant", "Tenant".into()),
        ("a\n\u{1b}[31m", "a [31m".into()),
        ("", String::new()),
    ] {
        let text = json!({"version": 1, "tenant": "abc.com", "entra": {}, name: CANARY});
        let why = format!("field `{shown}` is not known");
        assert_eq!(refusal(native::read_store, &text), why);
        let text = json!({"version": 1, "tenant": "abc.com", name: CANARY});
        assert_eq!(refusal(native::read_get, &text), why);
        assert_eq!(refusal(native::read_erase, &text), why);
    }
    let text = json!({"version": 1, "tenant": "abc.com", "x".repeat(5000): CANARY});
    assert_eq!(refusal(native::read_get, text), "field `[...]` is not known");
    // Fields of one action are no fields of another.
    let text = json!({"version": 1, "tenant": "abc.com", "access_only": true});
    assert_eq!(refusal(native::read_get, text), "field `access_only` is not known");
}

#[test]
fn requests_keep_their_secrets_to_themselves() {
    let text = json!({"version": 1, "tenant": "abc.com", "refused_token": CANARY});
    assert!(!format!("{:?}", native::read_get(text.to_string().as_bytes()).unwrap()).contains(CANARY));
    let text = json!({"version": 1, "tenant": "abc.com", "entra": {"t": CANARY}, "server": "https://v", "veeam": {"t": CANARY}});
    assert!(!format!("{:?}", native::read_store(text.to_string().as_bytes()).unwrap()).contains(CANARY));
}

fn credential(grant: Grant, source: Source) -> Credential {
    // A fraction of a second is cut off, so that no token is thought to live longer than it does.
    let expires_at = Utc.with_ymd_and_hms(2026, 11, 23, 5, 0, 0).unwrap() + Duration::from_millis(999);
    Credential { tenant: tenant(), grant, expires_at, source }
}

fn answer(credential: &Credential) -> Output {
    native::credential(credential, DateTime::UNIX_EPOCH).unwrap()
}

#[test]
fn an_answer_of_get_is_whole_and_fits_its_schema() {
    let server: Origin = "https://vb365.abc.local:4443".parse().unwrap();
    let grant = Grant::Veeam { server, token: "veeam-token".into() };
    let text = answer(&credential(grant, Source::Cache));
    checked("get-response", &text);
    assert_eq!(
        String::from_utf8_lossy(text.expose()),
        concat!(
            r#"{"version":1,"tenant":"Abc.onmicrosoft.com","server":"https://vb365.abc.local:4443","#,
            r#""token_type":"Bearer","access_token":"veeam-token","expires_at":"2026-11-23T05:00:00Z","source":"cache"}"#,
            "\n"
        )
    );
    let text = answer(&credential(Grant::Entra { token: "entra-token".into() }, Source::EntraRefresh));
    assert_eq!(
        checked("get-response", &text),
        json!({"version": 1, "tenant": "Abc.onmicrosoft.com", "token_type": "Bearer", "access_token": "entra-token",
            "expires_at": "2026-11-23T05:00:00Z", "source": "entra_refresh"})
    );
    let grant = Grant::Assertion { organization: "Abc \"GmbH\"".into(), assertion: r#"{"access_token":"x"}"#.into() };
    assert_eq!(
        checked("get-response", &answer(&credential(grant, Source::Login))),
        json!({"version": 1, "tenant": "Abc.onmicrosoft.com", "client_id": "Abc \"GmbH\"",
            "assertion": r#"{"access_token":"x"}"#, "expires_at": "2026-11-23T05:00:00Z"})
    );
}

#[test]
fn every_rung_of_the_ladder_has_its_name_on_the_wire() {
    for (source, name) in [
        (Source::Cache, "cache"),
        (Source::VeeamRefresh, "veeam_refresh"),
        (Source::Exchange, "exchange"),
        (Source::EntraRefresh, "entra_refresh"),
        (Source::Login, "login"),
    ] {
        let grant = Grant::Veeam { server: "http://127.0.0.1:9".parse().unwrap(), token: "t".into() };
        assert_eq!(checked("get-response", &answer(&credential(grant, source)))["source"], name);
    }
}

#[test]
fn answers_of_store_and_erase_fit_their_schemas() {
    for stored in [&["entra"][..], &["veeam"], &["entra", "veeam"]] {
        let response = |whose| stored.contains(&whose).then(|| Secret::new(Vec::new()));
        let server: Origin = "https://v:4443".parse().unwrap();
        let veeam = response("veeam").map(|response| (server, response));
        let request = StoreRequest { tenant: tenant(), entra: response("entra"), veeam, obtained_at: None };
        let answer = checked("store-response", &native::stored(&request));
        assert_eq!(answer, json!({"version": 1, "tenant": "Abc.onmicrosoft.com", "stored": stored}));
    }
    let answer = checked(
        "erase-response",
        &native::erased(&EraseRequest { tenant: tenant(), server: None, access_only: false }),
    );
    assert_eq!(answer, json!({"version": 1, "tenant": "Abc.onmicrosoft.com", "erased": true}));
    assert_eq!(checked("erase-response", &native::all_erased()), json!({"version": 1, "erased": true}));
}

#[test]
fn an_error_leaves_out_what_it_does_not_know() {
    for (kind, name, _) in KINDS {
        let answer = checked("error", &native::error(&Error::new(kind, "it went wrong")));
        assert_eq!(answer, json!({"version": 1, "error": {"kind": name, "message": "it went wrong"}}));
    }
    let error = Error::new(Kind::LoginRequired, "m")
        .with_hint("h")
        .with_tenant("abc.com")
        .with_retry_after(Some(Duration::from_secs(30)))
        .with_cause(Cause {
            error: Some("invalid_grant".into()),
            codes: vec![700_082],
            suberror: Some("s".into()),
            correlation_id: Some("c".into()),
            http_status: Some(400),
        });
    assert_eq!(
        checked("error", &native::error(&error)),
        json!({"version": 1, "error": {"kind": "login_required", "message": "m", "hint": "h", "tenant": "abc.com",
            "retry_after": 30, "cause": {"error": "invalid_grant", "codes": [700_082], "suberror": "s",
            "correlation_id": "c", "http_status": 400}}})
    );
    let only_status =
        Error::new(Kind::Unavailable, "m").with_cause(Cause { http_status: Some(503), ..Cause::default() });
    assert_eq!(checked("error", &native::error(&only_status))["error"]["cause"], json!({"http_status": 503}));
}

#[test]
fn a_cause_that_says_nothing_is_left_out() {
    let silent = Error::new(Kind::Unavailable, "m").with_cause(Cause::default());
    assert_eq!(
        checked("error", &native::error(&silent)),
        json!({"version": 1, "error": {"kind": "unavailable", "message": "m"}})
    );
    let empty =
        Cause { error: Some(String::new()), suberror: Some(String::new()), http_status: Some(400), ..Cause::default() };
    let answer = checked("error", &native::error(&Error::new(Kind::Refused, "m").with_cause(empty)));
    assert_eq!(answer["error"]["cause"], json!({"http_status": 400}));
}

fn tenants() -> impl Strategy<Value = Tenant> {
    "[A-Za-z0-9][A-Za-z0-9-]{0,20}(\\.[A-Za-z0-9-]{1,10}){0,3}".prop_filter_map("no tenant", |name| name.parse().ok())
}

fn origins() -> impl Strategy<Value = Origin> {
    ("https://[a-z][a-z0-9]{0,10}(\\.[a-z]{2,5}){0,2}", 1u16..)
        .prop_map(|(host, port)| format!("{host}:{port}").parse().unwrap())
}

fn requests() -> impl Strategy<Value = Request> {
    (
        tenants(),
        proptest::option::of(origins()),
        prop_oneof![Just(Want::Veeam), Just(Want::Entra), Just(Want::Assertion)],
        proptest::option::of(any::<u64>().prop_map(Duration::from_secs)),
        prop_oneof![Just(Interactive::Auto), Just(Interactive::Always), Just(Interactive::Never)],
        proptest::option::of(".{1,40}".prop_map(Secret::new)),
    )
        .prop_map(|(tenant, server, want, min_ttl, interactive, refused_token)| Request {
            tenant,
            server,
            want,
            min_ttl,
            interactive,
            refused_token,
            timeout: None,
        })
}

/// The request as a caller would write it.
fn rendered(request: &Request) -> Value {
    let mut document = json!({
        "interactive": format!("{:?}", request.interactive).to_lowercase(),
        "tenant": request.tenant.as_str(),
        "want": format!("{:?}", request.want).to_lowercase(),
        "version": 1,
    });
    let mut put = |name: &str, value: Option<Value>| {
        document.as_object_mut().unwrap().extend(value.map(|value| (name.to_owned(), value)))
    };
    put("server", request.server.as_ref().map(|server| json!(server.as_str())));
    put("min_ttl", request.min_ttl.map(|duration| json!(duration.as_secs())));
    put("refused_token", request.refused_token.as_ref().map(|token| json!(token.expose())));
    document
}

/// Any value, with secrets in it.
fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(|text| json!(format!("{text}{CANARY}"))),
        Just(json!("https://canary-5f1d.example/x")),
        Just(json!("abc.com")),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[a-z_]{1,8}", inner, 0..4).prop_map(|map| json!(map)),
        ]
    })
}

/// A document with fields that are known, or nearly.
fn documents() -> impl Strategy<Value = Value> {
    const FIELDS: &str =
        "version|tenant|server|want|min_ttl|interactive|refused_token|entra|veeam|obtained_at|access_only|[a-z]{1,6}";
    (any::<bool>(), proptest::collection::btree_map(FIELDS, values(), 0..6)).prop_map(|(is_known, fields)| {
        let mut fields: Map<String, Value> = fields.into_iter().collect();
        if is_known {
            fields.insert("version".into(), json!(1));
        }
        Value::Object(fields)
    })
}

/// Reads `text` in every way; what is refused says nothing of what was in it.
fn refuse_discreetly(text: &[u8]) {
    let failures = [native::read_get(text).err(), native::read_store(text).err(), native::read_erase(text).err()];
    for error in failures.into_iter().flatten() {
        assert_eq!(error.kind(), Kind::BadRequest);
        assert!(!format!("{error:?}").contains("canary"), "{error:?}");
        checked("error", &native::error(&error));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    #[test]
    fn what_is_read_is_what_was_asked(request in requests()) {
        let read = native::read_get(rendered(&request).to_string().as_bytes()).unwrap();
        prop_assert_eq!(read.tenant.as_str(), request.tenant.as_str());
        prop_assert_eq!(read.server, request.server);
        prop_assert_eq!((read.want, read.interactive), (request.want, request.interactive));
        prop_assert_eq!((read.min_ttl, read.timeout), (request.min_ttl, None));
        prop_assert_eq!(read.refused_token, request.refused_token);
    }

    #[test]
    fn any_document_is_read_or_refused_discreetly(document in documents()) {
        refuse_discreetly(document.to_string().as_bytes());
    }

    #[test]
    fn any_bytes_are_refused_discreetly(before in any::<Vec<u8>>(), after in any::<Vec<u8>>()) {
        refuse_discreetly(&[before.as_slice(), CANARY.as_bytes(), after.as_slice()].concat());
    }

    #[test]
    fn a_request_cut_anywhere_is_refused_discreetly(request in requests(), end in any::<prop::sample::Index>()) {
        let text = rendered(&request).to_string();
        let text = &text.as_bytes()[..end.index(text.len())];
        prop_assert!(native::read_get(text).is_err());
        refuse_discreetly(text);
    }

    #[test]
    fn every_token_and_name_survives_in_the_answer(tenant in tenants(), server in origins(), token in "[!-~]{1,60}") {
        let expires_at = Utc.with_ymd_and_hms(2026, 11, 23, 5, 0, 0).unwrap();
        let grant = Grant::Veeam { server: server.clone(), token: Secret::new(token.clone()) };
        let credential = Credential { tenant: tenant.clone(), grant, expires_at, source: Source::Cache };
        let answer = checked("get-response", &answer(&credential));
        prop_assert_eq!(&answer["access_token"], &json!(token));
        prop_assert_eq!(&answer["server"], &json!(server.as_str()));
        prop_assert_eq!(&answer["tenant"], &json!(tenant.as_str()));
    }
}
