//! What both ends of a pipe have in common: their making, their protocol, and that they end once.

use std::os::fd::RawFd;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use pyo3::{PyTraverseError, PyVisit};
use rustix::fs::FileType;

use super::PipeMethod;
use crate::cell::LoopCell;
use crate::error::os_error;
use crate::event_loop::Loop;
use crate::ffi::{Ref, attached, call_method};
use crate::names::{cold, interop};
use crate::transport::{Lent, Way, replaced_info, way_of};

/// An end's state, but for what it has to write.
#[derive(Debug)]
pub(super) struct State {
    /// `None` after `connection_lost`.
    pub(super) event_loop: Option<Ref<Loop>>,
    /// The object that the program gave; `None` once it is closed.
    pipe: Option<Ref>,
    pub(super) protocol: Option<Ref>,
    pub(super) way: Way,
    /// A dict.
    extra: Ref,
    /// `close` or something like it was called.
    pub(super) closing: bool,
    /// `connection_lost` was called, or is scheduled.
    lost: bool,
}

/// What read and write transports of pipes have in common.
#[pyclass(frozen, subclass, dict, weakref, module = "aioxide._aioxide")]
#[derive(Debug)]
pub(crate) struct PipeTransport {
    /// The name of the class.
    name: &'static str,
    pub(super) fd: Lent,
    pub(super) kind: FileType,
    pub(super) state: LoopCell<State>,
}

impl PipeTransport {
    /// Takes an end over: the descriptor must be a pipe, a socket or a character device, and does
    /// not block from now on.
    ///
    /// # Errors
    /// `ValueError` with the text `refusal` for another kind of file; `OSError`. The object stays
    /// its owner's then.
    pub(super) fn new(
        event_loop: &Bound<'_, Loop>,
        pipe: &Bound<'_, PyAny>,
        protocol: &Bound<'_, PyAny>,
        extra: Option<&Bound<'_, PyDict>>,
        name: &'static str,
        refusal: &str,
    ) -> PyResult<Self> {
        let py = event_loop.py();
        let fd = Lent::of(&pipe.call_method0("fileno")?)?;
        let status = rustix::fs::fstat(fd.as_fd()).map_err(|error| os_error(&error.into()))?;
        let kind = FileType::from_raw_mode(status.st_mode);
        if !matches!(kind, FileType::Fifo | FileType::Socket | FileType::CharacterDevice) {
            return Err(PyValueError::new_err(refusal.to_owned()));
        }
        set_nonblocking(&fd)?;
        let extra = match extra {
            Some(extra) => extra.copy()?,
            None => PyDict::new(py),
        };
        extra.set_item("pipe", pipe)?;
        let protocol = Ref::new(protocol);
        let state = State {
            event_loop: Some(Ref::new(event_loop)),
            pipe: Some(Ref::new(pipe)),
            way: way_of(py, event_loop.get(), &protocol)?,
            protocol: Some(protocol),
            extra: extra.into_any().into(),
            closing: false,
            lost: false,
        };
        Ok(Self { name, fd, kind, state: LoopCell::new(state) })
    }

    /// Calls `connection_made` in the next turn, then `start` of the transport if it has one, then
    /// gives the waiter its result.
    pub(super) fn begin(
        this: &Bound<'_, PyAny>,
        event_loop: &Bound<'_, Loop>,
        protocol: &Bound<'_, PyAny>,
        start: Option<&str>,
        waiter: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        event_loop.call_method1("call_soon", (protocol.getattr("connection_made")?, this))?;
        if let Some(start) = start {
            event_loop.call_method1("call_soon", (this.getattr(start)?,))?;
        }
        if let Some(waiter) = waiter {
            cold(this.py(), "wake_waiter", (event_loop, waiter))?;
        }
        Ok(())
    }

    /// The loop, `None` after the end.
    pub(super) fn event_loop(&self) -> Option<Ref<Loop>> {
        self.state.with(|state| state.event_loop.clone())
    }

    pub(super) fn protocol(&self) -> Option<Ref> {
        self.state.with(|state| state.protocol.clone())
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state.with(|state| state.pipe.is_none())
    }

