//! `DatagramTransport`: a UDP socket, or a Unix datagram socket.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{BorrowedFd, RawFd};

use aioxide_core::{Interest, Token};
use pyo3::exceptions::PyNotImplementedError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use pyo3::{PyTraverseError, PyVisit};
use rustix::io::Errno;
use rustix::net::{SocketType, ipproto, sockopt};

use super::address::Family;
use super::arena::coalesce;
use super::book::AddressBook;
use super::close::leave;
use super::outbox::Outbox;
use crate::cell::LoopCell;
use crate::error::os_error;
use crate::event_loop::{Item, Loop, Source};
use crate::ffi::{Ref, copy_context, copy_of_context, new_with_dict};
use crate::handle::make;
use crate::names::{cold, interop};
use crate::transport::{Address, Descriptor, replaced_info};

/// An endpoint's state.
#[derive(Debug)]
pub(super) struct State {
    /// `None` after `connection_lost`.
    pub(super) event_loop: Option<Ref<Loop>>,
    pub(super) descriptor: Descriptor,
    pub(super) family: Family,
    pub(super) protocol: Option<Ref>,
    /// The protocol's class has `datagrams_received`.
    pub(super) takes_batches: bool,
    /// A dict.
    pub(super) extra: Ref,
    /// Where everything goes, as `remote_addr` says.
    pub(super) remote: Option<Ref>,
    /// The socket is connected: no datagram needs an address.
    pub(super) connected: bool,
    /// What `datagram_received` and `error_received` run in.
    pub(super) context: Ref,
    /// What the rest is sent in: a copy of the context of the `sendto` that had to wait.
    pub(super) writer_context: Option<Ref>,
    pub(super) token: Option<Token>,
    pub(super) interest: Interest,
    /// The last batch had places with several datagrams.
    pub(super) coalesced: bool,
    /// Received, but not delivered: content and address.
    pub(super) pending: VecDeque<(Ref, Ref)>,
    /// The turn of the pending ones is queued.
    pub(super) pending_queued: bool,
    /// The last turn of the loop in which pending ones were delivered.
    pub(super) pending_ended: Option<u64>,
    pub(super) outbox: Outbox,
    pub(super) high: usize,
    pub(super) low: usize,
    /// `pause_writing` was called last.
    pub(super) writing_paused: bool,
    /// `pause_reading` was called last.
    pub(super) reading_paused: bool,
    /// `close` or something like it was called.
    pub(super) closing: bool,
    /// How often something happened after the endpoint was lost; 0 while it is not.
    pub(super) lost: u32,
    /// The transport is in the loop's list of those that send at the end of this step.
    pub(super) unsent: bool,
    /// The step of the loop in which a datagram went out at once.
    pub(super) wrote_in: Option<u64>,
}

/// A transport of the loop, made by create_datagram_endpoint(); an asyncio.DatagramTransport.
#[pyclass(frozen, dict, weakref, module = "aioxide._aioxide")]
#[derive(Debug)]
pub(crate) struct DatagramTransport {
    pub(super) state: LoopCell<State>,
}

const HIGH: usize = 64 * 1024;

impl DatagramTransport {
    /// Begins to read, or goes on with datagrams that are received already.
    ///
    /// # Errors
    /// Only what is to end the run of the loop: a descriptor that cannot be watched is for the
    /// exception handler.
    pub(crate) fn proceed(&self, py: Python<'_>, this: &Ref<Self>) -> PyResult<()> {
        let (stopped, pending) = self.state.with(|state| {
            state.pending_queued = false;
            (state.closing || state.reading_paused, !state.pending.is_empty())
        });
        if stopped {
            return Ok(());
        }
        if let Err(error) = self.want(this, |interest| interest.with(Interest::READ)) {
            return self.report(py, this, error, "Exception in starting to read a transport");
        }
        if pending { self.read_ready(py, this) } else { Ok(()) }
    }

    /// Tells the exception handler.
    ///
    /// # Errors
    /// Only what is to end the run of the loop.
    pub(super) fn report(
        &self,
        py: Python<'_>,
        this: &Ref<Self>,
        error: PyErr,
        message: &str,
    ) -> PyResult<()> {
        let (event_loop, protocol) =
            self.state.with(|state| (state.event_loop.clone(), state.protocol.clone()));
        let Some(event_loop) = event_loop else {
            error.write_unraisable(py, Some(this.as_any().bind(py)));
            return Ok(());
        };
        let protocol = protocol.map(|protocol| protocol.into_bound(py));
        let arguments =
            (event_loop.bind(py), message, error.into_value(py), this.bind(py), protocol);
        cold(py, "transport_failed", arguments).map(drop)
    }

