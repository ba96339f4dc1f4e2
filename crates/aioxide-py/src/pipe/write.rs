//! `WritePipeTransport`: from the program to the pipe.

use std::ffi::CStr;

use pyo3::exceptions::{
    PyAssertionError, PyBrokenPipeError, PyNotImplementedError, PyOSError, PyTypeError,
};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use rustix::fs::FileType;

use super::read::repr;
use super::{PipeMethod, PipeTransport};
use crate::cell::LoopCell;
use crate::error::os_error;
use crate::event_loop::Loop;
use crate::ffi::{Arguments, FastMethod, Ref, add_method, new_with_dict};
use crate::names::{cold, interop};
use crate::transport::{Data, Done, Queue, Sent, marks, tell, write_now};

const FAILED: &str = "Fatal write error on pipe transport";

/// asyncio warns at this many writes to a pipe that is lost.
const LOST_WRITES: u32 = 5;

/// The writing end of a pipe, made by connect_write_pipe(); an asyncio.WriteTransport.
#[pyclass(frozen, extends = PipeTransport, module = "aioxide._aioxide")]
#[derive(Debug)]
pub(crate) struct WritePipeTransport {
    out: LoopCell<Out>,
}

/// What is still to be written.
#[derive(Debug)]
struct Out {
    queue: Queue,
    high: usize,
    low: usize,
    /// `pause_writing` was called last.
    paused: bool,
    /// How many writes came after the end.
    lost: u32,
}

/// What is to happen to a write.
enum Step {
    Lost(u32),
    Wrote(Sent),
    Queued,
}

/// Adds them to the class.
pub(super) fn add_fast_methods(py: Python<'_>) -> PyResult<()> {
    add_method::<WritePipeTransport, Write>(py)
}

struct Write;

impl FastMethod<WritePipeTransport> for Write {
    const NAME: &'static CStr = c"write";
    const DOC: &'static CStr = c"write($self, data)\n--\n\n\
Write data (bytes, bytearray or memoryview), now or as soon as the pipe takes it.\n\n\
Never waits. Raises AssertionError for other types.";

    fn call<'a, 'py>(
        this: &'a Bound<'py, WritePipeTransport>,
        arguments: Arguments<'a, 'py>,
    ) -> PyResult<Ref> {
        let py = this.py();
        let mut given = arguments.positional.iter().copied();
        let mut named = arguments.keywords(py).filter(|(name, _)| name == "data");
        let count = arguments.positional.len() + arguments.keyword_count();
        match given.next().or_else(|| named.next().map(|(_, value)| value)) {
            Some(data) if count == 1 => WritePipeTransport::write(this, data)?,
            _ => {
                let text = format!("write() takes exactly one argument, data ({count} given)");
                return Err(PyTypeError::new_err(text));
            }
        }
        Ok(interop(py)?.none.clone())
    }
}

impl WritePipeTransport {
    fn write(this: &Bound<'_, Self>, data: Borrowed<'_, '_, PyAny>) -> PyResult<()> {
        let py = this.py();
        let data = match Data::of(py, data) {
            Err(error) if error.is_instance_of::<PyTypeError>(py) => {
                return Err(PyAssertionError::new_err(data.repr()?.unbind()));
            }
            data => data?,
        };
        let length = data.as_slice().len();
        if length == 0 {
            return Ok(());
        }
        let end = this.as_super().get();
        let closing = end.is_closing();
        let step = this.get().out.with(|out| {
            if closing || out.lost != 0 {
                let times = out.lost;
                out.lost = times.saturating_add(1);
                Step::Lost(times)
            } else if out.queue.is_empty() {
                Step::Wrote(write_now(end.fd.as_fd(), data.as_slice()))
            } else {
                Step::Queued
            }
        });
        let written = match step {
            Step::Lost(times) => {
                if times >= LOST_WRITES {
                    cold(py, "log_lost_pipe_write", ())?;
                }
                return Ok(());
            }
            Step::Wrote(Sent::Some(count)) if count == length => return Ok(()),
            Step::Wrote(Sent::Some(count)) => {
                end.watch(py, PipeMethod::Write(Ref::new(this)))?;
                count
            }
            Step::Wrote(Sent::Failed(error)) => {
                this.get().out.with(|out| out.lost += 1);
                return Self::failed(this, os_error(&error), FAILED);
            }
            Step::Queued => 0,
        };
        let (piece, skip) = data.into_piece(written);
        let full = this.get().out.with(|out| {
            out.queue.push(piece, skip);
            out.fills()
        });
        if full { Self::tell(this, true) } else { Ok(()) }
    }

