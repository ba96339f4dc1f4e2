//! The framing of a chunked body, up to its trailers.
//!
//! ```text
//! Size --digits--> Size --;--> Extension --CR--> SizeEnd --LF--> Data -> DataEnd -> Size
//!                     \--CR--------------------> SizeEnd --LF, size 0--> the trailers
//! ```
//! Each byte of framing moves the state on and is not kept, so it makes no difference how the bytes
//! come, and a chunk costs as much as its bytes.

use super::error::ResponseError;
use super::limits::{Leniency, Limits};

/// Where in the framing the body is.
#[derive(Debug)]
pub(super) struct Chunks {
    place: Place,
    /// The size of the current chunk, as far as its digits have come; then what its data lacks.
    size: u64,
    digits: u32,
    /// Bytes of extensions of this chunk.
    extension: u32,
    /// Bytes of extensions, and of data, of all chunks.
    extensions: u64,
    data: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Size,
    /// Spaces after the size, which are forgiven.
    Blank,
    Extension,
    SizeEnd,
    Data,
    DataEnd,
    DataEndFeed,
}

/// What comes next of a chunked body.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'i> {
    Data(&'i [u8]),
    /// The data of a chunk is complete, and its end has come.
    ChunkEnd,
    /// The last chunk has come, of which there are only the trailers left.
    LastChunk,
}

impl Chunks {
    pub(super) const fn new() -> Self {
        Self { place: Place::Size, size: 0, digits: 0, extension: 0, extensions: 0, data: 0 }
    }

    /// Goes on with `input` up to the next piece, or to its end.
    pub(super) fn advance<'i>(
        &mut self,
        input: &mut &'i [u8],
        limits: &Limits,
        leniency: Leniency,
    ) -> Result<Option<Piece<'i>>, ResponseError> {
        while let Some((byte, rest)) = input.split_first() {
            if self.place == Place::Data {
                let len = usize::try_from(self.size).unwrap_or(usize::MAX).min(input.len());
                let (data, rest) = input.split_at(len);
                *input = rest;
                self.size -= len as u64;
                self.data = self.data.saturating_add(len as u64);
                if self.size == 0 {
                    self.place = Place::DataEnd;
                }
                return Ok(Some(Piece::Data(data)));
            }
            let before = self.place;
            self.step(*byte, limits, leniency)?;
            *input = rest;
            if self.place == Place::Data && self.size == 0 {
                return Ok(Some(Piece::LastChunk));
            }
            if before == Place::DataEndFeed {
                return Ok(Some(Piece::ChunkEnd));
            }
        }
        Ok(None)
    }

    /// What is wrong when the connection ends here.
    pub(super) const fn closed(&self) -> ResponseError {
        match self.place {
            Place::Data => ResponseError::ClosedInChunk { missing: self.size },
            _ => ResponseError::ClosedWithoutLastChunk,
        }
    }

    /// Takes one byte that is not data.
    fn step(&mut self, byte: u8, limits: &Limits, leniency: Leniency) -> Result<(), ResponseError> {
        self.place = match (self.place, byte) {
            (Place::Size, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                if self.digits == MAX_DIGITS {
                    return Err(ResponseError::ChunkSizeTooLong { limit: MAX_DIGITS });
                }
                self.digits += 1;
                self.size = self.size << 4 | u64::from(hex_value(byte));
                Place::Size
            }
            (Place::Size | Place::Blank, b'\r') if self.digits > 0 => Place::SizeEnd,
            (Place::Size | Place::Blank, b';') if self.digits > 0 => {
                self.count_extension(limits)?;
                Place::Extension
            }
            (Place::Size | Place::Blank, b' ' | b'\t')
                if self.digits > 0 && leniency.spaces_after_chunk_size =>
            {
                self.count_extension(limits)?;
                Place::Blank
            }
            (Place::Size | Place::Blank, _) => {
                return Err(ResponseError::InvalidChunkSize { byte });
            }
            (Place::Extension, b'\r') => Place::SizeEnd,
            (Place::Extension, b'\t' | b' '..=b'~' | 0x80..) => {
                self.count_extension(limits)?;
                Place::Extension
            }
            (Place::SizeEnd, b'\n') => {
                self.digits = 0;
                self.extension = 0;
                Place::Data
            }
            (Place::SizeEnd, _) if self.extension == 0 => {
                return Err(ResponseError::InvalidChunkSize { byte: b'\r' });
            }
            (Place::SizeEnd, _) => {
                return Err(ResponseError::InvalidChunkExtension { byte: b'\r' });
            }
            (Place::Extension, _) => return Err(ResponseError::InvalidChunkExtension { byte }),
            (Place::DataEnd, b'\r') => Place::DataEndFeed,
            (Place::DataEndFeed, b'\n') => Place::Size,
            (Place::Data | Place::DataEnd | Place::DataEndFeed, _) => {
                return Err(ResponseError::InvalidChunkEnd { byte });
            }
        };
        Ok(())
    }

    /// A byte more that says nothing. All chunks together may have some of these, and as many as
    /// there is data: else a peer could send much and give little.
    fn count_extension(&mut self, limits: &Limits) -> Result<(), ResponseError> {
        self.extension = self.extension.saturating_add(1);
        self.extensions = self.extensions.saturating_add(1);
        let limit = limits.max_chunk_extension;
        if self.extension > limit {
            return Err(ResponseError::ChunkExtensionTooLong { limit });
        }
        let limit = limits.max_chunk_extensions;
        if self.extensions.saturating_sub(self.data) > limit {
            return Err(ResponseError::ChunkExtensionsTooLarge { limit });
        }
        Ok(())
    }
}

/// As many as the largest size has. More of them are zeros at best.
const MAX_DIGITS: u32 = 16;

const fn hex_value(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit - b'A' + 10,
    }
}
