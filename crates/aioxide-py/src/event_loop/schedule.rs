//! `call_soon` and its relatives, without PyO3's argument parsing: they run once per callback.

use std::ffi::CStr;

use aioxide_core::Nanos;
use aioxide_core::inbox::Pushed;
use aioxide_core::scheduler::Ready;
use aioxide_core::sys::Wakeup;
use pyo3::exceptions::{PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyString, PyType};

use super::{Item, Loop};
use crate::ffi::{
    Arguments, FastMethod, Ref, add_own_method, attribute, call_method, copy_unless_empty,
    thread_id,
};
use crate::handle::{HandleRef, make};
use crate::names::{cold, interop};

/// Adds them to the class.
pub(super) fn add_fast_methods(class: &Bound<'_, PyType>) -> PyResult<()> {
    add_own_method::<Loop, CallSoon>(class)?;
    add_own_method::<Loop, CallSoonThreadsafe>(class)?;
    add_own_method::<Loop, CallLater>(class)?;
    add_own_method::<Loop, CallAt>(class)?;
    add_own_method::<Loop, Time>(class)
}

struct CallSoon;
struct CallSoonThreadsafe;
struct CallLater;
struct CallAt;
struct Time;

impl FastMethod<Loop> for CallSoon {
    const NAME: &'static CStr = c"call_soon";
    const DOC: &'static CStr = c"call_soon($self, callback, *args, context=None)\n--\n\n\
Run callback(*args) in the next turn, after what is scheduled already.\n\n\
context is the contextvars.Context to run it in, by default a copy of the current one.\n\
Returns the Handle that cancels it. Raises RuntimeError when the loop is closed.\n\
Not for other threads: see call_soon_threadsafe().";

    #[inline]
    fn call<'a, 'py>(this: &'a Bound<'py, Loop>, arguments: Arguments<'a, 'py>) -> PyResult<Ref> {
        let py = this.py();
        let event_loop = this.get();
        let call = Call::parse(py, "call_soon", ["callback"], arguments)?;
        event_loop.ensure_open()?;
        let handle = call.handle(this, "call_soon", None, false)?;
        if let [argument] = call.rest {
            event_loop.tasks.scheduled(this, call.named[0], *argument);
        }
        event_loop.schedule(Item::Handle(handle.clone()));
        Ok(handle.into_ref())
    }
}

impl FastMethod<Loop> for CallSoonThreadsafe {
    const NAME: &'static CStr = c"call_soon_threadsafe";
    const DOC: &'static CStr =
        c"call_soon_threadsafe($self, callback, *args, context=None)\n--\n\n\
As call_soon(), from any thread; wakes the loop when it waits.";

    #[inline]
    fn call<'a, 'py>(this: &'a Bound<'py, Loop>, arguments: Arguments<'a, 'py>) -> PyResult<Ref> {
        let py = this.py();
        let event_loop = this.get();
        let call = Call::parse(py, "call_soon_threadsafe", ["callback"], arguments)?;
        event_loop.ensure_open()?;
        let handle = call.handle(this, "call_soon_threadsafe", None, true)?;
        handle.make_thread_safe();
        event_loop.send(Item::Handle(handle.clone()))?;
        Ok(handle.into_ref())
    }
}

impl FastMethod<Loop> for CallLater {
    const NAME: &'static CStr = c"call_later";
    const DOC: &'static CStr = c"call_later($self, delay, callback, *args, context=None)\n--\n\n\
Run callback(*args) after delay seconds (int or float; not before, and never at once).\n\n\
Returns the TimerHandle that cancels it. Timers that are due together run in the order of\n\
their times. Raises RuntimeError when the loop is closed, TypeError when delay is no number,\n\
ValueError when it is NaN.";

    #[inline]
    fn call<'a, 'py>(this: &'a Bound<'py, Loop>, arguments: Arguments<'a, 'py>) -> PyResult<Ref> {
        let py = this.py();
        let call = Call::parse(py, "call_later", ["delay", "callback"], arguments)?;
        let delay = call.named[0];
        if delay.is_none() {
            return Err(PyTypeError::new_err("delay must not be None"));
        }
        if !this.get().is_running() {
            this.get().look_for_other_clock(this)?;
        }
        let now = this.get().time(py, this)?;
        let when = match delay.cast::<PyFloat>() {
            Ok(delay) => now + delay.value(),
            // Whatever else can be added to a float, with the errors of that.
            Err(_) => PyFloat::new(py, now).add(delay)?.extract()?,
        };
        call.schedule_at(this, when)
    }
}

