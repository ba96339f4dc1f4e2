//! How a protocol wants its data, and streams fed without a Python frame.

use pyo3::exceptions::PyRuntimeError;
use pyo3::ffi;
use pyo3::prelude::*;

use crate::ffi::{Ref, attribute, call_method, set_attribute};
use crate::names::{Interop, interop};

/// The way of one protocol object.
#[derive(Clone, Debug)]
pub(super) enum Way {
    /// `data_received(bytes)`.
    Plain,
    /// `get_buffer(sizehint)` and `buffer_updated(count)`.
    Buffered,
    /// Exactly asyncio's `StreamReaderProtocol` with exactly its `StreamReader`: bytes go straight
    /// into the reader's buffer.
    Stream(Stream),
}

/// What is known of a stream reader.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    /// The protocol's weak reference to its reader.
    reader: Ref,
    /// Above twice this many bytes the reader pauses its transport.
    limit: usize,
}

/// Finds the way of `protocol`.
pub(super) fn way_of(py: Python<'_>, protocol: &Ref) -> PyResult<Way> {
    let interop = interop(py)?;
    let object = protocol.bind(py);
    if object.is_instance(interop.buffered_protocol.bind(py))? {
        return Ok(Way::Buffered);
    }
    Ok(stream_of(py, interop, protocol)?.map_or(Way::Plain, Way::Stream))
}

/// The stream behind a protocol, when nothing on the way has been replaced by the program: not the
/// classes, not the methods that are skipped.
fn stream_of(py: Python<'_>, interop: &Interop, protocol: &Ref) -> PyResult<Option<Stream>> {
    let object = protocol.bind(py);
    if !object.get_type().is(interop.stream_reader_protocol.bind(py)) {
        return Ok(None);
    }
    let class = interop.stream_reader_protocol.bind(py);
    let replaced = !class.getattr("data_received")?.is(interop.stream_data_received.bind(py))
        || object.getattr("__dict__")?.contains("data_received")?;
    if replaced {
        return Ok(None);
    }
    let weak = attribute(py, protocol, &interop.names.stream_reader_wr)?;
    let Some(reader) = target(py, &weak)? else { return Ok(None) };
    let object = reader.bind(py);
    let class = interop.stream_reader.bind(py);
    let replaced = !object.get_type().is(class)
        || !class.getattr("feed_data")?.is(interop.feed_data.bind(py))
        || object.getattr("__dict__")?.contains("feed_data")?;
    if replaced {
        return Ok(None);
    }
    let limit = object.getattr("_limit")?.extract::<usize>()?;
    Ok(Some(Stream { reader: weak, limit }))
}

/// What a weak reference leads to; `None` also for what is no weak reference.
fn target(py: Python<'_>, weak: &Ref) -> PyResult<Option<Ref>> {
    // SAFETY: A live object.
    if unsafe { ffi::PyWeakref_Check(weak.as_ptr()) } == 0 {
        return Ok(None);
    }
    let mut target = std::ptr::null_mut();
    // SAFETY: A weak reference, and a place for the result.
    let status = unsafe { ffi::compat::PyWeakref_GetRef(weak.as_ptr(), &raw mut target) };
    match status {
        // SAFETY: The call gave a strong reference.
        1 => Ok(Some(unsafe { Ref::from_owned(target) })),
        0 => Ok(None),
        _ => Err(PyErr::fetch(py)),
    }
}

/// `StreamReader.feed_data(data)`, step by step.
///
/// # Errors
/// What the Python method would raise.
pub(super) fn feed(py: Python<'_>, stream: &Stream, data: &[u8]) -> PyResult<()> {
    // A reader that is gone reads no more: the data is dropped, as by the protocol.
    let Some(reader) = target(py, &stream.reader)? else { return Ok(()) };
    let names = &interop(py)?.names;
    if attribute(py, &reader, &names.eof)?.bind(py).is_truthy()? {
        return Err(pyo3::exceptions::PyAssertionError::new_err("feed_data after feed_eof"));
    }
    let buffer = attribute(py, &reader, &names.buffer)?;
    let length = extend(py, &buffer, data)?;
    let waiter = attribute(py, &reader, &names.waiter)?;
    if !waiter.bind(py).is_none() {
        // SAFETY: None is always alive.
        let none = unsafe { ffi::Py_None() };
        set_attribute(py, &reader, &names.waiter, none)?;
        let cancelled = call_method(py, &names.cancelled, &[waiter.as_ptr()])?;
        if !cancelled.bind(py).is_truthy()? {
            call_method(py, &names.set_result, &[waiter.as_ptr(), none])?;
        }
    }
    if length > stream.limit.saturating_mul(2) {
        pause(py, &reader)?;
    }
    Ok(())
}

fn pause(py: Python<'_>, reader: &Ref) -> PyResult<()> {
    let names = &interop(py)?.names;
    let transport = attribute(py, reader, &names.transport)?;
    if transport.bind(py).is_none() || attribute(py, reader, &names.paused)?.bind(py).is_truthy()? {
        return Ok(());
    }
    match transport.bind(py).call_method0("pause_reading") {
        Ok(_) => reader.bind(py).setattr("_paused", true),
        Err(error) if error.is_instance_of::<pyo3::exceptions::PyNotImplementedError>(py) => {
            reader.bind(py).setattr("_transport", py.None())
        }
        Err(error) => Err(error),
    }
}

/// Appends to a bytearray and returns its new length.
fn extend(py: Python<'_>, buffer: &Ref, data: &[u8]) -> PyResult<usize> {
    // SAFETY: A live object.
    if unsafe { ffi::PyByteArray_CheckExact(buffer.as_ptr()) } == 0 {
        return Err(PyRuntimeError::new_err("StreamReader._buffer is not a bytearray"));
    }
    // SAFETY: A bytearray. Resizing fails (BufferError) while a view of it is exported; after it,
    // the new part belongs to nobody else, and no Python runs until it is written.
    unsafe {
        let old = ffi::PyByteArray_GET_SIZE(buffer.as_ptr()) as usize;
        let new = old + data.len();
        if ffi::PyByteArray_Resize(buffer.as_ptr(), new as ffi::Py_ssize_t) < 0 {
            return Err(PyErr::fetch(py));
        }
        let start = ffi::PyByteArray_AS_STRING(buffer.as_ptr()).cast::<u8>();
        std::ptr::copy_nonoverlapping(data.as_ptr(), start.add(old), data.len());
        Ok(new)
    }
}
