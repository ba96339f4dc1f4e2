//! From the program to the socket.
//!
//! A write goes out at once, as asyncio's does, with two exceptions in which it is gathered:
//! - what a step of the loop (a callback, a task's step) writes to a connection after its first
//!   write goes out when the step ends;
//! - what a protocol writes while it is being given data is an answer, and goes out when the reads
//!   of this turn are done: an answer in two pieces is one system call and one packet. A read that
//!   answers more than 0.1 ms after the first answer sends all that wait.
//!
//! Whatever would show the difference (`close`, `write_eof`, `abort`, the size of the buffer) sends
//! what was gathered first. Outside a running loop no end of a step is to come, and nothing is
//! gathered.

use std::ffi::CStr;

use aioxide_core::Interest;
use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::prelude::*;
use rustix::io::Errno;

use super::data::Data;
use super::origin::Origin;
use super::queue::{Done, Sent, send_now};
use super::stream::{State, StreamTransport};
use crate::error::os_error;
use crate::event_loop::Sender;
use crate::ffi::{Arguments, FastMethod, Ref, add_method, in_context};
use crate::handle::ends_run;
use crate::names::{cold, interop};

/// Gathered writes of this size are not worth waiting for.
pub(crate) const GATHERED: usize = 64 * 1024;

const FAILED: &str = "Fatal write error on socket transport";

/// asyncio warns at this many writes to a lost connection.
pub(crate) const LOST_WRITES: u32 = 5;

/// Adds them to the class.
pub(crate) fn add_fast_methods(py: Python<'_>) -> PyResult<()> {
    add_method::<StreamTransport, Write>(py)
}

struct Write;

impl FastMethod<StreamTransport> for Write {
    const NAME: &'static CStr = c"write";
    const DOC: &'static CStr = c"write($self, data)\n--\n\n\
Send data (bytes, bytearray or memoryview), now or as soon as the peer takes it.\n\n\
Never waits. Raises TypeError for other types, RuntimeError after write_eof().";

    fn call<'a, 'py>(
        this: &'a Bound<'py, StreamTransport>,
        arguments: Arguments<'a, 'py>,
    ) -> PyResult<Ref> {
        let py = this.py();
        let mut given = arguments.positional.iter().copied();
        let mut named = arguments.keywords(py).filter(|(name, _)| name == "data");
        let count = arguments.positional.len() + arguments.keyword_count();
        match given.next().or_else(|| named.next().map(|(_, value)| value)) {
            Some(data) if count == 1 => this.get().write(py, this, data)?,
            _ => {
                let text = format!("write() takes exactly one argument, data ({count} given)");
                return Err(PyTypeError::new_err(text));
            }
        }
        Ok(interop(py)?.none.clone())
    }
}

/// What is to happen to a write.
enum Step {
    Refused(&'static str),
    Lost(u32),
    /// It was sent, or some of it.
    Sent(Sent),
    /// Behind what is queued already, or to be gathered.
    Queue,
}

impl StreamTransport {
    /// # Errors
    /// `TypeError`, `RuntimeError` after `write_eof`, and what is to end the run of the loop.
    pub(crate) fn write(
        &self,
        py: Python<'_>,
        this: &Bound<'_, Self>,
        data: Borrowed<'_, '_, PyAny>,
    ) -> PyResult<()> {
        let data = Data::of(py, data)?;
        let empty = data.as_slice().is_empty();
        let origin = self.origin(this);
        let next = self.state.with(|state| {
            if state.eof {
                return Step::Refused("Cannot call write() after write_eof()");
            }
            if state.empty_waiter.is_some() {
                return Step::Refused("unable to write; sendfile is in progress");
            }
            if state.lost != 0 {
                let times = state.lost;
                state.lost = state.lost.saturating_add(u32::from(!empty));
                return Step::Lost(times);
            }
            if empty {
                return Step::Sent(Sent::Some(0));
            }
            // What would be sent in place of waiting to be gathered needs no place in the queue,
            // where all but `bytes` is copied.
            let large = data.as_slice().len() >= GATHERED.min(state.high);
            if !state.queue.is_empty() || !(origin.goes_out(&mut state.wrote_in) || large) {
                return Step::Queue;
            }
            if state.descriptor.is_detached() {
                return Step::Sent(detached());
            }
            match state.descriptor.as_fd() {
                Some(fd) => Step::Sent(send_now(fd, data.as_slice())),
                None => Step::Sent(Sent::Some(data.as_slice().len())),
            }
        });
        match next {
            Step::Refused(text) => Err(PyRuntimeError::new_err(text)),
            Step::Lost(times) => {
                if times >= LOST_WRITES && !empty {
                    cold(py, "log_lost_write", ())?;
                }
                Ok(())
            }
            Step::Sent(Sent::Some(sent)) if sent == data.as_slice().len() => Ok(()),
            Step::Sent(Sent::Some(sent)) => {
                let (piece, skip) = data.into_piece(sent);
                self.state.with(|state| state.queue.push(piece, skip));
                self.wait_for_room(py, &Ref::new(this))
            }
            Step::Sent(Sent::Failed(error)) => {
                self.fatal_error(py, &Ref::new(this), os_error(&error), FAILED)
            }
            Step::Queue => {
                let (piece, skip) = data.into_piece(0);
                let (first, size, high) = self.state.with(|state| {
                    state.queue.push(piece, skip);
                    state.list_unsent()
                });
                if origin == Origin::OwnData && size < GATHERED.min(high) {
                    return Ok(());
                }
                self.gathered(py, &Ref::new(this), origin, first, size, high)
            }
        }
    }

