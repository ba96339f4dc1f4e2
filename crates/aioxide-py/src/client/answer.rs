//! What the head of a response says, as Python objects, made when somebody asks.

use aioxide_http::http1::Version;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString, PyTuple};

use super::exchange::Exchange;
use super::head::text_of;

/// Status, reason, minor version and the values of Set-Cookie.
type Answer<'py> = (u16, Bound<'py, PyAny>, u8, Option<Bound<'py, PyList>>);

impl Exchange {
    fn fields(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.state.with(|state| {
            state.head.as_ref().map_or_else(Vec::new, |head| {
                head.iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect()
            })
        })
    }
}

#[pymethods]
impl Exchange {
    /// The head, which is there: status, reason, minor version and the values of Set-Cookie, None
    /// without any. `ended()` is called when the connection is free or lost, at once if it is.
    fn start<'py>(&self, py: Python<'py>, ended: &Bound<'py, PyAny>) -> PyResult<Answer<'py>> {
        let Some((status, minor, reason, cookies)) = self.state.with(|state| {
            let head = state.head.as_ref()?;
            let reason = match head.reason() {
                b"OK" => None,
                reason => Some(reason.to_vec()),
            };
            let minor = u8::from(head.version() == Version::Http11);
            Some((head.status(), minor, reason, head.get("set-cookie").is_some()))
        }) else {
            return Err(PyRuntimeError::new_err("the head has not come"));
        };
        let reason = match reason {
            None => PyString::intern(py, "OK").into_any(),
            Some(reason) => text_of(py, &reason)?,
        };
        let cookies = if cookies { Some(self.header_all(py, "set-cookie")?) } else { None };
        self.on_end(ended)?;
        Ok((status, reason, minor, cookies))
    }

    /// The status, None before the head.
    #[getter]
    pub(super) fn status(&self) -> Option<u16> {
        self.state.with(|state| state.head.as_ref().map(|head| head.status()))
    }

    /// The minor version of HTTP/1, None before the head.
    #[getter]
    fn minor(&self) -> Option<u8> {
        self.state.with(|state| {
            state.head.as_ref().map(|head| u8::from(head.version() == Version::Http11))
        })
    }

    /// The reason phrase.
    #[getter]
    fn reason<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let reason = self
            .state
            .with(|state| state.head.as_ref().map(|head| head.reason().to_vec()))
            .unwrap_or_default();
        text_of(py, &reason)
    }

    /// The headers as they came: a tuple of pairs of bytes.
    fn raw_headers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let fields = self.fields();
        let pairs =
            fields.iter().map(|(name, value)| (PyBytes::new(py, name), PyBytes::new(py, value)));
        PyTuple::new(py, pairs.collect::<Vec<_>>())
    }

    /// The headers as a list of pairs of str.
    fn header_items<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let list = PyList::empty(py);
        for (name, value) in self.fields() {
            list.append((text_of(py, &name)?, text_of(py, &value)?))?;
        }
        Ok(list)
    }

    /// The first value of a header, None if there is none.
    fn header<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
        let value = self
            .state
            .with(|state| state.head.as_ref().and_then(|head| head.get(name).map(<[u8]>::to_vec)));
        value.map(|value| text_of(py, &value)).transpose()
    }

    /// All values of a header.
    fn header_all<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyList>> {
        let values: Vec<Vec<u8>> = self.state.with(|state| {
            state
                .head
                .as_ref()
                .map_or_else(Vec::new, |head| head.get_all(name).map(<[u8]>::to_vec).collect())
        });
        let list = PyList::empty(py);
        for value in values {
            list.append(text_of(py, &value)?)?;
        }
        Ok(list)
    }
}
