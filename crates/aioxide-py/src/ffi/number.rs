//! Numbers of descriptors that Python owns.

use std::os::fd::{BorrowedFd, RawFd};

/// The descriptor of a number that was just asked for, for one system call. `None` for a negative
/// one, which is what a closed socket has.
#[inline]
pub(crate) fn borrow_number<'fd>(number: RawFd) -> Option<BorrowedFd<'fd>> {
    // SAFETY: Not negative. If it is closed behind its owner's back, the call answers EBADF, as
    // the owner's own would.
    (number >= 0).then(|| unsafe { BorrowedFd::borrow_raw(number) })
}
