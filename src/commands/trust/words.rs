//! What a person reads about a certificate before they trust it, and after. Fingerprints stand in two lines
//! that an eye can compare with what the server itself shows.

use std::collections::BTreeSet;
use std::path::Path;

use chrono::{DateTime, Utc};

use crate::config::Believer;
use crate::credential::{Fingerprint, Origin};
use crate::http::{Certificate, Presented};
use crate::screen::{Meaning, Screen};
use crate::text::in_a_row;

/// How the server tells its own fingerprints; Windows' dialogs show SHA-1 alone.
const COMPARE: &str = r"
Compare the SHA-256 with the server's own. There, in PowerShell:

  $sha = [Security.Cryptography.SHA256]::Create()
  dir Cert:\LocalMachine\My | % { $_.Subject
    [BitConverter]::ToString($sha.ComputeHash($_.RawData)) }

";

const CHANGED_TITLE: &str = "THE SERVER'S CERTIFICATE IS NOT THE ONE THAT IS PINNED";
/// What another certificate than the pinned one can mean.
const CHANGED: &str = "
  Nothing was sent to it. It can be that

  - the certificate was renewed or replaced: whoever runs the server knows;
  - another machine answers at this address;
  - somebody stands between here and the server, to read what is sent to it.

  As long as it is not known which, do not trust it.
";

/// The alarm's width, in characters.
const WIDTH: usize = 72;

/// A certificate that nobody vouches for.
pub(super) fn stranger(server: &Origin, presented: &Presented, screen: Screen, now: DateTime<Utc>) -> String {
    let distrust = presented.distrust.as_deref().unwrap_or_default();
    let first = screen.paint(Meaning::Strong, &format!("The certificate of {server} {distrust}."));
    format!("\n{first}\n\n{}{COMPARE}", card(&presented.certificate, now))
}

/// Another certificate than before: loud, because it may be an attack.
pub(super) fn changed(
    server: &Origin,
    presented: &Presented,
    pinned: &[Fingerprint],
    screen: Screen,
    now: DateTime<Utc>,
) -> String {
    let edge = "*".repeat(WIDTH);
    // To a reader who hears the page, a row of stars is no alarm.
    let alarm = if screen.is_live {
        [edge.clone(), format!("*  {CHANGED_TITLE:<0$}*", WIDTH - 4), edge].to_vec()
    } else {
        vec![CHANGED_TITLE.to_owned()]
    };
    let alarm: String = alarm.iter().map(|line| screen.paint(Meaning::Bad, line) + "\n").collect();
    let before: String = pinned.iter().map(|pin| lines("pinned", &pin.by_eye())).collect();
    format!(
        "\n{alarm}\n  server   {server}\n{before}\n  It shows this one now:\n\n{}{CHANGED}{COMPARE}",
        card(&presented.certificate, now)
    )
}

/// What a certificate says, a fact a line.
fn card(certificate: &Certificate, now: DateTime<Utc>) -> String {
    let fingerprint = lines("SHA-256", &certificate.fingerprint.by_eye());
    let Some(details) = &certificate.details else {
        return format!("  what it says cannot be read\n{fingerprint}");
    };
    let issuer = if details.issuer == details.subject { "itself" } else { &details.issuer };
    let names = match details.names.as_slice() {
        [] => "none".to_owned(),
        names => in_a_row(names.iter().map(String::as_str)),
    };
    let day = |instant: DateTime<Utc>| instant.format("%Y-%m-%d");
    let ending = details.ending(now).map(|words| format!(" ({words})")).unwrap_or_default();
    format!(
        "  subject  {}\n  issuer   {issuer}\n  names    {names}\n  valid    {} to {}{ending}\n{fingerprint}",
        details.subject,
        day(details.not_before),
        day(details.not_after),
    )
}

fn lines(name: &str, [first, second]: &[String; 2]) -> String {
    format!("  {name:<7}  {first}\n{:11}{second}\n", "")
}

/// A line about a certificate that ends soon.
pub(super) fn ending(server: &Origin, certificate: &Certificate, screen: Screen, now: DateTime<Utc>) -> Option<String> {
    let words = certificate.details.as_ref()?.ending(now)?;
    Some(screen.paint(Meaning::Warning, &format!("The certificate of {server} {words}.")) + "\n")
}

/// There is no certificate to trust.
pub(super) fn without_tls(server: &Origin) -> String {
    format!("{server} is on this machine and has no certificate; nothing was changed\n")
}

/// Nothing is to be done.
pub(super) fn trusted_already(server: &Origin, certificate: &Certificate, now: DateTime<Utc>) -> String {
    let issuer = certificate.details.as_ref().map(|details| format!(", issued by {}", details.issuer));
    let ending = certificate.details.as_ref().and_then(|details| details.ending(now));
    let ending = ending.map(|words| format!("; it {words}")).unwrap_or_default();
    let issuer = issuer.unwrap_or_default();
    format!("the certificate of {server}{issuer}, is trusted already{ending}; nothing was changed\n")
}

/// What was written, and where it counts, too.
pub(super) fn pinned(server: &Origin, certificate: &Certificate, believers: &[&Believer], file: &Path) -> String {
    let names: Vec<_> = believers.iter().map(|believer| believer.place.to_string()).collect();
    let names = in_a_row(names.iter().map(String::as_str));
    format!(
        "{server} is trusted by its certificate alone from now on (SHA-256 {})\nwritten to {} for {names}\n{}",
        certificate.fingerprint,
        file.display(),
        counts_elsewhere(server, believers.iter().flat_map(|believer| &believer.servers)).unwrap_or_default(),
    )
}

/// What a pin means at the other ones of a tenant's `servers`; `None` where it has no others.
pub(super) fn counts_elsewhere<'a>(server: &Origin, servers: impl IntoIterator<Item = &'a Origin>) -> Option<String> {
    let others: BTreeSet<_> = servers.into_iter().filter(|other| *other != server).collect();
    let first = others.first()?;
    let all = if others.len() == 1 {
        "if it is not pinned yet, go on with"
    } else {
        "those that are not pinned yet need the same, the first of them by"
    };
    Some(format!("pins count at every server of a tenant; {all}: vb365-helper trust {first}\n"))
}
