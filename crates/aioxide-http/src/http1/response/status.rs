//! The first line of a response.

use std::ops::Range;

use super::error::{Excerpt, ResponseError};
use super::limits::Leniency;
use crate::http1::{Version, syntax};

/// What the first line says. The position of the reason is from the beginning of the line.
#[derive(Clone, Copy, Debug)]
pub(super) struct StatusLine {
    pub(super) version: Version,
    pub(super) status: u16,
    reason: (u32, u32),
}

impl StatusLine {
    /// Parses `line`, which is without its end. A missing reason needs no space before it.
    pub(super) fn parse(line: &[u8], leniency: Leniency) -> Result<Self, ResponseError> {
        let invalid = || ResponseError::InvalidStatusLine { text: Excerpt::of(line) };
        let (version, rest) = match line {
            [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'1', b' ', rest @ ..] => {
                (Version::Http11, rest)
            }
            [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'0', b' ', rest @ ..] => {
                (Version::Http10, rest)
            }
            [b'H', b'T', b'T', b'P', b'/', major, b'.', minor, b' ', ..]
                if major.is_ascii_digit() && minor.is_ascii_digit() =>
            {
                return Err(ResponseError::UnsupportedVersion { text: Excerpt::of(line) });
            }
            _ => return Err(invalid()),
        };
        let (digits, reason) = match rest {
            [a, b, c] => ([*a, *b, *c], &b""[..]),
            [a, b, c, b' ', reason @ ..] => ([*a, *b, *c], reason),
            _ => return Err(invalid()),
        };
        // There is no class of status below 100.
        if digits[0] == b'0' || !digits.iter().all(u8::is_ascii_digit) {
            return Err(invalid());
        }
        let status = digits.iter().fold(0, |status, digit| status * 10 + u16::from(digit - b'0'));
        let is_forgiven = |byte: &u8| !matches!(byte, b'\0' | b'\r' | b'\n');
        let is_reason = syntax::not_value(reason).is_none()
            || (leniency.control_characters && reason.iter().all(is_forgiven));
        if !is_reason {
            return Err(invalid());
        }
        let end = line.len() as u32;
        Ok(Self { version, status, reason: (end - reason.len() as u32, end) })
    }

    pub(super) const fn reason(&self) -> Range<usize> {
        self.reason.0 as usize..self.reason.1 as usize
    }
}
