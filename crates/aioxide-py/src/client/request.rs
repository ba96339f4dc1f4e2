//! `RequestBody`: the framing of a request's body.

use aioxide_http::http1::body::{BodyEncoder, BodyError};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

use crate::cell::LoopCell;

/// The framing of a request's body: what goes around its pieces.
#[pyclass(frozen, module = "aioxide._aioxide")]
#[derive(Debug)]
pub(crate) struct RequestBody(LoopCell<BodyEncoder>);

fn refused(error: BodyError) -> PyErr {
    PyValueError::new_err(error.to_string())
}

#[pymethods]
impl RequestBody {
    /// No body at all.
    #[staticmethod]
    fn empty() -> Self {
        Self(LoopCell::new(BodyEncoder::empty()))
    }

    /// A body of so many bytes, as the Content-Length of its head says.
    #[staticmethod]
    fn length(length: u64) -> Self {
        Self(LoopCell::new(BodyEncoder::length(length)))
    }

    /// A body in chunks.
    #[staticmethod]
    fn chunked() -> Self {
        Self(LoopCell::new(BodyEncoder::chunked()))
    }

    /// What to send for a piece: itself, with its frame around it. Raises ValueError when the body
    /// gets longer than announced.
    fn frame<'py>(&self, data: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyList>> {
        let py = data.py();
        let length = data.len()?;
        let frame = self.0.with(|encoder| encoder.frame(length)).map_err(refused)?;
        let pieces = PyList::empty(py);
        if !frame.prefix().is_empty() {
            pieces.append(PyBytes::new(py, frame.prefix()))?;
        }
        if length > 0 {
            pieces.append(data)?;
        }
        if !frame.suffix().is_empty() {
            pieces.append(PyBytes::new(py, frame.suffix()))?;
        }
        Ok(pieces)
    }

    /// What ends the body; empty where nothing does. Raises ValueError when it is shorter than
    /// announced.
    fn finish<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let mut end = Vec::new();
        let none: [(&[u8], &[u8]); 0] = [];
        self.0.with(|encoder| encoder.finish(none, &mut end)).map_err(refused)?;
        Ok(PyBytes::new(py, &end))
    }
}
