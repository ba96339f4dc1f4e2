//! `HttpConnection`: the protocol of a transport that carries HTTP.
//!
//! ```text
//!   new ──► idle ◄──────────── end of a response that leaves it usable
//!            │ begin()                     │
//!            └──► busy ────────────────────┤
//!                  │ 101, CONNECT          └─► closed: EOF, error, close()
//!                  └──► upgraded: the bytes are somebody else's protocol's
//! ```

use aioxide_http::http1::response::{self, Decoder, Leniency, Method};
use pyo3::exceptions::{PyBaseException, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use pyo3::{PyTraverseError, PyVisit};

use super::dial::Dial;
use super::error::failure;
use super::exchange::Exchange;
use super::pool::Home;
use super::settings::ResponseSettings;
use super::websocket::WebSocket;
use crate::cell::LoopCell;
use crate::event_loop::Loop;
use crate::ffi::Ref;
use crate::tls::TlsTransport;
use crate::transport::StreamTransport;

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    New,
    Idle,
    Busy,
    Upgraded,
    Closed,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) phase: Phase,
    pub(super) transport: Option<Ref>,
    /// The same, where it is a plain connection: it is written to without a Python call.
    pub(super) stream: Option<Ref<StreamTransport>>,
    /// The same, where it is encrypted.
    pub(super) tls: Option<Ref<TlsTransport>>,
    /// Taken out while it decodes.
    pub(super) decoder: Option<Box<Decoder>>,
    pub(super) exchange: Option<Ref<Exchange>>,
    /// Where the bytes of an upgraded connection go: an object with `data_received` and
    /// `connection_lost`.
    pub(super) successor: Option<Ref>,
    /// The same, where it is ours.
    pub(super) websocket: Option<Ref<WebSocket>>,
    /// Bytes behind an upgrade, until there is a successor.
    pub(super) leftover: Vec<u8>,
    /// The exception that the connection ended with, if any.
    pub(super) exception: Option<Ref>,
    /// Who waits until the transport takes more.
    pub(super) drain: Vec<Ref>,
    pub(super) writing_paused: bool,
    pub(super) reading_paused: bool,
    /// Who waits for the end of the connection.
    pub(super) closed: Option<Ref>,
    /// The connection may carry another request.
    pub(super) reusable: bool,
    /// When the exchange that goes on is to have ended, in the loop's time.
    pub(super) deadline: Option<f64>,
    /// The timer that looks at it, and when. It outlives exchanges: one that ends in time costs no
    /// timer of its own.
    pub(super) timer: Option<(Ref, f64)>,
    /// The pool that keeps it.
    pub(super) home: Option<Home>,
    /// It is about to be connected.
    pub(super) dial: Option<Box<Dial>>,
    /// What is sent as soon as it is.
    pub(super) first: Vec<Ref>,
}

/// A connection of the HTTP client; an asyncio protocol.
#[pyclass(frozen, dict, weakref, module = "aioxide._aioxide")]
#[derive(Debug)]
pub(crate) struct HttpConnection {
    pub(super) event_loop: Ref<Loop>,
    pub(super) state: LoopCell<State>,
}

impl HttpConnection {
    /// Whether another request may go over this connection, as far as is known.
    pub(super) fn is_reusable(&self) -> bool {
        self.state.with(|state| state.phase == Phase::Idle && state.reusable)
    }

    /// The same for a connection that was idle for a while: the peer may have closed it, and the
    /// loop not know yet. Calls no Python.
    pub(super) fn is_alive(&self) -> bool {
        let (stream, tls, reusable) = self.state.with(|state| {
            let reusable = state.phase == Phase::Idle && state.reusable;
            (state.stream.clone(), state.tls.clone(), reusable)
        });
        // What waits on a TLS connection may be no more than a ticket, but whether it is the peer's
        // farewell is known only to who decrypts it.
        reusable
            && stream.is_none_or(|stream| stream.is_quiet())
            && tls.is_none_or(|tls| tls.is_quiet())
    }

