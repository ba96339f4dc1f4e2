//! `call_soon` and its relatives, without PyO3's argument parsing: they run once per callback.

use std::ffi::CStr;
use std::slice;

use aioxide_core::Nanos;
use aioxide_core::inbox::Pushed;
use aioxide_core::sys::Wakeup;
use pyo3::exceptions::{PyOverflowError, PyRuntimeError, PyTypeError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyString;

use super::{Item, Loop};
use crate::ffi::{FastMethod, Ref, add_method, call_method, copy_context, guard};
use crate::handle::{Arguments, HandleRef, make};
use crate::names::{cold, interop};

/// Adds them to the class.
pub(crate) fn add_fast_methods(py: Python<'_>, class: *mut ffi::PyTypeObject) -> PyResult<()> {
    let methods: [(&CStr, FastMethod, &CStr); 5] = [
        (c"call_soon", call_soon, CALL_SOON),
        (c"call_soon_threadsafe", call_soon_threadsafe, CALL_SOON_THREADSAFE),
        (c"call_later", call_later, CALL_LATER),
        (c"call_at", call_at, CALL_AT),
        (c"time", time, TIME),
    ];
    for (name, method, doc) in methods {
        add_method(py, class, name, method, doc)?;
    }
    Ok(())
}

const CALL_SOON: &CStr = c"call_soon($self, callback, /, *args, context=None)\n--\n\n\
Run callback(*args) in the next turn, after what is scheduled already.\n\n\
context is the contextvars.Context to run it in, by default a copy of the current one.\n\
Returns the Handle that cancels it. Raises RuntimeError when the loop is closed.\n\
Not for other threads: see call_soon_threadsafe().";
const CALL_SOON_THREADSAFE: &CStr =
    c"call_soon_threadsafe($self, callback, /, *args, context=None)\n--\n\n\
As call_soon(), from any thread; wakes the loop when it waits.";
const CALL_LATER: &CStr = c"call_later($self, delay, callback, /, *args, context=None)\n--\n\n\
Run callback(*args) after delay seconds (int or float; not before, and never at once).\n\n\
Returns the TimerHandle that cancels it. Timers that are due together run in the order of\n\
their times. Raises RuntimeError when the loop is closed, TypeError when delay is no number.";
const CALL_AT: &CStr = c"call_at($self, when, callback, /, *args, context=None)\n--\n\n\
As call_later(), at an absolute time on the loop's clock, in seconds: see time().";
const TIME: &CStr = c"time($self, /)\n--\n\n\
The loop's clock, in seconds (float): time.monotonic().";

/// The arguments of one call: those before `*args` by position or by name, the rest, the context.
struct Call<'a, const N: usize> {
    named: [*mut ffi::PyObject; N],
    rest: &'a [*mut ffi::PyObject],
    context: Option<*mut ffi::PyObject>,
}

/// # Safety
/// The arguments of a fast method, as the interpreter gives them.
#[inline]
unsafe fn parse<'a, const N: usize>(
    py: Python<'_>,
    function: &str,
    names: [&str; N],
    args: *const *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
    keywords: *mut ffi::PyObject,
) -> PyResult<Call<'a, N>> {
    let count = count as usize;
    let positional: &[*mut ffi::PyObject] =
        // SAFETY: `args` points to `count` arguments, by the contract; NULL only when there are
        // none at all.
        if args.is_null() { &[] } else { unsafe { slice::from_raw_parts(args, count) } };
    let split = count.min(N);
    let mut named = [std::ptr::null_mut(); N];
    named[..split].copy_from_slice(&positional[..split]);
    let mut call = Call { named, rest: &positional[split..], context: None };
    if !keywords.is_null() {
        // SAFETY: A tuple of names, whose values follow the positional arguments.
        let given = unsafe {
            slice::from_raw_parts(args.add(count), ffi::PyTuple_GET_SIZE(keywords) as usize)
        };
        for (index, value) in given.iter().enumerate() {
            // SAFETY: `index` is within the tuple.
            let name = unsafe { ffi::PyTuple_GET_ITEM(keywords, index as ffi::Py_ssize_t) };
            if interop(py)?.names.context.is(name) {
                // SAFETY: Comparing addresses only.
                call.context = (*value != unsafe { ffi::Py_None() }).then_some(*value);
            } else {
                // SAFETY: A live string.
                let name = unsafe { Bound::from_borrowed_ptr(py, name) };
                by_name(function, names, &mut call, &name.cast_into()?, *value)?;
            }
        }
    }
    if let Some(missing) = call.named.iter().position(|value| value.is_null()) {
        return Err(missing_argument(function, names[missing]));
    }
    Ok(call)
}

