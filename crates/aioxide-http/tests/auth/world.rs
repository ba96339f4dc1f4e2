//! Short forms for what the tests do.

use aioxide_http::auth::{DigestAuth, DigestError, DigestSettings, DigestTarget};

pub(crate) const RANDOM: [u8; 8] = [0, 1, 2, 3, 0xfc, 0xfd, 0xfe, 0xff];
pub(crate) const CHALLENGE: &str = "Digest realm=\"r\", nonce=\"n1\", qop=\"auth\", algorithm=MD5";

pub(crate) fn user() -> DigestAuth {
    DigestAuth::new("user", "pass", DigestSettings::default()).expect("no colon")
}

/// The parts of a URL without userinfo, fragment and port of its own.
pub(crate) fn target(url: &str) -> DigestTarget<'_> {
    let host = url.find("://").expect("a whole URL") + 3;
    let path = url[host..].find('/').map_or(url.len(), |slash| host + slash);
    let request_target = if path == url.len() { "/" } else { &url[path..] };
    DigestTarget { origin: &url[..path], url, request_target }
}

/// The request went to `url`, and this came back.
pub(crate) fn challenge(auth: &mut DigestAuth, url: &str, field: &str) -> bool {
    auth.challenged(401, [field], &target(url))
}

pub(crate) fn authorize(auth: &mut DigestAuth, url: &str) -> Result<String, DigestError> {
    auth.authorization("GET", &target(url), b"", RANDOM)
}

/// The value of a parameter of a header, without quotes.
pub(crate) fn parameter<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    let list = header.strip_prefix("Digest ").expect("a header of Digest");
    let value = list.split(", ").find_map(|part| part.strip_prefix(name)?.strip_prefix('='))?;
    Some(value.trim_matches('"'))
}
