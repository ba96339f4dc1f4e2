//! The only conversion of Rust errors into Python exceptions.

use std::io;

use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;

/// An `OSError` with its number, so that Python makes the right subclass of it
/// (`PermissionError`, `ConnectionResetError`, ...), and with the system's text.
pub(crate) fn os_error(error: &io::Error) -> PyErr {
    match error.raw_os_error() {
        Some(number) => {
            let text = error.to_string();
            // Rust appends " (os error N)", which Python says in its own way.
            let text = text.split(" (os error").next().unwrap_or_default().to_owned();
            PyOSError::new_err((number, text))
        }
        None => PyOSError::new_err(error.to_string()),
    }
}
