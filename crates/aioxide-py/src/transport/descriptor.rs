//! The descriptor of a transport, and who closes it: exactly one owner at any time.

use std::os::fd::{AsFd, BorrowedFd, IntoRawFd, OwnedFd, RawFd};

use pyo3::prelude::*;

use crate::event_loop::descriptor_number;
use crate::ffi::Ref;
use crate::names::cold;

/// Who closes the descriptor.
#[derive(Debug)]
enum Owner {
    /// This transport. The Python socket is made when somebody asks for it.
    Descriptor(OwnedFd),
    /// A Python socket, which this transport closes.
    ///
    /// # Invariant
    /// The socket's count of users was raised when it came here, so the program cannot close the
    /// descriptor before the transport does.
    Socket(Ref),
    /// It is closed.
    Nobody,
}

/// A descriptor and its owner.
#[derive(Debug)]
pub(super) struct Descriptor {
    fd: RawFd,
    owner: Owner,
}

impl Descriptor {
    /// Of an accepted connection.
    pub(super) fn of_descriptor(descriptor: OwnedFd) -> Self {
        use std::os::fd::AsRawFd;
        Self { fd: descriptor.as_raw_fd(), owner: Owner::Descriptor(descriptor) }
    }

    /// Of a Python socket. The program may call `close()` on it: as with files made of a socket,
    /// the descriptor then stays open until its last user is done. Without that, the number could
    /// become another file's while this transport still writes to it.
    pub(super) fn of_socket(socket: &Bound<'_, PyAny>) -> PyResult<Self> {
        let fd = descriptor_number(socket)?;
        cold(socket.py(), "hold_socket", (socket,))?;
        Ok(Self { fd, owner: Owner::Socket(Ref::new(socket)) })
    }

    /// The number, also after it was closed.
    pub(super) fn number(&self) -> RawFd {
        self.fd
    }

    pub(super) fn is_closed(&self) -> bool {
        matches!(self.owner, Owner::Nobody)
    }

    /// The descriptor, for one system call.
    #[inline]
    pub(super) fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        match &self.owner {
            Owner::Descriptor(descriptor) => Some(descriptor.as_fd()),
            // SAFETY: The socket keeps it open (the invariant), and `self` keeps the socket.
            Owner::Socket(_) => Some(unsafe { BorrowedFd::borrow_raw(self.fd) }),
            Owner::Nobody => None,
        }
    }

    /// The Python socket, if there is one.
    pub(super) fn socket(&self) -> Option<Ref> {
        match &self.owner {
            Owner::Socket(socket) => Some(socket.clone()),
            Owner::Descriptor(_) | Owner::Nobody => None,
        }
    }

    /// Makes `socket`, a Python socket of the same number, the owner.
    pub(super) fn hand_over(&mut self, socket: Ref) {
        match std::mem::replace(&mut self.owner, Owner::Socket(socket)) {
            Owner::Descriptor(descriptor) => {
                let number = descriptor.into_raw_fd();
                debug_assert_eq!(number, self.fd);
            }
            other => self.owner = other,
        }
    }

    /// Takes the owner out; the caller closes it.
    pub(super) fn take(&mut self) -> Closing {
        Closing(std::mem::replace(&mut self.owner, Owner::Nobody))
    }
}

/// A descriptor on its way out.
#[must_use]
#[derive(Debug)]
pub(super) struct Closing(Owner);

impl Closing {
    pub(super) fn close(self, py: Python<'_>) {
        match self.0 {
            Owner::Socket(socket) => {
                if let Err(error) = cold(py, "release_socket", (socket.bind(py),)) {
                    error.write_unraisable(py, Some(socket.bind(py)));
                }
            }
            Owner::Descriptor(descriptor) => drop(descriptor),
            Owner::Nobody => {}
        }
    }
}

/// The descriptor of a listening socket. Its server owns the Python socket, and stops the listener
/// before it closes that.
#[derive(Debug)]
pub(super) struct Listening(RawFd);

impl Listening {
    pub(super) fn of_socket(socket: &Bound<'_, PyAny>) -> PyResult<Self> {
        descriptor_number(socket).map(Self)
    }

    /// The descriptor, for one system call.
    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        // SAFETY: Never -1, as `descriptor_number` checks. A program that closes the socket behind
        // its server's back gets EBADF, as asyncio does.
        unsafe { BorrowedFd::borrow_raw(self.0) }
    }
}
