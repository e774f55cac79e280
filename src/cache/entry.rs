//! What is kept for one tenant, and its form in the file (`schemas/cache-entry-v1.schema.json`).
//! Entra's tokens are found by who issued them to whom for what, the VB365 server's by server.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use super::life::Life;
use crate::credential::{Origin, Settings, Tenant};
use crate::error::Error;
use crate::json::{self, Object};
use crate::seal;
use crate::secret::Secret;
use crate::token::{is_one_word, is_spellable};

/// The version of a file that is not sealed, and of what is sealed in one.
pub(super) const VERSION: u32 = 1;
/// What stands in clear in the place of a token that is sealed.
const MASK: &str = "sealed";

/// Everything kept for one tenant.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    version: u32,
    /// The tenant as it was typed when the entry was made.
    tenant: String,
    /// One record for each (authority, client id, scopes).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entra: Vec<EntraRecord>,
    /// One record for each server.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub veeam: Vec<VeeamRecord>,
}

/// The identity platform's last answer for one (authority, client id, scopes).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntraRecord {
    /// Who issued it; the only host it is ever sent back to.
    pub authority: String,
    /// The application it was issued to.
    pub client_id: String,
    /// What was asked for.
    pub scopes: Vec<String>,
    /// When it came.
    pub obtained_at: DateTime<Utc>,
    /// When its access token ends.
    pub access_expires_at: DateTime<Utc>,
    /// Who signed in, for display.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The directory id of the tenant that was signed in to, to notice another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,
    /// The whole answer as compact JSON: what the VB365 server takes as an assertion.
    #[serde(with = "embedded_json")]
    pub token_response: Secret<String>,
    /// Set when the identity platform said that the refresh token is dead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected: Option<Rejected>,
}

/// Why a refresh token is dead. It is not sent again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rejected {
    /// When it was said.
    pub at: DateTime<Utc>,
    /// The OAuth error code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// AADSTS numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub codes: Vec<u32>,
    /// What the next sign-in has to satisfy, to be sent along with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claims: Option<String>,
}

/// The tokens of one VB365 server.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VeeamRecord {
    /// Who issued them; the only server they are ever sent to.
    pub server: String,
    /// The API version it was spoken to in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// When they came.
    pub obtained_at: DateTime<Utc>,
    /// Who the server says they are for, for display.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Absent once it was erased or refused.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "exposed")]
    pub access_token: Option<Secret<String>>,
    /// When the access token ends.
    pub access_expires_at: DateTime<Utc>,
    /// Absent once the server rejected it.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "exposed")]
    pub refresh_token: Option<Secret<String>>,
}

/// Why a file is not an entry.
#[derive(Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// No entry of any version; in words without values.
    Damaged(String),
    /// An entry of a version this program does not know.
    Newer(u32),
    /// One whose key is gone; in words.
    Lost(String),
    /// One whose key cannot be had now.
    Away(Error),
}

impl Entry {
    /// An entry with nothing in it.
    pub fn empty(tenant: &Tenant) -> Self {
        Self { version: VERSION, tenant: tenant.as_str().to_owned(), ..Self::default() }
    }

    /// Reads the file's content.
    ///
    /// # Errors
    /// Damaged (also: another tenant's entry under this tenant's name, or values that nothing here
    /// writes), or of a newer version.
    pub fn read(tenant: &Tenant, text: &[u8]) -> Result<Self, Unreadable> {
        let Ok(words) = str::from_utf8(text) else { return Err(Unreadable::Damaged("it is not text".into())) };
        match serde_json::from_str(words).map(|Object::<Self>(entry)| entry) {
            Ok(entry) if entry.version == VERSION && entry.tenant.eq_ignore_ascii_case(tenant.key()) => {
                entry.oddity().map_or(Ok(entry), |oddity| Err(Unreadable::Damaged(oddity.into())))
            }
            Ok(entry) if entry.version == VERSION => Err(Unreadable::Damaged("it belongs to another tenant".into())),
            Ok(_) => Err(version_of(text).unwrap_or_else(|| Unreadable::Damaged("it has no version".into()))),
            Err(error) => Err(version_of(text).unwrap_or_else(|| Unreadable::Damaged(json::words(&error)))),
        }
    }

