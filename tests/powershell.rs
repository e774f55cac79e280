//! The PowerShell module in `examples/powershell`: read by a parser of PowerShell 5.1's grammar, its
//! compiled part put between real certificates, and all of it run where there is a PowerShell.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "tests: real time, real processes, and failing is their way to speak"
)]

mod support;

use std::ffi::OsStr;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::thread;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair, PKCS_RSA_SHA256, date_time_ymd,
};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tempfile::TempDir;

use crate::support::{skip, tool};

const SCRIPTS: &str = "Vb365Helper.Tests.ps1";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn module() -> PathBuf {
    root().join("examples/powershell/Vb365Helper")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Whether `tool` starts at all.
fn has(tool: impl AsRef<OsStr>, args: &[&str]) -> bool {
    Command::new(tool).args(args).output().is_ok_and(|output| output.status.success())
}

/// A python with the parser; without one the reading is passed over.
fn python() -> Option<PathBuf> {
    let python = tool("python3")?;
    let wanted = "import tree_sitter, tree_sitter_powershell";
    let why = format!("{} has no tree-sitter-powershell of tests/requirements.txt", python.display());
    (has(&python, &["-c", wanted]) || skip(&why)).then_some(python)
}

fn read_module(python: &Path, module: &Path, scripts: &[PathBuf]) -> (bool, String) {
    let check = root().join("tests/powershell/check.py");
    let output = Command::new(python).arg(check).arg(module).args(scripts).output().unwrap();
    (output.status.success(), text(&output.stdout) + &text(&output.stderr))
}

#[test]
fn the_module_is_powershell_5_1_and_explains_itself() {
    let Some(python) = python() else { return };
    let (good, words) = {
        let webhook = root().join("examples/unattended/webhook.ps1");
        read_module(&python, &module(), &[module().with_file_name(SCRIPTS), webhook])
    };
    assert!(good, "{words}");
    assert!(words.starts_with("4 files"), "{words}");
}

/// What a reader that sees nothing would let through: each change is one, and has to be reported.
#[test]
fn the_reading_reports_what_is_broken() {
    let Some(python) = python() else { return };
    for (file, good, broken, report) in [
        ("Vb365Helper.psm1", "if ($text -eq '') {", "if ($text -eq '' {", "syntax error"),
        ("Vb365Helper.psm1", "$null -eq $Value", "$null ?? $Value", "syntax error"),
        ("Vb365Helper.psm1", "    Enable-Tls12\n", "    Enable-Tls12 && Enable-Tls12\n", "newer than 5.1"),
        ("Vb365Helper.psm1", "ConvertFrom-Json -InputObject", "ConvertFrom-Json -AsHashtable", "-ashashtable"),
        ("Vb365Helper.psm1", "[void]$Process.Start()", "Invoke-Expression 'x'", "Invoke-Expression is none"),
        ("Vb365Helper.psm1", "$rule.Callback", "{ $true }", "judged by something else"),
        ("Vb365Helper.psm1", "$request.ConnectionGroupName", "$request.MediaType", "shared with other rules"),
        ("Vb365Helper.psm1", "-Caller $Caller -Run $run", "-Caler $Caller -Run $run", "no parameter -caler"),
        ("Vb365Helper.psm1", "    $path = Find-Helper", "    $pth = Find-Helper", "$path is never assigned"),
        ("Vb365Helper.psm1", "[System.Text.Encoding]::UTF8", "[System.Text.Encodin]::UTF8", "encodin"),
        ("Vb365Helper.psm1", "$start.CreateNoWindow", "$start.ArgumentList", "argumentlist is not in 5.1"),
        ("Vb365Helper.psm1", "    .PARAMETER Scope\n", "    .PARAMETER Scop\n", "explains"),
        ("Vb365Helper.psm1", "    .SYNOPSIS\n    Signs", "    .SYNOPSIS\n\n    .NOTES\n    Signs", "has no .SYNOPSIS"),
        ("Vb365Helper.psd1", "'Disconnect-Vb365'", "'Disconnect-Vb36'", "the manifest exports"),
        ("Vb365Helper.psd1", "@('Desktop', 'Core')", "@('Core')", "Desktop and Core"),
        ("Vb365Helper.psd1", "'0.1.0'", "'0.1.0", "syntax error"),
    ] {
        let directory = TempDir::new().unwrap();
        for entry in fs::read_dir(module()).unwrap() {
            let path = entry.unwrap().path();
            let text = fs::read_to_string(&path).unwrap();
            let name = path.file_name().unwrap();
            let is_broken = name == file;
            assert!(!is_broken || text.contains(good), "{good} is not in {file}");
            let text = if is_broken { text.replacen(good, broken, 1) } else { text };
            fs::write(directory.path().join(name), text).unwrap();
        }
        let (is_good, words) = read_module(&python, directory.path(), &[]);
        assert!(!is_good && words.contains(report), "{broken}: {words}");
    }
}

/// The rule for certificates, compiled by the language of Windows PowerShell's own compiler.
struct Rule(TempDir);

impl Rule {
    /// `None` where no compiler is here.
    fn compiled() -> Option<Self> {
        if !has("mcs", &["--version"]) || !has("mono", &["--version"]) {
            skip("mono-mcs is missing, which compiles the module's rule for certificates");
            return None;
        }
        let directory = TempDir::new().unwrap();
        let program = directory.path().join("harness.exe");
        let mut compiler = Command::new("mcs");
        compiler.args(["-langversion:5", "-warnaserror"]).arg(format!("-out:{}", program.display()));
        let sources = [root().join("tests/powershell/Harness.cs"), module().join("CertificateRule.cs")];
        let output = compiler.args(sources).output().unwrap();
        assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
        Some(Self(directory))
    }

    /// What came of a call of `url`.
    fn judge(&self, url: &str, args: &[&str]) -> String {
        let mut harness = Command::new("mono");
        // Its own home, so that no root of this machine's user counts.
        harness.arg(self.0.path().join("harness.exe")).arg(url).args(args).env("HOME", self.0.path());
        let Output { status, stdout, stderr } = harness.output().unwrap();
        assert!(status.success(), "{}{}", text(&stdout), text(&stderr));
        text(&stdout).trim_end().to_owned()
    }

    fn assert_accepts(&self, url: &str, args: &[&str]) {
        assert_eq!(self.judge(url, args), "200 refused=none", "{args:?}");
    }

    fn assert_refuses(&self, url: &str, args: &[&str], sha256: &str) {
        assert_eq!(self.judge(url, args), format!("TrustFailure refused={sha256}"), "{args:?}");
    }

    /// A PEM file for [`Rule::judge`].
    fn root(&self, name: &str, certificate: &Certificate) -> String {
        let path = self.0.path().join(name);
        fs::write(&path, certificate.pem()).unwrap();
        format!("root={}", path.display())
    }
}

/// A key of the kind that mono's chains understand, which ring cannot make.
fn rsa_key() -> KeyPair {
    let output = Command::new("openssl").args(["genpkey", "-algorithm", "RSA"]).output().unwrap();
    KeyPair::from_pem_and_sign_algo(&text(&output.stdout), &PKCS_RSA_SHA256).unwrap()
}

fn named(name: &str, change: impl FnOnce(&mut CertificateParams)) -> CertificateParams {
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    change(&mut params);
    params
}

fn authority(name: &str) -> CertificateParams {
    named(name, |params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained))
}

