//! What fails, as the exceptions of `aioxide.http`.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyString, PyTuple};

use crate::ffi::{Ref, call_tuple};

/// The module `aioxide.http._failures`, which makes them.
fn failures(py: Python<'_>) -> PyResult<&Ref> {
    static MODULE: PyOnceLock<Ref> = PyOnceLock::new();
    MODULE.get_or_try_init(py, || Ok(py.import("aioxide.http._failures")?.into_any().into()))
}

/// Calls the function `name` of that module, which returns an exception.
#[cold]
pub(super) fn failure<'py>(
    py: Python<'py>,
    name: &str,
    arguments: impl IntoPyObject<'py, Target = PyTuple, Output = Bound<'py, PyTuple>>,
) -> PyResult<Ref> {
    let function = failures(py)?.bind(py).getattr(PyString::intern(py, name))?;
    call_tuple(&function, &arguments.into_pyobject(py).map_err(Into::into)?).map(Ref::from)
}

/// The exception, to be raised. Each raise gets the same object, as aiohttp's readers do.
pub(super) fn raised(py: Python<'_>, exception: &Ref) -> PyErr {
    PyErr::from_value(exception.bind(py).clone())
}
