//! `HostLimiter`: aioxide-http's limiter with Python's futures and the loop's timers.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::time::Duration;

use aioxide_http::rate::{LimitError, Limiter, Permit, Rate, Settings, Turn, WaiterId};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use pyo3::{PyTraverseError, PyVisit};

use crate::cell::LoopCell;
use crate::event_loop::Loop;
use crate::ffi::{Ref, attached, call_method};
use crate::names::interop;

#[derive(Debug)]
struct State {
    limiter: Limiter,
    /// The futures of those that wait.
    waiting: HashMap<WaiterId, Ref>,
    /// The timer that lets the next one go, and when, in the loop's time.
    timer: Option<(Ref, f64)>,
}

/// How often and how many at a time a host is asked.
#[pyclass(frozen, weakref, module = "aioxide._aioxide")]
#[derive(Debug)]
pub(crate) struct HostLimiter {
    event_loop: Ref<Loop>,
    state: LoopCell<State>,
}

/// A request that was let through. It counts as under way until it is released or dropped.
#[pyclass(frozen, module = "aioxide._aioxide")]
#[derive(Debug)]
pub(crate) struct HostPermit {
    limiter: Ref<HostLimiter>,
    permit: LoopCell<Option<Permit>>,
}

/// A request that waits for its turn. One that is dropped leaves the queue.
#[pyclass(frozen, module = "aioxide._aioxide")]
#[derive(Debug)]
pub(crate) struct HostWaiter {
    limiter: Ref<HostLimiter>,
    id: LoopCell<Option<WaiterId>>,
    #[pyo3(get)]
    future: Py<PyAny>,
}

fn duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

fn count(name: &str, value: u32) -> PyResult<NonZeroU32> {
    NonZeroU32::new(value).ok_or_else(|| PyValueError::new_err(format!("{name} must be 1 or more")))
}

fn refused(error: LimitError) -> PyErr {
    PyRuntimeError::new_err(error.to_string())
}

impl HostLimiter {
    fn now(&self, py: Python<'_>) -> PyResult<f64> {
        self.event_loop.bind(py).call_method0("time")?.extract()
    }

    /// Tells those whose turn has come, and sees to it that the next is told in time.
    fn settle(this: &Bound<'_, Self>) -> PyResult<()> {
        let py = this.py();
        let limiter = this.get();
        if limiter.state.with(|state| state.limiter.waiting()) == 0 {
            return Ok(());
        }
        let now = duration(limiter.now(py)?);
        loop {
            let woken = limiter.state.with(|state| {
                let id = state.limiter.poll_woken(now)?;
                Some(state.waiting.get(&id).cloned())
            });
            let Some(future) = woken else { break };
            let Some(future) = future else { continue };
            let interop = interop(py)?;
            // One that was cancelled has left the queue, or is about to.
            let told = call_method(py, &interop.names.set_result, [&future, &interop.none]);
            if let Err(error) = told
                && !future.bind(py).call_method0("done")?.is_truthy()?
            {
                return Err(error);
            }
        }
        let next = limiter.state.with(|state| {
            let at = state.limiter.next_at()?.as_secs_f64();
            state.timer.as_ref().is_none_or(|(_, when)| *when > at).then_some(at)
        });
        let Some(at) = next else { return Ok(()) };
        let method = this.getattr("_due")?;
        let timer = Ref::from(limiter.event_loop.bind(py).call_method1("call_at", (at, method))?);
        match limiter.state.with(|state| state.timer.replace((timer, at))) {
            Some((old, _)) => old.bind(py).call_method0("cancel").map(drop),
            None => Ok(()),
        }
    }

    fn outcome<'py>(this: &Bound<'py, Self>, turn: Turn) -> PyResult<Bound<'py, PyAny>> {
        let py = this.py();
        let limiter = Ref::new(this);
        match turn {
            Turn::Go(permit) => {
                let permit = HostPermit { limiter, permit: LoopCell::new(Some(permit)) };
                Ok(Bound::new(py, permit)?.into_any())
            }
            Turn::Wait(id) => {
                let future = Loop::create_future(limiter.event_loop.bind(py))?;
                let kept = Ref::new(&future);
                let old = limiter.state.with(|state| state.waiting.insert(id, kept));
                drop(old);
                Self::settle(this)?;
                let waiter =
                    HostWaiter { limiter, id: LoopCell::new(Some(id)), future: future.unbind() };
                Ok(Bound::new(py, waiter)?.into_any())
            }
        }
    }
}