fn sha256(certificate: &Certificate) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, certificate.der());
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A server that shows `chain` and answers with empty objects for as long as the caller likes.
fn serve(chain: &[&Certificate], key: &KeyPair) -> String {
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let chain = chain.iter().map(|certificate| certificate.der().clone()).collect();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let (config, listener) = (Arc::new(config), TcpListener::bind("127.0.0.1:0").unwrap());
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = rustls::StreamOwned::new(connection, stream.unwrap());
            thread::spawn(move || {
                // Whoever refuses the certificate hangs up.
                while stream.read(&mut [0; 4096]).is_ok_and(|length| length > 0) {
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
                    let _ = stream.flush();
                }
            });
        }
    });
    format!("https://{address}/")
}

#[test]
fn a_certificate_is_accepted_by_its_pin_alone() {
    let Some(rule) = Rule::compiled() else { return };
    let key = KeyPair::generate().unwrap();
    let (server, other) = (named("server", |_| ()).self_signed(&key).unwrap(), "ab".repeat(32));
    let (url, sha256) = (serve(&[&server], &key), sha256(&server));
    let (right, wrong) = (format!("pin={sha256}"), format!("pin={other}"));
    rule.assert_accepts(&url, &[&right]);
    rule.assert_accepts(&url, &[&wrong, &right]);
    // A process that accepts everything, as many a script has it do, changes nothing.
    for args in [&[][..], &["careless"], &[&wrong], &[&wrong, "careless"]] {
        rule.assert_refuses(&url, args, &sha256);
    }
    // Nor does a connection that is still open from when the right pin was given.
    let after = format!("after={sha256}");
    rule.assert_refuses(&url, &[&after], &sha256);
    rule.assert_refuses(&url, &[&after, &wrong], &sha256);
}

