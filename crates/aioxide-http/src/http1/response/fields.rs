//! The fields of a head or of trailers.

use std::borrow::Cow;
use std::fmt;

use httparse::{EMPTY_HEADER, Header, Status};
use smallvec::SmallVec;

use super::error::{Excerpt, ResponseError};
use super::limits::Leniency;
use crate::http1::syntax;

/// Fields in the order, the case and as often as they came: the bytes in one buffer, and where
/// each name and value is in it.
#[derive(Clone, Default)]
pub struct Fields {
    bytes: Vec<u8>,
    places: SmallVec<[Place; 16]>,
}

/// Positions in the buffer, whose length is a `u32` by `max_head_size`.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    name: u32,
    name_end: u32,
    value: u32,
    value_end: u32,
}

impl Fields {
    /// How many fields there are; repeated ones count.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// There are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Names and values, as they came. Values are without the space around them.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&[u8], &[u8])> + ExactSizeIterator {
        self.places.iter().map(|place| {
            (self.part(place.name, place.name_end), self.part(place.value, place.value_end))
        })
    }

    /// The value of the first field called `name`, in any case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        let is_named = |own: &[u8]| own.eq_ignore_ascii_case(name.as_bytes());
        self.iter().find_map(|(own, value)| is_named(own).then_some(value))
    }

    /// The values of all fields called `name`, in any case.
    pub fn get_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.iter()
            .filter(move |(own, _)| own.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value)
    }

    /// Parses `block`, whose bytes from `start` on are at most `lines` lines of fields and the
    /// empty line. Those before `start` are kept.
    #[inline]
    pub(super) fn parse(
        block: Cow<'_, [u8]>,
        start: usize,
        lines: usize,
        leniency: Leniency,
    ) -> Result<Self, ResponseError> {
        let places = match find(&block, start, lines) {
            Some(places) => places,
            None => find_forgiven(&block, start, lines, leniency)?,
        };
        Ok(Self { bytes: block.into_owned(), places })
    }

    #[inline]
    pub(super) fn part(&self, start: u32, end: u32) -> &[u8] {
        self.bytes.get(start as usize..end as usize).unwrap_or_default()
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = self.iter().map(|(name, value)| (Excerpt::of(name), Excerpt::of(value)));
        formatter.debug_map().entries(fields).finish()
    }
}

impl PartialEq for Fields {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Fields {}

/// What a usual head has fits on the stack.
const FEW: usize = 32;

fn find(block: &[u8], start: usize, lines: usize) -> Option<SmallVec<[Place; 16]>> {
    let source = block.get(start..)?;
    if lines <= FEW {
        find_in(block, source, &mut [EMPTY_HEADER; FEW])
    } else {
        find_in(block, source, &mut vec![EMPTY_HEADER; lines])
    }
}

fn find_in<'b>(
    block: &'b [u8],
    source: &'b [u8],
    headers: &mut [Header<'b>],
) -> Option<SmallVec<[Place; 16]>> {
    let Ok(Status::Complete((len, headers))) = httparse::parse_headers(source, headers) else {
        return None;
    };
    if len != source.len() {
        return None;
    }
    // Names and values are parts of the block, so their addresses say where in it they are.
    let base = block.as_ptr().addr();
    let position = |part: &[u8]| part.as_ptr().addr().wrapping_sub(base) as u32;
    let places = headers.iter().map(|header| {
        let name = position(header.name.as_bytes());
        let value = position(header.value);
        Place {
            name,
            name_end: name + header.name.len() as u32,
            value,
            value_end: value + header.value.len() as u32,
        }
    });
    Some(places.collect())
}

/// Parses what is not valid: control characters may be forgiven, else it is said what is wrong.
#[cold]
fn find_forgiven(
    block: &[u8],
    start: usize,
    lines: usize,
    leniency: Leniency,
) -> Result<SmallVec<[Place; 16]>, ResponseError> {
    if leniency.control_characters {
        // `?` is no part of a name, so nothing becomes one that was none; and each byte stays where
        // it is, so what is found is true of the block.
        let is_forgiven =
            |byte: u8| !syntax::is_value_byte(byte) && !matches!(byte, b'\0' | b'\r' | b'\n');
        let hide = |byte: &u8| if is_forgiven(*byte) { b'?' } else { *byte };
        let hidden: Vec<u8> = block.iter().map(hide).collect();
        if let Some(places) = find(&hidden, start, lines) {
            return Ok(places);
        }
    }
    Err(what_is_wrong(block.get(start..).unwrap_or_default(), leniency))
}

fn what_is_wrong(source: &[u8], leniency: Leniency) -> ResponseError {
    let lines = source.split(|byte| *byte == b'\n').enumerate();
    for (index, line) in lines {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let text = || Excerpt::of(line);
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let (name, value) = line.split_at(colon);
        if value.is_empty() || syntax::not_token(name).is_some() {
            return ResponseError::InvalidFieldName { line: index + 1, text: text() };
        }
        let is_wrong = |byte: &u8| match *byte {
            b'\0' | b'\r' => true,
            byte => !leniency.control_characters && !syntax::is_value_byte(byte),
        };
        if value.iter().any(is_wrong) {
            return ResponseError::InvalidFieldValue { line: index + 1, text: text() };
        }
    }
    // Not to be reached: one of the lines is not valid.
    ResponseError::InvalidFieldName { line: 0, text: Excerpt::of(source) }
}

/// Joins the lines of fields that are folded, with one space. A CR that is no part of the end of a
/// line stays, to be refused.
pub(super) fn unfold(block: &[u8]) -> Vec<u8> {
    let mut joined = Vec::with_capacity(block.len());
    for line in block.split_inclusive(|byte| *byte == b'\n') {
        if let [b' ' | b'\t', ..] = line {
            let end = joined.strip_suffix(b"\n").unwrap_or(&joined);
            let end = syntax::trim_end(end.strip_suffix(b"\r").unwrap_or(end)).len();
            joined.truncate(end);
            joined.push(b' ');
            joined.extend_from_slice(syntax::trim_start(line));
        } else {
            joined.extend_from_slice(line);
        }
    }
    joined
}
