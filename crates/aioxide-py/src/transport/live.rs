//! Which descriptor belongs to which live transport: what `add_reader` must refuse.
//!
//! Native transports are kept here. asyncio's own, which the loop makes for what native ones do not
//! serve, are in the dictionary that asyncio keeps; it is known here once there is one.

use std::collections::HashMap;
use std::os::fd::RawFd;

use pyo3::ffi;

use crate::ffi::Ref;

/// The address of a transport, which may be gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Address(*mut ffi::PyObject);

// SAFETY: An address is only followed by `Live::transport`, on an attached thread.
unsafe impl Send for Address {}

impl Address {
    pub(crate) fn of(transport: &Ref) -> Self {
        Self(transport.as_ptr())
    }
}

/// Weak: a transport takes itself out when it closes its descriptor or is deallocated.
#[derive(Debug)]
pub(crate) struct Live {
    transports: HashMap<RawFd, Address>,
    /// asyncio's, by descriptor: a `weakref.WeakValueDictionary`.
    others: Option<Ref>,
}

impl Live {
    pub(crate) fn new() -> Self {
        Self { transports: HashMap::new(), others: None }
    }

    /// From now on there may be transports in this dictionary, too.
    pub(crate) fn know_others(&mut self, others: Ref) -> Option<Ref> {
        self.others.replace(others)
    }

    pub(crate) fn others(&self) -> Option<&Ref> {
        self.others.as_ref()
    }

    pub(crate) fn insert(&mut self, fd: RawFd, transport: Address) {
        self.transports.insert(fd, transport);
    }

    /// Takes `transport` out, unless the number belongs to another one by now.
    pub(crate) fn remove(&mut self, fd: RawFd, transport: Address) {
        if self.transports.get(&fd) == Some(&transport) {
            self.transports.remove(&fd);
        }
    }

    /// Takes out whatever has the number.
    pub(crate) fn forget(&mut self, fd: RawFd) {
        self.transports.remove(&fd);
    }

    /// The transport of a descriptor.
    pub(crate) fn transport(&self, fd: RawFd) -> Option<Ref> {
        let Address(transport) = *self.transports.get(&fd)?;
        // SAFETY: Transports take themselves out before their memory goes, which waits for this
        // borrow.
        unsafe { Ref::revive(transport) }
    }
}