    fn origin(&self, this: &Bound<'_, Self>) -> Origin {
        let address = this.as_ptr() as usize;
        self.state.with(|state| Origin::of(state.event_loop.as_deref(), address))
    }

    /// The kernel took no more: the rest waits, and the protocol is told when it is too much.
    fn wait_for_room(&self, py: Python<'_>, this: &Ref<Self>) -> PyResult<()> {
        let context = self.context_of_caller(py)?;
        let old = self.state.with(|state| state.writer_context.replace(context));
        drop(old);
        self.want(this, |interest| interest.with(Interest::WRITE))?;
        self.pause_protocol_if_full(py, this)
    }

    /// Something was put into the queue: into an empty one, if `first`.
    fn gathered(
        &self,
        py: Python<'_>,
        this: &Ref<Self>,
        origin: Origin,
        first: bool,
        size: usize,
        high: usize,
    ) -> PyResult<()> {
        if !self.state.with(|state| state.unsent) {
            // Earlier data waits for room, and this behind it.
            return self.pause_protocol_if_full(py, this);
        }
        if origin == Origin::Outside || size >= GATHERED.min(high) {
            return self.flush(py, this);
        }
        let Some(event_loop) = self.event_loop() else { return Ok(()) };
        if first && origin != Origin::OwnData {
            let entry = Sender::Stream(this.clone());
            event_loop.unsent.with(|unsent| unsent.push(entry));
        }
        Ok(())
    }

    /// Sends what was gathered in this step. What the kernel does not take waits for room.
    ///
    /// # Errors
    /// Only what is to end the run of the loop.
    pub(crate) fn flush(&self, py: Python<'_>, this: &Ref<Self>) -> PyResult<()> {
        let gathered = self.state.with(|state| {
            let unsent = std::mem::replace(&mut state.unsent, false);
            unsent && state.lost == 0 && !state.queue.is_empty() && !state.interest.writable
        });
        if !gathered {
            return Ok(());
        }
        self.send_queue(py, this)?;
        self.wait_for_rest(py, this)
    }

    /// As [`StreamTransport::flush`], after the protocol was given data and its context was left:
    /// what is left to do after a send that took everything needs no context; all else gets it back.
    ///
    /// # Errors
    /// Only what is to end the run of the loop.
    pub(crate) fn send_answer(&self, py: Python<'_>, this: &Ref<Self>) -> PyResult<()> {
        let mut done = Done::default();
        let rest = self.state.with(|state| {
            let unsent = std::mem::replace(&mut state.unsent, false);
            if !unsent || state.lost != 0 || state.queue.is_empty() || state.interest.writable {
                return None;
            }
            let sent = state.send_queued(&mut done)?;
            let plain = !state.writing_paused && !state.closing && !state.eof;
            let over = state.queue.is_empty() && plain && state.empty_waiter.is_none();
            (!over).then(|| (sent, state.context.clone()))
        });
        drop(done);
        let Some((sent, context)) = rest else { return Ok(()) };
        let result = in_context(py, &context, || {
            self.sent(py, this, sent)?;
            self.wait_for_rest(py, this)
        });
        match result {
            Err(error) if !ends_run(py, &error) => self.fatal_error(py, this, error, FAILED),
            result => result,
        }
    }

    /// What a send has left in the queue waits for room.
    fn wait_for_rest(&self, py: Python<'_>, this: &Ref<Self>) -> PyResult<()> {
        if self.state.with(|state| !state.queue.is_empty() && state.lost == 0) {
            self.wait_for_room(py, this)?;
        }
        Ok(())
    }

    /// There is room to write.
    ///
    /// # Errors
    /// Only what is to end the run of the loop.
    pub(super) fn write_ready(&self, py: Python<'_>, this: &Ref<Self>) -> PyResult<()> {
        let (lost, context) =
            self.state.with(|state| (state.lost != 0, state.writer_context.clone()));
        if lost {
            return Ok(());
        }
        let result = match &context {
            Some(context) => in_context(py, context, || self.send_queue(py, this)),
            None => self.send_queue(py, this),
        };
        match result {
            Err(error) if !ends_run(py, &error) => self.fatal_error(py, this, error, FAILED),
            result => result,
        }
    }

    fn send_queue(&self, py: Python<'_>, this: &Ref<Self>) -> PyResult<()> {
        let mut done = Done::default();
        let sent = self.state.with(|state| state.send_queued(&mut done));
        drop(done);
        match sent {
            Some(sent) => self.sent(py, this, sent),
            None => Ok(()),
        }
    }

