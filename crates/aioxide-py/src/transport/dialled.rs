//! Connections that the loop has made itself, and their names, which nobody may ever ask for.

use std::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd};

use aioxide_core::{Interest, Token};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use rustix::net::{SocketAddrAny, getsockname};

use super::address;
use super::descriptor::Descriptor;
use super::live::Address;
use super::protocol::Way;
use super::stream::{State, StreamTransport};
use crate::cell::LoopCell;
use crate::error::os_error;
use crate::event_loop::{Loop, Source};
use crate::ffi::{Ref, new_with_dict};
use crate::names::cold;

/// What is to be told of a connection when somebody asks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unnamed {
    peer: SocketAddr,
    /// The program may have the transport, and ask after its end.
    shown: bool,
}

impl StreamTransport {
    /// The transport of a connection that was registered under `token` to be connected to `peer`.
    /// It reads from now on; `connection_made` is the caller's to call.
    ///
    /// # Errors
    /// `MemoryError`; `OSError` when the descriptor cannot be watched.
    pub(crate) fn dialled(
        py: Python<'_>,
        event_loop: &Ref<Loop>,
        (protocol, way): (Ref, Way),
        (descriptor, token, peer): (OwnedFd, Token, SocketAddr),
        context: Ref,
    ) -> PyResult<Ref<Self>> {
        let fd = descriptor.as_raw_fd();
        // Under another transport, it is that one's owner who may ask.
        let shown = !matches!(way, Way::Http(_));
        let extra = PyDict::new(py).into_any().into();
        let descriptor = Descriptor::of_descriptor(descriptor);
        let mut state = State::new(event_loop, descriptor, protocol, way, extra, context);
        state.one_context = cfg!(Py_3_15);
        state.token = Some(token);
        state.interest = Interest::READ;
        state.unnamed = Some(Unnamed { peer, shown });
        let transport = Ref::from(new_with_dict(py, Self { state: LoopCell::new(state) })?);
        transport.allow_revival();
        event_loop.live.with(|live| live.insert(fd, Address::of(transport.as_any())));
        let kept = transport.clone();
        let (old, changed) = event_loop.scheduler.with(|scheduler| {
            let reactor = &mut scheduler.reactor;
            let source = Source::Stream(kept);
            let old = match reactor.source_mut(token) {
                Some(place) => std::mem::replace(place, source),
                None => source,
            };
            (old, reactor.set_interest(&*scheduler.poller, token, Interest::READ))
        });
        drop(old);
        if let Err(error) = changed {
            let error = os_error(&error);
            transport.kill(py, &transport, Some(error.clone_ref(py)))?;
            return Err(error);
        }
        if peer.ip().is_unspecified() {
            // The kernel has chosen another one.
            transport.name(py)?;
        }
        Ok(transport)
    }

    /// The program gets the transport, and may keep it.
    pub(crate) fn mark_shown(&self) {
        self.state.with(|state| {
            if let Some(unnamed) = &mut state.unnamed {
                unnamed.shown = true;
            }
        });
    }

    /// Completes what `get_extra_info` answers.
    ///
    /// # Errors
    /// `MemoryError`.
    pub(super) fn name(&self, py: Python<'_>) -> PyResult<()> {
        let taken = self.state.with(|state| {
            let unnamed = state.unnamed.take()?;
            let own = state.descriptor.as_fd().and_then(|fd| getsockname(fd).ok());
            Some((unnamed.peer, own, state.descriptor.number(), state.extra.clone()))
        });
        let Some((peer, own, fd, extra)) = taken else { return Ok(()) };
        let extra = extra.into_bound(py).cast_into::<PyDict>()?;
        let own = match &own {
            Some(own) => address::to_python(py, own)?,
            None => Some(Ref::none(py)),
        };
        match own {
            Some(own) => extra.set_item("sockname", own.bind(py))?,
            // With a scope, which the socket module writes out.
            None => extra.set_item("sockname", cold(py, "address", (fd, "getsockname"))?)?,
        }
        let peer = if peer.ip().is_unspecified() {
            None
        } else {
            address::to_python(py, &SocketAddrAny::from(peer))?
        };
        match peer {
            Some(peer) => extra.set_item("peername", peer.bind(py)),
            None => extra.set_item("peername", cold(py, "address", (fd, "getpeername"))?),
        }
    }

    /// Asks for the names while it can, if somebody may want to have them later.
    pub(super) fn name_before_end(&self, py: Python<'_>) {
        let shown = self.state.with(|state| state.unnamed.is_some_and(|unnamed| unnamed.shown));
        if shown && let Err(error) = self.name(py) {
            error.write_unraisable(py, None);
        }
    }
}
