//! Handles of `call_soon_threadsafe`, which other threads cancel, as CPython has them from 3.14 on.
//!
//! While the callback runs, `cancel()` and `cancelled()` of another thread wait until it has ended;
//! in the thread that runs it they do not. CPython has a reentrant lock in each such handle. Here
//! the handle knows who runs it, and a lock is made only by a thread that has to wait: it is born
//! locked, and released by the one that ran the callback.

use pyo3::prelude::*;

use super::object::HandleRef;
use super::{Kind, run_unlocked};
use crate::ffi::{Ref, thread_id};
use crate::names::cold;

/// Who runs the callback.
#[derive(Debug, Default)]
pub(super) struct Running {
    /// `threading.get_ident()`, and how deep it is inside; no depth when nobody runs it.
    thread: u64,
    depth: u32,
    /// What other threads wait for: a `threading.Lock` that is locked as long as the callback runs.
    lock: Option<Ref>,
}

impl HandleRef {
    /// Makes it one of `call_soon_threadsafe`.
    pub(crate) fn make_thread_safe(&self) {
        if cfg!(Py_3_14) {
            self.with(|fields| fields.kind = Kind::ThreadSafe(Running::default()));
        }
    }

    #[inline]
    pub(super) fn is_thread_safe(&self) -> bool {
        cfg!(Py_3_14) && self.with(|fields| matches!(fields.kind, Kind::ThreadSafe(_)))
    }

    /// Runs `f` on the state of a thread-safe handle; `None` for the others.
    fn with_running<R>(&self, f: impl FnOnce(&mut Running) -> R) -> Option<R> {
        self.with(|fields| match &mut fields.kind {
            Kind::ThreadSafe(running) => Some(f(running)),
            Kind::Soon | Kind::Timer { .. } => None,
        })
    }

    /// Runs the callback while other threads that would cancel it wait.
    ///
    /// # Errors
    /// Those of [`super::run`].
    #[cold]
    pub(super) fn run_locked(&self, py: Python<'_>) -> PyResult<()> {
        let own = thread_id();
        // Another thread may run it, by `_run()`.
        while !self
            .with_running(|running| {
                let free = running.depth == 0 || running.thread == own;
                if free {
                    running.thread = own;
                    running.depth += 1;
                }
                free
            })
            .unwrap_or(true)
        {
            self.wait_while_others_run_it(py)?;
        }
        // It may have been cancelled while this thread waited: then there is nothing to call.
        let result = run_unlocked(py, self);
        let lock = self.with_running(|running| {
            running.depth -= 1;
            if running.depth == 0 { running.lock.take() } else { None }
        });
        if let Some(lock) = lock.flatten() {
            lock.bind(py).call_method0("release")?;
        }
        result
    }

    /// Waits until no other thread runs the callback.
    ///
    /// # Errors
    /// What a signal handler raises meanwhile.
    #[inline]
    pub(super) fn wait_while_others_run_it(&self, py: Python<'_>) -> PyResult<()> {
        if cfg!(not(Py_3_14)) {
            return Ok(());
        }
        while self.is_run_by_another() {
            self.wait_for_lock(py)?;
        }
        Ok(())
    }

    fn is_run_by_another(&self) -> bool {
        let other =
            self.with_running(|running| running.depth != 0 && running.thread != thread_id());
        other.unwrap_or(false)
    }

    #[cold]
    fn wait_for_lock(&self, py: Python<'_>) -> PyResult<()> {
        let mut unused = Some(Ref::from(cold(py, "locked_lock", ())?));
        let lock = self.with_running(|running| {
            if running.depth == 0 {
                // It ended meanwhile.
                return None;
            }
            if running.lock.is_none() {
                running.lock = unused.take();
            }
            running.lock.clone()
        });
        drop(unused);
        match lock.flatten() {
            Some(lock) => cold(py, "wait_for_release", (lock.bind(py),)).map(drop),
            None => Ok(()),
        }
    }
}
