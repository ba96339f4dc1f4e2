//! Where a request goes, as far as cookies ask.

/// The parts of a URL that decide about cookies, as `yarl.URL` gives them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target<'a> {
    /// `URL.scheme`, in lower case; empty if there is none.
    pub scheme: &'a str,
    /// `URL.raw_host`: in lower case and ASCII, an IPv6 address without brackets. `None` for a URL
    /// without a host, whose cookies are for all hosts.
    pub host: Option<&'a str>,
    /// `URL.port`.
    pub port: Option<u16>,
    /// `URL.path`, that is, decoded.
    pub path: &'a str,
}

impl Target<'_> {
    /// The empty URL: what is set with it is shared by all hosts.
    pub const NONE: Target<'static> = Target { scheme: "", host: None, port: None, path: "" };

    /// Its scheme encrypts.
    pub(super) fn is_secure(&self) -> bool {
        matches!(self.scheme, "https" | "wss")
    }

    /// The path of a cookie that names none: up to the last slash.
    pub(super) fn default_path(&self) -> &str {
        match self.path.rfind('/') {
            Some(last) if last > 0 && self.path.starts_with('/') => &self.path[..last],
            _ => "/",
        }
    }
}

/// A scheme, a host and a port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    scheme: Box<str>,
    host: Box<str>,
    port: Option<u16>,
}

impl Origin {
    /// An origin; without a port, the one of the scheme.
    #[must_use]
    pub fn new(scheme: &str, host: &str, port: Option<u16>) -> Self {
        Self {
            scheme: scheme.into(),
            host: host.into(),
            port: port.or_else(|| default_port(scheme)),
        }
    }

    pub(super) fn is_of(&self, target: &Target<'_>) -> bool {
        *self.scheme == *target.scheme
            && target.host == Some(&*self.host)
            && self.port == target.port.or_else(|| default_port(target.scheme))
    }
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" | "ws" => Some(80),
        "https" | "wss" => Some(443),
        _ => None,
    }
}

/// `host` looks like an address: it has a colon, or nothing but digits and dots.
#[must_use]
pub fn is_ip_address(host: &str) -> bool {
    host.contains(':')
        || (host.bytes().all(|byte| byte == b'.' || byte.is_ascii_digit())
            && host.bytes().any(|byte| byte.is_ascii_digit()))
}

/// A cookie of `domain` is for `host`: they are the same, or `host` is a name below `domain`.
#[must_use]
pub fn domain_matches(domain: &str, host: &str) -> bool {
    host == domain
        || (!domain.is_empty()
            && host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
            && !is_ip_address(host))
}