    /// Changes what the loop waits for on behalf of this transport.
    ///
    /// # Errors
    /// `OSError` when the descriptor cannot be watched.
    pub(super) fn want(
        &self,
        this: &Ref<Self>,
        change: impl FnOnce(Interest) -> Interest,
    ) -> PyResult<()> {
        let Some((event_loop, fd, token, old)) = self.state.with(|state| {
            let event_loop = state.event_loop.clone()?;
            Some((event_loop, state.descriptor.number(), state.token, state.interest))
        }) else {
            return Ok(());
        };
        let new = change(old);
        if new == old {
            return Ok(());
        }
        let source = || Source::Datagram(this.clone());
        let changed = event_loop.change_interest(fd, token, new, source);
        let token = changed.map_err(|error| os_error(&error))?;
        self.state.with(|state| {
            state.token = token;
            state.interest = new;
        });
        Ok(())
    }

    /// The loop is closed: it waits for nothing any more.
    pub(crate) fn unregistered(&self) {
        self.state.with(|state| {
            state.token = None;
            state.interest = Interest::NONE;
        });
    }

    /// The loop, `None` after the end.
    pub(super) fn event_loop(&self) -> Option<Ref<Loop>> {
        self.state.with(|state| state.event_loop.clone())
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        let visited = self.state.try_with(|state| {
            let objects = [
                state.event_loop.as_ref().map(Ref::as_any),
                state.protocol.as_ref(),
                state.remote.as_ref(),
                state.writer_context.as_ref(),
                Some(&state.extra),
                Some(&state.context),
            ];
            objects.into_iter().flatten().try_for_each(|object| visit.call(object.as_py()))
        });
        visited.unwrap_or(Ok(()))
    }
}

impl State {
    /// The descriptor, for one system call; `None` when it is closed.
    ///
    /// # Errors
    /// `EBADF` when the program has detached the socket from it.
    pub(super) fn fd(&self) -> Option<io::Result<BorrowedFd<'_>>> {
        if self.descriptor.is_detached() {
            return Some(Err(Errno::BADF.into()));
        }
        self.descriptor.as_fd().map(Ok)
    }
}

/// Whether the class of a protocol has `datagrams_received`. The object is not asked: a mock has
/// everything.
fn takes_batches(protocol: &Bound<'_, PyAny>) -> PyResult<bool> {
    protocol.get_type().hasattr("datagrams_received")
}

fn is_udp(fd: BorrowedFd<'_>) -> bool {
    sockopt::socket_protocol(fd) == Ok(Some(ipproto::UDP))
        && sockopt::socket_type(fd) == Ok(SocketType::DGRAM)
}

#[pymethods]
impl DatagramTransport {
    /// Let the kernel hand over datagrams of one sender together (GRO), where it can: they are
    /// told apart before the protocol gets them. Only for a socket that nobody else reads.
    fn _receive_coalesced(&self) {
        self.state.with(|state| {
            if let Some(Ok(fd)) = state.fd()
                && is_udp(fd)
            {
                // Without it they come singly.
                let _ = coalesce(fd);
            }
        });
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.traverse(&visit)
    }

    fn __clear__(&self) {
        let (event_loop, left) = self.state.with(|state| {
            let pending = std::mem::take(&mut state.pending);
            let left = (state.protocol.take(), pending, state.outbox.take());
            (state.event_loop.take(), left)
        });
        if let Some(event_loop) = &event_loop {
            leave(event_loop);
        }
        drop((event_loop, left));
    }

