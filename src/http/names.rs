//! Where hosts are: asked of the system, and remembered for a while. Before each request ureq asks for the addresses,
//! even where a connection is kept, and the thousands of requests of one process go to two or three hosts.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// How long addresses are remembered: most names are good for a minute, and somebody may move one.
const REMEMBERED: Duration = Duration::from_secs(30);

/// The system's resolver, with one error for every way of not finding a name: those of the systems cannot be told from
/// other failures.
#[derive(Debug, Default)]
pub(super) struct Names<R = DefaultResolver> {
    system: R,
    known: Mutex<HashMap<String, (Instant, ResolvedSocketAddrs)>>,
}

impl<R: Resolver> Resolver for Names<R> {
    #[allow(clippy::disallowed_methods, reason = "how old an address is concerns nobody else")]
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        // Where a SOCKS proxy is the way out, names may have no resolver: leave the refusal to the tunnel.
        if config.proxy().is_some_and(|proxy| proxy.resolve_target() && !proxy.is_no_proxy(uri)) {
            return Ok(self.empty());
        }
        let place =
            uri.scheme().zip(uri.authority()).and_then(|(scheme, at)| DefaultResolver::host_and_port(scheme, at));
        let place = place.unwrap_or_default();
        if let Some((_, found)) = self.known().get(&place).filter(|(since, _)| since.elapsed() < REMEMBERED) {
            return Ok(found.clone());
        }
        let found = self.system.resolve(uri, config, timeout).map_err(|error| match error {
            ureq::Error::Io(_) => ureq::Error::HostNotFound,
            other => other,
        })?;
        self.known().insert(place, (Instant::now(), found.clone()));
        Ok(found)
    }
}

impl<R> Names<R> {
    fn known(&self) -> MutexGuard<'_, HashMap<String, (Instant, ResolvedSocketAddrs)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    /// Finds each name at another port than the time before, and no name that is `nowhere`.
    #[derive(Debug, Default)]
    struct Counting(Mutex<u16>);

    impl Resolver for Counting {
        fn resolve(&self, uri: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
            let mut count = self.0.lock().unwrap();
            *count += 1;
            if uri.host() == Some("nowhere") {
                return Err(std::io::Error::other("no such name").into());
            }
            let mut found = self.empty();
            found.push(SocketAddr::from(([127, 0, 0, 1], *count)));
            Ok(found)
        }
    }

    fn ask(names: &Names<Counting>, uri: &str) -> Result<u16, ureq::Error> {
        let found = names.resolve(&uri.parse().unwrap(), &Config::default(), NextTimeout::default())?;
        Ok(found[0].port())
    }

    #[test]
    fn a_host_is_asked_for_once_in_a_while() {
        let names = Names::<Counting>::default();
        assert_eq!(ask(&names, "https://a/x").unwrap(), 1);
        assert_eq!(ask(&names, "https://a:443/y").unwrap(), 1);
        assert_eq!(ask(&names, "https://a:4443/").unwrap(), 2);
        assert_eq!(ask(&names, "http://a/").unwrap(), 3);
        names.known().values_mut().for_each(|(since, _)| *since -= REMEMBERED);
        assert_eq!(ask(&names, "https://a/").unwrap(), 4);
    }

    #[test]
    fn a_name_that_is_not_found_is_asked_for_again() {
        let names = Names::<Counting>::default();
        for _ in 0..2 {
            assert!(matches!(ask(&names, "https://nowhere/").unwrap_err(), ureq::Error::HostNotFound));
        }
        assert_eq!(ask(&names, "https://a/").unwrap(), 3);
    }
}
