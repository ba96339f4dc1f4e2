//! Bytes that Python owns.

use std::mem::MaybeUninit;
use std::{ptr, slice};

use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::critical_section::with_critical_section;
use pyo3::types::PyBytes;

use super::Ref;

/// An exact `bytes` object: its content never changes, so where it lies is asked once.
#[derive(Debug)]
pub(crate) struct Bytes {
    object: Ref,
    start: *const u8,
    length: usize,
}

// SAFETY: The content is constant, and the reference keeps it in place.
unsafe impl Send for Bytes {}
// SAFETY: As above.
unsafe impl Sync for Bytes {}

impl Bytes {
    /// The object, which is exactly a `bytes` that was just made.
    #[inline]
    pub(crate) fn new(object: &Bound<'_, PyBytes>) -> Self {
        let data = object.as_bytes();
        let (start, length) = (data.as_ptr(), data.len());
        Self { object: Ref::new(object.as_any()), start, length }
    }

    /// The object, if it is exactly a `bytes`.
    #[inline]
    pub(crate) fn of(object: Borrowed<'_, '_, PyAny>) -> Option<Self> {
        // SAFETY: A live object.
        if unsafe { ffi::PyBytes_CheckExact(object.as_ptr()) } == 0 {
            return None;
        }
        // SAFETY: A live `bytes`.
        let start = unsafe { ffi::PyBytes_AsString(object.as_ptr()) };
        // SAFETY: As above.
        let length = unsafe { ffi::PyBytes_Size(object.as_ptr()) };
        let object = Ref::new(&object);
        Some(Self { object, start: start.cast(), length: length as usize })
    }

    /// The object.
    #[inline]
    pub(crate) fn object(&self) -> &Ref {
        &self.object
    }

    #[inline]
    pub(crate) fn as_slice(&self) -> &[u8] {
        // SAFETY: That many bytes lie there, and stay there unchanged while the object lives.
        unsafe { slice::from_raw_parts(self.start, self.length) }
    }
}

// Public in CPython, missing in PyO3.
unsafe extern "C" {
    fn _PyBytes_Resize(bytes: *mut *mut ffi::PyObject, size: ffi::Py_ssize_t) -> std::ffi::c_int;
}

/// A `bytes` of what `fill` puts into a room of `size` bytes and gives back; `None` when it gives
/// nothing.
///
/// # Errors
/// Those of `fill`, or `MemoryError`.
pub(crate) fn fill_bytes(
    py: Python<'_>,
    size: usize,
    fill: impl FnOnce(&mut [MaybeUninit<u8>]) -> PyResult<Option<usize>>,
) -> PyResult<Option<Ref>> {
    // SAFETY: Attached; without a string the content is left as it is.
    let object = unsafe { ffi::PyBytes_FromStringAndSize(ptr::null(), size as ffi::Py_ssize_t) };
    // SAFETY: The result of a call.
    let object: Ref = unsafe { Ref::from_result(py, object)? };
    // SAFETY: A live `bytes`.
    let start = unsafe { ffi::PyBytes_AsString(object.as_ptr()) };
    // SAFETY: `size` bytes lie there, and nobody else knows the object.
    let room = unsafe { slice::from_raw_parts_mut(start.cast(), size) };
    let Some(filled) = fill(room)? else { return Ok(None) };
    let mut object = object.into_ptr();
    // SAFETY: The only reference to a `bytes`; on failure it is released and set to NULL.
    unsafe { _PyBytes_Resize(&raw mut object, filled.min(size) as ffi::Py_ssize_t) };
    // SAFETY: An owned reference, or NULL with an exception set.
    unsafe { Ref::from_result(py, object).map(Some) }
}

/// A contiguous view of an object's buffer. The exporter keeps the bytes in place while it lives.
pub(crate) struct View(ffi::Py_buffer);

