//! Which proxy the environment wants for a URL: the rules of Python's urllib, by which aiohttp
//! goes, letter for letter, and more where a caller asks for more.

use std::collections::HashMap;
use std::net::IpAddr;

/// What counts beyond urllib's and aiohttp's rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// `ALL_PROXY` is for what has no proxy of its own.
    pub all_proxy: bool,
    /// An entry of `NO_PROXY` may be a network, such as `10.0.0.0/8`, or `*` among others.
    pub networks: bool,
    /// Proxies that are reached by TLS are used; aiohttp ignores them, with a warning.
    pub tls_proxies: bool,
}

/// The variables that speak of proxies.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    rules: Rules,
    /// By scheme, in small letters; `no` and `all` among them.
    proxies: HashMap<String, String>,
}

impl Environment {
    /// Reads variables, in their order. Names are compared without regard to case, and one in small
    /// letters counts before others; when it is empty, it takes the others away.
    ///
    /// A CGI program gets the header Proxy of a stranger's request as `HTTP_PROXY`. So where there
    /// is a `REQUEST_METHOD`, only `http_proxy` counts.
    pub fn new<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>, rules: Rules) -> Self {
        let mut proxies = HashMap::new();
        let mut exact: Vec<(String, &str)> = Vec::new();
        let mut is_cgi = false;
        for (name, value) in variables {
            is_cgi |= name == "REQUEST_METHOD";
            let small = name.to_lowercase();
            let Some(scheme) = small.strip_suffix("_proxy") else { continue };
            if !value.is_empty() {
                proxies.insert(scheme.to_owned(), value.to_owned());
            }
            if name.ends_with("_proxy") {
                exact.push((scheme.to_owned(), value));
            }
        }
        if is_cgi {
            proxies.remove("http");
        }
        for (scheme, value) in exact {
            if value.is_empty() {
                proxies.remove(&scheme);
            } else {
                proxies.insert(scheme, value.to_owned());
            }
        }
        Self { rules, proxies }
    }

    /// The proxy for a URL of this scheme (`http`, `https`, `ws` or `wss`) to this host: a URL, as
    /// it stands in the variable. The host is without brackets, as in yarl, and in small letters or
    /// not; it may have a port, which is compared with entries that have one.
    #[must_use]
    pub fn proxy_for(&self, scheme: &str, host: &str) -> Option<&str> {
        if !matches!(scheme, "http" | "https" | "ws" | "wss") || self.bypasses(host) {
            return None;
        }
        let all = || self.proxies.get("all").filter(|_| self.rules.all_proxy);
        let proxy = self.proxies.get(scheme).or_else(all)?;
        let tls = ["https:", "wss:"].iter().any(|tls| starts_with(proxy, tls));
        if tls && !self.rules.tls_proxies { None } else { Some(proxy) }
    }

    /// `NO_PROXY` names the host, or a domain of which it is one. Without a port of its own, an
    /// entry is for all ports.
    #[must_use]
    pub fn bypasses(&self, host: &str) -> bool {
        let Some(entries) = self.proxies.get("no") else { return false };
        if entries == "*" {
            return true;
        }
        let host = host.to_lowercase();
        let bare = without_port(&host);
        let address =
            if self.rules.networks { bare.parse().or_else(|_| host.parse()).ok() } else { None };
        entries.split(',').map(str::trim).filter(|entry| !entry.is_empty()).any(|entry| {
            let name = entry.trim_start_matches('.').to_lowercase();
            is_or_ends_with(bare, &name)
                || is_or_ends_with(&host, &name)
                || (self.rules.networks && entry == "*")
                || address.is_some_and(|address| network_contains(entry, address))
        })
    }

    /// Every proxy that is set: its scheme, and the variable's value.
    pub fn proxies(&self) -> impl Iterator<Item = (&str, &str)> {
        self.proxies.iter().map(|(scheme, url)| (scheme.as_str(), url.as_str()))
    }
}

fn starts_with(text: &str, beginning: &str) -> bool {
    text.get(..beginning.len()).is_some_and(|text| text.eq_ignore_ascii_case(beginning))
}

/// `host` is `name` or one below it.
fn is_or_ends_with(host: &str, name: &str) -> bool {
    host.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// What is before the last colon, if only digits follow, and at least one. For an IPv6 address
/// without brackets that cuts a piece off, in urllib, too; the whole is compared as well.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((bare, port))
            if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            bare
        }
        _ => host,
    }
}

fn network_contains(entry: &str, address: IpAddr) -> bool {
    let Some((network, bits)) = entry.split_once('/') else { return false };
    let Ok(bits) = bits.parse::<u32>() else { return false };
    match (network.parse(), address) {
        (Ok(IpAddr::V4(network)), IpAddr::V4(address)) if bits <= 32 => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            (u32::from(network) ^ u32::from(address)) & mask == 0
        }
        (Ok(IpAddr::V6(network)), IpAddr::V6(address)) if bits <= 128 => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            (u128::from(network) ^ u128::from(address)) & mask == 0
        }
        _ => false,
    }
}
