//! Looks at certificates: everything is told, nothing is sent, and no rule is weakened by looking.

use super::*;
use crate::http::{Presented, Probe};

fn look(trust: &Trust, url: &str) -> Result<Option<Presented>, Failure> {
    Probe::with_proxy(trust, None).unwrap().look(&url.parse().unwrap(), LIMIT)
}

/// A server that tells what it got to read under TLS.
fn listening(identity: &Identity, version: &'static SupportedProtocolVersion) -> (Server, Receiver<usize>) {
    let config = Arc::new(identity.config(&[version]));
    let (told, lengths) = mpsc::channel();
    let server = Server::new(move |stream| {
        let length = accept(&config, stream).read(&mut [0; 64]).unwrap_or(0);
        told.send(length).unwrap();
        Ok(())
    });
    (server, lengths)
}

#[test]
fn a_look_tells_what_is_thought_of_the_certificate_and_sends_nothing() {
    let (identity, other) = (Identity::with_names(), Identity::with_names());
    let (_file, by_root) = identity.as_ca_file();
    for version in [&TLS12, &TLS13] {
        let (server, lengths) = listening(&identity, version);
        for (trust, distrust) in [
            (identity.pinned(), None),
            (by_root.clone(), None),
            (other.pinned(), Some(format!("is not the pinned one ({})", other.fingerprint()))),
        ] {
            let presented = look(&trust, &server.url("https", "")).unwrap().unwrap();
            assert_eq!(presented.distrust, distrust);
            assert_eq!(presented.certificate.fingerprint, identity.fingerprint());
            assert_eq!(presented.certificate.details.unwrap().names, ["localhost", "127.0.0.1", "vb365.test"]);
            assert_eq!(lengths.recv().unwrap(), 0);
        }
        let strange = look(&Trust::default(), &server.url("https", "")).unwrap().unwrap();
        assert!(strange.distrust.unwrap().starts_with("is not trusted ("));
    }
}

#[test]
fn whoever_has_only_copied_a_certificate_shows_nothing() {
    let identity = Identity::with_names();
    for version in [&TLS12, &TLS13] {
        let thief = KeyPair::generate().unwrap();
        let server = Server::tls(identity.config_signed_by(&thief, &[version]));
        let failure = look(&identity.pinned(), &server.url("https", "")).unwrap_err();
        assert!(failure.message().contains("(bad signature)"), "{failure:?}");
    }
}

#[test]
fn a_look_goes_through_the_proxy_and_judges_that_by_the_roots() {
    let (outer, inner) = (Identity::with_names(), Identity::with_common_name_only());
    let (outer_config, inner_config) = (Arc::new(outer.config(&[&TLS13])), Arc::new(inner.config(&[&TLS12])));
    let proxy = Server::new(move |stream| {
        let mut stream = accept(&outer_config, stream);
        read_head(&mut stream)?;
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
        answer_all(&mut accept(&inner_config, stream), EMPTY)
    });
    let by_way_of = |trust: &Trust| {
        let proxy = Proxy::new(&format!("https://{}", proxy.address)).unwrap();
        Probe::with_proxy(trust, Some(proxy)).unwrap().look(&"https://vb365.test".parse().unwrap(), LIMIT)
    };
    let (_file, mut trust) = outer.as_ca_file();
    trust.pins = vec![inner.fingerprint()];
    let presented = by_way_of(&trust).unwrap().unwrap();
    assert_eq!((presented.certificate.fingerprint, presented.distrust), (inner.fingerprint(), None));
    // A pin says nothing about a proxy.
    let failure = by_way_of(&outer.pinned()).unwrap_err();
    assert!(failure.message().contains("the certificate of proxy"), "{failure:?}");
}

#[test]
fn where_there_is_no_certificate_none_is_seen() {
    let server = Server::http(EMPTY);
    assert_eq!(look(&Trust::default(), &server.url("http", "")).unwrap(), None);
    assert_eq!(server.connections(), 0);
    assert!(matches!(look(&Trust::default(), &server.url("https", "")), Err(Failure::Unreachable { .. })));
    assert!(matches!(look(&Trust::default(), "https://127.0.0.1:1"), Err(Failure::Unreachable { .. })));
}
