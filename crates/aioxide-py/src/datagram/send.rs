//! From the program to the socket.
//!
//! A datagram goes out at once, as asyncio's does, with the exceptions of stream transports
//! (`transport/write.rs`): further ones of the same step, and what a protocol sends while it is
//! given datagrams, are gathered and go out together. An error of one that was gathered reaches
//! `error_received` when it is sent.

use std::ffi::CStr;
use std::io;

use aioxide_core::Interest;
use pyo3::exceptions::{
    PyBlockingIOError, PyInterruptedError, PyOSError, PyTypeError, PyValueError,
};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use rustix::io::Errno;

use super::address::RawAddress;
use super::message::send_one;
use super::outbox::{Outgoing, Progress, Target, is_full};
use super::transport::{DatagramTransport, State};
use crate::error::os_error;
use crate::event_loop::Sender;
use crate::ffi::{Arguments, FastMethod, Ref, add_method, call_method, copy_context, in_context};
use crate::handle::ends_run;
use crate::names::{cold, interop};
use crate::transport::{Data, GATHERED, LOST_WRITES, Origin};

const FAILED: &str = "Fatal write error on datagram transport";

/// From 3.13 on asyncio sends datagrams without content.
const SENDS_EMPTY: bool = cfg!(Py_3_13);

/// Adds them to the class.
pub(crate) fn add_fast_methods(py: Python<'_>) -> PyResult<()> {
    add_method::<DatagramTransport, SendTo>(py)
}

struct SendTo;

impl FastMethod<DatagramTransport> for SendTo {
    const NAME: &'static CStr = c"sendto";
    const DOC: &'static CStr = c"sendto($self, data, addr=None)\n--\n\n\
Send a datagram (bytes, bytearray or memoryview), now or as soon as there is room.\n\n\
addr may be None if the endpoint has a remote address. Never waits. Raises TypeError for other\n\
types of data, ValueError for another address than the remote one.";

    fn call<'a, 'py>(
        this: &'a Bound<'py, DatagramTransport>,
        arguments: Arguments<'a, 'py>,
    ) -> PyResult<Ref> {
        let py = this.py();
        let mut given = [None, None];
        for (place, value) in given.iter_mut().zip(arguments.positional) {
            *place = Some(*value);
        }
        let mut count = arguments.positional.len();
        for (name, value) in arguments.keywords(py) {
            let place = usize::from(name != "data");
            if given[place].is_some() || (place == 1 && name != "addr") {
                count = usize::MAX;
                break;
            }
            given[place] = Some(value);
            count += 1;
        }
        match given {
            [Some(data), address] if count <= 2 => {
                let address = address.filter(|address| !address.is_none());
                this.get().sendto(py, this, data, address)?;
                Ok(interop(py)?.none.clone())
            }
            _ => Err(PyTypeError::new_err("sendto() takes the arguments data and addr")),
        }
    }
}

/// What is to happen to a datagram.
enum Step {
    /// The endpoint is lost.
    Lost(u32),
    Sent(io::Result<()>),
    /// Python has to send it.
    Other,
    /// Behind what is queued already, or to be gathered.
    Queue,
}

impl DatagramTransport {
    fn sendto(
        &self,
        py: Python<'_>,
        this: &Bound<'_, Self>,
        data: Borrowed<'_, '_, PyAny>,
        address: Option<Borrowed<'_, '_, PyAny>>,
    ) -> PyResult<()> {
        let data = Data::of(py, data)?;
        if !SENDS_EMPTY && data.as_slice().is_empty() {
            return Ok(());
        }
        let remote = self.state.with(|state| state.remote.clone());
        if let (Some(remote), Some(address)) = (&remote, address)
            && !remote.is(address.as_ptr())
            && !address.eq(remote.bind(py))?
        {
            return Err(PyValueError::new_err(format!(
                "Invalid address: must be None or {}",
                remote.bind(py).str()?
            )));
        }
        let target = self.target(py, remote.as_ref(), address);
        let this_address = this.as_ptr() as usize;
        let (next, origin) = self.state.with(|state| {
            let origin = Origin::of(state.event_loop.as_deref(), this_address);
            if state.lost != 0 && (state.remote.is_some() || state.descriptor.is_closed()) {
                let times = state.lost;
                state.lost = state.lost.saturating_add(1);
                return (Step::Lost(times), origin);
            }
            let at_once = state.outbox.is_empty()
                && (state.lost != 0 || origin.goes_out(&mut state.wrote_in));
            let next = match (target.as_name(), state.fd()) {
                (_, Some(Err(error))) => Step::Sent(Err(error)),
                (None, _) if state.outbox.is_empty() || state.unsent => Step::Other,
                (Some(name), Some(Ok(fd))) if at_once => {
                    Step::Sent(send_one(fd, (data.as_slice(), name)))
                }
                _ => Step::Queue,
            };
            (next, origin)
        });
        match next {
            Step::Sent(Ok(())) => Ok(()),
            Step::Lost(times) => {
                if times >= LOST_WRITES {
                    cold(py, "log_lost_write", ())?;
                }
                Ok(())
            }
            Step::Sent(Err(error)) if is_full(&error) => {
                self.push(data, target);
                self.wait_for_room(py, &Ref::new(this))
            }
            Step::Sent(Err(error)) => self.error_received(py, os_error(&error)),
            Step::Other => {
                let this = Ref::new(this);
                self.flush(py, &this)?;
                let (piece, _) = data.into_piece(0);
                let outgoing = Outgoing { piece, target };
                let full = self.state.with(|state| !state.outbox.is_empty());
                if full {
                    self.state.with(|state| state.outbox.push(outgoing));
                    return self.pause_protocol_if_full(py, &this);
                }
                self.send_by_python(py, &this, outgoing)
            }
            Step::Queue => {
                self.push(data, target);
                self.gathered(py, this, origin)
            }
        }
    }

