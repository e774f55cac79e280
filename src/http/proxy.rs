//! Which proxy requests take, in words: its user name and password are never among them.

use ureq::Proxy;
use ureq::http::Uri;

use crate::credential::Origin;
use crate::text::printable;

/// The proxy of the environment or of Windows.
pub fn proxy() -> Option<String> {
    Proxy::try_from_env().map(|proxy| name(&proxy))
}

/// The proxy that requests to `origin` take; `None` where they go there directly.
pub fn proxy_of(origin: &Origin) -> Option<String> {
    let uri: Uri = origin.as_str().parse().ok()?;
    let proxy = Proxy::try_from_env()?;
    (!origin.is_loopback() && !proxy.is_no_proxy(&uri)).then(|| name(&proxy))
}

fn name(proxy: &Proxy) -> String {
    printable(&format!("{}:{}", proxy.host(), proxy.port()))
}
