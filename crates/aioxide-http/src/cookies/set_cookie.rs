//! Set-Cookie: one cookie for each field.

use std::borrow::Cow;

use thiserror::Error;

use super::attributes::{Attribute, AttributeValue, Attributes};
use super::cookie::Cookie;
use super::header::is_cookie_name;
use super::pattern::{self, is_space};
use super::quoting::unquote;
use super::text::has_control;

/// How much of a response's cookies is taken. RFC 6265, 6.1 asks for no less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetCookieLimits {
    /// Cookies of one response. The fields behind are not looked at.
    pub cookies: usize,
    /// Bytes of a name and its value, quotes and escapes included.
    pub pair_length: usize,
    /// Bytes of the value of one attribute. A longer one is ignored.
    pub attribute_length: usize,
    /// Attributes that are looked at, known ones or not.
    pub attributes: usize,
}

impl Default for SetCookieLimits {
    fn default() -> Self {
        Self { cookies: 50, pair_length: 4096, attribute_length: 1024, attributes: 32 }
    }
}

/// The server sent a field that is no cookie.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SetCookieError {
    /// A control character other than tab, or one in the value behind its escapes.
    #[error("a control character in Set-Cookie")]
    ControlCharacter,
    /// No `name=` at the beginning.
    #[error("Set-Cookie without a name")]
    NoName,
    /// Characters that names do not have, not even in the world.
    #[error("the cookie name {0:?} has characters that names cannot have")]
    IllegalName(String),
    /// More than [`SetCookieLimits::pair_length`] allows.
    #[error("a cookie of {length} bytes, and {limit} are the limit")]
    TooLong {
        /// Bytes of the name and the value.
        length: usize,
        /// The limit.
        limit: usize,
    },
    /// A name or a value that is not UTF-8: it could not be sent back.
    #[error("a cookie that is not UTF-8")]
    NotUtf8,
}

/// The cookies of a response and what was not taken.
#[derive(Debug, Default)]
pub struct ParsedSetCookies {
    /// In the order of the fields; a name may be there more than once.
    pub cookies: Vec<Cookie>,
    /// Why fields were not taken.
    pub refused: Vec<SetCookieError>,
    /// How many fields were not looked at.
    pub over_limit: usize,
}

/// Reads the Set-Cookie fields of a response.
pub fn parse_set_cookies<'a>(
    fields: impl IntoIterator<Item = &'a [u8]>,
    limits: &SetCookieLimits,
) -> ParsedSetCookies {
    let mut parsed = ParsedSetCookies::default();
    for field in fields {
        if parsed.cookies.len() >= limits.cookies {
            parsed.over_limit += 1;
            continue;
        }
        match parse_set_cookie(field, limits) {
            Ok(cookie) => parsed.cookies.push(cookie),
            Err(error) => parsed.refused.push(error),
        }
    }
    parsed
}

/// Reads one Set-Cookie field.
///
/// # Errors
/// The field is no cookie, or one that is too long.
pub fn parse_set_cookie(field: &[u8], limits: &SetCookieLimits) -> Result<Cookie, SetCookieError> {
    if field.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
        return Err(SetCookieError::ControlCharacter);
    }
    let (key, coded_value, attributes) = split(field).ok_or(SetCookieError::NoName)?;
    let (key, coded_value) = (trim(key), trim(coded_value));
    if key.is_empty() {
        return Err(SetCookieError::NoName);
    }
    if !is_cookie_name(key) {
        let name = String::from_utf8_lossy(key).into_owned();
        return Err(SetCookieError::IllegalName(name));
    }
    let length = key.len() + coded_value.len();
    if length > limits.pair_length {
        return Err(SetCookieError::TooLong { length, limit: limits.pair_length });
    }
    let (Ok(key), Ok(coded_value)) = (str::from_utf8(key), str::from_utf8(coded_value)) else {
        return Err(SetCookieError::NotUtf8);
    };
    let value = unquote(coded_value);
    if has_control(&value) {
        return Err(SetCookieError::ControlCharacter);
    }
    let mut cookie = Cookie::new(key, &*value, coded_value);
    read_attributes(&mut cookie.attributes, attributes, limits);
    Ok(cookie)
}

/// The name, the value and what is behind them.
fn split(field: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let semicolon = memchr::memchr(b';', field);
    let pair = &field[..semicolon.unwrap_or(field.len())];
    if semicolon.is_some()
        && memchr::memchr(b'"', pair).is_some()
        && let Some(parts) = split_quoted(field)
    {
        return Some(parts);
    }
    let equals = memchr::memchr(b'=', pair)?;
    let attributes = semicolon.map_or(&[][..], |semicolon| &field[semicolon + 1..]);
    Some((&pair[..equals], &pair[equals + 1..], attributes))
}

/// The same for a quoted value with a semicolon in it, which RFC 6265 would cut there. `None` if
/// it is none.
fn split_quoted(field: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let found = pattern::find(field, 0)?;
    let range = found.value?;
    let value = &field[range.clone()];
    if !(value.starts_with(b"\"") && value.ends_with(b"\"") && value.contains(&b';')) {
        return None;
    }
    let tail = field[range.end..].trim_ascii_start();
    match tail {
        [] => Some((&field[found.name], value, tail)),
        [b';', attributes @ ..] => Some((&field[found.name], value, attributes)),
        _ => None,
    }
}

fn read_attributes(attributes: &mut Attributes, text: &[u8], limits: &SetCookieLimits) {
    let mut at = 0;
    for _ in 0..limits.attributes {
        if at >= text.len() {
            return;
        }
        let Some(found) = pattern::find(text, at) else {
            // Nothing to be read up to the next semicolon.
            let Some(semicolon) = memchr::memchr(b';', &text[at..]) else { return };
            let next = at + semicolon + 1;
            let skipped = text[next..].iter().position(|byte| *byte != b';' && !is_space(*byte));
            let Some(skipped) = skipped else { return };
            at = next + skipped;
            continue;
        };
        at = found.end;
        let name = str::from_utf8(&text[found.name]).unwrap_or_default();
        let Some(attribute) = Attribute::named(name) else { continue };
        let value = &text[found.value.unwrap_or_default()];
        if attribute.is_flag() {
            attributes.set(attribute, AttributeValue::Flag(true));
        } else if let Some(value) = attribute_text(value, limits) {
            attributes.set(attribute, &*value);
        }
    }
}

/// The value of an attribute, unless it is too long, not UTF-8 or has control characters.
fn attribute_text<'a>(value: &'a [u8], limits: &SetCookieLimits) -> Option<Cow<'a, str>> {
    if value.len() > limits.attribute_length {
        return None;
    }
    let value = unquote(str::from_utf8(value).ok()?);
    (!has_control(&value)).then_some(value)
}

/// Without spaces and tabs around.
fn trim(text: &[u8]) -> &[u8] {
    // There are no other control characters by now, so no other whitespace.
    text.trim_ascii()
}
