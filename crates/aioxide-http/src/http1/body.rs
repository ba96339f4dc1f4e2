//! The body of a request: its framing, and that it is as long as announced.

use crate::http1::request::{RequestError, encode_fields};

/// Frames the body of one request.
///
/// The framing goes around the caller's bytes, which need not be copied: [`BodyEncoder::frame`]
/// gives what to send before and after them.
///
/// # Examples
/// ```
/// use aioxide_http::http1::body::BodyEncoder;
///
/// let mut body = BodyEncoder::chunked();
/// let frame = body.frame(5)?;
/// assert_eq!((frame.prefix(), frame.suffix()), (&b"5\r\n"[..], &b"\r\n"[..]));
/// let mut end = Vec::new();
/// body.finish([], &mut end)?;
/// assert_eq!(end, b"0\r\n\r\n");
/// # Ok::<(), aioxide_http::http1::body::BodyError>(())
/// ```
#[derive(Clone, Debug)]
pub struct BodyEncoder {
    framing: Framing,
    finished: bool,
}

#[derive(Clone, Debug)]
enum Framing {
    Empty,
    Length { announced: u64, written: u64 },
    Chunked,
}

/// What goes around one piece of a body.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    /// Sixteen digits are enough for any length, and CR and LF.
    digits: [u8; 18],
    start: u8,
    chunk: bool,
}

/// Why a piece or an end is refused. The caller's fault, whose body differs from its announcement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// More bytes than `Content-Length` says. None of the piece may be sent.
    #[error("the body is longer than its Content-Length of {announced} bytes")]
    TooLong {
        /// What the head says.
        announced: u64,
    },
    /// The body ends before it is as long as `Content-Length` says.
    #[error("the body ends after {written} bytes, its Content-Length is {announced}")]
    TooShort {
        /// What the head says.
        announced: u64,
        /// What was written.
        written: u64,
    },
    /// A request that has no body was given one.
    #[error("a request without a body was given {len} bytes of it")]
    NotEmpty {
        /// How many bytes.
        len: usize,
    },
    /// The body has ended already.
    #[error("the body of the request has ended already")]
    Finished,
    /// Only a chunked body has trailers.
    #[error("only a chunked body can have trailers")]
    TrailersWithoutChunks,
    /// A trailer field that says how to read, route or authorise the message comes too late.
    #[error("field {index} of the trailers may only be a header")]
    ForbiddenTrailer {
        /// Which one, from zero.
        index: usize,
    },
    /// A trailer field is not valid.
    #[error("the trailers are not valid: {0}")]
    Trailer(RequestError),
}

impl BodyEncoder {
    /// No body.
    #[must_use]
    pub const fn empty() -> Self {
        Self { framing: Framing::Empty, finished: false }
    }

    /// A body of `announced` bytes, as the head's `Content-Length` says.
    #[must_use]
    pub const fn length(announced: u64) -> Self {
        Self { framing: Framing::Length { announced, written: 0 }, finished: false }
    }

    /// A body in chunks, as the head's `Transfer-Encoding` says.
    #[must_use]
    pub const fn chunked() -> Self {
        Self { framing: Framing::Chunked, finished: false }
    }

    /// What to send around the next `len` bytes of the body. Of no bytes no chunk is made: it would
    /// be the last one.
    ///
    /// # Errors
    /// When the body may not be that long. The bytes do not count then and must not be sent.
    pub fn frame(&mut self, len: usize) -> Result<Frame, BodyError> {
        if self.finished {
            return Err(BodyError::Finished);
        }
        match &mut self.framing {
            Framing::Empty if len > 0 => return Err(BodyError::NotEmpty { len }),
            Framing::Length { announced, written } => {
                let total = written.checked_add(len as u64).filter(|total| total <= announced);
                *written = total.ok_or(BodyError::TooLong { announced: *announced })?;
            }
            Framing::Chunked if len > 0 => return Ok(Frame::chunk(len)),
            Framing::Empty | Framing::Chunked => {}
        }
        Ok(Frame::BARE)
    }

