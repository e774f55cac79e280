//! A VB365 server as people type it: the address of its page, its bare name, a port left out. What is
//! meant is understood or explained; a URL that is complete is never changed. (Requests and the
//! configuration are held to the exact form.)

use url::Url;

use crate::credential::Origin;

/// Where VB365's REST API listens unless somebody changed it.
pub const USUAL_PORT: u16 = 4443;
/// Longest name that is taken for one where no scheme stands before it, in characters; a token is longer.
const LONGEST_NAME: usize = 64;

/// The server that is meant by `typed`.
///
/// # Errors
/// What is wrong, in words, with the right form where that can be told.
pub fn server(typed: &str) -> Result<Origin, String> {
    let typed = typed.trim();
    if typed.contains("://") {
        return complete(typed);
    }
    let name = typed.split(['/', '?', '#']).next().unwrap_or_default();
    // A single word could be anything, a token among it.
    if !name.contains(['.', ':']) || name.len() > LONGEST_NAME {
        return Err("not a URL; it looks like https://host:4443".into());
    }
    let url = Url::parse(&format!("https://{name}")).map_err(|_| "not a URL; it looks like https://host:4443")?;
    // The port that https has by itself is left out of a URL, but was it typed?
    Origin::of(&if name.ends_with(":443") { url } else { with_port(url) })
}

/// A URL that names its scheme.
fn complete(typed: &str) -> Result<Origin, String> {
    let url = Url::parse(typed).map_err(|_| "not a URL; it looks like https://host:4443")?;
    Origin::of(&url).map_err(|why| match secured(typed, &url) {
        Some(right) => format!("{why}; is it {right}?"),
        None => why,
    })
}

/// The https URL for one of http that is fit to be repeated.
fn secured(typed: &str, url: &Url) -> Option<Origin> {
    let (_, rest) = typed.split_once("://").filter(|_| url.scheme() == "http")?;
    server(rest).ok()
}

/// `url` with the usual port, if it has none.
fn with_port(mut url: Url) -> Url {
    if url.port().is_none() {
        // Only a URL without a host refuses, and that one is refused anyway.
        let _ = url.set_port(Some(USUAL_PORT));
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_understood_however_it_was_copied() {
        for (typed, meant) in [
            ("vb365.abc.local", "https://vb365.abc.local:4443"),
            ("VB365.abc.local/", "https://vb365.abc.local:4443"),
            ("vb365.abc.local/v8/swagger", "https://vb365.abc.local:4443"),
            ("vb365:4443", "https://vb365:4443"),
            ("vb365.abc.local:9443", "https://vb365.abc.local:9443"),
            ("vb365.abc.local:443", "https://vb365.abc.local"),
            ("10.0.0.7", "https://10.0.0.7:4443"),
            ("[fd00::7]:4443", "https://[fd00::7]:4443"),
            (" https://vb365.abc.local:4443 ", "https://vb365.abc.local:4443"),
            ("https://vb365.abc.local:4443/swagger/ui/index.html#/Auth", "https://vb365.abc.local:4443"),
            ("https://vb365.abc.local:4443/v8/?x=1", "https://vb365.abc.local:4443"),
            // Complete as it is: nobody says that 4443 was meant.
            ("https://vb365.abc.local", "https://vb365.abc.local"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ] {
            assert_eq!(server(typed).map(|origin| origin.to_string()).as_deref(), Ok(meant), "{typed}");
        }
    }

    #[test]
    fn what_is_no_server_is_explained_and_never_repeated() {
        let looks = "not a URL; it looks like https://host:4443";
        let http = "only https is allowed (http on loopback alone)";
        let user = "a URL with a user name or password";
        let token = format!("{0}.{0}.{0}", "eyJ0".repeat(6));
        for (typed, why) in [
            ("", looks),
            ("canary", looks),
            (&token, looks),
            ("ca nary.com", looks),
            ("https://", looks),
            ("http://vb365.abc.local", &format!("{http}; is it https://vb365.abc.local:4443?")),
            ("http://vb365.abc.local:4443/v8", &format!("{http}; is it https://vb365.abc.local:4443?")),
            ("ftp://vb365.abc.local", http),
            ("admin:canary@vb365.abc.local", user),
            ("https://admin:canary@vb365.abc.local", user),
            ("http://admin:canary@vb365.abc.local", user),
        ] {
            assert_eq!(server(typed).as_ref().map_err(String::as_str), Err(why), "{typed}");
        }
    }
}
