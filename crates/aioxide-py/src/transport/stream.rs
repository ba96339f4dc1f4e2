//! `StreamTransport`: a TCP connection, or any other connected stream socket.

use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};

use aioxide_core::{Interest, Token};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use pyo3::{PyTraverseError, PyVisit};

use super::protocol::{Way, way_of};
use super::queue::Queue;
use crate::cell::LoopCell;
use crate::error::os_error;
use crate::event_loop::{Item, Loop, Source};
use crate::ffi::{Ref, copy_context};
use crate::handle::{Arguments, make};
use crate::names::{cold, interop};

/// Who closes the descriptor. There is exactly one at any time.
#[derive(Debug)]
pub(super) enum Owner {
    /// This transport. The Python socket is made when somebody asks for it.
    Descriptor(OwnedFd),
    /// A Python socket, which this transport closes.
    Socket(Ref),
    /// It is closed.
    Nobody,
}

/// A connection's state.
#[derive(Debug)]
pub(super) struct State {
    /// `None` after `connection_lost`.
    pub(super) event_loop: Option<Ref>,
    pub(super) fd: RawFd,
    pub(super) owner: Owner,
    pub(super) protocol: Option<Ref>,
    pub(super) way: Way,
    pub(super) server: Option<Ref>,
    /// A dict.
    pub(super) extra: Ref,
    /// What `data_received` and `eof_received` run in.
    pub(super) context: Ref,
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
    /// The transport is in the loop's list of those that send at the end of this turn.
    pub(super) unsent: bool,
    /// The turn of the last write that went out at once.
    pub(super) wrote_in: u64,
    /// `sendfile` waits until the queue is empty.
    pub(super) empty_waiter: Option<Ref>,
}

/// A transport of the loop, made by create_connection(), create_server() and
/// connect_accepted_socket(); an asyncio.Transport.
#[pyclass(frozen, weakref, module = "aioxide._aioxide")]
#[derive(Debug)]
pub(crate) struct StreamTransport {
    pub(super) state: LoopCell<State>,
}

/// What a new transport is made of.
pub(super) struct Parts {
    pub(super) owner: Owner,
    pub(super) fd: RawFd,
    pub(super) protocol: Ref,
    pub(super) server: Option<Ref>,
    pub(super) extra: Ref,
    pub(super) waiter: Option<Ref>,
    pub(super) context: Option<Ref>,
}

const HIGH: usize = 64 * 1024;

impl StreamTransport {
    /// The transport in an object that is one.
    #[inline]
    pub(crate) fn of(object: &Ref) -> &Self {
        // SAFETY: Only transports are put where this is called: into `Source::Stream`,
        // `Item::Start`, and the loop's list of the unsent.
        unsafe { Self::behind(object.as_ptr()) }
    }

    /// # Safety
    /// `object` points to a live instance of this class.
    #[inline]
    pub(super) unsafe fn behind<'a>(object: *mut ffi::PyObject) -> &'a Self {
        // SAFETY: By the contract; the class is frozen.
        unsafe {
            let py = Python::assume_attached();
            let cell: *const Self = Borrowed::from_ptr(py, object).cast_unchecked::<Self>().get();
            &*cell
        }
    }

    /// Makes a transport: `connection_made` in the next turn, then it reads, then the waiter gets
    /// its result.
    pub(super) fn create(py: Python<'_>, event_loop: &Ref, parts: Parts) -> PyResult<Ref> {
        let owner = unsafe_loop(event_loop);
        let way = way_of(py, &parts.protocol)?;
        let context = match parts.context {
            Some(context) => context,
            None => copy_context(py)?,
        };
        let state = State {
            event_loop: Some(event_loop.clone()),
            fd: parts.fd,
            owner: parts.owner,
            protocol: Some(parts.protocol.clone()),
            way,
            server: parts.server.clone(),
            extra: parts.extra,
            context: context.clone(),
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
            wrote_in: 0,
            empty_waiter: None,
        };
        let transport =
            Ref::new(Py::new(py, Self { state: LoopCell::new(state) })?.bind(py).as_any());
        owner.live.with(|live| live.insert(parts.fd, transport.as_ptr()));
        if let Some(server) = &parts.server {
            attach(py, server, &transport, "_attach")?;
        }
        let made = parts.protocol.bind(py).getattr("connection_made")?;
        // SAFETY: A live context: `contextvars.Context.copy()`.
        let own = unsafe { Ref::from_result(py, ffi::PyContext_Copy(context.as_ptr()))? };
        let handle = make(
            py,
            owner,
            event_loop.as_ptr(),
            made.as_ptr(),
            Arguments(&[transport.as_ptr()]),
            own,
            None,
        )?;
        owner.schedule(Item::Handle(handle));
        owner.schedule(Item::Start(transport.clone()));
        if let Some(waiter) = parts.waiter {
            cold(py, "wake_waiter", (event_loop.bind(py), waiter.bind(py)))?;
        }
        Ok(transport)
    }