    pub(super) fn is_debug(&self) -> bool {
        self.event_loop().is_some_and(|event_loop| event_loop.is_debug())
    }

    /// Calls `method`, of this transport, when the pipe is ready.
    ///
    /// # Errors
    /// `OSError` when the descriptor cannot be watched.
    pub(super) fn watch(&self, py: Python<'_>, method: PipeMethod) -> PyResult<()> {
        let Some(event_loop) = self.event_loop() else { return Ok(()) };
        event_loop.watch_pipe(event_loop.bind(py), self.fd.number(), method)
    }

    /// Undoes [`PipeTransport::watch`].
    pub(super) fn unwatch(&self, py: Python<'_>, writing: bool) -> PyResult<()> {
        let Some(event_loop) = self.event_loop() else { return Ok(()) };
        event_loop.unwatch_pipe(py, self.fd.number(), writing)
    }

    /// Tells the exception handler, or in debug mode the log when `expected`.
    pub(super) fn report(
        &self,
        this: &Bound<'_, PyAny>,
        error: &PyErr,
        message: &str,
        expected: bool,
    ) -> PyResult<()> {
        let Some(event_loop) = self.event_loop() else { return Ok(()) };
        let py = this.py();
        let value = error.clone_ref(py).into_value(py);
        if !expected {
            let protocol = self.protocol().map(|protocol| protocol.into_bound(py));
            let arguments = (event_loop.bind(py), message, value, this, protocol);
            cold(py, "transport_failed", arguments)?;
        } else if event_loop.is_debug() {
            cold(py, "log_error", (this, message, value))?;
        }
        Ok(())
    }

    /// `connection_lost` in the next turn.
    pub(super) fn schedule_loss(
        &self,
        this: &Bound<'_, PyAny>,
        error: Option<PyErr>,
    ) -> PyResult<()> {
        if self.state.with(|state| std::mem::replace(&mut state.lost, true)) {
            return Ok(());
        }
        let Some(event_loop) = self.event_loop() else { return Ok(()) };
        let py = this.py();
        if event_loop.is_closed() {
            // No turn is to come: the pipe is closed now, and the protocol is not called.
            self.end(py)?;
            return event_loop.ensure_open();
        }
        let callback = this.getattr("_call_connection_lost")?;
        let error = error.map(|error| error.into_value(py));
        event_loop.bind(py).call_method1("call_soon", (callback, error)).map(drop)
    }

    /// Calls `connection_lost`, closes the pipe and lets go of everything. A second call does
    /// nothing.
    ///
    /// # Errors
    /// What `connection_lost` raises, or closing.
    pub(super) fn lose(&self, py: Python<'_>, error: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let protocol = self.state.with(|state| {
            state.lost = true;
            state.closing = true;
            state.protocol.clone()
        });
        let interop = interop(py)?;
        let told = match protocol {
            Some(protocol) => {
                let error = error.map_or_else(|| interop.none.clone(), Ref::new);
                call_method(py, &interop.names.connection_lost, [&protocol, &error]).map(drop)
            }
            None => Ok(()),
        };
        let closed = self.end(py);
        told.and(closed)
    }

    /// Closes the pipe and drops what the transport held.
    fn end(&self, py: Python<'_>) -> PyResult<()> {
        let (event_loop, protocol, pipe) = self
            .state
            .with(|state| (state.event_loop.take(), state.protocol.take(), state.pipe.take()));
        let closed = match &pipe {
            Some(pipe) => pipe.bind(py).call_method0("close").map(drop),
            None => Ok(()),
        };
        drop((event_loop, protocol, pipe));
        closed
    }
}

fn set_nonblocking(fd: &Lent) -> PyResult<()> {
    use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
    let set = fcntl_getfl(fd.as_fd()).and_then(|flags| {
        if flags.contains(OFlags::NONBLOCK) {
            return Ok(());
        }
        fcntl_setfl(fd.as_fd(), flags | OFlags::NONBLOCK)
    });
    set.map_err(|error| os_error(&error.into()))
}

