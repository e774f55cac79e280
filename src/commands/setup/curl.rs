//! curl: it has no helper of its own, but takes a header from its stdin, where no other user sees it.

use super::{Desk, Piece, Wiring, shell};
use crate::credential::{ApiVersion, Origin, Settings};
use crate::error::Result;

pub(super) fn wiring(desk: &Desk<'_>) -> Result<Wiring> {
    let settings = desk.config.settings(&desk.tenant()?)?;
    let mut get = vec![desk.program.clone()];
    get.extend(desk.get(&settings)?);
    get.extend(["--protocol", "header"].map(str::to_owned));
    let mut curl: Vec<_> = ["--fail", "-H", "@-"].map(str::to_owned).into();
    if let Some(ca_file) = ca_file(&settings) {
        curl.extend(["--cacert".to_owned(), ca_file]);
    }
    let server = desk.server(&settings)?;
    curl.push(example_url(&settings, &server));
    let sh = format!("set -o pipefail\n{} | curl {}\n", shell::sh(&get), shell::sh(&curl));
    let powershell = shell::powershell(&curl);
    let powershell = format!("{} | curl.exe {}\n", shell::powershell(&get), powershell.trim_start_matches("& "));
    let piece = |about: &str, text| Piece { about: vec![about.to_owned()], text, edits: Vec::new() };
    Ok(Wiring {
        pieces: vec![
            piece("In bash and zsh; without pipefail a sign-in that has ended shows as curl's error alone.", sh),
            piece("In PowerShell.", powershell),
        ],
        next: pin_hints(&settings, &server, "--cacert vb365.pem to curl"),
    })
}

/// Something to ask the server for.
pub(super) fn example_url(settings: &Settings, server: &Origin) -> String {
    format!("{server}/{}/Organization", settings.api_version.unwrap_or(ApiVersion::V8))
}

/// The roots that a client has to be told of.
pub(super) fn ca_file(settings: &Settings) -> Option<String> {
    // Where there are pins, the chain leads nowhere.
    settings.trust.ca_file.as_ref().filter(|_| settings.trust.pins.is_empty()).map(|path| path.display().to_string())
}

/// What to do for a server that is trusted by its certificate alone, which no other client can;
/// `with` is what the client has to be given then.
pub(super) fn pin_hints(settings: &Settings, server: &Origin, with: &str) -> Vec<String> {
    let Some(pin) = settings.trust.pins.first() else {
        return vec!["The token is renewed by the first command when it is due.".to_owned()];
    };
    let (name, port) = server.name_and_port();
    vec![
        format!("{server} is trusted by its certificate's SHA-256 (pin_sha256), which this client cannot check."),
        "Save the certificate, compare, and have the client trust this file:".to_owned(),
        format!("  openssl s_client -connect {name}:{port} </dev/null | openssl x509 -out vb365.pem"),
        "  openssl x509 -in vb365.pem -noout -fingerprint -sha256".to_owned(),
        format!("It must say {pin} (in capitals, with colons). Then give {with}."),
        format!("That works if the certificate is self-signed and made out to {name}."),
    ]
}
