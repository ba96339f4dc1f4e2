//! How an `HttpConnection` is connected natively: to one of several addresses, as RFC 8305 has it.
//!
//! ```text
//!   dial() ──► at an address ─┬─ connected ──► a StreamTransport ─[TLS]─► what waits is sent
//!                   ▲         ├─ refused ────► the next address; after the last: failed
//!                   └─────────┴─ `delay` over: the next one beside it
//! ```
//!
//! Sockets that are on their way belong to the dial, which drops them when the connection is
//! closed: nobody else has them, so nobody can lose them. With TLS, it lasts until hands are shaken.

use std::net::SocketAddr;

use aioxide_core::{Interest, Token};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyList;

use super::attempt::{Attempt, addresses_of, outcome};
use super::connection::{HttpConnection, Phase};
use super::deliver::refuse;
use super::error::failure;
use crate::event_loop::Loop;
use crate::ffi::{Ref, copy_context};
use crate::handle::ends_run;
use crate::tls::TlsProtocol;

/// One that was tried in vain: which, the error's number, and whether the kernel knew at once.
pub(super) type Refused = (usize, i32, bool);

/// Until when there is to be a connection, in the loop's time; whose limit that is, and of how many
/// seconds.
#[derive(Debug)]
struct Limit {
    when: f64,
    name: String,
    seconds: f64,
}

/// What is under way.
#[derive(Debug)]
pub(super) struct Dial {
    pub(super) addresses: Vec<SocketAddr>,
    /// How many of them were tried.
    pub(super) tried: usize,
    pub(super) attempts: Vec<Attempt>,
    pub(super) refused: Vec<Refused>,
    /// Seconds after which the next address is tried beside those that are.
    pub(super) delay: Option<f64>,
    /// The timer of that.
    pub(super) stagger: Option<Ref>,
    limit: Option<Limit>,
    /// The caller's: what the transport's callbacks run in.
    pub(super) context: Ref,
    /// Who awaits the connection.
    pub(super) waiter: Option<Ref>,
    /// What encrypts it.
    pub(super) tls: Option<Ref<TlsProtocol>>,
    /// A socket is connected, and hands are being shaken.
    pub(super) shaking: bool,
}

impl Dial {
    pub(super) fn limit(&self) -> Option<f64> {
        self.limit.as_ref().map(|limit| limit.when)
    }

    /// The objects that are held, for the collector.
    pub(super) fn references(&self) -> impl Iterator<Item = &Ref> {
        let tls = self.tls.as_ref().map(Ref::as_any);
        [Some(&self.context), self.stagger.as_ref(), self.waiter.as_ref(), tls]
            .into_iter()
            .flatten()
    }

    fn has_failed(&self) -> bool {
        self.attempts.is_empty() && self.tried == self.addresses.len() && !self.shaking
    }
}

impl HttpConnection {
    /// A socket has something to say. Without an error that is: connected.
    ///
    /// # Errors
    /// Only what is to end the run of the loop.
    pub(crate) fn dial_ready(
        &self,
        py: Python<'_>,
        this: &Ref<Self>,
        token: Token,
        ready: Interest,
    ) -> PyResult<()> {
        let found = self.state.with(|state| {
            let dial = state.dial.as_ref()?;
            let index = dial.attempts.iter().position(|attempt| attempt.token == token)?;
            // Only an error or a hang-up makes it readable, which nobody has asked for.
            let error =
                if ready.readable { outcome(&dial.attempts[index].descriptor) } else { Some(0) };
            Some((index, error))
        });
        let result = match found {
            None | Some((_, None)) => Ok(()),
            Some((index, Some(0))) => self.come_through(py, this, index),
            Some((index, Some(error))) => self.attempt_failed(py, this, index, error),
        };
        match result {
            Err(error) if !ends_run(py, &error) => self.fail_dial(py, None, value_of(py, error)),
            result => result,
        }
    }

    /// Fails if there is nothing left to try or to wait for.
    pub(super) fn see_whether_failed(&self, py: Python<'_>) -> PyResult<()> {
        let refused = self.state.with(|state| {
            let dial = state.dial.as_mut().filter(|dial| dial.has_failed())?;
            Some(std::mem::take(&mut dial.refused))
        });
        match refused {
            Some(refused) => {
                let exception = failure(py, "not_connected", (refused,))?;
                self.fail_dial(py, None, exception)
            }
            None => Ok(()),
        }
    }

    /// The time for connecting is over.
    ///
    /// # Errors
    /// What telling those who wait raises.
    pub(super) fn dial_over(&self, py: Python<'_>) -> PyResult<()> {
        let limit = self.state.with(|state| state.dial.as_mut()?.limit.take());
        let Some(limit) = limit else { return Ok(()) };
        let exception = failure(py, "limit_over", (limit.name, limit.seconds))?;
        self.fail_dial(py, None, exception)
    }

    /// The program closes the connection that is not there yet.
    ///
    /// # Errors
    /// What telling those who wait raises.
    pub(super) fn dial_closed(&self, py: Python<'_>) -> PyResult<()> {
        let exception = failure(py, "closed_while_connecting", ())?;
        self.fail_dial(py, None, exception)
    }

    /// There will be no connection. Those who wait are told, `waiter` among them.
    pub(super) fn fail_dial(
        &self,
        py: Python<'_>,
        waiter: Option<Ref>,
        exception: Ref,
    ) -> PyResult<()> {
        let (exchange, waiter) = self.state.with(|state| {
            state.phase = Phase::Closed;
            state.reusable = false;
            let known = state.dial.as_mut().and_then(|dial| dial.waiter.take());
            (state.exchange.take(), waiter.or(known))
        });
        self.stop_dialling(py)?;
        if let Some(waiter) = waiter {
            refuse(py, &waiter, &exception)?;
        }
        match exchange {
            Some(exchange) => exchange.fail(py, exception),
            None => Ok(()),
        }
    }