impl View {
    /// A view to read.
    ///
    /// # Errors
    /// The object's: `BufferError` or `TypeError`.
    pub(crate) fn readable(py: Python<'_>, object: *mut ffi::PyObject) -> PyResult<Self> {
        Self::new(py, object, ffi::PyBUF_SIMPLE)
    }

    /// A view to write.
    ///
    /// # Errors
    /// The object's: `BufferError` or `TypeError`.
    pub(crate) fn writable(py: Python<'_>, object: &Ref) -> PyResult<Self> {
        Self::new(py, object.as_ptr(), ffi::PyBUF_WRITABLE)
    }

    fn new(py: Python<'_>, object: *mut ffi::PyObject, flags: i32) -> PyResult<Self> {
        let mut view = ffi::Py_buffer::new();
        // SAFETY: A live object and a place for the view.
        if unsafe { ffi::PyObject_GetBuffer(object, &raw mut view, flags) } < 0 {
            return Err(PyErr::fetch(py));
        }
        Ok(Self(view))
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        if self.0.len == 0 {
            return &[];
        }
        // SAFETY: The view is contiguous, of `len` bytes. What Python code may write into them
        // meanwhile it writes while attached, and this slice is used by one system call or copy.
        unsafe { slice::from_raw_parts(self.0.buf.cast(), self.0.len as usize) }
    }

    /// The bytes, of a view that was made writable.
    pub(crate) fn as_mut_slice(&mut self) -> &mut [u8] {
        if self.0.len == 0 || self.0.readonly != 0 {
            return &mut [];
        }
        // SAFETY: As above, and writable.
        unsafe { slice::from_raw_parts_mut(self.0.buf.cast(), self.0.len as usize) }
    }
}

impl Drop for View {
    fn drop(&mut self) {
        // SAFETY: Filled by `PyObject_GetBuffer`, released once, by the attached thread.
        unsafe { ffi::PyBuffer_Release(&raw mut self.0) };
    }
}

/// Runs `f` with a memoryview of `data`.
///
/// # Safety
/// What `f` gives the view to keeps no reference to it, nor a view of it, beyond the call.
#[inline]
pub(crate) unsafe fn lend<R>(
    py: Python<'_>,
    data: &[u8],
    f: impl FnOnce(&Ref) -> PyResult<R>,
) -> PyResult<R> {
    let start = data.as_ptr().cast_mut().cast();
    let length = data.len() as ffi::Py_ssize_t;
    // SAFETY: So many bytes lie there for the time of this call, after which nobody has the view
    // (the caller's promise). It is for reading only.
    let view = unsafe { ffi::PyMemoryView_FromMemory(start, length, ffi::PyBUF_READ) };
    // SAFETY: The result of a call.
    f(&unsafe { Ref::from_result(py, view)? })
}

/// Runs `f` with a memoryview of `target` that can be written to.
///
/// # Safety
/// As for [`lend`].
#[inline]
pub(crate) unsafe fn lend_mut<R>(
    py: Python<'_>,
    target: &mut [u8],
    f: impl FnOnce(&Ref) -> PyResult<R>,
) -> PyResult<R> {
    let start = target.as_mut_ptr().cast();
    let length = target.len() as ffi::Py_ssize_t;
    // SAFETY: As above; `target` is borrowed by this call alone.
    let view = unsafe { ffi::PyMemoryView_FromMemory(start, length, ffi::PyBUF_WRITE) };
    // SAFETY: The result of a call.
    f(&unsafe { Ref::from_result(py, view)? })
}

/// Appends to a bytearray and returns its new length.
///
/// # Errors
/// `BufferError` while a view of it is exported, `TypeError` when it is no bytearray.
pub(crate) fn extend_bytearray(py: Python<'_>, buffer: &Ref, data: &[u8]) -> PyResult<usize> {
    // Nothing with the GIL.
    with_critical_section(buffer.bind(py), || append(py, buffer.as_ptr(), data))
}

