//! `create_task` and `create_future`: asyncio's own classes, called without a Python frame.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::Loop;
use crate::ffi::{Ref, call_with_keyword};
use crate::names::interop;

#[pymethods]
impl Loop {
    /// A new asyncio.Future of this loop.
    pub(crate) fn create_future<'py>(this: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = this.py();
        let interop = interop(py)?;
        let value = Ref::new(this.as_any());
        call_with_keyword(py, &interop.future, None, &value, &interop.loop_keyword)
            .map(|future| future.into_bound(py))
    }

    /// Schedule the coroutine and return its asyncio.Task.
    ///
    /// name (str) and context (contextvars.Context) are the task's; further keyword arguments go to
    /// the task factory or to asyncio.Task. Raises RuntimeError when the loop is closed.
    #[pyo3(signature = (coro, **kwargs))]
    fn create_task<'py>(
        this: &Bound<'py, Self>,
        coro: &Bound<'py, PyAny>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = this.py();
        let event_loop = this.get();
        event_loop.ensure_open()?;
        let has_factory = event_loop.task_factory.with(|factory| factory.is_some());
        if has_factory || event_loop.is_debug() {
            // CPython's own method: which keywords reach a factory, and how a name is set, differs
            // from version to version.
            let task = crate::names::cold(py, "create_task", (this, coro, kwargs))?;
            let task = Ref::from(task);
            event_loop.tasks.adopt(py, this, &task);
            return Ok(task.into_bound(py));
        }
        let interop = interop(py)?;
        let Some(kwargs) = kwargs.filter(|kwargs| !kwargs.is_empty()) else {
            let (coro, value) = (Ref::new(coro), Ref::new(this.as_any()));
            let task =
                call_with_keyword(py, &interop.task, Some(&coro), &value, &interop.loop_keyword)?;
            event_loop.tasks.adopt(py, this, &task);
            return Ok(task.into_bound(py));
        };
        kwargs.set_item("loop", this)?;
        let task = Ref::from(interop.task.bind(py).call((coro,), Some(kwargs))?);
        event_loop.tasks.adopt(py, this, &task);
        Ok(task.into_bound(py))
    }

    /// Use factory(loop, coro, **kwargs) in create_task(), or asyncio.Task for None.
    ///
    /// Raises TypeError when it is neither callable nor None.
    fn set_task_factory(&self, factory: &Bound<'_, PyAny>) -> PyResult<()> {
        let new = if factory.is_none() {
            None
        } else if factory.is_callable() {
            Some(Ref::new(factory))
        } else {
            return Err(PyTypeError::new_err("task factory must be a callable or None"));
        };
        drop(self.task_factory.with(|slot| std::mem::replace(slot, new)));
        Ok(())
    }

    /// The task factory, or None.
    fn get_task_factory<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.task_factory.with(|slot| slot.clone()).map(|factory| factory.into_bound(py))
    }

    #[getter(_task_factory)]
    fn task_factory_attribute<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.get_task_factory(py)
    }

    #[setter(_task_factory)]
    fn set_task_factory_attribute(&self, factory: &Bound<'_, PyAny>) {
        let new = (!factory.is_none()).then(|| Ref::new(factory));
        drop(self.task_factory.with(|slot| std::mem::replace(slot, new)));
    }
}