#[pymethods]
impl HostLimiter {
    /// requests in each `per` seconds, None for any number; `burst` of them at once; with strict in
    /// no interval more. concurrency and max_waiting: 0 for any number.
    ///
    /// Raises ValueError for a setting that makes no sense.
    #[new]
    #[pyo3(signature = (event_loop, *, requests, per, burst, strict, concurrency, max_waiting))]
    fn new(
        event_loop: &Bound<'_, Loop>,
        requests: Option<u32>,
        per: f64,
        burst: u32,
        strict: bool,
        concurrency: usize,
        max_waiting: usize,
    ) -> PyResult<Self> {
        let interval = Duration::try_from_secs_f64(per)
            .ok()
            .filter(|interval| !interval.is_zero())
            .ok_or_else(|| PyValueError::new_err("per must be a number of seconds above 0"))?;
        let rate = requests
            .map(|requests| {
                let limit = count("requests", requests)?;
                Ok::<_, PyErr>(Rate { limit, interval, burst: count("burst", burst)?, strict })
            })
            .transpose()?;
        let settings = Settings { rate, concurrency, max_waiters: max_waiting };
        let state = State { limiter: Limiter::new(settings), waiting: HashMap::new(), timer: None };
        Ok(Self { event_loop: Ref::new(event_loop), state: LoopCell::new(state) })
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(self.event_loop.as_py())?;
        let visited = self.state.try_with(|state| {
            let timer = state.timer.as_ref().map(|(timer, _)| timer);
            state.waiting.values().chain(timer).try_for_each(|object| visit.call(object.as_py()))
        });
        visited.unwrap_or(Ok(()))
    }

    fn __clear__(&self) {
        let taken =
            self.state.with(|state| (std::mem::take(&mut state.waiting), state.timer.take()));
        drop(taken);
    }

    /// A HostPermit, or a HostWaiter for one. now is the loop's time.
    ///
    /// Raises RuntimeError when too many wait.
    fn acquire<'py>(this: &Bound<'py, Self>, now: f64) -> PyResult<Bound<'py, PyAny>> {
        let turn = this.get().state.with(|state| state.limiter.acquire(duration(now)));
        Self::outcome(this, turn.map_err(refused)?)
    }

    /// A HostPermit for a waiter whose future is done; a waiter again if it is not its turn.
    fn claim<'py>(
        this: &Bound<'py, Self>,
        waiter: &Bound<'py, HostWaiter>,
        now: f64,
    ) -> PyResult<Bound<'py, PyAny>> {
        let Some(id) = waiter.get().id.with(Option::take) else {
            return Err(refused(LimitError::NotWaiting));
        };
        let (turn, future) = this
            .get()
            .state
            .with(|state| (state.limiter.claim(id, duration(now)), state.waiting.remove(&id)));
        drop(future);
        let outcome = Self::outcome(this, turn.map_err(refused)?)?;
        // From now on the turn of the next can be told.
        Self::settle(this)?;
        Ok(outcome)
    }

    fn _due(this: &Bound<'_, Self>) -> PyResult<()> {
        let old = this.get().state.with(|state| state.timer.take());
        drop(old);
        Self::settle(this)
    }

    /// Cancel those who wait.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let (waiting, timer) =
            self.state.with(|state| (std::mem::take(&mut state.waiting), state.timer.take()));
        if let Some((timer, _)) = timer {
            timer.bind(py).call_method0("cancel")?;
        }
        for future in waiting.into_values() {
            future.bind(py).call_method0("cancel")?;
        }
        Ok(())
    }

    /// Numbers: requests under way, and those that wait.
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let (active, waiting) =
            self.state.with(|state| (state.limiter.active(), state.limiter.waiting()));
        let dict = PyDict::new(py);
        dict.set_item("active", active)?;
        dict.set_item("waiting", waiting)?;
        Ok(dict)
    }
}

#[pymethods]
impl HostPermit {
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(self.limiter.as_py())
    }

    /// The request has ended.
    fn release(&self, py: Python<'_>) -> PyResult<()> {
        let Some(permit) = self.permit.with(Option::take) else { return Ok(()) };
        self.limiter.state.with(|state| state.limiter.release(permit));
        HostLimiter::settle(self.limiter.bind(py))
    }
}

impl Drop for HostPermit {
    fn drop(&mut self) {
        quietly(|py| self.release(py));
    }
}

#[pymethods]
impl HostWaiter {
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(self.limiter.as_py())?;
        visit.call(&self.future)
    }

    /// Leave the queue. A turn that was given already goes to the next.
    fn cancel(&self, py: Python<'_>) -> PyResult<()> {
        let Some(id) = self.id.with(Option::take) else { return Ok(()) };
        let future = self.limiter.state.with(|state| {
            state.limiter.cancel_wait(id);
            state.waiting.remove(&id)
        });
        drop(future);
        HostLimiter::settle(self.limiter.bind(py))
    }
}

impl Drop for HostWaiter {
    fn drop(&mut self) {
        quietly(|py| self.cancel(py));
    }
}

/// Does what an object does at its end, and leaves the exception alone that may be under way.
fn quietly(end: impl FnOnce(Python<'_>) -> PyResult<()>) {
    let py = attached();
    let pending = PyErr::take(py);
    if let Err(error) = end(py) {
        error.write_unraisable(py, None);
    }
    if let Some(error) = pending {
        error.restore(py);
    }
}
