//! The Cookie field of a request: read it, write it.

use smallvec::SmallVec;
use thiserror::Error;

use super::cookie::Cookie;
use super::pattern;
use super::quoting::unquote;
use super::text::{has_control, strip};

/// The cookies of a Cookie field, in its order. What cannot be read is left out.
///
/// Every part is a cookie, also one that has the name of an attribute. A part that the lenient
/// pattern does not fit is cut at its first equals sign, so that the cookies behind it are not
/// lost.
#[must_use]
pub fn parse_cookie_header(field: &str) -> Vec<Cookie> {
    let bytes = field.as_bytes();
    let mut cookies = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let (name, value);
        if let Some(found) = pattern::find(bytes, at) {
            at = found.end;
            name = field.get(found.name);
            value = field.get(found.value.unwrap_or_default());
        } else {
            let rest = &bytes[at..];
            let length = memchr::memchr(b';', rest).unwrap_or(rest.len());
            let part = field.get(at..at + length);
            at += length + 1;
            let Some((before, behind)) = part.and_then(|part| part.split_once('=')) else {
                continue;
            };
            name = Some(strip(before));
            value = Some(strip(behind));
        }
        if let (Some(name), Some(value)) = (name, value)
            && is_cookie_name(name.as_bytes())
        {
            let cookie = Cookie::new(name, &*unquote(value), value);
            if cookie.is_sendable() {
                cookies.push(cookie);
            }
        }
    }
    cookies
}

/// Names as aiohttp allows them: more than RFC 6265 does, because servers send more.
pub(super) fn is_cookie_name(name: &[u8]) -> bool {
    !name.is_empty()
        && name
            .iter()
            .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b',' | b';' | b'\\'))
}

/// A program gave a cookie that would break out of the header.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the cookie {0:?} has a control character")]
pub struct UnsendableCookie(pub String);

/// A Cookie field in the making.
///
/// aiohttp sorts by name and lets the last of a name win, so this does.
#[derive(Debug, Default)]
pub struct CookieHeader<'a> {
    pairs: SmallVec<[Pair<'a>; 16]>,
}

#[derive(Clone, Copy, Debug)]
struct Pair<'a> {
    /// What it is sorted and replaced by. The key, but for a program that files a cookie under
    /// another name.
    name: &'a str,
    key: &'a str,
    coded_value: &'a str,
}

impl<'a> CookieHeader<'a> {
    /// Without cookies.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one, in place of an earlier one of that name.
    pub fn set(&mut self, name: &'a str, key: &'a str, coded_value: &'a str) {
        self.pairs.push(Pair { name, key, coded_value });
    }

    /// The value of the field; `None` without cookies.
    ///
    /// # Errors
    /// A cookie has a control character.
    pub fn render(mut self) -> Result<Option<String>, UnsendableCookie> {
        // Stable: of equal names the last one stays last.
        self.pairs.sort_by_key(|pair| pair.name);
        let length =
            self.pairs.iter().map(|pair| pair.key.len() + pair.coded_value.len() + 3).sum();
        let mut field = String::with_capacity(length);
        for (place, pair) in self.pairs.iter().enumerate() {
            if self.pairs.get(place + 1).is_some_and(|next| next.name == pair.name) {
                continue;
            }
            if has_control(pair.key) || has_control(pair.coded_value) {
                return Err(UnsendableCookie(pair.name.to_owned()));
            }
            if !field.is_empty() {
                field.push_str("; ");
            }
            field.push_str(pair.key);
            field.push('=');
            field.push_str(pair.coded_value);
        }
        if self.pairs.is_empty() {
            return Ok(None);
        }
        let stripped = strip(&field);
        if stripped.len() < field.len() {
            field = stripped.to_owned();
        }
        Ok(Some(field))
    }
}
