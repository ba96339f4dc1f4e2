//! `ReadPipeTransport`: from the pipe to the protocol.

use std::ffi::CStr;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use rustix::io::{Errno, read};

use super::{PipeMethod, PipeTransport};
use crate::error::os_error;
use crate::event_loop::{Loop, READ_SIZE};
use crate::ffi::{Arguments, FastMethod, Ref, add_method, call_method, fill_bytes, new_with_dict};
use crate::names::{cold, interop};
use crate::transport::{Way, feed, is_untouched};

/// The reading end of a pipe, made by connect_read_pipe(); an asyncio.ReadTransport.
#[pyclass(frozen, extends = PipeTransport, module = "aioxide._aioxide")]
#[derive(Debug)]
pub(crate) struct ReadPipeTransport {
    /// The last read found [`LARGE`] data or more: then the next is expected to find as much, and
    /// goes straight into a `bytes` of its own.
    large: AtomicBool,
    /// `pause_reading` was called last.
    paused: AtomicBool,
}

/// Adds them to the class.
pub(super) fn add_fast_methods(py: Python<'_>) -> PyResult<()> {
    add_method::<ReadPipeTransport, ReadReady>(py)
}

struct ReadReady;

impl FastMethod<ReadPipeTransport> for ReadReady {
    const NAME: &'static CStr = c"_read_ready";
    const DOC: &'static CStr = c"_read_ready($self, /)\n--\n\nThere is something to read.";

    #[inline]
    fn call<'a, 'py>(
        this: &'a Bound<'py, ReadPipeTransport>,
        arguments: Arguments<'a, 'py>,
    ) -> PyResult<Ref> {
        arguments.refuse("_read_ready")?;
        ReadPipeTransport::read_ready(this)?;
        Ok(interop(this.py())?.none.clone())
    }
}

/// How much data is worth a system call that asks for its size rather than a copy.
const LARGE: usize = 16 * 1024;

/// What one read came to.
enum Received<T> {
    Data(T),
    Nothing,
    Eof,
    Failed(Errno),
}

/// Reads into the loop's scratch buffer and gives what came to `make`.
fn receive<T>(
    end: &PipeTransport,
    event_loop: &Loop,
    make: impl FnOnce(&[u8]) -> T,
) -> Received<T> {
    // `make` may run Python, and that may read again: then it finds no buffer and makes one.
    let mut scratch = event_loop.scratch.with(std::mem::take);
    if scratch.is_empty() {
        scratch = vec![0; READ_SIZE];
    }
    let received = outcome(read(end.fd.as_fd(), &mut *scratch)).map(|n| make(&scratch[..n]));
    event_loop.scratch.with(|slot| *slot = scratch);
    received
}

/// Reads all that there is into a new `bytes`.
fn receive_large(py: Python<'_>, end: &PipeTransport) -> PyResult<Received<Ref>> {
    // What has no size to tell tells that here, and is read all the same.
    let size = rustix::io::ioctl_fionread(end.fd.as_fd()).unwrap_or_default() as usize;
    let mut received = Received::Nothing;
    let bytes = fill_bytes(py, size.clamp(1, READ_SIZE), |place| {
        received = outcome(read(end.fd.as_fd(), place).map(|(found, _)| found.len()));
        Ok(if let Received::Data(count) = received { Some(count) } else { None })
    })?;
    Ok(match bytes {
        Some(bytes) => Received::Data(bytes),
        None => received.map(|_| Ref::none(py)),
    })
}

fn outcome(result: Result<usize, Errno>) -> Received<usize> {
    match result {
        Ok(0) => Received::Eof,
        Ok(count) => Received::Data(count),
        Err(Errno::AGAIN | Errno::INTR) => Received::Nothing,
        Err(error) => Received::Failed(error),
    }
}

