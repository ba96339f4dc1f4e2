//! `TlsTransport`: what the program writes to.

use std::ffi::CStr;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use pyo3::exceptions::{PyNotImplementedError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use pyo3::{PyTraverseError, PyVisit};

use super::interop::interop;
use super::protocol::TlsProtocol;
use super::state::Marks;
use crate::ffi::{Arguments, FastMethod, Ref, add_method, attached, new_with_dict};
use crate::names::{self, cold};
use crate::transport::Data;

/// Adds them to the class.
pub(crate) fn add_fast_methods(py: Python<'_>) -> PyResult<()> {
    let class = py.get_type::<TlsTransport>();
    // Programs look for "SSL" in it.
    for attribute in ["__name__", "__qualname__"] {
        class.setattr(attribute, NAME_IN_ASYNCIO)?;
    }
    add_method::<TlsTransport, Write>(py)
}

const NAME_IN_ASYNCIO: &str = "_SSLProtocolTransport";

struct Write;

impl FastMethod<TlsTransport> for Write {
    const NAME: &'static CStr = c"write";
    const DOC: &'static CStr = c"write($self, data)\n--\n\n\
Encrypt data (bytes, bytearray or memoryview) and send it.\n\n\
Never waits. Before the handshake is done it is kept. Raises TypeError for other types.";

    fn call<'a, 'py>(
        this: &'a Bound<'py, TlsTransport>,
        arguments: Arguments<'a, 'py>,
    ) -> PyResult<Ref> {
        let py = this.py();
        let mut given = arguments.positional.iter().copied();
        let mut named = arguments.keywords(py).filter(|(name, _)| name == "data");
        let count = arguments.positional.len() + arguments.keyword_count();
        match given.next().or_else(|| named.next().map(|(_, value)| value)) {
            Some(data) if count == 1 => {
                let protocol = &this.get().protocol;
                protocol.write(py, protocol, data)?;
            }
            _ => {
                let text = format!("write() takes exactly one argument, data ({count} given)");
                return Err(PyTypeError::new_err(text));
            }
        }
        Ok(names::interop(py)?.none.clone())
    }
}

/// A TLS connection; an asyncio.Transport.
#[pyclass(frozen, dict, weakref, module = "aioxide._aioxide")]
#[derive(Debug)]
pub(crate) struct TlsTransport {
    protocol: Ref<TlsProtocol>,
    closed: AtomicBool,
}

impl TlsTransport {
    pub(super) fn create(py: Python<'_>, protocol: &Ref<TlsProtocol>) -> PyResult<Ref<Self>> {
        let this = Self { protocol: protocol.clone(), closed: AtomicBool::new(false) };
        Ok(Ref::from(new_with_dict(py, this)?))
    }

    /// Nothing has come that was not read, and the connection below is there. Calls no Python.
    pub(crate) fn is_quiet(&self) -> bool {
        self.protocol.lower().is_some_and(|lower| lower.is_quiet())
    }

    pub(super) fn mark_closed(&self) {
        self.closed.store(true, Relaxed);
    }
}

impl Drop for TlsTransport {
    /// Nobody closed it: says so. The transport below closes the descriptor.
    fn drop(&mut self) {
        if self.closed.load(Relaxed) {
            return;
        }
        let py = attached();
        let pending = PyErr::take(py);
        let text = "unclosed transport <asyncio._SSLProtocolTransport object>";
        if let Err(error) = cold(py, "unclosed", ("TlsTransport", text, py.None())) {
            error.write_unraisable(py, None);
        }
        if let Some(error) = pending {
            error.restore(py);
        }
    }
}

#[pymethods]
impl TlsTransport {
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(self.protocol.as_py())
    }

    /// isinstance(transport, asyncio.Transport) holds.
    #[getter]
    fn __class__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(interop(py)?.transport.clone().into_bound(py))
    }

    /// Information on the connection: "ssl_object", "sslcontext", "peercert", "cipher",
    /// "compression", and what the transport below knows; default for what there is not.
    #[pyo3(signature = (name, default=None))]
    fn get_extra_info<'py>(
        &self,
        py: Python<'py>,
        name: &Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.protocol.extra_info(py, name, default)
    }

    /// Hand the connection to another protocol.
    fn set_protocol(&self, py: Python<'_>, protocol: &Bound<'_, PyAny>) -> PyResult<()> {
        self.protocol.set_protocol(py, Ref::new(protocol))
    }

    /// The current protocol.
    fn get_protocol<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.protocol.protocol_attribute(py)
    }

    /// Whether close() or abort() was called, or the connection is lost.
    pub(crate) fn is_closing(&self, py: Python<'_>) -> PyResult<bool> {
        let closed = self.closed.load(Relaxed);
        if closed || !interop(py)?.closing_by_lower {
            return Ok(closed);
        }
        Ok(self.protocol.lower().is_some_and(|lower| lower.is_closing()))
    }

    /// Send what is written, say close_notify, then close. connection_lost(None) follows.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        if self.closed.swap(true, Relaxed) {
            return self.protocol.forget(py);
        }
        self.protocol.start_shutdown(py, &self.protocol)
    }

    /// Close now, without close_notify and without what is queued. connection_lost(None) follows.
    fn abort(&self, py: Python<'_>) -> PyResult<()> {
        self.mark_closed();
        self.protocol.abort(py, None)
    }

    fn _force_close(&self, py: Python<'_>, exc: &Bound<'_, PyAny>) -> PyResult<()> {
        self.mark_closed();
        let error = (!exc.is_none()).then(|| PyErr::from_value(exc.clone()));
        self.protocol.abort(py, error)
    }

    /// Whether the protocol is given data: not paused.
    fn is_reading(&self) -> bool {
        !self.protocol.state.with(|state| state.reading_paused)
    }

    /// Give no data to the protocol until resume_reading().
    fn pause_reading(&self) {
        self.protocol.state.with(|state| state.reading_paused = true);
    }

    /// Give data to the protocol again, from the next turn on.
    fn resume_reading(&self, py: Python<'_>) -> PyResult<()> {
        let paused =
            self.protocol.state.with(|state| std::mem::replace(&mut state.reading_paused, false));
        if !paused {
            return Ok(());
        }
        let method = self.protocol.bind(py).getattr("_read_again")?;
        self.protocol.call_soon(py, method, None)
    }

    /// Set the marks of flow control, in bytes: pause_writing() at high, resume_writing() at low.
    ///
    /// By default high is 512 KiB or 4 * low, low is high / 4. Raises ValueError unless
    /// high >= low >= 0.
    #[pyo3(signature = (high=None, low=None))]
    fn set_write_buffer_limits(
        &self,
        py: Python<'_>,
        high: Option<&Bound<'_, PyAny>>,
        low: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let marks = Marks::given(high, low, 512)?;
        self.protocol.state.with(|state| state.outgoing = marks);
        self.protocol.control_writing(py, &self.protocol)
    }

    /// The marks of flow control: (low, high), in bytes.
    fn get_write_buffer_limits(&self) -> (usize, usize) {
        let marks = self.protocol.state.with(|state| state.outgoing);
        (marks.low, marks.high)
    }

    /// How many bytes are written and not with the transport below yet.
    fn get_write_buffer_size(&self, py: Python<'_>) -> PyResult<usize> {
        self.protocol.unsent(py)
    }

    /// Set the marks for what is received and not decrypted: at high the transport below stops
    /// reading, at low it goes on. By default high is 256 KiB or 4 * low, low is high / 4.
    #[pyo3(signature = (high=None, low=None))]
    fn set_read_buffer_limits(
        &self,
        py: Python<'_>,
        high: Option<&Bound<'_, PyAny>>,
        low: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let marks = Marks::given(high, low, 256)?;
        self.protocol.state.with(|state| state.incoming = marks);
        self.protocol.control_lower_reading(py)
    }

    /// The marks for what is received and not decrypted: (low, high), in bytes.
    fn get_read_buffer_limits(&self) -> (usize, usize) {
        let marks = self.protocol.state.with(|state| state.incoming);
        (marks.low, marks.high)
    }

    /// How many bytes are received and not decrypted.
    fn get_read_buffer_size(&self, py: Python<'_>) -> PyResult<usize> {
        self.protocol.engine.undecrypted(py)
    }

    /// Encrypt and send every item of an iterable, in order.
    fn writelines(&self, py: Python<'_>, list_of_data: &Bound<'_, PyAny>) -> PyResult<()> {
        self.protocol.write_lines(py, &self.protocol, list_of_data)
    }

    /// Raise NotImplementedError: TLS has no half-closed connections.
    fn write_eof(&self) -> PyResult<()> {
        Err(PyNotImplementedError::new_err(()))
    }

    /// Whether write_eof() works: it does not.
    fn can_write_eof(&self) -> bool {
        false
    }

    /// What asyncio's own tests fill the queue with.
    #[pyo3(name = "_test__append_write_backlog")]
    fn append_backlog(&self, data: &Bound<'_, PyBytes>) -> PyResult<()> {
        let piece = Data::of(data.py(), data.as_any().as_borrowed())?.into_piece(0).0;
        self.protocol.append(piece);
        Ok(())
    }

    #[getter(_loop)]
    fn loop_attribute<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        self.protocol.event_loop.clone().into_bound(py)
    }

    #[getter(_ssl_protocol)]
    fn protocol_attribute<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        self.protocol.clone().into_bound(py)
    }

    #[getter(_closed)]
    fn closed_attribute(&self) -> bool {
        self.closed.load(Relaxed)
    }

    #[getter(_protocol_paused)]
    fn protocol_paused_attribute(&self) -> bool {
        self.protocol.state.with(|state| state.writing_paused)
    }

    /// loop.start_tls() may take this transport.
    #[classattr]
    fn _start_tls_compatible() -> bool {
        true
    }

    /// loop.sendfile() reads the file and writes it to this transport.
    #[classattr]
    fn _sendfile_compatible(py: Python<'_>) -> PyResult<Py<PyAny>> {
        Ok(py.import("asyncio.constants")?.getattr("_SendfileMode")?.getattr("FALLBACK")?.unbind())
    }
}
