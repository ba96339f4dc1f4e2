//! Forms, URL-encoded: application/x-www-form-urlencoded.
//!
//! Names and values are bytes in the charset of the form, which is the caller's business.

use std::borrow::Cow;

use thiserror::Error;

/// How far a parser goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long the form may be.
    pub max_size: usize,
    /// How many fields it may have.
    pub max_fields: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_size: 16 * 1024 * 1024, max_fields: 10_000 }
    }
}

/// Why a form is not parsed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ParseError {
    /// The peer's form is too long.
    #[error("the form has {size} bytes: the limit is {limit}")]
    Size {
        /// What it has.
        size: usize,
        /// [`max_size`](Limits::max_size).
        limit: usize,
    },
    /// The peer's form has too many fields.
    #[error("the form has more than {limit} fields")]
    Fields {
        /// [`max_fields`](Limits::max_fields).
        limit: usize,
    },
}

/// A name and a value of a form.
pub type Field<'a> = (Cow<'a, [u8]>, Cow<'a, [u8]>);

/// Appends a field to `output`, as `urllib.parse.urlencode` writes it: letters, digits and `_.-~`
/// as they are, `+` for a space, and all else in hexadecimal.
pub fn append(name: &[u8], value: &[u8], output: &mut Vec<u8>) {
    if !output.is_empty() {
        output.push(b'&');
    }
    quote(name, output);
    output.push(b'=');
    quote(value, output);
}

/// Encodes fields in their order.
#[must_use]
pub fn encode<'a>(fields: impl IntoIterator<Item = (&'a [u8], &'a [u8])>) -> Vec<u8> {
    let mut output = Vec::new();
    for (name, value) in fields {
        append(name, value, &mut output);
    }
    output
}

/// The fields of a form, as `urllib.parse.parse_qsl` finds them: a `%` that means nothing stays, a
/// field without `=` has an empty value. Fields with an empty value are left out unless
/// `keep_blank_values`. What has nothing to decode is not copied.
///
/// # Errors
/// The form is larger than the limits allow.
pub fn parse(
    form: &[u8],
    keep_blank_values: bool,
    limits: Limits,
) -> Result<Vec<Field<'_>>, ParseError> {
    if form.len() > limits.max_size {
        return Err(ParseError::Size { size: form.len(), limit: limits.max_size });
    }
    let mut fields = Vec::new();
    for text in form.split(|byte| *byte == b'&').filter(|text| !text.is_empty()) {
        let equals = memchr::memchr(b'=', text).unwrap_or(text.len());
        let value = text.get(equals + 1..).unwrap_or_default();
        if value.is_empty() && !keep_blank_values {
            continue;
        }
        if fields.len() == limits.max_fields {
            return Err(ParseError::Fields { limit: limits.max_fields });
        }
        fields.push((unquote(&text[..equals]), unquote(value)));
    }
    Ok(fields)
}

fn quote(text: &[u8], output: &mut Vec<u8>) {
    output.reserve(text.len());
    for byte in text {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b'-' | b'~' => {
                output.push(*byte);
            }
            b' ' => output.push(b'+'),
            _ => {
                let encoded = percent_encoding::percent_encode_byte(*byte);
                output.extend_from_slice(encoded.as_bytes());
            }
        }
    }
}

fn unquote(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr2(b'%', b'+', text).is_none() {
        return Cow::Borrowed(text);
    }
    let mut output = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(place) = memchr::memchr2(b'%', b'+', rest) {
        output.extend_from_slice(&rest[..place]);
        rest = &rest[place..];
        let (byte, taken) = match *rest {
            [b'+', ..] => (b' ', 1),
            [_, high, low, ..] => match (hex(high), hex(low)) {
                (Some(high), Some(low)) => (high << 4 | low, 3),
                _ => (b'%', 1),
            },
            _ => (b'%', 1),
        };
        output.push(byte);
        rest = &rest[taken..];
    }
    output.extend_from_slice(rest);
    Cow::Owned(output)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}