impl FastMethod<Loop> for CallAt {
    const NAME: &'static CStr = c"call_at";
    const DOC: &'static CStr = c"call_at($self, when, callback, *args, context=None)\n--\n\n\
As call_later(), at an absolute time on the loop's clock, in seconds: see time().";

    #[inline]
    fn call<'a, 'py>(this: &'a Bound<'py, Loop>, arguments: Arguments<'a, 'py>) -> PyResult<Ref> {
        let call = Call::parse(this.py(), "call_at", ["when", "callback"], arguments)?;
        if call.named[0].is_none() {
            return Err(PyTypeError::new_err("when cannot be None"));
        }
        let when = call.named[0].extract()?;
        call.schedule_at(this, when)
    }
}

impl FastMethod<Loop> for Time {
    const NAME: &'static CStr = c"time";
    const DOC: &'static CStr = c"time($self, /)\n--\n\n\
The loop's clock, in seconds (float): time.monotonic().";

    #[inline]
    fn call<'a, 'py>(this: &'a Bound<'py, Loop>, arguments: Arguments<'a, 'py>) -> PyResult<Ref> {
        arguments.refuse("time")?;
        Ok(PyFloat::new(this.py(), as_seconds(this.get().read_clock())).into_any().into())
    }
}

/// The arguments of one call: those before `*args`, by position or by name, the rest, the context.
/// The callback is the last of the named ones.
struct Call<'a, 'py, const N: usize> {
    named: [Borrowed<'a, 'py, PyAny>; N],
    rest: &'a [Borrowed<'a, 'py, PyAny>],
    context: Option<Borrowed<'a, 'py, PyAny>>,
}

impl<'a, 'py, const N: usize> Call<'a, 'py, N> {
    #[inline(always)]
    fn parse(
        py: Python<'py>,
        function: &str,
        names: [&str; N],
        arguments: Arguments<'a, 'py>,
    ) -> PyResult<Self> {
        let mut context = None;
        let positional = arguments.positional;
        if positional.len() >= N {
            let known = interop(py)?.names.context.as_ptr();
            for (name, value) in arguments.keywords(py) {
                if name.as_ptr() == known || name == "context" {
                    context = Some(value);
                } else {
                    return Err(unexpected(function, &names, &name.to_cow()?));
                }
            }
            let (named, rest) = positional.split_at(N);
            let named = std::array::from_fn(|index| named[index]);
            return Ok(Self { named, rest, context: context.filter(|value| !value.is_none()) });
        }
        Self::parse_by_name(py, function, names, arguments)
    }

    #[cold]
    fn parse_by_name(
        py: Python<'py>,
        function: &str,
        names: [&str; N],
        arguments: Arguments<'a, 'py>,
    ) -> PyResult<Self> {
        let mut named = [None; N];
        for (place, value) in named.iter_mut().zip(arguments.positional) {
            *place = Some(*value);
        }
        let mut context = None;
        for (name, value) in arguments.keywords(py) {
            let name: Borrowed<'_, '_, PyString> = name;
            match names.iter().position(|known| name == *known) {
                Some(index) if named[index].is_none() => named[index] = Some(value),
                None if name == "context" => context = Some(value),
                _ => return Err(unexpected(function, &names, &name.to_cow()?)),
            }
        }
        if let Some(index) = named.iter().position(Option::is_none) {
            let text =
                format!("{function}() missing 1 required positional argument: '{}'", names[index]);
            return Err(PyTypeError::new_err(text));
        }
        let mut all = named.into_iter().flatten();
        let none = interop(py)?.none.bind(py).as_borrowed();
        let named = std::array::from_fn(|_| all.next().unwrap_or(none));
        Ok(Self { named, rest: &[], context: context.filter(|value| !value.is_none()) })
    }

    /// Makes the handle, after the checks of debug mode.
    #[inline]
    fn handle(
        &self,
        this: &Bound<'py, Loop>,
        method: &str,
        when: Option<f64>,
        any_thread: bool,
    ) -> PyResult<HandleRef> {
        let py = this.py();
        let callback = self.named[N - 1];
        let debug = this.get().is_debug();
        if debug {
            cold(py, "check_schedule", (this, callback, method, any_thread))?;
        }
        let context = match self.context {
            Some(context) => Some(Ref::new(&context)),
            None => copy_unless_empty(py)?,
        };
        let handle = make(py, this, Ref::new(&callback), self.rest, context, when)?;
        if debug {
            handle.set_source_traceback(cold(py, "source_traceback", ())?.into());
        }
        Ok(handle)
    }

