//! `Connected`: what a server's stream protocol calls for a new connection.

use pyo3::prelude::*;
use pyo3::{PyTraverseError, PyVisit};

use crate::ffi::Ref;
use crate::names::interop;

/// Stands for the program's `client_connected_cb` and gives the writer, which that sees first, its
/// native `drain()`. It has no frame, so a traceback is as without it.
#[pyclass(frozen, module = "aioxide._aioxide")]
#[derive(Debug)]
pub(crate) struct Connected {
    callback: Py<PyAny>,
}

impl Connected {
    pub(crate) fn new(callback: Ref, py: Python<'_>) -> Self {
        Self { callback: callback.into_bound(py).unbind() }
    }
}

#[pymethods]
impl Connected {
    fn __call__<'py>(
        &self,
        py: Python<'py>,
        reader: &Bound<'py, PyAny>,
        writer: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let interop = interop(py)?;
        if writer.get_type().is(interop.stream_writer.bind(py))
            && reader.get_type().is(interop.native_stream_reader.bind(py))
        {
            writer.setattr("__class__", interop.native_stream_writer.bind(py))?;
        }
        self.callback.bind(py).call1((reader, writer))
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(self.callback.bind(py).repr()?.to_string())
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.callback)
    }
}