    /// What in it this program neither writes nor may show, send or count with.
    fn oddity(&self) -> Option<&'static str> {
        let (entra, veeam) = (&self.entra, &self.veeam);
        // A host is only ever compared with those of the configuration, and shown.
        let hosts = entra.iter().map(|record| &record.authority).chain(veeam.iter().map(|record| &record.server));
        let mut words = entra.iter().flat_map(|record| record.scopes.iter().chain([&record.client_id])).chain(hosts);
        let mut tokens = veeam.iter().filter_map(|record| record.access_token.as_ref());
        let rejected = entra.iter().filter_map(|record| record.rejected.as_ref()).map(|rejected| rejected.at);
        let lives = entra.iter().map(EntraRecord::life).chain(veeam.iter().map(VeeamRecord::life));
        let mut instants = lives.flat_map(|life| [life.obtained_at, life.expires_at]).chain(rejected);
        if !words.all(|word| is_one_word(word)) || !tokens.all(|token| is_one_word(token.expose())) {
            Some("a token, host, scope or client id in it is not one word of printable ASCII")
        } else if !instants.all(is_spellable) {
            Some("an instant in it has no year of four digits")
        } else {
            None
        }
    }

    /// The file's content, ending in a line end.
    ///
    /// # Errors
    /// A token response that is not JSON, which nothing here lets in.
    pub fn write(&self) -> Result<Secret<Vec<u8>>, serde_json::Error> {
        let mut text = serde_json::to_vec(self)?;
        text.push(b'\n');
        Ok(Secret::new(text))
    }

    /// The same without any token: what a list shows, and may stand in clear beside the sealed entry.
    #[must_use]
    pub(super) fn outline(&self) -> Self {
        let mut outline = self.clone();
        for record in &mut outline.entra {
            record.token_response = masked(&record.token_response);
            // What a sign-in has to satisfy is nobody else's business.
            record.rejected.iter_mut().for_each(|rejected| rejected.claims = None);
        }
        for record in &mut outline.veeam {
            let tokens = [&mut record.access_token, &mut record.refresh_token];
            tokens.into_iter().flatten().for_each(|token| *token = MASK.into());
        }
        outline
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.entra.is_empty() && self.veeam.is_empty()
    }

    /// The tenant as it was typed when the entry was made.
    pub fn tenant(&self) -> &str {
        &self.tenant
    }

    /// The identity platform's answer for what `settings` say.
    pub fn entra(&self, settings: &Settings) -> Option<&EntraRecord> {
        self.entra.iter().find(|record| record.is_for(settings))
    }

    /// The same, to be changed.
    pub fn entra_mut(&mut self, settings: &Settings) -> Option<&mut EntraRecord> {
        self.entra.iter_mut().find(|record| record.is_for(settings))
    }

    /// Keeps `new` in the place of what was issued by the same host to the same client for the same scopes.
    pub fn put_entra(&mut self, new: EntraRecord) {
        self.entra.retain(|old| {
            (&old.authority, &old.client_id, &old.scopes) != (&new.authority, &new.client_id, &new.scopes)
        });
        self.entra.push(new);
    }

    /// The tokens of `server`.
    pub fn veeam(&self, server: &Origin) -> Option<&VeeamRecord> {
        self.veeam.iter().find(|record| record.server == server.as_str())
    }

    /// The same, to be changed.
    pub fn veeam_mut(&mut self, server: &Origin) -> Option<&mut VeeamRecord> {
        self.veeam.iter_mut().find(|record| record.server == server.as_str())
    }

    /// Keeps `new` in the place of what its server issued before.
    pub fn put_veeam(&mut self, new: VeeamRecord) {
        self.veeam.retain(|old| old.server != new.server);
        self.veeam.push(new);
    }
}

impl EntraRecord {
    fn is_for(&self, settings: &Settings) -> bool {
        self.authority == settings.authority.as_str()
            && self.client_id == settings.client_id
            && self.scopes == settings.scopes.as_slice()
    }

    /// The time of its access token.
    pub fn life(&self) -> Life {
        Life { obtained_at: self.obtained_at, expires_at: self.access_expires_at }
    }
}

impl VeeamRecord {
    /// The time of its access token.
    pub fn life(&self) -> Life {
        Life { obtained_at: self.obtained_at, expires_at: self.access_expires_at }
    }
}

pub(super) fn version_of(text: &[u8]) -> Option<Unreadable> {
    #[derive(Deserialize)]
    struct Version {
        version: u32,
    }
    let Object(Version { version }) = serde_json::from_slice(text).ok()?;
    (version > seal::VERSION).then_some(Unreadable::Newer(version))
}

/// Which tokens `response` has, and nothing else of it.
fn masked(response: &Secret<String>) -> Secret<String> {
    #[derive(Default, Deserialize)]
    struct Tokens<'a> {
        #[serde(borrow)]
        access_token: Option<&'a RawValue>,
        #[serde(borrow)]
        refresh_token: Option<&'a RawValue>,
    }
    let tokens: Tokens<'_> = serde_json::from_str(response.expose()).unwrap_or_default();
    let is_there =
        |token: Option<&RawValue>| token.is_some_and(|token| token.get().starts_with('"') && token.get() != "\"\"");
    let names = [("access_token", tokens.access_token), ("refresh_token", tokens.refresh_token)];
    let masks = names.into_iter().filter(|(_, token)| is_there(*token)).map(|(name, _)| (name, MASK));
    let object: serde_json::Map<_, _> = masks.map(|(name, mask)| (name.to_owned(), mask.into())).collect();
    Secret::new(serde_json::Value::Object(object).to_string())
}

fn exposed<S: Serializer>(secret: &Option<Secret<String>>, serializer: S) -> Result<S::Ok, S::Error> {
    secret.as_ref().map(|secret| secret.expose()).serialize(serializer)
}

