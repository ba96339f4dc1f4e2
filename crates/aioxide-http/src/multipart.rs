//! Multipart bodies: a [`Writer`] and a [`Reader`], RFC 2046 and RFC 7578.
//!
//! The writer makes what stands around the parts and encodes what is to be encoded; plain content
//! stays with the caller. The reader finds the parts in bytes that come in any pieces, and hands
//! their content on without copying.
//!
//! ```
//! use aioxide_http::multipart::{Boundary, Event, Headers, Kind, Limits, Part, Reader, Writer};
//! let boundary = Boundary::from_random([7; 16]);
//! let mut headers = Headers::new();
//! headers.append(b"Content-Type", b"text/plain")?;
//! let part = Part::new(Kind::Other, headers, Some(5))?;
//! let mut writer = Writer::new(boundary.clone());
//! let mut body = Vec::new();
//! writer.begin_part(&part, &mut body)?;
//! writer.data_to(b"hello", &mut body)?;
//! writer.end_part(&mut body)?;
//! writer.close(&mut body)?;
//!
//! let mut reader = Reader::new(&boundary, Kind::Other, Limits::default());
//! let mut rest = &body[..];
//! let mut content = Vec::new();
//! loop {
//!     let (consumed, event) = reader.next(rest)?;
//!     match event {
//!         Event::PartBegin(headers) => assert_eq!(headers.get(b"content-length"), Some(&b"5"[..])),
//!         Event::Data(data) => content.extend_from_slice(data),
//!         Event::PartEnd => assert_eq!(content, b"hello"),
//!         Event::NeedInput | Event::End => break,
//!     }
//!     rest = &rest[consumed..];
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod boundary;
mod disposition;
mod error;
mod header_lines;
mod headers;
mod part;
mod reader;
mod transfer;
mod writer;

pub use boundary::{Boundary, MAX_BOUNDARY, MultipartType};
pub use disposition::content_disposition;
pub use error::{BoundaryError, HeaderError, ReadError, TransferError, WriteError};
pub use headers::Headers;
pub use part::{Part, content_length};
pub use reader::{Event, Limits, MAX_PADDING, Reader};
pub use transfer::{TransferDecoder, TransferEncoder, TransferEncoding};
pub use writer::{Writer, Written};

/// Which rules hold for the parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// multipart/form-data, RFC 7578: parts have names, and no codings and lengths of their own.
    FormData,
    /// Any other subtype.
    Other,
}
