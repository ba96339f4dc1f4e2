//! `contextvars`.

use std::ptr;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

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

/// A new context without variables.
pub(crate) fn new_context(py: Python<'_>) -> PyResult<Ref> {
    // SAFETY: Attached, by the token.
    let context = unsafe { ffi::PyContext_New() };
    // SAFETY: The result of a call.
    unsafe { Ref::from_result(py, context) }
}

/// Whether a context has no variables.
#[inline]
pub(crate) fn is_empty(context: &Ref) -> bool {
    // SAFETY: A live object; an error (it is no context) leaves an exception, which is cleared.
    let size = unsafe { ffi::PyObject_Size(context.as_ptr()) };
    if size < 0 {
        // SAFETY: Attached, as every owner of a `Ref`.
        unsafe { ffi::PyErr_Clear() };
    }
    size == 0
}

/// A copy of the current context; `None` when that has no variables, as in most programs most of
/// the time. A callback that is to run in a copy of an empty context can then run in any empty
/// context that nobody else has, and making and dropping a copy is half of what scheduling costs.
#[inline]
pub(crate) fn copy_unless_empty(py: Python<'_>) -> PyResult<Option<Ref>> {
    if let Some(field) = *CURRENT.get_or_init(py, || find_current(py).unwrap_or(None)) {
        let current = field.read(py);
        if current.is_null() {
            return Ok(None);
        }
        // SAFETY: The thread's current context, which it keeps alive.
        if unsafe { ffi::PyObject_Size(current) } == 0 {
            return Ok(None);
        }
    }
    copy_context(py).map(Some)
}

/// Where a thread's state has its current context, in words; CPython has no function for that.
#[derive(Clone, Copy, Debug)]
struct Field(usize);

/// How many words of a thread's state are looked at. Every version's has more.
const WORDS: usize = 34;

static CURRENT: PyOnceLock<Option<Field>> = PyOnceLock::new();

impl Field {
    #[inline]
    fn read(self, _py: Python<'_>) -> *mut ffi::PyObject {
        // SAFETY: Attached, so there is a state.
        let state: *mut *mut ffi::PyObject = unsafe { ffi::PyThreadState_Get() }.cast();
        // SAFETY: Within the state, by `WORDS`.
        let field = unsafe { state.add(self.0) };
        // SAFETY: As above, and aligned as the state is. The word was found to be the context by
        // `find_current`; a thread's own state changes under its own hands only.
        unsafe { field.read() }
    }
}

/// Finds the field by what it does: it follows two contexts as they are entered and left. `None`
/// when no word does, or more than one: then every scheduling makes a copy.
fn find_current(py: Python<'_>) -> PyResult<Option<Field>> {
    if cfg!(Py_GIL_DISABLED) || size_of::<usize>() != 8 {
        return Ok(None);
    }
    let contexts = [new_context(py)?, new_context(py)?];
    let mut candidates: Vec<Field> = (0..WORDS).map(Field).collect();
    let mut keep = |expected: *mut ffi::PyObject| {
        candidates.retain(|field| ptr::eq(field.read(py), expected));
    };
    in_context(py, &contexts[0], || {
        keep(contexts[0].as_ptr());
        in_context(py, &contexts[1], || {
            keep(contexts[1].as_ptr());
            Ok(())
        })?;
        keep(contexts[0].as_ptr());
        Ok(())
    })?;
    Ok(match candidates.as_slice() {
        [field] => Some(*field),
        _ => None,
    })
}