    #[inline]
    fn schedule_at(&self, this: &Bound<'py, Loop>, when: f64) -> PyResult<Ref> {
        let event_loop = this.get();
        event_loop.ensure_open()?;
        if when.is_nan() {
            return Err(PyValueError::new_err("the time of a callback is not a number (NaN)"));
        }
        let handle = self.handle(this, "call_at", Some(when), false)?;
        let item = Item::Handle(handle.clone());
        let other = event_loop.has_other_clock();
        let deadline = if other { nearest_nanos(when) } else { as_nanos(when) };
        let inserted =
            event_loop.scheduler.with(|scheduler| scheduler.timers.insert(deadline, item));
        match inserted {
            Ok(key) => handle.set_key(key),
            Err(_) => return Err(PyRuntimeError::new_err("too many timers are pending")),
        }
        Ok(handle.into_ref())
    }
}

#[cold]
fn unexpected(function: &str, names: &[&str], name: &str) -> PyErr {
    PyTypeError::new_err(if names.contains(&name) {
        format!("{function}() got multiple values for argument '{name}'")
    } else {
        format!("{function}() got an unexpected keyword argument '{name}'")
    })
}

/// Seconds as nanoseconds, rounded up; what does not fit is the end of time.
fn as_nanos(seconds: f64) -> Nanos {
    (seconds * 1e9).ceil() as Nanos
}

/// The same by a clock of the program's, which may say 0.29 where a sum is 0.29000000000000004:
/// less than a nanosecond is no difference.
fn nearest_nanos(seconds: f64) -> Nanos {
    (seconds * 1e9).round() as Nanos
}

/// As `time.monotonic()` makes a float of nanoseconds.
pub(super) fn as_seconds(nanos: Nanos) -> f64 {
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

    /// A class may have got another clock since the last run; an object's own is told by
    /// `__setattr__`.
    fn look_for_other_clock(&self, this: &Bound<'_, Self>) -> PyResult<()> {
        let py = this.py();
        let interop = interop(py)?;
        let class = Ref::from(this.get_type().into_any());
        let time = attribute(py, &class, &interop.names.time)?;
        if !interop.is_native_time(py, &time)? {
            self.set_other_clock();
        }
        Ok(())
    }

    /// The time in seconds, by the program's clock if it has put one in the place of `time`.
    #[inline]
    pub(super) fn time(&self, py: Python<'_>, this: &Bound<'_, Self>) -> PyResult<f64> {
        if self.has_other_clock() {
            let this = Ref::new(this.as_any());
            let value = call_method(py, &interop(py)?.names.time, [&this])?;
            return value.bind(py).extract();
        }
        Ok(as_seconds(self.read_clock()))
    }

    /// As [`Loop::time`], in nanoseconds.
    pub(super) fn time_nanos(&self, py: Python<'_>, this: &Bound<'_, Self>) -> PyResult<Nanos> {
        if self.has_other_clock() {
            return Ok(nearest_nanos(self.time(py, this)?));
        }
        Ok(self.clock.now())
    }

    /// Queues what other threads have sent so far.
    #[cold]
    pub(super) fn take_arrived(&self) {
        let mut items = Vec::new();
        self.inbox.swap(&mut items);
        self.scheduler.with(|scheduler| scheduler.ready.extend(items.drain(..).map(Ready::Item)));
    }

    /// Sends `item` to the loop from any thread. In the loop's own, and while it does not run, the
    /// item is queued behind what has been scheduled so far, as `call_soon` would.
    ///
    /// # Errors
    /// `RuntimeError` when the loop is closed.
    pub(super) fn send(&self, item: Item) -> PyResult<()> {
        let thread = self.running_thread();
        if thread == 0 || thread == thread_id() {
            self.schedule(item);
            return Ok(());
        }
        match self.inbox.push(item) {
            Ok(Pushed::Seen) => {}
            Ok(Pushed::Wake) => self.with_wakeup(Wakeup::wake),
            Err(_item) => return Err(PyRuntimeError::new_err("Event loop is closed")),
        }
        Ok(())
    }
}
