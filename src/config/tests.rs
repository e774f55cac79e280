//! What the file may say, and what is said about each mistake in it.

mod pins;
mod remember;
mod skim;

use std::fs;
use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::host::fake::FakeClock;

const TENANT: &str = "abc.onmicrosoft.com";
const PIN: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
const OTHER_PIN: &str = "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752";

fn tenant() -> Tenant {
    TENANT.parse().unwrap()
}

fn origin(text: &str) -> Origin {
    text.parse().unwrap()
}

/// A directory with a configuration file in it.
struct Home(TempDir);

impl Home {
    fn new(text: impl AsRef<[u8]>) -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        fs::write(home.path(), text).unwrap();
        home
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("config.toml")
    }

    fn load(&self) -> Result<Config> {
        Config::load(&Places { config_file: Some(self.path()), ..Places::default() })
    }

    fn settings(&self) -> Result<Settings> {
        self.load()?.settings(&tenant())
    }

    fn text(&self) -> String {
        fs::read_to_string(self.path()).unwrap()
    }

    fn remember(&self, told: &Told) -> Result<()> {
        self.load()?.remember(&tenant(), told, &FakeClock::default())
    }
}

/// What is said of `text`, behind the file's path.
fn mistake(text: impl AsRef<[u8]>) -> String {
    let home = Home::new(text);
    let error = home.settings().unwrap_err();
    assert_eq!(error.kind(), Kind::Config);
    error.message().strip_prefix(&format!("{}:", home.path().display())).unwrap().to_owned()
}

#[test]
fn a_file_that_is_not_there_is_an_empty_one() {
    let home = Home::new("");
    fs::remove_file(home.path()).unwrap();
    let settings = home.settings().unwrap();
    assert_eq!(
        settings,
        Settings {
            tenant: tenant(),
            servers: Vec::new(),
            organization: TENANT.into(),
            api_version: None,
            client_id: "04b07795-8ddb-461a-bbee-02f9e1bf7b46".into(),
            scopes: Scopes::default(),
            authority: origin("https://login.microsoftonline.com"),
            trust: crate::credential::Trust::default(),
            min_ttl: Duration::from_secs(300),
            prompt: None,
        }
    );
    assert_eq!(home.load().unwrap().tenants().count(), 0);
}

#[test]
fn every_key_is_read() {
    let home = Home::new(format!(
        r#"
[tenants."Abc.OnMicrosoft.com"]
servers = ["https://b:4443", "https://a:4443"]
api_version = "v7"
client_id = "app"
scopes = ["Directory.Read.All", "User.Read", "offline_access"]
authority = "https://login.microsoftonline.us"
ca_file = "roots/ca.pem"
pin_sha256 = ["{PIN}", "{OTHER_PIN}"]
min_ttl = "1m 30s"
allow_custom_authority = false
[cache]
dir = "tokens"
"#
    ));
    let config = home.load().unwrap();
    let settings = config.settings(&tenant()).unwrap();
    assert_eq!(settings.servers, [origin("https://b:4443"), origin("https://a:4443")]);
    assert_eq!(settings.organization, "Abc.OnMicrosoft.com", "the tenant as the file spells it");
    assert_eq!(settings.tenant.as_str(), TENANT, "the tenant as the caller spells it");
    assert_eq!(settings.api_version, Some(ApiVersion::V7));
    assert_eq!(settings.client_id, "app");
    assert_eq!(settings.scopes.joined(), "Directory.Read.All User.Read offline_access");
    assert_eq!(settings.authority, origin("https://login.microsoftonline.us"));
    assert_eq!(settings.trust.ca_file, Some(home.0.path().join("roots/ca.pem")));
    assert_eq!(settings.trust.pins, [PIN.parse().unwrap(), OTHER_PIN.parse().unwrap()]);
    assert_eq!(settings.min_ttl, Duration::from_secs(90));
    assert_eq!(config.cache_dir(), home.0.path().join("tokens"));
    assert_eq!(config.path(), home.path());
    assert_eq!(config.tenants().map(Tenant::as_str).collect::<Vec<_>>(), ["Abc.OnMicrosoft.com"]);
}

