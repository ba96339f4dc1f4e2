//! What goes wrong with multipart bodies.

use thiserror::Error;

use super::MAX_BOUNDARY;
use crate::coding::EncodeError;

/// Why a boundary is none.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BoundaryError {
    /// It has no characters, or too many.
    #[error("a boundary has 1 to {MAX_BOUNDARY} characters, not {length}")]
    Length {
        /// How many it has.
        length: usize,
    },
    /// It has a character that is not allowed.
    #[error("a boundary is of printable ASCII characters, without 0x{byte:02x}")]
    Character {
        /// Which one.
        byte: u8,
    },
    /// It ends with white space, which readers take for padding.
    #[error("a boundary does not end with white space")]
    TrailingSpace,
    /// The content type is not multipart/something.
    #[error("the content type is not multipart")]
    NotMultipart,
    /// The content type has no boundary.
    #[error("the content type has no boundary")]
    Missing,
}

/// Why a header, or a value in one, cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum HeaderError {
    /// The name is not a token.
    #[error("not a name of a header or of a parameter: {name}")]
    Name {
        /// The name, escaped.
        name: String,
    },
    /// A value has a control character: it would end the header and begin another one.
    #[error("{what} has the control character 0x{byte:02x}")]
    Control {
        /// Which value.
        what: String,
        /// Which character.
        byte: u8,
    },
}

/// Why a body cannot be written. All of these are the caller's or the user's fault.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WriteError {
    /// A header is not fit.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// A form part has a header that form parts must not have.
    #[error("a part of multipart/form-data has no {name}")]
    NotInForms {
        /// Which header.
        name: &'static str,
    },
    /// A form part has no name.
    #[error("a part of multipart/form-data needs a Content-Disposition with a name")]
    NoName,
    /// A part is to be encoded in a way that is not known.
    #[error("unknown {header}: {value}")]
    UnknownEncoding {
        /// In which header.
        header: &'static str,
        /// The value, escaped.
        value: String,
    },
    /// The part has a length, and its header says another one.
    #[error("the part has {length} bytes, but its Content-Length is {header}")]
    ContentLength {
        /// The length.
        length: u64,
        /// The value of the header, escaped.
        header: String,
    },
    /// More or less came than was promised.
    #[error("the part has {written} bytes or more instead of {length}")]
    Length {
        /// The promise.
        length: u64,
        /// What came.
        written: u64,
    },
    /// The inner body has the boundary of one around it.
    #[error("the boundary of a nested body is that of a body around it")]
    SameBoundary,
    /// The inner body is within a part that is to be encoded.
    #[error("a nested body cannot be encoded")]
    NestedEncoded,
    /// The content could not be compressed.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The calls came in an order that makes no body: a bug here.
    #[error("bug: {what}")]
    Order {
        /// What was done.
        what: &'static str,
    },
}

/// Why a body cannot be read. All but the boundary are the peer's fault.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ReadError {
    /// The content type of a nested body is not fit.
    #[error("a part within the body: {0}")]
    Boundary(#[from] BoundaryError),
    /// There is no part.
    #[error("the peer's multipart body has no boundary in it")]
    NoBoundary,
    /// The last boundary is missing.
    #[error("the peer's multipart body ends without its last boundary")]
    Truncated,
    /// What comes before the first boundary is too long.
    #[error("the peer's multipart body has more than {limit} bytes before its first part")]
    Preamble {
        /// [`max_preamble`](super::Limits::max_preamble).
        limit: usize,
    },
    /// There are too many parts.
    #[error("the peer's multipart body has more than {limit} parts")]
    Parts {
        /// [`max_parts`](super::Limits::max_parts).
        limit: u64,
    },
    /// A part has too many headers.
    #[error("a part of the peer's body has more than {limit} headers")]
    Headers {
        /// [`max_headers`](super::Limits::max_headers).
        limit: usize,
    },
    /// A header line is too long.
    #[error("a part of the peer's body has a header of more than {limit} bytes")]
    HeaderSize {
        /// [`max_field_size`](super::Limits::max_field_size).
        limit: usize,
    },
    /// The headers of a part are too long together.
    #[error("a part of the peer's body has headers of more than {limit} bytes")]
    HeadersSize {
        /// [`max_header_size`](super::Limits::max_header_size).
        limit: usize,
    },
    /// A line is not a header.
    #[error("a part of the peer's body has a bad header: {line}")]
    BadHeader {
        /// The beginning of the line, escaped.
        line: String,
    },
    /// A header that says how the part is to be read comes twice.
    #[error("a part of the peer's body has two headers {name}")]
    TwoHeaders {
        /// Which one.
        name: String,
    },
    /// The part does not end where its `Content-Length` says.
    #[error("a part of the peer's body does not have its Content-Length")]
    PartLength,
    /// Bodies within bodies within bodies.
    #[error("the peer's multipart body has more than {limit} bodies within each other")]
    Depth {
        /// [`max_depth`](super::Limits::max_depth).
        limit: usize,
    },
}

/// Why the content of a part cannot be decoded.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TransferError {
    /// The base64 text ends within a group of four.
    #[error("the peer's base64 data ends in the middle")]
    Base64,
}

/// The beginning of what is shown in messages.
pub(super) fn shown(bytes: &[u8]) -> String {
    bytes[..bytes.len().min(60)].escape_ascii().to_string()
}
