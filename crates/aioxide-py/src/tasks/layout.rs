//! Where CPython's tasks and futures have their fields.
//!
//! A step is one of two callbacks: the first one and those after a bare `yield` are objects of a
//! private class, the others are bound methods of C. Both hold their task. The state of a task has
//! no function in C either, and asking its methods after each step would cost as much as the step.
//! So the places are found by looking at samples whose fields are known, once for a process. Where
//! they cannot be found, tasks are not looked after.

use std::ffi::c_int;
use std::ptr;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::ffi::Ref;
use crate::names::cold;

/// `_asyncio.Task` or a subclass of it, alive.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TaskPointer(ptr::NonNull<ffi::PyObject>);

impl TaskPointer {
    #[inline]
    pub(super) fn address(self) -> usize {
        self.0.as_ptr() as usize
    }

    pub(super) fn as_ref(self, py: Python<'_>) -> Ref {
        // SAFETY: Alive, as whoever made it promised: its step's callback is.
        unsafe { Borrowed::from_ptr(py, self.0.as_ptr()) }.to_owned().into()
    }
}

const PENDING: c_int = 0;
const CANCELLED: c_int = 1;
const FINISHED: c_int = 2;

/// Offsets in bytes.
#[derive(Debug)]
pub(crate) struct Layout {
    task: Ref,
    future: Ref,
    step: Ref,
    /// The task in the object of a first step.
    stepped: usize,
    state: usize,
    exception: usize,
    first_callback: usize,
    more_callbacks: usize,
}

/// How to tell which task a callback steps, for a reader that copies memory: the address of each
/// class, and offsets in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Steps {
    pub(crate) task: usize,
    pub(crate) step: usize,
    /// The task in the object of a first step. In a bound method of C it is `m_self`.
    pub(crate) stepped: usize,
}

static LAYOUT: PyOnceLock<Option<Layout>> = PyOnceLock::new();