    /// Closes the connection; what was written before still goes out if `exception` is `None`.
    pub(super) fn shut(&self, py: Python<'_>, exception: Option<Ref>) -> PyResult<()> {
        let transport = self.state.with(|state| {
            state.reusable = false;
            if state.phase != Phase::Closed && state.phase != Phase::Upgraded {
                state.phase = Phase::Closed;
            }
            if state.exception.is_none() {
                state.exception = exception;
            }
            state.transport.clone()
        });
        match transport {
            Some(transport) => transport.bind(py).call_method0("close").map(drop),
            None => self.stop_dialling(py),
        }
    }

    /// Reads no more until somebody has taken what is there.
    pub(super) fn pause(&self, py: Python<'_>) -> PyResult<()> {
        let transport = self.state.with(|state| {
            (!std::mem::replace(&mut state.reading_paused, true)).then(|| state.transport.clone())
        });
        match transport.flatten() {
            Some(transport) => transport.bind(py).call_method0("pause_reading").map(drop),
            None => Ok(()),
        }
    }

    pub(super) fn resume(&self, py: Python<'_>) -> PyResult<()> {
        let transport = self.state.with(|state| {
            std::mem::replace(&mut state.reading_paused, false).then(|| state.transport.clone())
        });
        match transport.flatten() {
            Some(transport) => transport.bind(py).call_method0("resume_reading").map(drop),
            None => Ok(()),
        }
    }

    /// Sends what has waited for the connection.
    pub(super) fn send_first(
        &self,
        py: Python<'_>,
        first: Vec<Ref>,
        exchange: Option<Ref<Exchange>>,
    ) -> PyResult<()> {
        if let Some(exchange) = exchange {
            exchange.heard(py)?;
        }
        if first.is_empty() {
            return Ok(());
        }
        let first: Vec<_> = first.into_iter().map(|piece| piece.into_bound(py)).collect();
        self.send(py, &first)
    }

    /// Sends `pieces`, together.
    pub(super) fn send(&self, py: Python<'_>, pieces: &[Bound<'_, PyAny>]) -> PyResult<()> {
        let (stream, transport) =
            self.state.with(|state| (state.stream.clone(), state.transport.clone()));
        match (pieces, stream, transport) {
            ([piece], Some(stream), _) => {
                let stream = stream.bind(py);
                stream.get().write(py, stream, piece.as_borrowed())
            }
            ([piece], None, Some(transport)) => {
                transport.bind(py).call_method1("write", (piece,)).map(drop)
            }
            (pieces, _, Some(transport)) => {
                transport.bind(py).call_method1("writelines", (pieces.to_vec(),)).map(drop)
            }
            (_, _, None) => {
                let reset = failure(py, "cannot_write", ())?;
                Err(super::error::raised(py, &reset))
            }
        }
    }
}

#[pymethods]
impl HttpConnection {
    #[new]
    fn new(event_loop: &Bound<'_, Loop>) -> Self {
        let state = State {
            phase: Phase::New,
            transport: None,
            stream: None,
            tls: None,
            decoder: None,
            exchange: None,
            successor: None,
            websocket: None,
            leftover: Vec::new(),
            exception: None,
            drain: Vec::new(),
            writing_paused: false,
            reading_paused: false,
            closed: None,
            reusable: true,
            deadline: None,
            timer: None,
            home: None,
            dial: None,
            first: Vec::new(),
        };
        Self { event_loop: Ref::new(event_loop), state: LoopCell::new(state) }
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(self.event_loop.as_py())?;
        let visited = self.state.try_with(|state| {
            let objects = [
                state.transport.as_ref(),
                state.stream.as_ref().map(Ref::as_any),
                state.tls.as_ref().map(Ref::as_any),
                state.exchange.as_ref().map(Ref::as_any),
                state.successor.as_ref(),
                state.exception.as_ref(),
                state.closed.as_ref(),
            ];
            let timer = state.timer.as_ref().map(|(timer, _)| timer);
            let dial = state.dial.iter().flat_map(|dial| dial.references());
            let waiters = state.drain.iter().chain(timer).chain(&state.first).chain(dial);
            objects
                .into_iter()
                .flatten()
                .chain(waiters)
                .try_for_each(|object| visit.call(object.as_py()))
        });
        visited.unwrap_or(Ok(()))
    }

