//! Decompressing a body as it comes, and no faster than it is taken.

use std::cell::Cell;

use aioxide_http::coding::{Codings, DecodeError, Decoder, Limits};
use aioxide_http::http1::response::Head;
use pyo3::prelude::*;

use super::body::Piece;
use super::receive::bytes_of;

/// A decoder with its window, and what it decodes into: at most `MAX_STEP` bytes. They are used
/// for one body after another.
#[derive(Debug)]
struct Tools {
    decoder: Decoder,
    scratch: Vec<u8>,
}

thread_local! {
    /// Of the body that was decoded last in this thread.
    static SPARE: Cell<Option<Tools>> = const { Cell::new(None) };
}

impl Tools {
    fn take(codings: &Codings, limits: Limits) -> Self {
        match SPARE.take() {
            Some(mut spare) => {
                spare.decoder.reset(codings, limits);
                spare
            }
            None => Self { decoder: Decoder::new(codings, limits), scratch: Vec::new() },
        }
    }
}

/// The decoder of one body, and what it has not decoded yet.
#[derive(Debug)]
pub(super) struct Inflater {
    /// `None` only while it is dropped.
    tools: Option<Tools>,
    /// Compressed pieces that wait until somebody takes what is there.
    waiting: Vec<Piece>,
    /// How much of the first of them is decoded.
    used: usize,
}

impl Drop for Inflater {
    fn drop(&mut self) {
        // A thread that ends has none.
        let _ = SPARE.try_with(|spare| spare.set(self.tools.take()));
    }
}

/// What came of a call.
#[derive(Debug, Default)]
pub(super) struct Inflated {
    pub(super) pieces: Vec<Piece>,
    /// All that had come is decoded.
    pub(super) drained: bool,
    pub(super) failure: Option<DecodeError>,
}

impl Inflater {
    /// The decoder that a head asks for; `None` where nothing is coded, or nobody knows how.
    pub(super) fn of(head: &Head, limits: Limits) -> Option<Box<Self>> {
        let codings = Codings::parse(head.get_all("content-encoding")).ok()?;
        if codings.is_identity() {
            return None;
        }
        Some(Box::new(Self {
            tools: Some(Tools::take(&codings, limits)),
            waiting: Vec::new(),
            used: 0,
        }))
    }

    pub(super) fn push(&mut self, pieces: Vec<Piece>) {
        self.waiting.extend(pieces);
    }

    /// Decodes until nothing is left, or more than `room` bytes came out.
    pub(super) fn run(&mut self, py: Python<'_>, room: usize) -> Inflated {
        let mut result = Inflated::default();
        let Some(Tools { decoder, scratch }) = &mut self.tools else { return result };
        let waiting = std::mem::take(&mut self.waiting);
        let mut produced = 0;
        let mut rest = waiting.into_iter();
        while let Some(piece) = rest.next() {
            let Piece::Data(data) = &piece else {
                result.pieces.push(piece);
                continue;
            };
            loop {
                let input = &data.as_slice()[self.used..];
                let step = match decoder.decode_over(input, scratch) {
                    Ok(step) => step,
                    Err(error) => {
                        result.failure = Some(error);
                        return result;
                    }
                };
                self.used += step.consumed;
                produced += step.produced;
                if step.produced != 0 {
                    result.pieces.push(Piece::Data(bytes_of(py, &scratch[..step.produced])));
                }
                let done = !step.more;
                if produced > room && !done {
                    self.waiting.push(piece);
                    self.waiting.extend(rest);
                    return result;
                }
                if done {
                    break;
                }
            }
            self.used = 0;
            if produced > room && rest.len() != 0 {
                self.waiting.extend(rest);
                return result;
            }
        }
        result.drained = true;
        result
    }

    /// All that has come is decoded.
    pub(super) fn is_drained(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The body has ended.
    ///
    /// # Errors
    /// It ended in the middle of what was coded.
    pub(super) fn finish(&self) -> Result<(), DecodeError> {
        self.tools.as_ref().map_or(Ok(()), |tools| tools.decoder.finish())
    }
}
