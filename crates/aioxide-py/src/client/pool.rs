//! `ConnectionPool`: aioxide-http's pool with Python's connections and futures.
//!
//! Keys are numbers here: the connector has a number for each `ConnectionKey`, because comparing
//! those is a call of Python.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use aioxide_http::pool::{AcquireError, Acquired, IdleId, Lease, Pool, Settings, WaiterId};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use pyo3::{PyTraverseError, PyVisit};

use super::connection::HttpConnection;
use crate::cell::LoopCell;
use crate::event_loop::Loop;
use crate::ffi::{Ref, attached, call_method};
use crate::names::interop;

type Key = u64;
type Connections = Pool<Key, Ref<HttpConnection>>;

#[derive(Debug)]
struct State {
    pool: Connections,
    /// The futures of those that wait.
    waiting: HashMap<WaiterId, Ref>,
}

/// The place that a connection has in a pool while it is idle. The pool holds the connection, so
/// the connection knows the pool weakly.
#[derive(Clone, Debug)]
pub(super) struct Home {
    pool: Weak<LoopCell<State>>,
    /// `None` before its first request has ended. One that is in use again is stale, and names
    /// nothing.
    id: Option<IdleId>,
}

impl Home {
    /// The connection has ended: an idle one leaves the pool, and its descriptor is somebody
    /// else's.
    pub(super) fn leave(self, py: Python<'_>) -> PyResult<()> {
        let (Some(pool), Some(id)) = (self.pool.upgrade(), self.id) else { return Ok(()) };
        let Some(connection) = pool.with(|state| state.pool.remove_idle(id)) else {
            return Ok(());
        };
        drop(connection);
        settle(&pool, py)
    }
}

/// The connections that a connector keeps, and who waits for one.
#[pyclass(frozen, weakref, module = "aioxide._aioxide")]
#[derive(Debug)]
pub(crate) struct ConnectionPool {
    event_loop: Ref<Loop>,
    state: Arc<LoopCell<State>>,
}

/// The right to one connection, and the connection once it is there.
///
/// One that is dropped gives its place back, and closes its connection.
#[pyclass(frozen, weakref, module = "aioxide._aioxide")]
#[derive(Debug)]
pub(crate) struct Slot {
    pool: Ref<ConnectionPool>,
    state: LoopCell<Held>,
}

#[derive(Debug)]
struct Held {
    lease: Option<Lease>,
    connection: Option<Ref<HttpConnection>>,
}

/// A place in the queue for a connection. One that is dropped leaves the queue.
#[pyclass(frozen, module = "aioxide._aioxide")]
#[derive(Debug)]
pub(crate) struct PoolWaiter {
    pool: Ref<ConnectionPool>,
    id: LoopCell<Option<WaiterId>>,
    #[pyo3(get)]
    future: Py<PyAny>,
}

fn duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

fn refused(error: AcquireError) -> PyErr {
    PyRuntimeError::new_err(match error {
        AcquireError::Closed => "Connector is closed.".to_owned(),
        error => error.to_string(),
    })
}

/// Tells whoever got a place, and closes what is not kept.
fn settle(pool: &LoopCell<State>, py: Python<'_>) -> PyResult<()> {
    loop {
        let (woken, closing) = pool.with(|state| {
            let woken = state.pool.poll_woken().map(|id| state.waiting.get(&id).cloned());
            (woken, state.pool.poll_closing())
        });
        if woken.is_none() && closing.is_none() {
            return Ok(());
        }
        if let Some(future) = woken.flatten() {
            let interop = interop(py)?;
            // One that was cancelled has left the queue, or is about to.
            let told = call_method(py, &interop.names.set_result, [&future, &interop.none]);
            if let Err(error) = told
                && !future.bind(py).call_method0("done")?.is_truthy()?
            {
                return Err(error);
            }
        }
        if let Some(connection) = closing {
            connection.shut(py, None)?;
        }
    }
}

impl HttpConnection {
    fn set_home(&self, home: Home) {
        let old = self.state.with(|state| state.home.replace(home));
        drop(old);
    }

    fn set_idle(&self, id: Option<IdleId>) {
        self.state.with(|state| {
            if let Some(home) = &mut state.home {
                home.id = id;
            }
        });
    }
}

impl ConnectionPool {
    fn settle(&self, py: Python<'_>) -> PyResult<()> {
        settle(&self.state, py)
    }

