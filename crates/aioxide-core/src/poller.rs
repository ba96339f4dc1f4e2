//! The seam between the scheduler and whatever tells it that descriptors are ready.
//!
//! Level-triggered, because that is what `add_reader` promises: an event comes again with each
//! poll until its cause is gone, unless a registration asks otherwise. Every backend, the simulated one included, has these names.

use std::fmt::Debug;
use std::io;
use std::os::fd::RawFd;

use crate::clock::Nanos;

/// The name of one registration. A reactor gives it to another one only after its slot was used
/// 2^32 times, so an event that was fetched before its registration was removed cannot be taken
/// for that of the next owner of the same descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Token(pub u64);

/// What to be told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Interest {
    /// Data, end of file, or a peer to accept.
    pub readable: bool,
    /// Room to write.
    pub writable: bool,
    /// To be told once of each change, and not with each poll for as long as it is so. Serves
    /// those who always try before they wait. A backend may tell more often.
    pub edge: bool,
}

impl Interest {
    /// Nothing but errors and hang-ups, which the kernel always tells.
    pub const NONE: Self = Self { readable: false, writable: false, edge: false };
    /// Reading only.
    pub const READ: Self = Self { readable: true, writable: false, edge: false };
    /// Writing only.
    pub const WRITE: Self = Self { readable: false, writable: true, edge: false };

    /// The same, told once of each change.
    #[must_use]
    pub fn once(self) -> Self {
        Self { edge: true, ..self }
    }

    /// The union of the two.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self {
            readable: self.readable || other.readable,
            writable: self.writable || other.writable,
            edge: self.edge,
        }
    }

    /// `self` less `other`.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self {
            readable: self.readable && !other.readable,
            writable: self.writable && !other.writable,
            edge: self.edge,
        }
    }

    /// What is in both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            readable: self.readable && other.readable,
            writable: self.writable && other.writable,
            edge: self.edge,
        }
    }

    /// Nothing is wanted.
    #[must_use]
    pub fn is_none(self) -> bool {
        !self.readable && !self.writable
    }
}

/// One descriptor that is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// Whose.
    pub token: Token,
    /// For what. An error or a hang-up counts as both, as with `selectors`: the read or the write
    /// that follows tells what it was.
    pub ready: Interest,
}

/// How long a poll may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timeout {
    /// Not at all.
    Zero,
    /// That many nanoseconds, more than none.
    After(Nanos),
    /// Until something happens.
    Never,
}

/// A backend. Methods take `&self`: one thread may be waiting in [`Poller::wait`] while the owner
/// of the loop registers from another.
pub trait Poller: Debug {
    /// Starts to watch `fd`.
    ///
    /// # Errors
    /// As `epoll_ctl` tells: `EBADF`, `EPERM` for a regular file, `EEXIST`.
    fn add(&self, fd: RawFd, token: Token, interest: Interest) -> io::Result<()>;

    /// Watches `fd` for something else, or under another token.
    ///
    /// # Errors
    /// `ENOENT` when `fd` is not watched, for example because it was closed in between.
    fn modify(&self, fd: RawFd, token: Token, interest: Interest) -> io::Result<()>;

    /// Watches `fd` no more.
    ///
    /// # Errors
    /// `ENOENT` or `EBADF` when it was closed before.
    fn delete(&self, fd: RawFd) -> io::Result<()>;

    /// Waits until something is ready or `timeout` is over, and puts it into `events`, which is
    /// cleared first.
    ///
    /// # Errors
    /// `EINTR` when a signal came.
    fn wait(&self, events: &mut Vec<Event>, timeout: Timeout) -> io::Result<()>;
}
