//! What the fields of a response say about its body and its connection (RFC 9112, sections 6 and
//! 9.3).

use super::error::{Excerpt, ResponseError};
use super::fields::Fields;
use super::limits::Leniency;
use crate::http1::{Version, syntax};

/// What the fields say. Whether there is a body at all depends on the status and the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Framing {
    pub(super) content_length: Option<u64>,
    pub(super) keep_alive: bool,
    coding: Option<Coding>,
}

/// How a body is transferred that has a transfer coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Chunked,
    /// Up to the end of the connection: `chunked` is not the last one.
    UntilEof,
}

/// How long a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyLength {
    Exactly(u64),
    Chunked,
    UntilEof,
}

impl Framing {
    /// Of a head after which no body can be: only what is said about the connection counts.
    pub(super) fn without_body(fields: &Fields, version: Version) -> Self {
        let mut connection = Connection::default();
        for (name, value) in fields.iter() {
            if name.eq_ignore_ascii_case(b"connection") {
                connection.read(value);
            }
        }
        Self { content_length: None, keep_alive: connection.is_kept(version), coding: None }
    }

    /// Of any other head.
    pub(super) fn read(
        fields: &Fields,
        version: Version,
        leniency: Leniency,
    ) -> Result<Self, ResponseError> {
        let mut connection = Connection::default();
        let mut content_length = None;
        let mut is_transfer_coded = false;
        for (name, value) in fields.iter() {
            // Most names are told apart by their length.
            match name.len() {
                10 if name.eq_ignore_ascii_case(b"connection") => connection.read(value),
                14 if name.eq_ignore_ascii_case(b"content-length") => {
                    let length = parse_length(value)?;
                    let first = *content_length.get_or_insert(length);
                    if first != length {
                        let second = length;
                        return Err(ResponseError::ConflictingContentLength { first, second });
                    }
                }
                17 if name.eq_ignore_ascii_case(b"transfer-encoding") => is_transfer_coded = true,
                _ => {}
            }
        }
        if is_transfer_coded && content_length.is_some() {
            return Err(ResponseError::ContentLengthWithTransferEncoding);
        }
        let coding = if is_transfer_coded { Some(Coding::read(fields, leniency)?) } else { None };
        // Nobody before HTTP/1.1 knows transfer codings: something on the way has passed them on
        // unread, and may see another end (RFC 9112, section 6.1).
        let is_faulty = is_transfer_coded && version == Version::Http10;
        let keep_alive = connection.is_kept(version) && !is_faulty;
        Ok(Self { content_length, keep_alive, coding })
    }

    pub(super) fn is_chunked(&self) -> bool {
        self.coding == Some(Coding::Chunked)
    }

    /// How long the body is that follows, if one follows.
    pub(super) const fn body_length(&self) -> BodyLength {
        match (self.coding, self.content_length) {
            (Some(Coding::Chunked), _) => BodyLength::Chunked,
            (None, Some(length)) => BodyLength::Exactly(length),
            (Some(Coding::UntilEof), _) | (None, None) => BodyLength::UntilEof,
        }
    }
}

impl Coding {
    /// Strictly, there is `chunked` alone, or `identity` alone, which was a name for no coding
    /// until RFC 7230: as `chunked` is not the last, the body then ends with the connection.
    fn read(fields: &Fields, leniency: Leniency) -> Result<Self, ResponseError> {
        let mut count = 0_usize;
        let mut chunked_at = None;
        let mut is_identity = false;
        let mut last: &[u8] = b"";
        for value in fields.get_all("transfer-encoding") {
            last = value;
            for coding in value.split(|byte| *byte == b',').map(syntax::trim) {
                // `chunked` twice, or before another one, is forbidden even to an unknown coding.
                if chunked_at.is_some() {
                    return Err(unsupported(value));
                }
                if coding.eq_ignore_ascii_case(b"chunked") {
                    chunked_at = Some(count);
                }
                is_identity = coding.eq_ignore_ascii_case(b"identity");
                count += 1;
            }
        }
        match chunked_at {
            Some(0) => Ok(Self::Chunked),
            Some(_) if leniency.foreign_transfer_codings => Ok(Self::Chunked),
            None if leniency.foreign_transfer_codings || (is_identity && count == 1) => {
                Ok(Self::UntilEof)
            }
            _ => Err(unsupported(last)),
        }
    }
}

fn unsupported(value: &[u8]) -> ResponseError {
    ResponseError::UnsupportedTransferEncoding { value: Excerpt::of(value) }
}

/// ASCII digits and nothing else: no sign, no space, no list.
fn parse_length(value: &[u8]) -> Result<u64, ResponseError> {
    let add_digit = |length: u64, digit: &u8| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        length.checked_mul(10)?.checked_add(digit)
    };
    let length = if value.is_empty() { None } else { value.iter().try_fold(0, add_digit) };
    length.ok_or_else(|| ResponseError::InvalidContentLength { value: Excerpt::of(value) })
}

/// What the fields `Connection` say, all together.
#[derive(Debug, Default)]
struct Connection {
    close: bool,
    keep_alive: bool,
}

impl Connection {
    fn read(&mut self, value: &[u8]) {
        for option in value.split(|byte| *byte == b',').map(syntax::trim) {
            self.close |= option.eq_ignore_ascii_case(b"close");
            self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
        }
    }

    fn is_kept(&self, version: Version) -> bool {
        !self.close && (version == Version::Http11 || self.keep_alive)
    }
}
