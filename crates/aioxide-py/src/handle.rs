//! `Handle` and `TimerHandle`: what `call_soon`, `call_later` and `call_at` return.
//!
//! One is made for each callback, so it is a C struct made by hand: up to [`INLINE`] arguments lie
//! in it, the memory goes back to a free list of its loop, and it is not tracked by the garbage
//! collector while nobody but a running loop holds it, which is the common case from birth to
//! death. [`HandleRef::traverse_from_loop`] makes up for that: the loop shows the collector what
//! its untracked handles hold. A running loop is alive anyway, so a handle has to be tracked only
//! when the loop is not running (from its birth, or when the run ends), when somebody still holds
//! it after it ran, and when it is a timer's, because programs keep those.
//!
//! ```text
//!             call_soon                run
//!   free list ─────────► queued ───────────────► done ──► free list
//!                          │ cancel                        ▲
//!                          └───────────► cancelled ────────┘
//!                            (callback and arguments dropped at once)
//! ```
//!
//! `isinstance(handle, asyncio.Handle)` holds because `__class__` says so: a true subclass would
//! carry eight more slots for attributes that live here.

mod attributes;
#[expect(unsafe_code, reason = "types that are made of slots, and functions that these call")]
mod class;
#[expect(unsafe_code, reason = "memory of dead handles, chained through itself")]
mod free_list;
#[expect(unsafe_code, reason = "a C struct with its own life cycle")]
mod object;
mod threads;

use aioxide_core::TimerKey;
use pyo3::exceptions::{PyKeyboardInterrupt, PySystemExit};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::event_loop::Loop;
use crate::ffi::{Ref, in_context};
use crate::names::cold;

pub(crate) use class::types;
pub(crate) use free_list::FreeList;
pub(crate) use object::{CALLBACK, HandleRef};

/// How many arguments lie in the handle; more are in a tuple.
pub(crate) const INLINE: usize = 3;

/// What a handle holds.
#[derive(Debug)]
pub(crate) struct Fields {
    /// `None` once cancelled.
    callback: Option<Ref>,
    args: [Option<Ref>; INLINE],
    /// How many of `args` there are.
    count: u8,
    /// `args[0]` is a tuple of all arguments.
    spilled: bool,
    cancelled: bool,
    /// Known to the garbage collector.
    tracked: bool,
    /// `None` only while the handle is deallocated.
    owner: Option<Ref<Loop>>,
    /// `None` for a context without variables that nobody else has: a one-shot callback that was
    /// scheduled from such a one gets the loop's spare when it runs.
    context: Option<Ref>,
    debug: Option<Box<Debug>>,
    kind: Kind,
}

/// What sets the handles of the four methods apart.
#[derive(Debug)]
enum Kind {
    Soon,
    /// Of `call_soon_threadsafe`, from CPython 3.14 on: see [`threads`].
    ThreadSafe(threads::Running),
    /// When it is due, in seconds, and where it is queued.
    Timer {
        when: f64,
        key: Option<TimerKey>,
    },
}

/// What debug mode knows of a handle.
#[derive(Debug, Default)]
struct Debug {
    source_traceback: Option<Ref>,
    /// `repr()` at the time of the cancellation.
    repr: Option<Ref>,
}

impl Fields {
    /// When a timer is due; `None` for what is none.
    fn when(&self) -> Option<f64> {
        if let Kind::Timer { when, .. } = self.kind { Some(when) } else { None }
    }

    /// Where a timer is queued.
    fn key(&mut self) -> Option<&mut Option<TimerKey>> {
        if let Kind::Timer { key, .. } = &mut self.kind { Some(key) } else { None }
    }

    /// Takes callback and arguments out, to be dropped by the caller.
    fn release(&mut self) -> (Option<Ref>, [Option<Ref>; INLINE]) {
        self.count = 0;
        self.spilled = false;
        (self.callback.take(), std::mem::take(&mut self.args))
    }

    /// What the handle holds, for the collector.
    fn references(&self) -> impl Iterator<Item = &Ref> {
        let owner = self.owner.as_ref().map(Ref::as_any);
        let debug = self.debug.as_ref().and_then(|debug| debug.source_traceback.as_ref());
        let own = [self.callback.as_ref(), self.context.as_ref(), owner, debug];
        own.into_iter().chain(self.args.iter().map(Option::as_ref)).flatten()
    }
}