    /// Begins to read, unless the protocol has paused or closed it by now.
    pub(crate) fn start(&self, py: Python<'_>, this: &Ref) -> PyResult<()> {
        if self.state.with(|state| state.closing || state.reading_paused) {
            return Ok(());
        }
        self.want(py, this, |interest| interest.with(Interest::READ))
    }

    /// Changes what the loop waits for on behalf of this transport.
    pub(super) fn want(
        &self,
        _py: Python<'_>,
        this: &Ref,
        change: impl FnOnce(Interest) -> Interest,
    ) -> PyResult<()> {
        let Some((event_loop, fd, token, old)) = self.state.with(|state| {
            state.event_loop.clone().map(|owner| (owner, state.fd, state.token, state.interest))
        }) else {
            return Ok(());
        };
        let new = change(old);
        if new == old {
            return Ok(());
        }
        let owner = unsafe_loop(&event_loop);
        let mut source = Some(Source::Stream(this.clone()));
        let changed = owner.scheduler.with(|scheduler| {
            let poller = scheduler.poller.clone();
            match token {
                Some(token) if new.is_none() => {
                    source = scheduler.reactor.remove(&*poller, token);
                    Ok(None)
                }
                Some(token) => {
                    scheduler.reactor.set_interest(&*poller, token, new).map(|()| Some(token))
                }
                None => match source.take() {
                    Some(stream) => {
                        scheduler.reactor.insert(&*poller, fd, new, stream).map(Some).map_err(
                            |(stream, error)| {
                                source = Some(stream);
                                error
                            },
                        )
                    }
                    None => Ok(None),
                },
            }
        });
        let result = match changed {
            Ok(token) => {
                self.state.with(|state| {
                    state.token = token;
                    state.interest = new;
                });
                Ok(())
            }
            Err(error) => Err(os_error(&error)),
        };
        drop(source);
        result
    }

    /// The loop is closed: it waits for nothing any more.
    pub(crate) fn unregistered(&self) {
        self.state.with(|state| {
            state.token = None;
            state.interest = Interest::NONE;
        });
    }

    /// The loop's object, `None` after the end.
    pub(super) fn event_loop(&self) -> Option<Ref> {
        self.state.with(|state| state.event_loop.clone())
    }

    /// The Python socket, made now if nobody asked before.
    pub(super) fn socket<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        enum Held {
            Socket(Ref),
            Descriptor(RawFd),
            Nothing,
        }
        let held = self.state.with(|state| match &state.owner {
            Owner::Socket(socket) => Held::Socket(socket.clone()),
            Owner::Descriptor(fd) => Held::Descriptor(fd.as_raw_fd()),
            Owner::Nobody => Held::Nothing,
        });
        match held {
            Held::Socket(socket) => Ok(Some(socket.into_bound(py))),
            Held::Nothing => Ok(None),
            Held::Descriptor(fd) => {
                let socket = cold(py, "make_socket", (fd,))?;
                let new = Owner::Socket(Ref::new(&socket));
                // The number changes hands without being closed.
                match self.state.with(|state| std::mem::replace(&mut state.owner, new)) {
                    Owner::Descriptor(descriptor) => {
                        let _number = std::os::fd::IntoRawFd::into_raw_fd(descriptor);
                    }
                    other => drop(other),
                }
                Ok(Some(socket))
            }
        }
    }

    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.state
            .try_with(|state| {
                let mut result = Ok(());
                let objects = [
                    state.event_loop.as_ref(),
                    state.protocol.as_ref(),
                    state.server.as_ref(),
                    state.empty_waiter.as_ref(),
                    Some(&state.extra),
                    Some(&state.context),
                ];
                for object in objects.into_iter().flatten() {
                    if result.is_ok() {
                        result = visit.call(object.as_py());
                    }
                }
                result
            })
            .unwrap_or(Ok(()))
    }
}

