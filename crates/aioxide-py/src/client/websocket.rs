//! `WebSocket`: the codec of a WebSocket on an upgraded connection, and the messages that wait.

use std::collections::VecDeque;

use aioxide_http::websocket::{
    CloseCode, Connection, Deflate, Event, Frame, Opcode, ProtocolError, SendError, Settings,
};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyInt, PyString, PyTuple};
use pyo3::{PyTraverseError, PyVisit};
use rustix::rand::{GetRandomFlags, getrandom};

use super::connection::HttpConnection;
use super::error::{failure, raised};
use crate::cell::LoopCell;
use crate::event_loop::Loop;
use crate::ffi::{Ref, call_method, call0};
use crate::names::interop;
use crate::transport::Data;

const TEXT: u16 = 0x1;
const BINARY: u16 = 0x2;
const CLOSE: u16 = 0x8;
const PING: u16 = 0x9;
const PONG: u16 = 0xA;

/// What waits to be received.
#[derive(Debug)]
enum Item {
    /// Type, data and extra: what a WSMessage is made of.
    Message(Ref),
    /// The exception that is raised when it is received.
    Failure(Ref),
}

/// Keys that nobody can guess, fetched many at a time.
#[derive(Debug)]
struct Keys {
    bytes: [u8; 256],
    used: usize,
}

impl Keys {
    const fn new() -> Self {
        Self { bytes: [0; 256], used: 256 }
    }

    fn next(&mut self) -> PyResult<[u8; 4]> {
        if self.used == self.bytes.len() {
            let mut filled = 0;
            while filled < self.bytes.len() {
                filled += getrandom(&mut self.bytes[filled..], GetRandomFlags::empty())
                    .map_err(|error| crate::error::os_error(&error.into()))?;
            }
            self.used = 0;
        }
        let mut key = [0; 4];
        key.copy_from_slice(&self.bytes[self.used..self.used + 4]);
        self.used += 4;
        Ok(key)
    }
}

#[derive(Debug)]
struct State {
    /// Taken out while it decodes.
    machine: Option<Box<Connection>>,
    keys: Keys,
    waiting: VecDeque<Item>,
    /// Bytes in `waiting`.
    size: usize,
    waiter: Option<Ref>,
    /// Called when bytes have come.
    on_data: Option<Ref>,
    paused: bool,
    ended: bool,
}

/// A WebSocket on an upgraded connection.
#[pyclass(frozen, weakref, module = "aioxide._aioxide")]
#[derive(Debug)]
pub(crate) struct WebSocket {
    connection: Ref<HttpConnection>,
    decode_text: bool,
    /// What may wait before the connection is told to stop, in bytes.
    high: usize,
    state: LoopCell<State>,
}

/// One decoded event, as Python objects.
fn message(py: Python<'_>, event: Event<'_>, decode_text: bool) -> PyResult<(Ref, usize)> {
    let (kind, data, extra, size) = match event {
        Event::Text(text) if decode_text => {
            (TEXT, PyString::new(py, &text).into_any(), None, text.len())
        }
        Event::Text(text) => (TEXT, PyBytes::new(py, text.as_bytes()).into_any(), None, text.len()),
        Event::Binary(data) => (BINARY, PyBytes::new(py, &data).into_any(), None, data.len()),
        Event::Ping(data) => (PING, PyBytes::new(py, &data).into_any(), None, data.len()),
        Event::Pong(data) => (PONG, PyBytes::new(py, &data).into_any(), None, data.len()),
        Event::Close { code, reason } => {
            let code = code.map_or(0, |code| code.0);
            let data = PyInt::new(py, code).into_any();
            (CLOSE, data, Some(PyString::new(py, &reason).into_any()), 0)
        }
    };
    let extra = extra.unwrap_or_else(|| PyString::intern(py, "").into_any());
    let parts = PyTuple::new(py, [PyInt::new(py, kind).into_any(), data, extra])?;
    Ok((parts.into_any().into(), size))
}

