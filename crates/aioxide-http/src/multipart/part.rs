//! A part to be written.

use super::error::shown;
use super::{Boundary, Headers, Kind, TransferEncoding, WriteError};
use crate::coding::Coding;

const ENCODING: &str = "Content-Encoding";
const TRANSFER: &str = "Content-Transfer-Encoding";
const LENGTH: &str = "Content-Length";

/// A part to be written: its headers, and what follows from them for its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    headers: Headers,
    length: Option<u64>,
    content: Coding,
    transfer: TransferEncoding,
}

impl Part {
    /// A part with content of `length` bytes, if that is known; it is then held to it.
    ///
    /// As with aiohttp, a part of a form must have a `Content-Disposition` with a name, and none of
    /// `Content-Encoding`, `Content-Transfer-Encoding` and `Content-Length`. Another part is
    /// encoded as these say, and gets a `Content-Length` if it is known and nothing is encoded.
    ///
    /// # Errors
    /// A header is missing, must not be there, or is not understood.
    pub fn new(kind: Kind, headers: Headers, length: Option<u64>) -> Result<Self, WriteError> {
        let mut part = Self {
            headers,
            length,
            content: Coding::Identity,
            transfer: TransferEncoding::Identity,
        };
        match kind {
            Kind::FormData => part.check_form()?,
            Kind::Other => part.read_encodings()?,
        }
        Ok(part)
    }

    /// Its headers.
    #[must_use]
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// How many bytes of content are given.
    #[must_use]
    pub fn length(&self) -> Option<u64> {
        self.length
    }

    /// How the content is compressed: by gzip, by deflate without a header, or not.
    #[must_use]
    pub fn content_coding(&self) -> Coding {
        self.content
    }

    /// How the content is written.
    #[must_use]
    pub fn transfer_encoding(&self) -> TransferEncoding {
        self.transfer
    }

    /// The content goes out as it is.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.content == Coding::Identity && self.transfer == TransferEncoding::Identity
    }

    fn check_form(&self) -> Result<(), WriteError> {
        for name in [ENCODING, TRANSFER, LENGTH] {
            if self.headers.get(name.as_bytes()).is_some() {
                return Err(WriteError::NotInForms { name });
            }
        }
        let disposition = self.headers.get(b"Content-Disposition").unwrap_or_default();
        let has = |text: &[u8]| disposition.windows(text.len()).any(|window| window == text);
        if has(b"name=") || has(b"name*=") { Ok(()) } else { Err(WriteError::NoName) }
    }

    fn read_encodings(&mut self) -> Result<(), WriteError> {
        let value = |name: &str| self.headers.get(name.as_bytes()).unwrap_or_default().trim_ascii();
        let unknown = |header, value| WriteError::UnknownEncoding { header, value: shown(value) };
        let name = value(ENCODING);
        self.content = match Coding::from_name(name) {
            Some(coding @ (Coding::Gzip | Coding::Deflate | Coding::Identity)) => coding,
            None if name.is_empty() => Coding::Identity,
            _ => return Err(unknown(ENCODING, name)),
        };
        let name = value(TRANSFER);
        self.transfer = TransferEncoding::from_name(name).ok_or_else(|| unknown(TRANSFER, name))?;
        let Some(length) = self.length.filter(|_| self.is_plain()) else { return Ok(()) };
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(length).as_bytes();
        match self.headers.get(LENGTH.as_bytes()) {
            Some(header) if header == digits => Ok(()),
            Some(header) => Err(WriteError::ContentLength { length, header: shown(header) }),
            None => Ok(self.headers.append(LENGTH.as_bytes(), digits)?),
        }
    }
}

/// The size of a body with these parts, if all of them know theirs and none is encoded.
#[must_use]
pub fn content_length<'a>(
    boundary: &Boundary,
    parts: impl IntoIterator<Item = &'a Part>,
) -> Option<u64> {
    let delimiter = boundary.as_bytes().len() as u64 + 2;
    // The delimiter and its line end; the headers; the empty line; the content and its line end.
    let of_part = |part: &Part| {
        let length = part.length.filter(|_| part.is_plain())?;
        (delimiter + 2 + part.headers.as_bytes().len() as u64 + 2 + 2).checked_add(length)
    };
    let last = delimiter + 4;
    parts.into_iter().try_fold(last, |sum, part| sum.checked_add(of_part(part)?))
}
