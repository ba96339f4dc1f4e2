//! Which descriptor belongs to which live transport: what `add_reader` must refuse.

use std::collections::HashMap;
use std::os::fd::RawFd;

use pyo3::ffi;

use crate::ffi::Ref;

/// Weak: a transport takes itself out when it closes its descriptor or is deallocated.
#[derive(Debug)]
pub(crate) struct Live {
    transports: HashMap<RawFd, *mut ffi::PyObject>,
}

impl Live {
    pub(crate) fn new() -> Self {
        Self { transports: HashMap::new() }
    }

    pub(super) fn insert(&mut self, fd: RawFd, transport: *mut ffi::PyObject) {
        self.transports.insert(fd, transport);
    }

    /// Takes `transport` out, unless the number belongs to another one by now.
    pub(super) fn remove(&mut self, fd: RawFd, transport: *mut ffi::PyObject) {
        if self.transports.get(&fd) == Some(&transport) {
            self.transports.remove(&fd);
        }
    }

    /// Takes out whatever has the number.
    pub(super) fn forget(&mut self, fd: RawFd) {
        self.transports.remove(&fd);
    }

    /// The transport of a descriptor.
    pub(crate) fn transport(&self, fd: RawFd) -> Option<Ref> {
        let transport = *self.transports.get(&fd)?;
        // SAFETY: Transports take themselves out before their memory goes. One whose count is zero
        // is on its way there (a weakref callback may look here in between) and stays dead.
        unsafe { (ffi::Py_REFCNT(transport) > 0).then(|| Ref::from_borrowed(transport)) }
    }
}

// SAFETY: The pointers are only followed while attached, see `Live::transport`.
unsafe impl Send for Live {}
