//! Finds where a head or the trailers end, while they come in pieces.
//!
//! Each byte is looked at once: the scan goes on where the last piece ended. Whatever depends on
//! lines is checked here, as soon as it can be decided, and always by the position of a byte in
//! the stream, so that how the stream was cut into pieces changes nothing: the length of lines and
//! of the whole, how many there are, how they end, and the status line. What is in the fields is
//! left for when all are there.

use std::borrow::Cow;

use memchr::memchr;

use super::error::{Excerpt, ResponseError};
use super::limits::{Leniency, Limits};
use super::status::StatusLine;

/// What lines may be. Trailers have no status line, and share the count of fields with the head.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) limits: Limits,
    pub(super) leniency: Leniency,
    /// Fields that came before these lines.
    pub(super) fields_before: usize,
}

/// How far the lines have been looked at. Positions are from the beginning of the first line.
#[derive(Debug)]
pub(super) struct Lines {
    wants_status: bool,
    status: Option<StatusLine>,
    /// Up to here there is no LF that has not been seen.
    scanned: usize,
    /// Where the current line begins.
    line: usize,
    /// Where the field began that the current line may go on with.
    field: usize,
    /// How many lines of fields are complete.
    fields: usize,
    is_folded: bool,
}

impl Lines {
    /// Of a head.
    pub(super) const fn of_head() -> Self {
        Self { wants_status: true, ..Self::of_trailers() }
    }

    /// Of trailers.
    pub(super) const fn of_trailers() -> Self {
        Self {
            wants_status: false,
            status: None,
            scanned: 0,
            line: 0,
            field: 0,
            fields: 0,
            is_folded: false,
        }
    }

    /// How many lines of fields there are.
    pub(super) const fn fields(&self) -> usize {
        self.fields
    }

    /// A field goes on over more than one line.
    pub(super) const fn is_folded(&self) -> bool {
        self.is_folded
    }

    /// The status line, once it is complete.
    pub(super) const fn status(&self) -> Option<StatusLine> {
        self.status
    }

    /// Takes these lines from `input`, up to the empty one that ends them. `buffer` keeps what came
    /// before; they are borrowed when all are in this input.
    pub(super) fn take<'i>(
        &mut self,
        buffer: &mut Vec<u8>,
        input: &mut &'i [u8],
        rules: &Rules,
    ) -> Result<Option<Cow<'i, [u8]>>, ResponseError> {
        if buffer.is_empty() {
            if input.is_empty() {
                return Ok(None);
            }
            if let Some(end) = self.advance(input, rules)? {
                let (block, rest) = input.split_at(end);
                *input = rest;
                return Ok(Some(Cow::Borrowed(block)));
            }
            // The limits hold, so this is not much.
            buffer.extend_from_slice(std::mem::take(input));
            return Ok(None);
        }
        let most = rules.limits.max_head_size as usize;
        while !input.is_empty() {
            let line = memchr(b'\n', input).map_or(input.len(), |feed| feed + 1);
            // One byte more than may be is enough to be refused.
            let room = most.saturating_add(1).saturating_sub(buffer.len());
            let (line, rest) = input.split_at(line.min(room));
            buffer.extend_from_slice(line);
            *input = rest;
            if self.advance(buffer, rules)?.is_some() {
                return Ok(Some(Cow::Owned(std::mem::take(buffer))));
            }
        }
        Ok(None)
    }

    /// Goes on with `bytes`, all that is there from the first line on. Returns where the empty line
    /// ends that ends these lines, once it is there.
    fn advance(&mut self, bytes: &[u8], rules: &Rules) -> Result<Option<usize>, ResponseError> {
        if self.wants_status && self.status.is_none() {
            check_beginning(bytes)?;
        }
        while let Some(found) = bytes.get(self.scanned..).and_then(|rest| memchr(b'\n', rest)) {
            let feed = self.scanned + found;
            let has_return = feed > self.line && bytes.get(feed - 1) == Some(&b'\r');
            let end = if has_return { feed - 1 } else { feed };
            self.check_size(bytes, feed + 1, Some(end), rules)?;
            let line = bytes.get(self.line..end).unwrap_or_default();
            self.handle_line(line, has_return, rules)?;
            self.scanned = feed + 1;
            if line.is_empty() {
                return Ok(Some(feed + 1));
            }
            self.line = feed + 1;
        }
        self.scanned = bytes.len();
        self.check_size(bytes, bytes.len(), None, rules)?;
        Ok(None)
    }

    /// Checks the lengths after `reached` bytes, where a line ends at `end` or goes on.
    fn check_size(
        &self,
        bytes: &[u8],
        reached: usize,
        end: Option<usize>,
        rules: &Rules,
    ) -> Result<(), ResponseError> {
        let (start, limit) = if self.wants_status && self.status.is_none() {
            (self.line, rules.limits.max_line_size)
        } else if self.continues_field(bytes, rules) {
            (self.field, rules.limits.max_field_size)
        } else {
            (self.line, rules.limits.max_field_size)
        };
        // The last byte of a line that goes on may be the CR of its end.
        let is_too_long = match end {
            Some(end) => end - start > limit,
            None => (reached - start).saturating_sub(1) > limit,
        };
        let max = rules.limits.max_head_size;
        let is_too_large = reached > max as usize;
        // Both at once: the one whose byte comes first.
        if is_too_long && (!is_too_large || (start + 1).saturating_add(limit) <= max as usize) {
            return Err(if self.wants_status && self.status.is_none() {
                ResponseError::StatusLineTooLong { limit }
            } else {
                ResponseError::FieldTooLong { limit }
            });
        }
        if is_too_large { Err(ResponseError::HeadTooLarge { limit: max }) } else { Ok(()) }
    }

    fn continues_field(&self, bytes: &[u8], rules: &Rules) -> bool {
        let first = bytes.get(self.line);
        rules.leniency.folds && self.fields > 0 && matches!(first, Some(b' ' | b'\t'))
    }

    /// Takes one complete line, without its end.
    fn handle_line(
        &mut self,
        line: &[u8],
        has_return: bool,
        rules: &Rules,
    ) -> Result<(), ResponseError> {
        if !has_return && !rules.leniency.bare_line_feeds {
            return Err(ResponseError::LineFeedAlone);
        }
        if self.wants_status && self.status.is_none() {
            self.status = Some(StatusLine::parse(line, rules.leniency)?);
            return Ok(());
        }
        match line.first() {
            None => return Ok(()),
            Some(b' ' | b'\t') if !rules.leniency.folds || self.fields == 0 => {
                return Err(ResponseError::ObsoleteFold);
            }
            Some(b' ' | b'\t') => self.is_folded = true,
            Some(_) => self.field = self.line,
        }
        self.fields += 1;
        let limit = rules.limits.max_headers;
        if rules.fields_before.saturating_add(self.fields) > limit {
            return Err(ResponseError::TooManyFields { limit });
        }
        Ok(())
    }
}

/// A peer that speaks something else is found out by its first bytes: it may never send LF.
fn check_beginning(bytes: &[u8]) -> Result<(), ResponseError> {
    let is_http = bytes.iter().zip(b"HTTP/").all(|(byte, expected)| byte == expected);
    if is_http {
        Ok(())
    } else {
        Err(ResponseError::InvalidStatusLine { text: Excerpt::of(bytes) })
    }
}
