//! The ways in which a connection ends, and that it ends once.

use aioxide_core::Interest;
use pyo3::exceptions::{PyConnectionError, PyOSError};
use pyo3::prelude::*;

use super::live::Address;
use super::stream::{StreamTransport, attach};
use crate::event_loop::Item;
use crate::ffi::{Ref, attached, call_method};
use crate::handle::make;
use crate::names::{cold, interop};

impl StreamTransport {
    /// `close()`: reads no more, sends what is queued, then loses the connection.
    ///
    /// # Errors
    /// Only what is to end the run of the loop.
    pub(crate) fn close_now(&self, py: Python<'_>, this: &Ref<Self>) -> PyResult<()> {
        if self.state.with(|state| state.closing) {
            return Ok(());
        }
        self.flush(py, this)?;
        if self.state.with(|state| std::mem::replace(&mut state.closing, true)) {
            return Ok(());
        }
        self.want(this, |interest| interest.without(Interest::READ))?;
        if self.state.with(|state| state.queue.is_empty()) {
            self.state.with(|state| state.lost += 1);
            self.want(this, |_| Interest::NONE)?;
            self.schedule_loss(py, this, None)?;
        }
        Ok(())
    }

    /// As [`StreamTransport::force_close`], after what asyncio would have sent by now.
    ///
    /// # Errors
    /// Only what is to end the run of the loop.
    pub(crate) fn kill(
        &self,
        py: Python<'_>,
        this: &Ref<Self>,
        error: Option<PyErr>,
    ) -> PyResult<()> {
        self.flush(py, this)?;
        self.force_close(py, this, error)
    }

    /// Ends the connection without sending what is queued; `error` is for `connection_lost`.
    pub(super) fn force_close(
        &self,
        py: Python<'_>,
        this: &Ref<Self>,
        error: Option<PyErr>,
    ) -> PyResult<()> {
        let taken = self.state.with(|state| {
            if state.lost != 0 {
                return None;
            }
            state.lost += 1;
            state.closing = true;
            Some(state.queue.take())
        });
        if taken.is_none() {
            return Ok(());
        }
        drop(taken);
        self.want(this, |_| Interest::NONE)?;
        self.schedule_loss(py, this, error)
    }

    /// Something failed: tells the exception handler, unless it is what networks do every day, and
    /// ends the connection.
    pub(super) fn fatal_error(
        &self,
        py: Python<'_>,
        this: &Ref<Self>,
        error: PyErr,
        message: &str,
    ) -> PyResult<()> {
        // asyncio would have sent by now what was written before it failed.
        self.flush(py, this)?;
        if let Some(event_loop) = self.event_loop() {
            let value = error.clone_ref(py).into_value(py);
            if !error.is_instance_of::<PyOSError>(py) {
                let protocol = self.state.with(|state| state.protocol.clone());
                let protocol = protocol.map(|protocol| protocol.into_bound(py));
                let arguments = (event_loop.bind(py), message, value, this.bind(py), protocol);
                cold(py, "transport_failed", arguments)?;
            } else if event_loop.is_debug() {
                cold(py, "log_error", (this.bind(py), message, value))?;
            }
        }
        self.force_close(py, this, Some(error))
    }

    /// `connection_lost` in the next turn.
    fn schedule_loss(
        &self,
        py: Python<'_>,
        this: &Ref<Self>,
        error: Option<PyErr>,
    ) -> PyResult<()> {
        let Some(event_loop) = self.event_loop() else { return Ok(()) };
        if event_loop.is_closed() {
            // No turn is to come: the descriptor goes now, and the protocol is not called, as
            // with asyncio, whose `call_soon` raises here.
            self.end(py, this);
            return event_loop.ensure_open();
        }
        let method = this.bind(py).getattr("_call_connection_lost")?.into();
        let error = match error {
            Some(error) => error.into_value(py).into_bound(py).into_any(),
            None => py.None().into_bound(py),
        };
        let context = self.context_of_caller(py)?;
        let arguments = [error.as_borrowed()];
        let handle = make(py, event_loop.bind(py), method, &arguments, Some(context), None)?;
        event_loop.schedule(Item::Handle(handle));
        Ok(())
    }

