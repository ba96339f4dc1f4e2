//! `get_extra_info` of asyncio's base class, which a program may replace for all transports.

use pyo3::prelude::*;

use crate::names::{cold, interop};
use crate::streams::is_original;

/// What the program's own function answers, if there is one in the place of
/// `asyncio.BaseTransport.get_extra_info`. asyncio's transports inherit that; the native ones do not.
///
/// # Errors
/// What it raises.
pub(crate) fn replaced_info<'py>(
    transport: &Bound<'py, PyAny>,
    name: &Bound<'py, PyAny>,
    default: Option<&Bound<'py, PyAny>>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = transport.py();
    if is_original(py, &interop(py)?.get_extra_info)? {
        return Ok(None);
    }
    match default {
        Some(default) => cold(py, "replaced_extra_info", (transport, name, default)),
        None => cold(py, "replaced_extra_info", (transport, name)),
    }
    .map(Some)
}