#[test]
fn a_tenants_table_stands_over_the_defaults_key_by_key() {
    let home = Home::new(format!(
        "[defaults]\nserver = \"https://d\"\nmin_ttl = \"0s\"\npin_sha256 = \"{PIN}\"\norganization = \"D\"\n\
         [tenants.\"{TENANT}\"]\nservers = [\"https://a\"]\nmin_ttl = \"24h\"\n"
    ));
    let settings = home.settings().unwrap();
    assert_eq!(settings.servers, [origin("https://a")]);
    assert_eq!(settings.min_ttl, Duration::from_secs(86_400));
    assert_eq!(settings.trust.pins, [PIN.parse().unwrap()]);
    assert_eq!(settings.organization, "D");
    let other = home.load().unwrap().settings(&"def.com".parse().unwrap()).unwrap();
    assert_eq!((other.servers, other.min_ttl), (vec![origin("https://d")], Duration::ZERO));
}

#[test]
fn paths_begin_at_the_file_or_at_home_and_the_environment_stands_over_the_file() {
    let absolute = std::path::absolute("/var/tokens").unwrap();
    let home = Home::new(format!(
        "[cache]\ndir = {:?}\n[tenants.\"{TENANT}\"]\nca_file = \"~/ca.pem\"\n",
        absolute.to_str().unwrap()
    ));
    let config = home.load().unwrap();
    assert_eq!(config.cache_dir(), absolute);
    let person = directories::BaseDirs::new().unwrap().home_dir().join("ca.pem");
    assert_eq!(config.settings(&tenant()).unwrap().trust.ca_file, Some(person));
    let places = Places { config_file: Some(home.path()), cache_dir: Some("elsewhere".into()), ..Places::default() };
    assert_eq!(Config::load(&places).unwrap().cache_dir(), Path::new("elsewhere"));
}

#[test]
fn without_places_the_platforms_own_are_used() {
    let dirs = ProjectDirs::from("", "", "vb365-helper").unwrap();
    assert_eq!(Home::new("").load().unwrap().cache_dir(), dirs.data_local_dir());
    let (config, data) =
        if cfg!(windows) { (r"vb365-helper\config", r"vb365-helper\data") } else { ("vb365-helper", "vb365-helper") };
    assert!(dirs.config_dir().ends_with(config) && dirs.data_local_dir().ends_with(data), "{dirs:?}");
}

#[test]
fn mistakes_of_the_whole_file_name_line_and_key() {
    const TENANT_KEYS: &str = "server, servers, organization, api_version, client_id, scopes, authority, ca_file, \
                               pin_sha256, min_ttl, allow_custom_authority";
    for (text, expected) in [
        (
            "\n[defaults]\nservr = \"https://h\"\n",
            format!("3: defaults.servr: not a known key; known are {TENANT_KEYS}"),
        ),
        (
            "[tenants.\"def.com\"]\n\nclient = 1\n",
            format!("3: tenants.\"def.com\".client: not a known key; known are {TENANT_KEYS}"),
        ),
        (
            "[cache]\ndirectory = \"x\"\n",
            "2: cache.directory: not a known key; known are dir, protection, key_file".into(),
        ),
        ("[cache]\nprotection = \"dpapi\"\n", "2: cache.protection: not one of auto, os, key_file, none".into()),
        ("[cache]\nkey_file = 1\n", "2: cache.key_file: neither a string nor an array of strings".into()),
        ("[default]\n", "1: default: not a known key; known are defaults, tenants, cache, prompt".into()),
        ("defaults = 1\n", "1: defaults: not a table".into()),
        ("[tenants]\n\"a.com\" = \"https://h\"\n", "2: tenants.\"a.com\": not a table".into()),
        (
            "[tenants.\"abc def\"]\n",
            "1: tenants.\"abc def\": a tenant name consists of ASCII letters, digits, '.' and '-'".into(),
        ),
        (
            "[tenants.\"A.com\"]\n\n[tenants.\"a.COM\"]\n",
            "3: tenants.\"a.COM\": the same tenant stands in line 1, and case makes no difference".into(),
        ),
        (
            "[tenants.\"a.com\"]\n\n[tenants.\"A.com\"]\n",
            "3: tenants.\"a.com\": the same tenant stands in line 1, and case makes no difference".into(),
        ),
        ("[cache]\ndir = 1\n", "2: cache.dir: not a string".into()),
        ("[cache]\ndir = \"\"\n", "2: cache.dir: is empty or has control characters".into()),
    ] {
        assert_eq!(mistake(text), expected, "{text}");
    }
}

