//! What comes of a response.

use super::fields::Fields;
use super::head::Head;

/// What comes of a response, one after another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'i> {
    /// A head with a status of 1xx, but not 101; another head follows.
    Informational(Head),
    /// The head of the response.
    Head(Head),
    /// A piece of the body, as large as it came; never empty.
    Data(&'i [u8]),
    /// What came of [`Event::Data`] since the last one of these was one chunk on the wire. Only the
    /// framing of the connection: it means nothing to HTTP.
    ChunkEnd,
    /// Fields after a chunked body, if there are any. What they say of framing, routing or
    /// credentials must not be believed.
    Trailers(Fields),
    /// The response is complete. What is left of the input belongs to nothing.
    End,
    /// The response is complete, and what is left of the input, as all that comes, belongs to
    /// another protocol. Follows a head with status 101, or 2xx to CONNECT.
    Upgrade,
}
