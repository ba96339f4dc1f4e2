//! One socket option that rustix does not have.

use std::os::fd::{AsFd, AsRawFd};
use std::ptr;

use crate::failure::Failure;

/// Makes what is sent by one call datagrams of this size.
pub(crate) fn set_udp_segment(socket: impl AsFd, size: u16) -> Result<(), Failure> {
    let size = libc::c_int::from(size);
    // SAFETY: An open descriptor, which `socket` keeps open, and a number with its length.
    let status = unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_UDP,
            libc::UDP_SEGMENT,
            ptr::from_ref(&size).cast(),
            size_of_val(&size) as libc::socklen_t,
        )
    };
    if status < 0 {
        return Err(Failure::os("set UDP_SEGMENT")(std::io::Error::last_os_error()));
    }
    Ok(())
}
