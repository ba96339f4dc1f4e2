//! Methods that take their arguments as the interpreter has them, in an array.
//!
//! PyO3's argument parsing costs more than the whole of `call_soon` may.

use std::ffi::{CStr, c_int};
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::{ptr, slice};

use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyString, PyType};
use pyo3::{PyClass, ffi};

use super::Ref;

/// The arguments of one call, alive for as long as it lasts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arguments<'a, 'py> {
    pub(crate) positional: &'a [Borrowed<'a, 'py, PyAny>],
    values: &'a [Borrowed<'a, 'py, PyAny>],
    names: *mut ffi::PyObject,
    py: PhantomData<Python<'py>>,
}

impl<'a, 'py> Arguments<'a, 'py> {
    /// The keyword arguments.
    #[inline]
    pub(crate) fn keywords(
        self,
        py: Python<'py>,
    ) -> impl Iterator<Item = (Borrowed<'a, 'py, PyString>, Borrowed<'a, 'py, PyAny>)> {
        self.values.iter().enumerate().map(move |(index, value)| {
            // SAFETY: The tuple has a name for each value.
            let name = unsafe { ffi::PyTuple_GetItem(self.names, index as ffi::Py_ssize_t) };
            // SAFETY: The interpreter's names are strings, and the call's tuple keeps them alive.
            let name = unsafe { Borrowed::from_ptr(py, name) };
            // SAFETY: As above.
            (unsafe { name.cast_unchecked() }, *value)
        })
    }

    /// For a method that takes none.
    ///
    /// # Errors
    /// `TypeError` when there are some.
    #[inline]
    pub(crate) fn refuse(self, method: &str) -> PyResult<()> {
        if self.positional.is_empty() && self.values.is_empty() {
            return Ok(());
        }
        Err(PyTypeError::new_err(format!("{method}() takes no arguments")))
    }

    /// How many keyword arguments there are.
    #[inline]
    pub(crate) fn keyword_count(self) -> usize {
        self.values.len()
    }
}

/// One method of the class `T`.
pub(crate) trait FastMethod<T> {
    const NAME: &'static CStr;
    /// With the signature in front, as `inspect` reads it.
    const DOC: &'static CStr;

    fn call<'a, 'py>(this: &'a Bound<'py, T>, arguments: Arguments<'a, 'py>) -> PyResult<Ref>;
}

/// Adds a method to a type, in place of one of the same name that PyO3 made, if any.
pub(crate) fn add_method<T: PyClass, M: FastMethod<T>>(py: Python<'_>) -> PyResult<()> {
    add_own_method::<T, M>(&py.get_type::<T>())
}

/// As [`add_method`], to a class that inherits from `T`, so that it has the method as its own: the
/// interpreter's short cuts are for objects of the class that a method belongs to.
///
/// # Errors
/// `TypeError` when it does not inherit from it.
pub(crate) fn add_own_method<T: PyClass, M: FastMethod<T>>(
    class: &Bound<'_, PyType>,
) -> PyResult<()> {
    let py = class.py();
    if !class.is_subclass_of::<T>()? {
        return Err(PyTypeError::new_err(format!(
            "{class} does not inherit from {}",
            py.get_type::<T>()
        )));
    }
    // SAFETY: As was just checked, its objects are `T`s.
    unsafe { add::<T, M>(class) }
}

/// Adds a method to a class that Python code has made, whose objects are anything to it.
pub(crate) fn add_method_to<M: FastMethod<PyAny>>(class: &Bound<'_, PyType>) -> PyResult<()> {
    // SAFETY: Any object is a `PyAny`.
    unsafe { add::<PyAny, M>(class) }
}

/// # Safety
/// The objects of `class` are `T`s.
unsafe fn add<T, M: FastMethod<T>>(class: &Bound<'_, PyType>) -> PyResult<()> {
    let py = class.py();
    // The definition has to outlive the type, which lives as long as the process.
    let definition = Box::leak(Box::new(ffi::PyMethodDef {
        ml_name: M::NAME.as_ptr(),
        ml_meth: ffi::PyMethodDefPointer { PyCFunctionFastWithKeywords: trampoline::<T, M> },
        ml_flags: ffi::METH_FASTCALL | ffi::METH_KEYWORDS,
        ml_doc: M::DOC.as_ptr(),
    }));
    // SAFETY: `class` is a live type, the definition is static.
    let descriptor = unsafe { ffi::PyDescr_NewMethod(class.as_type_ptr(), definition) };
    // SAFETY: The result of a call.
    let descriptor: Ref = unsafe { Ref::from_result(py, descriptor)? };
    // SAFETY: A live heap type, which may be changed while its module is being made.
    let status: c_int = unsafe {
        ffi::PyObject_SetAttrString(class.as_ptr(), M::NAME.as_ptr(), descriptor.as_ptr())
    };
    if status < 0 { Err(PyErr::fetch(py)) } else { Ok(()) }
}

unsafe extern "C" fn trampoline<T, M: FastMethod<T>>(
    this: *mut ffi::PyObject,
    arguments: *const *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    guard(|py| {
        // SAFETY: The method descriptor has checked that `this` is a `T`; the caller keeps it alive.
        let this = unsafe { Borrowed::from_ptr(py, this) };
        // SAFETY: As above.
        let this = unsafe { this.cast_unchecked::<T>() };
        let keywords = if names.is_null() {
            0
        } else {
            // SAFETY: A tuple.
            unsafe { ffi::PyTuple_Size(names) as usize }
        };
        let count = count as usize;
        let all: &[Borrowed<'_, '_, PyAny>] = if count + keywords == 0 {
            &[]
        } else {
            // SAFETY: The caller passes that many live objects; `Borrowed` is `repr(transparent)`
            // over such a pointer.
            unsafe { slice::from_raw_parts(arguments.cast(), count + keywords) }
        };
        let (positional, values) = all.split_at(count);
        M::call(&this, Arguments { positional, values, names, py: PhantomData })
    })
}

/// Turns the outcome of a function that the interpreter calls into what C expects, and a panic into
/// an exception.
#[inline]
pub(crate) fn guard(f: impl FnOnce(Python<'_>) -> PyResult<Ref>) -> *mut ffi::PyObject {
    // SAFETY: The interpreter calls methods on attached threads only.
    let py = unsafe { Python::assume_attached() };
    match catch_unwind(AssertUnwindSafe(|| f(py))) {
        Ok(Ok(object)) => object.into_ptr(),
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

/// The token of a destructor, or of what else an attached thread runs without passing its token.
pub(crate) fn attached<'py>() -> Python<'py> {
    // SAFETY: Called from the destructors of native classes, which the interpreter runs, and from
    // what is called by their methods or drops a loop's objects, which only attached threads may
    // (see `Ref`).
    unsafe { Python::assume_attached() }
}
