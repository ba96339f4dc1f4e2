//! `HeadTemplate`: heads of requests that differ in little.

use aioxide_http::http1::Version;
use aioxide_http::http1::template::{self, Value};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyList, PyString, PyTuple};

/// A body up to this many bytes is copied behind its head: one piece is sent quicker than two.
const JOINED: usize = 16 * 1024;

/// What heads of requests have in common, made ready.
#[pyclass(frozen, module = "aioxide._aioxide")]
#[derive(Debug)]
pub(crate) struct HeadTemplate {
    template: template::HeadTemplate,
    /// How many values a head needs.
    needs: usize,
}

#[pymethods]
impl HeadTemplate {
    /// A template of the headers `fields`, pairs of a name and what its value is: text; a number,
    /// for the value of that index that is given with each head; None for the body's length.
    ///
    /// Raises ValueError for what may not stand in a head.
    #[new]
    #[pyo3(signature = (method, fields, minor=1))]
    fn new(method: &str, fields: &Bound<'_, PyList>, minor: u8) -> PyResult<Self> {
        let fields: Vec<(Bound<'_, PyString>, Option<Bound<'_, PyAny>>)> = fields.extract()?;
        let mut holes = Vec::with_capacity(fields.len());
        for (name, value) in &fields {
            let value = match value {
                None => Value::Length,
                Some(value) => match value.cast::<PyString>() {
                    Ok(text) => Value::Fixed(text.to_str()?.as_bytes()),
                    Err(_) => Value::Given(value.extract()?),
                },
            };
            holes.push((name.to_str()?.as_bytes(), value));
        }
        let version = if minor == 0 { Version::Http10 } else { Version::Http11 };
        let template = template::HeadTemplate::new(method, version, holes)
            .map_err(|error| PyValueError::new_err(error.to_string()))?;
        let needs = template.needs();
        Ok(Self { template, needs })
    }

    /// What to send for one request, in pieces: its head, and its body if it has one, bytes or a
    /// bytearray. None where the target or a value may not stand in a head, or a value is not
    /// exactly str.
    #[pyo3(signature = (target, values, body=None))]
    fn pieces<'py>(
        &self,
        target: &Bound<'py, PyString>,
        values: &Bound<'py, PyTuple>,
        body: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyList>>> {
        let py = target.py();
        let values: Vec<Bound<'_, PyAny>> = values.iter().collect();
        let mut given = Vec::with_capacity(values.len());
        for value in &values {
            let Ok(text) = value.cast_exact::<PyString>() else { return Ok(None) };
            let Ok(text) = text.to_str() else { return Ok(None) };
            given.push(text.as_bytes());
        }
        if given.len() < self.needs {
            let text = format!("{} values are given, {} are needed", given.len(), self.needs);
            return Err(PyValueError::new_err(text));
        }
        let Ok(target) = target.to_str() else { return Ok(None) };
        let bytes = body.and_then(|body| body.cast_exact::<PyBytes>().ok());
        let length = match (body, bytes) {
            (None, _) => 0,
            (Some(_), Some(bytes)) => bytes.as_bytes().len(),
            (Some(body), None) => match body.cast::<PyByteArray>() {
                Ok(body) => body.len(),
                Err(_) => {
                    return Err(PyTypeError::new_err("the body must be bytes or a bytearray"));
                }
            },
        };
        let joined = bytes.map(|bytes| bytes.as_bytes()).filter(|bytes| bytes.len() <= JOINED);
        let mut out = Vec::with_capacity(512 + joined.map_or(0, <[u8]>::len));
        if self.template.encode(target, &given, length as u64, &mut out).is_err() {
            return Ok(None);
        }
        let rest = match joined {
            Some(joined) => {
                out.extend_from_slice(joined);
                None
            }
            None => body.filter(|_| length > 0),
        };
        let pieces = PyList::new(py, [PyBytes::new(py, &out)])?;
        if let Some(rest) = rest {
            pieces.append(rest)?;
        }
        Ok(Some(pieces))
    }
}
