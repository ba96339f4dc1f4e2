//! Calls of objects, with as little made for them as can be.

use std::ptr;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::{Ref, ending};

/// Calls `callable` without arguments.
#[inline]
pub(crate) fn call0(py: Python<'_>, callable: &Ref) -> PyResult<Ref> {
    // SAFETY: `callable` is alive for the call; no arguments are passed.
    let result = unsafe { ending::vectorcall(callable.as_ptr(), ptr::null(), 0, ptr::null_mut()) };
    // SAFETY: The result of a call.
    unsafe { Ref::from_result(py, result) }
}

/// Calls `callable(*arguments)`.
pub(crate) fn call_tuple<'py>(
    callable: &Bound<'py, PyAny>,
    arguments: &Bound<'py, PyTuple>,
) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: Both are alive for the call, and the arguments are a tuple.
    let result = unsafe { ending::call_object(callable.as_ptr(), arguments.as_ptr()) };
    // SAFETY: The result of a call.
    unsafe { Bound::from_owned_ptr_or_err(callable.py(), result) }
}

/// Calls `callable(argument, **keywords)`.
///
/// A class takes its arguments as a tuple and a dict, so to pass it a dict that is there saves making
/// one. Whoever is called must leave the dict as it is; functions of C do.
#[inline]
pub(crate) fn call_with_keywords(
    py: Python<'_>,
    callable: &Ref,
    argument: Option<Borrowed<'_, '_, PyAny>>,
    keywords: &Bound<'_, PyDict>,
) -> PyResult<Ref> {
    let arguments = match argument {
        Some(argument) => PyTuple::new(py, [argument])?,
        None => PyTuple::empty(py),
    };
    // SAFETY: All are alive for the call, and of the types that it asks for.
    let result =
        unsafe { ending::call_whole(callable.as_ptr(), arguments.as_ptr(), keywords.as_ptr()) };
    // SAFETY: The result of a call.
    unsafe { Ref::from_result(py, result) }
}

/// Calls the method `name` of the first argument with the rest, without making a bound method.
#[inline]
pub(crate) fn call_method<const N: usize>(
    py: Python<'_>,
    name: &Ref,
    arguments: [&Ref; N],
) -> PyResult<Ref> {
    let arguments = arguments.map(Ref::as_ptr);
    // SAFETY: The caller's references keep name and arguments alive for the call.
    let result =
        unsafe { ending::vectorcall_method(name.as_ptr(), arguments.as_ptr(), N, ptr::null_mut()) };
    // SAFETY: The result of a call.
    unsafe { Ref::from_result(py, result) }
}

/// The value of an attribute.
#[inline]
pub(crate) fn attribute(py: Python<'_>, object: &Ref, name: &Ref) -> PyResult<Ref> {
    // SAFETY: Both are alive.
    let result = unsafe { ffi::PyObject_GetAttr(object.as_ptr(), name.as_ptr()) };
    // SAFETY: The result of a call.
    unsafe { Ref::from_result(py, result) }
}

/// Runs the handlers of signals that have arrived.
///
/// # Errors
/// What a handler raised, `KeyboardInterrupt` by default.
#[inline]
pub(crate) fn check_signals(py: Python<'_>) -> PyResult<()> {
    // SAFETY: Attached, by the token.
    if unsafe { ending::check_signals() } < 0 { Err(PyErr::fetch(py)) } else { Ok(()) }
}

/// `threading.get_ident()`.
#[inline]
pub(crate) fn thread_id() -> std::ffi::c_ulong {
    // SAFETY: Always callable; it asks the C library.
    unsafe { ffi::PyThread_get_thread_ident() }
}
