//! A server on this machine that plays Microsoft's identity platform and VB365, to try
//! `vb365-helper` against: `cargo run --example sandbox`. It prints the configuration that points
//! the program at it, and then a line for each request.
#![allow(clippy::disallowed_methods, reason = "a program for people at a terminal")]

mod server;

use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Parser;

use self::server::{Options, Sandbox};

/// Plays Microsoft's identity platform and a VB365 server on loopback.
#[derive(Parser)]
struct Args {
    /// Port to listen on; any without it
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Serve https with a self-signed certificate
    #[arg(long)]
    tls: bool,
    /// Let the certificate have a common name alone, as many VB365 servers' (with --tls)
    #[arg(long, requires = "tls")]
    no_san: bool,
    /// The tenant that signs in
    #[arg(long, default_value = "abc.onmicrosoft.com")]
    tenant: String,
    /// The organization as the VB365 server spells it
    #[arg(long, default_value = "Abc.onmicrosoft.com")]
    organization: String,
    /// Who signs in
    #[arg(long, default_value = "admin@abc.onmicrosoft.com")]
    account: String,
    /// Life of Microsoft's access tokens, as in 1h
    #[arg(long, default_value = "1h", value_parser = humantime::parse_duration)]
    entra_life: Duration,
    /// Life of the VB365 server's access tokens, as in 2m
    #[arg(long, default_value = "1h", value_parser = humantime::parse_duration)]
    veeam_life: Duration,
    /// Life of a device code
    #[arg(long, default_value = "15m", value_parser = humantime::parse_duration)]
    code_life: Duration,
    /// Time between two polls
    #[arg(long, default_value = "1s", value_parser = humantime::parse_duration)]
    interval: Duration,
    /// Versions of the REST API that are served
    #[arg(long, value_delimiter = ',', default_value = "4,5,6,7,8", value_parser = clap::value_parser!(u8).range(4..=8))]
    versions: Vec<u8>,
    /// How long every answer takes at the least, as in 5ms
    #[arg(long, default_value = "0s", value_parser = humantime::parse_duration)]
    latency: Duration,
    /// Approve each sign-in without a person
    #[arg(long)]
    auto_approve: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    let (tenant, organization, no_san) = (args.tenant.clone(), args.organization.clone(), args.no_san);
    let sandbox = Sandbox::start(Options {
        tenant: args.tenant,
        organization: args.organization,
        account: args.account,
        port: args.port,
        tls: args.tls,
        no_san: args.no_san,
        days: None,
        clock_ahead: 0,
        entra_life: args.entra_life.as_secs(),
        veeam_life: args.veeam_life.as_secs(),
        code_life: args.code_life.as_secs(),
        interval: args.interval.as_secs(),
        versions: args.versions,
        auto_approve: args.auto_approve,
        names: None,
        latency: args.latency,
        log: Some(Box::new(say)),
    })?;
    let config = write_config(&sandbox, &tenant, &organization, no_san)?;
    say(&words(&sandbox, &config, &tenant)?);
    loop {
        std::thread::park();
    }
}

/// Writes a configuration of its own for the sandbox, with a cache of its own, into a new directory:
/// what is tried here never touches what the program knows about real servers.
fn write_config(sandbox: &Sandbox, tenant: &str, organization: &str, no_san: bool) -> io::Result<PathBuf> {
    let directory = tempfile::Builder::new().prefix("vb365-sandbox-").tempdir()?.keep();
    let mut text = format!(
        "[tenants.\"{tenant}\"]\nserver = \"{}\"\norganization = \"{organization}\"\nauthority = \"{}\"\n",
        sandbox.url(),
        sandbox.authority()
    );
    if let Some(pin) = sandbox.certificate_sha256().filter(|_| no_san) {
        text += &format!("pin_sha256 = [\"{pin}\"]\n");
    } else if let Some(pem) = sandbox.certificate_pem() {
        let file = directory.join("sandbox.pem");
        fs::write(&file, pem)?;
        text += &format!("ca_file = '{}'\n", file.display());
    }
    text += &format!("\n[cache]\ndir = '{}'\n", directory.join("cache").display());
    let path = directory.join("config.toml");
    fs::write(&path, text)?;
    Ok(path)
}

/// What a person needs to know to go on.
fn words(sandbox: &Sandbox, config: &Path, tenant: &str) -> io::Result<String> {
    let (lines, config) = (fs::read_to_string(config)?, config.display());
    let (url, authority) = (sandbox.url(), sandbox.authority());
    let curl = match lines.lines().find_map(|line| line.strip_prefix("ca_file = ")) {
        Some(file) => format!("curl --cacert {file}"),
        None => "curl".to_owned(),
    };
    Ok(format!(
        "The sandbox listens. Its configuration, in {config}:\n\n{lines}\n\
         In another terminal:\n\n  \
         vb365-helper --config '{config}' login {tenant}\n  \
         vb365-helper --config '{config}' get {tenant}\n\n\
         Codes are entered at {authority}/device, or approved without a browser:\n\n  \
         {curl} -X POST {authority}/sandbox/approve          (also: decline, expire, revoke)\n  \
         {curl} -d '{{\"endpoint\":\"veeam_token\",\"status\":503}}' {authority}/sandbox/faults\n  \
         {curl} {authority}/sandbox/state\n\n\
         The VB365 server is {url}. Ctrl-C stops the sandbox. Requests from here on:\n"
    ))
}

/// A reader that went away, as `head` does, is no reason to stop.
fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}