impl Layout {
    /// `None` where the fields were not found.
    #[inline]
    pub(crate) fn known(py: Python<'_>) -> Option<&'static Self> {
        LAYOUT.get(py)?.as_ref()
    }

    /// Looks for the fields, at the first call.
    ///
    /// # Errors
    /// Only what is none of asyncio's: out of memory, an interrupt.
    pub(crate) fn find(py: Python<'_>) -> PyResult<()> {
        if LAYOUT.get(py).is_none() {
            let found = if cfg!(Py_GIL_DISABLED) || size_of::<usize>() != 8 {
                None
            } else {
                cold(py, "task_samples", ())?
                    .extract::<Samples<'_>>()
                    .ok()
                    .as_ref()
                    .and_then(search)
            };
            // Another loop may have been made meanwhile.
            let _ = LAYOUT.set(py, found);
        }
        Ok(())
    }

    pub(crate) fn steps(&self) -> Steps {
        Steps {
            task: self.task.as_ptr().addr(),
            step: self.step.as_ptr().addr(),
            stepped: self.stepped,
        }
    }

    /// The task that `callback` steps, and whether by an object for first steps.
    #[inline]
    pub(super) fn stepped_by(
        &self,
        py: Python<'_>,
        callback: *mut ffi::PyObject,
    ) -> Option<(TaskPointer, bool)> {
        // SAFETY: A live object, by the caller, who is about to call it.
        let class = unsafe { ffi::Py_TYPE(callback) };
        if self.step.is(class.cast()) {
            // SAFETY: An object of that class, whose field was found by `search`.
            let task = unsafe { word(callback, self.stepped) };
            return self.as_task(py, task).map(|task| (task, true));
        }
        if ptr::eq(class, &raw const ffi::PyCFunction_Type) {
            // SAFETY: An object of exactly that type.
            let task = unsafe { ffi::PyCFunction_GetSelf(callback) };
            return self.as_task(py, task).map(|task| (task, false));
        }
        None
    }

    #[inline]
    fn as_task(&self, _py: Python<'_>, object: *mut ffi::PyObject) -> Option<TaskPointer> {
        let pointer = ptr::NonNull::new(object)?;
        // SAFETY: A live object: its step holds it.
        let class = unsafe { ffi::Py_TYPE(object) };
        let is_task = self.task.is(class.cast())
            // SAFETY: Both are classes.
            || unsafe { ffi::PyType_IsSubtype(class, self.task.as_ptr().cast()) } != 0;
        is_task.then_some(TaskPointer(pointer))
    }

    /// The task, if it is one of CPython's own.
    #[inline]
    pub(super) fn task(&self, py: Python<'_>, task: &Ref) -> Option<TaskPointer> {
        self.as_task(py, task.as_ptr())
    }

    #[inline]
    pub(super) fn is_pending(&self, task: TaskPointer) -> bool {
        // SAFETY: A live task.
        unsafe { self.state(task.0.as_ptr()) == PENDING }
    }

    /// `task` was found by [`Layout::task`] before.
    pub(super) fn is_pending_task(&self, task: &Ref) -> bool {
        // SAFETY: A live task.
        unsafe { self.state(task.as_ptr()) == PENDING }
    }

    #[inline]
    pub(super) fn has_exception(&self, task: TaskPointer) -> bool {
        // SAFETY: A live task, whose field was found by `search`.
        !unsafe { word(task.0.as_ptr(), self.exception) }.is_null()
    }

    #[inline]
    pub(super) fn has_callbacks(&self, task: TaskPointer) -> bool {
        // SAFETY: A live task, whose field was found by `search`.
        let first = unsafe { word(task.0.as_ptr(), self.first_callback) };
        // SAFETY: As above.
        !first.is_null() || !unsafe { word(task.0.as_ptr(), self.more_callbacks) }.is_null()
    }

    /// Whether `object` is an `asyncio.Future`, no subclass, that was cancelled.
    #[inline]
    pub(super) fn is_cancelled_future(&self, object: &Bound<'_, PyAny>) -> bool {
        self.future.is(object.get_type_ptr().cast())
            // SAFETY: A live future.
            && unsafe { self.state(object.as_ptr()) } == CANCELLED
    }

    /// # Safety
    /// The object is a live task or future.
    #[inline]
    unsafe fn state(&self, object: *mut ffi::PyObject) -> c_int {
        // SAFETY: The field was found by `search`.
        let field = unsafe { object.byte_add(self.state) };
        // SAFETY: As above.
        unsafe { field.cast::<c_int>().read() }
    }
}

/// # Safety
/// The object is alive and has a pointer to an object, or NULL, there.
#[inline]
unsafe fn word(object: *mut ffi::PyObject, offset: usize) -> *mut ffi::PyObject {
    // SAFETY: By the caller.
    let field = unsafe { object.byte_add(offset) };
    // SAFETY: As above.
    unsafe { field.cast::<*mut ffi::PyObject>().read() }
}

/// A weak reference; `None` when it cannot be made.
pub(super) fn weak_reference(_py: Python<'_>, object: &Ref) -> Option<Ref> {
    // SAFETY: A live object.
    let weak = unsafe { ffi::PyWeakref_NewRef(object.as_ptr(), ptr::null_mut()) };
    if weak.is_null() {
        // SAFETY: Attached, by the token.
        unsafe { ffi::PyErr_Clear() };
    }
    // SAFETY: A new reference, or NULL.
    unsafe { Ref::from_owned_or_null(weak) }
}

// Public in CPython, missing in PyO3.
#[cfg(Py_3_14)]
unsafe extern "C" {
    fn PyWeakref_IsDead(weak: *mut ffi::PyObject) -> c_int;
}

/// Whether what a weak reference is to is gone. Drops no reference.
#[cfg(Py_3_14)]
pub(super) fn is_dead(_py: Python<'_>, weak: &Ref) -> bool {
    // SAFETY: A live weak reference.
    unsafe { PyWeakref_IsDead(weak.as_ptr()) == 1 }
}

/// Whether what a weak reference is to is gone. Drops no reference.
#[cfg(not(Py_3_14))]
pub(super) fn is_dead(py: Python<'_>, weak: &Ref) -> bool {
    // SAFETY: A live weak reference; what comes is borrowed, and looked at only.
    #[cfg_attr(Py_3_13, expect(deprecated, reason = "its successor makes a reference to drop"))]
    let target = unsafe { ffi::PyWeakref_GetObject(weak.as_ptr()) };
    target.is_null() || target == py.None().as_ptr()
}

/// What `_cold.task_samples` makes.
#[derive(FromPyObject)]
struct Samples<'py> {
    pending: Bound<'py, PyAny>,
    finished: Bound<'py, PyAny>,
    cancelled: Bound<'py, PyAny>,
    failed: Bound<'py, PyAny>,
    exception: Bound<'py, PyAny>,
    called: Bound<'py, PyAny>,
    callback: Bound<'py, PyAny>,
    called_twice: Bound<'py, PyAny>,
    task: Bound<'py, PyAny>,
    step: Bound<'py, PyAny>,
}