#[test]
fn what_is_not_toml_is_told_in_one_line_with_its_place() {
    for (text, place) in [
        (&b"\n\n[tenants\n"[..], "3: "),
        (b"\xef\xbb\xbf# x\n[defaults]\nserver = https://h\n", "3: "),
        (b"[defaults]\nserver = \"a\"\nserver = \"b\"\n", "3: "),
        (b"a = \"\"\"\n\n", "3: "),
    ] {
        let message = mistake(text);
        assert!(message.starts_with(place) && !message.contains('\n'), "{message}");
    }
    assert_eq!(mistake(b"\n[defaults]\nserver = \"\xff\"\n"), "3: not UTF-8");
    assert_eq!(mistake(b"\xff\xfe[\0d\0"), "1: not UTF-8");
}

#[test]
fn mistakes_in_values_name_line_and_key() {
    for (line, expected) in [
        ("server = \"http://h\"", "server: only https is allowed (http on loopback alone)"),
        ("server = \"h\"", "server: not a URL; it looks like https://host:4443"),
        ("server = \"https://h/v8\"", "server: a path is too much here; use https://h"),
        ("server = 1", "server: not a string"),
        ("servers = []", "servers: names no server"),
        ("servers = \"https://h\"", "servers: not an array of strings"),
        ("servers = [\"https://h\", 1]", "servers: not an array of strings"),
        ("servers = [\"https://h\", \"ftp://h\"]", "servers: only https is allowed (http on loopback alone)"),
        (
            "servers = [\"https://h\"]\nserver = \"https://h\"",
            "servers: server stands there as well; keep one of the two",
        ),
        ("organization = \"\"", "organization: is empty or has control characters"),
        ("organization = \"a\\u001bb\"", "organization: is empty or has control characters"),
        ("api_version = \"v9\"", "api_version: the API version is one of v4, v5, v6, v7, v8"),
        ("api_version = 8", "api_version: not a string"),
        ("client_id = \"a b\"", "client_id: is not one word of printable ASCII"),
        ("client_id = \"\"", "client_id: is not one word of printable ASCII"),
        ("scopes = \"offline_access\"", "scopes: not an array of strings"),
        (
            "scopes = [\"User.Read\", \"offline_access\"]",
            "scopes: scopes need one of Directory.Read.All, Directory.ReadWrite.All, Directory.AccessAsUser.All",
        ),
        ("authority = \"https://h/tenant\"", "authority: a path is too much here; use https://h"),
        ("ca_file = \"\"", "ca_file: is empty or has control characters"),
        ("ca_file = true", "ca_file: not a string"),
        ("pin_sha256 = [\"9f86\"]", "pin_sha256: a fingerprint is the 64 hexadecimal digits of a SHA-256"),
        ("pin_sha256 = 1", "pin_sha256: neither a string nor an array of strings"),
        ("min_ttl = 300", "min_ttl: not a string"),
        ("min_ttl = \"soon\"", "min_ttl: not a duration; it looks like 5m or 90s"),
        ("min_ttl = \"24h 1s\"", "min_ttl: 24h at most"),
        ("allow_custom_authority = \"true\"", "allow_custom_authority: neither true nor false"),
    ] {
        let own = format!("# mine\n[tenants.\"Abc.onmicrosoft.com\"]\n\n{line}\n");
        assert_eq!(mistake(&own), format!("4: tenants.\"Abc.onmicrosoft.com\".{expected}"), "{line}");
        assert_eq!(mistake(format!("\u{feff}[defaults]\r\n{line}\r\n")), format!("2: defaults.{expected}"), "{line}");
        let others = format!("{}[tenants.\"{TENANT}\"]\nserver = \"https://a\"\n", own.replace("Abc", "def"));
        assert_eq!(Home::new(&others).settings().unwrap().servers, [origin("https://a")], "{line}");
    }
}

