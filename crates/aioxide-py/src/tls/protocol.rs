//! `TlsProtocol`: the protocol of a stream transport that speaks TLS.

use pyo3::exceptions::{PyException, PyOSError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use pyo3::{PyTraverseError, PyVisit};

use super::engine::Engine;
use super::interop::interop;
use super::state::{Phase, State, Told};
use super::transport::TlsTransport;
use crate::cell::LoopCell;
use crate::event_loop::Loop;
use crate::ffi::Ref;
use crate::names::cold;
use crate::transport::{StreamTransport, Way, way_of};

/// TLS on a connection: the protocol of the transport below, for the transport above.
///
/// Its attributes may be set: programs that want to know when a client's connections have ended put
/// a `connection_lost` of their own on `transport._ssl_protocol`, as aiohttp once advised.
#[pyclass(frozen, dict, weakref, module = "aioxide._aioxide")]
#[derive(Debug)]
pub(crate) struct TlsProtocol {
    pub(super) event_loop: Ref<Loop>,
    pub(super) engine: Engine,
    pub(super) server_side: bool,
    /// Seconds, as the program gave them.
    pub(super) handshake_timeout: Ref,
    pub(super) shutdown_timeout: Ref,
    /// A dict: what `get_extra_info` answers.
    pub(super) extra: Ref,
    pub(super) state: LoopCell<State>,
}

/// How a connection is to be encrypted.
#[derive(Debug)]
pub(crate) struct Settings {
    /// An `ssl.SSLContext`; `None` for a client with the defaults.
    pub(crate) context: Ref,
    pub(crate) server_side: bool,
    pub(crate) server_hostname: Option<Ref>,
    /// Seconds, or `None`.
    pub(crate) handshake_timeout: Ref,
    pub(crate) shutdown_timeout: Ref,
}

impl Settings {
    /// The objects that are held, for the collector.
    pub(crate) fn references(&self) -> [&Ref; 3] {
        [&self.context, &self.handshake_timeout, &self.shutdown_timeout]
    }
}

impl TlsProtocol {
    /// Makes the protocol and the transport above it, for the program's `protocol`.
    ///
    /// # Errors
    /// `ValueError` for a time that is not positive, and what the context raises.
    pub(crate) fn create(
        py: Python<'_>,
        event_loop: &Ref<Loop>,
        protocol: Ref,
        settings: &Settings,
        waiter: Option<Ref>,
        tell_made: bool,
    ) -> PyResult<Ref<Self>> {
        let hostname = settings.server_hostname.as_ref().map(|name| name.bind(py));
        let arguments = (
            settings.context.bind(py),
            settings.server_side,
            hostname,
            settings.handshake_timeout.bind(py),
            settings.shutdown_timeout.bind(py),
        );
        let (context, handshake_timeout, shutdown_timeout) = cold(py, "tls_settings", arguments)?
            .extract::<(
            Bound<'_, PyAny>,
            Bound<'_, PyAny>,
            Bound<'_, PyAny>,
        )>()?;
        let extra = PyDict::new(py);
        extra.set_item("sslcontext", &context)?;
        let way = way_of(py, event_loop, &protocol)?;
        let engine = Engine::new(py, &context, settings.server_side, hostname)?;
        let state = State::new(protocol, way, waiter, tell_made);
        let this = Self {
            event_loop: event_loop.clone(),
            engine,
            server_side: settings.server_side,
            handshake_timeout: handshake_timeout.into(),
            shutdown_timeout: shutdown_timeout.into(),
            extra: extra.into_any().into(),
            state: LoopCell::new(state),
        };
        let this = Ref::from(Bound::new(py, this)?);
        let upper = TlsTransport::create(py, &this)?;
        this.state.with(|state| state.upper = Some(upper));
        Ok(this)
    }

    pub(super) fn phase(&self) -> Phase {
        self.state.with(|state| state.phase)
    }

    pub(super) fn lower(&self) -> Option<Ref<StreamTransport>> {
        self.state.with(|state| state.lower.clone())
    }

    /// The transport above.
    pub(crate) fn upper(&self) -> Option<Ref<TlsTransport>> {
        self.state.with(|state| state.upper.clone())
    }

    /// The loop was closed. Returns whether that ended the accepting of a connection: asyncio's
    /// would have been cancelled by then, so nobody is told that the connection was not closed.
    pub(crate) fn left_unfinished(&self) -> bool {
        let unfinished = self.state.with(|state| self.server_side && state.told == Told::Nothing);
        if unfinished && let Some(upper) = self.upper() {
            upper.mark_closed();
        }
        unfinished
    }

    /// Takes bytes off the wire.
    ///
    /// # Errors
    /// `MemoryError`.
    pub(crate) fn feed(&self, py: Python<'_>, data: &[u8]) -> PyResult<()> {
        self.state.with(|state| state.records.feed(data));
        self.engine.feed(py, data)
    }

    /// Goes on with what was fed.
    ///
    /// # Errors
    /// What asyncio's `SSLProtocol.buffer_updated` raises.
    pub(crate) fn fed(&self, py: Python<'_>, this: &Ref<Self>) -> PyResult<()> {
        match self.phase() {
            Phase::Unwrapped => Ok(()),
            Phase::Handshake => self.do_handshake(py, this),
            Phase::Wrapped => self.do_read(py, this),
            Phase::Flushing => self.do_flush(py, this),
            Phase::Shutdown => self.do_shutdown(py, this),
        }
    }

    /// Something failed: ends the connection, and tells the exception handler, unless it is what
    /// networks do every day.
    pub(super) fn fatal_error(
        &self,
        py: Python<'_>,
        this: &Ref<Self>,
        error: &PyErr,
        message: &str,
    ) -> PyResult<()> {
        let lower = self.lower();
        if let Some(lower) = &lower {
            lower.kill(py, lower, Some(error.clone_ref(py)))?;
        }
        let value = error.clone_ref(py).into_value(py);
        if error.is_instance_of::<PyOSError>(py) {
            if self.event_loop.is_debug() {
                cold(py, "log_error", (this.bind(py), message, value))?;
            }
            return Ok(());
        }
        let lower = lower.map(|lower| lower.into_bound(py));
        let arguments = (self.event_loop.bind(py), message, value, lower, this.bind(py));
        cold(py, "tls_failed", arguments).map(drop)
    }

    /// As `except Exception` with `_fatal_error` in it: other exceptions go on.
    pub(super) fn or_fatal(
        &self,
        py: Python<'_>,
        this: &Ref<Self>,
        result: PyResult<()>,
    ) -> PyResult<()> {
        match result {
            Err(error) if error.is_instance_of::<PyException>(py) => {
                self.fatal_error(py, this, &error, "Fatal error on SSL protocol")
            }
            result => result,
        }
    }

    /// Tells whoever awaits the handshake how it ended.
    pub(super) fn wake_waiter(&self, py: Python<'_>, error: Option<&PyErr>) -> PyResult<()> {
        let Some(waiter) = self.state.with(|state| state.waiter.take()) else { return Ok(()) };
        let waiter = waiter.bind(py);
        if waiter.call_method0("cancelled")?.is_truthy()? {
            return Ok(());
        }
        match error {
            Some(error) => {
                waiter.call_method1("set_exception", (error.clone_ref(py).into_value(py),))
            }
            None => waiter.call_method1("set_result", (py.None(),)),
        }
        .map(drop)
    }

    /// `loop.call_soon(method)`.
    pub(super) fn call_soon(
        &self,
        py: Python<'_>,
        method: Bound<'_, PyAny>,
        argument: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let event_loop = self.event_loop.bind(py);
        match argument {
            Some(argument) => event_loop.call_method1("call_soon", (method, argument)),
            None => event_loop.call_method1("call_soon", (method,)),
        }
        .map(drop)
    }

    /// `loop.call_later(seconds, self.method)`
    pub(super) fn call_later(
        &self,
        py: Python<'_>,
        this: &Ref<Self>,
        seconds: &Ref,
        method: &str,
    ) -> PyResult<Ref> {
        let method = this.bind(py).getattr(method)?;
        let event_loop = self.event_loop.bind(py);
        event_loop.call_method1("call_later", (seconds.bind(py), method)).map(Ref::from)
    }

    /// What `get_extra_info` answers.
    pub(super) fn extra_info<'py>(
        &self,
        py: Python<'py>,
        name: &Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let extra = self.extra.bind(py).cast::<PyDict>()?;
        if let Some(value) = extra.get_item(name)? {
            return Ok(value);
        }
        let default = default.unwrap_or_else(|| py.None().into_bound(py));
        match self.lower() {
            Some(lower) => lower.bind(py).call_method1("get_extra_info", (name, default)),
            None => Ok(default),
        }
    }

    /// Lets go of what OpenSSL holds for the connection, once that is lost: the program has closed a
    /// transport that was closed already, and so will not ask for it.
    ///
    /// # Errors
    /// `MemoryError`.
    pub(super) fn forget(&self, py: Python<'_>) -> PyResult<()> {
        let over = self.state.with(|state| {
            state.forgotten = true;
            state.phase == Phase::Unwrapped && state.told != Told::Nothing
        });
        if over { self.release(py) } else { Ok(()) }
    }

    /// Lets go of the OpenSSL connection and its context. The connection is lost.
    ///
    /// # Errors
    /// `MemoryError`.
    pub(super) fn release(&self, py: Python<'_>) -> PyResult<()> {
        let extra = self.extra.bind(py).cast::<PyDict>()?;
        for name in ["ssl_object", "sslcontext"] {
            if extra.contains(name)? {
                extra.del_item(name)?;
            }
        }
        self.engine.release(py);
        Ok(())
    }

    pub(super) fn set_protocol(&self, py: Python<'_>, protocol: Ref) -> PyResult<()> {
        let way = way_of(py, &self.event_loop, &protocol)?;
        let old = self.state.with(|state| {
            (state.protocol.replace(protocol), std::mem::replace(&mut state.way, way))
        });
        drop(old);
        Ok(())
    }
}

