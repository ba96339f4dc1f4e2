//! The descriptor of a transport, and who closes it: exactly one owner at any time.

use std::os::fd::{AsFd, BorrowedFd, IntoRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicI32, Ordering::Relaxed};

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
    Socket(Ref, Kind),
    /// It is closed.
    Nobody,
}

/// What is known of a Python socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Its descriptor can be read where the interpreter has it.
    Native,
    /// Some other object with `fileno()`.
    Foreign,
}

/// The descriptor of a `socket.socket`, without a call: -1 after `detach()`.
///
/// # Safety
/// `socket` is an instance of `_socket.socket`.
unsafe fn number_in(socket: &Ref) -> RawFd {
    // SAFETY: By the caller. The descriptor is the first field behind the object's header, in every
    // version, so this is inside the object.
    let field = unsafe { socket.as_ptr().add(1) }.cast::<AtomicI32>();
    // SAFETY: As above, aligned as the object is, and alive as long as `socket` is borrowed.
    unsafe { &*field }.load(Relaxed)
}

/// A descriptor and its owner.
#[derive(Debug)]
pub(crate) struct Descriptor {
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
    pub(crate) fn of_socket(socket: &Bound<'_, PyAny>) -> PyResult<Self> {
        let fd = descriptor_number(socket)?;
        let native = cold(socket.py(), "hold_socket", (socket,))?.is_truthy()?;
        let socket = Ref::new(socket);
        // SAFETY: `hold_socket` tells whether it is a socket.
        let found = native && unsafe { number_in(&socket) } == fd;
        let kind = if found { Kind::Native } else { Kind::Foreign };
        Ok(Self { fd, owner: Owner::Socket(socket, kind) })
    }

    /// The number, also after it was closed.
    pub(crate) fn number(&self) -> RawFd {
        self.fd
    }

    pub(crate) fn is_closed(&self) -> bool {
        matches!(self.owner, Owner::Nobody)
    }

    /// Whether the program has detached the socket from its descriptor, which may be another
    /// file's by now: nothing is to be done with it.
    #[inline]
    pub(crate) fn is_detached(&self) -> bool {
        match &self.owner {
            // SAFETY: A native one is a socket.
            Owner::Socket(socket, Kind::Native) => unsafe { number_in(socket) != self.fd },
            _ => false,
        }
    }

    /// The descriptor, for one system call.
    #[inline]
    pub(crate) fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        match &self.owner {
            Owner::Descriptor(descriptor) => Some(descriptor.as_fd()),
            // SAFETY: The socket keeps it open (the invariant), and `self` keeps the socket.
            Owner::Socket(..) => Some(unsafe { BorrowedFd::borrow_raw(self.fd) }),
            Owner::Nobody => None,
        }
    }

    /// The Python socket, if there is one.
    pub(crate) fn socket(&self) -> Option<Ref> {
        match &self.owner {
            Owner::Socket(socket, _) => Some(socket.clone()),
            Owner::Descriptor(_) | Owner::Nobody => None,
        }
    }

    /// Makes `socket`, a Python socket of the same number, the owner.
    pub(super) fn hand_over(&mut self, socket: Ref) {
        // SAFETY: `make_socket` has made it.
        debug_assert_eq!(unsafe { number_in(&socket) }, self.fd);
        match std::mem::replace(&mut self.owner, Owner::Socket(socket, Kind::Native)) {
            Owner::Descriptor(descriptor) => {
                let number = descriptor.into_raw_fd();
                debug_assert_eq!(number, self.fd);
            }
            other => self.owner = other,
        }
    }

    /// Takes the owner out; the caller closes it.
    pub(crate) fn take(&mut self) -> Closing {
        Closing(std::mem::replace(&mut self.owner, Owner::Nobody))
    }
}

/// A descriptor on its way out.
#[must_use]
#[derive(Debug)]
pub(crate) struct Closing(Owner);

impl Closing {
    pub(crate) fn close(self, py: Python<'_>) {
        match self.0 {
            Owner::Socket(socket, _) => {
                if let Err(error) = cold(py, "release_socket", (socket.bind(py),)) {
                    error.write_unraisable(py, Some(socket.bind(py)));
                }
            }
            Owner::Descriptor(descriptor) => drop(descriptor),
            Owner::Nobody => {}
        }
    }
}

/// The descriptor of a Python object that somebody else closes: of a listening socket, whose server
/// stops the listener before it closes that, or of a pipe, which its transport closes as an object.
#[derive(Debug)]
pub(crate) struct Lent(RawFd);

impl Lent {
    pub(crate) fn of(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        descriptor_number(object).map(Self)
    }

    pub(crate) fn number(&self) -> RawFd {
        self.0
    }

    /// The descriptor, for one system call.
    #[inline]
    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        // SAFETY: Never -1, as `descriptor_number` checks. A program that closes the object behind
        // the back of its server or transport gets EBADF, as asyncio does.
        unsafe { BorrowedFd::borrow_raw(self.0) }
    }
}
