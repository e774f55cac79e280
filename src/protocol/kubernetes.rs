//! ExecCredential (`client.authentication.k8s.io/v1` and `v1beta1`): what kubectl and everything else
//! made with client-go starts to get a token. The request is in the environment, the tenant in the
//! arguments, and the answer has the version that was asked. client-go keeps a token until the
//! instant it is told and no second less, shows stderr to the person, and runs a plugin that failed
//! a second time.
//! <https://kubernetes.io/docs/reference/config-api/client-authentication.v1/>

use std::ffi::OsString;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use url::Url;

use super::asked::Asked;
use super::call::{Action, Call, Variables};
use super::fields::bad_request;
use super::form::{self, Output};
use crate::credential::{Credential, Interactive, Origin, Want};
use crate::error::Result;
use crate::json;

/// Where client-go puts the request.
const VARIABLE: &str = "KUBERNETES_EXEC_INFO";
const V1: &str = "client.authentication.k8s.io/v1";
const V1BETA1: &str = "client.authentication.k8s.io/v1beta1";
const KIND: &str = "ExecCredential";

/// The part of the request that counts here; more may stand in it.
#[derive(Deserialize)]
struct Info {
    kind: String,
    #[serde(rename = "apiVersion")]
    api_version: String,
    #[serde(default)]
    spec: Spec,
}

#[derive(Default, Deserialize)]
struct Spec {
    #[serde(default)]
    interactive: bool,
    /// Only with `provideClusterInfo`.
    cluster: Option<Cluster>,
}

#[derive(Deserialize)]
struct Cluster {
    server: String,
}

/// Whether client-go started this program.
pub(super) fn is_spoken(call: &mut Call<'_>) -> bool {
    call.action == Action::Get && is_in(call.variables)
}

/// Whether it is client-go's environment.
pub(super) fn is_in(variables: Variables<'_>) -> bool {
    variable(variables).is_some()
}

/// Reads the environment and the arguments; stdin is the person's, if there is one.
///
/// # Errors
/// Kind `bad_request`.
pub(super) fn read(call: &mut Call<'_>) -> Result<Asked> {
    let mut request = call.token_request()?;
    let info = Info::read(call.variables)?;
    let write = match info.api_version.as_str() {
        V1 => write_v1,
        V1BETA1 => write_v1beta1,
        _ => return Err(bad_request(format!("{VARIABLE}: its apiVersion is neither {V1} nor {V1BETA1}"))),
    };
    if !info.spec.interactive {
        // Whatever a flag says of a terminal: client-go knows whose it is.
        if request.interactive != Interactive::Elsewhere {
            request.interactive = Interactive::Never;
        }
    }
    // Where another token is wanted, none of the servers is asked.
    if request.server.is_none() && request.want == Want::Veeam {
        request.server = info.spec.cluster.as_ref().map(Cluster::origin).transpose()?;
    }
    Ok(Asked::Get(request, write))
}

fn variable(variables: Variables<'_>) -> Option<OsString> {
    variables(VARIABLE).filter(|text| !text.is_empty())
}

impl Info {
    fn read(variables: Variables<'_>) -> Result<Self> {
        let text = variable(variables).ok_or_else(|| bad_request(format!("{VARIABLE} is not set")))?;
        let info: Self =
            json::read(text.as_encoded_bytes()).map_err(|why| bad_request(format!("{VARIABLE}: {why}")))?;
        if info.kind != KIND {
            return Err(bad_request(format!("{VARIABLE}: its kind is not {KIND}")));
        }
        Ok(info)
    }
}

impl Cluster {
    /// Where the token is going to be sent.
    fn origin(&self) -> Result<Origin> {
        let origin = Url::parse(&self.server).ok().and_then(|url| Origin::of(&url).ok());
        origin.ok_or_else(|| bad_request(format!("{VARIABLE}: its cluster's server is not an https URL")))
    }
}

fn write_v1(credential: &Credential, now: DateTime<Utc>) -> Result<Output> {
    write(V1, credential, now)
}

fn write_v1beta1(credential: &Credential, now: DateTime<Utc>) -> Result<Output> {
    write(V1BETA1, credential, now)
}