    fn push(&self, data: Data, target: Target) {
        let (piece, _) = data.into_piece(0);
        self.state.with(|state| state.outbox.push(Outgoing { piece, target }));
    }

    /// Where a datagram goes.
    fn target(
        &self,
        py: Python<'_>,
        remote: Option<&Ref>,
        address: Option<Borrowed<'_, '_, PyAny>>,
    ) -> Target {
        let (connected, family, event_loop) =
            self.state.with(|state| (state.connected, state.family, state.event_loop.clone()));
        if connected {
            return Target::Peer;
        }
        let object = match (remote, address) {
            (Some(remote), _) => remote.clone(),
            (None, Some(address)) => Ref::new(&address),
            (None, None) => return Target::Object(Ref::none(py)),
        };
        let Some(event_loop) = event_loop else { return Target::Object(object) };
        let addresses = &event_loop.addresses;
        let known = addresses.with(|book| book.raw(object.as_ptr() as usize, family));
        if let Some(known) = known {
            return Target::Address(known);
        }
        match RawAddress::of_python(family, object.bind(py).as_borrowed()) {
            Some(raw) => {
                let evicted = addresses.with(|book| book.goes(raw, &object, family));
                drop(evicted);
                Target::Address(raw)
            }
            None => Target::Object(object),
        }
    }

    /// Something was put into the outbox.
    fn gathered(&self, py: Python<'_>, this: &Bound<'_, Self>, origin: Origin) -> PyResult<()> {
        let (listed, first, enough) = self.state.with(|state| {
            let enough = state.outbox.is_full_batch()
                || state.outbox.size() >= GATHERED.min(state.high.saturating_add(1));
            let first = !state.unsent && !state.interest.writable;
            state.unsent |= first;
            (state.unsent, first, enough)
        });
        if !listed {
            // Earlier datagrams wait for room, and this behind them.
            return self.pause_protocol_if_full(py, &Ref::new(this));
        }
        if enough || origin == Origin::Outside {
            return self.flush(py, &Ref::new(this));
        }
        if first
            && origin != Origin::OwnData
            && let Some(event_loop) = self.event_loop()
        {
            let entry = Sender::Datagram(Ref::new(this));
            event_loop.unsent.with(|unsent| unsent.push(entry));
        }
        Ok(())
    }

    /// The kernel took no more: the rest waits, and the protocol is told when it is too much.
    fn wait_for_room(&self, py: Python<'_>, this: &Ref<Self>) -> PyResult<()> {
        if self.state.with(|state| state.lost != 0 || state.outbox.is_empty()) {
            return Ok(());
        }
        let context = copy_context(py)?;
        let old = self.state.with(|state| state.writer_context.replace(context));
        drop(old);
        self.want(this, |interest| interest.with(Interest::WRITE))?;
        self.pause_protocol_if_full(py, this)
    }

    /// Sends what was gathered in this step. What there is no room for waits.
    ///
    /// # Errors
    /// Only what is to end the run of the loop.
    pub(crate) fn flush(&self, py: Python<'_>, this: &Ref<Self>) -> PyResult<()> {
        let gathered = self.state.with(|state| {
            let unsent = std::mem::replace(&mut state.unsent, false);
            unsent && state.lost == 0 && !state.outbox.is_empty() && !state.interest.writable
        });
        if !gathered {
            return Ok(());
        }
        let sent = self.send_all(py, this).and_then(|()| self.wait_for_room(py, this));
        self.sent(py, this, sent)
    }

