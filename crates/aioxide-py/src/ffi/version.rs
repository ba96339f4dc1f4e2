//! Whether a class has been changed.

use std::sync::atomic::{AtomicU32, Ordering};

use pyo3::ffi;
use pyo3::prelude::*;

use super::Ref;

/// The version of a class when it was last found as it should be.
///
/// CPython gives a class another version whenever an attribute of it or of a base is set, and none
/// while nobody has asked: no version is never the one seen.
#[derive(Debug)]
pub(crate) struct ClassVersion(AtomicU32);

impl ClassVersion {
    pub(crate) const fn unknown() -> Self {
        Self(AtomicU32::new(0))
    }

    /// Whether `check` holds of the class; asked only if the class has changed since it held.
    ///
    /// # Errors
    /// Those of `check`.
    #[inline]
    pub(crate) fn holds(
        &self,
        py: Python<'_>,
        class: &Ref,
        check: impl FnOnce() -> PyResult<bool>,
    ) -> PyResult<bool> {
        let seen = version(py, class);
        if seen != 0 && seen == self.0.load(Ordering::Relaxed) {
            return Ok(true);
        }
        let holds = check()?;
        // Asked again: looking attributes up has given the class its version.
        let seen = if holds { version(py, class) } else { 0 };
        self.0.store(seen, Ordering::Relaxed);
        Ok(holds)
    }
}

/// The class's version; 0 when it has none, or is no class.
#[inline]
fn version(_: Python<'_>, class: &Ref) -> u32 {
    // SAFETY: A live object.
    if unsafe { ffi::PyType_Check(class.as_ptr()) } == 0 {
        return 0;
    }
    let class: *mut ffi::PyTypeObject = class.as_ptr().cast();
    // SAFETY: A live class, whose fields change on attached threads only.
    unsafe { (*class).tp_version_tag }
}