/// Makes a handle. `when` makes it a `TimerHandle`; `context` is `None` for one without variables,
/// which only a callback that runs once may have.
#[inline]
pub(crate) fn make(
    py: Python<'_>,
    event_loop: &Bound<'_, Loop>,
    callback: Ref,
    arguments: &[Borrowed<'_, '_, PyAny>],
    context: Option<Ref>,
    when: Option<f64>,
) -> PyResult<HandleRef> {
    let spilled = arguments.len() > INLINE;
    let tuple =
        if spilled { Some(Ref::from(PyTuple::new(py, arguments)?.into_any())) } else { None };
    let handle = HandleRef::create(py, event_loop.get(), when.is_some(), || {
        // One by one: in a loop they would be made on the stack, and copied.
        let argument = |index: usize| arguments.get(index).map(|object| Ref::new(object));
        let args = match tuple {
            Some(tuple) => [Some(tuple), None, None],
            None => [argument(0), argument(1), argument(2)],
        };
        Fields {
            callback: Some(callback),
            args,
            count: if spilled { 1 } else { arguments.len() as u8 },
            spilled,
            cancelled: false,
            tracked: false,
            owner: Some(Ref::new(event_loop)),
            context,
            debug: None,
            kind: when.map_or(Kind::Soon, |when| Kind::Timer { when, key: None }),
        }
    })?;
    if when.is_some() || !event_loop.get().is_running() {
        handle.track();
    }
    Ok(handle)
}

/// Runs the callback in its context, as `Handle._run` does: an exception goes to the loop's
/// exception handler. What the callback wrote is sent before its context is left.
///
/// # Errors
/// `KeyboardInterrupt` and `SystemExit` end the run, as does what the exception handler raises of
/// that kind.
#[inline]
pub(crate) fn run(py: Python<'_>, handle: &HandleRef) -> PyResult<()> {
    // Whom nobody else can reach, nobody can cancel meanwhile.
    if (cfg!(Py_GIL_DISABLED) || handle.count() > 1) && handle.is_thread_safe() {
        return handle.run_locked(py);
    }
    run_unlocked(py, handle)
}

#[inline]
fn run_unlocked(py: Python<'_>, handle: &HandleRef) -> PyResult<()> {
    let result = handle.call(py);
    if handle.count() > 1 {
        handle.track();
    }
    match result {
        Ok(()) => Ok(()),
        Err(error) => failed(py, handle, error),
    }
}

/// As [`run`], with `f` in the place of the callback: it does what that does, and sends what it wrote.
///
/// # Errors
/// Those of [`run`].
#[inline]
pub(crate) fn run_as(
    py: Python<'_>,
    handle: &HandleRef,
    f: impl FnOnce() -> PyResult<()>,
) -> PyResult<()> {
    if handle.is_cancelled() { Ok(()) } else { run_for(py, handle, f) }
}

/// Runs `f` in the context of a handle, which may be cancelled by now. What it raises is told as an
/// exception of the callback.
///
/// # Errors
/// Those of [`run`].
#[inline]
pub(crate) fn run_for(
    py: Python<'_>,
    handle: &HandleRef,
    f: impl FnOnce() -> PyResult<()>,
) -> PyResult<()> {
    let Some(context) = handle.with(|fields| fields.context.clone()) else { return Ok(()) };
    match in_context(py, &context, f) {
        Ok(()) => Ok(()),
        Err(error) => failed(py, handle, error),
    }
}

#[cold]
fn failed(py: Python<'_>, handle: &HandleRef, error: PyErr) -> PyResult<()> {
    if ends_run(py, &error) {
        return Err(error);
    }
    cold(py, "callback_failed", (handle.bind(py), error.into_value(py))).map(drop)
}

/// The exceptions that asyncio lets through everywhere.
pub(crate) fn ends_run(py: Python<'_>, error: &PyErr) -> bool {
    error.is_instance_of::<PyKeyboardInterrupt>(py) || error.is_instance_of::<PySystemExit>(py)
}
