//! `StreamTransport`: a TCP connection, or any other connected stream socket.

use std::os::fd::RawFd;

use aioxide_core::{Interest, Token};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use pyo3::{PyTraverseError, PyVisit};

use super::descriptor::Descriptor;
use super::dialled::Unnamed;
use super::extra::replaced_info;
use super::live::Address;
use super::protocol::{Way, way_of};
use super::queue::Queue;
use crate::cell::LoopCell;
use crate::error::os_error;
use crate::event_loop::{Item, Loop, Source};
use crate::ffi::{Ref, attached, copy_context, copy_of_context, new_with_dict};
use crate::handle::make;
use crate::names::{cold, interop};
use crate::tls::TlsProtocol;

/// A connection's state.
#[derive(Debug)]
pub(super) struct State {
    /// `None` after `connection_lost`.
    pub(super) event_loop: Option<Ref<Loop>>,
    pub(super) descriptor: Descriptor,
    pub(super) protocol: Option<Ref>,
    pub(super) way: Way,
    pub(super) server: Option<Ref>,
    /// A dict.
    pub(super) extra: Ref,
    /// What `data_received` and `eof_received` run in.
    pub(super) context: Ref,
    /// The transport was given its context, as 3.15 does: every callback runs in it.
    pub(super) one_context: bool,
    /// What `resume_writing` runs in: a copy of the context of the write that had to wait.
    pub(super) writer_context: Option<Ref>,
    pub(super) token: Option<Token>,
    pub(super) interest: Interest,
    pub(super) queue: Queue,
    pub(super) high: usize,
    pub(super) low: usize,
    /// `pause_writing` was called last.
    pub(super) writing_paused: bool,
    /// `pause_reading` was called last.
    pub(super) reading_paused: bool,
    /// `close` or something like it was called.
    pub(super) closing: bool,
    /// `write_eof` was called.
    pub(super) eof: bool,
    /// How often something happened after the connection was lost; 0 while it is not.
    pub(super) lost: u32,
    /// The transport is in the loop's list of those that send at the end of this step.
    pub(super) unsent: bool,
    /// The step of the loop in which a write went out at once.
    pub(super) wrote_in: Option<u64>,
    /// Nobody is to be told that it was not closed.
    pub(super) quiet: bool,
    /// `sendfile` waits until the queue is empty.
    pub(super) empty_waiter: Option<Ref>,
    /// What `extra` has not been told yet.
    pub(super) unnamed: Option<Unnamed>,
}

impl State {
    /// Of a connection that does nothing yet.
    pub(super) fn new(
        event_loop: &Ref<Loop>,
        descriptor: Descriptor,
        protocol: Ref,
        way: Way,
        extra: Ref,
        context: Ref,
    ) -> Self {
        Self {
            event_loop: Some(event_loop.clone()),
            descriptor,
            protocol: Some(protocol),
            way,
            server: None,
            extra,
            context,
            one_context: false,
            writer_context: None,
            token: None,
            interest: Interest::NONE,
            queue: Queue::default(),
            high: HIGH,
            low: HIGH / 4,
            writing_paused: false,
            reading_paused: false,
            closing: false,
            eof: false,
            lost: 0,
            unsent: false,
            wrote_in: None,
            quiet: false,
            empty_waiter: None,
            unnamed: None,
        }
    }
}

/// A transport of the loop, made by create_connection(), create_server() and
/// connect_accepted_socket(); an asyncio.Transport.
#[pyclass(frozen, dict, weakref, module = "aioxide._aioxide")]
#[derive(Debug)]
pub(crate) struct StreamTransport {
    pub(super) state: LoopCell<State>,
}

/// What a new transport is made of.
pub(super) struct Parts {
    pub(super) descriptor: Descriptor,
    pub(super) protocol: Ref,
    pub(super) server: Option<Ref>,
    pub(super) extra: Ref,
    pub(super) waiter: Option<Ref>,
    /// What every callback of the protocol runs in. Without it, each runs in a copy of the context
    /// of whoever caused it, which is the rule up to 3.14.
    pub(super) context: Option<Ref>,
}

const HIGH: usize = 64 * 1024;