    fn __clear__(&self) {
        let taken = self.state.with(|state| {
            (
                (
                    state.transport.take(),
                    state.stream.take(),
                    state.tls.take(),
                    state.exchange.take(),
                ),
                (state.successor.take(), state.exception.take(), state.closed.take()),
                state.websocket.take(),
                (std::mem::take(&mut state.drain), state.timer.take()),
                (state.dial.take(), std::mem::take(&mut state.first)),
            )
        });
        drop(taken);
    }

    /// Send a request's head, with as much of its body as is there, and await its response.
    ///
    /// Raises ClientConnectionResetError when the connection has ended, RuntimeError when it is not
    /// idle.
    fn begin<'py>(
        this: &Bound<'py, Self>,
        method: &str,
        pieces: Vec<Bound<'py, PyAny>>,
        settings: &Bound<'py, ResponseSettings>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = this.py();
        let connection = this.get();
        let limits = settings.get().limits();
        let read_until_eof = settings.get().reads_until_eof();
        let kept = Ref::new(this);
        let settings = Ref::new(settings);
        let exchange = Exchange::create(py, &connection.event_loop, &kept, settings)?;
        let kept = exchange.clone();
        let asked = response::Exchange { method: Method::new(method), read_until_eof };
        let begun = connection.state.with(|state| {
            let dials = state.phase == Phase::New && state.dial.is_some();
            if state.phase != Phase::Idle && !dials {
                return Err((state.phase, kept));
            }
            let decoder = state
                .decoder
                .get_or_insert_with(|| Box::new(Decoder::new(limits, Leniency::LENIENT)));
            decoder.set_limits(limits);
            if decoder.begin(asked).is_err() {
                return Err((Phase::Closed, kept));
            }
            state.phase = Phase::Busy;
            state.reusable = false;
            state.deadline = None;
            Ok((state.exchange.replace(kept), dials))
        });
        match begun {
            Ok((old, true)) => {
                drop(old);
                let first = pieces.iter().map(Ref::new).collect();
                connection.state.with(|state| state.first = first);
                return Ok(exchange.into_bound(py));
            }
            Ok((old, false)) => drop(old),
            Err((Phase::Closed, _)) => {
                return Err(super::error::raised(py, &failure(py, "cannot_write", ())?));
            }
            Err((phase, _)) => {
                let text = format!("the connection cannot take a request: it is {phase:?}");
                return Err(PyRuntimeError::new_err(text));
            }
        }
        connection.resume(py)?;
        connection.send(py, &pieces)?;
        Ok(exchange.into_bound(py))
    }

    /// The transport is connected.
    fn connection_made(&self, py: Python<'_>, transport: &Bound<'_, PyAny>) -> PyResult<()> {
        let stream = transport.cast::<StreamTransport>().ok().map(Ref::new);
        let tls = transport.cast::<TlsTransport>().ok().map(Ref::new);
        let transport = Ref::new(transport);
        let (old, first, exchange) = self.state.with(|state| {
            if state.phase == Phase::New {
                state.phase = Phase::Idle;
            }
            let streams = (
                std::mem::replace(&mut state.stream, stream),
                std::mem::replace(&mut state.tls, tls),
            );
            let old = (state.transport.replace(transport), streams, state.dial.take());
            (old, std::mem::take(&mut state.first), state.exchange.clone())
        });
        drop(old);
        self.send_first(py, first, exchange)
    }

    /// The transport has lost its connection.
    fn connection_lost(&self, py: Python<'_>, exc: &Bound<'_, PyAny>) -> PyResult<()> {
        self.lost(py, exc)
    }

    /// Bytes, from a transport that does not feed natively.
    fn data_received(&self, py: Python<'_>, data: &[u8]) -> PyResult<()> {
        self.feed(py, data)
    }

    /// The peer sends no more: the connection is closed.
    fn eof_received(&self, py: Python<'_>) -> PyResult<bool> {
        let successor = self.state.with(|state| state.successor.clone());
        if let Some(successor) = successor {
            return successor.bind(py).call_method0("eof_received")?.is_truthy();
        }
        self.state.with(|state| state.reusable = false);
        Ok(false)
    }

    /// The transport has too much to send.
    fn pause_writing(&self) {
        self.state.with(|state| state.writing_paused = true);
    }

    /// The transport has sent it.
    fn resume_writing(&self, py: Python<'_>) -> PyResult<()> {
        let waiters = self.state.with(|state| {
            state.writing_paused = false;
            std::mem::take(&mut state.drain)
        });
        for waiter in waiters {
            let waiter = waiter.bind(py);
            if !waiter.call_method0("done")?.is_truthy()? {
                waiter.call_method1("set_result", (py.None(),))?;
            }
        }
        Ok(())
    }

    /// A future to wait for before more is written, or None.
    ///
    /// Raises ClientConnectionResetError when the connection has ended.
    fn drain_waiter<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let (ended, paused) =
            self.state.with(|state| (state.transport.is_none(), state.writing_paused));
        if ended {
            let reset = failure(py, "cannot_write", ())?;
            return Err(super::error::raised(py, &reset));
        }
        if !paused {
            return Ok(None);
        }
        let future = Loop::create_future(self.event_loop.bind(py))?;
        let waiter = Ref::new(&future);
        self.state.with(|state| state.drain.push(waiter));
        Ok(Some(future))
    }

    /// Send bytes of a request's body, framed already.
    fn write(&self, py: Python<'_>, data: &Bound<'_, PyAny>) -> PyResult<()> {
        self.send(py, std::slice::from_ref(data))
    }

    /// Send several pieces together.
    fn writelines(&self, py: Python<'_>, pieces: Vec<Bound<'_, PyAny>>) -> PyResult<()> {
        self.send(py, &pieces)
    }

    /// The transport, None before and after the connection.
    #[getter]
    fn transport<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        let (transport, stream) =
            self.state.with(|state| (state.transport.clone(), state.stream.clone()));
        if let Some(stream) = stream {
            stream.mark_shown();
        }
        transport.map(|transport| transport.into_bound(py))
    }

    /// The connection is there, and not closing.
    pub(super) fn is_connected(&self, py: Python<'_>) -> PyResult<bool> {
        let transport = self.state.with(|state| match state.phase {
            Phase::Closed => None,
            _ => state.transport.clone(),
        });
        match transport {
            Some(transport) => Ok(!transport.bind(py).call_method0("is_closing")?.is_truthy()?),
            None => Ok(false),
        }
    }

    /// Whether another request may go over this connection: it is idle, the last response has
    /// ended as it should, and nothing has come since.
    #[getter]
    fn reusable(&self) -> bool {
        self.is_reusable()
    }

    /// aiohttp's word for the contrary.
    #[getter]
    fn should_close(&self) -> bool {
        !self.reusable()
    }

    /// The connection has become another protocol's.
    #[getter]
    fn upgraded(&self) -> bool {
        self.state.with(|state| state.phase == Phase::Upgraded)
    }

    /// The exception that the connection ended with, or None.
    fn exception<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.state.with(|state| state.exception.clone()).map(|error| error.into_bound(py))
    }

    /// A future that is done when the connection has ended, or None if it has.
    #[getter]
    fn closed<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let (ended, future) =
            self.state.with(|state| (state.transport.is_none(), state.closed.clone()));
        if ended {
            return Ok(None);
        }
        if let Some(future) = future {
            return Ok(Some(future.into_bound(py)));
        }
        let future = Loop::create_future(self.event_loop.bind(py))?;
        let kept = Ref::new(&future);
        self.state.with(|state| state.closed = Some(kept));
        Ok(Some(future))
    }

    /// Close: what was written still goes out. The response that is being read fails; so does whoever
    /// awaits the connection.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        if self.state.with(|state| state.dial.is_some()) {
            return self.dial_closed(py);
        }
        let exchange = self.state.with(|state| state.exchange.take());
        self.shut(py, None)?;
        match exchange {
            Some(exchange) => exchange.closed_by_program(py),
            None => Ok(()),
        }
    }

    /// aiohttp's name: close, and tell who waits for the response `exc`.
    #[pyo3(signature = (exc, exc_cause=None))]
    fn set_exception(
        &self,
        py: Python<'_>,
        exc: &Bound<'_, PyBaseException>,
        exc_cause: Option<&Bound<'_, PyBaseException>>,
    ) -> PyResult<()> {
        if let Some(cause) = exc_cause {
            exc.setattr("__cause__", cause)?;
        }
        let exchange = self.state.with(|state| state.exchange.take());
        self.shut(py, None)?;
        match exchange {
            Some(exchange) => exchange.fail(py, Ref::new(exc.as_any())),
            None => Ok(()),
        }
    }

    /// Close at once.
    fn abort(&self, py: Python<'_>) -> PyResult<()> {
        if self.state.with(|state| state.dial.is_some()) {
            return self.dial_closed(py);
        }
        let (exchange, transport) = self.state.with(|state| {
            state.phase = Phase::Closed;
            state.reusable = false;
            (state.exchange.take(), state.transport.clone())
        });
        if let Some(transport) = transport {
            transport.bind(py).call_method0("abort")?;
        }
        match exchange {
            Some(exchange) => exchange.closed_by_program(py),
            None => Ok(()),
        }
    }

    /// aiohttp's name: the connection is not used again.
    fn force_close(&self) {
        self.state.with(|state| state.reusable = false);
    }

    /// Read nothing until resume_reading().
    fn pause_reading(&self, py: Python<'_>) -> PyResult<()> {
        self.pause(py)
    }

    /// Read again.
    #[pyo3(signature = (resume_parser=true))]
    fn resume_reading(&self, py: Python<'_>, resume_parser: bool) -> PyResult<()> {
        let _ = resume_parser;
        self.resume(py)
    }

    /// Whether more can come.
    #[getter]
    fn connected(&self) -> bool {
        self.state.with(|state| state.transport.is_some())
    }

    /// The transport has too much to send.
    #[getter]
    fn writing_paused(&self) -> bool {
        self.state.with(|state| state.writing_paused)
    }

    #[getter(_reading_paused)]
    fn reading_paused_attribute(&self) -> bool {
        self.state.with(|state| state.reading_paused)
    }

    /// After an upgrade: give the bytes that come, and those that have come, to a protocol.
    fn set_successor(&self, py: Python<'_>, successor: &Bound<'_, PyAny>) -> PyResult<()> {
        let kept = Ref::new(successor);
        let websocket = successor.cast::<WebSocket>().ok().map(Ref::new);
        let taken = self.state.with(|state| {
            if state.phase != Phase::Upgraded {
                return None;
            }
            state.websocket = websocket;
            Some((state.successor.replace(kept), std::mem::take(&mut state.leftover)))
        });
        let Some((old, leftover)) = taken else {
            return Err(PyRuntimeError::new_err("the connection is not upgraded"));
        };
        drop(old);
        if leftover.is_empty() {
            return Ok(());
        }
        successor.call_method1("data_received", (PyBytes::new(py, &leftover),)).map(drop)
    }

    /// The same, as aiohttp does it: a parser is fed with the bytes. `payload` is what it fills.
    #[pyo3(signature = (parser, payload, data_received_cb=None))]
    fn set_parser(
        &self,
        py: Python<'_>,
        parser: &Bound<'_, PyAny>,
        payload: &Bound<'_, PyAny>,
        data_received_cb: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let _ = payload;
        let parsed = parsed(py)?.call_method1("Parsed", (parser, data_received_cb))?;
        self.set_successor(py, &parsed)
    }

    /// aiohttp's name for waiting until the transport takes more: a coroutine.
    fn _drain_helper<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        parsed(slf.py())?.call_method1("drained", (slf,))
    }
}

/// The module of what follows an upgrade in Python.
fn parsed(py: Python<'_>) -> PyResult<Bound<'_, PyModule>> {
    py.import("aioxide.http._parsed")
}
