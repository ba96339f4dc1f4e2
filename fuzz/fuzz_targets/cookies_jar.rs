//! Two jars with the same life. One keeps the headers that it rendered, the other selects anew.
#![no_main]

use aioxide_http::cookies::{CookieHeader, Jar, JarLimits, JarSettings, Target, UnixTime};
use arbitrary::Arbitrary;

#[derive(Arbitrary, Debug)]
enum Operation<'a> {
    Answer(Place, &'a [u8]),
    Request(Place),
    Wait(u8),
    ClearDomain(Place),
    Reload,
}

#[derive(Arbitrary, Debug)]
struct Place {
    scheme: bool,
    host: u8,
    path: u8,
}

const HOSTS: [Option<&str>; 8] = [
    Some("x.com"),
    Some("a.x.com"),
    Some("b.a.x.com"),
    Some("y.org"),
    Some("127.0.0.1"),
    Some(""),
    Some("x.com."),
    None,
];
const PATHS: [&str; 8] = ["/", "/p", "/p/", "/p/q", "/é/p", "", "p", "//"];

impl Place {
    fn target(&self) -> Target<'static> {
        let scheme = if self.scheme { "https" } else { "http" };
        let host = HOSTS[usize::from(self.host) % HOSTS.len()];
        Target { scheme, host, port: None, path: PATHS[usize::from(self.path) % PATHS.len()] }
    }
}

libfuzzer_sys::fuzz_target!(|input: (bool, Vec<Operation<'_>>)| {
    let (accept_addresses, operations) = input;
    let limits = JarLimits {
        domain: 4,
        domain_quota: 3,
        total: 9,
        total_quota: 6,
        request: 3,
        header_length: 64,
    };
    let settings = JarSettings {
        accept_addresses,
        limits: Some(limits),
        cached_headers: 3,
        ..JarSettings::default()
    };
    let (mut keeping, mut fresh) = (Jar::new(settings.clone()), Jar::new(settings));
    let mut now = UnixTime::from_secs(1_600_000_000);
    for operation in operations {
        match operation {
            Operation::Answer(place, field) => {
                for jar in [&mut keeping, &mut fresh] {
                    jar.update_from_headers(now, [field], &place.target());
                }
            }
            Operation::Request(place) => {
                let mut header = CookieHeader::new();
                for sent in fresh.select(now, &place.target()) {
                    header.set(sent.name, sent.key, sent.coded_value);
                }
                let rendered = header.render().expect("the jar takes what can be sent only");
                assert!(rendered.as_ref().is_none_or(|rendered| rendered.len() <= 64));
                assert_eq!(keeping.header(now, &place.target()), rendered.as_deref());
            }
            Operation::Wait(seconds) => now = now.after_secs(seconds.into()),
            Operation::ClearDomain(place) => {
                for jar in [&mut keeping, &mut fresh] {
                    jar.clear_domain(now, place.target().host.unwrap_or_default());
                }
            }
            Operation::Reload => {
                for jar in [&mut keeping, &mut fresh] {
                    let saved = jar.save();
                    jar.load(now, saved);
                }
            }
        }
        for jar in [&mut keeping, &mut fresh] {
            jar.expire(now);
        }
        assert_eq!(keeping.save(), fresh.save());
        assert!(keeping.len() <= 9 && keeping.entries().len() == keeping.len());
    }
});