#[pymethods]
impl PipeTransport {
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        let visited = self.state.try_with(|state| {
            let event_loop = state.event_loop.as_ref().map(Ref::as_any);
            let objects =
                [event_loop, state.pipe.as_ref(), state.protocol.as_ref(), Some(&state.extra)];
            objects.into_iter().flatten().try_for_each(|object| visit.call(object.as_py()))
        });
        visited.unwrap_or(Ok(()))
    }

    fn __clear__(&self) {
        // The pipe stays, to be closed.
        let taken = self.state.with(|state| {
            let way = std::mem::replace(&mut state.way, Way::Plain);
            (state.event_loop.take(), state.protocol.take(), way)
        });
        drop(taken);
    }

    /// Information on the pipe: "pipe" is the object that was given; default for what there is not.
    #[pyo3(signature = (name, default=None))]
    fn get_extra_info<'py>(
        slf: &Bound<'py, Self>,
        name: &Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if let Some(answer) = replaced_info(slf, name, default.as_ref())? {
            return Ok(answer);
        }
        let (py, this) = (slf.py(), slf.get());
        let extra = this.state.with(|state| state.extra.clone()).into_bound(py);
        let found = extra.cast_into::<PyDict>()?.get_item(name)?;
        Ok(found.or(default).unwrap_or_else(|| py.None().into_bound(py)))
    }

    /// Hand the pipe to another protocol.
    fn set_protocol(&self, py: Python<'_>, protocol: &Bound<'_, PyAny>) -> PyResult<()> {
        let protocol = Ref::new(protocol);
        // A pipe that has ended reads no more.
        let way = match self.event_loop() {
            Some(event_loop) => way_of(py, &event_loop, &protocol)?,
            None => Way::Plain,
        };
        let old = self.state.with(|state| {
            (state.protocol.replace(protocol), std::mem::replace(&mut state.way, way))
        });
        drop(old);
        Ok(())
    }

    /// The current protocol.
    fn get_protocol<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.protocol().map(|protocol| protocol.into_bound(py))
    }

    /// Whether it was closed, or is lost.
    pub(super) fn is_closing(&self) -> bool {
        self.state.with(|state| state.closing)
    }

    fn _call_connection_lost(&self, py: Python<'_>, exc: &Bound<'_, PyAny>) -> PyResult<()> {
        self.lose(py, (!exc.is_none()).then_some(exc))
    }

    #[getter(_loop)]
    fn loop_attribute<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.event_loop().map(|event_loop| event_loop.into_bound(py))
    }

    #[getter(_protocol)]
    fn protocol_attribute<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.get_protocol(py)
    }

    #[getter(_pipe)]
    fn pipe_attribute<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.state.with(|state| state.pipe.clone()).map(|pipe| pipe.into_bound(py))
    }

    /// A program that has closed the pipe itself says so by None.
    #[setter(_pipe)]
    fn set_pipe_attribute(&self, pipe: &Bound<'_, PyAny>) {
        let new = (!pipe.is_none()).then(|| Ref::new(pipe));
        drop(self.state.with(|state| std::mem::replace(&mut state.pipe, new)));
    }

    #[getter(_extra)]
    fn extra_attribute<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        self.state.with(|state| state.extra.clone()).into_bound(py)
    }

    #[getter(_fileno)]
    fn descriptor_attribute(&self) -> RawFd {
        self.fd.number()
    }

    #[getter(_closing)]
    fn closing_attribute(&self) -> bool {
        self.is_closing()
    }
}

impl Drop for PipeTransport {
    /// Nobody closed it: says so, and closes the pipe.
    fn drop(&mut self) {
        let pipe = self.state.with(|state| state.pipe.take());
        let Some(pipe) = pipe else { return };
        let py = attached();
        let pending = PyErr::take(py);
        let text = format!("unclosed transport <{} fd={}>", self.name, self.fd.number());
        // As with sockets: what was made together with the transport tells where that was.
        let source = self.state.with(|state| state.extra.clone());
        if let Err(error) = cold(py, "unclosed", (self.name, text, source.bind(py))) {
            error.write_unraisable(py, None);
        }
        if let Err(error) = pipe.bind(py).call_method0("close") {
            error.write_unraisable(py, Some(pipe.bind(py)));
        }
        drop(pipe);
        if let Some(error) = pending {
            error.restore(py);
        }
    }
}