/// Tells a server of a transport that comes or goes. From 3.13 on it wants to know which.
pub(super) fn attach(py: Python<'_>, server: &Ref, transport: &Ref, method: &str) -> PyResult<()> {
    let server = server.bind(py);
    if cfg!(Py_3_13) {
        server.call_method1(method, (transport.bind(py),)).map(drop)
    } else {
        server.call_method0(method).map(drop)
    }
}

/// The loop behind the object that a transport keeps.
#[inline]
pub(super) fn unsafe_loop(event_loop: &Ref) -> &Loop {
    // SAFETY: Transports and listeners are made by methods of the class, with its instance.
    unsafe { Loop::of(event_loop.as_ptr()) }
}

/// The descriptor for the length of one system call.
#[inline]
pub(super) fn borrow<'fd>(fd: RawFd) -> BorrowedFd<'fd> {
    // SAFETY: The transport owns the number until `Owner::Nobody`, and asks nothing of it after.
    unsafe { BorrowedFd::borrow_raw(fd) }
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

    fn __repr__(this: &Bound<'_, Self>) -> PyResult<String> {
        let py = this.py();
        let state = &this.get().state;
        let (closed, closing, fd, interest, size) = state.with(|state| {
            let closed = matches!(state.owner, Owner::Nobody);
            (closed, state.closing, state.fd, state.interest, state.queue.size())
        });
        let _ = py;
        let mut text = String::from("<StreamTransport");
        if closed {
            text.push_str(" closed");
        } else if closing {
            text.push_str(" closing");
        }
        text.push_str(&format!(" fd={fd}"));
        if !closed {
            let read = if interest.readable { "polling" } else { "idle" };
            let write = if interest.writable { "polling" } else { "idle" };
            text.push_str(&format!(" read={read} write=<{write}, bufsize={size}>"));
        }
        text.push('>');
        Ok(text)
    }

    /// Information on the connection: "socket" (asyncio.trsock.TransportSocket), "sockname",
    /// "peername"; default for what there is not.
    #[pyo3(signature = (name, default=None))]
    fn get_extra_info<'py>(
        &self,
        py: Python<'py>,
        name: &Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let extra = self.state.with(|state| state.extra.clone()).into_bound(py);
        let extra = extra.cast_into::<PyDict>()?;
        if let Some(value) = extra.get_item(name)? {
            return Ok(value);
        }
        if name.eq("socket")?
            && let Some(socket) = self.socket(py)?
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
        let way = way_of(py, &protocol)?;
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
    fn is_closing(&self) -> bool {
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
    fn extra_attribute<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        self.state.with(|state| state.extra.clone()).into_bound(py)
    }

    #[getter(_sock)]
    fn socket_attribute<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.socket(py)
    }

    #[getter(_sock_fd)]
    fn descriptor_attribute(&self) -> RawFd {
        self.state.with(|state| state.fd)
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
        let fd: RawFd = sock.call_method0("fileno")?.extract()?;
        let info = cold(py, "socket_info", (sock, extra))?;
        let parts = Parts {
            owner: Owner::Socket(Ref::new(sock)),
            fd,
            protocol: Ref::new(protocol),
            server: server.map(Ref::new),
            extra: Ref::new(&info),
            waiter: waiter.map(Ref::new),
            context: context.map(Ref::new),
        };
        StreamTransport::create(py, &Ref::new(this.as_any()), parts)
            .map(|transport| transport.into_bound(py))
    }
}

#[pymethods]
impl Loop {
    /// Raise RuntimeError when the descriptor belongs to a transport of this loop.
    #[pyo3(name = "_refuse_transports")]
    fn refuse_transports_method(&self, py: Python<'_>, fd: &Bound<'_, PyAny>) -> PyResult<()> {
        self.refuse_transports(py, fd).map(drop)
    }

    /// Let sock_*() use the descriptor of a transport, until _take_back().
    fn _lend(&self, transport: &Bound<'_, StreamTransport>) {
        let fd = transport.get().state.with(|state| state.fd);
        self.live.with(|live| live.forget(fd));
    }

    /// End _lend(), unless the transport has closed its descriptor meanwhile.
    fn _take_back(&self, transport: &Bound<'_, StreamTransport>) {
        let held = transport
            .get()
            .state
            .with(|state| (!matches!(state.owner, Owner::Nobody)).then_some(state.fd));
        if let Some(fd) = held {
            self.live.with(|live| live.insert(fd, transport.as_ptr()));
        }
    }
}
