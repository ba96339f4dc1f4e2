//! `Netrc`: the user's file of names and passwords.

use aioxide_http::netrc::{self, NetrcLimits};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// The content of a netrc file.
#[pyclass(frozen, module = "aioxide._aioxide")]
#[derive(Debug)]
pub(crate) struct Netrc(netrc::Netrc);

#[pymethods]
impl Netrc {
    /// Reads the text of the file. Raises ValueError for a mistake in it.
    #[new]
    fn new(text: &str) -> PyResult<Self> {
        netrc::Netrc::parse(text, &NetrcLimits::default())
            .map(Self)
            .map_err(|error| PyValueError::new_err(error.to_string()))
    }

    /// Login, account and password for a host, or None: as Python's `netrc.netrc`.
    fn authenticators(&self, host: &str) -> Option<(&str, &str, &str)> {
        let found = self.0.authenticators(host)?;
        Some((&found.login, &found.account, &found.password))
    }
}