mod embedded_json {
    use super::{Deserialize, Deserializer, RawValue, Secret, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(text: &Secret<String>, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = serde_json::from_str(text.expose()).map_err(|_| serde::ser::Error::custom("not JSON"))?;
        raw.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret<String>, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        if !raw.get().starts_with('{') {
            return Err(serde::de::Error::custom("not an object"));
        }
        Ok(Secret::new(Box::<str>::from(raw).into_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;

    fn at(seconds: i64) -> DateTime<Utc> {
        Utc.timestamp_opt(seconds, 0).unwrap()
    }

    #[test]
    fn newer_damaged_and_foreign_entries_are_told_apart() {
        let tenant: Tenant = "abc.com".parse().unwrap();
        let read = |text: &str| Entry::read(&tenant, text.as_bytes()).unwrap_err();
        assert_eq!(read(r#"{"version":3,"tenant":"abc.com","sealed":"x"}"#), Unreadable::Newer(3));
        assert_eq!(read(r#"{"version":3,"tenant":"abc.com"}"#), Unreadable::Newer(3));
        for damaged in [
            "",
            "{",
            "[]",
            r#"{"version":2,"tenant":"abc.com"}"#,
            r#"[1,"abc.com",[],[]]"#,
            r#"{"version":1}"#,
            r#"{"version":0,"tenant":"abc.com"}"#,
        ] {
            assert!(matches!(read(damaged), Unreadable::Damaged(_)), "{damaged}");
        }
        let foreign = read(r#"{"version":1,"tenant":"other.com"}"#);
        assert_eq!(foreign, Unreadable::Damaged("it belongs to another tenant".into()));
    }

    #[test]
    fn an_entry_that_this_program_would_not_write_is_damaged() {
        let tenant: Tenant = "abc.com".parse().unwrap();
        let entry = concat!(
            r#"{"version":1,"tenant":"abc.com","entra":[{"authority":"https://h","client_id":"c","scopes":["s"],"#,
            r#""obtained_at":"2026-11-23T04:00:00Z","access_expires_at":"2026-11-23T05:00:00Z","token_response":{}}],"#,
            r#""veeam":[{"server":"https://v:4443","obtained_at":"2026-11-23T04:00:01Z","access_token":"t","#,
            r#""access_expires_at":"2026-11-23T05:00:01Z"}]}"#
        );
        assert!(Entry::read(&tenant, entry.as_bytes()).is_ok());
        for (good, odd) in [
            ("https://h", "https://h h"),
            ("https://v:4443", r"\u001b[2J"),
            (r#""t""#, r#""t\r\nX: y""#),
            (r#""t""#, r#""""#),
            (r#""s""#, r#""a b""#),
            (r#""c""#, r#""""#),
            ("2026-11-23T04:00:00Z", "+262142-12-31T23:59:59Z"),
            ("2026-11-23T05:00:00Z", "-262143-01-01T00:00:00Z"),
            ("2026-11-23T04:00:01Z", "0000-01-01T00:00:00+23:59"),
            ("2026-11-23T05:00:01Z", "+10000-01-01T00:00:00Z"),
        ] {
            let text = entry.replacen(good, odd, 1);
            assert!(text != entry, "{good}");
            let why = Entry::read(&tenant, text.as_bytes()).unwrap_err();
            assert!(matches!(why, Unreadable::Damaged(why) if why.contains(" in it ")), "{odd}");
        }
    }

    #[test]
    fn what_is_written_is_read_again_and_debug_shows_no_token() {
        let tenant: Tenant = "Abc.com".parse().unwrap();
        let mut entry = Entry::empty(&tenant);
        entry.put_entra(EntraRecord {
            authority: "https://login.example".into(),
            client_id: "c".into(),
            scopes: vec!["s".into()],
            obtained_at: at(0),
            access_expires_at: at(3600),
            account: None,
            tenant_id: None,
            token_response: r#"{"access_token":"canary-1","z":1,"a":2}"#.into(),
            rejected: None,
        });
        entry.put_veeam(VeeamRecord {
            server: "https://v:4443".into(),
            api_version: None,
            obtained_at: at(0),
            account: None,
            access_token: Some("canary-2".into()),
            access_expires_at: at(3600),
            refresh_token: Some("canary-3".into()),
        });
        let text = entry.write().unwrap();
        let again = Entry::read(&tenant, text.expose()).unwrap();
        assert_eq!(again.entra[0].token_response, entry.entra[0].token_response);
        assert_eq!(again.write().unwrap(), text);
        let outline = String::from_utf8(entry.outline().write().unwrap().expose().clone()).unwrap();
        assert!(!outline.contains("canary") && !outline.contains("\"z\""), "{outline}");
        let outline = Entry::read(&tenant, outline.as_bytes()).unwrap();
        assert!(outline.entra[0].token_response.expose() == r#"{"access_token":"sealed"}"#);
        assert!(outline.veeam[0].access_token.is_some() && outline.veeam[0].refresh_token.is_some());
        assert!(!format!("{again:?}").contains("canary"));
    }
}