#[test]
fn a_certificate_is_accepted_by_an_added_root_if_all_else_is_right() {
    let Some(rule) = Rule::compiled() else { return };
    if !has("openssl", &["version"]) {
        skip("openssl is missing, which makes the keys of certificates");
        return;
    }
    let (root_key, key) = (rsa_key(), rsa_key());
    let root = authority("root").self_signed(&root_key).unwrap();
    let impostor = authority("root").self_signed(&key).unwrap();
    let (trusted, borrowed) = (rule.root("root.pem", &root), rule.root("impostor.pem", &impostor));
    let by_root = Issuer::new(authority("root"), &root_key);

    let server = named("server", |_| ()).signed_by(&key, &by_root).unwrap();
    let (url, its) = (serve(&[&server], &key), sha256(&server));
    rule.assert_accepts(&url, &[&trusted]);
    rule.assert_accepts(&url, &[&borrowed, &trusted]);
    rule.assert_refuses(&url, &[], &its);
    rule.assert_refuses(&url, &["careless"], &its);
    rule.assert_refuses(&url, &[&borrowed], &its);
    // Where there are pins, they count alone.
    let other = format!("pin={}", "ab".repeat(32));
    rule.assert_refuses(&url, &[&trusted, &other], &its);

    let middle = authority("middle").signed_by(&key, &by_root).unwrap();
    let below = named("server", |_| ()).signed_by(&key, &Issuer::new(authority("middle"), &key)).unwrap();
    rule.assert_accepts(&serve(&[&below, &middle], &key), &[&trusted]);
    rule.assert_refuses(&serve(&[&below, &middle], &key), &[&borrowed], &sha256(&below));

    // A root's word counts for nothing that is wrong otherwise.
    rule.assert_refuses(&url, &[&trusted, "misnamed"], &its);
    let expired = named("server", |params| params.not_after = date_time_ymd(2020, 1, 1));
    let expired = expired.signed_by(&key, &by_root).unwrap();
    rule.assert_refuses(&serve(&[&expired], &key), &[&trusted], &sha256(&expired));
    // An authority that is none: a server's certificate has signed another's.
    let false_issuer = Issuer::new(named("server", |_| ()), &key);
    let forged = named("forged", |_| ()).signed_by(&key, &false_issuer).unwrap();
    rule.assert_refuses(&serve(&[&forged, &server], &key), &[&trusted], &sha256(&forged));
}

/// There is no PowerShell in Debian: that it is missing fails nowhere, and is said everywhere.
#[cfg(unix)]
#[test]
fn the_module_works_in_powershell() {
    use crate::support::server::Options;
    use crate::support::{Machine, ORGANIZATION, can_use_terminals, say_skipped};
    use std::time::Duration;

    let pester = "if (-not (Get-Module -ListAvailable Pester | Where-Object Version -GE '5.0')) { exit 1 }";
    if !has("pwsh", &["-NoProfile", "-Command", pester]) {
        say_skipped("there is no PowerShell (pwsh) with Pester 5: the module was read, and not run");
        return;
    }
    if !can_use_terminals() {
        return;
    }
    for tls in [false, true] {
        let machine = Machine::with(Options { tls, no_san: tls, auto_approve: true, ..Options::default() });
        let (server, authority) = (machine.sandbox.url(), machine.sandbox.authority());
        let pin = machine.sandbox.certificate_sha256().map(|pin| format!("pin_sha256 = \"{pin}\"\n"));
        machine.write_config(&format!(
            "[tenants.\"{ORGANIZATION}\"]\nserver = \"{server}\"\nauthority = \"{authority}\"\n{}",
            pin.unwrap_or_default()
        ));
        let scripts = module().with_file_name(SCRIPTS);
        let run = format!(
            "Import-Module Pester -MinimumVersion 5.0; \
             exit (Invoke-Pester -Path '{}' -Output Detailed -PassThru).FailedCount",
            scripts.display()
        );
        let mut command = Command::new("pwsh");
        command.args(["-NoProfile", "-Command", &run]);
        command.env("HOME", std::env::var_os("HOME").unwrap());
        command.env("VB365_HELPER", env!("CARGO_BIN_EXE_vb365-helper"));
        command.env("VB365_HELPER_CONFIG", machine.home().join("config.toml"));
        command.env("VB365_HELPER_CACHE_DIR", machine.cache_dir());
        command.env("VB365_SANDBOX", &authority);
        let finished = machine.at_a_terminal_by(&command, &[]).finish(Duration::from_secs(300));
        let shown = text(&finished.stdout) + &text(&finished.stderr);
        assert_eq!(finished.code, Some(0), "{shown}");
        assert!(shown.contains("Tests Passed"), "{shown}");
        machine.assert_no_complaints();
    }
}

#[test]
fn the_script_of_completions_is_powershell() {
    let Some(python) = python() else { return };
    let script =
        Command::new(assert_cmd::cargo::cargo_bin!("vb365-helper")).args(["completions", "powershell"]).output();
    let script = text(&script.unwrap().stdout);
    assert!(script.contains("Register-ArgumentCompleter -Native -CommandName vb365-helper"), "{script}");
    let parse = "import sys, tree_sitter, tree_sitter_powershell as p\n\
                 tree = tree_sitter.Parser(tree_sitter.Language(p.language())).parse(sys.argv[1].encode())\n\
                 sys.exit(tree.root_node.has_error)";
    for (script, good) in [(script.clone(), true), (script.replacen('}', "", 1), false)] {
        assert_eq!(has(&python, &["-c", parse, &script]), good, "{script}");
    }
}
