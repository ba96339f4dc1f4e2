//! The Linux backend.
//!
//! Facts about epoll that shape it:
//! - `epoll_wait` counts in milliseconds. A timeout is rounded up, as `selectors` does: rounding
//!   down would wake the loop before its timer is due, and it would spin until then.
//! - Closing the last copy of a descriptor removes it from the set by itself; a copy that was
//!   inherited by a child or made by `dup` keeps it in. So owners delete before they close. Once
//!   the number is closed, no call can take such an entry out: only a new set is free of it
//!   (`Scheduler::move_to`).
//! - A regular file is refused with `EPERM`.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd, RawFd};

use rustix::event::{Timespec, epoll};
use rustix::io::Errno;

use crate::clock::Nanos;
use crate::poller::{Event, Interest, Poller, Timeout, Token};

/// How many events one poll fetches at most; the rest comes with the next turn.
const BATCH: usize = 256;

/// A millisecond, the kernel's unit here.
const MILLI: Nanos = 1_000_000;

/// Longer waits are cut to this (about 24 days): the loop then finds nothing due and waits again.
const LONGEST: Nanos = i32::MAX as Nanos * MILLI;

/// An epoll instance.
#[derive(Debug)]
pub struct Epoll {
    /// `None` once the loop is closed.
    fd: Option<OwnedFd>,
}

impl Epoll {
    /// Opens an instance.
    ///
    /// # Errors
    /// The process or the system is out of descriptors.
    pub fn new() -> io::Result<Self> {
        Ok(Self { fd: Some(epoll::create(epoll::CreateFlags::CLOEXEC)?) })
    }

    /// An instance that is closed: every call answers `EBADF`.
    #[must_use]
    pub fn closed() -> Self {
        Self { fd: None }
    }

    fn fd(&self) -> io::Result<&OwnedFd> {
        self.fd.as_ref().ok_or_else(|| Errno::BADF.into())
    }
}

impl Poller for Epoll {
    fn add(&self, fd: RawFd, token: Token, interest: Interest) -> io::Result<()> {
        let fd = borrow(fd)?;
        Ok(epoll::add(self.fd()?, fd, epoll::EventData::new_u64(token.0), flags(interest))?)
    }

    fn modify(&self, fd: RawFd, token: Token, interest: Interest) -> io::Result<()> {
        let fd = borrow(fd)?;
        Ok(epoll::modify(self.fd()?, fd, epoll::EventData::new_u64(token.0), flags(interest))?)
    }

    fn delete(&self, fd: RawFd) -> io::Result<()> {
        Ok(epoll::delete(self.fd()?, borrow(fd)?)?)
    }

    fn wait(&self, events: &mut Vec<Event>, timeout: Timeout) -> io::Result<()> {
        events.clear();
        let timeout = match timeout {
            Timeout::Zero => Some(Timespec { tv_sec: 0, tv_nsec: 0 }),
            Timeout::After(nanos) => {
                let millis = (nanos.clamp(0, LONGEST) + MILLI - 1) / MILLI;
                Some(Timespec { tv_sec: millis / 1000, tv_nsec: millis % 1000 * MILLI })
            }
            Timeout::Never => None,
        };
        let mut buffer = [MaybeUninit::<epoll::Event>::uninit(); BATCH];
        let (ready, _) = epoll::wait(self.fd()?, &mut buffer, timeout.as_ref())?;
        events.extend(
            ready.iter().map(|event| Event {
                token: Token(event.data.u64()),
                ready: readiness(event.flags),
            }),
        );
        Ok(())
    }
}

fn flags(interest: Interest) -> epoll::EventFlags {
    let mut flags = epoll::EventFlags::empty();
    flags.set(epoll::EventFlags::IN, interest.readable);
    flags.set(epoll::EventFlags::OUT, interest.writable);
    flags.set(epoll::EventFlags::ET, interest.edge);
    flags
}

fn readiness(flags: epoll::EventFlags) -> Interest {
    use epoll::EventFlags as Flags;
    Interest {
        readable: flags.intersects(Flags::IN | Flags::ERR | Flags::HUP),
        writable: flags.intersects(Flags::OUT | Flags::ERR | Flags::HUP),
        edge: false,
    }
}

/// # Errors
/// `EBADF` for a negative number, which the kernel would answer as well.
#[expect(unsafe_code, reason = "a number from the user becomes a descriptor for one system call")]
fn borrow<'fd>(fd: RawFd) -> io::Result<BorrowedFd<'fd>> {
    if fd < 0 {
        return Err(Errno::BADF.into());
    }
    // SAFETY: The number is not -1, which is all that `BorrowedFd` needs to be well formed. It is
    // handed to `epoll_ctl` only, which answers EBADF when nothing is open under it.
    Ok(unsafe { BorrowedFd::borrow_raw(fd) })
}
