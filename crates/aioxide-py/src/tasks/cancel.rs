//! Notes on who has cancelled a task.
//!
//! `task.cancel()` cancels the future that the task waits for, which schedules the task's step: so
//! the loop hears of it while whoever cancels is still on the stack. What is to be said is
//! remembered, and added to the `CancelledError` when that step runs. The step is then given an
//! object whose `result()` raises this error; it would have made the very same out of the future.

use std::sync::atomic::Ordering::Relaxed;

use pyo3::prelude::*;
use pyo3::types::PyString;

use super::layout::Layout;
use super::{Step, Tasks};
use crate::event_loop::Loop;
use crate::ffi::Ref;
use crate::names::cold;

impl Tasks {
    /// `callback(argument)` has been scheduled. If it tells a task that what it waits for was
    /// cancelled, finds out who did it.
    #[inline]
    pub(crate) fn scheduled(
        &self,
        owner: &Bound<'_, Loop>,
        callback: Borrowed<'_, '_, PyAny>,
        argument: Borrowed<'_, '_, PyAny>,
    ) {
        let py = owner.py();
        let Some(layout) = Layout::known(py) else { return };
        if layout.is_cancelled_future(&argument)
            && self.adds_notes.load(Relaxed)
            && let Some((task, false)) = layout.stepped_by(py, callback.as_ptr())
        {
            self.remember(owner, &task.as_ref(py));
        }
    }

    #[cold]
    fn remember(&self, owner: &Bound<'_, Loop>, task: &Ref) {
        let py = owner.py();
        let note = cold(py, "cancel_note", (owner, task.bind(py)));
        match note {
            Ok(note) if note.is_none() => {}
            Ok(note) => {
                let address = task.as_ptr() as usize;
                let old = self.book.with(|book| book.notes.insert(address, note.into()));
                drop(old);
                self.has_notes.store(true, Relaxed);
            }
            Err(error) => error.write_unraisable(py, None),
        }
    }

    /// What the step is to be given instead of the cancelled future; `None` when there is nothing
    /// to say, which is the rule.
    #[inline]
    pub(crate) fn instead_of(
        &self,
        step: Step,
        future: Option<Borrowed<'_, '_, PyAny>>,
    ) -> Option<Ref> {
        if self.has_notes.load(Relaxed) { self.noted(step, future?) } else { None }
    }

    #[cold]
    fn noted(&self, step: Step, future: Borrowed<'_, '_, PyAny>) -> Option<Ref> {
        let (note, left) = self
            .book
            .with(|book| (book.notes.remove(&step.task.address()), !book.notes.is_empty()));
        self.has_notes.store(left, Relaxed);
        let note = note?;
        if !step.layout.is_cancelled_future(&future) {
            return None;
        }
        let py = future.py();
        let made = future.call_method0("_make_cancelled_error").and_then(|error| {
            error.call_method1("add_note", (note.bind(py),))?;
            Bound::new(py, Cancelled { error: error.into() })
        });
        match made {
            Ok(made) => Some(made.into_any().into()),
            Err(error) => {
                error.write_unraisable(py, None);
                None
            }
        }
    }
}

/// A future for the eyes of a task's step only: its `result()` raises.
#[pyclass(frozen, module = "aioxide._aioxide")]
#[derive(Debug)]
pub(crate) struct Cancelled {
    error: Ref,
}

#[pymethods]
impl Cancelled {
    fn result(&self, py: Python<'_>) -> PyResult<()> {
        Err(PyErr::from_value(self.error.bind(py).clone()))
    }

    fn __repr__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        self.error.bind(py).repr()
    }
}
