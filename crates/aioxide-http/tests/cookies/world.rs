//! Short forms for what the tests do.

use aioxide_http::cookies::{
    Attribute, AttributeValue, Cookie, Jar, JarSettings, ParsedSetCookies, SetCookieLimits, Target,
    UnixTime, parse_set_cookie,
};

pub(crate) const NOW: UnixTime = UnixTime::from_secs(1_600_000_000);

/// The parts of a URL of few forms: `scheme://host[:port]/path`.
pub(crate) fn target(url: &str) -> Target<'_> {
    let (scheme, rest) = url.split_once("://").expect("a whole URL");
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, port)) => (host, port.strip_prefix(':')),
        None => {
            authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)))
        }
    };
    let port = port.map(|port| port.parse().expect("a port"));
    Target { scheme, host: Some(host), port, path: if path.is_empty() { "/" } else { path } }
}

pub(crate) fn parse(field: &str) -> Cookie {
    parse_set_cookie(field.as_bytes(), &SetCookieLimits::default()).expect("a cookie")
}

pub(crate) fn answer(jar: &mut Jar, now: UnixTime, url: &str, fields: &[&str]) -> ParsedSetCookies {
    jar.update_from_headers(now, fields.iter().map(|field| field.as_bytes()), &target(url))
}

pub(crate) fn header(jar: &mut Jar, now: UnixTime, url: &str) -> String {
    jar.header(now, &target(url)).unwrap_or_default().to_owned()
}

/// A jar that takes from addresses, too.
pub(crate) fn open_jar() -> Jar {
    Jar::new(JarSettings { accept_addresses: true, ..JarSettings::default() })
}

/// What is set, as oracle.py writes it.
pub(crate) fn attributes(cookie: &Cookie) -> Vec<String> {
    let shown = |(attribute, value): (Attribute, &AttributeValue)| match value {
        AttributeValue::Text(text) => format!("{}={text}", attribute.name()),
        AttributeValue::Flag(_) => attribute.name().to_owned(),
        AttributeValue::Integer(number) => format!("{}={number}", attribute.name()),
    };
    let mut shown: Vec<_> = cookie.attributes.iter().map(shown).collect();
    shown.sort_by(|one, other| one.split('=').next().cmp(&other.split('=').next()));
    shown
}
