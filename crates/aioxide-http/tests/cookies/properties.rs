//! What holds for any input.

use aioxide_http::cookies::{
    Cookie, CookieHeader, Jar, JarLimits, JarSettings, SetCookieLimits, Target, UnixTime,
    parse_cookie_header, parse_date, parse_set_cookie, quote, unquote,
};
use proptest::prelude::*;

use super::world::NOW;

#[derive(Clone, Debug)]
enum Operation {
    Answer(usize, usize, String),
    Header(usize, usize),
    Wait(i64),
    Clear(usize),
    Reload,
}

const HOSTS: [&str; 4] = ["x.com", "a.x.com", "b.a.x.com", "y.org"];
const PATHS: [&str; 5] = ["/", "/p", "/p/", "/p/q", "/r"];

fn field() -> impl Strategy<Value = String> {
    let attribute = prop_oneof![
        Just("Path=/"),
        Just("Path=/p"),
        Just("Path=/p/"),
        Just("Domain=x.com"),
        Just("Domain=a.x.com"),
        Just("Max-Age=2"),
        Just("Max-Age=0"),
        Just("Max-Age=9"),
        Just("Secure"),
    ];
    ("[abcd]", "[01 ]", prop::collection::vec(attribute, 0..3))
        .prop_map(|(name, value, attributes)| format!("{name}={value};{}", attributes.join(";")))
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        4 => (0..HOSTS.len(), 0..PATHS.len(), field()).prop_map(|(h, p, f)| Operation::Answer(h, p, f)),
        8 => (0..HOSTS.len(), 0..PATHS.len()).prop_map(|(h, p)| Operation::Header(h, p)),
        2 => (0..4_i64).prop_map(Operation::Wait),
        1 => (0..HOSTS.len()).prop_map(Operation::Clear),
        1 => Just(Operation::Reload),
    ]
}

/// The value that is sent, from what a program could find out itself.
fn rendered(jar: &mut Jar, now: UnixTime, target: &Target<'_>) -> Option<String> {
    let mut header = CookieHeader::new();
    for sent in jar.select(now, target) {
        header.set(sent.name, sent.key, sent.coded_value);
    }
    header.render().expect("the jar takes what can be sent only")
}

proptest! {
    /// Two jars with the same life, one of which renders each header anew.
    #[test]
    fn kept_headers_are_what_would_be_rendered(operations in prop::collection::vec(operation(), 1..80)) {
        let limits = JarLimits { domain: 5, domain_quota: 3, total: 9, total_quota: 6, request: 4, header_length: 25 };
        let settings = JarSettings { limits: Some(limits), cached_headers: 3, ..JarSettings::default() };
        let (mut keeping, mut fresh) = (Jar::new(settings.clone()), Jar::new(settings));
        let mut now = NOW;
        for operation in operations {
            let url = |host: usize, path: usize| Target { scheme: "https", host: Some(HOSTS[host]), port: None, path: PATHS[path] };
            match operation {
                Operation::Answer(host, path, field) => {
                    for jar in [&mut keeping, &mut fresh] {
                        jar.update_from_headers(now, [field.as_bytes()], &url(host, path));
                    }
                }
                Operation::Header(host, path) => {
                    let scheme = if host + path == 3 { "http" } else { "https" };
                    let target = Target { scheme, ..url(host, path) };
                    let kept = keeping.header(now, &target).map(str::to_owned);
                    prop_assert_eq!(kept, rendered(&mut fresh, now, &target));
                }
                Operation::Wait(seconds) => now = now.after_secs(seconds),
                Operation::Clear(host) => {
                    keeping.clear_domain(now, HOSTS[host]);
                    fresh.clear_domain(now, HOSTS[host]);
                }
                Operation::Reload => {
                    for jar in [&mut keeping, &mut fresh] {
                        let saved = jar.save();
                        jar.load(now, saved);
                    }
                }
            }
            keeping.expire(now);
            fresh.expire(now);
            prop_assert_eq!(keeping.save(), fresh.save());
            prop_assert!(keeping.len() <= 9);
        }
    }

    #[test]
    fn quoted_value_comes_back(value in any::<String>()) {
        let quoted = quote(&value);
        prop_assert_eq!(unquote(&quoted), value.as_str());
        prop_assert!(quoted.bytes().all(|byte| !byte.is_ascii_control() && byte != b';'));
    }

    /// What a program gives comes out of the header that it went into.
    #[test]
    fn cookie_goes_through_a_header(pairs in prop::collection::btree_map("[a-z]{1,4}", "[^\\x00-\\x1f\\x7f]{0,12}", 0..6)) {
        let cookies: Vec<_> = pairs
            .iter()
            .filter_map(|(key, value)| Cookie::from_value(key, value).ok())
            .collect();
        let mut header = CookieHeader::new();
        for cookie in &cookies {
            header.set(cookie.key(), cookie.key(), cookie.coded_value());
        }
        let field = header.render().unwrap().unwrap_or_default();
        prop_assert_eq!(parse_cookie_header(&field), cookies);
    }

    #[test]
    fn any_bytes_are_read_without_harm(field in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(cookie) = parse_set_cookie(&field, &SetCookieLimits::default()) {
            let mut jar = Jar::default();
            let target = Target { scheme: "https", host: Some("x.com"), port: None, path: "/" };
            jar.update(NOW, [cookie], &target);
            prop_assert!(!jar.header(NOW, &target).unwrap_or_default().bytes().any(|byte| byte.is_ascii_control()));
        }
    }

    #[test]
    fn likely_text_is_read_without_harm(text in "[a =;,\"\\\\\t/é0-9:GMTJanWed-]{0,60}") {
        let _ = parse_date(&text);
        for cookie in parse_cookie_header(&text) {
            prop_assert!(!cookie.key().is_empty());
        }
        if let Ok(cookie) = parse_set_cookie(text.as_bytes(), &SetCookieLimits::default()) {
            prop_assert!(text.contains(cookie.coded_value()));
        }
    }
}
