//! From the socket to the protocol.

use aioxide_core::Interest;
use pyo3::exceptions::{PyBufferError, PyRuntimeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyInt};
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};

use super::protocol::{Stream, Way, feed, is_untouched};
use super::stream::StreamTransport;
use crate::client::HttpConnection;
use crate::error::os_error;
use crate::event_loop::{Loop, READ_SIZE, Sender};
use crate::ffi::{Ref, View, call_method, in_context};
use crate::handle::ends_run;
use crate::names::{cold, interop};
use crate::tls::TlsProtocol;

/// What one read came to.
enum Received<T> {
    Data(T),
    Nothing,
    Eof,
    Failed(PyErr),
}

/// What a read needs, taken out of the state so that nothing is borrowed while Python runs.
struct Reader {
    event_loop: Ref<Loop>,
    protocol: Ref,
    context: Ref,
    way: Way,
}

impl StreamTransport {
    /// The descriptor is ready.
    ///
    /// # Errors
    /// Only what is to end the run of the loop.
    pub(crate) fn ready(&self, py: Python<'_>, this: &Ref<Self>, ready: Interest) -> PyResult<()> {
        if ready.readable {
            self.read_ready(py, this)?;
        }
        if ready.writable && self.state.with(|state| state.interest.writable) {
            self.write_ready(py, this)?;
        }
        Ok(())
    }

    fn read_ready(&self, py: Python<'_>, this: &Ref<Self>) -> PyResult<()> {
        let Some(reader) = self.state.with(|state| {
            if state.lost != 0 || !state.interest.readable {
                return None;
            }
            Some(Reader {
                event_loop: state.event_loop.clone()?,
                protocol: state.protocol.clone()?,
                context: state.context.clone(),
                way: state.way.clone(),
            })
        }) else {
            return Ok(());
        };
        if reader.event_loop.is_debug() {
            return self.read_debug(py, this, &reader);
        }
        self.read_with(py, this, &reader)
    }

    fn read_with(&self, py: Python<'_>, this: &Ref<Self>, reader: &Reader) -> PyResult<()> {
        // Everything that a read leads to runs in the reader's context: what the protocol does, and
        // what is scheduled when the connection ends.
        let result = in_context(py, &reader.context, || {
            let address = this.as_ptr() as usize;
            let delivered = reader.event_loop.deliver(address, || match &reader.way {
                Way::Plain => self.read_plain(py, this, reader),
                Way::Buffered => self.read_buffered(py, this, reader),
                Way::Tls => self.read_tls(py, this, reader),
                Way::Http(connection) => self.read_http(py, this, reader, connection),
                Way::Stream(stream) => {
                    if is_untouched(py, stream, &reader.protocol)? {
                        self.read_stream(py, this, reader, stream)
                    } else {
                        self.read_plain(py, this, reader)
                    }
                }
            });
            reader.event_loop.flush(py)?;
            delivered
        });
        // The answer goes out whatever came of the rest, and outside the context: an answer may
        // send all that wait, and what does not go out at once enters the context again.
        let answered = if self.state.with(|state| state.unsent) {
            reader.event_loop.answer(py, Sender::Stream(this.clone()))
        } else {
            Ok(())
        };
        match result.and(answered) {
            Err(error) if !ends_run(py, &error) => {
                // The context is entered already, by a program that polls from inside it.
                self.fatal_error(py, this, error, "Fatal error: the protocol was not called.")
            }
            result => result,
        }
    }

    fn read_plain(&self, py: Python<'_>, this: &Ref<Self>, reader: &Reader) -> PyResult<()> {
        let received = self.receive(reader, |data| Ref::from(PyBytes::new(py, data).into_any()));
        let Some(data) = self.received(py, this, reader, received)? else { return Ok(()) };
        let name = &interop(py)?.names.data_received;
        let called = call_method(py, name, [&reader.protocol, &data]);
        self.delivered(py, this, called.map(drop), "data_received")
    }

    fn read_stream(
        &self,
        py: Python<'_>,
        this: &Ref<Self>,
        reader: &Reader,
        stream: &Stream,
    ) -> PyResult<()> {
        let received = self.receive(reader, |data| feed(py, stream, data));
        match self.received(py, this, reader, received)? {
            Some(fed) => self.delivered(py, this, fed, "data_received"),
            None => Ok(()),
        }
    }

