//! `Listener`: accepts connections for a server.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use aioxide_core::{Interest, Token};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use pyo3::{PyTraverseError, PyVisit};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SocketAddrAny, SocketFlags, acceptfrom_with, getsockname, sockopt,
};

use super::address;
use super::descriptor::{Descriptor, Lent};
use super::stream::{Parts, StreamTransport};
use crate::cell::LoopCell;
use crate::error::os_error;
use crate::event_loop::{Loop, Source};
use crate::ffi::{Ref, call0, copy_context, copy_of_context, in_context};
use crate::handle::ends_run;
use crate::names::cold;
use crate::tls::{Settings, TlsProtocol};

/// A listening socket of a server, which owns it.
#[pyclass(frozen, module = "aioxide._aioxide")]
#[derive(Debug)]
pub(crate) struct Listener {
    event_loop: Ref<Loop>,
    socket: Ref,
    listening: Lent,
    factory: Ref,
    server: Option<Ref>,
    /// How many connections one turn accepts.
    backlog: usize,
    /// How to encrypt what is accepted.
    tls: Option<Settings>,
    context: Ref,
    token: LoopCell<Option<Token>>,
}

impl Listener {
    /// The loop is closed.
    pub(crate) fn unregistered(&self) {
        self.token.with(Option::take);
    }

    /// Accepts what waits.
    ///
    /// # Errors
    /// Only what is to end the run of the loop.
    pub(crate) fn accept(&self, py: Python<'_>, this: &Ref<Self>) -> PyResult<()> {
        for _ in 0..self.backlog {
            if self.token.with(|token| token.is_none()) {
                // A protocol factory has closed the server.
                return Ok(());
            }
            let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
            match acceptfrom_with(self.listening.as_fd(), flags) {
                Ok((descriptor, peer)) => self.serve(py, descriptor, peer)?,
                Err(Errno::AGAIN | Errno::INTR | Errno::CONNABORTED) => return Ok(()),
                Err(error @ (Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM)) => {
                    return self.exhausted(py, this, error);
                }
                Err(error) => {
                    let error = os_error(&io::Error::from(error)).into_value(py);
                    let arguments = (self.event_loop.bind(py), self.socket.bind(py), error);
                    return cold(py, "accept_failed", arguments).map(drop);
                }
            }
        }
        Ok(())
    }

    /// Out of descriptors or memory: says so, and tries again in a second.
    fn exhausted(&self, py: Python<'_>, this: &Ref<Self>, error: Errno) -> PyResult<()> {
        self.stop();
        let error = os_error(&io::Error::from(error)).into_value(py);
        let arguments = (self.event_loop.bind(py), self.socket.bind(py), error, this.bind(py));
        cold(py, "accept_exhausted", arguments).map(drop)
    }

    fn serve(
        &self,
        py: Python<'_>,
        descriptor: OwnedFd,
        peer: Option<SocketAddrAny>,
    ) -> PyResult<()> {
        let context = copy_of_context(py, &self.context)?;
        let mut protocol = None;
        let made = in_context(py, &context, || {
            let extra = extra(py, &descriptor, peer.as_ref())?;
            let new = call0(py, &self.factory)?;
            protocol = Some(new.clone());
            let new = match &self.tls {
                Some(settings) => self.encrypted(py, new, settings)?,
                None => new,
            };
            let parts = Parts {
                descriptor: Descriptor::of_descriptor(descriptor),
                protocol: new,
                server: self.server.clone(),
                extra,
                waiter: None,
                context: cfg!(Py_3_15).then(|| context.clone()),
            };
            StreamTransport::create(py, &self.event_loop, parts)
        });
        match made {
            Ok(_) => Ok(()),
            Err(error) if ends_run(py, &error) => Err(error),
            // asyncio tells of it in debug mode only.
            Err(error) if self.event_loop.is_debug() => {
                let protocol = protocol.map(|protocol| protocol.into_bound(py));
                let arguments = (self.event_loop.bind(py), error.into_value(py), protocol);
                cold(py, "serve_failed", arguments).map(drop)
            }
            Err(_) => Ok(()),
        }
    }

    /// The protocol that speaks TLS for `protocol`.
    fn encrypted(&self, py: Python<'_>, protocol: Ref, settings: &Settings) -> PyResult<Ref> {
        let mut waiter = None;
        if self.event_loop.is_debug() {
            // asyncio tells of handshakes that fail in debug mode only.
            waiter = Some(Ref::from(self.event_loop.bind(py).call_method0("create_future")?));
        }
        let tls = TlsProtocol::create(
            py,
            &self.event_loop,
            protocol.clone(),
            settings,
            waiter.clone(),
            true,
        )?;
        if let Some(waiter) = waiter {
            let upper = tls.upper().map(|upper| upper.into_bound(py));
            let arguments = (self.event_loop.bind(py), waiter.bind(py), protocol.bind(py), upper);
            cold(py, "watch_accepted", arguments)?;
        }
        Ok(tls.into_any())
    }