/// Cancels a timer, if there is one.
pub(super) fn cancel(py: Python<'_>, timer: Option<Ref>) -> PyResult<()> {
    timer.map_or(Ok(()), |timer| timer.bind(py).call_method0("cancel").map(drop))
}

/// Whether `error` is an `ssl.SSLError`.
pub(super) fn is_ssl_error(py: Python<'_>, error: &PyErr) -> PyResult<bool> {
    Ok(error.is_instance(py, interop(py)?.ssl_error.bind(py)))
}

#[pymethods]
impl TlsProtocol {
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(self.event_loop.as_py())?;
        let own = [&self.extra, &self.handshake_timeout, &self.shutdown_timeout];
        for object in own {
            visit.call(object.as_py())?;
        }
        self.engine.traverse(&visit)?;
        let visited = self.state.try_with(|state| {
            let objects = [
                state.lower.as_ref().map(Ref::as_any),
                state.upper.as_ref().map(Ref::as_any),
                state.protocol.as_ref(),
                state.waiter.as_ref(),
                state.handshake_timer.as_ref(),
                state.shutdown_timer.as_ref(),
            ];
            objects.into_iter().flatten().try_for_each(|object| visit.call(object.as_py()))
        });
        visited.unwrap_or(Ok(()))
    }

    fn __clear__(&self) {
        let taken = self.state.with(|state| {
            (
                (state.lower.take(), state.upper.take(), state.protocol.take()),
                std::mem::replace(&mut state.way, Way::Plain),
                (state.waiter.take(), state.handshake_timer.take(), state.shutdown_timer.take()),
                std::mem::take(&mut state.backlog),
            )
        });
        drop(taken);
    }

    /// The transport below is connected: begin the handshake.
    fn connection_made(
        this: &Bound<'_, Self>,
        transport: &Bound<'_, StreamTransport>,
    ) -> PyResult<()> {
        let lower = Ref::new(transport);
        let old = this.get().state.with(|state| state.lower.replace(lower));
        drop(old);
        this.get().start_handshake(this.py(), &Ref::new(this))
    }

    /// The transport below has lost its connection.
    fn connection_lost(this: &Bound<'_, Self>, exc: &Bound<'_, PyAny>) -> PyResult<()> {
        this.get().lost(this.py(), exc)
    }

    /// The peer has closed the connection below.
    fn eof_received(this: &Bound<'_, Self>) -> PyResult<bool> {
        this.get().eof(this.py(), &Ref::new(this))
    }

    /// The transport below has too much to send.
    fn pause_writing(&self) {
        self.state.with(|state| state.lower_full = true);
    }

    /// The transport below has sent it.
    fn resume_writing(this: &Bound<'_, Self>) -> PyResult<()> {
        this.get().state.with(|state| state.lower_full = false);
        this.get().send_encrypted(this.py(), &Ref::new(this))
    }

    #[pyo3(name = "_do_read")]
    fn do_read_method(this: &Bound<'_, Self>) -> PyResult<()> {
        this.get().do_read(this.py(), &Ref::new(this))
    }

    /// What resume_reading() schedules.
    fn _read_again(this: &Bound<'_, Self>) -> PyResult<()> {
        let protocol = this.get();
        if matches!(protocol.phase(), Phase::Wrapped | Phase::Flushing | Phase::Shutdown) {
            return protocol.fed(this.py(), &Ref::new(this));
        }
        Ok(())
    }

    fn _check_handshake_timeout(this: &Bound<'_, Self>) -> PyResult<()> {
        this.get().handshake_timed_out(this.py(), &Ref::new(this))
    }

    fn _check_shutdown_timeout(this: &Bound<'_, Self>) -> PyResult<()> {
        this.get().shutdown_timed_out(this.py())
    }

    /// Bytes that came before this protocol was there.
    fn _feed(&self, py: Python<'_>, data: &[u8]) -> PyResult<()> {
        self.feed(py, data)
    }

    #[getter(_transport)]
    fn lower_attribute<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.lower().map(|lower| lower.into_bound(py))
    }

    #[getter(_app_transport)]
    fn upper_attribute<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.upper().map(|upper| upper.into_bound(py))
    }

    #[getter(_app_protocol)]
    pub(super) fn protocol_attribute<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.state.with(|state| state.protocol.clone()).map(|protocol| protocol.into_bound(py))
    }

    #[getter(_app_reading_paused)]
    fn reading_paused_attribute(&self) -> bool {
        self.state.with(|state| state.reading_paused)
    }

    #[getter(_sslobj)]
    fn object_attribute<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        self.engine.object().into_bound(py)
    }
}

