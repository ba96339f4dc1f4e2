//! How a protocol wants its data, and streams fed without a Python frame.

use pyo3::prelude::*;

use crate::client::HttpConnection;
use crate::event_loop::Loop;
use crate::ffi::{
    ClassVersion, Namespace, Ref, attribute, call_method, extend_bytearray, weak_target,
};
use crate::names::{Interop, interop};
use crate::streams::{Connected, is_original};
use crate::tls::TlsProtocol;

/// The way of one protocol object.
#[derive(Clone, Debug)]
pub(crate) enum Way {
    /// `data_received(bytes)`.
    Plain,
    /// `get_buffer(sizehint)` and `buffer_updated(count)`.
    Buffered,
    /// Exactly asyncio's `StreamReaderProtocol` with exactly its `StreamReader`: bytes go straight
    /// into the reader's buffer.
    Stream(Stream),
    /// A `TlsProtocol`.
    Tls,
    /// An `HttpConnection` of the client.
    Http(Ref<HttpConnection>),
}

/// What is known of a stream reader.
#[derive(Clone, Debug)]
pub(crate) struct Stream {
    /// The protocol's weak reference to its reader.
    reader: Ref,
    /// Above twice this many bytes the reader pauses its transport.
    limit: usize,
}

/// Finds the way of `protocol`.
pub(crate) fn way_of(py: Python<'_>, event_loop: &Loop, protocol: &Ref) -> PyResult<Way> {
    let interop = interop(py)?;
    let object = protocol.bind(py);
    if object.is_exact_instance_of::<TlsProtocol>() {
        return Ok(Way::Tls);
    }
    if let Ok(connection) = object.cast_exact::<HttpConnection>() {
        return Ok(Way::Http(Ref::new(connection)));
    }
    if object.is_instance(interop.buffered_protocol.bind(py))? {
        return Ok(Way::Buffered);
    }
    Ok(stream_of(py, event_loop, interop, protocol)?.map_or(Way::Plain, Way::Stream))
}

/// The stream behind a protocol, when both are exactly asyncio's. Its reader gets the native
/// reads; in debug mode it keeps asyncio's, whose frames tracebacks and stacks then show.
fn stream_of(
    py: Python<'_>,
    event_loop: &Loop,
    interop: &Interop,
    protocol: &Ref,
) -> PyResult<Option<Stream>> {
    if !protocol.bind(py).get_type().is(interop.stream_reader_protocol.bind(py)) {
        return Ok(None);
    }
    let weak = attribute(py, protocol, &interop.names.stream_reader_wr)?;
    let Some(reader) = weak_target(py, &weak)? else { return Ok(None) };
    let class = reader.bind(py).get_type();
    if class.is(interop.stream_reader.bind(py)) {
        if !event_loop.is_debug() {
            reader.bind(py).setattr("__class__", interop.native_stream_reader.bind(py))?;
            adopt_writer(py, protocol)?;
        }
    } else if !class.is(interop.native_stream_reader.bind(py)) {
        return Ok(None);
    }
    let limit = reader.bind(py).getattr("_limit")?.extract::<usize>()?;
    Ok(Some(Stream { reader: weak, limit }))
}

/// Lets the writer that the protocol of a server will make have a native `drain()`, too.
fn adopt_writer(py: Python<'_>, protocol: &Ref) -> PyResult<()> {
    let name = &interop(py)?.names.client_connected_cb;
    let attributes = Namespace::of(py, protocol)?;
    match attributes.find(py, name)? {
        Some(callback) if !callback.bind(py).is_none() => {
            let connected = Bound::new(py, Connected::new(callback, py))?;
            attributes.set(py, name, &connected.into_any().into())
        }
        _ => Ok(()),
    }
}

/// Whether the methods that a native feed skips are asyncio's own still: a program may replace them
/// on the classes or on the objects at any time.
///
/// # Errors
/// What looking an attribute up raises.
pub(crate) fn is_untouched(py: Python<'_>, stream: &Stream, protocol: &Ref) -> PyResult<bool> {
    static SEEN: [ClassVersion; 2] = [const { ClassVersion::unknown() }; 2];
    let interop = interop(py)?;
    for (seen, original) in SEEN.iter().zip(&interop.feeds) {
        if !seen.holds(py, &original.class, || is_original(py, original))? {
            return Ok(false);
        }
    }
    let names = &interop.names;
    if Namespace::of(py, protocol)?.find(py, &names.data_received)?.is_some() {
        return Ok(false);
    }
    let Some(reader) = weak_target(py, &stream.reader)? else { return Ok(true) };
    Ok(Namespace::of(py, &reader)?.find(py, &names.feed_data)?.is_none())
}

/// `StreamReader.feed_data(data)`, step by step.
///
/// # Errors
/// What the Python method would raise.
pub(crate) fn feed(py: Python<'_>, stream: &Stream, data: &[u8]) -> PyResult<()> {
    // A reader that is gone reads no more: the data is dropped, as by the protocol.
    let Some(reader) = weak_target(py, &stream.reader)? else { return Ok(()) };
    let names = &interop(py)?.names;
    let attributes = Namespace::of(py, &reader)?;
    if attributes.is_true(py, &names.eof)? {
        return Err(pyo3::exceptions::PyAssertionError::new_err("feed_data after feed_eof"));
    }
    let buffer = attributes.get(py, &names.buffer)?;
    let length = extend_bytearray(py, &buffer, data)?;
    let waiter = attributes.get(py, &names.waiter)?;
    if !waiter.bind(py).is_none() {
        let none = &interop(py)?.none;
        attributes.set(py, &names.waiter, none)?;
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
