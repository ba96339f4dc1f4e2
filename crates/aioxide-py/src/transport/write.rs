//! From the program to the socket.
//!
//! The first write of a turn goes out at once. Further writes of the same turn are gathered and go
//! out together at its end: an answer written in two pieces is one packet and one system call.
//! The program cannot tell: whatever would show the difference (`close`, `write_eof`, `abort`, the
//! size of the buffer) sends what was gathered first.

use std::ffi::CStr;
use std::slice;

use aioxide_core::Interest;
use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::ffi;
use pyo3::prelude::*;

use super::queue::{Piece, Sent, bytes_of, send_now};
use super::stream::{StreamTransport, borrow, unsafe_loop};
use crate::error::os_error;
use crate::ffi::{FastMethod, Ref, add_method, guard};
use crate::names::cold;

/// Gathered writes of this size are not worth waiting for.
const GATHERED: usize = 64 * 1024;

const FAILED: &str = "Fatal write error on socket transport";

/// asyncio warns at this many writes to a lost connection.
const LOST_WRITES: u32 = 5;

/// Adds them to the class.
pub(crate) fn add_fast_methods(py: Python<'_>, class: *mut ffi::PyTypeObject) -> PyResult<()> {
    let doc: &CStr = c"write($self, data, /)\n--\n\n\
Send data (bytes, bytearray or memoryview), now or as soon as the peer takes it.\n\n\
Never waits. Raises TypeError for other types, RuntimeError after write_eof().";
    add_method(py, class, c"write", write as FastMethod, doc)
}

unsafe extern "C" fn write(
    this: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
    keywords: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: Called by the interpreter, so attached.
    let py = unsafe { Python::assume_attached() };
    guard(py, |py| {
        // SAFETY: A tuple, when there is one.
        let named = if keywords.is_null() { 0 } else { unsafe { ffi::PyTuple_GET_SIZE(keywords) } };
        if count + named != 1 {
            return Err(PyTypeError::new_err(format!(
                "write() takes exactly one argument ({} given)",
                count + named
            )));
        }
        // SAFETY: One argument was given; a method of this class.
        let (data, transport) = unsafe { (*args, StreamTransport::behind(this)) };
        transport.write(py, this, data)?;
        // SAFETY: None is always alive.
        Ok(unsafe { Ref::from_borrowed(ffi::Py_None()) }.into_ptr())
    })
}

/// What is to be sent, for the length of one call.
enum Data {
    /// An exact `bytes`.
    Bytes(*mut ffi::PyObject),
    /// A view of something else.
    View(View),
}

struct View(ffi::Py_buffer);

impl Drop for View {
    fn drop(&mut self) {
        // SAFETY: Filled by `PyObject_GetBuffer`, released once.
        unsafe { ffi::PyBuffer_Release(&raw mut self.0) };
    }
}

impl Data {
    fn of(py: Python<'_>, data: *mut ffi::PyObject) -> PyResult<Self> {
        // SAFETY: A live argument.
        unsafe {
            if ffi::PyBytes_CheckExact(data) != 0 {
                return Ok(Self::Bytes(data));
            }
            let known = ffi::PyBytes_Check(data) != 0
                || ffi::PyByteArray_Check(data) != 0
                || ffi::PyMemoryView_Check(data) != 0;
            if !known {
                let object = Bound::from_borrowed_ptr(py, data);
                return Err(PyTypeError::new_err(format!(
                    "data argument must be a bytes-like object, not '{}'",
                    object.get_type().name()?
                )));
            }
            let mut view = ffi::Py_buffer::new();
            if ffi::PyObject_GetBuffer(data, &raw mut view, ffi::PyBUF_SIMPLE) == 0 {
                return Ok(Self::View(View(view)));
            }
        }
        let error = PyErr::fetch(py);
        if !error.is_instance_of::<pyo3::exceptions::PyBufferError>(py) {
            return Err(error);
        }
        // A view with gaps: its bytes are gathered by Python.
        // SAFETY: A live argument.
        let object = unsafe { Bound::from_borrowed_ptr(py, data) };
        let bytes = Ref::new(&object.call_method0("tobytes")?);
        let mut view = ffi::Py_buffer::new();
        // SAFETY: A `bytes` object, which the view keeps alive.
        if unsafe { ffi::PyObject_GetBuffer(bytes.as_ptr(), &raw mut view, ffi::PyBUF_SIMPLE) } < 0
        {
            return Err(PyErr::fetch(py));
        }
        Ok(Self::View(View(view)))
    }

    fn as_slice(&self) -> &[u8] {
        match self {
            Self::Bytes(object) => bytes_of(*object),
            // SAFETY: The view's exporter keeps `len` bytes in place until it is released.
            Self::View(View(view)) => unsafe {
                if view.len == 0 {
                    &[]
                } else {
                    slice::from_raw_parts(view.buf.cast::<u8>(), view.len as usize)
                }
            },
        }
    }

