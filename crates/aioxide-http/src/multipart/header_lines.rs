//! The lines of the headers of a part.

use super::error::shown;
use super::reader::Limits;
use super::{Headers, ReadError};

/// Two of these would be read in one way here and in another way elsewhere.
const ONCE: [&[u8]; 2] = [b"content-length", b"content-type"];

/// Headers that are being read.
#[derive(Debug, Default)]
pub(super) struct HeaderLines {
    /// The beginning of a line that has not ended.
    line: Vec<u8>,
    headers: Headers,
    size: usize,
}

impl HeaderLines {
    /// Reads on. Answers how many bytes are used up, and the headers if they end with these.
    pub(super) fn read(
        &mut self,
        input: &[u8],
        limits: &Limits,
    ) -> Result<(usize, Option<Headers>), ReadError> {
        let mut at = 0;
        loop {
            let rest = &input[at..];
            let end = memchr::memchr(b'\n', rest);
            let piece = &rest[..end.unwrap_or(rest.len())];
            self.check_size(piece, limits)?;
            if end.is_none() {
                self.line.extend_from_slice(piece);
                return Ok((input.len(), None));
            }
            at += piece.len() + 1;
            self.size += self.line.len() + piece.len() + 1;
            let whole = if self.line.is_empty() {
                self.take_line(piece, limits)?
            } else {
                let mut line = std::mem::take(&mut self.line);
                line.extend_from_slice(piece);
                let whole = self.take_line(&line, limits)?;
                line.clear();
                self.line = line;
                whole
            };
            if whole {
                self.size = 0;
                return Ok((at, Some(std::mem::take(&mut self.headers))));
            }
        }
    }

    fn check_size(&self, piece: &[u8], limits: &Limits) -> Result<(), ReadError> {
        let line = self.line.len() + piece.len();
        // A CR at the end may be of the line end.
        let last = if piece.is_empty() { self.line.last() } else { piece.last() };
        let ending = usize::from(last == Some(&b'\r'));
        if line - ending > limits.max_field_size {
            return Err(ReadError::HeaderSize { limit: limits.max_field_size });
        }
        if self.size + line > limits.max_header_size {
            return Err(ReadError::HeadersSize { limit: limits.max_header_size });
        }
        Ok(())
    }

    /// Takes a line; true if it is the empty one that ends the headers.
    fn take_line(&mut self, line: &[u8], limits: &Limits) -> Result<bool, ReadError> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            return Ok(true);
        }
        if self.headers.len() >= limits.max_headers {
            return Err(ReadError::Headers { limit: limits.max_headers });
        }
        let bad = || ReadError::BadHeader { line: shown(line) };
        let colon = memchr::memchr(b':', line).ok_or_else(bad)?;
        let (name, value) = (&line[..colon], trimmed(&line[colon + 1..]));
        let is_name = |known: &&[u8]| known.eq_ignore_ascii_case(name);
        if ONCE.iter().any(is_name) && self.headers.get(name).is_some() {
            return Err(ReadError::TwoHeaders { name: shown(name) });
        }
        self.headers.append(name, value).map_err(|_| bad())?;
        Ok(false)
    }
}

/// Without spaces and tabs around it.
fn trimmed(value: &[u8]) -> &[u8] {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = value.iter().position(|byte| !blank(byte)).unwrap_or(value.len());
    let end = value.iter().rposition(|byte| !blank(byte)).map_or(start, |last| last + 1);
    &value[start..end]
}
