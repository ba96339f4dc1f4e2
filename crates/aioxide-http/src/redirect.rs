//! Where a redirect leads, and what goes along.
//!
//! [`decide`] is aiohttp's order of questions: is the answer a redirect, are there too many, does
//! the method change, can the body be sent again, is there a place to go, and is that place on the
//! same origin. What differs from aiohttp is said where it does.

mod location;
mod origin;
mod reference;

use thiserror::Error;

pub use location::{InvalidUrl, Location, LocationError, LocationKind, classify_location};
pub use origin::Origin;
pub use reference::Reference;

/// Headers that go no further than the origin that they were meant for. All copies of each.
pub const CREDENTIALS: [&str; 3] = ["Authorization", "Cookie", "Proxy-Authorization"];

/// Headers that say how long a body is, which is not sent any more. All copies of each. aiohttp
/// keeps a Transfer-Encoding that the caller gave, and the server then waits for a body that does
/// not come. Content-Type stays, as in aiohttp.
pub const FRAMING: [&str; 2] = ["Content-Length", "Transfer-Encoding"];

/// aiohttp's limit.
pub const MAX_REDIRECTS: u32 = 10;

/// Whether a body can be sent once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// There is none.
    None,
    /// It can.
    Replayable,
    /// It was read while it was sent, and cannot be rewound.
    Consumed,
}

/// The request that was answered.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// In capitals.
    pub method: &'a str,
    /// Absolute.
    pub url: &'a str,
    /// Its body.
    pub body: Body,
    /// Redirects that were followed before.
    pub followed: u32,
    /// As aiohttp counts: the redirect of this number is an error; 0 for any number.
    pub max_redirects: u32,
}

/// What of the answer matters.
#[derive(Clone, Copy, Debug, Default)]
pub struct Answer<'a> {
    /// The status.
    pub status: u16,
    /// The header Location.
    pub location: Option<&'a [u8]>,
    /// The header URI, which old servers send instead.
    pub uri: Option<&'a [u8]>,
}

/// What to do with an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It is the one for the caller.
    Final,
    /// Another request is to be made.
    Follow(Follow),
}

/// The next request, as it differs from the last. Query parameters that were given beside the URL
/// are dropped in any case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Follow {
    /// Absolute.
    pub url: String,
    /// The method is GET from now on, and there is no body; else both stay.
    pub becomes_get: bool,
    /// The place is on the origin of the last request. If not, the caller's credentials and
    /// per-request cookies are dropped.
    pub same_origin: bool,
}

impl Follow {
    /// The headers to drop, all copies of each.
    pub fn dropped_headers(&self) -> impl Iterator<Item = &'static str> {
        let credentials = CREDENTIALS.into_iter().filter(|_| !self.same_origin);
        credentials.chain(FRAMING.into_iter().filter(|_| self.becomes_get))
    }
}

/// Why a redirect is not followed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum RedirectError {
    /// The server redirects for ever, or for longer than the caller likes.
    #[error("more than {} redirects", limit.saturating_sub(1))]
    TooMany {
        /// The setting.
        limit: u32,
    },
    /// The caller's body can be read only once.
    #[error(
        "the body was read while it was sent, and cannot be sent to where the server redirects"
    )]
    Consumed,
    /// The server names no place that an HTTP request can go to.
    #[error(transparent)]
    Location(#[from] LocationError),
}

/// What to do with an answer whose redirects are to be followed.
///
/// # Errors
/// It is a redirect that cannot be followed.
pub fn decide(request: &Request<'_>, answer: &Answer<'_>) -> Result<Decision, RedirectError> {
    if !is_redirect(answer.status) {
        return Ok(Decision::Final);
    }
    let limit = request.max_redirects;
    if limit != 0 && request.followed.saturating_add(1) >= limit {
        return Err(RedirectError::TooMany { limit });
    }
    let becomes_get = becomes_get(answer.status, request.method);
    if !becomes_get && request.body == Body::Consumed {
        return Err(RedirectError::Consumed);
    }
    let location = answer.location.filter(|location| !location.is_empty()).or(answer.uri);
    let Some(location) = location else { return Ok(Decision::Final) };
    let base = Reference::split(request.url.as_bytes());
    let location = classify_location(location)?;
    let (url, origin) = location.resolve(&base)?;
    let same_origin = Origin::of(&base).is_ok_and(|from| from == origin);
    Ok(Decision::Follow(Follow { url, becomes_get, same_origin }))
}

/// The answer asks for another request.
#[must_use]
pub const fn is_redirect(status: u16) -> bool {
    matches!(status, 301 | 302 | 303 | 307 | 308)
}

/// The next request is a GET without a body, whatever the last one was.
#[must_use]
pub fn becomes_get(status: u16, method: &str) -> bool {
    match status {
        303 => method != "HEAD",
        301 | 302 => method == "POST",
        _ => false,
    }
}
