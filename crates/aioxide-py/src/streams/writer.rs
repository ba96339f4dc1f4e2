//! The native method of `aioxide._streams.StreamWriter`.

use std::ffi::CStr;

use pyo3::prelude::*;
use pyo3::types::PyBool;

use super::is_original;
use crate::ffi::{Arguments, ClassVersion, FastMethod, Namespace, Ref};
use crate::names::interop;
use crate::tls::TlsTransport;
use crate::transport::StreamTransport;

pub(super) struct Drained;

impl FastMethod<PyAny> for Drained {
    const NAME: &'static CStr = c"_is_drained";
    const DOC: &'static CStr = c"_is_drained($self, /)\n--\n\n\
        Whether drain() has nothing to wait for and nothing to raise.";

    fn call<'a, 'py>(this: &'a Bound<'py, PyAny>, _: Arguments<'a, 'py>) -> PyResult<Ref> {
        let py = this.py();
        let drained = is_drained(py, &Ref::new(this))?;
        Ok(PyBool::new(py, drained).to_owned().into_any().into())
    }
}

fn is_drained(py: Python<'_>, writer: &Ref) -> PyResult<bool> {
    static SEEN: [ClassVersion; 3] = [const { ClassVersion::unknown() }; 3];
    let interop = interop(py)?;
    let names = &interop.names;
    for (seen, original) in SEEN.iter().zip(&interop.drains) {
        if !seen.holds(py, &original.class, || is_original(py, original))? {
            return Ok(false);
        }
    }
    let writer = Namespace::of(py, writer)?;
    let reader = writer.get(py, &names.reader)?;
    if !reader.bind(py).get_type().is(interop.native_stream_reader.bind(py))
        || !Namespace::of(py, &reader)?.get(py, &names.exception)?.bind(py).is_none()
    {
        return Ok(false);
    }
    let transport = writer.get(py, &names.transport)?;
    if !is_open(py, transport.bind(py))? {
        return Ok(false);
    }
    let protocol = writer.get(py, &names.protocol)?;
    if !protocol.bind(py).get_type().is(interop.stream_reader_protocol.bind(py)) {
        return Ok(false);
    }
    let protocol = Namespace::of(py, &protocol)?;
    Ok(!protocol.is_true(py, &names.connection_is_lost)? && !protocol.is_true(py, &names.paused)?)
}

/// Whether a transport is the loop's own and not closing.
fn is_open(py: Python<'_>, transport: &Bound<'_, PyAny>) -> PyResult<bool> {
    if let Ok(plain) = transport.cast_exact::<StreamTransport>() {
        return Ok(!plain.get().is_closing());
    }
    match transport.cast_exact::<TlsTransport>() {
        Ok(tls) => tls.get().is_closing(py).map(|closing| !closing),
        Err(_) => Ok(false),
    }
}
