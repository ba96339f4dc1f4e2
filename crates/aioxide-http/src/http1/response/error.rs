//! What can be wrong with a response.

use std::fmt;

/// What is wrong with a response. Always the peer's fault, or that of what lies between.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResponseError {
    /// Two fields announce different lengths of the body.
    #[error("two fields Content-Length differ: {first} and {second}")]
    ConflictingContentLength {
        /// What the first says.
        first: u64,
        /// What a later one says.
        second: u64,
    },
    /// A length and a transfer coding are both announced: two readers would see two bodies.
    #[error("both Content-Length and Transfer-Encoding are there")]
    ContentLengthWithTransferEncoding,
    /// The connection ended and nothing of the response had come but 1xx. The request may be made
    /// again, if it does no harm twice.
    #[error("the connection was closed before the response")]
    ClosedBeforeHead {
        /// How many heads with a status of 1xx had come. If any, the server had seen the request.
        informational: u32,
    },
    /// The connection ended in a body of known length.
    #[error("the connection was closed after {received} of {expected} bytes of the body")]
    ClosedInBody {
        /// How much had come.
        received: u64,
        /// How much should have come.
        expected: u64,
    },
    /// The connection ended in the data of a chunk.
    #[error("the connection was closed in a chunk that lacks {missing} bytes")]
    ClosedInChunk {
        /// How much of the chunk had not come.
        missing: u64,
    },
    /// The connection ended in a head.
    #[error("the connection was closed after {received} bytes of the head")]
    ClosedInHead {
        /// How much had come.
        received: usize,
    },
    /// The connection ended in the trailers, or before the empty line that ends a chunked body.
    #[error("the connection was closed in the trailers")]
    ClosedInTrailers,
    /// The connection ended between two chunks.
    #[error("the connection was closed before the last chunk")]
    ClosedWithoutLastChunk,
    /// The extensions of one chunk are too long.
    #[error("the extensions of a chunk have more than {limit} bytes")]
    ChunkExtensionTooLong {
        /// `max_chunk_extension`.
        limit: u32,
    },
    /// The extensions of all chunks together are too long.
    #[error("the extensions of chunks have more than {limit} bytes beyond those of the body")]
    ChunkExtensionsTooLarge {
        /// `max_chunk_extensions`.
        limit: u64,
    },
    /// The size of a chunk has too many digits.
    #[error("the size of a chunk has more than {limit} digits")]
    ChunkSizeTooLong {
        /// As many as an u64 has.
        limit: u32,
    },
    /// A field is too long.
    #[error("a field has more than {limit} bytes")]
    FieldTooLong {
        /// `max_field_size`.
        limit: usize,
    },
    /// A head, or the trailers, are too long.
    #[error("the head or the trailers have more than {limit} bytes")]
    HeadTooLarge {
        /// `max_head_size`.
        limit: u32,
    },
    /// The heads with a status of 1xx are too long together.
    #[error("the informational heads have more than {limit} bytes")]
    InformationalTooLarge {
        /// `max_informational_size`.
        limit: u64,
    },
    /// The data of a chunk is not followed by CR LF.
    #[error("the data of a chunk is followed by {byte:#04x} and not by CR LF")]
    InvalidChunkEnd {
        /// What comes instead.
        byte: u8,
    },
    /// An extension of a chunk has a control character, or its line ends with LF alone.
    #[error("the extension of a chunk has the control character {byte:#04x}")]
    InvalidChunkExtension {
        /// The wrong byte.
        byte: u8,
    },
    /// The size of a chunk is not a hexadecimal number, followed by CR LF or by an extension.
    #[error("the size of a chunk has {byte:#04x} where no digit is and no end")]
    InvalidChunkSize {
        /// The wrong byte.
        byte: u8,
    },
    /// The length of the body is not made of ASCII digits alone, or too many for a `u64`.
    #[error("the Content-Length is not a number: {value}")]
    InvalidContentLength {
        /// What is there.
        value: Excerpt,
    },
    /// A name of a field is not a token, or no colon follows it.
    #[error("the name of a field is not valid, in line {line}: {text}")]
    InvalidFieldName {
        /// Which line of the fields, from one.
        line: usize,
        /// What is there.
        text: Excerpt,
    },
    /// A value of a field has a control character.
    #[error("the value of a field is not valid, in line {line}: {text}")]
    InvalidFieldValue {
        /// Which line of the fields, from one.
        line: usize,
        /// What is there.
        text: Excerpt,
    },
    /// The first line is not one of HTTP/1.
    #[error("this is not the status line of a response: {text}")]
    InvalidStatusLine {
        /// What is there.
        text: Excerpt,
    },
    /// A line ends with LF and not with CR LF.
    #[error("a line of the head ends with LF and not with CR LF")]
    LineFeedAlone,
    /// A field goes on in the next line, or the first line of fields begins with a space.
    #[error("a line of the head begins with a space")]
    ObsoleteFold,
    /// The status line is too long.
    #[error("the status line has more than {limit} bytes")]
    StatusLineTooLong {
        /// `max_line_size`.
        limit: usize,
    },
    /// There are too many fields.
    #[error("there are more than {limit} fields")]
    TooManyFields {
        /// `max_headers`.
        limit: usize,
    },
    /// There are too many heads with a status of 1xx.
    #[error("there are more than {limit} informational heads")]
    TooManyInformational {
        /// `max_informational`.
        limit: u32,
    },
    /// Something came and nothing was asked.
    #[error("{len} bytes came while no response was expected")]
    UnexpectedData {
        /// How many there were at hand.
        len: usize,
    },
    /// A transfer coding is not `chunked`, or not only that.
    #[error("the transfer coding is not understood: {value}")]
    UnsupportedTransferEncoding {
        /// What is there.
        value: Excerpt,
    },
    /// HTTP, but neither 1.0 nor 1.1.
    #[error("the version of HTTP is neither 1.0 nor 1.1: {text}")]
    UnsupportedVersion {
        /// What is there.
        text: Excerpt,
    },
}

impl ResponseError {
    /// The peer has broken no rule, it just stopped.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        matches!(
            self,
            Self::ClosedBeforeHead { .. }
                | Self::ClosedInBody { .. }
                | Self::ClosedInChunk { .. }
                | Self::ClosedInHead { .. }
                | Self::ClosedInTrailers
                | Self::ClosedWithoutLastChunk
        )
    }
}

/// The beginning of what is wrong, for people: at most a hundred bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Excerpt {
    bytes: Box<[u8]>,
    is_cut: bool,
}

impl Excerpt {
    pub(super) fn of(bytes: &[u8]) -> Self {
        let head = bytes.get(..LONGEST).unwrap_or(bytes);
        Self { bytes: head.into(), is_cut: head.len() < bytes.len() }
    }

    /// The bytes as they came.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let more = if self.is_cut { "..." } else { "" };
        write!(formatter, "\"{}\"{more}", self.bytes.escape_ascii())
    }
}

impl fmt::Debug for Excerpt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

const LONGEST: usize = 100;