    fn outcome<'py>(
        this: &Bound<'py, Self>,
        acquired: Acquired<Ref<HttpConnection>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = this.py();
        let pool = Ref::new(this);
        pool.settle(py)?;
        let (lease, connection) = match acquired {
            Acquired::Idle(connection, lease) => (lease, Some(connection)),
            Acquired::Connect(lease) => (lease, None),
            Acquired::Wait(id) => {
                let future = Loop::create_future(pool.event_loop.bind(py))?;
                let kept = Ref::new(&future);
                let old = pool.state.with(|state| state.waiting.insert(id, kept));
                drop(old);
                let waiter =
                    PoolWaiter { pool, id: LoopCell::new(Some(id)), future: future.unbind() };
                return Ok(Bound::new(py, waiter)?.into_any());
            }
        };
        let held = Held { lease: Some(lease), connection };
        Ok(Bound::new(py, Slot { pool, state: LoopCell::new(held) })?.into_any())
    }
}

#[pymethods]
impl ConnectionPool {
    #[new]
    #[pyo3(signature = (event_loop, limit, limit_per_host, keepalive_timeout, force_close))]
    fn new(
        event_loop: &Bound<'_, Loop>,
        limit: usize,
        limit_per_host: usize,
        keepalive_timeout: Option<f64>,
        force_close: bool,
    ) -> Self {
        let settings = Settings {
            limit,
            limit_per_host,
            keepalive_timeout: keepalive_timeout.map(duration),
            force_close,
            ..Settings::default()
        };
        let state = State { pool: Pool::new(settings), waiting: HashMap::new() };
        Self { event_loop: Ref::new(event_loop), state: Arc::new(LoopCell::new(state)) }
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(self.event_loop.as_py())?;
        let visited = self.state.try_with(|state| {
            state.waiting.values().try_for_each(|future| visit.call(future.as_py()))
        });
        visited.unwrap_or(Ok(()))
    }

    /// A Slot, or a PoolWaiter for one. now is the loop's time.
    ///
    /// Raises RuntimeError when the pool is closed.
    fn acquire<'py>(this: &Bound<'py, Self>, key: Key, now: f64) -> PyResult<Bound<'py, PyAny>> {
        let acquired = this.get().state.with(|state| {
            state.pool.acquire(&key, duration(now), |connection| connection.is_alive())
        });
        Self::outcome(this, acquired.map_err(refused)?)
    }

    /// A Slot with an idle connection, or None: nothing waits and nothing is to be connected then.
    fn take_idle<'py>(
        this: &Bound<'py, Self>,
        key: Key,
        now: f64,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let acquired = this.get().state.with(|state| {
            state.pool.acquire_idle(&key, duration(now), |connection| connection.is_alive())
        });
        match acquired {
            Some((connection, lease)) => {
                Self::outcome(this, Acquired::Idle(connection, lease)).map(Some)
            }
            None => {
                this.get().settle(this.py())?;
                Ok(None)
            }
        }
    }

    /// A Slot to open a connection with, or None where that is to wait, or the pool is closed.
    fn take_new<'py>(this: &Bound<'py, Self>, key: Key) -> PyResult<Option<Bound<'py, PyAny>>> {
        let lease = this.get().state.with(|state| state.pool.acquire_new(&key));
        lease.map(|lease| Self::outcome(this, Acquired::Connect(lease))).transpose()
    }

    /// A Slot for a waiter that was woken; the waiter again if it was not.
    fn claim<'py>(
        this: &Bound<'py, Self>,
        waiter: &Bound<'py, PoolWaiter>,
        now: f64,
    ) -> PyResult<Bound<'py, PyAny>> {
        let pool = this.get();
        let Some(id) = waiter.get().id.with(|id| *id) else {
            return Err(refused(AcquireError::NotWaiting));
        };
        let (acquired, future) = pool.state.with(|state| {
            let acquired = state.pool.claim(id, duration(now), |connection| connection.is_alive());
            (acquired, state.waiting.remove(&id))
        });
        drop(future);
        let acquired = acquired.map_err(refused)?;
        waiter.get().id.with(|id| *id = None);
        Self::outcome(this, acquired)
    }

    /// When the next idle connection is to be closed, in the loop's time; None for never.
    fn next_expiry(&self) -> Option<f64> {
        self.state.with(|state| state.pool.next_expiry()).map(|at| at.as_secs_f64())
    }

    /// Close what has been idle for too long.
    fn expire(&self, py: Python<'_>, now: f64) -> PyResult<()> {
        let expired = self.state.with(|state| state.pool.take_expired(duration(now)));
        for connection in expired {
            connection.shut(py, None)?;
        }
        self.settle(py)
    }

    /// Refuse requests from now on. The idle connections, which the caller closes; those who wait
    /// are cancelled.
    fn close<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let (closed, waiting) =
            self.state.with(|state| (state.pool.close(), std::mem::take(&mut state.waiting)));
        for future in waiting.into_values() {
            future.bind(py).call_method0("cancel")?;
        }
        let idle = PyList::empty(py);
        for connection in closed.idle {
            idle.append(connection.bind(py))?;
        }
        self.settle(py)?;
        Ok(idle)
    }

    /// Change how many connections may be open, in use or idle; 0 for any number.
    fn set_max_descriptors(&self, py: Python<'_>, count: usize) -> PyResult<()> {
        self.state.with(|state| state.pool.set_max_descriptors(count));
        self.settle(py)
    }

    /// Numbers: what is idle, leased, waiting, and what was done so far.
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let stats = self.state.with(|state| state.pool.stats());
        let dict = PyDict::new(py);
        dict.set_item("idle", stats.idle)?;
        dict.set_item("leased", stats.leased)?;
        dict.set_item("woken", stats.woken)?;
        dict.set_item("waiting", stats.waiting)?;
        dict.set_item("reused", stats.reused)?;
        dict.set_item("connects", stats.connects)?;
        dict.set_item("expired", stats.expired)?;
        dict.set_item("dead", stats.dead)?;
        dict.set_item("evicted", stats.evicted)?;
        Ok(dict)
    }

    /// The idle connections of a key, the next to be used first.
    fn idle<'py>(&self, py: Python<'py>, key: Key) -> PyResult<Bound<'py, PyList>> {
        let idle: Vec<Ref<HttpConnection>> =
            self.state.with(|state| state.pool.idle(&key).cloned().collect());
        PyList::new(py, idle.into_iter().map(|connection| connection.into_bound(py)))
    }

    /// The keys that have connections, or requests that wait.
    fn keys(&self) -> Vec<Key> {
        self.state.with(|state| state.pool.keys().map(|(key, _)| *key).collect())
    }
}

