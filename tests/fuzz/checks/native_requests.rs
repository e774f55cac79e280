//! Requests of the native protocol: each is read as what it says, or refused without repeating a
//! value.

use std::fmt::Debug;

use serde_json::Value;
use vb365_helper::error::{Kind, Result};
use vb365_helper::protocol::native;

use super::{Planted, assert_discreet, assert_safe};

/// `text` is what stdin brings.
pub fn check(text: &[u8]) {
    if let Some(planted) = Planted::new(text) {
        assert_refused(&planted, &native::read_get(&planted.text));
        assert_refused(&planted, &native::read_store(&planted.text));
        assert_refused(&planted, &native::read_erase(&planted.text));
    }
    if let Ok(request) = native::read_get(text) {
        let said = said(text, &["tenant", "server", "want", "min_ttl", "interactive", "refused_token"]);
        assert_eq!(said["tenant"], request.tenant.as_str());
        assert_eq!(said["min_ttl"].as_u64(), request.min_ttl.map(|min_ttl| min_ttl.as_secs()));
        assert_eq!(said["want"].as_str().unwrap_or("veeam"), format!("{:?}", request.want).to_lowercase());
        assert_eq!(said["interactive"].as_str().unwrap_or("auto"), format!("{:?}", request.interactive).to_lowercase());
        assert_eq!(said["refused_token"].as_str(), request.refused_token.as_ref().map(|token| token.expose().as_str()));
        assert_eq!(said["server"].is_string(), request.server.is_some());
        request.server.iter().for_each(|server| assert_safe(server.as_str()));
    }
    if let Ok(request) = native::read_store(text) {
        let said = said(text, &["tenant", "entra", "server", "veeam", "obtained_at"]);
        assert_eq!(said["tenant"], request.tenant.as_str());
        assert!(request.entra.is_some() || request.veeam.is_some());
        let (server, veeam) = request.veeam.unzip();
        for (name, response) in [("entra", request.entra), ("veeam", veeam)] {
            let response = response.as_ref().map(|response| str::from_utf8(response.expose()).expect("UTF-8"));
            assert_eq!(said.get(name).map(Value::to_string).as_deref(), response, "{name}");
            assert!(response.is_none_or(|response| response.starts_with('{')), "{name}");
        }
        server.iter().for_each(|server| assert_safe(server.as_str()));
        // What every document here has for an instant: a year of four digits, and T and offset.
        let instant = said["obtained_at"].as_str().map(chrono::DateTime::parse_from_rfc3339);
        assert_eq!(instant.map(|instant| instant.expect("RFC 3339").to_utc()), request.obtained_at);
    }
    if let Ok(request) = native::read_erase(text) {
        let said = said(text, &["tenant", "server", "access_only"]);
        assert_eq!(said["tenant"], request.tenant.as_str());
        assert_eq!(said["access_only"] == true, request.access_only);
        assert_eq!(said["server"].is_string(), request.server.is_some());
        request.server.iter().for_each(|server| assert_safe(server.as_str()));
    }
}

/// A request that was read, as any other program reads it.
fn said(text: &[u8], known: &[&str]) -> Value {
    let said: Value = serde_json::from_slice(text).expect("JSON");
    assert_eq!(said["version"], 1);
    let fields = said.as_object().expect("an object");
    let unknown = fields.keys().find(|name| *name != "version" && !known.contains(&name.as_str()));
    assert_eq!(unknown, None);
    said
}

/// Checks that a request which is not read is refused, and that none shows a secret.
fn assert_refused<T: Debug>(planted: &Planted, read: &Result<T>) {
    planted.assert_hidden(read);
    if let Err(error) = read {
        let help = Some("vb365-helper help protocol");
        assert_eq!((error.kind(), error.hint(), error.cause()), (Kind::BadRequest, help, None));
        assert_discreet(error);
    }
}