    fn tell(this: &Bound<'_, Self>, pause: bool) -> PyResult<()> {
        let end = this.as_super().get();
        tell(this.py(), end.event_loop(), this.as_any(), end.protocol(), pause)
    }

    fn failed(this: &Bound<'_, Self>, error: PyErr, message: &str) -> PyResult<()> {
        let expected = error.is_instance_of::<PyOSError>(this.py());
        this.as_super().get().report(this.as_any(), &error, message, expected)?;
        Self::drop_queue(this, Some(error))
    }

    /// Ends without writing what is queued. `connection_lost(error)` follows.
    fn drop_queue(this: &Bound<'_, Self>, error: Option<PyErr>) -> PyResult<()> {
        let py = this.py();
        let end = this.as_super().get();
        end.state.with(|state| state.closing = true);
        let pieces = this.get().out.with(|out| out.queue.take());
        if !pieces.is_empty() {
            end.unwatch(py, true)?;
        }
        drop(pieces);
        end.unwatch(py, false)?;
        end.schedule_loss(this.as_any(), error)
    }

    /// The reader is gone.
    pub(super) fn reader_gone(this: &Bound<'_, Self>) -> PyResult<()> {
        if this.as_super().get().is_debug() {
            cold(this.py(), "log_closed_by_peer", (this,))?;
        }
        let error = (!this.get().is_empty()).then(|| PyBrokenPipeError::new_err(()));
        Self::drop_queue(this, error)
    }

    /// There is room to write.
    pub(super) fn write_ready(this: &Bound<'_, Self>) -> PyResult<()> {
        let py = this.py();
        let end = this.as_super().get();
        let mut done = Done::default();
        let sent = this.get().out.with(|out| {
            (!out.queue.is_empty()).then(|| out.queue.write(end.fd.as_fd(), &mut done))
        });
        drop(done);
        match sent {
            None => return end.unwatch(py, true),
            Some(Sent::Failed(error)) => {
                let pieces = this.get().out.with(|out| {
                    out.lost += 1;
                    out.queue.take()
                });
                drop(pieces);
                end.unwatch(py, true)?;
                return Self::failed(this, os_error(&error), FAILED);
            }
            Some(Sent::Some(_)) => {}
        }
        if !this.get().is_empty() {
            return Ok(());
        }
        end.unwatch(py, true)?;
        if this.get().out.with(Out::drains) {
            Self::tell(this, false)?;
        }
        // resume_writing() may have written more.
        if end.is_closing() && this.get().is_empty() {
            end.unwatch(py, false)?;
            end.lose(py, None)?;
        }
        Ok(())
    }

    fn is_empty(&self) -> bool {
        self.out.with(|out| out.queue.is_empty())
    }
}

impl Out {
    /// Notes that the queue is too long. Returns whether that is new.
    fn fills(&mut self) -> bool {
        let full = !self.paused && self.queue.size() > self.high;
        self.paused |= full;
        full
    }

    /// Notes that the queue is short again. Returns whether that is new.
    fn drains(&mut self) -> bool {
        let drained = self.paused && self.queue.size() <= self.low;
        self.paused &= !drained;
        drained
    }
}

