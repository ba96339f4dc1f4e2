//! What a transport has still to send.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::os::fd::BorrowedFd;

use rustix::io::{Errno, write, writev};
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
pub(crate) enum Sent {
    /// So many bytes went out, perhaps none.
    Some(usize),
    /// The connection is broken.
    Failed(io::Error),
}

/// Sends what the kernel takes of `data`.
pub(super) fn send_now(fd: BorrowedFd<'_>, data: &[u8]) -> Sent {
    outcome(send(fd, data, FLAGS))
}

/// Writes what a pipe takes of `data`. The descriptor does not block.
pub(crate) fn write_now(fd: BorrowedFd<'_>, data: &[u8]) -> Sent {
    outcome(write(fd, data))
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
pub(crate) struct Done {
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
pub(crate) struct Queue {
    pieces: VecDeque<Piece>,
    /// How much of the first piece is sent.
    offset: usize,
    /// Bytes still to send.
    size: usize,
}

impl Queue {
    pub(crate) fn is_empty(&self) -> bool {
        self.size == 0
    }

    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// Appends `piece`, of which the first `sent` bytes went out already: only into an empty queue.
    pub(crate) fn push(&mut self, piece: Piece, sent: usize) {
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
        self.pass(
            done,
            |data| send(fd, data, FLAGS),
            |pieces| sendmsg(fd, pieces, &mut SendAncillaryBuffer::default(), FLAGS),
        )
    }

    /// As [`Queue::send`], to a pipe that does not block.
    pub(crate) fn write(&mut self, fd: BorrowedFd<'_>, done: &mut Done) -> Sent {
        self.pass(done, |data| write(fd, data), |pieces| writev(fd, pieces))
    }

    #[inline(always)]
    fn pass(
        &mut self,
        done: &mut Done,
        one: impl FnOnce(&[u8]) -> Result<usize, Errno>,
        many: impl FnOnce(&[IoSlice<'_>]) -> Result<usize, Errno>,
    ) -> Sent {
        let result = if let (Some(only), 1) = (self.pieces.front(), self.pieces.len()) {
            one(&only.as_slice()[self.offset..])
        } else {
            let mut slices: [IoSlice<'_>; PIECES] = std::array::from_fn(|_| IoSlice::new(&[]));
            let mut count = 0;
            for (slot, piece) in slices.iter_mut().zip(&self.pieces) {
                let skip = if count == 0 { self.offset } else { 0 };
                *slot = IoSlice::new(&piece.as_slice()[skip..]);
                count += 1;
            }
            many(&slices[..count])
        };
        let sent = outcome(result);
        if let Sent::Some(count) = sent {
            self.advance(count, done);
        }
        sent
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
    pub(crate) fn take(&mut self) -> VecDeque<Piece> {
        self.offset = 0;
        self.size = 0;
        std::mem::take(&mut self.pieces)
    }
}
