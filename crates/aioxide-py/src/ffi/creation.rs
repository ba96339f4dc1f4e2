//! Objects of native classes that have a `__dict__`.

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::{PyClass, PyClassInitializer};

/// Makes an object of a class with a `__dict__`.
///
/// CPython 3.11 makes the `__dict__` together with the object: when the collector can see the
/// object already, and before its value is in place. A collection that this starts would visit
/// what is not there, so none may start. Later releases collect between two bytecodes only.
///
/// # Errors
/// `MemoryError`.
pub(crate) fn new_with_dict<T: PyClass>(
    py: Python<'_>,
    value: impl Into<PyClassInitializer<T>>,
) -> PyResult<Bound<'_, T>> {
    let _pause = cfg!(not(Py_3_12)).then(|| Pause::new(py));
    Bound::new(py, value)
}

/// Keeps the collector from starting by itself, until it is dropped.
struct Pause {
    was_enabled: bool,
}

impl Pause {
    fn new(_: Python<'_>) -> Self {
        // SAFETY: Attached, by the token.
        Self { was_enabled: unsafe { ffi::PyGC_Disable() } == 1 }
    }
}

impl Drop for Pause {
    fn drop(&mut self) {
        if self.was_enabled {
            // SAFETY: Still attached: it is dropped by the function that made it.
            unsafe { ffi::PyGC_Enable() };
        }
    }
}