impl WebSocket {
    /// Bytes off the wire.
    ///
    /// # Errors
    /// A bug, or what the callback of data raised.
    pub(super) fn feed(&self, py: Python<'_>, data: &[u8]) -> PyResult<()> {
        let Some((mut machine, on_data)) =
            self.state.with(|state| Some((state.machine.take()?, state.on_data.clone())))
        else {
            return Ok(());
        };
        let mut rest = data;
        let mut items = Vec::new();
        let mut size = 0;
        let failed = loop {
            match machine.receive(&mut rest) {
                Ok(None) => break None,
                Ok(Some(event)) => {
                    let (made, length) = message(py, event, self.decode_text)?;
                    size += length;
                    items.push(Item::Message(made));
                }
                Err(error) => break Some(error),
            }
        };
        self.state.with(|state| state.machine = Some(machine));
        if let Some(error) = failed
            && !self.state.with(|state| state.ended)
        {
            items.push(Item::Failure(protocol_error(py, &error)?));
            self.state.with(|state| state.ended = true);
        }
        self.put(py, items, size)?;
        match on_data {
            Some(on_data) => call0(py, &on_data).map(drop),
            None => Ok(()),
        }
    }

    fn put(&self, py: Python<'_>, items: Vec<Item>, size: usize) -> PyResult<()> {
        if items.is_empty() {
            return Ok(());
        }
        let (waiter, full) = self.state.with(|state| {
            state.waiting.extend(items);
            state.size += size;
            let full = state.size > self.high && !state.paused;
            state.paused |= full;
            (state.waiter.take(), full)
        });
        if full {
            self.connection.pause(py)?;
        }
        let Some(waiter) = waiter else { return Ok(()) };
        let interop = interop(py)?;
        let told = call_method(py, &interop.names.set_result, [&waiter, &interop.none]);
        match told {
            Err(error) if !waiter.bind(py).call_method0("done")?.is_truthy()? => Err(error),
            _ => Ok(()),
        }
    }

    /// Encodes by `encode` and sends.
    fn send_encoded(
        &self,
        py: Python<'_>,
        encode: impl FnOnce(&mut Connection, [u8; 4], &mut Vec<u8>) -> Result<bool, SendError>,
    ) -> PyResult<bool> {
        let mut out = Vec::new();
        let encoded = self.state.with(|state| {
            let key = state.keys.next()?;
            let Some(machine) = &mut state.machine else { return Ok(Err(SendError::Closing)) };
            Ok::<_, PyErr>(encode(machine, key, &mut out))
        })?;
        match encoded {
            Ok(false) => Ok(false),
            Ok(true) => {
                self.connection.send(py, &[PyBytes::new(py, &out).into_any()])?;
                Ok(true)
            }
            Err(SendError::Closing) => {
                let closing = failure(py, "websocket_is_closing", ())?;
                Err(raised(py, &closing))
            }
            Err(error) => Err(PyValueError::new_err(error.to_string())),
        }
    }
}

fn protocol_error(py: Python<'_>, error: &ProtocolError) -> PyResult<Ref> {
    failure(py, "websocket_error", (error.close_code().0, error.to_string()))
}

#[pymethods]
impl WebSocket {
    /// deflate: what was agreed of permessage-deflate, as (server window bits, client window bits,
    /// server without context takeover, client without), or None.
    #[new]
    fn new(
        connection: &Bound<'_, HttpConnection>,
        max_msg_size: usize,
        decode_text: bool,
        high: usize,
        deflate: Option<(u8, u8, bool, bool)>,
    ) -> Self {
        let deflate = deflate.map(|(server, client, server_anew, client_anew)| Deflate {
            server_window_bits: server,
            client_window_bits: client,
            server_no_context_takeover: server_anew,
            client_no_context_takeover: client_anew,
        });
        let machine = Connection::new(Settings { max_msg_size }, deflate.as_ref());
        let state = State {
            machine: Some(Box::new(machine)),
            keys: Keys::new(),
            waiting: VecDeque::new(),
            size: 0,
            waiter: None,
            on_data: None,
            paused: false,
            ended: false,
        };
        let connection = Ref::new(connection);
        Self { connection, decode_text, high, state: LoopCell::new(state) }
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(self.connection.as_py())?;
        let visited = self.state.try_with(|state| {
            let waiting = state.waiting.iter().map(|item| match item {
                Item::Message(object) | Item::Failure(object) => object,
            });
            [state.waiter.as_ref(), state.on_data.as_ref()]
                .into_iter()
                .flatten()
                .chain(waiting)
                .try_for_each(|object| visit.call(object.as_py()))
        });
        visited.unwrap_or(Ok(()))
    }

    fn __clear__(&self) {
        let taken = self.state.with(|state| {
            (state.waiter.take(), state.on_data.take(), std::mem::take(&mut state.waiting))
        });
        drop(taken);
    }