    /// A piece for the queue, of which `sent` bytes are sent, and how many of the piece's are.
    fn piece(&self, sent: usize) -> (Piece, usize) {
        match self {
            // SAFETY: A live argument.
            Self::Bytes(object) => (Piece::Held(unsafe { Ref::from_borrowed(*object) }), sent),
            Self::View(_) => (Piece::Copied(self.as_slice()[sent..].to_vec()), 0),
        }
    }
}

/// What is to happen to a write.
enum Step {
    Refused(PyErr),
    Lost(u32),
    Sent(Sent),
    /// The queue is not empty, or this turn has sent already.
    Queue,
}

impl StreamTransport {
    fn write(
        &self,
        py: Python<'_>,
        this: *mut ffi::PyObject,
        data: *mut ffi::PyObject,
    ) -> PyResult<()> {
        let data = Data::of(py, data)?;
        let turn = self.turn();
        let step = self.state.with(|state| {
            if state.eof {
                return Step::Refused(PyRuntimeError::new_err(
                    "Cannot call write() after write_eof()",
                ));
            }
            if state.empty_waiter.is_some() {
                return Step::Refused(PyRuntimeError::new_err(
                    "unable to write; sendfile is in progress",
                ));
            }
            if state.lost != 0 {
                if !data.as_slice().is_empty() {
                    state.lost = state.lost.saturating_add(1);
                }
                return Step::Lost(state.lost - 1);
            }
            if !state.queue.is_empty() || (turn.is_some() && turn == Some(state.wrote_in)) {
                return Step::Queue;
            }
            state.wrote_in = turn.unwrap_or(0);
            Step::Sent(send_now(borrow(state.fd), data.as_slice()))
        });
        if data.as_slice().is_empty() && !matches!(step, Step::Refused(_)) {
            return Ok(());
        }
        // SAFETY: The object whose method this is.
        let this = &unsafe { Ref::from_borrowed(this) };
        match step {
            Step::Refused(error) => Err(error),
            Step::Lost(times) => {
                if times >= LOST_WRITES {
                    cold(py, "log_lost_write", ())?;
                }
                Ok(())
            }
            Step::Sent(Sent::Some(sent)) if sent == data.as_slice().len() => Ok(()),
            Step::Sent(Sent::Some(sent)) => {
                let (piece, skip) = data.piece(sent);
                self.state.with(|state| state.queue.push(piece, skip));
                self.want(py, this, |interest| interest.with(Interest::WRITE))?;
                self.pause_protocol_if_full(py, this)
            }
            Step::Sent(Sent::Failed(error)) => self.fatal_error(py, this, os_error(&error), FAILED),
            Step::Queue => {
                let (piece, skip) = data.piece(0);
                self.state.with(|state| state.queue.push(piece, skip));
                self.gathered(py, this)
            }
        }
    }

    /// The number of the loop's turn, `None` when it is not running: then every write goes out at
    /// once, because no end of a turn is to come.
    fn turn(&self) -> Option<u64> {
        let event_loop = self.event_loop()?;
        let owner = unsafe_loop(&event_loop);
        owner.is_running().then(|| owner.scheduler.with(|scheduler| scheduler.turn))
    }

    /// Something was put into the queue.
    fn gathered(&self, py: Python<'_>, this: &Ref) -> PyResult<()> {
        let (polling, listed, size) = self.state.with(|state| {
            let listed = std::mem::replace(&mut state.unsent, !state.interest.writable);
            (state.interest.writable, listed, state.queue.size())
        });
        if polling {
            return self.pause_protocol_if_full(py, this);
        }
        if self.turn().is_none() || size >= GATHERED {
            return self.flush(py, this);
        }
        if !listed && let Some(event_loop) = self.event_loop() {
            let entry = this.clone();
            unsafe_loop(&event_loop).unsent.with(|unsent| unsent.push(entry));
        }
        Ok(())
    }

    /// Sends what was gathered in this turn. What the kernel does not take waits for room.
    ///
    /// # Errors
    /// Only what is to end the run of the loop.
    pub(crate) fn flush(&self, py: Python<'_>, this: &Ref) -> PyResult<()> {
        let gathered = self.state.with(|state| {
            let unsent = std::mem::replace(&mut state.unsent, false);
            unsent && state.lost == 0 && !state.queue.is_empty() && !state.interest.writable
        });
        if !gathered {
            return Ok(());
        }
        self.send_queue(py, this)?;
        if self.state.with(|state| !state.queue.is_empty() && state.lost == 0) {
            self.want(py, this, |interest| interest.with(Interest::WRITE))?;
            self.pause_protocol_if_full(py, this)?;
        }
        Ok(())
    }

    /// There is room to write.
    pub(super) fn write_ready(&self, py: Python<'_>, this: &Ref) -> PyResult<()> {
        if self.state.with(|state| state.lost != 0) {
            return Ok(());
        }
        self.send_queue(py, this)
    }

