//! The parts of CPython's C API that PyO3 does not wrap, or wraps at a price that shows on the hot
//! path: owned references without bookkeeping, vectorcalls, contexts, fast methods.
//!
//! Everything here needs a thread that is attached to the interpreter. `Python<'_>` tokens prove
//! that where a function takes one; [`Ref`] cannot carry a token, so its owners promise it (see
//! there).

use std::ffi::{CStr, c_int};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{self, NonNull};

use pyo3::exceptions::PyRuntimeError;
use pyo3::ffi;
use pyo3::prelude::*;

/// An owned reference to an object.
///
/// Differs from `Py<T>` in what dropping costs: `Py` first asks a thread-local whether this thread
/// is attached. A `Ref` lives in the queues and objects of a loop, and these are only changed,
/// cleared and dropped by attached threads.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct Ref(NonNull<ffi::PyObject>);

// SAFETY: The reference count is only touched while attached (the promise of the type), so under
// the GIL or, without it, by CPython's own atomic operations.
unsafe impl Send for Ref {}
// SAFETY: As above.
unsafe impl Sync for Ref {}

impl Ref {
    /// Takes over an owned pointer, the result of a call; NULL is the pending exception.
    ///
    /// # Safety
    /// `ptr` is NULL with an exception set, or an owned reference.
    #[inline]
    pub(crate) unsafe fn from_result(py: Python<'_>, ptr: *mut ffi::PyObject) -> PyResult<Self> {
        NonNull::new(ptr).map(Self).ok_or_else(|| PyErr::fetch(py))
    }

    /// Makes a reference of a borrowed pointer.
    ///
    /// # Safety
    /// `ptr` points to a live object.
    #[inline]
    pub(crate) unsafe fn from_borrowed(ptr: *mut ffi::PyObject) -> Self {
        // SAFETY: Live by the contract above, so not NULL either.
        unsafe {
            ffi::Py_INCREF(ptr);
        }
        // SAFETY: As above.
        Self(unsafe { NonNull::new_unchecked(ptr) })
    }

    /// Takes over an owned pointer.
    ///
    /// # Safety
    /// `ptr` is an owned reference.
    #[inline]
    pub(crate) unsafe fn from_owned(ptr: *mut ffi::PyObject) -> Self {
        // SAFETY: By the contract above.
        Self(unsafe { NonNull::new_unchecked(ptr) })
    }

    #[inline]
    pub(crate) fn new(object: &Bound<'_, PyAny>) -> Self {
        // SAFETY: `object` is a live reference.
        unsafe { Self::from_borrowed(object.as_ptr()) }
    }

    #[inline]
    pub(crate) fn as_ptr(&self) -> *mut ffi::PyObject {
        self.0.as_ptr()
    }

    #[inline]
    pub(crate) fn into_ptr(self) -> *mut ffi::PyObject {
        let ptr = self.0.as_ptr();
        std::mem::forget(self);
        ptr
    }

    /// The object, for as long as this reference is borrowed.
    #[inline]
    pub(crate) fn bind<'a, 'py>(&'a self, py: Python<'py>) -> &'a Bound<'py, PyAny> {
        self.as_py().bind(py)
    }

    #[inline]
    pub(crate) fn into_bound(self, py: Python<'_>) -> Bound<'_, PyAny> {
        // SAFETY: The pointer is an owned reference, and ownership moves.
        unsafe { Bound::from_owned_ptr(py, self.into_ptr()) }
    }

    /// The same reference in PyO3's type, for `__traverse__`.
    #[inline]
    pub(crate) fn as_py(&self) -> &Py<PyAny> {
        // SAFETY: `Py<PyAny>` is `repr(transparent)` over the same non-null pointer.
        unsafe { &*ptr::from_ref(self).cast::<Py<PyAny>>() }
    }

    #[inline]
    pub(crate) fn is(&self, other: *mut ffi::PyObject) -> bool {
        self.as_ptr() == other
    }
}

impl Clone for Ref {
    #[inline]
    fn clone(&self) -> Self {
        // SAFETY: `self` keeps the object alive.
        unsafe { Self::from_borrowed(self.as_ptr()) }
    }
}

impl Drop for Ref {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: This reference is owned, and the thread is attached (the promise of the type).
        unsafe { ffi::Py_DECREF(self.as_ptr()) }
    }
}

/// Calls `callable` without arguments.
#[inline]
pub(crate) fn call0(py: Python<'_>, callable: &Ref) -> PyResult<Ref> {
    // SAFETY: `callable` is alive for the call; no arguments are passed.
    let result =
        unsafe { ffi::PyObject_Vectorcall(callable.as_ptr(), ptr::null(), 0, ptr::null_mut()) };
    // SAFETY: The result of a call.
    unsafe { Ref::from_result(py, result) }
}

