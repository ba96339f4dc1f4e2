//! Values with characters that cookies cannot have: between quotes, with escapes.
//!
//! The coding is Python's `http.cookies`, of RFC 2109: a backslash before a quote or a backslash,
//! three octal digits for a character below U+0100 that has no other way, and nothing for one
//! above.

use std::borrow::Cow;

/// A character that needs no quotes.
const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
                | b':'
        )
}

/// A character that needs quotes around, but no escape.
const fn is_quotable(byte: u8) -> bool {
    matches!(
        byte,
        b' ' | b'(' | b')' | b'/' | b'<' | b'=' | b'>' | b'?' | b'@' | b'[' | b']' | b'{' | b'}'
    )
}

/// `http.cookies` takes it for a name.
pub(super) fn is_legal(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(is_plain)
}

/// The value as it goes into a header: as it is, or quoted.
#[must_use]
pub fn quote(value: &str) -> Cow<'_, str> {
    if is_legal(value) {
        return Cow::Borrowed(value);
    }
    let mut quoted = String::with_capacity(value.len() + 2);
    quoted.push('"');
    for character in value.chars() {
        match u8::try_from(character) {
            Ok(byte @ (b'"' | b'\\')) => quoted.extend(['\\', char::from(byte)]),
            Ok(byte) if is_plain(byte) || is_quotable(byte) => quoted.push(character),
            Ok(byte) => quoted.extend(['\\', octal(byte >> 6), octal(byte >> 3), octal(byte)]),
            Err(_) => quoted.push(character),
        }
    }
    quoted.push('"');
    Cow::Owned(quoted)
}

/// The last octal digit.
const fn octal(number: u8) -> char {
    (b'0' + (number & 7)) as char
}

/// The value that a header means. One that is not between quotes is meant as it is.
#[must_use]
pub fn unquote(value: &str) -> Cow<'_, str> {
    let Some(inner) = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return Cow::Borrowed(value);
    };
    if !inner.contains('\\') {
        return Cow::Borrowed(inner);
    }
    let mut plain = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some((before, escape)) = rest.split_once('\\') {
        plain.push_str(before);
        rest = escape;
        if let [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', ..] = escape.as_bytes() {
            plain.push(char::from(((a - b'0') << 6) | ((b - b'0') << 3) | (c - b'0')));
            rest = &escape[3..];
        } else if let Some(escaped) = escape.chars().next().filter(|escaped| *escaped != '\n') {
            plain.push(escaped);
            rest = &escape[escaped.len_utf8()..];
        } else {
            // Nothing behind it, or the end of a line: it means itself.
            plain.push('\\');
        }
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}
