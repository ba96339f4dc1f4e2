//! Calls in which the interpreter may end this thread.
//!
//! Up to CPython 3.13, a thread that asks for the GIL while the interpreter ends is ended where it
//! stands: `pthread_exit` unwinds its frames, and the destructors of Rust on the way would drop
//! Python objects without the GIL. So each call that can run Python code goes through here. The
//! unwinding stops at the first frame of ours, and the thread sleeps for good, as 3.14 has it.

use std::ffi::c_int;
use std::hint::black_box;
use std::mem::ManuallyDrop;

use pyo3::ffi::PyObject;

/// Dropped by unwinding only.
struct Sleep;

impl Drop for Sleep {
    fn drop(&mut self) {
        loop {
            std::thread::park();
        }
    }
}

mod raw {
    use super::PyObject;

    // PyO3 declares that they do not unwind, and the linker's optimiser believes whoever says so:
    // therefore they are called by pointers of which it knows nothing.
    unsafe extern "C-unwind" {
        pub(super) fn PyObject_Vectorcall(
            callable: *mut PyObject,
            arguments: *const *mut PyObject,
            count: usize,
            names: *mut PyObject,
        ) -> *mut PyObject;
        pub(super) fn PyObject_VectorcallMethod(
            name: *mut PyObject,
            arguments: *const *mut PyObject,
            count: usize,
            names: *mut PyObject,
        ) -> *mut PyObject;
        pub(super) fn PyObject_CallObject(
            callable: *mut PyObject,
            arguments: *mut PyObject,
        ) -> *mut PyObject;
        pub(super) fn PyObject_Call(
            callable: *mut PyObject,
            arguments: *mut PyObject,
            keywords: *mut PyObject,
        ) -> *mut PyObject;
        pub(super) fn PyErr_CheckSignals() -> super::c_int;
    }
}

type Call = unsafe extern "C-unwind" fn(
    *mut PyObject,
    *const *mut PyObject,
    usize,
    *mut PyObject,
) -> *mut PyObject;
type CallObject = unsafe extern "C-unwind" fn(*mut PyObject, *mut PyObject) -> *mut PyObject;
type CallWhole =
    unsafe extern "C-unwind" fn(*mut PyObject, *mut PyObject, *mut PyObject) -> *mut PyObject;
type Check = unsafe extern "C-unwind" fn() -> c_int;

/// `f`, whose unwinding ends here.
#[inline]
fn to_the_end<R>(f: impl FnOnce() -> R) -> R {
    let sleep = Sleep;
    let result = f();
    let _ = ManuallyDrop::new(sleep);
    result
}

/// # Safety
/// As for the function of the same name in CPython.
#[inline]
pub(crate) unsafe fn vectorcall(
    callable: *mut PyObject,
    arguments: *const *mut PyObject,
    count: usize,
    names: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: By the caller.
    to_the_end(|| unsafe {
        black_box(raw::PyObject_Vectorcall as Call)(callable, arguments, count, names)
    })
}

/// # Safety
/// As for the function of the same name in CPython.
#[inline]
pub(crate) unsafe fn vectorcall_method(
    name: *mut PyObject,
    arguments: *const *mut PyObject,
    count: usize,
    names: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: By the caller.
    to_the_end(|| unsafe {
        black_box(raw::PyObject_VectorcallMethod as Call)(name, arguments, count, names)
    })
}

/// # Safety
/// As for the function of the same name in CPython.
#[inline]
pub(crate) unsafe fn call_object(
    callable: *mut PyObject,
    arguments: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: By the caller.
    to_the_end(|| unsafe { black_box(raw::PyObject_CallObject as CallObject)(callable, arguments) })
}

/// # Safety
/// As for `PyObject_Call`.
#[inline]
pub(crate) unsafe fn call_whole(
    callable: *mut PyObject,
    arguments: *mut PyObject,
    keywords: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: By the caller.
    to_the_end(|| unsafe {
        black_box(raw::PyObject_Call as CallWhole)(callable, arguments, keywords)
    })
}

/// # Safety
/// As for the function of the same name in CPython.
#[inline]
pub(crate) unsafe fn check_signals() -> c_int {
    // SAFETY: By the caller.
    to_the_end(|| unsafe { black_box(raw::PyErr_CheckSignals as Check)() })
}
