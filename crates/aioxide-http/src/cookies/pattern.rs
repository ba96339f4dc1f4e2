//! One `name=value` of a header, as leniently as aiohttp reads it.
//!
//! A name, perhaps a value, and an end: whitespace, a semicolon or the end of the text. Of a value
//! the forms are tried in an order, and the first that is followed by an end is it: between
//! quotes; an opening quote and all up to the next quote or semicolon; two forms of dates, which
//! have spaces in them; a word; nothing. Each form is looked for in one pass, without going back
//! over what may be long.
//!
//! The text is bytes, of which those over 127 are never part of a word. All borders lie at ASCII
//! bytes, so what is UTF-8 before is UTF-8 after.

use std::ops::Range;

/// What was found, by its places in the text.
#[derive(Debug)]
pub(super) struct Match {
    pub(super) name: Range<usize>,
    /// `None`: there is no equals sign.
    pub(super) value: Option<Range<usize>>,
    /// Behind the end that was found.
    pub(super) end: usize,
}

/// What stands at `start`. `None` if no pair can be read there.
pub(super) fn find(text: &[u8], start: usize) -> Option<Match> {
    let from = skip(text, start, is_space);
    let to = skip(text, from, is_name);
    if from == to {
        return None;
    }
    let name = from..to;
    let equals = skip(text, to, is_space);
    if text.get(equals) == Some(&b'=') {
        let (value, end) =
            value(text, equals + 1).map_or((None, None), |(value, end)| (Some(value), Some(end)));
        if let Some(end) = end {
            return Some(Match { name, value, end });
        }
    }
    end(text, to).map(|end| Match { name, value: None, end })
}

fn value(text: &[u8], behind_equals: usize) -> Option<(Range<usize>, usize)> {
    let start = skip(text, behind_equals, is_space);
    if text.get(start) == Some(&b'"') {
        if let Some(stop) = closed_quote(text, start)
            && let Some(end) = end(text, stop)
        {
            return Some((start..stop, end));
        }
        if let Some(found) = open_quote(text, start) {
            return Some(found);
        }
    }
    if let Some(found) = header_date(text, start).or_else(|| {
        let stop = asctime(text, start)?;
        Some((start..stop, end(text, stop)?))
    }) {
        return Some(found);
    }
    let stop = skip(text, start, |byte| is_name(byte) || byte == b'=');
    if let Some(end) = end(text, stop) {
        return Some((start..stop, end));
    }
    // No form fits behind the whitespace: then nothing is the value and the whitespace its end.
    (start > behind_equals).then(|| (start - 1..start - 1, start))
}

/// The end behind what stops at `at`.
fn end(text: &[u8], at: usize) -> Option<usize> {
    let behind = skip(text, at, is_space);
    match text.get(behind) {
        None => Some(behind),
        Some(b';') => Some(behind + 1),
        Some(_) => (behind > at).then_some(behind),
    }
}

/// Behind the quote that closes the one at `start`. A backslash takes the next character with it,
/// unless that is the end of a line.
fn closed_quote(text: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        match text.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => match text.get(at + 1)? {
                b'\n' => return None,
                _ => at += 2,
            },
            _ => at += 1,
        }
    }
}

/// All from the quote at `start` to a semicolon or the end of the text. If another quote comes
/// first, to the last whitespace before that.
fn open_quote(text: &[u8], start: usize) -> Option<(Range<usize>, usize)> {
    let stop = skip(text, start + 1, |byte| !matches!(byte, b'"' | b';'));
    match text.get(stop) {
        None => Some((start..stop, stop)),
        Some(b';') => Some((start..stop, stop + 1)),
        Some(_) => {
            let space = text[start + 1..stop].iter().rposition(|byte| is_space(*byte))?;
            let space = start + 1 + space;
            Some((start..space, space + 1))
        }
    }
}

/// `Wed, 09 Jun 2021 10:18:14 GMT`, also with the full name of the day, dashes, or an offset.
fn header_date(text: &[u8], start: usize) -> Option<(Range<usize>, usize)> {
    let comma = skip(text, start, is_word);
    let day = &text[start..comma];
    let is_day = day.len() == 3 || ((6..=9).contains(&day.len()) && day.ends_with(b"day"));
    if !is_day || text.get(comma) != Some(&b',') {
        return None;
    }
    let date = exactly(text, comma + 1, 1, is_space)?;
    [11, 10, 9].into_iter().find_map(|length| {
        let at =
            exactly(text, date, length, |byte| is_word(byte) || is_space(byte) || byte == b'-')?;
        let at = exactly(text, at, 1, is_space)?;
        let at = exactly(text, at, 8, |byte| byte.is_ascii_digit() || byte == b':')?;
        let at = exactly(text, at, 1, is_space)?;
        let stop = match text.get(at)? {
            b'G' if text[at..].starts_with(b"GMT") => at + 3,
            b'+' | b'-' => exactly(text, at + 1, 4, |byte| byte.is_ascii_digit())?,
            _ => return None,
        };
        Some((start..stop, end(text, stop)?))
    })
}

/// Behind `Wed Jun  9 10:18:14 2021`.
fn asctime(text: &[u8], start: usize) -> Option<usize> {
    let at = exactly(text, start, 3, is_word)?;
    let at = spaces(text, at)?;
    let at = exactly(text, at, 3, is_word)?;
    let day = spaces(text, at)?;
    let behind = skip(text, day, |byte| byte.is_ascii_digit());
    match behind - day {
        2 => {}
        // A day of one digit stands behind two spaces at least.
        1 if day > at + 1 => {}
        _ => return None,
    }
    let at = spaces(text, behind)?;
    let at = two_digits(text, at)?;
    let at = two_digits(text, exactly(text, at, 1, |byte| byte == b':')?)?;
    let at = two_digits(text, exactly(text, at, 1, |byte| byte == b':')?)?;
    let at = spaces(text, at)?;
    two_digits(text, two_digits(text, at)?)
}

fn two_digits(text: &[u8], at: usize) -> Option<usize> {
    exactly(text, at, 2, |byte| byte.is_ascii_digit())
}

/// Behind one space or more.
fn spaces(text: &[u8], at: usize) -> Option<usize> {
    let behind = skip(text, at, is_space);
    (behind > at).then_some(behind)
}

fn exactly(text: &[u8], at: usize, length: usize, is: impl Fn(u8) -> bool) -> Option<usize> {
    let part = text.get(at..at.checked_add(length)?)?;
    part.iter().all(|byte| is(*byte)).then_some(at + length)
}

fn skip(text: &[u8], at: usize, is: impl Fn(u8) -> bool) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    at + rest.iter().position(|byte| !is(*byte)).unwrap_or(rest.len())
}

/// `\s` of a pattern for ASCII.
pub(super) const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// `\w` of a pattern for ASCII.
const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// A character of a name as servers in the world send them.
const fn is_name(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'"' | b';' | b'=' | b'\\')
}
