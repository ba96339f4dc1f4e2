//! What a transport has still to send.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::os::fd::BorrowedFd;

use pyo3::ffi;
use rustix::io::Errno;
use rustix::net::{SendAncillaryBuffer, SendFlags, send, sendmsg};

use crate::ffi::Ref;

/// How many pieces one system call takes.
const PIECES: usize = 64;

const FLAGS: SendFlags = SendFlags::NOSIGNAL.union(SendFlags::DONTWAIT);

/// One piece. A `bytes` object cannot change, so it is held; anything else was copied when it was
/// written, because its owner may change it the moment `write` returns.
#[derive(Debug)]
pub(super) enum Piece {
    Held(Ref),
    Copied(Vec<u8>),
}

impl Piece {
    fn as_slice(&self) -> &[u8] {
        match self {
            Self::Held(object) => bytes_of(object.as_ptr()),
            Self::Copied(bytes) => bytes,
        }
    }
}

/// The content of an exact `bytes` object.
pub(super) fn bytes_of<'a>(object: *mut ffi::PyObject) -> &'a [u8] {
    // SAFETY: The callers checked that it is a `bytes` and hold it; its content never changes.
    unsafe {
        let start = ffi::PyBytes_AS_STRING(object).cast::<u8>();
        std::slice::from_raw_parts(start, ffi::PyBytes_Size(object) as usize)
    }
}

/// What a send came to.
#[derive(Debug)]
pub(super) enum Sent {
    /// So many bytes went out, perhaps none.
    Some(usize),
    /// The connection is broken.
    Failed(io::Error),
}

/// Sends what the kernel takes of `data`.
pub(super) fn send_now(fd: BorrowedFd<'_>, data: &[u8]) -> Sent {
    outcome(send(fd, data, FLAGS))
}

fn outcome(result: Result<usize, Errno>) -> Sent {
    match result {
        Ok(count) => Sent::Some(count),
        Err(Errno::AGAIN | Errno::INTR) => Sent::Some(0),
        Err(error) => Sent::Failed(error.into()),
    }
}

/// The pieces in order, the first of which may be sent in part.
#[derive(Debug, Default)]
pub(super) struct Queue {
    pieces: VecDeque<Piece>,
    /// How much of the first piece is sent.
    offset: usize,
    /// Bytes still to send.
    size: usize,
}

impl Queue {
    pub(super) fn is_empty(&self) -> bool {
        self.size == 0
    }

    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Appends `piece`, of which the first `sent` bytes are sent already (only into an empty queue).
    pub(super) fn push(&mut self, piece: Piece, sent: usize) {
        let length = piece.as_slice().len() - sent;
        if length == 0 {
            return;
        }
        debug_assert!(sent == 0 || self.pieces.is_empty());
        self.offset = if self.pieces.is_empty() { sent } else { self.offset };
        self.size += length;
        self.pieces.push_back(piece);
    }

    /// Sends what the kernel takes; what is sent goes into `done`, to be dropped by the caller.
    pub(super) fn send(&mut self, fd: BorrowedFd<'_>, done: &mut Vec<Piece>) -> Sent {
        let result = {
            let mut slices: [IoSlice<'_>; PIECES] = std::array::from_fn(|_| IoSlice::new(&[]));
            let mut count = 0;
            for (slot, piece) in slices.iter_mut().zip(&self.pieces) {
                let skip = if count == 0 { self.offset } else { 0 };
                *slot = IoSlice::new(&piece.as_slice()[skip..]);
                count += 1;
            }
            if count == 1 {
                outcome(send(fd, &slices[0], FLAGS))
            } else {
                outcome(sendmsg(fd, &slices[..count], &mut SendAncillaryBuffer::default(), FLAGS))
            }
        };
        if let Sent::Some(count) = result {
            self.advance(count, done);
        }
        result
    }

    fn advance(&mut self, mut count: usize, done: &mut Vec<Piece>) {
        self.size -= count;
        while let Some(first) = self.pieces.front() {
            let left = first.as_slice().len() - self.offset;
            if count < left {
                self.offset += count;
                return;
            }
            count -= left;
            self.offset = 0;
            done.extend(self.pieces.pop_front());
        }
    }

    /// Takes everything out, to be dropped by the caller.
    pub(super) fn take(&mut self) -> VecDeque<Piece> {
        self.offset = 0;
        self.size = 0;
        std::mem::take(&mut self.pieces)
    }
}
