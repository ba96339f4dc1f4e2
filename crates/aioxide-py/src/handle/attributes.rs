//! What Python sees of a handle.

use std::ffi::CStr;

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyFloat, PyTuple};

use super::Kind;
use super::object::HandleRef;
use crate::ffi::{Ref, new_context};
use crate::names::{cold, interop};

/// A getter or a method without arguments.
pub(super) type Reader = fn(Python<'_>, &HandleRef) -> PyResult<Ref>;

fn or_none(py: Python<'_>, object: Option<Ref>) -> Ref {
    object.unwrap_or_else(|| Ref::none(py))
}

fn boolean(py: Python<'_>, value: bool) -> Ref {
    Ref::from(PyBool::new(py, value).to_owned().into_any())
}

fn when(py: Python<'_>, handle: &HandleRef) -> PyResult<Ref> {
    let when = handle.with(|fields| fields.when().unwrap_or(0.0));
    Ok(Ref::from(PyFloat::new(py, when).into_any()))
}

fn args(py: Python<'_>, handle: &HandleRef) -> PyResult<Ref> {
    let (called, spilled, count, args) = handle.with(|fields| {
        (fields.callback.is_some(), fields.spilled, fields.count, fields.args.clone())
    });
    if !called {
        return Ok(Ref::none(py));
    }
    if spilled {
        return Ok(or_none(py, args.into_iter().next().flatten()));
    }
    let args = args.into_iter().take(count.into()).flatten().map(|object| object.into_bound(py));
    Ok(Ref::from(PyTuple::new(py, args.collect::<Vec<_>>())?.into_any()))
}

/// The context; made now for a handle that was to get one when it runs.
fn context(py: Python<'_>, handle: &HandleRef) -> PyResult<Ref> {
    if let Some(context) = handle.with(|fields| fields.context.clone()) {
        return Ok(context);
    }
    let new = new_context(py)?;
    let unused = handle.with(|fields| fields.context.replace(new.clone()));
    drop(unused);
    Ok(new)
}

/// Attributes, as CPython's `Handle` has them.
pub(super) const ATTRIBUTES: &[(&CStr, Reader)] = &[
    (c"__class__", |py, handle| {
        let interop = interop(py)?;
        let class = handle.with(|fields| match fields.kind {
            Kind::Soon => &interop.handle,
            Kind::ThreadSafe(_) => &interop.thread_safe_handle,
            Kind::Timer { .. } => &interop.timer_handle,
        });
        Ok(class.clone())
    }),
    (c"_args", args),
    (c"_callback", |py, handle| Ok(or_none(py, handle.with(|fields| fields.callback.clone())))),
    (c"_cancelled", |py, handle| Ok(boolean(py, handle.with(|fields| fields.cancelled)))),
    (c"_context", context),
    (c"_loop", |py, handle| {
        Ok(or_none(py, handle.with(|fields| fields.owner.clone()).map(Ref::into_any)))
    }),
    (c"_repr", |py, handle| {
        let text = handle.with(|fields| fields.debug.as_ref().and_then(|debug| debug.repr.clone()));
        Ok(or_none(py, text))
    }),
    (c"_scheduled", |py, handle| {
        Ok(boolean(py, handle.with(|fields| fields.key().is_some_and(|key| key.is_some()))))
    }),
    (c"_source_traceback", |py, handle| {
        let traceback = handle
            .with(|fields| fields.debug.as_ref().and_then(|debug| debug.source_traceback.clone()));
        Ok(or_none(py, traceback))
    }),
    (c"_when", when),
];

/// Name, function, docstring.
type Method = (&'static CStr, Reader, &'static CStr);

const CANCEL: Method = (
    c"cancel",
    cancel,
    c"cancel($self, /)\n--\n\nDo not run it. Once it has run, nothing happens.",
);
const CANCELLED: Method = (
    c"cancelled",
    |py, handle| {
        handle.wait_while_others_run_it(py)?;
        Ok(boolean(py, handle.is_cancelled()))
    },
    c"cancelled($self, /)\n--\n\nWhether cancel() was called.",
);

/// Methods of both types.
pub(super) const METHODS: &[Method] = &[
    CANCEL,
    CANCELLED,
    (
        c"get_context",
        context,
        c"get_context($self, /)\n--\n\nThe contextvars.Context that it runs in.",
    ),
    (
        c"_run",
        |py, handle| super::run(py, handle).map(|()| Ref::none(py)),
        c"_run($self, /)\n--\n\nRun it now.",
    ),
    (
        c"_repr_info",
        |py, handle| Ok(cold(py, "handle_repr_info", (handle.bind(py),))?.into()),
        c"_repr_info($self, /)\n--\n\nThe parts of repr().",
    ),
];

/// Methods of `TimerHandle`. The interpreter's short cuts are for objects of the class that a method
/// belongs to, so what programs call often is here once more.
pub(super) const TIMER_METHODS: &[Method] = &[
    CANCEL,
    CANCELLED,
    (
        c"when",
        when,
        c"when($self, /)\n--\n\nWhen it is due, on the loop's clock, in seconds (float).",
    ),
];

fn cancel(py: Python<'_>, handle: &HandleRef) -> PyResult<Ref> {
    handle.wait_while_others_run_it(py)?;
    let Some(owner) = handle.with(|fields| {
        let first = !std::mem::replace(&mut fields.cancelled, true);
        if first { fields.owner.clone() } else { None }
    }) else {
        return Ok(Ref::none(py));
    };
    if owner.is_debug() {
        let text = Ref::from(handle.bind(py).repr()?.into_any());
        let old = handle.with(|fields| fields.debug.get_or_insert_default().repr.replace(text));
        drop(old);
    }
    let (key, held) = handle.with(|fields| (fields.key().and_then(Option::take), fields.release()));
    let queued = key.and_then(|key| owner.cancel_timer(key));
    drop((queued, held));
    Ok(Ref::none(py))
}

/// The text is CPython's own function applied to this object: the same on every version.
pub(super) fn repr(py: Python<'_>, handle: &HandleRef) -> PyResult<Ref> {
    Ok(cold(py, "handle_repr", (handle.bind(py),))?.into())
}
