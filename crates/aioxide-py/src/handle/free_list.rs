//! The memory of handles that have gone, which new ones get.

use std::ptr;

use pyo3::ffi;

use super::object::Object;

/// A loop's memory for handles that have gone, chained by their `weakrefs` field.
#[derive(Debug)]
pub(crate) struct FreeList {
    first: *mut Object,
    length: usize,
}

/// No more dead handles are kept than this.
const MOST: usize = 64 * 1024;
/// What a burst needed beyond this is given back while the loop idles, a little each time.
const KEPT: usize = 1024;
const TRIMMED: usize = 256;

impl FreeList {
    pub(crate) const fn new() -> Self {
        Self { first: ptr::null_mut(), length: 0 }
    }

    #[inline]
    pub(super) fn pop(&mut self) -> *mut Object {
        let first = self.first;
        if !first.is_null() {
            // SAFETY: Memory in the list is a dead handle's, and `push` wrote its link.
            self.first = unsafe { (*first).weakrefs }.cast();
            self.length -= 1;
        }
        first
    }

    #[inline]
    pub(super) fn push(&mut self, memory: *mut Object) -> bool {
        // Without the GIL the collector walks the allocator's memory: dead objects must not be
        // there.
        if cfg!(Py_GIL_DISABLED) || self.length == MOST {
            return false;
        }
        // SAFETY: The caller gives the memory of a dead handle.
        unsafe { (*memory).weakrefs = self.first.cast() };
        self.first = memory;
        self.length += 1;
        true
    }

    /// Gives some memory back. The loop has nothing else to do.
    pub(crate) fn trim(&mut self) {
        if self.length > KEPT {
            self.free(TRIMMED);
        }
    }

    fn free(&mut self, count: usize) {
        for _ in 0..count {
            let memory = self.pop();
            if memory.is_null() {
                break;
            }
            // SAFETY: The memory came from `PyObject_GC_New` and is in no list any more.
            unsafe { ffi::PyObject_GC_Del(memory.cast()) };
        }
    }
}

impl Drop for FreeList {
    fn drop(&mut self) {
        self.free(self.length);
    }
}