#[pymethods]
impl Slot {
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(self.pool.as_py())?;
        let visited = self.state.try_with(|held| match &held.connection {
            Some(connection) => visit.call(connection.as_py()),
            None => Ok(()),
        });
        visited.unwrap_or(Ok(()))
    }

    /// The connection, None while it is to be made, and after the slot was given back.
    #[getter]
    fn connection<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        let connection = self.state.with(|held| held.connection.clone());
        connection.map(|connection| connection.into_bound(py))
    }

    /// The connection is made.
    fn adopt(&self, connection: &Bound<'_, HttpConnection>) {
        let home = Home { pool: Arc::downgrade(&self.pool.state), id: None };
        connection.get().set_home(home);
        let connection = Ref::new(connection);
        let old = self.state.with(|held| held.connection.replace(connection));
        drop(old);
    }

    /// Give the slot back, with its connection, which is kept if it can be used again.
    fn release(&self, py: Python<'_>, now: f64) -> PyResult<()> {
        let (lease, connection) =
            self.state.with(|held| (held.lease.take(), held.connection.take()));
        let Some(lease) = lease else { return Ok(()) };
        match connection {
            Some(connection) => {
                let reusable = connection.is_reusable();
                let kept = connection.clone();
                let id = self
                    .pool
                    .state
                    .with(|state| state.pool.release(lease, connection, reusable, duration(now)));
                kept.set_idle(id);
            }
            None => self.pool.state.with(|state| state.pool.discard(lease)),
        }
        self.pool.settle(py)
    }

    /// Give the slot back; the connection is the caller's to close.
    fn discard(&self, py: Python<'_>) -> PyResult<()> {
        let (lease, connection) =
            self.state.with(|held| (held.lease.take(), held.connection.take()));
        drop(connection);
        let Some(lease) = lease else { return Ok(()) };
        self.pool.state.with(|state| state.pool.discard(lease));
        self.pool.settle(py)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let (lease, connection) =
            self.state.with(|held| (held.lease.take(), held.connection.take()));
        let Some(lease) = lease else { return };
        let py = attached();
        let pending = PyErr::take(py);
        self.pool.state.with(|state| state.pool.discard(lease));
        let closed = connection.map_or(Ok(()), |connection| connection.shut(py, None));
        let settled = self.pool.settle(py);
        if let Err(error) = closed.and(settled) {
            error.write_unraisable(py, None);
        }
        if let Some(error) = pending {
            error.restore(py);
        }
    }
}

#[pymethods]
impl PoolWaiter {
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(self.pool.as_py())?;
        visit.call(&self.future)
    }

    /// Leave the queue. A place that was given already goes to the next.
    fn cancel(&self, py: Python<'_>) -> PyResult<()> {
        let Some(id) = self.id.with(Option::take) else { return Ok(()) };
        let future = self.pool.state.with(|state| {
            state.pool.cancel_wait(id);
            state.waiting.remove(&id)
        });
        drop(future);
        self.pool.settle(py)
    }
}

impl Drop for PoolWaiter {
    fn drop(&mut self) {
        let py = attached();
        let pending = PyErr::take(py);
        if let Err(error) = self.cancel(py) {
            error.write_unraisable(py, None);
        }
        if let Some(error) = pending {
            error.restore(py);
        }
    }
}