#[test]
fn identity_hosts_are_microsofts_or_this_machine_unless_the_file_allows_others() {
    let settings = |lines: &str| {
        let home = Home::new(format!("[tenants.\"{TENANT}\"]\n{lines}\n"));
        home.settings().map_err(|error| error.hint().unwrap().replace(&home.path().display().to_string(), "FILE"))
    };
    for allowed in [
        "https://login.microsoftonline.com/",
        "https://login.microsoftonline.us",
        "https://login.partner.microsoftonline.cn",
        "https://login.chinacloudapi.cn",
        "https://login.sovcloud-identity.fr",
        "https://login.sovcloud-identity.de",
        "https://login.sovcloud-identity.sg",
        "http://127.0.0.1:8080",
        "https://localhost",
    ] {
        assert!(settings(&format!("authority = \"{allowed}\"")).is_ok(), "{allowed}");
    }
    for other in ["https://login.microsoftonline.com.evil.com", "https://login.microsoftonline.com:444", "https://h"] {
        let hint = settings(&format!("authority = \"{other}\"")).unwrap_err();
        assert_eq!(
            hint,
            "if tokens may go there, add `allow_custom_authority = true` below [tenants.\"abc.onmicrosoft.com\"] in FILE"
        );
        assert!(settings(&format!("authority = \"{other}\"\nallow_custom_authority = true")).is_ok());
        assert!(settings(&format!("authority = \"{other}\"\n[defaults]\nallow_custom_authority = true")).is_ok());
    }
    let told = Told { authority: Some(origin("https://h")), ..Told::default() };
    let error = Home::new("").load().unwrap().settings_with(&tenant(), &told).unwrap_err();
    assert_eq!((error.kind(), error.message()), (Kind::Config, "https://h is none of Microsoft's identity hosts"));
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let home = tempfile::tempdir().unwrap();
    let places = Places { config_file: Some(home.path().to_owned()), ..Places::default() };
    let error = Config::load(&places).unwrap_err();
    let start = format!("the configuration file {} cannot be used: ", home.path().display());
    assert!(error.kind() == Kind::Config && error.message().starts_with(&start), "{error}");
}

#[test]
fn a_prompt_command_is_for_every_tenant_and_its_program_is_found_like_other_files() {
    let home = Home::new("[prompt]\ncommand = [\"bin/tell\", \"--to\", \"ops\"]\ntimeout = \"20m\"\n");
    let prompt = home.settings().unwrap().prompt.unwrap();
    assert_eq!(prompt.program, home.path().parent().unwrap().join("bin/tell"));
    assert_eq!(prompt.args, ["--to", "ops"]);
    assert_eq!((prompt.timeout, prompt.repeat_after), (Some(Duration::from_secs(1200)), Duration::from_secs(3600)));
    let home = Home::new("[prompt]\ncommand = [\"tell\"]\nrepeat_after = \"5m\"\n");
    let prompt = home.settings().unwrap().prompt.unwrap();
    assert_eq!((prompt.program.to_str(), prompt.timeout), (Some("tell"), None));
    assert_eq!(prompt.repeat_after, Duration::from_secs(300));
    // A time without a command is for later.
    assert_eq!(Home::new("[prompt]\ntimeout = \"1m\"\n").settings().unwrap().prompt, None);
    for (text, expected) in [
        ("command = \"tell\"", "2: prompt.command: not an array of strings"),
        ("command = []", "2: prompt.command: names no program"),
        ("command = [\"\"]", "2: prompt.command: has an empty program or a null character"),
        ("command = [\"tell\"]\ntimeout = 5", "3: prompt.timeout: not a string"),
        ("command = [\"tell\"]\ntimeout = \"0s\"", "3: prompt.timeout: leaves nobody the time to sign in"),
        (
            "command = [\"tell\"]\nrepeat_after = \"soon\"",
            "3: prompt.repeat_after: not a duration; it looks like 15m or 1h",
        ),
        ("shell = \"x\"", "2: prompt.shell: not a known key; known are command, timeout, repeat_after"),
    ] {
        let home = Home::new(format!("[prompt]\n{text}\n"));
        let error = home.load().and_then(|config| config.settings(&tenant())).unwrap_err();
        assert!(error.message().ends_with(&format!(":{expected}")), "{error}");
    }
}
