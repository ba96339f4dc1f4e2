//! The head of an answer, read until its empty line and no further, and bounded.

use thiserror::Error;

/// What every answer begins with.
const BEGINNING: &[u8] = b"HTTP/1.";

/// How much of a head is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadLimits {
    /// Bytes of all heads until the final one, informational ones included.
    pub max_bytes: usize,
    /// Headers of one head.
    pub max_headers: usize,
}

impl Default for HeadLimits {
    /// 128 headers, as aiohttp, and 64 KiB.
    fn default() -> Self {
        Self { max_bytes: 1 << 16, max_headers: 128 }
    }
}

/// An answer without its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The status.
    pub status: u16,
    /// The words behind it.
    pub reason: String,
    /// Names and values, in their order.
    pub headers: Vec<(String, Vec<u8>)>,
}

/// The proxy's fault.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum HeadError {
    /// It speaks something else.
    #[error("the proxy's answer is no HTTP")]
    NotHttp,
    /// It does not end, or not soon enough.
    #[error("the proxy's answer has a head of more than {limit} bytes")]
    TooLong {
        /// The setting.
        limit: usize,
    },
    /// More than allowed.
    #[error("the proxy's answer has more than {limit} headers")]
    TooManyHeaders {
        /// The setting.
        limit: usize,
    },
    /// It begins as HTTP and does not go on as such.
    #[error("the head of the proxy's answer is malformed: {0}")]
    Malformed(httparse::Error),
}

/// Reads heads out of bytes.
#[derive(Debug)]
pub struct HeadReader {
    limits: HeadLimits,
    buffer: Vec<u8>,
    /// Bytes of the heads before this one.
    read: usize,
}

impl HeadReader {
    /// A reader at the beginning of a head.
    #[must_use]
    pub const fn new(limits: HeadLimits) -> Self {
        Self { limits, buffer: Vec::new(), read: 0 }
    }

    /// Takes bytes until a head is whole: how many it took, and the head.
    ///
    /// # Errors
    /// The head is malformed or exceeds a limit.
    pub fn handle_bytes(&mut self, bytes: &[u8]) -> Result<(usize, Option<Head>), HeadError> {
        let mut taken = 0;
        while let Some(line_end) = memchr::memchr(b'\n', &bytes[taken..]) {
            let line = &bytes[taken..=taken + line_end];
            self.push(line)?;
            taken += line.len();
            if self.buffer.ends_with(b"\n\n") || self.buffer.ends_with(b"\n\r\n") {
                let head = parse(&self.buffer, self.limits.max_headers)?;
                self.read += self.buffer.len();
                self.buffer.clear();
                return Ok((taken, Some(head)));
            }
        }
        self.push(&bytes[taken..])?;
        Ok((bytes.len(), None))
    }

    /// The same error for the same bytes, however many come together.
    fn push(&mut self, bytes: &[u8]) -> Result<(), HeadError> {
        let limit = self.limits.max_bytes;
        let room = limit.saturating_sub(self.read + self.buffer.len());
        let known = self.buffer.len();
        self.buffer.extend_from_slice(&bytes[..bytes.len().min(room)]);
        let compared = self.buffer.len().min(BEGINNING.len());
        if known < BEGINNING.len() && self.buffer[..compared] != BEGINNING[..compared] {
            return Err(HeadError::NotHttp);
        }
        if bytes.len() > room { Err(HeadError::TooLong { limit }) } else { Ok(()) }
    }
}

fn parse(bytes: &[u8], max_headers: usize) -> Result<Head, HeadError> {
    // There are no more headers than lines, however many are allowed.
    let lines = memchr::memchr_iter(b'\n', bytes).count();
    let mut headers = vec![httparse::EMPTY_HEADER; max_headers.min(lines)];
    let mut answer = httparse::Response::new(&mut headers);
    match answer.parse(bytes) {
        Ok(httparse::Status::Complete(length)) if length == bytes.len() => {}
        // The empty line is there, so nothing is missing and nothing follows.
        Ok(_) => return Err(HeadError::Malformed(httparse::Error::NewLine)),
        Err(httparse::Error::TooManyHeaders) => {
            return Err(HeadError::TooManyHeaders { limit: max_headers });
        }
        Err(error) => return Err(HeadError::Malformed(error)),
    }
    let status = answer.code.ok_or(HeadError::Malformed(httparse::Error::Status))?;
    let headers = answer.headers.iter();
    Ok(Head {
        status,
        reason: answer.reason.unwrap_or_default().to_owned(),
        headers: headers.map(|header| (header.name.to_owned(), header.value.to_vec())).collect(),
    })
}
