//! Heads: of requests from Python's headers, of responses to them.

use aioxide_http::http1::Version;
use aioxide_http::http1::request::{RequestError, RequestHead};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

/// The bytes of a request's head. `headers` is a mapping with `items()`; names and values are str.
///
/// Raises ValueError for what may not stand in a head: control characters, line ends, a method that
/// is no token. Raises TypeError for a value that is not str: a None or bytes would be sent as what
/// Python shows of them.
#[pyfunction]
#[pyo3(signature = (method, target, headers, minor=1))]
pub(crate) fn encode_request_head<'py>(
    py: Python<'py>,
    method: &str,
    target: &str,
    headers: &Bound<'py, PyAny>,
    minor: u8,
) -> PyResult<Bound<'py, PyBytes>> {
    let items = headers.call_method0("items")?;
    let mut fields: Vec<(Bound<'py, PyString>, Bound<'py, PyString>)> = Vec::with_capacity(12);
    for item in items.try_iter()? {
        let (name, value) = item?.extract::<(Bound<'py, PyAny>, Bound<'py, PyAny>)>()?;
        let value = match value.cast_into::<PyString>() {
            Ok(text) => text,
            Err(error) => return Err(not_text(&name, &error.into_inner())),
        };
        fields.push((name.str()?, value));
    }
    let mut texts = Vec::with_capacity(fields.len());
    for (name, value) in &fields {
        texts.push((name.to_str()?.as_bytes(), value.to_str()?.as_bytes()));
    }
    let version = if minor == 0 { Version::Http10 } else { Version::Http11 };
    let mut head = Vec::with_capacity(256);
    RequestHead { method, target, version }
        .encode(texts.iter().copied(), &mut head)
        .map_err(|error| refused(&error, &fields))?;
    Ok(PyBytes::new(py, &head))
}

fn not_text(name: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyErr {
    let kind = value.get_type();
    PyTypeError::new_err(format!(
        "the value of the header {name:?} is not a str but {kind}: {value:?}"
    ))
}

/// Says which header it is by its name.
fn refused(error: &RequestError, fields: &[(Bound<'_, PyString>, Bound<'_, PyString>)]) -> PyErr {
    let index = match error {
        RequestError::HeaderName { index, .. } | RequestError::HeaderValue { index, .. } => *index,
        _ => return PyValueError::new_err(error.to_string()),
    };
    match fields.get(index) {
        Some((name, _)) => PyValueError::new_err(format!("{error}: {name:?}")),
        None => PyValueError::new_err(error.to_string()),
    }
}

/// Text of a header as aiohttp reads it: UTF-8, with what is none kept as surrogates.
pub(super) fn text_of<'py>(py: Python<'py>, bytes: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    match str::from_utf8(bytes) {
        Ok(text) => Ok(PyString::new(py, text).into_any()),
        Err(_) => PyBytes::new(py, bytes).call_method1("decode", ("utf-8", "surrogateescape")),
    }
}
