//! From the transport to the exchange that goes on.

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::connection::{HttpConnection, Phase};
use super::error::failure;
use super::exchange::Exchange;
use super::receive::Received;
use crate::ffi::{Ref, call_method};
use crate::names::interop;

impl HttpConnection {
    /// Bytes off the wire.
    ///
    /// # Errors
    /// What is to end the run of the loop, or a bug.
    pub(crate) fn feed(&self, py: Python<'_>, data: &[u8]) -> PyResult<()> {
        let phase = self.state.with(|state| state.phase);
        match phase {
            Phase::Busy => self.receive(py, data),
            Phase::Upgraded => self.hand_on(py, data),
            // Nothing was asked: what the peer says now would be taken for the next answer.
            Phase::New | Phase::Idle => self.shut(py, None),
            Phase::Closed => Ok(()),
        }
    }

    fn receive(&self, py: Python<'_>, data: &[u8]) -> PyResult<()> {
        let taken = self.state.with(|state| Some((state.decoder.take()?, state.exchange.clone()?)));
        let Some((mut decoder, exchange)) = taken else { return Ok(()) };
        let cut = exchange.state.with(|state| state.body.cut);
        let mut received = Received { cut, ..Received::default() };
        let mut rest = data;
        let decoded = received.decode(py, &mut decoder, &mut rest);
        let reusable = decoder.reusable();
        let leftover = if received.upgraded { rest.to_vec() } else { Vec::new() };
        self.state.with(|state| {
            state.decoder = Some(decoder);
            state.leftover = leftover;
        });
        if let Err(error) = decoded {
            received.failure = Some(error);
        }
        self.deliver(py, &exchange, received, reusable)
    }

    /// Gives what was decoded to the exchange, and ends that where it is over.
    fn deliver(
        &self,
        py: Python<'_>,
        exchange: &Ref<Exchange>,
        received: Received,
        reusable: bool,
    ) -> PyResult<()> {
        let upgraded = received.upgraded;
        let failed = received.failure.is_some();
        let ended = received.ended || upgraded || failed;
        if ended {
            let old = self.state.with(|state| {
                if state.phase == Phase::Busy {
                    state.phase = if upgraded { Phase::Upgraded } else { Phase::Idle };
                }
                state.reusable = reusable && !failed && !upgraded;
                state.exchange.take()
            });
            drop(old);
        }
        if failed || ended && !reusable && !upgraded {
            self.shut(py, None)?;
        }
        exchange.deliver(py, received)?;
        if !ended && exchange.is_full() {
            self.pause(py)?;
        }
        Ok(())
    }

    /// Bytes of another protocol.
    fn hand_on(&self, py: Python<'_>, data: &[u8]) -> PyResult<()> {
        if let Some(websocket) = self.state.with(|state| state.websocket.clone()) {
            return websocket.feed(py, data);
        }
        let Some(successor) = self.state.with(|state| state.successor.clone()) else {
            self.state.with(|state| state.leftover.extend_from_slice(data));
            return Ok(());
        };
        let data = Ref::from(PyBytes::new(py, data).into_any());
        call_method(py, &interop(py)?.names.data_received, [&successor, &data]).map(drop)
    }

    /// The connection has ended, by `exception` if that is no `None`.
    pub(super) fn lost(&self, py: Python<'_>, exception: &Bound<'_, PyAny>) -> PyResult<()> {
        let (exchange, decoder, successor, drain, closed, transport) = self.state.with(|state| {
            state.phase = Phase::Closed;
            state.reusable = false;
            (
                state.exchange.take(),
                state.decoder.take(),
                state.successor.take(),
                std::mem::take(&mut state.drain),
                state.closed.take(),
                (
                    state.transport.take(),
                    state.stream.take(),
                    state.tls.take(),
                    state.websocket.take(),
                ),
            )
        });
        drop(transport);
        if let Some(home) = self.state.with(|state| state.home.take()) {
            home.leave(py)?;
        }
        if let Some((timer, _)) = self.state.with(|state| state.timer.take()) {
            timer.bind(py).call_method0("cancel")?;
        }
        if let Some(exchange) = exchange {
            exchange.connection_lost(py, decoder, exception)?;
        }
        if let Some(successor) = successor {
            successor.bind(py).call_method1("connection_lost", (exception,))?;
        }
        for waiter in drain {
            let waiter = waiter.bind(py);
            if waiter.call_method0("done")?.is_truthy()? {
                continue;
            }
            let lost = failure(py, "connection_lost", (exception,))?;
            waiter.call_method1("set_exception", (lost.bind(py),))?;
        }
        if let Some(closed) = closed
            && !closed.bind(py).call_method0("done")?.is_truthy()?
        {
            closed.bind(py).call_method1("set_result", (py.None(),))?;
        }
        Ok(())
    }
}