#[pymethods]
impl Loop {
    /// Make the TlsProtocol for a protocol of the program's, with its transport.
    #[pyo3(signature = (protocol, sslcontext, waiter, server_side=false, server_hostname=None,
        call_connection_made=true, ssl_handshake_timeout=None, ssl_shutdown_timeout=None))]
    #[expect(clippy::too_many_arguments, reason = "asyncio's own")]
    fn _tls_protocol(
        this: &Bound<'_, Self>,
        protocol: &Bound<'_, PyAny>,
        sslcontext: &Bound<'_, PyAny>,
        waiter: Option<&Bound<'_, PyAny>>,
        server_side: bool,
        server_hostname: Option<&Bound<'_, PyAny>>,
        call_connection_made: bool,
        ssl_handshake_timeout: Option<&Bound<'_, PyAny>>,
        ssl_shutdown_timeout: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Py<TlsProtocol>> {
        let py = this.py();
        let or_none =
            |value: Option<&Bound<'_, PyAny>>| value.map_or_else(|| Ref::none(py), Ref::new);
        let settings = Settings {
            context: Ref::new(sslcontext),
            server_side,
            server_hostname: server_hostname.map(Ref::new),
            handshake_timeout: or_none(ssl_handshake_timeout),
            shutdown_timeout: or_none(ssl_shutdown_timeout),
        };
        let made = TlsProtocol::create(
            py,
            &Ref::new(this),
            Ref::new(protocol),
            &settings,
            waiter.map(Ref::new),
            call_connection_made,
        )?;
        Ok(made.as_py().clone_ref(py))
    }
}