    /// Call `callback()` whenever bytes have come.
    fn on_data(&self, callback: &Bound<'_, PyAny>) {
        let kept = Ref::new(callback);
        let old = self.state.with(|state| state.on_data.replace(kept));
        drop(old);
    }

    /// The next message as (type, data, extra); else a future to wait for, after which to ask
    /// again.
    ///
    /// Raises WebSocketError for what the server must not send, and what ended the connection.
    fn read<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let (item, resume) = self.state.with(|state| {
            let item = state.waiting.pop_front();
            let resume = state.waiting.is_empty() && std::mem::replace(&mut state.paused, false);
            if state.waiting.is_empty() {
                state.size = 0;
            }
            (item, resume)
        });
        if resume {
            self.connection.resume(py)?;
        }
        match item {
            Some(Item::Message(parts)) => Ok(parts.into_bound(py)),
            Some(Item::Failure(exception)) => {
                let kept = exception.clone();
                self.state.with(|state| state.waiting.push_back(Item::Failure(kept)));
                Err(raised(py, &exception))
            }
            None => {
                if self.state.with(|state| state.waiter.is_some()) {
                    let text = "the WebSocket is being received from already";
                    return Err(PyRuntimeError::new_err(text));
                }
                let future = Loop::create_future(self.connection.event_loop.bind(py))?;
                let waiter = Ref::new(&future);
                self.state.with(|state| state.waiter = Some(waiter));
                Ok(future)
            }
        }
    }

    /// Nobody awaits the future of read() any more.
    fn stop_waiting(&self) {
        let old = self.state.with(|state| state.waiter.take());
        drop(old);
    }

    /// Put a message in front of whoever receives: (type, data, extra).
    fn feed_message(&self, py: Python<'_>, parts: &Bound<'_, PyTuple>) -> PyResult<()> {
        self.put(py, vec![Item::Message(Ref::new(parts.as_any()))], 0)
    }

    /// Send a frame: opcode (0 to 10), payload, the window bits of a compression of its own (0 for
    /// the connection's).
    ///
    /// Raises ClientConnectionResetError when the WebSocket or its connection is closing,
    /// ValueError for what may not be sent.
    #[pyo3(signature = (opcode, payload, compress=0, fin=true))]
    fn send(
        &self,
        py: Python<'_>,
        opcode: u8,
        payload: &Bound<'_, PyAny>,
        compress: u8,
        fin: bool,
    ) -> PyResult<()> {
        let opcode = match opcode {
            0x0 => Opcode::Continuation,
            0x1 => Opcode::Text,
            0x2 => Opcode::Binary,
            0x8 => Opcode::Close,
            0x9 => Opcode::Ping,
            0xA => Opcode::Pong,
            other => return Err(PyValueError::new_err(format!("there is no opcode {other}"))),
        };
        let data = Data::of(py, payload.as_borrowed())?;
        self.send_encoded(py, |machine, key, out| {
            let mut frame = Frame::new(opcode, data.as_slice());
            frame.window_bits = compress;
            frame.fin = fin;
            out.reserve(data.as_slice().len() + 14);
            machine.send(frame, key, out).map(|()| true)
        })
        .map(drop)
    }

    /// Send a Close; without a code it is empty. Returns whether one was sent: only the first is.
    fn send_close(&self, py: Python<'_>, code: Option<u16>, reason: &[u8]) -> PyResult<bool> {
        self.send_encoded(py, |machine, key, out| {
            machine.close(code.map(CloseCode), reason, key, out)
        })
    }

    // The connection below calls these.

    /// Bytes, from a connection that does not feed natively.
    fn data_received(&self, py: Python<'_>, data: &[u8]) -> PyResult<()> {
        self.feed(py, data)
    }

    /// The peer sends no more.
    fn eof_received(&self) -> bool {
        false
    }

    /// The connection has ended: whoever receives is told.
    fn connection_lost(&self, py: Python<'_>, exc: &Bound<'_, PyAny>) -> PyResult<()> {
        let tell = self.state.with(|state| {
            if let Some(machine) = &mut state.machine {
                machine.lost();
            }
            !std::mem::replace(&mut state.ended, true)
        });
        if !tell {
            return Ok(());
        }
        let lost = failure(py, "lost_before_head", (exc,))?;
        self.put(py, vec![Item::Failure(lost)], 0)
    }
}