impl<T> Received<T> {
    fn map<U>(self, f: impl FnOnce(T) -> U) -> Received<U> {
        match self {
            Self::Data(data) => Received::Data(f(data)),
            Self::Nothing => Received::Nothing,
            Self::Eof => Received::Eof,
            Self::Failed(error) => Received::Failed(error),
        }
    }
}

impl ReadPipeTransport {
    /// There is something to read.
    pub(super) fn read_ready(this: &Bound<'_, Self>) -> PyResult<()> {
        let py = this.py();
        let end = this.as_super().get();
        let taken = end.state.with(|state| {
            let event_loop = state.event_loop.clone()?;
            let protocol = state.protocol.clone()?;
            (!state.closing).then(|| (event_loop, protocol, state.way.clone()))
        });
        let Some((event_loop, protocol, way)) = taken else { return Ok(()) };
        // What the protocol raises is for the loop to tell: the transport goes on.
        let received = match &way {
            Way::Stream(stream) if is_untouched(py, stream, &protocol)? => {
                receive(end, &event_loop, |data| feed(py, stream, data))
            }
            _ => match this.get().receive_bytes(py, end, &event_loop)? {
                Received::Data(data) => {
                    let name = &interop(py)?.names.data_received;
                    return call_method(py, name, [&protocol, &data]).map(drop);
                }
                other => other.map(|_| Ok(())),
            },
        };
        match received {
            Received::Data(fed) => fed,
            Received::Nothing => Ok(()),
            Received::Eof => Self::ended(this, &event_loop, &protocol),
            Received::Failed(error) => {
                let error = os_error(&error.into());
                Self::failed(this, error, "Fatal read error on pipe transport")
            }
        }
    }

    /// Reads into a new `bytes`.
    fn receive_bytes(
        &self,
        py: Python<'_>,
        end: &PipeTransport,
        event_loop: &Loop,
    ) -> PyResult<Received<Ref>> {
        if self.large.load(Relaxed) {
            let received = receive_large(py, end)?;
            if let Received::Data(data) = &received
                && data.bind(py).len()? < LARGE
            {
                self.large.store(false, Relaxed);
            }
            return Ok(received);
        }
        Ok(receive(end, event_loop, |data| {
            if data.len() >= LARGE {
                self.large.store(true, Relaxed);
            }
            PyBytes::new(py, data).into_any().into()
        }))
    }

    /// `close()`: reads no more. `connection_lost(error)` follows.
    fn close_now(this: &Bound<'_, Self>, error: Option<PyErr>) -> PyResult<()> {
        let end = this.as_super().get();
        end.state.with(|state| state.closing = true);
        end.unwatch(this.py(), false)?;
        end.schedule_loss(this.as_any(), error)
    }

    fn failed(this: &Bound<'_, Self>, error: PyErr, message: &str) -> PyResult<()> {
        let py = this.py();
        // The other end of a terminal is gone.
        let gone = error.is_instance_of::<PyOSError>(py)
            && error.value(py).getattr("errno")?.eq(Errno::IO.raw_os_error())?;
        this.as_super().get().report(this.as_any(), &error, message, gone)?;
        Self::close_now(this, Some(error))
    }

    /// The other end is closed.
    fn ended(this: &Bound<'_, Self>, event_loop: &Ref<Loop>, protocol: &Ref) -> PyResult<()> {
        let py = this.py();
        let end = this.as_super().get();
        if event_loop.is_debug() {
            cold(py, "log_closed_by_peer", (this,))?;
        }
        end.state.with(|state| state.closing = true);
        end.unwatch(py, false)?;
        let callback = protocol.bind(py).getattr("eof_received")?;
        event_loop.bind(py).call_method1("call_soon", (callback,))?;
        end.schedule_loss(this.as_any(), None)
    }
}