    /// Something of the queue was sent, or nothing could be.
    fn sent(&self, py: Python<'_>, this: &Ref<Self>, sent: Sent) -> PyResult<()> {
        match sent {
            Sent::Failed(error) => self.send_failed(py, this, os_error(&error)),
            Sent::Some(_) => {
                let (paused, empty) =
                    self.state.with(|state| (state.writing_paused, state.queue.is_empty()));
                if paused {
                    self.resume_protocol_if_drained(py, this)?;
                }
                // resume_writing() may have written more.
                if empty && self.state.with(|state| state.queue.is_empty()) {
                    self.queue_emptied(py, this)?;
                }
                Ok(())
            }
        }
    }

    fn send_failed(&self, py: Python<'_>, this: &Ref<Self>, error: PyErr) -> PyResult<()> {
        let waiter = self.state.with(|state| state.empty_waiter.clone());
        let value = error.clone_ref(py).into_value(py);
        let pieces = self.state.with(|state| state.queue.take());
        drop(pieces);
        self.want(this, |interest| interest.without(Interest::WRITE))?;
        self.fatal_error(py, this, error, FAILED)?;
        if let Some(waiter) = waiter {
            waiter.bind(py).call_method1("set_exception", (value,))?;
        }
        Ok(())
    }

    #[inline]
    fn queue_emptied(&self, py: Python<'_>, this: &Ref<Self>) -> PyResult<()> {
        let (polling, waiter, closing, eof) = self.state.with(|state| {
            (state.interest.writable, state.empty_waiter.clone(), state.closing, state.eof)
        });
        if polling {
            self.want(this, |interest| interest.without(Interest::WRITE))?;
        }
        if let Some(waiter) = waiter {
            waiter.bind(py).call_method1("set_result", (py.None(),))?;
        }
        if closing {
            self.lose(py, this, None)
        } else if eof {
            self.shutdown_writing()
        } else {
            Ok(())
        }
    }

    fn shutdown_writing(&self) -> PyResult<()> {
        let result = self.state.with(|state| {
            if state.descriptor.is_detached() {
                return Some(Errno::BADF);
            }
            let fd = state.descriptor.as_fd()?;
            rustix::net::shutdown(fd, rustix::net::Shutdown::Write).err()
        });
        match result {
            None => Ok(()),
            Some(error) => Err(os_error(&error.into())),
        }
    }

    fn ensure_writable(&self, method: &str) -> PyResult<()> {
        let text = self.state.with(|state| {
            if state.eof {
                Some(format!("Cannot call {method}() after write_eof()"))
            } else if state.empty_waiter.is_some() {
                Some(format!("unable to {method}; sendfile is in progress"))
            } else {
                None
            }
        });
        text.map_or(Ok(()), |text| Err(PyRuntimeError::new_err(text)))
    }
}

/// What a send comes to when the program has detached the socket.
fn detached() -> Sent {
    Sent::Failed(Errno::BADF.into())
}

impl State {
    /// Sends what the kernel takes of the queue; `None` when the descriptor is closed.
    fn send_queued(&mut self, done: &mut Done) -> Option<Sent> {
        if self.descriptor.is_detached() {
            return Some(detached());
        }
        Some(self.queue.send(self.descriptor.as_fd()?, done))
    }

    /// Notes that there is something to send at the end of the step, unless it waits for room.
    /// Returns whether that is new, and the size of the queue and its high mark.
    fn list_unsent(&mut self) -> (bool, usize, usize) {
        let size = self.queue.size();
        let first = size != 0 && !self.interest.writable && !self.unsent;
        self.unsent |= first;
        (first, size, self.high)
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
            pieces.push(Data::of(py, item?.as_borrowed())?.into_piece(0).0);
        }
        let queued = transport.state.with(|state| {
            if state.lost != 0 {
                state.lost = state.lost.saturating_add(1);
                return None;
            }
            for piece in pieces.drain(..) {
                state.queue.push(piece, 0);
            }
            Some(state.list_unsent())
        });
        drop(pieces);
        match queued {
            Some((first, size, high)) if size != 0 => {
                let origin = transport.origin(this);
                let this = Ref::new(this);
                if first && transport.state.with(|state| origin.goes_out(&mut state.wrote_in)) {
                    // The pieces are together already.
                    return transport.flush(py, &this);
                }
                transport.gathered(py, &this, origin, first, size, high)
            }
            _ => Ok(()),
        }
    }

    /// Send what is written, then close the writing half. Does nothing when closing.
    fn write_eof(this: &Bound<'_, Self>) -> PyResult<()> {
        let py = this.py();
        let transport = this.get();
        if transport.state.with(|state| state.closing || state.eof) {
            return Ok(());
        }
        transport.flush(py, &Ref::new(this))?;
        if transport.state.with(|state| state.closing) {
            return Ok(());
        }
        transport.state.with(|state| state.eof = true);
        if transport.state.with(|state| state.queue.is_empty()) {
            transport.shutdown_writing()?;
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
        transport.flush(py, &Ref::new(this))?;
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
