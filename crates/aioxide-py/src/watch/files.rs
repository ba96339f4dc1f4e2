//! The process's table of descriptors, which the watching thread leaves.
//!
//! While two threads share a table, the kernel counts for each system call on a descriptor who uses
//! its file, and a process of one thread is spared that: being watched cost a loop 4 to 7 % of the
//! CPU time of a message through a pipe, and 1 to 3 % over TCP. So the watching thread has a table of
//! its own, with nothing in it, and fetches what it needs of the process's. It stays where that is
//! impossible: before Linux 5.9, or where a sandbox forbids it.

use std::cell::OnceCell;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::OnceLock;

use rustix::io::Result;
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

use crate::ffi::borrow_number;

thread_local! {
    /// The process, on a thread that has left its table.
    static PROCESS: OnceCell<OwnedFd> = const { OnceCell::new() };
}

/// Whether descriptors can be fetched, which is tried once. Opens two for a moment.
pub(super) fn can_be_fetched() -> bool {
    static CAN: OnceLock<bool> = OnceLock::new();
    *CAN.get_or_init(|| {
        let fetched = process().and_then(|process| fetch(&process, process.as_raw_fd()));
        fetched.is_ok()
    })
}

/// Leaves the table, after [`can_be_fetched`] has said that this is possible. The thread must run
/// nothing of the program's from now on: it would close what it does not mean.
pub(super) fn leave() {
    // SAFETY: Only this thread's table changes, which becomes a new and empty one. What this thread
    // has opened before, and still owns, is nothing.
    let left =
        unsafe { libc::syscall(libc::SYS_close_range, 0_u32, u32::MAX, libc::CLOSE_RANGE_UNSHARE) };
    if left == 0
        && let Ok(process) = process()
    {
        PROCESS.with(|own| drop(own.set(process)));
    }
}

/// Gives the process's descriptor `number` to `f`; `None` when it cannot be had.
pub(super) fn with<R>(number: RawFd, f: impl FnOnce(BorrowedFd<'_>) -> R) -> Option<R> {
    PROCESS.with(|process| match process.get() {
        Some(process) => fetch(process, number).ok().map(|fd| f(fd.as_fd())),
        None => borrow_number(number).map(f),
    })
}

fn process() -> Result<OwnedFd> {
    pidfd_open(getpid(), PidfdFlags::empty())
}

fn fetch(process: &OwnedFd, number: RawFd) -> Result<OwnedFd> {
    pidfd_getfd(process, number, PidfdGetfdFlags::empty())
}