fn write(api_version: &str, credential: &Credential, now: DateTime<Utc>) -> Result<Output> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct ExecCredential<'a> {
        kind: &'a str,
        api_version: &'a str,
        status: Status<'a>,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Status<'a> {
        expiration_timestamp: String,
        token: &'a str,
    }
    let token = form::token(credential)?.expose();
    let expiration_timestamp = form::instant(form::early(credential.expires_at, now));
    Ok(form::document(&ExecCredential { kind: KIND, api_version, status: Status { expiration_timestamp, token } }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Flags, Protocol, Stdin};

    /// What is asked with `info` in the environment, and a flag that would ask a person.
    fn asked(info: &str) -> Result<Asked> {
        asked_for(Want::Veeam, Interactive::Always, info)
    }

    fn asked_for(want: Want, interactive: Interactive, info: &str) -> Result<Asked> {
        let variables = |name: &str| (name == VARIABLE).then(|| info.into());
        let mut none = || unreachable!("stdin is the person's");
        let flags = Flags { want: Some(want), interactive: Some(interactive), ..Flags::default() };
        let (subject, program, stdin) = (Some("abc.com".into()), "vb365-helper".as_ref(), Stdin::new(&mut none));
        let mut call = Call { action: Action::Get, program, variables: &variables, subject, flags, stdin };
        assert_eq!(Protocol::of(&mut call).name, if info.is_empty() { "native" } else { "kubernetes" });
        read(&mut call)
    }

    fn interactive(flag: Interactive, spec: &str) -> Interactive {
        let info = format!(r#"{{"kind":"ExecCredential","apiVersion":"{V1}"{spec},"new":1}}"#);
        let Asked::Get(request, _) = asked_for(Want::Veeam, flag, &info).unwrap() else {
            panic!("it is get that is asked")
        };
        request.interactive
    }

    #[test]
    fn nobody_is_asked_unless_client_go_says_that_somebody_is_there() {
        let there = Interactive::Always;
        assert_eq!(interactive(there, r#","spec":{"interactive":true,"new":{}}"#), Interactive::Always);
        assert_eq!(interactive(there, r#","spec":{"interactive":false}"#), Interactive::Never);
        assert_eq!(interactive(there, r#","spec":{}"#), Interactive::Never);
        assert_eq!(interactive(there, ""), Interactive::Never);
        // For that, nobody has to be there.
        assert_eq!(interactive(Interactive::Elsewhere, r#","spec":{"interactive":false}"#), Interactive::Elsewhere);
    }

    #[test]
    fn the_cluster_chooses_a_server_where_one_is_asked() {
        let cluster = r#""spec":{"cluster":{"server":"https://v:4443/path"}}"#;
        let info = format!(r#"{{"kind":"ExecCredential","apiVersion":"{V1}",{cluster}}}"#);
        for (want, server) in [(Want::Veeam, Some("https://v:4443")), (Want::Entra, None)] {
            let Asked::Get(request, _) = asked_for(want, Interactive::Always, &info).unwrap() else {
                panic!("it is get that is asked")
            };
            assert_eq!(request.server.as_ref().map(Origin::as_str), server);
        }
    }

    #[test]
    fn a_variable_without_anything_in_it_is_none() {
        assert_eq!(asked("").unwrap_err().message(), "KUBERNETES_EXEC_INFO is not set");
    }

    #[test]
    fn a_request_of_the_wrong_shape_is_refused() {
        let head = format!(r#"{{"kind":"ExecCredential","apiVersion":"{V1}""#);
        for rest in [
            r#","spec":[]}"#,
            r#","spec":null}"#,
            r#","spec":{"interactive":"true"}}"#,
            r#","spec":{"cluster":{}}}"#,
            r#","spec":{"cluster":{"server":"https://"}}}"#,
            r#","spec":{"cluster":{"server":"http://k8s.example"}}}"#,
            r#","spec":{"cluster":{"server":"canary"}}}"#,
            "",
        ] {
            let error = asked(&format!("{head}{rest}")).unwrap_err();
            assert!(error.message().starts_with("KUBERNETES_EXEC_INFO: "), "{rest}: {error}");
            assert!(!error.message().contains("canary"), "{error}");
        }
    }
}
