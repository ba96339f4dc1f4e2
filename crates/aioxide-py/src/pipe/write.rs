//! `WritePipeTransport`: from the program to the pipe.
//!
//! A write goes out at once, as asyncio's does, with one exception: `bytes` that a protocol writes
//! while it is being given the data of a pipe, and the next step is an event, are an answer and go
//! out when the reads of the turn are done. Whatever would show the difference (another write,
//! `close`, `write_eof`, `abort`, the size of the buffer) sends it first. In debug mode nothing waits.

use std::ffi::CStr;
use std::mem;

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
use crate::event_loop::{Loop, Sender};
use crate::ffi::{Arguments, Bytes, FastMethod, Ref, add_method, new_with_dict};
use crate::handle::{HandleRef, run_for};
use crate::names::{cold, interop};
use crate::transport::{Data, Done, GATHERED, Queue, Sent, marks, tell, write_now};

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
    /// Waits for room.
    queue: Queue,
    /// Waits for the reads of this turn. Nothing is queued then.
    answer: Option<Bytes>,
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
        Self::flush(this)?;
        let end = this.as_super().get();
        let (closing, asked) = end.state.with(|state| {
            let event_loop = state.event_loop.as_ref();
            (state.closing, event_loop.and_then(|event_loop| event_loop.answered_pipe()))
        });
        let open = !closing && this.get().out.with(|out| out.lost == 0 && out.queue.is_empty());
        // Most are such, and to hold the object is half of what is done for them.
        if open
            && let Ok(bytes) = data.cast_exact::<PyBytes>()
            && let bytes = bytes.as_bytes()
            && !bytes.is_empty()
        {
            if let Some(handle) = asked
                && bytes.len() < GATHERED
                && let Some(answer) = Bytes::of(data)
            {
                Self::answer(this, answer, handle);
                return Ok(());
            }
            return match write_now(end.fd.as_fd(), bytes) {
                Sent::Some(count) if count == bytes.len() => Ok(()),
                sent => Self::wrote(this, Data::of(this.py(), data)?, sent),
            };
        }
        Self::write_any(this, data, closing)
    }

    fn write_any(
        this: &Bound<'_, Self>,
        data: Borrowed<'_, '_, PyAny>,
        closing: bool,
    ) -> PyResult<()> {
        let py = this.py();
        let data = match Data::of(py, data) {
            Err(error) if error.is_instance_of::<PyTypeError>(py) => {
                return Err(PyAssertionError::new_err(data.repr()?.unbind()));
            }
            data => data?,
        };
        if data.as_slice().is_empty() {
            return Ok(());
        }
        let end = this.as_super().get();
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
        match step {
            Step::Lost(times) if times >= LOST_WRITES => {
                cold(py, "log_lost_pipe_write", ()).map(drop)
            }
            Step::Lost(_) => Ok(()),
            Step::Wrote(sent) => Self::wrote(this, data, sent),
            Step::Queued => Self::queue(this, data, 0),
        }
    }

    /// `sent` of `data` went out, before which nothing was queued.
    fn wrote(this: &Bound<'_, Self>, data: Data, sent: Sent) -> PyResult<()> {
        match sent {
            Sent::Some(count) if count == data.as_slice().len() => Ok(()),
            Sent::Some(count) => {
                let method = PipeMethod::Write(Ref::new(this));
                this.as_super().get().watch(this.py(), method)?;
                Self::queue(this, data, count)
            }
            Sent::Failed(error) => {
                this.get().out.with(|out| out.lost += 1);
                Self::failed(this, os_error(&error), FAILED)
            }
        }
    }

    fn queue(this: &Bound<'_, Self>, data: Data, sent: usize) -> PyResult<()> {
        let (piece, skip) = data.into_piece(sent);
        let full = this.get().out.with(|out| {
            out.queue.push(piece, skip);
            out.fills()
        });
        if full { Self::tell(this, true) } else { Ok(()) }
    }

    /// `bytes` go out when the reads of this turn are done. They are written while the pipe of
    /// `handle` is being read.
    #[inline]
    fn answer(this: &Bound<'_, Self>, bytes: Bytes, handle: HandleRef) {
        this.get().out.with(|out| out.answer = Some(bytes));
        let sender = Sender::Pipe(Ref::new(this), handle);
        this.as_super().get().state.with(|state| {
            if let Some(event_loop) = &state.event_loop {
                event_loop.add_answer(sender);
            }
        });
    }

    /// Sends an answer that waits, on behalf of whoever would see that it does.
    #[inline]
    fn flush(this: &Bound<'_, Self>) -> PyResult<()> {
        match this.get().out.with(|out| out.answer.take()) {
            Some(answer) => Self::send(this, answer),
            None => Ok(()),
        }
    }

    fn send(this: &Bound<'_, Self>, answer: Bytes) -> PyResult<()> {
        let sent = write_now(this.as_super().get().fd.as_fd(), answer.as_slice());
        Self::wrote(this, Data::Bytes(answer), sent)
    }

    /// Sends an answer that waits, to what the pipe of `handle` has said. What is to be done when
    /// not all goes out is done in the context that it was written in.
    ///
    /// # Errors
    /// Only what is to end the run of the loop.
    pub(crate) fn send_answer(
        &self,
        py: Python<'_>,
        this: &Ref<Self>,
        handle: &HandleRef,
    ) -> PyResult<()> {
        let Some(answer) = self.out.with(|out| out.answer.take()) else { return Ok(()) };
        let this = this.bind(py);
        match write_now(this.as_super().get().fd.as_fd(), answer.as_slice()) {
            Sent::Some(count) if count == answer.as_slice().len() => Ok(()),
            sent => run_for(py, handle, || Self::wrote(this, Data::Bytes(answer), sent)),
        }
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
        Ok(format!("{text} bufsize={}>", Self::get_write_buffer_size(this)?))
    }

    /// Write every item of an iterable, in order.
    fn writelines(this: &Bound<'_, Self>, list_of_data: &Bound<'_, PyAny>) -> PyResult<()> {
        let joined = PyBytes::new(this.py(), b"").call_method1("join", (list_of_data,))?;
        Self::write(this, joined.as_borrowed())
    }

    /// Write what is queued, then close. connection_lost(None) follows.
    fn write_eof(this: &Bound<'_, Self>) -> PyResult<()> {
        Self::flush(this)?;
        let end = this.as_super().get();
        if end.state.with(|state| mem::replace(&mut state.closing, true)) {
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
        Self::flush(this)?;
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
        let (high, low) = marks(high, low, 64)?;
        Self::flush(this)?;
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
    fn get_write_buffer_size(this: &Bound<'_, Self>) -> PyResult<usize> {
        Self::flush(this)?;
        Ok(this.get().out.with(|out| out.queue.size()))
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
        let out = Out {
            queue: Queue::default(),
            high,
            low: high / 4,
            answer: None,
            paused: false,
            lost: 0,
        };
        let transport = WritePipeTransport { out: LoopCell::new(out) };
        let transport =
            new_with_dict(this.py(), PyClassInitializer::from(end).add_subclass(transport))?;
        let start = notices.then_some("_start");
        PipeTransport::begin(transport.as_any(), this, protocol, start, waiter)?;
        Ok(transport)
    }
}
