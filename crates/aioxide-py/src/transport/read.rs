//! From the socket to the protocol.

use std::os::fd::RawFd;

use aioxide_core::Interest;
use pyo3::exceptions::PyRuntimeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};

use super::protocol::{Stream, Way, feed};
use super::stream::{StreamTransport, borrow, unsafe_loop};
use crate::error::os_error;
use crate::event_loop::READ_SIZE;
use crate::ffi::{Ref, call_method, in_context};
use crate::handle::ends_run;
use crate::names::{cold, interop};

/// What one read came to.
enum Received<T> {
    Data(T),
    Nothing,
    Eof,
    Failed(PyErr),
}

/// What a read needs, taken out of the state so that nothing is borrowed while Python runs.
struct Reader {
    event_loop: Ref,
    protocol: Ref,
    context: Ref,
    fd: RawFd,
}

impl StreamTransport {
    /// The descriptor is ready.
    ///
    /// # Errors
    /// Only what is to end the run of the loop.
    pub(crate) fn ready(&self, py: Python<'_>, this: &Ref, ready: Interest) -> PyResult<()> {
        if ready.readable {
            let began = self.debug_clock();
            let result = self.read_ready(py, this);
            self.debug_slow(py, this, began)?;
            result?;
        }
        if ready.writable && self.state.with(|state| state.interest.writable) {
            self.write_ready(py, this)?;
        }
        Ok(())
    }

    fn read_ready(&self, py: Python<'_>, this: &Ref) -> PyResult<()> {
        let Some((reader, way)) = self.state.with(|state| {
            if state.lost != 0 || !state.interest.readable {
                return None;
            }
            let reader = Reader {
                event_loop: state.event_loop.clone()?,
                protocol: state.protocol.clone()?,
                context: state.context.clone(),
                fd: state.fd,
            };
            Some((reader, state.way.clone()))
        }) else {
            return Ok(());
        };
        match way {
            Way::Plain => self.read_plain(py, this, &reader),
            Way::Buffered => self.read_buffered(py, this, &reader),
            Way::Stream(stream) => self.read_stream(py, this, &reader, &stream),
        }
    }

    fn read_plain(&self, py: Python<'_>, this: &Ref, reader: &Reader) -> PyResult<()> {
        let received = receive(reader, |data| Ref::new(PyBytes::new(py, data).as_any()));
        let Some(data) = self.received(py, this, reader, received)? else { return Ok(()) };
        let name = &interop(py)?.names.data_received;
        let arguments = [reader.protocol.as_ptr(), data.as_ptr()];
        let called = in_context(py, &reader.context, || call_method(py, name, &arguments));
        self.delivered(py, this, called.map(drop), "data_received")
    }

    fn read_stream(
        &self,
        py: Python<'_>,
        this: &Ref,
        reader: &Reader,
        stream: &Stream,
    ) -> PyResult<()> {
        let received = receive(reader, |data| {
            // Waking the waiter copies the context: it must be the reader's.
            in_context(py, &reader.context, || feed(py, stream, data))
        });
        match self.received(py, this, reader, received)? {
            Some(fed) => self.delivered(py, this, fed, "data_received"),
            None => Ok(()),
        }
    }

    fn read_buffered(&self, py: Python<'_>, this: &Ref, reader: &Reader) -> PyResult<()> {
        let names = &interop(py)?.names;
        // SAFETY: Attached.
        let hint = unsafe { Ref::from_result(py, ffi::PyLong_FromLong(-1))? };
        let protocol = reader.protocol.as_ptr();
        let buffer = in_context(py, &reader.context, || {
            let buffer = call_method(py, &names.get_buffer, &[protocol, hint.as_ptr()])?;
            if buffer.bind(py).len()? == 0 {
                return Err(PyRuntimeError::new_err("get_buffer() returned an empty buffer"));
            }
            Ok(buffer)
        });
        let buffer = match buffer {
            Ok(buffer) => buffer,
            Err(error) => return self.delivered(py, this, Err(error), "get_buffer"),
        };
        let received = receive_into(py, reader.fd, &buffer);
        drop(buffer);
        let Some(count) = self.received(py, this, reader, received)? else { return Ok(()) };
        // SAFETY: Attached.
        let count =
            unsafe { Ref::from_result(py, ffi::PyLong_FromSsize_t(count as ffi::Py_ssize_t))? };
        let called = in_context(py, &reader.context, || {
            call_method(py, &names.buffer_updated, &[protocol, count.as_ptr()])
        });
        self.delivered(py, this, called.map(drop), "buffer_updated")
    }

    /// The data, or `None` after nothing, an end or an error was dealt with.
    fn received<T>(
        &self,
        py: Python<'_>,
        this: &Ref,
        reader: &Reader,
        received: Received<T>,
    ) -> PyResult<Option<T>> {
        match received {
            Received::Data(data) => return Ok(Some(data)),
            Received::Nothing => {}
            Received::Eof => self.read_eof(py, this, reader)?,
            Received::Failed(error) => {
                self.fatal_error(py, this, error, "Fatal read error on socket transport")?;
            }
        }
        Ok(None)
    }

    /// What the protocol made of its data.
    fn delivered(
        &self,
        py: Python<'_>,
        this: &Ref,
        result: PyResult<()>,
        method: &str,
    ) -> PyResult<()> {
        match result {
            Ok(()) => Ok(()),
            Err(error) if ends_run(py, &error) => Err(error),
            Err(error) => {
                let message = format!("Fatal error: protocol.{method}() call failed.");
                self.fatal_error(py, this, error, &message)
            }
        }
    }

