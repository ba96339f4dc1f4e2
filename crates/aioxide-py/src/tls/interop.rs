//! What of `ssl`, `_ssl` and `asyncio.sslproto` is looked up once.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyString;

use crate::ffi::Ref;

pub(super) struct Interop {
    pub(super) read: Ref,
    pub(super) write: Ref,
    pub(super) pending: Ref,
    pub(super) do_handshake: Ref,
    pub(super) unwrap: Ref,
    pub(super) shutdown: Ref,
    /// `ssl.SSLWantReadError` and `ssl.SSLSyscallError`: asyncio's `SSLAgainErrors`.
    pub(super) again: [Ref; 2],
    pub(super) ssl_error: Ref,
    pub(super) certificate_error: Ref,
    /// `_ssl.MemoryBIO`
    pub(super) memory_bio: Ref,
    /// `_ssl._SSLSocket`
    pub(super) session: Ref,
    /// What `TlsTransport.__class__` says.
    pub(super) transport: Ref,
    /// This Python's transport is closing as soon as the one below it is.
    pub(super) closing_by_lower: bool,
}

impl Interop {
    fn new(py: Python<'_>) -> PyResult<Self> {
        let name = |text: &str| Ref::from(PyString::intern(py, text).into_any());
        let ssl = py.import("ssl")?;
        let inner = py.import("_ssl")?;
        let sslproto = py.import("asyncio.sslproto")?;
        Ok(Self {
            read: name("read"),
            write: name("write"),
            pending: name("pending"),
            do_handshake: name("do_handshake"),
            unwrap: name("unwrap"),
            shutdown: name("shutdown"),
            again: [
                ssl.getattr("SSLWantReadError")?.into(),
                ssl.getattr("SSLSyscallError")?.into(),
            ],
            ssl_error: ssl.getattr("SSLError")?.into(),
            certificate_error: ssl.getattr("CertificateError")?.into(),
            memory_bio: inner.getattr("MemoryBIO")?.into(),
            session: inner.getattr("_SSLSocket")?.into(),
            transport: sslproto.getattr("_SSLProtocolTransport")?.into(),
            closing_by_lower: sslproto.getattr("SSLProtocol")?.hasattr("_is_transport_closing")?,
        })
    }
}

static INTEROP: PyOnceLock<Interop> = PyOnceLock::new();

/// The looked-up objects.
///
/// # Errors
/// Only at the first call: an import failed.
#[inline]
pub(super) fn interop(py: Python<'_>) -> PyResult<&'static Interop> {
    if let Some(interop) = INTEROP.get(py) {
        return Ok(interop);
    }
    INTEROP.get_or_try_init(py, || Interop::new(py))
}