/// Calls the method `name` of `arguments[0]` with the rest.
#[inline]
pub(crate) fn call_method(
    py: Python<'_>,
    name: &Ref,
    arguments: &[*mut ffi::PyObject],
) -> PyResult<Ref> {
    // SAFETY: The caller's references keep name and arguments alive for the call.
    let result = unsafe {
        ffi::PyObject_VectorcallMethod(
            name.as_ptr(),
            arguments.as_ptr(),
            arguments.len(),
            ptr::null_mut(),
        )
    };
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

/// Sets an attribute.
#[inline]
pub(crate) fn set_attribute(
    py: Python<'_>,
    object: &Ref,
    name: &Ref,
    value: *mut ffi::PyObject,
) -> PyResult<()> {
    // SAFETY: All are alive.
    let status = unsafe { ffi::PyObject_SetAttr(object.as_ptr(), name.as_ptr(), value) };
    if status < 0 { Err(PyErr::fetch(py)) } else { Ok(()) }
}

/// A copy of the current context, as `contextvars.copy_context()` makes it.
#[inline]
pub(crate) fn copy_context(py: Python<'_>) -> PyResult<Ref> {
    // SAFETY: Attached, by the token.
    let context = unsafe { ffi::PyContext_CopyCurrent() };
    // SAFETY: The result of a call.
    unsafe { Ref::from_result(py, context) }
}

/// Runs `f` inside `context`, as `context.run(f)` does.
#[inline]
pub(crate) fn in_context<R>(
    py: Python<'_>,
    context: &Ref,
    f: impl FnOnce() -> PyResult<R>,
) -> PyResult<R> {
    // SAFETY: `context` is a context object: it was made by `copy_context` or checked by
    // `check_context`. (Another object would be refused by an exception.)
    if unsafe { ffi::PyContext_Enter(context.as_ptr()) } < 0 {
        return Err(PyErr::fetch(py));
    }
    let result = f();
    // SAFETY: As above; `f` has left every context that it entered.
    if unsafe { ffi::PyContext_Exit(context.as_ptr()) } < 0 && result.is_ok() {
        return Err(PyErr::fetch(py));
    }
    result
}

/// Turns a function's outcome into what C expects, and a panic into an exception.
#[inline]
pub(crate) fn guard(
    py: Python<'_>,
    f: impl FnOnce(Python<'_>) -> PyResult<*mut ffi::PyObject>,
) -> *mut ffi::PyObject {
    match catch_unwind(AssertUnwindSafe(|| f(py))) {
        Ok(Ok(object)) => object,
        Ok(Err(error)) => {
            error.restore(py);
            ptr::null_mut()
        }
        Err(_) => {
            PyRuntimeError::new_err("aioxide: internal error (a panic, see stderr); please report")
                .restore(py);
            ptr::null_mut()
        }
    }
}

/// `METH_FASTCALL | METH_KEYWORDS`.
pub(crate) type FastMethod = unsafe extern "C" fn(
    *mut ffi::PyObject,
    *const *mut ffi::PyObject,
    ffi::Py_ssize_t,
    *mut ffi::PyObject,
) -> *mut ffi::PyObject;

/// Adds a method to a type, in place of one of the same name that PyO3 made, if any.
///
/// PyO3's argument parsing costs more than the whole of `call_soon` may; methods that are called
/// per callback or per packet parse their arguments themselves.
pub(crate) fn add_method(
    py: Python<'_>,
    class: *mut ffi::PyTypeObject,
    name: &'static CStr,
    method: FastMethod,
    doc: &'static CStr,
) -> PyResult<()> {
    // The definition has to outlive the type, which lives as long as the process.
    let definition = Box::leak(Box::new(ffi::PyMethodDef {
        ml_name: name.as_ptr(),
        ml_meth: ffi::PyMethodDefPointer { PyCFunctionFastWithKeywords: method },
        ml_flags: ffi::METH_FASTCALL | ffi::METH_KEYWORDS,
        ml_doc: doc.as_ptr(),
    }));
    // SAFETY: `class` is a live type, the definition is static.
    let descriptor = unsafe { ffi::PyDescr_NewMethod(class, definition) };
    // SAFETY: The result of a call.
    let descriptor = unsafe { Ref::from_result(py, descriptor)? };
    // SAFETY: A live heap type, which may be changed while its module is being made.
    let status: c_int =
        unsafe { ffi::PyObject_SetAttrString(class.cast(), name.as_ptr(), descriptor.as_ptr()) };
    if status < 0 { Err(PyErr::fetch(py)) } else { Ok(()) }
}

/// A type as an object.
///
/// `class` points to a type that lives as long as the process.
pub(crate) fn type_object<'py>(
    py: Python<'py>,
    class: *mut ffi::PyTypeObject,
) -> Bound<'py, PyAny> {
    // SAFETY: By the contract above.
    unsafe { Bound::from_borrowed_ptr(py, class.cast()) }
}
