//! The PowerShell module in `examples/powershell`: read by a parser of PowerShell 5.1's grammar,
//! and run where there is a PowerShell.
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

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::support::skip;

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
fn has(tool: &str, args: &[&str]) -> bool {
    Command::new(tool).args(args).output().is_ok_and(|output| output.status.success())
}

/// A python with the parser; without one the reading is passed over.
fn python() -> Option<String> {
    let python = std::env::var("VB365_HELPER_TESTS_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let wanted = "import tree_sitter, tree_sitter_powershell";
    let why = format!("{python} has no tree-sitter-powershell (VB365_HELPER_TESTS_PYTHON names another python)");
    (has(&python, &["-c", wanted]) || skip(&why)).then_some(python)
}

fn read_module(python: &str, module: &Path, scripts: &[PathBuf]) -> (bool, String) {
    let check = root().join("tests/powershell/check.py");
    let output = Command::new(python).arg(check).arg(module).args(scripts).output().unwrap();
    (output.status.success(), text(&output.stdout) + &text(&output.stderr))
}

#[test]
fn the_module_is_powershell_5_1_and_explains_itself() {
    let Some(python) = python() else { return };
    let (good, words) = read_module(&python, &module(), &[module().with_file_name(SCRIPTS)]);
    assert!(good, "{words}");
    assert!(words.starts_with("3 files"), "{words}");
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