    /// As [`DatagramTransport::flush`], after the protocol was given datagrams and its context was
    /// left. It is entered again where there is something to tell.
    ///
    /// # Errors
    /// Only what is to end the run of the loop.
    pub(crate) fn send_answer(&self, py: Python<'_>, this: &Ref<Self>) -> PyResult<()> {
        let mut done = Vec::new();
        let rest = self.state.with(|state| {
            let unsent = std::mem::replace(&mut state.unsent, false);
            if !unsent || state.lost != 0 || state.outbox.is_empty() || state.interest.writable {
                return None;
            }
            let progress = state.send_queued(&mut done)?;
            (!matches!(progress, Progress::Empty)).then(|| (progress, state.context.clone()))
        });
        drop(done);
        let Some((progress, context)) = rest else { return Ok(()) };
        in_context(py, &context, || {
            let sent = self
                .progressed(py, this, progress)
                .and_then(|()| self.send_all(py, this))
                .and_then(|()| self.wait_for_room(py, this));
            self.sent(py, this, sent)
        })
    }

    /// There is room.
    ///
    /// # Errors
    /// Only what is to end the run of the loop.
    pub(super) fn write_ready(&self, py: Python<'_>, this: &Ref<Self>) -> PyResult<()> {
        let (lost, context) =
            self.state.with(|state| (state.lost != 0, state.writer_context.clone()));
        if lost {
            return Ok(());
        }
        let send = || {
            let sent = self.send_all(py, this);
            self.sent(py, this, sent)?;
            self.resume_protocol_if_drained(py, this)?;
            // resume_writing() may have sent more.
            let (empty, closing) = self
                .state
                .with(|state| (state.outbox.is_empty() && state.lost == 0, state.closing));
            if empty {
                self.want(this, |interest| interest.without(Interest::WRITE))?;
                if closing {
                    return self.lose(py, this, None);
                }
            }
            Ok(())
        };
        let result = match &context {
            Some(context) => in_context(py, context, send),
            None => send(),
        };
        self.sent(py, this, result)
    }

    /// Sends until there is no room or nothing left.
    fn send_all(&self, py: Python<'_>, this: &Ref<Self>) -> PyResult<()> {
        loop {
            let mut done = Vec::new();
            let progress = self.state.with(|state| state.send_queued(&mut done));
            drop(done);
            match progress {
                None | Some(Progress::Empty | Progress::Full) => return Ok(()),
                Some(progress) => {
                    let told = self.progressed(py, this, progress);
                    // A protocol that raises does not keep the others from being sent.
                    self.sent(py, this, told)?;
                    if self.state.with(|state| state.interest.writable && state.outbox.is_empty()) {
                        return Ok(());
                    }
                }
            }
        }
    }

    fn progressed(&self, py: Python<'_>, this: &Ref<Self>, progress: Progress) -> PyResult<()> {
        match progress {
            Progress::Empty | Progress::Full => Ok(()),
            Progress::Refused(error) => self.error_received(py, os_error(&error)),
            Progress::Other(outgoing) => self.send_by_python(py, this, outgoing),
        }
    }

    /// An exception of the protocol's, where nobody has called who could get it.
    fn sent(&self, py: Python<'_>, this: &Ref<Self>, result: PyResult<()>) -> PyResult<()> {
        match result {
            Err(error) if !ends_run(py, &error) => {
                self.report(py, this, error, "Exception in callback protocol.error_received()")
            }
            result => result,
        }
    }

    /// Tells the protocol of an error of the network.
    pub(super) fn error_received(&self, py: Python<'_>, error: PyErr) -> PyResult<()> {
        let Some(protocol) = self.state.with(|state| state.protocol.clone()) else {
            return Ok(());
        };
        let error: Ref = error.into_value(py).into_bound(py).into_any().into();
        call_method(py, &interop(py)?.names.error_received, [&protocol, &error]).map(drop)
    }

    /// Lets `socket.sendto()` make something of an address: a host name, or an error.
    fn send_by_python(&self, py: Python<'_>, this: &Ref<Self>, outgoing: Outgoing) -> PyResult<()> {
        let Some(socket) = self.socket_attribute(py) else { return Ok(()) };
        let data = PyBytes::new(py, outgoing.piece.as_slice()).into_any().into();
        let Target::Object(address) = &outgoing.target else { return Ok(()) };
        let name = &interop(py)?.names.sendto;
        let Err(error) = call_method(py, name, [&socket.into(), &data, address]) else {
            return Ok(());
        };
        if ends_run(py, &error) {
            Err(error)
        } else if error.is_instance_of::<PyBlockingIOError>(py)
            || error.is_instance_of::<PyInterruptedError>(py)
        {
            self.state.with(|state| state.outbox.push_front(outgoing));
            self.wait_for_room(py, this)
        } else if error.is_instance_of::<PyOSError>(py) {
            self.error_received(py, error)
        } else {
            self.fatal_error(py, this, error, FAILED)
        }
    }
}

impl State {
    /// Sends what the kernel takes of the outbox; `None` when the descriptor is closed.
    fn send_queued(&mut self, done: &mut Vec<Outgoing>) -> Option<Progress> {
        if self.descriptor.is_detached() {
            return Some(self.outbox.refuse(Errno::BADF.into(), done));
        }
        Some(self.outbox.send(self.descriptor.as_fd()?, done))
    }
}
