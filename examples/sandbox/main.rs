//! A server on this machine that plays Microsoft's identity platform and VB365, to try
//! `vb365-helper` against: `cargo run --example sandbox`. It prints the configuration that points
//! the program at it, and then a line for each request.
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a program for people at a terminal")]

mod server;

use std::error::Error;
use std::path::PathBuf;
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
    #[arg(long, value_delimiter = ',', default_value = "4,5,6,7,8")]
    versions: Vec<u8>,
    /// Approve each sign-in without a person
    #[arg(long)]
    auto_approve: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    let tenant = args.tenant.clone();
    let organization = args.organization.clone();
    let sandbox = Sandbox::start(Options {
        tenant: args.tenant,
        organization: args.organization,
        account: args.account,
        port: args.port,
        tls: args.tls,
        no_san: args.no_san,
        entra_life: args.entra_life.as_secs(),
        veeam_life: args.veeam_life.as_secs(),
        code_life: args.code_life.as_secs(),
        interval: args.interval.as_secs(),
        versions: args.versions,
        auto_approve: args.auto_approve,
        log: Some(Box::new(|line| println!("{line}"))),
    })?;
    println!("The sandbox listens. Its lines for config.toml:\n");
    println!("[tenants.\"{tenant}\"]");
    println!("server = \"{}\"", sandbox.url());
    println!("organization = \"{organization}\"");
    println!("authority = \"{}\"", sandbox.authority());
    if args.no_san {
        println!("pin_sha256 = [\"{}\"]", sandbox.certificate_sha256().unwrap_or_default());
    } else if let Some(pem) = sandbox.certificate_pem() {
        println!("ca_file = '{}'", write_certificate(&pem)?.display());
    }
    println!("\nThen, in another terminal:\n\n  vb365-helper login {tenant}\n  vb365-helper get {tenant}\n");
    println!("The sign-in's page is {}/device. Ctrl-C stops the sandbox.\n", sandbox.authority());
    loop {
        std::thread::park();
    }
}

/// Writes the certificate where `ca_file` can name it.
fn write_certificate(pem: &str) -> std::io::Result<PathBuf> {
    let path = std::env::temp_dir().join(format!("vb365-sandbox-{}.pem", std::process::id()));
    std::fs::write(&path, pem)?;
    Ok(path)
}
