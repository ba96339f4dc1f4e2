//! The native part of asyncio's streams: what the classes in `aioxide._streams` call.
//!
//! They derive from asyncio's and keep all state where those keep it, in the objects' attributes,
//! so that native methods and asyncio's own may be mixed.

mod connected;
mod read;
mod reader;
mod writer;

use pyo3::prelude::*;
use pyo3::types::PyType;

pub(crate) use self::connected::Connected;
use crate::ffi::{Ref, add_method_to, attribute};

/// A method of asyncio's that native code stands for.
pub(crate) struct Original {
    pub(crate) class: Ref,
    name: Ref,
    method: Ref,
}

impl Original {
    pub(crate) fn of(class: &Bound<'_, PyAny>, name: &Bound<'_, PyAny>) -> PyResult<Self> {
        let method = class.getattr(name.cast()?)?;
        Ok(Self { class: Ref::new(class), name: Ref::new(name), method: method.into() })
    }
}

/// Whether the class still has the method: a program may replace it at any time.
///
/// # Errors
/// What looking it up raises.
pub(crate) fn is_original(py: Python<'_>, original: &Original) -> PyResult<bool> {
    let found = attribute(py, &original.class, &original.name)?;
    Ok(found.is(original.method.as_ptr()))
}

/// Give a class that derives from asyncio.StreamReader its native methods.
#[pyfunction]
#[pyo3(signature = (reader, /))]
pub(crate) fn add_stream_reads(reader: &Bound<'_, PyType>) -> PyResult<()> {
    add_method_to::<reader::Read>(reader)?;
    add_method_to::<reader::ReadExactly>(reader)?;
    add_method_to::<reader::ReadUntil>(reader)
}

/// Give a class that derives from asyncio.StreamWriter its native method.
#[pyfunction]
#[pyo3(signature = (writer, /))]
pub(crate) fn add_stream_drain(writer: &Bound<'_, PyType>) -> PyResult<()> {
    add_method_to::<writer::Drained>(writer)
}
