//! The one place where a loop's state may be changed through a shared reference.
//!
//! With the GIL, a thread that is attached is alone: a borrow needs no lock, only the certainty
//! that it does not nest. Without the GIL (a free-threaded build) it is a mutex. In both, the rule
//! is the same, and the reason for the closure: finish the change, end the borrow, then call
//! Python. Dropping a reference is a call of Python, too, so nothing is dropped inside either:
//! what leaves a queue is returned out of the closure.

#[cfg(Py_GIL_DISABLED)]
pub(crate) use locked::LoopCell;
#[cfg(not(Py_GIL_DISABLED))]
pub(crate) use unlocked::LoopCell;

#[cfg(not(Py_GIL_DISABLED))]
mod unlocked {
    use std::cell::{Cell, UnsafeCell};

    /// A value that one attached thread at a time may borrow.
    #[derive(Debug)]
    pub(crate) struct LoopCell<T> {
        borrowed: Cell<bool>,
        value: UnsafeCell<T>,
    }

    // SAFETY: `with` runs on a thread that holds the GIL, and its closure calls nothing that could
    // release it (the rule above), so no two threads are ever inside. The flag is only read and
    // written there as well.
    unsafe impl<T> Sync for LoopCell<T> {}
    // SAFETY: Moving the cell moves the value; every value here is only used while attached.
    unsafe impl<T> Send for LoopCell<T> {}

    struct Borrow<'a>(&'a Cell<bool>);

    impl Drop for Borrow<'_> {
        fn drop(&mut self) {
            self.0.set(false);
        }
    }

    impl<T> LoopCell<T> {
        /// Where the value is in the cell.
        pub(crate) const OFFSET: usize = std::mem::offset_of!(Self, value);

        pub(crate) const fn new(value: T) -> Self {
            Self { borrowed: Cell::new(false), value: UnsafeCell::new(value) }
        }

        /// Borrows the value for `f`, which must not call Python nor drop a reference to an object.
        ///
        /// # Panics
        /// When `f` of another `with` is running: the rule above is broken, which is a bug.
        #[inline(always)]
        pub(crate) fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
            assert!(!self.borrowed.replace(true), "aioxide: a borrow was held across a call");
            let _borrow = Borrow(&self.borrowed);
            // SAFETY: The flag was false, so this is the only reference; it ends before `_borrow`
            // clears the flag.
            f(unsafe { &mut *self.value.get() })
        }

        /// As [`LoopCell::with`], or `None` where that would panic.
        pub(crate) fn try_with<R>(&self, f: impl FnOnce(&mut T) -> R) -> Option<R> {
            (!self.borrowed.get()).then(|| self.with(f))
        }
    }
}

#[cfg(Py_GIL_DISABLED)]
mod locked {
    use std::sync::{Mutex, PoisonError};

    /// A value that one thread at a time may borrow.
    #[derive(Debug)]
    pub(crate) struct LoopCell<T>(Mutex<T>);

    // SAFETY: The mutex admits one thread at a time; the objects that the value refers to have
    // thread-safe reference counts in this build.
    unsafe impl<T> Sync for LoopCell<T> {}
    // SAFETY: As above.
    unsafe impl<T> Send for LoopCell<T> {}

    impl<T> LoopCell<T> {
        /// Nobody looks into a cell from outside in this build.
        pub(crate) const OFFSET: usize = 0;

        pub(crate) const fn new(value: T) -> Self {
            Self(Mutex::new(value))
        }

        /// Borrows the value for `f`, which must not call Python nor drop a reference to an object.
        #[inline(always)]
        pub(crate) fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
            f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
        }

        /// As [`LoopCell::with`], or `None` while another thread is inside.
        pub(crate) fn try_with<R>(&self, f: impl FnOnce(&mut T) -> R) -> Option<R> {
            self.0.try_lock().ok().map(|mut value| f(&mut value))
        }
    }
}
