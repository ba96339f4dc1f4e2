//! From the wire to the program's protocol.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyInt};

use super::engine::Step;
use super::protocol::TlsProtocol;
use super::state::Phase;
use crate::ffi::{Bytes, Ref, View, call_method};
use crate::names;
use crate::transport::{Way, feed, is_untouched};

/// More than a record holds: a read that returns less has read all of its record.
const RECORD: usize = 16 * 1024 + 256;

impl TlsProtocol {
    /// Decrypts what is there and gives it to the protocol.
    pub(super) fn do_read(&self, py: Python<'_>, this: &Ref<Self>) -> PyResult<()> {
        if !matches!(self.phase(), Phase::Wrapped | Phase::Flushing) {
            return Ok(());
        }
        let result = self.read_all(py, this);
        self.or_fatal(py, this, result)
    }

    fn read_all(&self, py: Python<'_>, this: &Ref<Self>) -> PyResult<()> {
        let (paused, way) = self.state.with(|state| (state.reading_paused, state.way.clone()));
        if !paused {
            match way {
                Way::Buffered => self.read_buffered(py, this)?,
                Way::Stream(_) | Way::Plain | Way::Tls | Way::Http(_) => {
                    self.read_copied(py, this, &way)?
                }
            }
            if self.state.with(|state| state.backlog.is_empty()) {
                // An answer of the engine's own: to a key update, say.
                self.send_encrypted(py, this)?;
            } else {
                self.encrypt_backlog(py, this)?;
            }
        }
        self.control_lower_reading(py)
    }

    /// How much the next read may give: 0 when it would give nothing.
    fn readable(&self, py: Python<'_>) -> PyResult<usize> {
        let waiting = self.engine.undecrypted(py)?;
        let (whole, unread) =
            self.state.with(|state| (state.records.is_whole(waiting), state.unread));
        let worth = whole || unread && self.engine.pending(py)? != 0;
        Ok(if worth { waiting.clamp(64, RECORD) } else { 0 })
    }

    fn read_copied(&self, py: Python<'_>, this: &Ref<Self>, way: &Way) -> PyResult<()> {
        let mut first: Option<Bytes> = None;
        let mut others: Vec<Bytes> = Vec::new();
        let mut closed = false;
        loop {
            let most = self.readable(py)?;
            if most == 0 {
                break;
            }
            let data = match self.engine.read(py, most)? {
                Step::Done(data) => data,
                Step::Again => {
                    self.state.with(|state| state.unread = false);
                    break;
                }
            };
            let count = data.as_slice().len();
            self.state.with(|state| state.unread = count == most);
            if count == 0 {
                closed = true;
                break;
            }
            match &first {
                None => first = Some(data),
                Some(_) => others.push(data),
            }
        }
        if let Some(first) = first {
            self.deliver(py, way, first, others)?;
        }
        if closed {
            self.tell_eof(py, this)?;
            self.start_shutdown(py, this)?;
        }
        Ok(())
    }

    fn deliver(&self, py: Python<'_>, way: &Way, first: Bytes, others: Vec<Bytes>) -> PyResult<()> {
        let Some(protocol) = self.state.with(|state| state.protocol.clone()) else {
            return Ok(());
        };
        if let Way::Stream(stream) = way
            && is_untouched(py, stream, &protocol)?
        {
            feed(py, stream, first.as_slice())?;
            return others.iter().try_for_each(|data| feed(py, stream, data.as_slice()));
        }
        if let Way::Http(connection) = way {
            connection.feed(py, first.as_slice())?;
            return others.iter().try_for_each(|data| connection.feed(py, data.as_slice()));
        }
        let name = &names::interop(py)?.names.data_received;
        if others.is_empty() {
            return call_method(py, name, [&protocol, first.object()]).map(drop);
        }
        let size =
            others.iter().fold(first.as_slice().len(), |sum, data| sum + data.as_slice().len());
        let joined = PyBytes::new_with(py, size, |mut room| {
            for data in std::iter::once(&first).chain(&others) {
                let data = data.as_slice();
                let (target, rest) = room.split_at_mut(data.len());
                target.copy_from_slice(data);
                room = rest;
            }
            Ok(())
        })?;
        drop((first, others));
        call_method(py, name, [&protocol, &joined.into_any().into()]).map(drop)
    }

    fn read_buffered(&self, py: Python<'_>, this: &Ref<Self>) -> PyResult<()> {
        if self.readable(py)? == 0 {
            return Ok(());
        }
        let Some(protocol) = self.state.with(|state| state.protocol.clone()) else {
            return Ok(());
        };
        let names = &names::interop(py)?.names;
        let hint = Ref::from(PyInt::new(py, self.engine.undecrypted(py)?).into_any());
        let buffer = call_method(py, &names.get_buffer, [&protocol, &hint])?;
        let mut view = View::writable(py, &buffer)?;
        let target = view.as_mut_slice();
        let size = target.len();
        let mut filled = 0;
        // What has no room at all ends the connection, as a read of nothing does.
        let mut closed = size == 0;
        let mut full = false;
        while !closed {
            match self.engine.read_into(py, &mut target[filled..])? {
                Step::Again => {
                    self.state.with(|state| state.unread = false);
                    break;
                }
                Step::Done(0) => closed = true,
                Step::Done(count) => {
                    filled += count;
                    full = filled == size;
                    self.state.with(|state| state.unread = full);
                    if full || self.readable(py)? == 0 {
                        break;
                    }
                }
            }
        }
        drop(view);
        drop(buffer);
        if full {
            // There may be more, for the next buffer.
            self.call_soon(py, this.bind(py).getattr("_do_read")?, None)?;
        }
        if filled != 0 {
            let count = Ref::from(PyInt::new(py, filled).into_any());
            call_method(py, &names.buffer_updated, [&protocol, &count])?;
        }
        if closed {
            self.tell_eof(py, this)?;
            self.start_shutdown(py, this)?;
        }
        Ok(())
    }
}
