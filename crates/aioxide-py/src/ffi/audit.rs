//! Whether somebody listens to audit events.

use std::ffi::{c_char, c_int, c_void};
use std::ptr;

use pyo3::ffi::{PyErr_Clear, PyErr_SetNone, PyExc_RuntimeError, PyObject};
use pyo3::prelude::*;

type Convert = unsafe extern "C" fn(*mut c_void) -> *mut PyObject;

unsafe extern "C" {
    fn PySys_Audit(event: *const c_char, format: *const c_char, ...) -> c_int;
}

/// Called for the arguments of an event that a hook is to be told of, and fails.
unsafe extern "C" fn refuse(_: *mut c_void) -> *mut PyObject {
    // SAFETY: Set when the interpreter begins, and never changed.
    let kind = unsafe { PyExc_RuntimeError };
    // SAFETY: Called by CPython in a thread that is attached.
    unsafe { PyErr_SetNone(kind) };
    ptr::null_mut()
}

/// Whether there are hooks. The event's arguments are only made for a hook, and making them fails,
/// so no hook hears of it.
pub(crate) fn has_audit_hooks(_: Python<'_>) -> bool {
    let converter: Convert = refuse;
    // SAFETY: Attached, by the token. `O&` takes a converter and what it is called with.
    let status = unsafe {
        PySys_Audit(
            c"aioxide.http.dial".as_ptr(),
            c"O&".as_ptr(),
            converter,
            ptr::null_mut::<c_void>(),
        )
    };
    if status == 0 {
        return false;
    }
    // SAFETY: As above; the error is the one that `refuse` has set.
    unsafe { PyErr_Clear() };
    true
}
