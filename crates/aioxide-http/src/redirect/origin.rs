//! Scheme, host and port: whom a request goes to.

use std::net::Ipv6Addr;

use super::location::InvalidUrl;
use super::reference::Reference;

/// Two URLs are of one origin if these are equal. A port that is the scheme's own may be named or
/// not; aiohttp takes these for two origins when only one of them names it in a redirect.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    scheme: String,
    host: String,
    port: Option<u16>,
}

impl Origin {
    /// The origin of an absolute URL.
    ///
    /// # Errors
    /// The URL has no scheme, no host, or an authority that can be read in two ways.
    pub fn of(url: &Reference<'_>) -> Result<Self, InvalidUrl> {
        let scheme = url.scheme.ok_or(InvalidUrl::NoHost)?.to_ascii_lowercase();
        let authority = url.authority.ok_or(InvalidUrl::NoHost)?;
        let scheme = String::from_utf8(scheme).map_err(|_| InvalidUrl::NoHost)?;
        let (host, port) = split_authority(authority)?;
        let port = port.or_else(|| default_port(&scheme));
        Ok(Self { scheme, host: plain(host), port })
    }

    /// In small letters.
    #[must_use]
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// In small letters; an IPv6 address without brackets and in its shortest form.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The one named or that of the scheme; `None` for a scheme that is not known.
    #[must_use]
    pub const fn port(&self) -> Option<u16> {
        self.port
    }
}

/// The port of a URL that names none.
fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" | "ws" => Some(80),
        "https" | "wss" => Some(443),
        _ => None,
    }
}

/// Host, in its brackets if it has them, and port.
fn split_authority(authority: &[u8]) -> Result<(&str, Option<u16>), InvalidUrl> {
    let authority = std::str::from_utf8(authority).map_err(|_| InvalidUrl::Host)?;
    // A browser ends the host there, and others may not.
    if authority.contains('\\') {
        return Err(InvalidUrl::Backslash);
    }
    if authority.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
        return Err(InvalidUrl::Host);
    }
    let (user, place) = authority.rsplit_once('@').unwrap_or(("", authority));
    if user.contains(['[', ']']) {
        return Err(InvalidUrl::Brackets);
    }
    let (host, port) = if place.starts_with('[') {
        let (address, rest) = place.split_once(']').ok_or(InvalidUrl::Brackets)?;
        let port = match rest.strip_prefix(':') {
            Some(port) => port,
            None if rest.is_empty() => "",
            None => return Err(InvalidUrl::Brackets),
        };
        if !is_ip_literal(&address[1..]) {
            return Err(InvalidUrl::Brackets);
        }
        (&place[..=address.len()], port)
    } else {
        place.split_once(':').unwrap_or((place, ""))
    };
    if port.contains(['[', ']']) || (host.contains(['[', ']']) && !host.starts_with('[')) {
        return Err(InvalidUrl::Brackets);
    }
    if host.is_empty() {
        return Err(InvalidUrl::NoHost);
    }
    Ok((host, parse_port(port)?))
}

/// `int` of Python takes signs, spaces, underscores and the digits of every script, too.
fn parse_port(port: &str) -> Result<Option<u16>, InvalidUrl> {
    if port.is_empty() {
        return Ok(None);
    }
    if !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(InvalidUrl::Port);
    }
    let digits = port.trim_start_matches('0');
    let number = if digits.is_empty() { Ok(0) } else { digits.parse() };
    number.map(Some).map_err(|_| InvalidUrl::Port)
}

/// What may stand in brackets: an IPv6 address, with a zone or without, or `v1.` and more.
fn is_ip_literal(text: &str) -> bool {
    if let Some(future) = text.strip_prefix(['v', 'V']) {
        let Some((version, address)) = future.split_once('.') else { return false };
        let hexadecimal = version.bytes().all(|byte| byte.is_ascii_hexdigit());
        return hexadecimal && !version.is_empty() && !address.is_empty() && !address.contains('[');
    }
    let (address, zone) = text.split_once('%').unwrap_or((text, "zone"));
    !zone.is_empty() && !zone.contains('[') && address.parse::<Ipv6Addr>().is_ok()
}

/// The host as it is compared.
fn plain(host: &str) -> String {
    let Some(address) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) else {
        return host.to_ascii_lowercase();
    };
    let (address, zone) = match address.find('%') {
        Some(percent) => address.split_at(percent),
        None => (address, ""),
    };
    match address.parse::<Ipv6Addr>() {
        Ok(parsed) => format!("{parsed}{zone}"),
        Err(_) => address.to_ascii_lowercase(),
    }
}