    fn send_queue(&self, py: Python<'_>, this: &Ref) -> PyResult<()> {
        let mut done = Vec::new();
        let sent = self.state.with(|state| state.queue.send(borrow(state.fd), &mut done));
        drop(done);
        match sent {
            Sent::Failed(error) => self.send_failed(py, this, os_error(&error)),
            Sent::Some(_) => {
                self.resume_protocol_if_drained(py, this)?;
                if self.state.with(|state| state.queue.is_empty()) {
                    self.queue_emptied(py, this)?;
                }
                Ok(())
            }
        }
    }

    fn send_failed(&self, py: Python<'_>, this: &Ref, error: PyErr) -> PyResult<()> {
        let waiter = self.state.with(|state| state.empty_waiter.clone());
        let value = error.clone_ref(py).into_value(py);
        let pieces = self.state.with(|state| state.queue.take());
        drop(pieces);
        self.want(py, this, |interest| interest.without(Interest::WRITE))?;
        self.fatal_error(py, this, error, FAILED)?;
        if let Some(waiter) = waiter {
            waiter.bind(py).call_method1("set_exception", (value,))?;
        }
        Ok(())
    }

    fn queue_emptied(&self, py: Python<'_>, this: &Ref) -> PyResult<()> {
        self.want(py, this, |interest| interest.without(Interest::WRITE))?;
        let (waiter, closing, eof) =
            self.state.with(|state| (state.empty_waiter.clone(), state.closing, state.eof));
        if let Some(waiter) = waiter {
            waiter.bind(py).call_method1("set_result", (py.None(),))?;
        }
        if closing {
            self.lose(py, this, None)
        } else if eof {
            self.shutdown_writing(py)
        } else {
            Ok(())
        }
    }

    pub(super) fn shutdown_writing(&self, _py: Python<'_>) -> PyResult<()> {
        let fd = self.state.with(|state| state.fd);
        match rustix::net::shutdown(borrow(fd), rustix::net::Shutdown::Write) {
            Ok(()) => Ok(()),
            Err(error) => Err(os_error(&error.into())),
        }
    }

    fn ensure_writable(&self, method: &str) -> PyResult<()> {
        self.state.with(|state| {
            if state.eof {
                Err(PyRuntimeError::new_err(format!("Cannot call {method}() after write_eof()")))
            } else if state.empty_waiter.is_some() {
                Err(PyRuntimeError::new_err(format!("unable to {method}; sendfile is in progress")))
            } else {
                Ok(())
            }
        })
    }
}

#[pymethods]
impl StreamTransport {
    /// Send every item (bytes, bytearray or memoryview) of an iterable, in order.
    fn writelines(this: &Bound<'_, Self>, list_of_data: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = this.py();
        let transport = this.get();
        transport.ensure_writable("writelines")?;
        let mut pieces = Vec::new();
        for item in list_of_data.try_iter()? {
            pieces.push(Data::of(py, item?.as_ptr())?.piece(0).0);
        }
        let this = Ref::new(this.as_any());
        let lost = transport.state.with(|state| {
            if state.lost != 0 {
                state.lost = state.lost.saturating_add(1);
                return true;
            }
            for piece in pieces.drain(..) {
                state.queue.push(piece, 0);
            }
            false
        });
        drop(pieces);
        if lost || transport.state.with(|state| state.queue.is_empty()) {
            return Ok(());
        }
        // The pieces are gathered already, so there is nothing to wait for.
        transport.state.with(|state| state.unsent = true);
        transport.flush(py, &this)?;
        transport.pause_protocol_if_full(py, &this)
    }

    /// Send what is written, then close the writing half. Does nothing when closing.
    fn write_eof(this: &Bound<'_, Self>) -> PyResult<()> {
        let py = this.py();
        let transport = this.get();
        if transport.state.with(|state| state.closing || state.eof) {
            return Ok(());
        }
        transport.flush(py, &Ref::new(this.as_any()))?;
        if transport.state.with(|state| state.closing) {
            return Ok(());
        }
        transport.state.with(|state| state.eof = true);
        if transport.state.with(|state| state.queue.is_empty()) {
            transport.shutdown_writing(py)?;
        }
        Ok(())
    }

    /// Whether write_eof() works: always.
    fn can_write_eof(&self) -> bool {
        true
    }

    /// A future that is done when everything is sent, for loop.sendfile().
    fn _make_empty_waiter<'py>(this: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = this.py();
        let transport = this.get();
        if transport.state.with(|state| state.empty_waiter.is_some()) {
            return Err(PyRuntimeError::new_err("Empty waiter is already set"));
        }
        transport.flush(py, &Ref::new(this.as_any()))?;
        let Some(event_loop) = transport.event_loop() else {
            return Err(PyRuntimeError::new_err("the transport is closed"));
        };
        let waiter = event_loop.bind(py).call_method0("create_future")?;
        let new = Ref::new(&waiter);
        let empty = transport.state.with(|state| {
            state.empty_waiter = Some(new);
            state.queue.is_empty()
        });
        if empty {
            waiter.call_method1("set_result", (py.None(),))?;
        }
        Ok(waiter)
    }

    /// loop.sendfile() is over.
    fn _reset_empty_waiter(&self) {
        drop(self.state.with(|state| state.empty_waiter.take()));
    }
}