    /// Appends `data` to `out`, framed: for data that is small enough to be copied behind the head.
    ///
    /// # Errors
    /// As [`BodyEncoder::frame`]. `out` is then as it was.
    pub fn write(&mut self, data: &[u8], out: &mut Vec<u8>) -> Result<(), BodyError> {
        let frame = self.frame(data.len())?;
        out.extend_from_slice(frame.prefix());
        out.extend_from_slice(data);
        out.extend_from_slice(frame.suffix());
        Ok(())
    }

    /// Ends the body and appends to `out` what ends it on the wire: of a chunked one the last chunk
    /// and the trailers.
    ///
    /// # Errors
    /// When the body is shorter than announced, or the trailers are not valid. `out` is then as it
    /// was, and the body has not ended.
    pub fn finish<'h>(
        &mut self,
        trailers: impl IntoIterator<Item = (&'h [u8], &'h [u8])>,
        out: &mut Vec<u8>,
    ) -> Result<(), BodyError> {
        if self.finished {
            return Err(BodyError::Finished);
        }
        match self.framing {
            Framing::Chunked => {
                let before = out.len();
                if let Err(error) = finish_chunks(trailers, out) {
                    out.truncate(before);
                    return Err(error);
                }
            }
            Framing::Length { announced, written } if written < announced => {
                return Err(BodyError::TooShort { announced, written });
            }
            Framing::Empty | Framing::Length { .. } => {
                if trailers.into_iter().next().is_some() {
                    return Err(BodyError::TrailersWithoutChunks);
                }
            }
        }
        self.finished = true;
        Ok(())
    }

    /// [`BodyEncoder::finish`] has been called, and succeeded.
    #[must_use]
    pub const fn is_finished(&self) -> bool {
        self.finished
    }
}

impl Frame {
    /// Nothing goes around.
    const BARE: Self = Self { digits: [0; 18], start: 18, chunk: false };

    fn chunk(len: usize) -> Self {
        let mut digits = [0; 18];
        digits[16] = b'\r';
        digits[17] = b'\n';
        let mut start = 16;
        let mut rest = len;
        while rest > 0 {
            start -= 1;
            digits[start] = b"0123456789abcdef"[rest % 16];
            rest /= 16;
        }
        Self { digits, start: start as u8, chunk: true }
    }

    /// What to send before the bytes.
    #[must_use]
    pub fn prefix(&self) -> &[u8] {
        self.digits.get(self.start as usize..).unwrap_or_default()
    }

    /// What to send after the bytes.
    #[must_use]
    pub const fn suffix(&self) -> &'static [u8] {
        if self.chunk { b"\r\n" } else { b"" }
    }
}

fn finish_chunks<'h>(
    trailers: impl IntoIterator<Item = (&'h [u8], &'h [u8])>,
    out: &mut Vec<u8>,
) -> Result<(), BodyError> {
    let mut forbidden = None;
    let trailers = trailers.into_iter().enumerate().map(|(index, field)| {
        if forbidden.is_none() && is_forbidden(field.0) {
            forbidden = Some(index);
        }
        field
    });
    out.extend_from_slice(b"0\r\n");
    encode_fields(trailers, out).map_err(BodyError::Trailer)?;
    out.extend_from_slice(b"\r\n");
    forbidden.map_or(Ok(()), |index| Err(BodyError::ForbiddenTrailer { index }))
}

/// Fields that change what a message means, and that a recipient which merges trailers into the
/// headers would believe (RFC 9110, section 6.5.1).
fn is_forbidden(name: &[u8]) -> bool {
    FORBIDDEN.iter().any(|forbidden| name.eq_ignore_ascii_case(forbidden.as_bytes()))
}

const FORBIDDEN: [&str; 14] = [
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-range",
    "content-type",
    "cookie",
    "expect",
    "host",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
