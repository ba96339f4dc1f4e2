//! The ways in which a connection ends, and that it ends once.

use std::ffi::CString;

use aioxide_core::Interest;
use pyo3::exceptions::{PyConnectionError, PyOSError};
use pyo3::ffi;
use pyo3::prelude::*;

use super::queue::Piece;
use super::stream::{Owner, StreamTransport, attach, unsafe_loop};
use crate::event_loop::Item;
use crate::ffi::{Ref, call_method, copy_context};
use crate::handle::{Arguments, make};
use crate::names::{cold, interop};

impl StreamTransport {
    /// `close()`: reads no more, sends what is queued, then loses the connection.
    pub(super) fn close_now(&self, py: Python<'_>, this: &Ref) -> PyResult<()> {
        if self.state.with(|state| state.closing) {
            return Ok(());
        }
        self.flush(py, this)?;
        if self.state.with(|state| std::mem::replace(&mut state.closing, true)) {
            return Ok(());
        }
        self.want(py, this, |interest| interest.without(Interest::READ))?;
        if self.state.with(|state| state.queue.is_empty()) {
            self.state.with(|state| state.lost += 1);
            self.want(py, this, |_| Interest::NONE)?;
            self.schedule_loss(py, this, None)?;
        }
        Ok(())
    }

    /// Ends the connection without sending what is queued; `error` is for `connection_lost`.
    pub(super) fn force_close(
        &self,
        py: Python<'_>,
        this: &Ref,
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
        let Some(pieces) = taken else { return Ok(()) };
        drop::<std::collections::VecDeque<Piece>>(pieces);
        self.want(py, this, |_| Interest::NONE)?;
        self.schedule_loss(py, this, error)
    }

    /// Something failed: tells the exception handler, unless it is what networks do every day, and
    /// ends the connection.
    pub(super) fn fatal_error(
        &self,
        py: Python<'_>,
        this: &Ref,
        error: PyErr,
        message: &str,
    ) -> PyResult<()> {
        if let Some(event_loop) = self.event_loop() {
            let value = error.clone_ref(py).into_value(py);
            if !error.is_instance_of::<PyOSError>(py) {
                let protocol = self.state.with(|state| state.protocol.clone());
                let protocol = protocol.map(|protocol| protocol.into_bound(py));
                let arguments = (event_loop.bind(py), message, value, this.bind(py), protocol);
                cold(py, "transport_failed", arguments)?;
            } else if unsafe_loop(&event_loop).is_debug() {
                cold(py, "log_error", (this.bind(py), message, value))?;
            }
        }
        self.force_close(py, this, Some(error))
    }

    /// `connection_lost` in the next turn.
    fn schedule_loss(&self, py: Python<'_>, this: &Ref, error: Option<PyErr>) -> PyResult<()> {
        let Some(event_loop) = self.event_loop() else { return Ok(()) };
        let owner = unsafe_loop(&event_loop);
        let method = this.bind(py).getattr("_call_connection_lost")?;
        let error = match error {
            Some(error) => error.into_value(py).into_any(),
            None => py.None(),
        };
        let handle = make(
            py,
            owner,
            event_loop.as_ptr(),
            method.as_ptr(),
            Arguments(&[error.as_ptr()]),
            copy_context(py)?,
            None,
        )?;
        if owner.is_closed() {
            // No turn is to come: the descriptor goes now, and the protocol is not called, as
            // with asyncio, whose `call_soon` raises here.
            self.end(py, this);
            return owner.ensure_open();
        }
        owner.schedule(Item::Handle(handle));
        Ok(())
    }

    /// Calls `connection_lost` and lets go of everything.
    pub(super) fn lose(
        &self,
        py: Python<'_>,
        this: &Ref,
        error: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let protocol = self.state.with(|state| {
            state.closing = true;
            state.lost = state.lost.max(1);
            state.protocol.clone()
        });
        let told = match protocol {
            Some(protocol) => {
                let none = py.None();
                let error = error.map_or(none.as_ptr(), |error| error.as_ptr());
                let name = &interop(py)?.names.connection_lost;
                call_method(py, name, &[protocol.as_ptr(), error]).map(drop)
            }
            None => Ok(()),
        };
        self.end(py, this);
        told
    }

