//! Owned references to objects, for the queues and objects of a loop.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::ptr::{self, NonNull};

use pyo3::PyClass;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::pyclass::boolean_struct::True;

/// An owned reference to an object, of a native class `T` where that is known.
///
/// Differs from `Py<T>` in what dropping costs: `Py` first asks a thread-local whether this thread
/// is attached to the interpreter. A `Ref` does not ask. **Its promise**: a `Ref` is cloned and
/// dropped by attached threads only. It holds because they live in the queues and objects of
/// loops, which change hands, are cleared and are deallocated in calls from Python.
#[repr(transparent)]
pub(crate) struct Ref<T = PyAny>(NonNull<ffi::PyObject>, PhantomData<T>);

impl<T> fmt::Debug for Ref<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Ref({:p})", self.0)
    }
}

// SAFETY: The count is only touched while attached (the promise of the type): under the GIL, or,
// without it, by CPython's own atomic operations.
unsafe impl<T> Send for Ref<T> {}
// SAFETY: As above.
unsafe impl<T> Sync for Ref<T> {}

impl<T> Ref<T> {
    /// Takes over an owned pointer to a `T`.
    ///
    /// # Safety
    /// `ptr` is an owned reference to a `T`, or NULL.
    #[inline]
    pub(crate) unsafe fn from_owned_or_null(ptr: *mut ffi::PyObject) -> Option<Self> {
        NonNull::new(ptr).map(|ptr| Self(ptr, PhantomData))
    }

    /// Takes over the result of a call; NULL is the pending exception.
    ///
    /// # Safety
    /// `ptr` is an owned reference to a `T`, or NULL with an exception set.
    #[inline]
    pub(crate) unsafe fn from_result(py: Python<'_>, ptr: *mut ffi::PyObject) -> PyResult<Self> {
        match NonNull::new(ptr) {
            Some(ptr) => Ok(Self(ptr, PhantomData)),
            None => Err(PyErr::fetch(py)),
        }
    }

    #[inline]
    pub(crate) fn new(object: &Bound<'_, T>) -> Self {
        object.clone().into()
    }

    /// The object, without a new reference to it.
    #[inline]
    pub(crate) fn as_ptr(&self) -> *mut ffi::PyObject {
        self.0.as_ptr()
    }

    /// The object, with the reference.
    #[inline]
    pub(crate) fn into_ptr(self) -> *mut ffi::PyObject {
        std::mem::ManuallyDrop::new(self).as_ptr()
    }

    /// The same reference in PyO3's type.
    #[inline]
    pub(crate) fn as_py(&self) -> &Py<T> {
        // SAFETY: Both are `repr(transparent)` over the same non-null pointer.
        unsafe { &*ptr::from_ref(self).cast::<Py<T>>() }
    }

    /// The same reference, whatever its class.
    #[inline]
    pub(crate) fn as_any(&self) -> &Ref {
        // SAFETY: Only the type parameter differs, which says nothing to `PyAny`.
        unsafe { &*ptr::from_ref(self).cast::<Ref>() }
    }

    /// The object, for as long as this reference is borrowed.
    #[inline]
    pub(crate) fn bind<'py>(&self, py: Python<'py>) -> &Bound<'py, T> {
        self.as_py().bind(py)
    }

    #[inline]
    pub(crate) fn into_any(self) -> Ref {
        Ref(std::mem::ManuallyDrop::new(self).0, PhantomData)
    }

    #[inline]
    pub(crate) fn into_bound(self, py: Python<'_>) -> Bound<'_, PyAny> {
        // SAFETY: The pointer is an owned reference, and ownership moves.
        unsafe { Bound::from_owned_ptr(py, self.into_ptr()) }
    }

    /// Whether both are the same object.
    #[inline]
    pub(crate) fn is(&self, other: *mut ffi::PyObject) -> bool {
        self.as_ptr() == other
    }

    /// A new reference to an object that may be on its way out; `None` when it is.
    ///
    /// # Safety
    /// The memory is that of a `T`, dead or alive, for which [`Ref::allow_revival`] was called, and
    /// this thread is attached.
    #[inline]
    pub(crate) unsafe fn revive(object: *mut ffi::PyObject) -> Option<Self> {
        #[cfg(Py_GIL_DISABLED)]
        // SAFETY: The caller's promise.
        let alive = unsafe { ffi::PyUnstable_TryIncRef(object) } != 0;
        #[cfg(not(Py_GIL_DISABLED))]
        let alive = {
            // SAFETY: The memory is an object's still.
            let alive = unsafe { ffi::Py_REFCNT(object) } > 0;
            if alive {
                // SAFETY: Alive, and no other thread runs.
                unsafe { ffi::Py_INCREF(object) };
            }
            alive
        };
        if !alive {
            return None;
        }
        // SAFETY: The reference was just taken.
        unsafe { Self::from_owned_or_null(object) }
    }

    /// Without the GIL a new object must be told that [`Ref::revive`] may come.
    #[inline]
    pub(crate) fn allow_revival(&self) {
        #[cfg(Py_GIL_DISABLED)]
        // SAFETY: Alive, and nobody else has seen it yet.
        unsafe {
            ffi::PyUnstable_EnableTryIncRef(self.as_ptr());
        }
    }

    /// How many references there are. Exact with the GIL only.
    #[inline]
    pub(crate) fn count(&self) -> isize {
        // Since 3.12 the count is the first half of its word: that half is written alone, and a read
        // of the whole word waits for the write; since 3.14 the other half has flags.
        let half = cfg!(all(Py_3_12, not(Py_GIL_DISABLED), target_endian = "little"))
            && size_of::<usize>() == 8;
        if half {
            let count: *const u32 = self.as_ptr().cast();
            // SAFETY: The object is alive, and begins with the count.
            (unsafe { count.read() }) as isize
        } else {
            // SAFETY: The object is alive.
            unsafe { ffi::Py_REFCNT(self.as_ptr()) }
        }
    }
}

impl Ref {
    /// `None`.
    #[inline]
    pub(crate) fn none(py: Python<'_>) -> Self {
        py.None().into_bound(py).into()
    }
}

impl<T> From<Bound<'_, T>> for Ref<T> {
    #[inline]
    fn from(object: Bound<'_, T>) -> Self {
        let ptr = object.into_ptr();
        // SAFETY: The pointer of a `Bound` is never NULL.
        Self(unsafe { NonNull::new_unchecked(ptr) }, PhantomData)
    }
}

impl<T: PyClass<Frozen = True> + Sync> Deref for Ref<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.as_py().get()
    }
}

impl<T> Clone for Ref<T> {
    #[inline]
    fn clone(&self) -> Self {
        // SAFETY: `self` keeps the object alive, and the thread is attached (the promise).
        unsafe { ffi::Py_INCREF(self.as_ptr()) };
        Self(self.0, PhantomData)
    }
}

impl<T> Drop for Ref<T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: This reference is owned, and the thread is attached (the promise).
        unsafe { ffi::Py_DECREF(self.as_ptr()) }
    }
}
