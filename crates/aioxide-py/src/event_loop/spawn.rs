//! `create_task` and `create_future`: asyncio's own classes, called without a Python frame. And
//! `get_debug`, which each of them asks for.

use std::ffi::CStr;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyType};

use super::Loop;
use crate::ffi::{Arguments, FastMethod, Ref, add_own_method, call_with_keywords};
use crate::names::{cold, interop};

/// Adds them to the class.
pub(super) fn add_fast_methods(class: &Bound<'_, PyType>) -> PyResult<()> {
    add_own_method::<Loop, CreateFuture>(class)?;
    add_own_method::<Loop, CreateTask>(class)?;
    add_own_method::<Loop, GetDebug>(class)
}

struct CreateFuture;
struct CreateTask;
struct GetDebug;

impl FastMethod<Loop> for CreateFuture {
    const NAME: &'static CStr = c"create_future";
    const DOC: &'static CStr = c"create_future($self, /)\n--\n\nA new asyncio.Future of this loop.";

    #[inline]
    fn call<'a, 'py>(this: &'a Bound<'py, Loop>, arguments: Arguments<'a, 'py>) -> PyResult<Ref> {
        arguments.refuse("create_future")?;
        Loop::create_future(this).map(Ref::from)
    }
}

impl FastMethod<Loop> for CreateTask {
    const NAME: &'static CStr = c"create_task";
    const DOC: &'static CStr = c"create_task($self, coro, **kwargs)\n--\n\n\
Schedule the coroutine and return its asyncio.Task.\n\n\
name (str) and context (contextvars.Context) are the task's; further keyword arguments go to\n\
the task factory or to asyncio.Task. Raises RuntimeError when the loop is closed.";

    #[inline]
    fn call<'a, 'py>(this: &'a Bound<'py, Loop>, arguments: Arguments<'a, 'py>) -> PyResult<Ref> {
        let event_loop = this.get();
        let &[coro] = arguments.positional else { return create_task_with(this, arguments) };
        if arguments.keyword_count() != 0 || event_loop.has_own_way_of_tasks() {
            return create_task_with(this, arguments);
        }
        event_loop.ensure_open()?;
        let py = this.py();
        let keywords = event_loop.keywords(this)?;
        let task = call_with_keywords(py, &interop(py)?.task, Some(coro), keywords.bind(py))?;
        event_loop.tasks.adopt(py, this, &task, true);
        Ok(task)
    }
}

impl FastMethod<Loop> for GetDebug {
    const NAME: &'static CStr = c"get_debug";
    const DOC: &'static CStr = c"get_debug($self, /)\n--\n\nWhether the loop is in debug mode.";

    #[inline]
    fn call<'a, 'py>(this: &'a Bound<'py, Loop>, arguments: Arguments<'a, 'py>) -> PyResult<Ref> {
        arguments.refuse("get_debug")?;
        let debug = PyBool::new(this.py(), this.get().is_debug());
        Ok(Ref::new(debug.as_any()))
    }
}

/// As `create_task` with keywords, a task factory, or in debug mode; or without a coroutine.
#[cold]
fn create_task_with(this: &Bound<'_, Loop>, arguments: Arguments<'_, '_>) -> PyResult<Ref> {
    let py = this.py();
    let event_loop = this.get();
    let kwargs = PyDict::new(py);
    let mut coro = arguments.positional.first().copied();
    for (name, value) in arguments.keywords(py) {
        if coro.is_none() && name == "coro" {
            coro = Some(value);
        } else {
            kwargs.set_item(name, value)?;
        }
    }
    let Some(coro) = coro else {
        let text = "create_task() missing 1 required positional argument: 'coro'";
        return Err(PyTypeError::new_err(text));
    };
    if arguments.positional.len() > 1 {
        let text = format!(
            "create_task() takes 1 positional argument but {} were given",
            arguments.positional.len()
        );
        return Err(PyTypeError::new_err(text));
    }
    event_loop.ensure_open()?;
    let is_new = !event_loop.has_own_way_of_tasks();
    let task = if !is_new {
        // CPython's own method: which keywords reach a factory, and how a name is set, differs
        // from version to version.
        Ref::from(cold(py, "create_task", (this, coro, kwargs))?)
    } else {
        kwargs.set_item("loop", this)?;
        call_with_keywords(py, &interop(py)?.task, Some(coro), &kwargs)?
    };
    event_loop.tasks.adopt(py, this, &task, is_new);
    Ok(task)
}

impl Loop {
    /// A new `asyncio.Future` of this loop.
    ///
    /// # Errors
    /// `MemoryError`.
    #[inline]
    pub(crate) fn create_future<'py>(this: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = this.py();
        let keywords = this.get().keywords(this)?;
        call_with_keywords(py, &interop(py)?.future, None, keywords.bind(py))
            .map(|future| future.into_bound(py))
    }

    /// Tasks are made by a factory, or as debug mode makes them.
    #[inline]
    fn has_own_way_of_tasks(&self) -> bool {
        self.is_debug() || self.task_factory.with(|factory| factory.is_some())
    }

    /// `{"loop": this}`. A loop that runs keeps it; one that does not may be garbage, and is not to
    /// hold itself.
    #[inline]
    fn keywords(&self, this: &Bound<'_, Self>) -> PyResult<Ref<PyDict>> {
        match self.keywords.with(|slot| slot.clone()) {
            Some(keywords) => Ok(keywords),
            None => self.make_keywords(this),
        }
    }

    #[cold]
    fn make_keywords(&self, this: &Bound<'_, Self>) -> PyResult<Ref<PyDict>> {
        let keywords = PyDict::new(this.py());
        keywords.set_item("loop", this)?;
        let keywords = Ref::new(&keywords);
        if self.is_running() {
            let old = self.keywords.with(|slot| slot.replace(keywords.clone()));
            drop(old);
        }
        Ok(keywords)
    }
}

#[pymethods]
impl Loop {
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