#[cold]
fn by_name<const N: usize>(
    function: &str,
    names: [&str; N],
    call: &mut Call<'_, N>,
    name: &Bound<'_, PyString>,
    value: *mut ffi::PyObject,
) -> PyResult<()> {
    let text = name.to_str()?;
    if text == "context" {
        call.context = (!name.py().None().is(&unsafe_free(name.py(), value))).then_some(value);
        return Ok(());
    }
    match names.iter().position(|known| *known == text) {
        Some(index) if call.named[index].is_null() => {
            call.named[index] = value;
            Ok(())
        }
        Some(_) => Err(PyTypeError::new_err(format!(
            "{function}() got multiple values for argument '{text}'"
        ))),
        None => Err(PyTypeError::new_err(format!(
            "{function}() got an unexpected keyword argument '{text}'"
        ))),
    }
}

fn unsafe_free(py: Python<'_>, value: *mut ffi::PyObject) -> Py<PyAny> {
    // SAFETY: An argument of the call that is being parsed.
    unsafe { Bound::from_borrowed_ptr(py, value) }.unbind()
}

#[cold]
fn missing_argument(function: &str, name: &str) -> PyErr {
    PyTypeError::new_err(format!("{function}() missing 1 required positional argument: '{name}'"))
}

/// The given context, or a copy of the current one.
#[inline]
fn context_of<const N: usize>(py: Python<'_>, call: &Call<'_, N>) -> PyResult<Ref> {
    match call.context {
        // SAFETY: An argument of the call.
        Some(context) => Ok(unsafe { Ref::from_borrowed(context) }),
        None => copy_context(py),
    }
}

/// What debug mode looks at before a callback is scheduled.
#[cold]
fn check_debug(
    py: Python<'_>,
    this: *mut ffi::PyObject,
    callback: *mut ffi::PyObject,
    method: &str,
    any_thread: bool,
) -> PyResult<()> {
    // SAFETY: The arguments of the call.
    let (this, callback) =
        unsafe { (Bound::from_borrowed_ptr(py, this), Bound::from_borrowed_ptr(py, callback)) };
    cold(py, "check_schedule", (this, callback, method, any_thread)).map(drop)
}

#[cold]
fn trace(py: Python<'_>, handle: &HandleRef) -> PyResult<()> {
    handle.set_source_traceback(Ref::new(&cold(py, "source_traceback", ())?));
    Ok(())
}

unsafe extern "C" fn call_soon(
    this: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
    keywords: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: Called by the interpreter, so attached.
    let py = unsafe { Python::assume_attached() };
    guard(py, |py| {
        // SAFETY: A method of this class.
        let event_loop = unsafe { Loop::of(this) };
        // SAFETY: As given by the interpreter.
        let call = unsafe { parse(py, "call_soon", ["callback"], args, count, keywords)? };
        event_loop.ensure_open()?;
        let [callback] = call.named;
        let debug = event_loop.is_debug();
        if debug {
            check_debug(py, this, callback, "call_soon", false)?;
        }
        let context = context_of(py, &call)?;
        let handle = make(py, event_loop, this, callback, Arguments(call.rest), context, None)?;
        if debug {
            trace(py, &handle)?;
        }
        event_loop.schedule(Item::Handle(handle.share()));
        Ok(handle.into_ref().into_ptr())
    })
}

unsafe extern "C" fn call_soon_threadsafe(
    this: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
    keywords: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: Called by the interpreter, so attached.
    let py = unsafe { Python::assume_attached() };
    guard(py, |py| {
        // SAFETY: A method of this class.
        let event_loop = unsafe { Loop::of(this) };
        let function = "call_soon_threadsafe";
        // SAFETY: As given by the interpreter.
        let call = unsafe { parse(py, function, ["callback"], args, count, keywords)? };
        event_loop.ensure_open()?;
        let [callback] = call.named;
        let debug = event_loop.is_debug();
        if debug {
            check_debug(py, this, callback, function, true)?;
        }
        let context = context_of(py, &call)?;
        let handle = make(py, event_loop, this, callback, Arguments(call.rest), context, None)?;
        if debug {
            trace(py, &handle)?;
        }
        event_loop.send(Item::Handle(handle.share()))?;
        Ok(handle.into_ref().into_ptr())
    })
}

/// Seconds as nanoseconds, rounded up; what does not fit is the end of time.
fn nanos(seconds: f64) -> Nanos {
    (seconds * 1e9).ceil() as Nanos
}

fn seconds(py: Python<'_>, value: *mut ffi::PyObject) -> PyResult<f64> {
    // SAFETY: An argument of the call.
    let number = unsafe { ffi::PyFloat_AsDouble(value) };
    if number == -1.0
        && let Some(error) = PyErr::take(py)
    {
        // A number too large for a float is further away than any clock goes.
        return if error.is_instance_of::<PyOverflowError>(py) {
            Ok(f64::INFINITY)
        } else {
            Err(error)
        };
    }
    Ok(number)
}

