//! `Socks5Handshake`: how a SOCKS5 proxy is asked for a way to a server.

use aioxide_http::proxy::{Credentials, Progress, Socks5, Target};
use pyo3::exceptions::{PyConnectionError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::cell::LoopCell;

/// A handshake with a SOCKS5 proxy: bytes in, bytes out.
#[pyclass(frozen, module = "aioxide._aioxide")]
#[derive(Debug)]
pub(crate) struct Socks5Handshake(LoopCell<Socks5>);

#[pymethods]
impl Socks5Handshake {
    /// credentials: user name and password, or None.
    ///
    /// Raises ValueError for a host, a name or a password that SOCKS5 has no room for.
    #[new]
    #[pyo3(signature = (host, port, credentials=None))]
    fn new(host: &str, port: u16, credentials: Option<(&[u8], &[u8])>) -> PyResult<Self> {
        let target = Target::new(host, port)
            .map_err(|error| PyValueError::new_err(format!("host {host:?}: {error}")))?;
        let credentials = credentials.map(|(user, password)| Credentials { user, password });
        let handshake = Socks5::new(&target, credentials)
            .map_err(|error| PyValueError::new_err(error.to_string()))?;
        Ok(Self(LoopCell::new(handshake)))
    }

    /// What is to be sent to the proxy, or None.
    fn output<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        self.0.with(Socks5::poll_output).map(|bytes| PyBytes::new(py, &bytes))
    }

    /// Bytes from the proxy: how many were the handshake's, and whether the way is open.
    ///
    /// Raises ConnectionError when the proxy refuses, or speaks something else.
    fn feed(&self, data: &[u8]) -> PyResult<(usize, bool)> {
        let (taken, progress) = self
            .0
            .with(|handshake| handshake.handle_bytes(data))
            .map_err(|error| PyConnectionError::new_err(error.to_string()))?;
        Ok((taken, progress == Progress::Open))
    }
}
