//! What an endpoint has still to send.

use std::collections::VecDeque;
use std::io;
use std::os::fd::BorrowedFd;

use super::address::RawAddress;
use super::message::{BATCH, NotSent, send_many, send_one};
use crate::ffi::Ref;
use crate::transport::Piece;

/// What asyncio counts for each datagram beside its content.
pub(super) const HEADER: usize = if cfg!(Py_3_13) { 8 } else { 0 };

/// Where a datagram goes.
#[derive(Debug)]
pub(super) enum Target {
    /// To the peer of a connected socket.
    Peer,
    Address(RawAddress),
    /// What only Python's `socket.sendto()` can make something of.
    Object(Ref),
}

impl Target {
    /// What the system call gets; `None` where Python has to make it.
    pub(super) fn as_name(&self) -> Option<Option<&RawAddress>> {
        match self {
            Self::Peer => Some(None),
            Self::Address(address) => Some(Some(address)),
            Self::Object(_) => None,
        }
    }
}

/// One datagram.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) piece: Piece,
    pub(super) target: Target,
}

impl Outgoing {
    fn size(&self) -> usize {
        self.piece.as_slice().len() + HEADER
    }
}

/// How far a send came.
#[derive(Debug)]
pub(super) enum Progress {
    /// Nothing is left.
    Empty,
    /// There is no room.
    Full,
    /// The first datagram was refused, and is taken out.
    Refused(io::Error),
    /// The next is for Python to send, and is taken out.
    Other(Outgoing),
}

/// Datagrams in order.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    queue: VecDeque<Outgoing>,
    size: usize,
    /// Datagrams to one address may be handed over as one.
    coalesce: bool,
}

impl Outbox {
    /// For a UDP socket, until the kernel refuses.
    pub(super) fn coalescing(coalesce: bool) -> Self {
        Self { coalesce, ..Self::default() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Bytes, as asyncio counts them.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Whether there is a system call's worth.
    pub(super) fn is_full_batch(&self) -> bool {
        self.queue.len() >= BATCH
    }

    pub(super) fn push(&mut self, outgoing: Outgoing) {
        self.size += outgoing.size();
        self.queue.push_back(outgoing);
    }

    /// Puts one back that there was no room for.
    pub(super) fn push_front(&mut self, outgoing: Outgoing) {
        self.size += outgoing.size();
        self.queue.push_front(outgoing);
    }

    fn pop(&mut self) -> Option<Outgoing> {
        let first = self.queue.pop_front()?;
        self.size -= first.size();
        Some(first)
    }

    /// Sends until one is refused or there is no room; what is sent goes into `done`, to be
    /// dropped by the caller.
    pub(super) fn send(&mut self, fd: BorrowedFd<'_>, done: &mut Vec<Outgoing>) -> Progress {
        loop {
            let messages = || {
                self.queue.iter().map_while(|outgoing| {
                    Some((outgoing.piece.as_slice(), outgoing.target.as_name()?))
                })
            };
            let mut first = messages();
            let sent = match (first.next(), first.next()) {
                (None, _) => return self.pop().map_or(Progress::Empty, Progress::Other),
                (Some(only), None) => send_one(fd, only)
                    .map(|()| 1)
                    .map_err(|error| NotSent { error, coalesced: false }),
                (Some(_), Some(_)) => send_many(fd, messages(), self.coalesce),
            };
            match sent {
                Ok(count) => done.extend((0..count).map_while(|_| self.pop())),
                Err(NotSent { error, .. }) if is_full(&error) => return Progress::Full,
                Err(NotSent { error, coalesced: true }) if is_refusal(&error) => {
                    self.coalesce = false;
                }
                Err(NotSent { error, .. }) => return self.refuse(error, done),
            }
        }
    }

    /// Takes out the first, which is refused.
    pub(super) fn refuse(&mut self, error: io::Error, done: &mut Vec<Outgoing>) -> Progress {
        match self.pop() {
            Some(first) => {
                done.push(first);
                Progress::Refused(error)
            }
            None => Progress::Empty,
        }
    }

    /// Takes everything out, to be dropped by the caller.
    pub(super) fn take(&mut self) -> VecDeque<Outgoing> {
        self.size = 0;
        std::mem::take(&mut self.queue)
    }
}

/// Whether an error says to try again later.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// Whether an error may come from having put datagrams together: the kernel, the device or the
/// way there cannot take them so. What else it may mean shows when they are sent singly.
fn is_refusal(error: &io::Error) -> bool {
    const REFUSALS: [i32; 4] = [libc::EIO, libc::EINVAL, libc::EMSGSIZE, libc::EOPNOTSUPP];
    error.raw_os_error().is_some_and(|number| REFUSALS.contains(&number))
}
