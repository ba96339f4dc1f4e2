//! How a protocol wants its data, and streams fed without a Python frame.

use pyo3::prelude::*;

use crate::ffi::{
    Ref, attribute, call_method, extend_bytearray, is_method, set_attribute, weak_target,
};
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

/// The stream behind a protocol, when both are exactly asyncio's.
fn stream_of(py: Python<'_>, interop: &Interop, protocol: &Ref) -> PyResult<Option<Stream>> {
    if !protocol.bind(py).get_type().is(interop.stream_reader_protocol.bind(py)) {
        return Ok(None);
    }
    let weak = attribute(py, protocol, &interop.names.stream_reader_wr)?;
    let Some(reader) = weak_target(py, &weak)? else { return Ok(None) };
    if !reader.bind(py).get_type().is(interop.stream_reader.bind(py)) {
        return Ok(None);
    }
    let limit = reader.bind(py).getattr("_limit")?.extract::<usize>()?;
    Ok(Some(Stream { reader: weak, limit }))
}

/// Whether the methods that a native feed skips are asyncio's own still: a program may replace them
/// on the classes or on the objects at any time.
///
/// # Errors
/// What looking an attribute up raises.
pub(super) fn is_untouched(py: Python<'_>, stream: &Stream, protocol: &Ref) -> PyResult<bool> {
    let interop = interop(py)?;
    let names = &interop.names;
    let received = attribute(py, protocol, &names.data_received)?;
    if !is_method(&received, &interop.stream_data_received) {
        return Ok(false);
    }
    let Some(reader) = weak_target(py, &stream.reader)? else { return Ok(true) };
    let fed = attribute(py, &reader, &names.feed_data)?;
    Ok(is_method(&fed, &interop.feed_data))
}

/// `StreamReader.feed_data(data)`, step by step.
///
/// # Errors
/// What the Python method would raise.
pub(super) fn feed(py: Python<'_>, stream: &Stream, data: &[u8]) -> PyResult<()> {
    // A reader that is gone reads no more: the data is dropped, as by the protocol.
    let Some(reader) = weak_target(py, &stream.reader)? else { return Ok(()) };
    let names = &interop(py)?.names;
    if attribute(py, &reader, &names.eof)?.bind(py).is_truthy()? {
        return Err(pyo3::exceptions::PyAssertionError::new_err("feed_data after feed_eof"));
    }
    let buffer = attribute(py, &reader, &names.buffer)?;
    let length = extend_bytearray(py, &buffer, data)?;
    let waiter = attribute(py, &reader, &names.waiter)?;
    if !waiter.bind(py).is_none() {
        let none = &interop(py)?.none;
        set_attribute(py, &reader, &names.waiter, none)?;
        // Asked beforehand, a cancelled waiter costs a call for each packet; told, it says so.
        if let Err(error) = call_method(py, &names.set_result, [&waiter, none])
            && !waiter.bind(py).call_method0("cancelled")?.is_truthy()?
        {
            return Err(error);
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