    /// Closes the descriptor and drops what the transport held.
    fn end(&self, py: Python<'_>, this: &Ref) {
        let unregistered = self.want(py, this, |_| Interest::NONE);
        debug_assert!(unregistered.is_ok(), "nothing can fail in not being watched");
        let (event_loop, protocol, server, waiter) = self.state.with(|state| {
            (
                state.event_loop.take(),
                state.protocol.take(),
                state.server.take(),
                state.empty_waiter.clone(),
            )
        });
        self.close_descriptor(py, event_loop.as_ref(), this.as_ptr());
        if let Some(server) = server
            && let Err(error) = attach(py, &server, this, "_detach")
        {
            error.write_unraisable(py, Some(server.bind(py)));
        }
        if let Some(waiter) = waiter
            && let Ok(false) =
                waiter.bind(py).call_method0("done").and_then(|done| done.is_truthy())
        {
            let error = PyConnectionError::new_err("Connection is closed by peer");
            let set = waiter.bind(py).call_method1("set_exception", (error.into_value(py),));
            if let Err(error) = set {
                error.write_unraisable(py, Some(waiter.bind(py)));
            }
        }
        drop((event_loop, protocol));
    }

    fn close_descriptor(&self, py: Python<'_>, event_loop: Option<&Ref>, this: *mut ffi::PyObject) {
        let (owner, fd) =
            self.state.with(|state| (std::mem::replace(&mut state.owner, Owner::Nobody), state.fd));
        if let Some(event_loop) = event_loop {
            unsafe_loop(event_loop).live.with(|live| live.remove(fd, this));
        }
        match owner {
            Owner::Socket(socket) => {
                if let Err(error) = socket.bind(py).call_method0("close") {
                    error.write_unraisable(py, Some(socket.bind(py)));
                }
            }
            Owner::Descriptor(descriptor) => drop(descriptor),
            Owner::Nobody => {}
        }
    }
}

#[pymethods]
impl StreamTransport {
    /// Send what is written, then close. connection_lost(None) follows.
    fn close(this: &Bound<'_, Self>) -> PyResult<()> {
        this.get().close_now(this.py(), &Ref::new(this.as_any()))
    }

    /// Close now, without sending what is queued. connection_lost(None) follows.
    fn abort(this: &Bound<'_, Self>) -> PyResult<()> {
        let transport = this.get();
        let this_ref = Ref::new(this.as_any());
        // asyncio would have sent by now what was gathered in this turn.
        transport.flush(this.py(), &this_ref)?;
        transport.force_close(this.py(), &this_ref, None)
    }

    fn _force_close(this: &Bound<'_, Self>, exc: &Bound<'_, PyAny>) -> PyResult<()> {
        let error = (!exc.is_none()).then(|| PyErr::from_value(exc.clone()));
        this.get().force_close(this.py(), &Ref::new(this.as_any()), error)
    }

    #[pyo3(signature = (exc, message="Fatal error on transport"))]
    fn _fatal_error(this: &Bound<'_, Self>, exc: &Bound<'_, PyAny>, message: &str) -> PyResult<()> {
        let error = PyErr::from_value(exc.clone());
        this.get().fatal_error(this.py(), &Ref::new(this.as_any()), error, message)
    }

    fn _call_connection_lost(this: &Bound<'_, Self>, exc: &Bound<'_, PyAny>) -> PyResult<()> {
        let error = (!exc.is_none()).then_some(exc);
        this.get().lose(this.py(), &Ref::new(this.as_any()), error)
    }
}

impl Drop for StreamTransport {
    /// Nobody closed it: says so, and closes the descriptor.
    fn drop(&mut self) {
        if self.state.with(|state| matches!(state.owner, Owner::Nobody)) {
            return;
        }
        // SAFETY: Objects are deallocated by attached threads.
        let py = unsafe { Python::assume_attached() };
        let pending = PyErr::take(py);
        let (fd, event_loop) = self.state.with(|state| (state.fd, state.event_loop.take()));
        let text = format!("unclosed transport <StreamTransport fd={fd}>");
        if let Ok(text) = CString::new(text) {
            let category = py.get_type::<pyo3::exceptions::PyResourceWarning>();
            if let Err(error) = PyErr::warn(py, &category, &text, 1) {
                error.write_unraisable(py, None);
            }
        }
        // The number may be in the loop's table still, under the address of this object.
        if let Some(event_loop) = &event_loop {
            unsafe_loop(event_loop).live.with(|live| live.forget(fd));
        }
        self.close_descriptor(py, None, std::ptr::null_mut());
        drop(event_loop);
        if let Some(error) = pending {
            error.restore(py);
        }
    }
}
