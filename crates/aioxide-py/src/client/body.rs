//! What has come of a response's body, and who waits for it.
//!
//! ```text
//!   pieces ──► all()     the whole, when it has ended
//!          └─► sink      a StreamReader, from the moment the program asks for `content`
//! ```

use std::collections::VecDeque;
use std::num::NonZeroUsize;

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::ffi::{Bytes, Ref};

/// A part of a body, in order.
#[derive(Debug)]
pub(super) enum Piece {
    Data(Bytes),
    /// A chunk of the message ended here: `iter_chunks()` shows it.
    ChunkEnd,
}

impl Piece {
    pub(super) fn length(&self) -> usize {
        match self {
            Self::Data(data) => data.as_slice().len(),
            Self::ChunkEnd => 0,
        }
    }
}

/// How a body stands.
#[derive(Clone, Debug)]
pub(super) enum End {
    /// More is to come.
    Open,
    Whole,
    /// The exception that ended it.
    Failed(Ref),
}

/// The body of one response.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) pieces: VecDeque<Piece>,
    /// Bytes in `pieces`.
    pub(super) size: usize,
    /// Bytes that have come, decoded.
    pub(super) total: u64,
    pub(super) end: End,
    /// Who awaits the end.
    pub(super) waiter: Option<Ref>,
    /// A `StreamReader`, which is given everything from now on.
    pub(super) sink: Option<Ref>,
    /// In pieces of which size at most the sink is read.
    pub(super) cut: Option<NonZeroUsize>,
}

impl Body {
    pub(super) const fn new() -> Self {
        Self {
            pieces: VecDeque::new(),
            size: 0,
            total: 0,
            end: End::Open,
            waiter: None,
            sink: None,
            cut: None,
        }
    }

    pub(super) fn push(&mut self, piece: Piece) {
        self.size += piece.length();
        self.total += piece.length() as u64;
        self.pieces.push_back(piece);
    }

    pub(super) fn take(&mut self) -> VecDeque<Piece> {
        self.size = 0;
        std::mem::take(&mut self.pieces)
    }
}

/// The pieces as one `bytes`; one that came alone is given as it is.
pub(super) fn joined(py: Python<'_>, pieces: &VecDeque<Piece>) -> PyResult<Ref> {
    let mut data = pieces.iter().filter_map(|piece| match piece {
        Piece::Data(data) => Some(data),
        Piece::ChunkEnd => None,
    });
    let (first, second) = (data.next(), data.next());
    let (Some(_), Some(_)) = (first, second) else {
        let only = first.map(|first| first.object().clone());
        return Ok(only.unwrap_or_else(|| PyBytes::new(py, b"").into_any().into()));
    };
    let slices = || {
        pieces.iter().filter_map(|piece| match piece {
            Piece::Data(data) => Some(data.as_slice()),
            Piece::ChunkEnd => None,
        })
    };
    let size = slices().map(<[u8]>::len).sum();
    let joined = PyBytes::new_with(py, size, |mut room| {
        for data in slices() {
            let (target, rest) = room.split_at_mut(data.len());
            target.copy_from_slice(data);
            room = rest;
        }
        Ok(())
    })?;
    Ok(joined.into_any().into())
}
