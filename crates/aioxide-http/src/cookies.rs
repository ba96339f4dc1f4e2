//! Cookies as browsers and aiohttp keep them.
//!
//! ```text
//! Set-Cookie fields ── parse_set_cookies ──> Cookie ──> Jar ──> header: "a=1; b=2"
//! Cookie field ─────── parse_cookie_header ──────────────────> CookieHeader ──^
//! ```
//!
//! The control is aiohttp 3.14: what it takes, refuses, sends, evicts and forgets. Where the jar
//! differs, a comment that begins with `AIOHTTP:` says how and why.
//!
//! A URL comes in as its parts, a [`Target`]; the time as a [`UnixTime`]. Nothing here logs: what
//! was refused is returned.

mod attributes;
mod cookie;
mod date;
mod expiry;
mod header;
mod jar;
mod pattern;
mod quoting;
mod set_cookie;
mod target;
mod text;
mod time;

pub use attributes::{Attribute, AttributeValue, Attributes};
pub use cookie::{Cookie, CookieError};
pub use date::parse_date;
pub use header::{CookieHeader, UnsendableCookie, parse_cookie_header};
pub use jar::{Entry, Identity, Jar, JarLimits, JarSettings, SavedCookie, Sent};
pub use quoting::{quote, unquote};
pub use set_cookie::{
    ParsedSetCookies, SetCookieError, SetCookieLimits, parse_set_cookie, parse_set_cookies,
};
pub use target::{Origin, Target, domain_matches, is_ip_address};
pub use time::UnixTime;
