//! `contextvars`.

use pyo3::ffi;
use pyo3::prelude::*;

use super::Ref;

/// A copy of the current context, as `contextvars.copy_context()` makes it.
#[inline]
pub(crate) fn copy_context(py: Python<'_>) -> PyResult<Ref> {
    // SAFETY: Attached, by the token.
    let context = unsafe { ffi::PyContext_CopyCurrent() };
    // SAFETY: The result of a call.
    unsafe { Ref::from_result(py, context) }
}

/// A copy of `context`, as `context.copy()` makes it.
///
/// # Errors
/// `TypeError` when it is no context.
pub(crate) fn copy_of_context(py: Python<'_>, context: &Ref) -> PyResult<Ref> {
    // SAFETY: A live object; the function checks its type.
    let copy = unsafe { ffi::PyContext_Copy(context.as_ptr()) };
    // SAFETY: The result of a call.
    unsafe { Ref::from_result(py, copy) }
}

/// Runs `f` inside `context`, as `context.run(f)` does.
///
/// # Errors
/// Those of `f`; `TypeError` when it is no context, `RuntimeError` when it is entered already.
#[inline]
pub(crate) fn in_context<R>(
    py: Python<'_>,
    context: &Ref,
    f: impl FnOnce() -> PyResult<R>,
) -> PyResult<R> {
    // SAFETY: A live object; the function checks its type.
    if unsafe { ffi::PyContext_Enter(context.as_ptr()) } < 0 {
        return Err(PyErr::fetch(py));
    }
    let result = f();
    // SAFETY: Entered above; `f` has left every context that it entered.
    if unsafe { ffi::PyContext_Exit(context.as_ptr()) } < 0 && result.is_ok() {
        return Err(PyErr::fetch(py));
    }
    result
}