unsafe extern "C" fn call_later(
    this: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
    keywords: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: Called by the interpreter, so attached.
    let py = unsafe { Python::assume_attached() };
    guard(py, |py| {
        // SAFETY: As given by the interpreter.
        let call =
            unsafe { parse(py, "call_later", ["delay", "callback"], args, count, keywords)? };
        let [delay, callback] = call.named;
        // SAFETY: Comparing addresses only.
        if delay == unsafe { ffi::Py_None() } {
            return Err(PyTypeError::new_err("delay must not be None"));
        }
        let delay = seconds(py, delay)?;
        // SAFETY: A method of this class.
        let event_loop = unsafe { Loop::of(this) };
        let now = event_loop.time(py, this)?;
        // SAFETY: As above.
        let at = unsafe { schedule_at(py, this, now + delay, callback, &call, "call_later")? };
        Ok(at)
    })
}

unsafe extern "C" fn call_at(
    this: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
    keywords: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: Called by the interpreter, so attached.
    let py = unsafe { Python::assume_attached() };
    guard(py, |py| {
        // SAFETY: As given by the interpreter.
        let call = unsafe { parse(py, "call_at", ["when", "callback"], args, count, keywords)? };
        let [when, callback] = call.named;
        // SAFETY: Comparing addresses only.
        if when == unsafe { ffi::Py_None() } {
            return Err(PyTypeError::new_err("when cannot be None"));
        }
        let when = seconds(py, when)?;
        // SAFETY: As above.
        unsafe { schedule_at(py, this, when, callback, &call, "call_at") }
    })
}

/// # Safety
/// `this` is an instance of the class, `callback` an argument of the call.
#[inline]
unsafe fn schedule_at<const N: usize>(
    py: Python<'_>,
    this: *mut ffi::PyObject,
    when: f64,
    callback: *mut ffi::PyObject,
    call: &Call<'_, N>,
    method: &str,
) -> PyResult<*mut ffi::PyObject> {
    // SAFETY: By the contract.
    let event_loop = unsafe { Loop::of(this) };
    event_loop.ensure_open()?;
    let debug = event_loop.is_debug();
    if debug {
        check_debug(py, this, callback, method, false)?;
    }
    let context = context_of(py, call)?;
    let arguments = Arguments(call.rest);
    let handle = make(py, event_loop, this, callback, arguments, context, Some(when))?;
    if debug {
        trace(py, &handle)?;
    }
    let item = Item::Handle(handle.share());
    let inserted =
        event_loop.scheduler.with(|scheduler| scheduler.timers.insert(nanos(when), item));
    match inserted {
        Ok(key) => handle.set_key(key),
        Err(_) => return Err(PyRuntimeError::new_err("too many timers are pending")),
    }
    Ok(handle.into_ref().into_ptr())
}

unsafe extern "C" fn time(
    this: *mut ffi::PyObject,
    _: *const *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
    _: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: Called by the interpreter, so attached.
    let py = unsafe { Python::assume_attached() };
    guard(py, |_| {
        if count != 0 {
            return Err(PyTypeError::new_err("time() takes no arguments"));
        }
        // SAFETY: A method of this class.
        let now = unsafe { Loop::of(this) }.read_clock();
        // SAFETY: Attached.
        Ok(unsafe { ffi::PyFloat_FromDouble(as_seconds(now)) })
    })
}

/// As `time.monotonic()` makes a float of nanoseconds.
fn as_seconds(nanos: Nanos) -> f64 {
    nanos as f64 / 1e9
}

impl Loop {
    /// Reads the clock, and remembers what it said: timers due by then need no other reading.
    #[inline]
    pub(super) fn read_clock(&self) -> Nanos {
        let now = self.clock.now();
        if !self.has_other_clock() {
            self.scheduler.with(|scheduler| scheduler.seen = scheduler.seen.max(now));
        }
        now
    }

    /// The time in seconds, by the program's clock if it has put one in the place of `time`.
    #[inline]
    pub(super) fn time(&self, py: Python<'_>, this: *mut ffi::PyObject) -> PyResult<f64> {
        if self.has_other_clock() {
            let value = call_method(py, &interop(py)?.names.time, &[this])?;
            return seconds(py, value.as_ptr());
        }
        Ok(as_seconds(self.read_clock()))
    }

    /// As [`Loop::time`], in nanoseconds.
    pub(super) fn time_nanos(&self, py: Python<'_>, this: *mut ffi::PyObject) -> PyResult<Nanos> {
        if self.has_other_clock() {
            return Ok((self.time(py, this)? * 1e9) as Nanos);
        }
        Ok(self.clock.now())
    }

    /// Sends `item` to the loop from any thread.
    ///
    /// # Errors
    /// `RuntimeError` when the loop is closed.
    pub(super) fn send(&self, item: Item) -> PyResult<()> {
        match self.inbox.push(item) {
            Ok(Pushed::Seen) => {}
            Ok(Pushed::Wake) => self.with_wakeup(Wakeup::wake),
            Err(_item) => return Err(PyRuntimeError::new_err("Event loop is closed")),
        }
        Ok(())
    }
}