    fn read_tls(&self, py: Python<'_>, this: &Ref<Self>, reader: &Reader) -> PyResult<()> {
        let protocol: Ref<TlsProtocol> =
            reader.protocol.bind(py).cast::<TlsProtocol>()?.clone().into();
        let received = self.receive(reader, |data| protocol.feed(py, data));
        let Some(fed) = self.received(py, this, reader, received)? else { return Ok(()) };
        let result = fed.and_then(|()| protocol.fed(py, &protocol));
        self.delivered(py, this, result, "buffer_updated")
    }

    fn read_http(
        &self,
        py: Python<'_>,
        this: &Ref<Self>,
        reader: &Reader,
        connection: &Ref<HttpConnection>,
    ) -> PyResult<()> {
        let received = self.receive(reader, |data| connection.feed(py, data));
        match self.received(py, this, reader, received)? {
            Some(fed) => self.delivered(py, this, fed, "data_received"),
            None => Ok(()),
        }
    }

    fn read_buffered(&self, py: Python<'_>, this: &Ref<Self>, reader: &Reader) -> PyResult<()> {
        let interop = interop(py)?;
        let names = &interop.names;
        let buffer = call_method(py, &names.get_buffer, [&reader.protocol, &interop.minus_one]);
        let buffer = match buffer.and_then(|buffer| not_empty(py, buffer)) {
            Ok(buffer) => buffer,
            Err(error) => return self.delivered(py, this, Err(error), "get_buffer"),
        };
        let received = self.receive_into(py, &buffer);
        drop(buffer);
        let Some(count) = self.received(py, this, reader, received)? else { return Ok(()) };
        // get_buffer() may have put another protocol in its place: the data is that one's.
        let Some(protocol) = self.state.with(|state| state.protocol.clone()) else {
            return Ok(());
        };
        let count = Ref::from(PyInt::new(py, count).into_any());
        let called = call_method(py, &names.buffer_updated, [&protocol, &count]);
        self.delivered(py, this, called.map(drop), "buffer_updated")
    }

