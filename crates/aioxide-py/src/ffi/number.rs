//! Numbers of descriptors that Python owns.

use std::ffi::c_int;
use std::os::fd::{BorrowedFd, RawFd};
use std::sync::atomic::{AtomicI32, AtomicU8, Ordering::Relaxed};

use pyo3::ffi;
use pyo3::prelude::*;

use super::Ref;

/// The descriptor of a number that was just asked for, for one system call. `None` for a negative
/// one, which is what a closed socket has.
#[inline]
pub(crate) fn borrow_number<'fd>(number: RawFd) -> Option<BorrowedFd<'fd>> {
    // SAFETY: Not negative. If it is closed behind its owner's back, the call answers EBADF, as
    // the owner's own would.
    (number >= 0).then(|| unsafe { BorrowedFd::borrow_raw(number) })
}

/// How an object of `_socket.socket` begins in CPython 3.11 to 3.15. Believed when the first one
/// that is looked at has what its own methods say.
#[repr(C)]
struct Socket {
    head: ffi::PyObject,
    number: AtomicI32,
    family: c_int,
    kind: c_int,
    protocol: c_int,
}

static LOOKED: AtomicU8 = AtomicU8::new(UNKNOWN);
const UNKNOWN: u8 = 0;
const AS_KNOWN: u8 = 1;
const OTHERWISE: u8 = 2;

/// The number of an object of `native`, which is `_socket.socket`, or of a class derived from it:
/// -1 when it is closed. `None` where it is not known how to tell, and for other objects.
#[inline]
pub(crate) fn socket_number(native: &Ref, object: &Bound<'_, PyAny>) -> Option<RawFd> {
    let object = as_socket(native, object)?;
    match LOOKED.load(Relaxed) {
        AS_KNOWN => {}
        OTHERWISE => return None,
        _ => look(object)?,
    }
    // SAFETY: A live socket, which begins with these fields, as one that was looked at did. Other
    // threads may close it meanwhile, which writes the number as a whole.
    Some(unsafe { &(*object.as_ptr().cast::<Socket>()).number }.load(Relaxed))
}

/// The object, if it is at least as large as what is read of it.
#[inline]
fn as_socket<'a, 'py>(
    native: &Ref,
    object: &'a Bound<'py, PyAny>,
) -> Option<&'a Bound<'py, PyAny>> {
    // SAFETY: A live object.
    if unsafe { ffi::PyType_Check(native.as_ptr()) } == 0 {
        return None;
    }
    let class: *mut ffi::PyTypeObject = native.as_ptr().cast();
    // SAFETY: A live object, and a live class.
    (unsafe { ffi::PyObject_TypeCheck(object.as_ptr(), class) } != 0).then_some(object)
}

#[cold]
fn look(socket: &Bound<'_, PyAny>) -> Option<()> {
    let size = socket.get_type().getattr("__basicsize__").and_then(|size| size.extract::<usize>());
    let number = |name: &str| -> PyResult<c_int> { socket.getattr(name)?.extract() };
    let told = || -> PyResult<[c_int; 4]> {
        let own = socket.call_method0("fileno")?.extract()?;
        Ok([own, number("family")?, number("type")?, number("proto")?])
    };
    let as_known = match (size, told()) {
        (Ok(size), Ok(told)) if size >= size_of::<Socket>() => {
            // SAFETY: A live object of at least that size.
            let found = unsafe { &*socket.as_ptr().cast::<Socket>() };
            told == [found.number.load(Relaxed), found.family, found.kind, found.protocol]
        }
        _ => false,
    };
    LOOKED.store(if as_known { AS_KNOWN } else { OTHERWISE }, Relaxed);
    as_known.then_some(())
}