impl StreamTransport {
    /// Makes a transport: `connection_made` in the next turn, then it reads, then the waiter gets
    /// its result.
    pub(super) fn create(
        py: Python<'_>,
        event_loop: &Ref<Loop>,
        parts: Parts,
    ) -> PyResult<Ref<Self>> {
        let one_context = parts.context.is_some();
        let context = match parts.context {
            Some(context) => context,
            None => copy_context(py)?,
        };
        let fd = parts.descriptor.number();
        let way = way_of(py, event_loop, &parts.protocol)?;
        let protocol = parts.protocol.clone();
        let (descriptor, extra) = (parts.descriptor, parts.extra);
        let mut state = State::new(event_loop, descriptor, protocol, way, extra, context.clone());
        state.server = parts.server.clone();
        state.one_context = one_context;
        let transport = Ref::from(new_with_dict(py, Self { state: LoopCell::new(state) })?);
        transport.allow_revival();
        event_loop.live.with(|live| live.insert(fd, Address::of(transport.as_any())));
        if let Some(server) = &parts.server {
            attach(py, server, &transport, "_attach")?;
        }
        let made = parts.protocol.bind(py).getattr("connection_made")?.into();
        let own = if one_context { context } else { copy_of_context(py, &context)? };
        let argument = transport.as_any().bind(py).as_borrowed();
        let handle = make(py, event_loop.bind(py), made, &[argument], Some(own), None)?;
        event_loop.schedule(Item::Handle(handle));
        event_loop.schedule(Item::Start(transport.clone()));
        if let Some(waiter) = parts.waiter {
            cold(py, "wake_waiter", (event_loop.bind(py), waiter.bind(py)))?;
        }
        Ok(transport)
    }

    /// Begins to read, unless the protocol has paused or closed it by now.
    ///
    /// # Errors
    /// Only what is to end the run of the loop: a descriptor that cannot be watched is for the
    /// exception handler.
    pub(crate) fn start(&self, py: Python<'_>, this: &Ref<Self>) -> PyResult<()> {
        if self.state.with(|state| state.closing || state.reading_paused) {
            return Ok(());
        }
        let Err(error) = self.want(this, |interest| interest.with(Interest::READ)) else {
            return Ok(());
        };
        let (event_loop, protocol) =
            self.state.with(|state| (state.event_loop.clone(), state.protocol.clone()));
        let Some(event_loop) = event_loop else { return Ok(()) };
        let protocol = protocol.map(|protocol| protocol.into_bound(py));
        let message = "Exception in starting to read a transport";
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
        let source = || Source::Stream(this.clone());
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
        let protocol = self.state.with(|state| {
            state.token = None;
            state.interest = Interest::NONE;
            state.protocol.clone()
        });
        if let Some(protocol) = protocol
            && let Ok(tls) = protocol.bind(attached()).cast::<TlsProtocol>()
            && tls.get().left_unfinished()
        {
            self.state.with(|state| state.quiet = true);
        }
    }

    /// The context for what the caller schedules: a copy of the caller's, or the transport's one.
    pub(super) fn context_of_caller(&self, py: Python<'_>) -> PyResult<Ref> {
        match self.state.with(|state| state.one_context.then(|| state.context.clone())) {
            Some(context) => Ok(context),
            None => copy_context(py),
        }
    }

    /// The loop, `None` after the end.
    pub(super) fn event_loop(&self) -> Option<Ref<Loop>> {
        self.state.with(|state| state.event_loop.clone())
    }

    /// The Python socket, made now if nobody asked before; `None` when it is closed.
    pub(super) fn socket<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let (socket, closed, fd) = self.state.with(|state| {
            let descriptor = &state.descriptor;
            (descriptor.socket(), descriptor.is_closed(), descriptor.number())
        });
        if let Some(socket) = socket {
            return Ok(Some(socket.into_bound(py)));
        }
        if closed {
            return Ok(None);
        }
        let socket = cold(py, "make_socket", (fd,))?;
        let owner = Ref::new(&socket);
        self.state.with(|state| state.descriptor.hand_over(owner));
        Ok(Some(socket))
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        let visited = self.state.try_with(|state| {
            let objects = [
                state.event_loop.as_ref().map(Ref::as_any),
                state.protocol.as_ref(),
                state.server.as_ref(),
                state.writer_context.as_ref(),
                state.empty_waiter.as_ref(),
                Some(&state.extra),
                Some(&state.context),
            ];
            objects.into_iter().flatten().try_for_each(|object| visit.call(object.as_py()))
        });
        visited.unwrap_or(Ok(()))
    }
}

/// Tells a server of a transport that comes or goes. From 3.13 on it wants to know which.
pub(super) fn attach(
    py: Python<'_>,
    server: &Ref,
    transport: &Ref<StreamTransport>,
    method: &str,
) -> PyResult<()> {
    let server = server.bind(py);
    if cfg!(Py_3_13) {
        server.call_method1(method, (transport.bind(py),)).map(drop)
    } else {
        server.call_method0(method).map(drop)
    }
}

