//! What a transport has still to send.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::os::fd::BorrowedFd;

use rustix::io::Errno;
use rustix::net::{SendAncillaryBuffer, SendFlags, send, sendmsg};

use crate::ffi::Bytes;

/// How many pieces one system call takes.
const PIECES: usize = 64;

const FLAGS: SendFlags = SendFlags::NOSIGNAL.union(SendFlags::DONTWAIT);

/// One piece. A `bytes` object cannot change, so it is held; anything else was copied when it was
/// written, because its owner may change it the moment `write` returns.
#[derive(Debug)]
pub(crate) enum Piece {
    Held(Bytes),
    Copied(Vec<u8>),
}

impl Piece {
    pub(crate) fn as_slice(&self) -> &[u8] {
        match self {
            Self::Held(bytes) => bytes.as_slice(),
            Self::Copied(bytes) => bytes,
        }
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

/// Pieces that are sent, to be dropped when nothing is borrowed any more. Mostly it is one.
#[derive(Debug, Default)]
pub(super) struct Done {
    first: Option<Piece>,
    others: Vec<Piece>,
}

impl Done {
    fn put(&mut self, piece: Piece) {
        match &self.first {
            None => self.first = Some(piece),
            Some(_) => self.others.push(piece),
        }
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

    /// Appends `piece`, of which the first `sent` bytes went out already: only into an empty queue.
    pub(super) fn push(&mut self, piece: Piece, sent: usize) {
        let left = piece.as_slice().len() - sent;
        if left == 0 {
            return;
        }
        debug_assert!(sent == 0 || self.pieces.is_empty());
        if self.pieces.is_empty() {
            self.offset = sent;
        }
        self.size += left;
        self.pieces.push_back(piece);
    }

    /// Sends what the kernel takes; what is sent goes into `done`, to be dropped by the caller.
    pub(super) fn send(&mut self, fd: BorrowedFd<'_>, done: &mut Done) -> Sent {
        let result = {
            if let (Some(only), 1) = (self.pieces.front(), self.pieces.len()) {
                let sent = outcome(send(fd, &only.as_slice()[self.offset..], FLAGS));
                if let Sent::Some(count) = sent {
                    self.advance(count, done);
                }
                return sent;
            }
            let mut slices: [IoSlice<'_>; PIECES] = std::array::from_fn(|_| IoSlice::new(&[]));
            let mut count = 0;
            for (slot, piece) in slices.iter_mut().zip(&self.pieces) {
                let skip = if count == 0 { self.offset } else { 0 };
                *slot = IoSlice::new(&piece.as_slice()[skip..]);
                count += 1;
            }
            outcome(sendmsg(fd, &slices[..count], &mut SendAncillaryBuffer::default(), FLAGS))
        };
        if let Sent::Some(count) = result {
            self.advance(count, done);
        }
        result
    }

    fn advance(&mut self, mut count: usize, done: &mut Done) {
        self.size -= count;
        while let Some(first) = self.pieces.front() {
            let left = first.as_slice().len() - self.offset;
            if count < left {
                self.offset += count;
                return;
            }
            count -= left;
            self.offset = 0;
            if let Some(piece) = self.pieces.pop_front() {
                done.put(piece);
            }
        }
    }

    /// Takes everything out, to be dropped by the caller.
    pub(super) fn take(&mut self) -> VecDeque<Piece> {
        self.offset = 0;
        self.size = 0;
        std::mem::take(&mut self.pieces)
    }
}