    /// Calls `connection_lost` and lets go of everything.
    ///
    /// # Errors
    /// What `connection_lost` raises.
    pub(super) fn lose(
        &self,
        py: Python<'_>,
        this: &Ref<Self>,
        error: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let protocol = self.state.with(|state| {
            state.closing = true;
            state.lost = state.lost.max(1);
            state.protocol.clone()
        });
        let interop = interop(py)?;
        let told = match protocol {
            Some(protocol) => {
                let error = error.map_or_else(|| interop.none.clone(), Ref::new);
                let name = &interop.names.connection_lost;
                call_method(py, name, [&protocol, &error]).map(drop)
            }
            None => Ok(()),
        };
        self.end(py, this);
        told
    }

    /// Closes the descriptor and drops what the transport held.
    fn end(&self, py: Python<'_>, this: &Ref<Self>) {
        let unregistered = self.want(this, |_| Interest::NONE);
        debug_assert!(unregistered.is_ok(), "nothing can fail in not being watched");
        self.name_before_end(py);
        let (event_loop, protocol, server, waiter, closing, fd) = self.state.with(|state| {
            (
                state.event_loop.take(),
                state.protocol.take(),
                state.server.take(),
                state.empty_waiter.clone(),
                state.descriptor.take(),
                state.descriptor.number(),
            )
        });
        if let Some(event_loop) = &event_loop {
            event_loop.live.with(|live| live.remove(fd, Address::of(this.as_any())));
        }
        closing.close(py);
        if let Some(server) = server
            && let Err(error) = attach(py, &server, this, "_detach")
        {
            error.write_unraisable(py, Some(server.bind(py)));
        }
        if let Some(waiter) = waiter
            && let Err(error) = fail_waiter(waiter.bind(py))
        {
            error.write_unraisable(py, Some(waiter.bind(py)));
        }
        drop((event_loop, protocol));
    }
}

/// The connection ended before everything was sent that `sendfile` waits for.
fn fail_waiter(waiter: &Bound<'_, PyAny>) -> PyResult<()> {
    if waiter.call_method0("done")?.is_truthy()? {
        return Ok(());
    }
    let error = PyConnectionError::new_err("Connection is closed by peer");
    waiter.call_method1("set_exception", (error.into_value(waiter.py()),)).map(drop)
}

#[pymethods]
impl StreamTransport {
    /// Send what is written, then close. connection_lost(None) follows.
    fn close(this: &Bound<'_, Self>) -> PyResult<()> {
        this.get().close_now(this.py(), &Ref::new(this))
    }

    /// Close now, without sending what is queued. connection_lost(None) follows.
    fn abort(this: &Bound<'_, Self>) -> PyResult<()> {
        let transport = this.get();
        let this_ref = Ref::new(this);
        transport.kill(this.py(), &this_ref, None)
    }

    fn _force_close(this: &Bound<'_, Self>, exc: &Bound<'_, PyAny>) -> PyResult<()> {
        let error = (!exc.is_none()).then(|| PyErr::from_value(exc.clone()));
        this.get().force_close(this.py(), &Ref::new(this), error)
    }

    #[pyo3(signature = (exc, message="Fatal error on transport"))]
    fn _fatal_error(this: &Bound<'_, Self>, exc: &Bound<'_, PyAny>, message: &str) -> PyResult<()> {
        let error = PyErr::from_value(exc.clone());
        this.get().fatal_error(this.py(), &Ref::new(this), error, message)
    }

    fn _call_connection_lost(this: &Bound<'_, Self>, exc: &Bound<'_, PyAny>) -> PyResult<()> {
        let error = (!exc.is_none()).then_some(exc);
        this.get().lose(this.py(), &Ref::new(this), error)
    }
}

impl Drop for StreamTransport {
    /// Nobody closed it: says so, and closes the descriptor.
    fn drop(&mut self) {
        let (closing, fd, (open, quiet), event_loop, extra) = self.state.with(|state| {
            let open = !state.descriptor.is_closed();
            let fd = state.descriptor.number();
            let event_loop = state.event_loop.take();
            (state.descriptor.take(), fd, (open, state.quiet), event_loop, state.extra.clone())
        });
        if !open {
            return;
        }
        let py = attached();
        let pending = PyErr::take(py);
        if let Some(event_loop) = &event_loop {
            event_loop.live.with(|live| live.forget(fd));
        }
        // The transport itself cannot be given to the warning any more, but what was made with it
        // can: tracemalloc knows where.
        if !quiet {
            let text = format!("unclosed transport <StreamTransport fd={fd}>");
            if let Err(error) = cold(py, "unclosed", ("StreamTransport", text, extra.bind(py))) {
                error.write_unraisable(py, None);
            }
        }
        closing.close(py);
        drop(event_loop);
        if let Some(error) = pending {
            error.restore(py);
        }
    }
}
