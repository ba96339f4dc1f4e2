//! The protection space: which URLs the credentials of a challenge are for.

/// URLs, each with everything below its path.
#[derive(Clone, Debug, Default)]
pub(super) struct Space {
    urls: Vec<String>,
}

impl Space {
    /// The space of a challenge that came from `origin`: what `domain` lists, or all of the origin.
    /// At most `most` URLs.
    pub(super) fn new(origin: &str, domain: Option<&str>, most: usize) -> Self {
        let listed = domain.unwrap_or_default().split_whitespace().take(most);
        let mut urls: Vec<_> = listed.filter_map(|uri| absolute(uri, origin)).collect();
        if urls.is_empty() {
            urls.push(origin.to_owned());
        }
        Self { urls }
    }

    /// One of the URLs is `url` or a directory of it.
    pub(super) fn contains(&self, url: &str) -> bool {
        self.urls.iter().any(|root| {
            let below = url.strip_prefix(&**root);
            below.is_some_and(|below| {
                below.is_empty() || root.ends_with('/') || below.starts_with('/')
            })
        })
    }
}

/// `uri` with the scheme and the host of `origin`, as far as it has none itself.
///
/// AIOHTTP: there `https:` is a URL, and every URL is below it. Here a URL without a host is none.
fn absolute(uri: &str, origin: &str) -> Option<String> {
    let uri = uri.trim_matches('"');
    if let Some(rest) = uri.strip_prefix("//") {
        let (scheme, _) = origin.split_once("://")?;
        return with_host(scheme, rest);
    }
    if uri.starts_with('/') {
        return Some(format!("{origin}{uri}"));
    }
    let (scheme, rest) = uri.split_once("://")?;
    with_host(scheme, rest)
}

/// A URL whose scheme and host are in lower case, without the port that the scheme has anyway:
/// as the URLs of requests are.
fn with_host(scheme: &str, rest: &str) -> Option<String> {
    let scheme = scheme.to_ascii_lowercase();
    let (host, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let host = host.to_ascii_lowercase();
    let port = match &*scheme {
        "http" | "ws" => ":80",
        "https" | "wss" => ":443",
        _ => return None,
    };
    let host = host.strip_suffix(port).unwrap_or(&host);
    (!host.is_empty()).then(|| format!("{scheme}://{host}{path}"))
}