#[pymethods]
impl StreamTransport {
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.traverse(&visit)
    }

    fn __clear__(&self) {
        let taken = self.state.with(|state| {
            (
                state.event_loop.take(),
                state.protocol.take(),
                state.server.take(),
                state.empty_waiter.take(),
                std::mem::replace(&mut state.way, Way::Plain),
                state.queue.take(),
            )
        });
        drop(taken);
    }

    /// isinstance(transport, asyncio.Transport) holds.
    #[getter]
    fn __class__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(interop(py)?.transport.clone().into_bound(py))
    }

    fn __repr__(&self) -> String {
        let (closed, closing, fd, interest, size) = self.state.with(|state| {
            let descriptor = &state.descriptor;
            let (closed, fd) = (descriptor.is_closed(), descriptor.number());
            (closed, state.closing, fd, state.interest, state.queue.size())
        });
        if closed {
            return format!("<StreamTransport closed fd={fd}>");
        }
        let closing = if closing { " closing" } else { "" };
        let read = if interest.readable { "polling" } else { "idle" };
        let write = if interest.writable { "polling" } else { "idle" };
        format!("<StreamTransport{closing} fd={fd} read={read} write=<{write}, bufsize={size}>>")
    }

    /// Information on the connection: "socket" (asyncio.trsock.TransportSocket), "sockname",
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
        this.name(py)?;
        let extra = this.state.with(|state| state.extra.clone()).into_bound(py);
        let extra = extra.cast_into::<PyDict>()?;
        if let Some(value) = extra.get_item(name)? {
            return Ok(value);
        }
        if name.eq("socket")?
            && let Some(socket) = this.socket(py)?
        {
            let socket = cold(py, "transport_socket", (socket,))?;
            extra.set_item("socket", &socket)?;
            return Ok(socket);
        }
        Ok(default.unwrap_or_else(|| py.None().into_bound(py)))
    }

    /// Hand the connection to another protocol.
    fn set_protocol(&self, py: Python<'_>, protocol: &Bound<'_, PyAny>) -> PyResult<()> {
        let protocol = Ref::new(protocol);
        // A connection that has ended reads no more.
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
        self.state.with(|state| state.protocol.clone()).map(|protocol| protocol.into_bound(py))
    }

    /// Whether close() or abort() was called, or the connection is lost.
    pub(crate) fn is_closing(&self) -> bool {
        self.state.with(|state| state.closing)
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
    fn extra_attribute<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.name(py)?;
        Ok(self.state.with(|state| state.extra.clone()).into_bound(py))
    }

    #[getter(_sock)]
    fn socket_attribute<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.socket(py)
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

    /// loop.start_tls() may take this transport.
    #[classattr]
    fn _start_tls_compatible() -> bool {
        true
    }

    /// loop.sendfile() may use the system call on this transport.
    #[classattr]
    fn _sendfile_compatible(py: Python<'_>) -> PyResult<Py<PyAny>> {
        Ok(py
            .import("asyncio.constants")?
            .getattr("_SendfileMode")?
            .getattr("TRY_NATIVE")?
            .unbind())
    }
}

#[pymethods]
impl Loop {
    /// Make a transport of a connected Python socket, which is the transport's from now on.
    #[pyo3(signature = (sock, protocol, waiter=None, extra=None, server=None, context=None))]
    fn _stream_transport<'py>(
        this: &Bound<'py, Self>,
        sock: &Bound<'py, PyAny>,
        protocol: &Bound<'py, PyAny>,
        waiter: Option<&Bound<'py, PyAny>>,
        extra: Option<&Bound<'py, PyDict>>,
        server: Option<&Bound<'py, PyAny>>,
        context: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = this.py();
        let info = cold(py, "socket_info", (sock, extra))?;
        let parts = Parts {
            descriptor: Descriptor::of_socket(sock)?,
            protocol: Ref::new(protocol),
            server: server.map(Ref::new),
            extra: info.into(),
            waiter: waiter.map(Ref::new),
            context: context.map(Ref::new),
        };
        StreamTransport::create(py, &Ref::new(this), parts)
            .map(|transport| transport.into_bound(py))
    }

    /// Raise RuntimeError when the descriptor belongs to a transport of this loop.
    #[pyo3(name = "_refuse_transports")]
    fn refuse_transports_method(&self, py: Python<'_>, fd: &Bound<'_, PyAny>) -> PyResult<()> {
        self.refuse_transports(py, fd)
    }

    /// asyncio's own transports are in this dictionary, by descriptor, from now on.
    fn _know_transports(&self, others: &Bound<'_, PyAny>) {
        let before = self.live.with(|live| live.know_others(Ref::new(others)));
        drop(before);
    }

    /// Let sock_*() use the descriptor of a transport, until _take_back().
    fn _lend(&self, transport: &Bound<'_, StreamTransport>) {
        let fd = transport.get().state.with(|state| state.descriptor.number());
        self.live.with(|live| live.forget(fd));
    }

    /// End _lend(), unless the transport has closed its descriptor meanwhile.
    fn _take_back(&self, transport: &Bound<'_, StreamTransport>) {
        let held = transport
            .get()
            .state
            .with(|state| (!state.descriptor.is_closed()).then_some(state.descriptor.number()));
        if let Some(fd) = held {
            self.live.with(|live| live.insert(fd, Address::of(Ref::new(transport).as_any())));
        }
    }
}