    /// The data, or `None` after nothing, an end or an error was dealt with.
    fn received<T>(
        &self,
        py: Python<'_>,
        this: &Ref<Self>,
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
        this: &Ref<Self>,
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

    fn read_eof(&self, py: Python<'_>, this: &Ref<Self>, reader: &Reader) -> PyResult<()> {
        if reader.event_loop.is_debug() {
            cold(py, "log_eof", (this.bind(py),))?;
        }
        let name = &interop(py)?.names.eof_received;
        let kept =
            call_method(py, name, [&reader.protocol]).and_then(|kept| kept.bind(py).is_truthy());
        match kept {
            // The protocol goes on writing to a peer that is done: nothing more is to be read.
            Ok(true) => self.want(this, |interest| interest.without(Interest::READ)),
            Ok(false) => self.close_now(py, this),
            Err(error) => self.delivered(py, this, Err(error), "eof_received"),
        }
    }

    /// Reads into the loop's scratch buffer and gives what came to `make`.
    fn receive<T>(&self, reader: &Reader, make: impl FnOnce(&[u8]) -> T) -> Received<T> {
        // `make` may run Python, and that may read again: then it finds no buffer and makes one.
        let mut scratch = reader.event_loop.scratch.with(std::mem::take);
        if scratch.is_empty() {
            scratch = vec![0; READ_SIZE];
        }
        let received = self.receive_slice(&mut scratch);
        let received = match received {
            Received::Data(count) => Received::Data(make(&scratch[..count])),
            Received::Nothing => Received::Nothing,
            Received::Eof => Received::Eof,
            Received::Failed(error) => Received::Failed(error),
        };
        reader.event_loop.scratch.with(|slot| *slot = scratch);
        received
    }

    /// Reads into a buffer of the protocol's.
    fn receive_into(&self, py: Python<'_>, buffer: &Ref) -> Received<usize> {
        match View::writable(py, buffer) {
            Ok(mut view) => self.receive_slice(view.as_mut_slice()),
            Err(error) if error.is_instance_of::<PyBufferError>(py) => {
                // As `socket.recv_into` says it.
                let class = buffer.bind(py).get_type();
                Received::Failed(PyTypeError::new_err(format!(
                    "recv_into() argument 1 must be read-write bytes-like object, not {class}"
                )))
            }
            Err(error) => Received::Failed(error),
        }
    }

    /// Whether the connection is open and nothing waits to be read: a connection that was idle, and
    /// over which the peer has said nothing. Calls no Python.
    pub(crate) fn is_quiet(&self) -> bool {
        let mut byte = [0];
        self.state.with(|state| {
            let lost = state.closing || state.lost != 0 || state.descriptor.is_detached();
            let flags = RecvFlags::DONTWAIT | RecvFlags::PEEK;
            let peeked = state.descriptor.as_fd().map(|fd| recv(fd, &mut byte, flags));
            !lost && matches!(peeked, Some(Err(Errno::AGAIN)))
        })
    }

    fn receive_slice(&self, target: &mut [u8]) -> Received<usize> {
        let received = self.state.with(|state| match state.descriptor.is_detached() {
            true => Some(Err(Errno::BADF)),
            false => state.descriptor.as_fd().map(|fd| recv(fd, target, RecvFlags::DONTWAIT)),
        });
        match received {
            Some(Ok((0, _))) => Received::Eof,
            Some(Ok((count, _))) => Received::Data(count),
            Some(Err(Errno::AGAIN | Errno::INTR)) | None => Received::Nothing,
            Some(Err(error)) => Received::Failed(os_error(&error.into())),
        }
    }

    /// Reads, and tells of a protocol that takes long.
    #[cold]
    fn read_debug(&self, py: Python<'_>, this: &Ref<Self>, reader: &Reader) -> PyResult<()> {
        let began = reader.event_loop.clock.now();
        let result = self.read_with(py, this, reader);
        let seconds = (reader.event_loop.clock.now() - began) as f64 / 1e9;
        cold(py, "log_slow", (reader.event_loop.bind(py), this.bind(py), seconds))?;
        result
    }

    fn log(&self, py: Python<'_>, this: &Ref<Self>, function: &str) -> PyResult<()> {
        if self.event_loop().is_some_and(|event_loop| event_loop.is_debug()) {
            cold(py, function, (this.bind(py),))?;
        }
        Ok(())
    }
}

fn not_empty(py: Python<'_>, buffer: Ref) -> PyResult<Ref> {
    if buffer.bind(py).len()? == 0 {
        return Err(PyRuntimeError::new_err("get_buffer() returned an empty buffer"));
    }
    Ok(buffer)
}

#[pymethods]
impl StreamTransport {
    /// Whether data is being read: not paused, not closing.
    fn is_reading(&self) -> bool {
        self.state.with(|state| !state.closing && !state.reading_paused)
    }

    /// Read nothing until resume_reading(). Does nothing when paused or closing.
    pub(crate) fn pause_reading(this: &Bound<'_, Self>) -> PyResult<()> {
        let transport = this.get();
        if !transport.is_reading() {
            return Ok(());
        }
        transport.state.with(|state| state.reading_paused = true);
        let py = this.py();
        let this = Ref::new(this);
        transport.want(&this, |interest| interest.without(Interest::READ))?;
        transport.log(py, &this, "log_pause")
    }

    /// Read again. Does nothing when not paused, or closing.
    pub(crate) fn resume_reading(this: &Bound<'_, Self>) -> PyResult<()> {
        let transport = this.get();
        if transport.state.with(|state| state.closing || !state.reading_paused) {
            return Ok(());
        }
        // As with asyncio, the reader runs in a copy of the context of whoever makes it read.
        let context = transport.context_of_caller(this.py())?;
        let old = transport.state.with(|state| {
            state.reading_paused = false;
            std::mem::replace(&mut state.context, context)
        });
        drop(old);
        let py = this.py();
        let this = Ref::new(this);
        transport.want(&this, |interest| interest.with(Interest::READ))?;
        transport.log(py, &this, "log_resume")
    }
}