    /// isinstance(transport, asyncio.DatagramTransport) holds.
    #[getter]
    fn __class__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(interop(py)?.datagram_transport.clone().into_bound(py))
    }

    fn __repr__(&self) -> String {
        let (closed, closing, fd, interest, size) = self.state.with(|state| {
            let descriptor = &state.descriptor;
            let (closed, fd) = (descriptor.is_closed(), descriptor.number());
            (closed, state.closing, fd, state.interest, state.outbox.size())
        });
        if closed {
            return format!("<DatagramTransport closed fd={fd}>");
        }
        let closing = if closing { " closing" } else { "" };
        let read = if interest.readable { "polling" } else { "idle" };
        let write = if interest.writable { "polling" } else { "idle" };
        format!("<DatagramTransport{closing} fd={fd} read={read} write=<{write}, bufsize={size}>>")
    }

    /// Information on the endpoint: "socket" (asyncio.trsock.TransportSocket), "sockname",
    /// "peername"; default for what there is not.
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
        let value = extra.cast_into::<PyDict>()?.get_item(name)?;
        Ok(value.or(default).unwrap_or_else(|| py.None().into_bound(py)))
    }

    /// Hand the endpoint to another protocol.
    fn set_protocol(&self, protocol: &Bound<'_, PyAny>) -> PyResult<()> {
        let batches = takes_batches(protocol)?;
        let protocol = Ref::new(protocol);
        let old = self.state.with(|state| {
            state.takes_batches = batches;
            state.protocol.replace(protocol)
        });
        drop(old);
        Ok(())
    }

    /// The current protocol.
    fn get_protocol<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.state.with(|state| state.protocol.clone()).map(|protocol| protocol.into_bound(py))
    }

    /// Whether close() or abort() was called, or the endpoint is lost.
    fn is_closing(&self) -> bool {
        self.state.with(|state| state.closing)
    }

    /// Raises NotImplementedError, as the others of a stream do: sendto() sends.
    fn write(&self, data: &Bound<'_, PyAny>) -> PyResult<()> {
        let _ = data;
        Err(PyNotImplementedError::new_err(()))
    }

    fn writelines(&self, list_of_data: &Bound<'_, PyAny>) -> PyResult<()> {
        let _ = list_of_data;
        Err(PyNotImplementedError::new_err(()))
    }

    fn write_eof(&self) -> PyResult<()> {
        Err(PyNotImplementedError::new_err(()))
    }

    fn can_write_eof(&self) -> PyResult<bool> {
        Err(PyNotImplementedError::new_err(()))
    }

    #[getter(_loop)]
    fn loop_attribute<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.event_loop().map(|event_loop| event_loop.into_bound(py))
    }

    #[getter(_protocol)]
    fn protocol_attribute<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.get_protocol(py)
    }

    #[getter(_extra)]
    fn extra_attribute<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        self.state.with(|state| state.extra.clone()).into_bound(py)
    }

    #[getter(_address)]
    fn address_attribute<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.state.with(|state| state.remote.clone()).map(|address| address.into_bound(py))
    }

    /// Programs set it where they give a connected socket away, as asyncio-dgram does.
    #[setter(_address)]
    fn set_address_attribute(&self, address: &Bound<'_, PyAny>) -> PyResult<()> {
        let address = address.is_truthy()?.then(|| Ref::new(address));
        let old = self.state.with(|state| std::mem::replace(&mut state.remote, address));
        drop(old);
        Ok(())
    }

    #[getter(_sock)]
    pub(super) fn socket_attribute<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.state.with(|state| state.descriptor.socket()).map(|socket| socket.into_bound(py))
    }

    #[getter(_sock_fd)]
    fn descriptor_attribute(&self) -> RawFd {
        self.state.with(|state| state.descriptor.number())
    }

    #[getter(_paused)]
    fn paused_attribute(&self) -> bool {
        self.state.with(|state| state.reading_paused)
    }

    #[getter(_closing)]
    fn closing_attribute(&self) -> bool {
        self.is_closing()
    }

    #[getter(_conn_lost)]
    fn lost_attribute(&self) -> u32 {
        self.state.with(|state| state.lost)
    }

    #[getter(_protocol_paused)]
    fn protocol_paused_attribute(&self) -> bool {
        self.state.with(|state| state.writing_paused)
    }
}

#[pymethods]
impl Loop {
    /// Make a transport of a Python socket, which is the transport's from now on: connection_made
    /// in the next turn, then it reads, then the waiter gets its result. None for a socket of a
    /// family that is left to asyncio's own transport.
    #[pyo3(signature = (sock, protocol, address=None, waiter=None, extra=None))]
    fn _datagram_transport<'py>(
        this: &Bound<'py, Self>,
        sock: &Bound<'py, PyAny>,
        protocol: &Bound<'py, PyAny>,
        address: Option<&Bound<'py, PyAny>>,
        waiter: Option<&Bound<'py, PyAny>>,
        extra: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = this.py();
        let Some(family) = Family::of_number(sock.getattr("family")?.extract()?) else {
            return Ok(None);
        };
        let info = cold(py, "socket_info", (sock, extra))?;
        let connected = info.get_item("peername")?.is_truthy()?;
        let remote = match address {
            Some(address) if address.is_truthy()? => Some(Ref::new(address)),
            _ => None,
        };
        let takes_batches = takes_batches(protocol)?;
        let context = copy_context(py)?;
        let own = copy_of_context(py, &context)?;
        let descriptor = Descriptor::of_socket(sock)?;
        let fd = descriptor.number();
        let is_udp = descriptor.as_fd().is_some_and(is_udp);
        let state = State {
            event_loop: Some(Ref::new(this)),
            descriptor,
            family,
            protocol: Some(Ref::new(protocol)),
            takes_batches,
            extra: info.into(),
            remote,
            connected,
            context,
            writer_context: None,
            token: None,
            interest: Interest::NONE,
            coalesced: false,
            pending: VecDeque::new(),
            pending_queued: false,
            pending_ended: None,
            outbox: Outbox::coalescing(is_udp),
            high: HIGH,
            low: HIGH / 4,
            writing_paused: false,
            reading_paused: false,
            closing: false,
            lost: 0,
            unsent: false,
            wrote_in: None,
        };
        let transport = new_with_dict(py, DatagramTransport { state: LoopCell::new(state) })?;
        let held = Ref::new(&transport);
        held.allow_revival();
        let event_loop = this.get();
        event_loop.live.with(|live| live.insert(fd, Address::of(held.as_any())));
        event_loop.addresses.with(AddressBook::join);
        let made = protocol.getattr("connection_made")?.into();
        let handle = make(py, this, made, &[transport.as_any().as_borrowed()], Some(own), None)?;
        event_loop.schedule(Item::Handle(handle));
        event_loop.schedule(Item::Datagrams(held));
        if let Some(waiter) = waiter {
            cold(py, "wake_waiter", (this, waiter))?;
        }
        Ok(Some(transport.into_any()))
    }
}