fn append(py: Python<'_>, object: *mut ffi::PyObject, data: &[u8]) -> PyResult<usize> {
    // SAFETY: A live object: the caller of `extend_bytearray` has a reference.
    if unsafe { ffi::PyByteArray_CheckExact(object) } == 0 {
        return Err(PyTypeError::new_err("the buffer is no bytearray"));
    }
    // SAFETY: A bytearray.
    let old = unsafe { ffi::PyByteArray_Size(object) } as usize;
    let new = old + data.len();
    // SAFETY: A bytearray; the function refuses to move one that is exported.
    if unsafe { ffi::PyByteArray_Resize(object, new as ffi::Py_ssize_t) } < 0 {
        return Err(PyErr::fetch(py));
    }
    // SAFETY: A bytearray.
    let start: *mut u8 = unsafe { ffi::PyByteArray_AsString(object) }.cast();
    // SAFETY: `old` is within the `new` bytes there.
    let target = unsafe { start.add(old) };
    // SAFETY: `data.len()` bytes were made room for from there on, and nobody has a view of them.
    unsafe { ptr::copy_nonoverlapping(data.as_ptr(), target, data.len()) };
    Ok(new)
}

/// What `f` makes of the content of an exact bytearray: `None` for any other object. It must not
/// call Python. Without the GIL it is for callers that nobody else disturbs.
pub(crate) fn inspect_bytearray<R>(buffer: &Ref, f: impl FnOnce(&[u8]) -> R) -> Option<R> {
    let object = buffer.as_ptr();
    // SAFETY: A live object.
    if unsafe { ffi::PyByteArray_CheckExact(object) } == 0 {
        return None;
    }
    // SAFETY: A bytearray.
    let length = unsafe { ffi::PyByteArray_Size(object) } as usize;
    // SAFETY: As above.
    let start: *const u8 = unsafe { ffi::PyByteArray_AsString(object) }.cast();
    // SAFETY: That many bytes are there, and stay as they are while no Python runs.
    Some(f(unsafe { slice::from_raw_parts(start, length) }))
}

/// Takes the first `count` bytes out of an exact bytearray that has as many, as `bytes`.
///
/// # Errors
/// `BufferError` while a view of it is exported: then all is left in it.
pub(crate) fn take_front(py: Python<'_>, buffer: &Ref, count: usize) -> PyResult<Ref> {
    let taken = inspect_bytearray(buffer, |data| {
        let front = data.get(..count)?;
        Some((PyBytes::new(py, front), front.len() == data.len()))
    });
    let Some(Some((front, all))) = taken else {
        return Err(PyTypeError::new_err("the buffer is no bytearray of that length"));
    };
    let status = if all {
        // SAFETY: A bytearray; the function refuses to change one that is exported.
        unsafe { ffi::PyByteArray_Resize(buffer.as_ptr(), 0) }
    } else {
        // SAFETY: As above.
        unsafe { ffi::PySequence_DelSlice(buffer.as_ptr(), 0, count as ffi::Py_ssize_t) }
    };
    if status < 0 { Err(PyErr::fetch(py)) } else { Ok(front.into_any().into()) }
}

/// What a weak reference leads to: `None` when that is gone, or when it is no weak reference.
pub(crate) fn weak_target(py: Python<'_>, weak: &Ref) -> PyResult<Option<Ref>> {
    // SAFETY: A live object.
    if unsafe { ffi::PyWeakref_Check(weak.as_ptr()) } == 0 {
        return Ok(None);
    }
    let mut target = ptr::null_mut();
    // SAFETY: A weak reference, and a place for the result.
    if unsafe { ffi::compat::PyWeakref_GetRef(weak.as_ptr(), &raw mut target) } < 0 {
        return Err(PyErr::fetch(py));
    }
    // SAFETY: The call gave a strong reference, or NULL for one that is gone.
    Ok(unsafe { Ref::from_owned_or_null(target) })
}