    fn start_accepting(&self, this: &Ref<Self>) -> PyResult<()> {
        if self.token.with(|token| token.is_some()) {
            return Ok(());
        }
        let source = Source::Listener(this.clone());
        let fd = self.listening.as_fd().as_raw_fd();
        let registered = self.event_loop.register(fd, Interest::READ, source);
        match registered {
            Ok(token) => {
                self.token.with(|slot| *slot = Some(token));
                Ok(())
            }
            Err((_, error)) => Err(os_error(&error)),
        }
    }
}

/// What `get_extra_info` answers for an accepted connection; its socket is made when asked for.
fn extra(py: Python<'_>, descriptor: &OwnedFd, peer: Option<&SocketAddrAny>) -> PyResult<Ref> {
    let extra = PyDict::new(py);
    let own = getsockname(descriptor).ok();
    if own.as_ref().is_none_or(|own| own.address_family() != AddressFamily::UNIX) {
        // Not a TCP socket: there is nothing to set.
        let _ = sockopt::set_tcp_nodelay(descriptor, true);
    }
    for (name, known, python) in
        [("sockname", own.as_ref(), "getsockname"), ("peername", peer, "getpeername")]
    {
        let value = match known {
            Some(known) => address::to_python(py, known)?,
            None => None,
        };
        match value {
            Some(value) => extra.set_item(name, value.bind(py))?,
            None => extra.set_item(name, cold(py, "address", (descriptor.as_raw_fd(), python))?)?,
        }
    }
    Ok(extra.into_any().into())
}

#[pymethods]
impl Listener {
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(self.event_loop.as_py())?;
        for object in [&self.socket, &self.factory, &self.context] {
            visit.call(object.as_py())?;
        }
        if let Some(tls) = &self.tls {
            tls.references().into_iter().try_for_each(|object| visit.call(object.as_py()))?;
        }
        match &self.server {
            Some(server) => visit.call(server.as_py()),
            None => Ok(()),
        }
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let fd = self.listening.as_fd().as_raw_fd();
        match self.socket.bind(py).call_method0("getsockname") {
            Ok(address) => Ok(format!("<Listener fd={fd} address={}>", address.repr()?)),
            Err(error) if ends_run(py, &error) => Err(error),
            Err(_) => Ok(format!("<Listener fd={fd}>")),
        }
    }

    /// Accept connections.
    fn start(this: &Bound<'_, Self>) -> PyResult<()> {
        this.get().start_accepting(&Ref::new(this))
    }

    /// Accept no more. The socket stays open.
    fn stop(&self) {
        let Some(token) = self.token.with(Option::take) else { return };
        let source = self
            .event_loop
            .scheduler
            .with(|scheduler| scheduler.reactor.remove(&*scheduler.poller, token));
        drop(source);
    }
}

#[pymethods]
impl Loop {
    /// Make the Listener of a Python socket. Each connection gets a copy of the context, by
    /// default of the caller's.
    #[pyo3(signature = (protocol_factory, sock, server=None, backlog=100, context=None,
        sslcontext=None, ssl_handshake_timeout=None, ssl_shutdown_timeout=None))]
    #[expect(clippy::too_many_arguments, reason = "asyncio's own")]
    fn _listener(
        this: &Bound<'_, Self>,
        protocol_factory: &Bound<'_, PyAny>,
        sock: &Bound<'_, PyAny>,
        server: Option<&Bound<'_, PyAny>>,
        backlog: usize,
        context: Option<&Bound<'_, PyAny>>,
        sslcontext: Option<&Bound<'_, PyAny>>,
        ssl_handshake_timeout: Option<&Bound<'_, PyAny>>,
        ssl_shutdown_timeout: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Listener> {
        let or_none =
            |value: Option<&Bound<'_, PyAny>>| value.map_or_else(|| Ref::none(this.py()), Ref::new);
        Ok(Listener {
            event_loop: Ref::new(this),
            socket: Ref::new(sock),
            listening: Lent::of(sock)?,
            factory: Ref::new(protocol_factory),
            server: server.map(Ref::new),
            backlog: backlog.clamp(1, 256),
            context: context
                .map_or_else(|| copy_context(this.py()), |given| Ok(Ref::new(given)))?,
            tls: sslcontext.map(|context| Settings {
                context: Ref::new(context),
                server_side: true,
                server_hostname: None,
                handshake_timeout: or_none(ssl_handshake_timeout),
                shutdown_timeout: or_none(ssl_shutdown_timeout),
            }),
            token: LoopCell::new(None),
        })
    }
}
