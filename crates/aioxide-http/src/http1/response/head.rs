//! The head of a response.

use std::borrow::Cow;

use super::error::ResponseError;
use super::fields::{Fields, unfold};
use super::framing::Framing;
use super::limits::Leniency;
use super::lines::Lines;
use super::status::StatusLine;
use crate::http1::{Version, syntax};

/// The head of a response: its status and its fields, in one buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    version: Version,
    status: u16,
    reason: (u32, u32),
    framing: Framing,
    fields: Fields,
}

impl Head {
    /// What the response calls itself.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// From 100 to 999.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// The words after the status, in no known encoding. Often empty.
    #[must_use]
    pub fn reason(&self) -> &[u8] {
        syntax::trim(self.fields.part(self.reason.0, self.reason.1))
    }

    /// The fields.
    #[must_use]
    pub const fn fields(&self) -> &Fields {
        &self.fields
    }

    /// Names and values of the fields, see [`Fields::iter`].
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&[u8], &[u8])> + ExactSizeIterator {
        self.fields.iter()
    }

    /// The value of the first field called `name`, in any case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.fields.get(name)
    }

    /// The values of all fields called `name`, in any case.
    pub fn get_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.fields.get_all(name)
    }

    /// The peer means to keep the connection. Whether it can be used again is for the decoder to
    /// say.
    #[must_use]
    pub const fn keep_alive(&self) -> bool {
        self.framing.keep_alive
    }

    /// What `Content-Length` says, also where no body follows: after HEAD. `None` where it has no
    /// meaning: in 1xx, and in 2xx after CONNECT.
    #[must_use]
    pub const fn content_length(&self) -> Option<u64> {
        self.framing.content_length
    }

    /// The body comes in chunks, if one comes.
    #[must_use]
    pub fn is_chunked(&self) -> bool {
        self.framing.is_chunked()
    }

    /// How the body is compressed.
    #[must_use]
    pub fn content_encoding(&self) -> Option<&[u8]> {
        self.fields.get("content-encoding")
    }

    pub(super) const fn framing(&self) -> &Framing {
        &self.framing
    }

    /// Parses `block`, whose end and status line `lines` has found.
    pub(super) fn parse(
        block: Cow<'_, [u8]>,
        lines: &Lines,
        status: StatusLine,
        is_connect: bool,
        leniency: Leniency,
    ) -> Result<Self, ResponseError> {
        let block = if lines.is_folded() { Cow::Owned(unfold(&block)) } else { block };
        let reason = status.reason();
        // The line ends with LF, which in a lenient reading has no CR before it.
        let start = reason.end + if block.get(reason.end) == Some(&b'\r') { 2 } else { 1 };
        let fields = Fields::parse(block, start, lines.fields(), leniency)?;
        let StatusLine { version, status, .. } = status;
        let framing = if matches!(status, 100..=199) || (is_connect && matches!(status, 200..=299))
        {
            Framing::without_body(&fields, version)
        } else {
            Framing::read(&fields, version, leniency)?
        };
        let reason = (reason.start as u32, reason.end as u32);
        Ok(Self { version, status, reason, framing, fields })
    }
}