/// How many bytes an object of the class of `object` has at least.
fn size(object: &Bound<'_, PyAny>) -> usize {
    // SAFETY: The class of a live object.
    let size = unsafe { (*object.get_type_ptr()).tp_basicsize };
    usize::try_from(size).unwrap_or(0)
}

/// The one offset for which `fits` holds.
fn only(size: usize, step: usize, fits: impl Fn(usize) -> bool) -> Option<usize> {
    let mut found = (size_of::<ffi::PyObject>()..=size.checked_sub(step)?)
        .step_by(step)
        .filter(|offset| fits(*offset));
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

fn search(samples: &Samples<'_>) -> Option<Layout> {
    let futures = size(&samples.pending);
    // SAFETY: Within the object, since offsets end with the size of its class.
    let at = |object: &Bound<'_, PyAny>, offset| unsafe { word(object.as_ptr(), offset) };
    let is_null = |object: &Bound<'_, PyAny>, offset| at(object, offset).is_null();
    let exception = only(futures, 8, |offset| {
        at(&samples.failed, offset) == samples.exception.as_ptr()
            && is_null(&samples.pending, offset)
            && is_null(&samples.finished, offset)
    })?;
    let first_callback = only(futures, 8, |offset| {
        at(&samples.called, offset) == samples.callback.as_ptr()
            && is_null(&samples.pending, offset)
    })?;
    let more_callbacks = only(futures, 8, |offset| {
        !is_null(&samples.called_twice, offset)
            && is_null(&samples.called, offset)
            && is_null(&samples.pending, offset)
    })?;
    let state = only(futures, 4, |offset| {
        let states = [&samples.pending, &samples.called, &samples.task]
            .map(|object| (object, PENDING))
            .into_iter()
            .chain([(&samples.finished, FINISHED), (&samples.failed, FINISHED)])
            .chain([(&samples.cancelled, CANCELLED)]);
        states.into_iter().all(|(object, state)| {
            // SAFETY: Within the object, as above.
            let field = unsafe { object.as_ptr().byte_add(offset) };
            // SAFETY: As above, and aligned.
            state == unsafe { field.cast::<c_int>().read() }
        })
    })?;
    let stepped =
        only(size(&samples.step), 8, |offset| at(&samples.step, offset) == samples.task.as_ptr())?;
    let fits = |offset| is_null(&samples.task, offset);
    if !(fits(exception) && fits(first_callback) && fits(more_callbacks)) {
        return None;
    }
    Some(Layout {
        task: samples.task.get_type().into_any().into(),
        future: samples.pending.get_type().into_any().into(),
        step: samples.step.get_type().into_any().into(),
        stepped,
        state,
        exception,
        first_callback,
        more_callbacks,
    })
}
