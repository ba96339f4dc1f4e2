//! The attributes that an object itself has.

use pyo3::exceptions::PyAttributeError;
use pyo3::ffi;
use pyo3::prelude::*;

use super::Ref;

/// An object's `__dict__`: attributes are read there several times as fast as by `getattr`, which
/// asks the classes first. What the object has not got itself is an `AttributeError`.
#[derive(Debug)]
pub(crate) struct Namespace(Ref);

impl Namespace {
    /// # Errors
    /// `AttributeError` of an object without a `__dict__`.
    #[inline]
    pub(crate) fn of(py: Python<'_>, object: &Ref) -> PyResult<Self> {
        // SAFETY: A live object; there is no context.
        let dict = unsafe { ffi::PyObject_GenericGetDict(object.as_ptr(), std::ptr::null_mut()) };
        // SAFETY: The result of a call.
        unsafe { Ref::from_result(py, dict) }.map(Self)
    }

    /// The attribute, if it is there.
    ///
    /// # Errors
    /// What comparing keys raises: nothing, as long as all are strings.
    #[inline]
    pub(crate) fn find(&self, py: Python<'_>, name: &Ref) -> PyResult<Option<Ref>> {
        let mut value = std::ptr::null_mut();
        // SAFETY: A dict, a key, and a place for the result.
        let status = unsafe {
            ffi::compat::PyDict_GetItemRef(self.0.as_ptr(), name.as_ptr(), &raw mut value)
        };
        if status < 0 {
            return Err(PyErr::fetch(py));
        }
        // SAFETY: A strong reference, or NULL for no such key.
        Ok(unsafe { Ref::from_owned_or_null(value) })
    }

    /// # Errors
    /// `AttributeError` where it is not there.
    #[inline]
    pub(crate) fn get(&self, py: Python<'_>, name: &Ref) -> PyResult<Ref> {
        match self.find(py, name)? {
            Some(value) => Ok(value),
            None => Err(PyAttributeError::new_err(name.bind(py).clone().unbind())),
        }
    }

    /// Whether the attribute is true.
    ///
    /// # Errors
    /// As [`Namespace::get`], and what the value raises.
    #[inline]
    pub(crate) fn is_true(&self, py: Python<'_>, name: &Ref) -> PyResult<bool> {
        self.get(py, name)?.bind(py).is_truthy()
    }

    /// Sets an attribute.
    ///
    /// # Errors
    /// `MemoryError`.
    #[inline]
    pub(crate) fn set(&self, py: Python<'_>, name: &Ref, value: &Ref) -> PyResult<()> {
        // SAFETY: A dict, a key and a value.
        let status = unsafe { ffi::PyDict_SetItem(self.0.as_ptr(), name.as_ptr(), value.as_ptr()) };
        if status < 0 { Err(PyErr::fetch(py)) } else { Ok(()) }
    }
}
