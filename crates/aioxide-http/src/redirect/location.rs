//! The header Location: what kind of reference it is, and the URL that it means.

use std::borrow::Cow;

use thiserror::Error;

use super::origin::Origin;
use super::reference::{Reference, merge, push_quoted, without_dots};

/// Why a server's Location cannot be followed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum LocationError {
    /// It leads away from HTTP.
    #[error("the server redirects to a URL of the scheme {scheme:?}, which is not HTTP")]
    NonHttp {
        /// In small letters.
        scheme: String,
    },
    /// It is no URL.
    #[error("the server redirects to what is no URL: {0}")]
    InvalidUrl(#[from] InvalidUrl),
}

/// What is wrong with a URL.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum InvalidUrl {
    /// It names no host.
    #[error("it has no host")]
    NoHost,
    /// A space, a control character or bytes that are not UTF-8 in the host or beside it.
    #[error("before its path it has characters that no host has")]
    Host,
    /// Two programs may see two hosts there.
    #[error("a backslash stands before the path")]
    Backslash,
    /// Brackets that do not enclose an address.
    #[error("its brackets do not enclose an address")]
    Brackets,
    /// No number, or one above 65535.
    #[error("its port is no number from 0 to 65535")]
    Port,
}

/// What a reference leaves to the URL that it is relative to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocationKind {
    /// Nothing: `http://host/path`.
    Absolute,
    /// The scheme: `//host/path`.
    Host,
    /// Scheme and host, if the scheme is this one: `http:/path`, `http:path`.
    SameScheme,
    /// Scheme and host: `/path`, `path`, `?query`, `#fragment` or nothing.
    Relative,
}

/// A Location that may be followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location<'a> {
    text: Cow<'a, [u8]>,
    kind: LocationKind,
}

/// Reads a Location. Spaces and control characters before it, and tabs and line ends within it, do
/// not count, as in browsers.
///
/// # Errors
/// It is of another scheme, or its authority is no host.
pub fn classify_location(location: &[u8]) -> Result<Location<'_>, LocationError> {
    let text = clean(location);
    let Reference { scheme, authority, .. } = Reference::split(&text);
    let kind = match scheme {
        Some(scheme)
            if !scheme.eq_ignore_ascii_case(b"http") && !scheme.eq_ignore_ascii_case(b"https") =>
        {
            let scheme = String::from_utf8_lossy(scheme).to_ascii_lowercase();
            return Err(LocationError::NonHttp { scheme });
        }
        Some(scheme) if begins_authority(&text[scheme.len() + 1..]) => LocationKind::Absolute,
        Some(_) => LocationKind::SameScheme,
        None if authority.is_some_and(|authority| !authority.is_empty()) => LocationKind::Host,
        None => LocationKind::Relative,
    };
    let location = Location { text, kind };
    if matches!(kind, LocationKind::Absolute | LocationKind::Host) {
        let parts = location.parts();
        Origin::of(&Reference { scheme: parts.scheme.or(Some(b"http")), ..parts })?;
    }
    Ok(location)
}

impl Location<'_> {
    /// What it leaves to the URL that it is relative to.
    #[must_use]
    pub const fn kind(&self) -> LocationKind {
        self.kind
    }

    /// Its parts.
    #[must_use]
    pub fn parts(&self) -> Reference<'_> {
        Reference::split(&self.text)
    }

    /// The URL that it means in an answer to a request for `base`, and that URL's origin. A
    /// fragment is inherited with the path only, as in yarl.
    ///
    /// # Errors
    /// `http:/path` in an answer to a request of another scheme, or a `base` that is no URL.
    pub fn resolve(&self, base: &Reference<'_>) -> Result<(String, Origin), LocationError> {
        let Reference { scheme, authority, path, query, fragment } = self.parts();
        let mut scheme = scheme.or(base.scheme).ok_or(InvalidUrl::NoHost)?;
        let target = match self.kind {
            LocationKind::Absolute | LocationKind::Host => {
                Reference { scheme: Some(scheme), authority, path, query, fragment }
            }
            LocationKind::SameScheme
                if !base.scheme.is_some_and(|own| own.eq_ignore_ascii_case(scheme)) =>
            {
                return Err(InvalidUrl::NoHost.into());
            }
            LocationKind::SameScheme | LocationKind::Relative => {
                scheme = base.scheme.unwrap_or(scheme);
                let (query, fragment) = (given(query), given(fragment));
                let inherits = path.is_empty();
                Reference {
                    scheme: Some(scheme),
                    authority: base.authority,
                    path: if inherits { base.path } else { path },
                    query: if inherits { query.or(base.query) } else { query },
                    fragment: if inherits { fragment.or(base.fragment) } else { fragment },
                }
            }
        };
        let relative = matches!(self.kind, LocationKind::SameScheme | LocationKind::Relative)
            && !path.is_empty()
            && !path.starts_with(b"/");
        let path = if relative { merge(base.path, path) } else { target.path.to_vec() };
        let origin = Origin::of(&target)?;
        let whole = Reference { path: &without_dots(&path), ..target };
        Ok((write(&whole, &origin), origin))
    }
}

fn write(url: &Reference<'_>, origin: &Origin) -> String {
    let mut text = String::from(origin.scheme());
    text.push_str("://");
    // It is UTF-8 without controls, or there would be no origin. The host of another script stays
    // as it is: encoding it is for the caller's IDNA.
    text.push_str(&String::from_utf8_lossy(url.authority.unwrap_or_default()));
    push_quoted(&mut text, url.path, "%20");
    if let Some(query) = given(url.query) {
        text.push('?');
        push_quoted(&mut text, query, "+");
    }
    if let Some(fragment) = given(url.fragment) {
        text.push('#');
        push_quoted(&mut text, fragment, "%20");
    }
    text
}

/// An empty query or fragment is none, as in yarl.
fn given(part: Option<&[u8]>) -> Option<&[u8]> {
    part.filter(|part| !part.is_empty())
}

/// A browser reads a backslash like a slash behind a scheme, so what begins with two of either is
/// no path.
fn begins_authority(rest: &[u8]) -> bool {
    matches!(rest, [b'/' | b'\\', b'/' | b'\\', ..])
}

fn clean(location: &[u8]) -> Cow<'_, [u8]> {
    let start = location.iter().position(|byte| *byte > b' ').unwrap_or(location.len());
    let text = &location[start..];
    if memchr::memchr3(b'\t', b'\r', b'\n', text).is_none() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.iter().copied().filter(|byte| !matches!(byte, b'\t' | b'\r' | b'\n')).collect())
}
