//! Requests of other tools, on stdin or in the environment: each is read as what it says, or refused
//! without repeating a value, and no protocol but one takes what is another's.

use std::ffi::{OsStr, OsString};

use serde_json::Value;
use vb365_helper::credential::{Interactive, ServerName};
use vb365_helper::error::{Kind, Result};
use vb365_helper::protocol::{Action, Asked, Call, Flags, Protocol, Stdin};
use vb365_helper::secret::Secret;

use super::{Planted, assert_discreet, assert_one_word, assert_safe};

/// `text` is the request, wherever the caller puts it.
pub fn check(text: &[u8]) {
    if let Some(planted) = Planted::new(text) {
        for (protocol, action) in [
            ("kubernetes", Action::Get),
            ("terraform", Action::Store),
            ("external", Action::Get),
            ("headers", Action::Get),
        ] {
            let asked = read(protocol, action, &planted.text);
            planted.assert_hidden(&asked);
            if let Err(error) = asked {
                assert_eq!((error.kind(), error.cause()), (Kind::BadRequest, None));
                assert_discreet(&error);
            }
        }
    }
    if let Ok(Asked::Get(request, _)) = read("kubernetes", Action::Get, text) {
        let said = object(text);
        assert_eq!(said["kind"], "ExecCredential");
        assert!(said["spec"]["interactive"] == true || request.interactive == Interactive::Never);
        assert_eq!(said["spec"]["cluster"].is_object(), request.server.is_some());
        request.server.iter().for_each(|server| assert_safe(server.as_str()));
    }
    if let Ok(Asked::StoreFor(host, token, answer)) = read("terraform", Action::Store, text) {
        assert_eq!(object(text), serde_json::json!({ "token": token.expose() }));
        assert_one_word(&token);
        assert_eq!((host.to_string().as_str(), answer.expose().len()), ("abc.com", 0));
    }
    if let Ok(Asked::Get(request, _)) = read("external", Action::Get, text) {
        let said = object(text);
        let known = ["tenant", "server", "want", "min_ttl"];
        assert!(said.as_object().is_some_and(|said| said.keys().all(|key| known.contains(&key.as_str()))));
        assert!(said.get("tenant").is_none_or(|_| panic!("two tenants")) && request.tenant.key() == "abc.com");
        assert_eq!(said["server"].is_string(), request.server.is_some());
        assert_eq!(said["min_ttl"].is_string(), request.min_ttl.is_some());
        request.server.iter().for_each(|server| assert_safe(server.as_str()));
    }
    match read("headers", Action::Get, text) {
        Ok(Asked::GetFor(request, _)) => {
            assert_eq!(request.interactive, Interactive::Never);
            let ServerName::Origin(origin) = request.server else { panic!("no origin") };
            assert_safe(origin.as_str());
        }
        Ok(Asked::Nothing(answer)) => assert_eq!(answer.expose(), b"{\"headers\":{}}\n"),
        Ok(other) => panic!("{other:?}"),
        Err(_) => {}
    }
    // Without a flag, a request with a URI and no version is the only one that is not native.
    let is_uri = serde_json::from_slice::<Value>(text)
        .is_ok_and(|said| said.get("uri").is_some() && said.get("version").is_none());
    let picked = with_call(Action::Get, None, None, text, |call| Protocol::of(call).name);
    assert!(picked == "native" || picked == "headers" && is_uri, "{picked}");
}

fn object(text: &[u8]) -> Value {
    serde_json::from_slice(text).expect("JSON")
}

/// What `protocol` reads from `text`, whose caller names what else the protocol needs.
fn read(protocol: &str, action: Action, text: &[u8]) -> Result<Asked> {
    let subject = (protocol != "headers").then(|| "abc.com".to_owned());
    let info = str::from_utf8(text).ok().filter(|_| protocol == "kubernetes").map(OsString::from);
    let protocol = Protocol::named(protocol).expect("a protocol");
    with_call(action, subject, info, text, |call| protocol.read(call))
}

fn with_call<T>(
    action: Action,
    subject: Option<String>,
    info: Option<OsString>,
    text: &[u8],
    then: impl FnOnce(&mut Call<'_>) -> T,
) -> T {
    let variables = |name: &str| info.clone().filter(|_| name == "KUBERNETES_EXEC_INFO");
    let mut read = || Ok(Secret::new(text.to_vec()));
    let (program, flags, stdin) = (OsStr::new("vb365-helper"), Flags::default(), Stdin::new(&mut read));
    then(&mut Call { action, program, variables: &variables, subject, flags, stdin })
}