#[pymethods]
impl ReadPipeTransport {
    /// isinstance(transport, asyncio.ReadTransport) holds.
    #[getter]
    fn __class__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(interop(py)?.read_pipe_transport.clone().into_bound(py))
    }

    fn __repr__(this: &Bound<'_, Self>) -> PyResult<String> {
        repr(this.py(), this.as_super().get(), "ReadPipeTransport", false).map(|text| text + ">")
    }

    /// Whether data is being read: not paused, not closing.
    fn is_reading(this: &Bound<'_, Self>) -> bool {
        !this.get().paused.load(Relaxed) && !this.as_super().get().is_closing()
    }

    /// Read nothing until resume_reading(). Does nothing when paused or closing.
    fn pause_reading(this: &Bound<'_, Self>) -> PyResult<()> {
        if !Self::is_reading(this) {
            return Ok(());
        }
        this.get().paused.store(true, Relaxed);
        let end = this.as_super().get();
        end.unwatch(this.py(), false)?;
        if end.is_debug() {
            cold(this.py(), "log_pause", (this,))?;
        }
        Ok(())
    }

    /// Read again. Does nothing when not paused, or closing.
    fn resume_reading(this: &Bound<'_, Self>) -> PyResult<()> {
        let end = this.as_super().get();
        if end.is_closing() || !this.get().paused.swap(false, Relaxed) {
            return Ok(());
        }
        end.watch(this.py(), PipeMethod::Read(Ref::new(this)))?;
        if end.is_debug() {
            cold(this.py(), "log_resume", (this,))?;
        }
        Ok(())
    }

    /// Read no more, and close. connection_lost(None) follows.
    fn close(this: &Bound<'_, Self>) -> PyResult<()> {
        if this.as_super().get().is_closing() {
            return Ok(());
        }
        Self::close_now(this, None)
    }

    #[getter(_paused)]
    fn paused_attribute(&self) -> bool {
        self.paused.load(Relaxed)
    }

    /// connection_made() has run: begin to read, unless it has paused or closed the transport.
    fn _start(this: &Bound<'_, Self>) -> PyResult<()> {
        if !Self::is_reading(this) {
            return Ok(());
        }
        this.as_super().get().watch(this.py(), PipeMethod::Read(Ref::new(this)))
    }
}

/// The representation but for its end, as asyncio writes it.
pub(super) fn repr(
    py: Python<'_>,
    end: &PipeTransport,
    name: &str,
    writing: bool,
) -> PyResult<String> {
    let number = end.fd.number();
    if end.is_closed() {
        return Ok(format!("<{name} closed fd={number} closed"));
    }
    let closing = if end.is_closing() { " closing" } else { "" };
    let state = match end.event_loop() {
        Some(event_loop) if !event_loop.is_closed() => {
            let watched = event_loop.bind(py).call_method1("_watched", (number,))?;
            let asked = if writing { 2 } else { 1 };
            let polling = !watched.is_none() && watched.get_item(0)?.extract::<u8>()? & asked != 0;
            if polling { "polling" } else { "idle" }
        }
        _ => "open",
    };
    Ok(format!("<{name}{closing} fd={number} {state}"))
}

#[pymethods]
impl Loop {
    /// Make the transport of a pipe that is read, which closes it.
    #[pyo3(signature = (pipe, protocol, waiter=None, extra=None))]
    fn _read_pipe<'py>(
        this: &Bound<'py, Self>,
        pipe: &Bound<'py, PyAny>,
        protocol: &Bound<'py, PyAny>,
        waiter: Option<&Bound<'py, PyAny>>,
        extra: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, ReadPipeTransport>> {
        let refusal = "Pipe transport is for pipes/sockets only.";
        let end = PipeTransport::new(this, pipe, protocol, extra, "ReadPipeTransport", refusal)?;
        let transport =
            ReadPipeTransport { large: AtomicBool::new(false), paused: AtomicBool::new(false) };
        let transport =
            new_with_dict(this.py(), PyClassInitializer::from(end).add_subclass(transport))?;
        PipeTransport::begin(transport.as_any(), this, protocol, Some("_start"), waiter)?;
        Ok(transport)
    }
}