    /// Dials no more, if it did. Whoever awaits the connection has given up.
    ///
    /// # Errors
    /// What cancelling a timer raises.
    pub(super) fn stop_dialling(&self, py: Python<'_>) -> PyResult<()> {
        let taken = self.state.with(|state| {
            let dial = state.dial.take()?;
            Some((dial, state.timer.take(), std::mem::take(&mut state.first)))
        });
        let Some((dial, timer, first)) = taken else { return Ok(()) };
        let Dial { attempts, stagger, waiter, context, tls, shaking, .. } = *dial;
        self.event_loop.end_attempts(attempts);
        drop((first, waiter, context));
        if let Some(upper) = tls.and_then(|tls| tls.upper()) {
            // As whoever awaits the handshake does. Without a connection nothing is to be ended.
            let how = if shaking { "close" } else { "abort" };
            upper.bind(py).call_method0(how)?;
        }
        for timer in timer.map(|(timer, _)| timer).into_iter().chain(stagger) {
            timer.bind(py).call_method0("cancel")?;
        }
        Ok(())
    }

    /// The loop is closed: it has taken the sockets out already.
    pub(crate) fn undialled(&self) {
        let dial = self.state.with(|state| state.dial.take());
        drop(dial);
    }
}

/// The exception itself.
pub(super) fn value_of(py: Python<'_>, error: PyErr) -> Ref {
    error.into_value(py).into_bound(py).into_any().into()
}

#[pymethods]
impl HttpConnection {
    /// Begin to connect to one of several addresses, as getaddrinfo() gives them. Each is tried
    /// when those before have failed, or `delay` seconds after the one before; `limit` is until
    /// when, in the loop's time, whose limit that is, and of how many seconds.
    ///
    /// What begin() is given is sent when there is a connection. With `tls`, a protocol for this
    /// one, there is one when its handshake is done, which the waiter of that protocol tells.
    /// Returns False, and does nothing, for addresses that are not plain. Raises RuntimeError when
    /// it was dialled or connected before.
    #[pyo3(signature = (addresses, delay=None, limit=None, tls=None))]
    fn dial(
        this: &Bound<'_, Self>,
        addresses: &Bound<'_, PyList>,
        delay: Option<f64>,
        limit: Option<(f64, String, f64)>,
        tls: Option<&Bound<'_, TlsProtocol>>,
    ) -> PyResult<bool> {
        let (py, connection) = (this.py(), this.get());
        connection.event_loop.ensure_open()?;
        let Some(addresses) = addresses_of(addresses).filter(|found| !found.is_empty()) else {
            return Ok(false);
        };
        let limit = limit.map(|(when, name, seconds)| Limit { when, name, seconds });
        let until = limit.as_ref().map(|limit| limit.when);
        let dial = Box::new(Dial {
            addresses,
            tried: 0,
            attempts: Vec::new(),
            refused: Vec::new(),
            delay,
            stagger: None,
            limit,
            context: copy_context(py)?,
            waiter: None,
            tls: tls.map(Ref::new),
            shaking: false,
        });
        let refused = connection.state.with(|state| {
            if state.phase != Phase::New || state.dial.is_some() {
                return Some(dial);
            }
            state.dial = Some(dial);
            None
        });
        if refused.is_some() {
            return Err(PyRuntimeError::new_err("the connection was dialled before"));
        }
        let kept = Ref::new(this);
        connection.dial_next(py, &kept)?;
        if connection.state.with(|state| state.dial.as_ref().is_some_and(|dial| dial.has_failed()))
        {
            // Whoever is to be told comes after this.
            let method = this.getattr("_dial_failed")?;
            connection.event_loop.bind(py).call_method1("call_soon", (method,))?;
        } else if let Some(until) = until {
            connection.watch_deadline(py, &kept, until)?;
        }
        Ok(true)
    }

    /// A future of the transport of the socket that is connected first, which has the exception if
    /// none will be; None when one is.
    fn dial_waiter<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        if self.state.with(|state| state.dial.is_none()) {
            return Ok(None);
        }
        let future = Loop::create_future(self.event_loop.bind(py))?;
        let waiter = Ref::new(&future);
        let old = self.state.with(|state| state.dial.as_mut()?.waiter.replace(waiter));
        drop(old);
        Ok(Some(future))
    }

    fn _dial_next(this: &Bound<'_, Self>) -> PyResult<()> {
        let (py, connection) = (this.py(), this.get());
        connection.dial_next(py, &Ref::new(this))?;
        connection.see_whether_failed(py)
    }

    /// To be called when the waiter of a `tls` is done: a failure is the exchange's.
    #[pyo3(signature = (waiter, /))]
    fn _handshake_ended(&self, py: Python<'_>, waiter: &Bound<'_, PyAny>) -> PyResult<()> {
        if waiter.call_method0("cancelled")?.is_truthy()? {
            return Ok(());
        }
        let exception = waiter.call_method0("exception")?;
        if exception.is_none() || self.state.with(|state| state.dial.is_none()) {
            return Ok(());
        }
        self.fail_dial(py, None, Ref::from(exception))
    }

    fn _dial_failed(&self, py: Python<'_>) -> PyResult<()> {
        self.see_whether_failed(py)
    }
}