    fn read_eof(&self, py: Python<'_>, this: &Ref, reader: &Reader) -> PyResult<()> {
        if unsafe_loop(&reader.event_loop).is_debug() {
            cold(py, "log_eof", (this.bind(py),))?;
        }
        let name = &interop(py)?.names.eof_received;
        let arguments = [reader.protocol.as_ptr()];
        let kept = in_context(py, &reader.context, || {
            call_method(py, name, &arguments)?.bind(py).is_truthy()
        });
        match kept {
            // The protocol goes on writing to a peer that is done: nothing more is to be read.
            Ok(true) => self.want(py, this, |interest| interest.without(Interest::READ)),
            Ok(false) => self.close_now(py, this),
            Err(error) => self.delivered(py, this, Err(error), "eof_received"),
        }
    }

    /// The loop's time, in debug mode.
    fn debug_clock(&self) -> Option<i64> {
        let event_loop = self.event_loop()?;
        let owner = unsafe_loop(&event_loop);
        owner.is_debug().then(|| owner.clock.now())
    }

    fn debug_slow(&self, py: Python<'_>, this: &Ref, began: Option<i64>) -> PyResult<()> {
        let (Some(began), Some(event_loop)) = (began, self.event_loop()) else { return Ok(()) };
        let seconds = (unsafe_loop(&event_loop).clock.now() - began) as f64 / 1e9;
        cold(py, "log_slow", (event_loop.bind(py), this.bind(py), seconds)).map(drop)
    }
}

/// Reads into the loop's scratch buffer and gives what came to `make`.
fn receive<T>(reader: &Reader, make: impl FnOnce(&[u8]) -> T) -> Received<T> {
    let owner = unsafe_loop(&reader.event_loop);
    // `make` may run Python, and that may read again: then it finds no buffer and makes one.
    let mut scratch = owner.scratch.with(std::mem::take);
    if scratch.is_empty() {
        scratch = vec![0; READ_SIZE];
    }
    let received = match recv(borrow(reader.fd), &mut scratch[..], RecvFlags::DONTWAIT) {
        Ok((0, _)) => Received::Eof,
        Ok((count, _)) => Received::Data(make(&scratch[..count])),
        Err(Errno::AGAIN | Errno::INTR) => Received::Nothing,
        Err(error) => Received::Failed(os_error(&error.into())),
    };
    let spare = owner.scratch.with(|slot| std::mem::replace(slot, scratch));
    drop(spare);
    received
}

/// Reads into a buffer of the protocol's.
fn receive_into(py: Python<'_>, fd: RawFd, buffer: &Ref) -> Received<usize> {
    let mut view = ffi::Py_buffer::new();
    // SAFETY: A live object and a place for the view.
    let status =
        unsafe { ffi::PyObject_GetBuffer(buffer.as_ptr(), &raw mut view, ffi::PyBUF_WRITABLE) };
    if status < 0 {
        return Received::Failed(PyErr::fetch(py));
    }
    // SAFETY: The view is writable and contiguous, of `len` bytes; its exporter keeps it in place
    // until it is released, and no Python runs before.
    let target =
        unsafe { std::slice::from_raw_parts_mut(view.buf.cast::<u8>(), view.len as usize) };
    let received = match recv(borrow(fd), target, RecvFlags::DONTWAIT) {
        Ok((0, _)) => Received::Eof,
        Ok((count, _)) => Received::Data(count),
        Err(Errno::AGAIN | Errno::INTR) => Received::Nothing,
        Err(error) => Received::Failed(os_error(&error.into())),
    };
    // SAFETY: Filled above, released once.
    unsafe { ffi::PyBuffer_Release(&raw mut view) };
    received
}

#[pymethods]
impl StreamTransport {
    /// Whether data is being read: not paused, not closing.
    fn is_reading(&self) -> bool {
        self.state.with(|state| !state.closing && !state.reading_paused)
    }

    /// Read nothing until resume_reading(). Does nothing when paused or closing.
    fn pause_reading(this: &Bound<'_, Self>) -> PyResult<()> {
        let transport = this.get();
        if !transport.is_reading() {
            return Ok(());
        }
        transport.state.with(|state| state.reading_paused = true);
        let this_ref = Ref::new(this.as_any());
        transport.want(this.py(), &this_ref, |interest| interest.without(Interest::READ))?;
        transport.log(this.py(), &this_ref, "log_pause")
    }

    /// Read again. Does nothing when not paused, or closing.
    fn resume_reading(this: &Bound<'_, Self>) -> PyResult<()> {
        let transport = this.get();
        if transport.state.with(|state| state.closing || !state.reading_paused) {
            return Ok(());
        }
        transport.state.with(|state| state.reading_paused = false);
        let this_ref = Ref::new(this.as_any());
        transport.want(this.py(), &this_ref, |interest| interest.with(Interest::READ))?;
        transport.log(this.py(), &this_ref, "log_resume")
    }
}

impl StreamTransport {
    fn log(&self, py: Python<'_>, this: &Ref, function: &str) -> PyResult<()> {
        let Some(event_loop) = self.event_loop() else { return Ok(()) };
        if unsafe_loop(&event_loop).is_debug() {
            cold(py, function, (this.bind(py),))?;
        }
        Ok(())
    }
}
