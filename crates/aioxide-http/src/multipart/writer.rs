//! The writer of a body.

use super::{Boundary, Part, TransferEncoder, WriteError};
use crate::coding::{Coding, Encoder};

/// What became of content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// It goes out as it is: the caller sends it behind what is in the output.
    AsIs,
    /// What is ready of it is in the output.
    Encoded,
}

/// A body that is being written.
#[derive(Debug)]
struct Level {
    boundary: Boundary,
    /// The part around it has this many bytes.
    length: Option<u64>,
    /// How many bytes had been written when it began.
    start: u64,
}

/// A part that is being written.
#[derive(Debug)]
struct Open {
    length: Option<u64>,
    given: u64,
    encoders: Option<(Option<Encoder>, TransferEncoder)>,
}

/// Writes a body and bodies within it. All output is appended to the caller's vector.
#[derive(Debug)]
pub struct Writer {
    /// The body, and those within its last part.
    levels: Vec<Level>,
    open: Option<Open>,
    /// How many bytes have been written.
    written: u64,
    /// What comes out of the compressor, to be written in the transfer encoding.
    compressed: Vec<u8>,
}

impl Writer {
    /// A writer of a body with that boundary.
    #[must_use]
    pub fn new(boundary: Boundary) -> Self {
        let level = Level { boundary, length: None, start: 0 };
        Self { levels: vec![level], open: None, written: 0, compressed: Vec::new() }
    }

    /// Begins a part.
    ///
    /// # Errors
    /// Another part is not ended yet, or the body is.
    pub fn begin_part(&mut self, part: &Part, output: &mut Vec<u8>) -> Result<(), WriteError> {
        let encoders = if part.is_plain() {
            None
        } else {
            let encoder = match part.content_coding() {
                Coding::Identity => None,
                Coding::Deflate => Some(Encoder::raw_deflate(None)?),
                coding => Some(Encoder::new(coding, None)?),
            };
            Some((encoder, TransferEncoder::new(part.transfer_encoding())))
        };
        self.begin(part, output)?;
        self.open = Some(Open { length: part.length(), given: 0, encoders });
        Ok(())
    }

    /// Begins a part that is a body of its own; its parts follow, and then [`close`](Self::close).
    /// The part's headers must say what it is, and name `boundary`.
    ///
    /// # Errors
    /// Another part is not ended yet, or the body is; `part` is to be encoded; a body around it has
    /// the same boundary.
    pub fn begin_nested(
        &mut self,
        part: &Part,
        boundary: Boundary,
        output: &mut Vec<u8>,
    ) -> Result<(), WriteError> {
        if !part.is_plain() {
            return Err(WriteError::NestedEncoded);
        }
        if self.levels.iter().any(|level| level.boundary == boundary) {
            return Err(WriteError::SameBoundary);
        }
        self.begin(part, output)?;
        self.levels.push(Level { boundary, length: part.length(), start: self.written });
        Ok(())
    }

    /// Takes content. If it is to be encoded, what is ready is appended to `output`; if not, it is
    /// the caller's to send it behind `output`, and it is only counted here.
    ///
    /// # Errors
    /// No part is begun; the part becomes longer than it should; the compressor failed.
    pub fn data(&mut self, content: &[u8], output: &mut Vec<u8>) -> Result<Written, WriteError> {
        let open = self.open.as_mut().ok_or_else(|| order("content outside of a part"))?;
        let given = open.given.saturating_add(content.len() as u64);
        if let Some(length) = open.length.filter(|length| given > *length) {
            return Err(WriteError::Length { length, written: given });
        }
        open.given = given;
        let Some((encoder, transfer)) = &mut open.encoders else {
            self.written += content.len() as u64;
            return Ok(Written::AsIs);
        };
        let start = output.len();
        match encoder {
            None => transfer.encode(content, output),
            Some(encoder) => {
                self.compressed.clear();
                encoder.encode(content, &mut self.compressed)?;
                transfer.encode(&self.compressed, output);
            }
        }
        self.written += (output.len() - start) as u64;
        Ok(Written::Encoded)
    }

    /// Takes content, and appends it to `output`, encoded or not.
    ///
    /// # Errors
    /// As for [`data`](Self::data).
    pub fn data_to(&mut self, content: &[u8], output: &mut Vec<u8>) -> Result<(), WriteError> {
        if self.data(content, output)? == Written::AsIs {
            output.extend_from_slice(content);
        }
        Ok(())
    }

    /// Ends the part.
    ///
    /// # Errors
    /// No part is begun, or it is shorter than it should be.
    pub fn end_part(&mut self, output: &mut Vec<u8>) -> Result<(), WriteError> {
        let open = self.open.take().ok_or_else(|| order("the end of no part"))?;
        if let Some(length) = open.length.filter(|length| open.given < *length) {
            return Err(WriteError::Length { length, written: open.given });
        }
        let start = output.len();
        if let Some((encoder, mut transfer)) = open.encoders {
            if let Some(mut encoder) = encoder {
                self.compressed.clear();
                encoder.finish(&mut self.compressed)?;
                transfer.encode(&self.compressed, output);
                self.compressed = Vec::new();
            }
            transfer.finish(output);
        }
        output.extend_from_slice(b"\r\n");
        self.written += (output.len() - start) as u64;
        Ok(())
    }

    /// Ends the body, or the body within a part and that part with it.
    ///
    /// # Errors
    /// A part is not ended yet, or the body is; the body within has not the length that its part
    /// was given.
    pub fn close(&mut self, output: &mut Vec<u8>) -> Result<(), WriteError> {
        if self.open.is_some() {
            return Err(order("the end of the body within a part"));
        }
        let level = self.levels.pop().ok_or_else(|| order("another end of the body"))?;
        let start = output.len();
        put(output, &[b"--", level.boundary.as_bytes(), b"--\r\n"]);
        self.written += (output.len() - start) as u64;
        if self.levels.is_empty() {
            return Ok(());
        }
        let written = self.written - level.start;
        if let Some(length) = level.length.filter(|length| *length != written) {
            return Err(WriteError::Length { length, written });
        }
        output.extend_from_slice(b"\r\n");
        self.written += 2;
        Ok(())
    }

    /// The body is ended.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.levels.is_empty()
    }

    /// How many bytes the body has so far.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.written
    }

    fn begin(&mut self, part: &Part, output: &mut Vec<u8>) -> Result<(), WriteError> {
        if self.open.is_some() {
            return Err(order("a part within a part"));
        }
        let level = self.levels.last().ok_or_else(|| order("a part behind the end of the body"))?;
        let start = output.len();
        let headers = part.headers().as_bytes();
        put(output, &[b"--", level.boundary.as_bytes(), b"\r\n", headers, b"\r\n"]);
        self.written += (output.len() - start) as u64;
        Ok(())
    }
}

fn order(what: &'static str) -> WriteError {
    WriteError::Order { what }
}

fn put(output: &mut Vec<u8>, pieces: &[&[u8]]) {
    pieces.iter().for_each(|piece| output.extend_from_slice(piece));
}