#[pymethods]
impl WritePipeTransport {
    /// isinstance(transport, asyncio.WriteTransport) holds.
    #[getter]
    fn __class__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(interop(py)?.write_pipe_transport.clone().into_bound(py))
    }

    fn __repr__(this: &Bound<'_, Self>) -> PyResult<String> {
        let end = this.as_super().get();
        let text = repr(this.py(), end, "WritePipeTransport", true)?;
        if end.is_closed() {
            return Ok(text + ">");
        }
        Ok(format!("{text} bufsize={}>", this.get().get_write_buffer_size()))
    }

    /// Write every item of an iterable, in order.
    fn writelines(this: &Bound<'_, Self>, list_of_data: &Bound<'_, PyAny>) -> PyResult<()> {
        let joined = PyBytes::new(this.py(), b"").call_method1("join", (list_of_data,))?;
        Self::write(this, joined.as_borrowed())
    }

    /// Write what is queued, then close. connection_lost(None) follows.
    fn write_eof(this: &Bound<'_, Self>) -> PyResult<()> {
        let end = this.as_super().get();
        if end.state.with(|state| std::mem::replace(&mut state.closing, true)) {
            return Ok(());
        }
        if this.get().is_empty() {
            end.unwatch(this.py(), false)?;
            end.schedule_loss(this.as_any(), None)?;
        }
        Ok(())
    }

    /// Whether write_eof() works: always.
    fn can_write_eof(&self) -> bool {
        true
    }

    /// Write what is queued, then close. connection_lost(None) follows.
    fn close(this: &Bound<'_, Self>) -> PyResult<()> {
        Self::write_eof(this)
    }

    /// Close now, without writing what is queued. connection_lost(None) follows.
    fn abort(this: &Bound<'_, Self>) -> PyResult<()> {
        Self::drop_queue(this, None)
    }

    /// Set the marks of flow control, in bytes: pause_writing() above high, resume_writing() when
    /// everything is written.
    ///
    /// By default high is 64 KiB or 4 * low, low is high / 4. Raises ValueError unless
    /// high >= low >= 0.
    #[pyo3(signature = (high=None, low=None))]
    fn set_write_buffer_limits(
        this: &Bound<'_, Self>,
        high: Option<&Bound<'_, PyAny>>,
        low: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let (high, low) = marks(high, low)?;
        let full = this.get().out.with(|out| {
            out.high = high;
            out.low = low;
            out.fills()
        });
        if full { Self::tell(this, true) } else { Ok(()) }
    }

    /// The marks of flow control: (low, high), in bytes.
    fn get_write_buffer_limits(&self) -> (usize, usize) {
        self.out.with(|out| (out.low, out.high))
    }

    /// How many bytes the pipe has not taken yet.
    fn get_write_buffer_size(&self) -> usize {
        self.out.with(|out| out.queue.size())
    }

    /// Raises NotImplementedError, as the others of a reading end do: this one only writes.
    fn is_reading(&self) -> PyResult<bool> {
        Err(PyNotImplementedError::new_err(()))
    }

    fn pause_reading(&self) -> PyResult<()> {
        Err(PyNotImplementedError::new_err(()))
    }

    fn resume_reading(&self) -> PyResult<()> {
        Err(PyNotImplementedError::new_err(()))
    }

    #[getter(_conn_lost)]
    fn lost_attribute(&self) -> u32 {
        self.out.with(|out| out.lost)
    }

    #[getter(_protocol_paused)]
    fn protocol_paused_attribute(&self) -> bool {
        self.out.with(|out| out.paused)
    }

    /// connection_made() has run: notice the reader closing, unless it has closed the transport.
    fn _start(this: &Bound<'_, Self>) -> PyResult<()> {
        let end = this.as_super().get();
        if end.is_closing() {
            return Ok(());
        }
        end.watch(this.py(), PipeMethod::Gone(Ref::new(this)))
    }

    /// The reader is gone.
    fn _read_ready(this: &Bound<'_, Self>) -> PyResult<()> {
        Self::reader_gone(this)
    }

    /// There is room to write.
    fn _write_ready(this: &Bound<'_, Self>) -> PyResult<()> {
        Self::write_ready(this)
    }
}

#[pymethods]
impl Loop {
    /// Make the transport of a pipe that is written, which closes it.
    #[pyo3(signature = (pipe, protocol, waiter=None, extra=None))]
    fn _write_pipe<'py>(
        this: &Bound<'py, Self>,
        pipe: &Bound<'py, PyAny>,
        protocol: &Bound<'py, PyAny>,
        waiter: Option<&Bound<'py, PyAny>>,
        extra: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, WritePipeTransport>> {
        let refusal = "Pipe transport is only for pipes, sockets and character devices";
        let end = PipeTransport::new(this, pipe, protocol, extra, "WritePipeTransport", refusal)?;
        // A terminal may be read by somebody else, and does not tell by it that it is closed.
        let notices = matches!(end.kind, FileType::Fifo | FileType::Socket);
        let high = 64 * 1024;
        let out = Out { queue: Queue::default(), high, low: high / 4, paused: false, lost: 0 };
        let transport = WritePipeTransport { out: LoopCell::new(out) };
        let transport =
            new_with_dict(this.py(), PyClassInitializer::from(end).add_subclass(transport))?;
        let start = notices.then_some("_start");
        PipeTransport::begin(transport.as_any(), this, protocol, start, waiter)?;
        Ok(transport)
    }
}
