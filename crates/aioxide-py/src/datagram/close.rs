//! The ways in which an endpoint ends, and that it ends once.

use aioxide_core::Interest;
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;

use super::book::AddressBook;
use super::transport::DatagramTransport;
use crate::event_loop::{Item, Loop};
use crate::ffi::{Ref, attached, call_method, copy_context};
use crate::handle::make;
use crate::names::{cold, interop};
use crate::transport::Address;

impl DatagramTransport {
    /// `close()`: reads no more, sends what is queued, then ends.
    fn close_now(&self, py: Python<'_>, this: &Ref<Self>) -> PyResult<()> {
        if self.state.with(|state| state.closing) {
            return Ok(());
        }
        self.flush(py, this)?;
        let pending = self.state.with(|state| {
            let first = !std::mem::replace(&mut state.closing, true);
            first.then(|| std::mem::take(&mut state.pending))
        });
        if pending.is_none() {
            return Ok(());
        }
        drop(pending);
        self.want(this, |interest| interest.without(Interest::READ))?;
        if self.state.with(|state| state.outbox.is_empty()) {
            self.state.with(|state| state.lost += 1);
            self.want(this, |_| Interest::NONE)?;
            self.schedule_loss(py, this, None)?;
        }
        Ok(())
    }

    /// Ends without sending what is queued; `error` is for `connection_lost`.
    fn force_close(&self, py: Python<'_>, this: &Ref<Self>, error: Option<PyErr>) -> PyResult<()> {
        let taken = self.state.with(|state| {
            if state.lost != 0 {
                return None;
            }
            state.lost += 1;
            state.closing = true;
            Some((std::mem::take(&mut state.pending), state.outbox.take()))
        });
        if taken.is_none() {
            return Ok(());
        }
        drop(taken);
        self.want(this, |_| Interest::NONE)?;
        self.schedule_loss(py, this, error)
    }

    /// Something failed that is no everyday error of a network: tells the exception handler, and
    /// ends the endpoint.
    pub(super) fn fatal_error(
        &self,
        py: Python<'_>,
        this: &Ref<Self>,
        error: PyErr,
        message: &str,
    ) -> PyResult<()> {
        // asyncio would have sent by now what came before it.
        self.flush(py, this)?;
        if !error.is_instance_of::<PyOSError>(py) {
            self.report(py, this, error.clone_ref(py), message)?;
        } else if self.event_loop().is_some_and(|event_loop| event_loop.is_debug()) {
            let value = error.clone_ref(py).into_value(py);
            cold(py, "log_error", (this.bind(py), message, value))?;
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
        let context = copy_context(py)?;
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
        let (event_loop, protocol, left, closing, fd) = self.state.with(|state| {
            let left = (std::mem::take(&mut state.pending), state.outbox.take());
            let fd = state.descriptor.number();
            (state.event_loop.take(), state.protocol.take(), left, state.descriptor.take(), fd)
        });
        if let Some(event_loop) = &event_loop {
            event_loop.live.with(|live| live.remove(fd, Address::of(this.as_any())));
            leave(event_loop);
        }
        closing.close(py);
        drop((event_loop, protocol, left));
    }
}

/// A transport that was made for the loop takes part in it no more.
pub(super) fn leave(event_loop: &Loop) {
    let forgotten = event_loop.addresses.with(AddressBook::leave);
    drop(forgotten);
}

#[pymethods]
impl DatagramTransport {
    /// Send what is queued, then close. connection_lost(None) follows.
    fn close(this: &Bound<'_, Self>) -> PyResult<()> {
        this.get().close_now(this.py(), &Ref::new(this))
    }

    /// Close now, without sending what is queued. connection_lost(None) follows.
    fn abort(this: &Bound<'_, Self>) -> PyResult<()> {
        let transport = this.get();
        let this_ref = Ref::new(this);
        // asyncio would have sent by now what was gathered in this step.
        transport.flush(this.py(), &this_ref)?;
        transport.force_close(this.py(), &this_ref, None)
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

impl Drop for DatagramTransport {
    /// Nobody closed it: says so, and closes the descriptor.
    fn drop(&mut self) {
        let (closing, fd, open, event_loop, extra) = self.state.with(|state| {
            let open = !state.descriptor.is_closed();
            let fd = state.descriptor.number();
            let event_loop = state.event_loop.take();
            (state.descriptor.take(), fd, open, event_loop, state.extra.clone())
        });
        if !open {
            return;
        }
        let py = attached();
        let pending = PyErr::take(py);
        if let Some(event_loop) = &event_loop {
            event_loop.live.with(|live| live.forget(fd));
            leave(event_loop);
        }
        // As with streams: what was made with the transport tells tracemalloc where.
        let text = format!("unclosed transport <DatagramTransport fd={fd}>");
        if let Err(error) = cold(py, "unclosed", ("DatagramTransport", text, extra.bind(py))) {
            error.write_unraisable(py, None);
        }
        closing.close(py);
        drop(event_loop);
        if let Some(error) = pending {
            error.restore(py);
        }
    }
}
