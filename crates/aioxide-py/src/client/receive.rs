//! From bytes off the wire to the parts of a response.

use std::num::NonZeroUsize;

use aioxide_http::http1::response::{Decoder, Event, Head, ResponseError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::body::Piece;
use crate::ffi::Bytes;

/// What one read held.
#[derive(Debug, Default)]
pub(super) struct Received {
    /// The size of pieces at most, if they are to have one.
    pub(super) cut: Option<NonZeroUsize>,
    /// `100 Continue` was among it.
    pub(super) go_on: bool,
    pub(super) head: Option<Box<Head>>,
    pub(super) pieces: Vec<Piece>,
    /// The response has ended.
    pub(super) ended: bool,
    /// From here on the connection speaks another protocol.
    pub(super) upgraded: bool,
    pub(super) failure: Option<ResponseError>,
}

impl Received {
    /// Takes all that `input` holds of the response, and stops where it ends.
    ///
    /// # Errors
    /// What is wrong with the response. What came before it is kept.
    pub(super) fn decode(
        &mut self,
        py: Python<'_>,
        decoder: &mut Decoder,
        input: &mut &[u8],
    ) -> Result<(), ResponseError> {
        while !self.ended && !self.upgraded {
            let Some(event) = decoder.next(input)? else { return Ok(()) };
            self.take(py, event);
        }
        // What follows the end belongs to nobody. The decoder has seen it, and says that the
        // connection is useless; the response is whole.
        Ok(())
    }

    fn take(&mut self, py: Python<'_>, event: Event<'_>) {
        match event {
            Event::Informational(head) => self.go_on |= head.status() == 100,
            Event::Head(head) => self.head = Some(Box::new(head)),
            Event::Data(data) => {
                let size = self.cut.map_or(usize::MAX, NonZeroUsize::get);
                let pieces = data.chunks(size).map(|piece| Piece::Data(bytes_of(py, piece)));
                self.pieces.extend(pieces);
            }
            Event::ChunkEnd => self.pieces.push(Piece::ChunkEnd),
            Event::Trailers(_) => {}
            Event::End => self.ended = true,
            // A change of protocol that names none is the end: nobody knows what comes then.
            Event::Upgrade => match &self.head {
                Some(head) if head.status() == 101 && head.get("upgrade").is_none() => {
                    self.ended = true;
                }
                _ => self.upgraded = true,
            },
        }
    }
}

/// A new `bytes`.
pub(super) fn bytes_of(py: Python<'_>, data: &[u8]) -> Bytes {
    Bytes::new(&PyBytes::new(py, data))
}
