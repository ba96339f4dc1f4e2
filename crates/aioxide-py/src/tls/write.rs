//! From the program to the wire.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

use super::engine::Step;
use super::protocol::TlsProtocol;
use super::state::Phase;
use crate::ffi::{Ref, View};
use crate::names::cold;
use crate::transport::{Data, Piece};

/// The content of the longest record.
const RECORD: usize = 16 * 1024;

/// asyncio warns at this many writes after the end.
const LOST_WRITES: u32 = 5;

impl TlsProtocol {
    /// `transport.write(data)`.
    pub(super) fn write(
        &self,
        py: Python<'_>,
        this: &Ref<Self>,
        data: Borrowed<'_, '_, PyAny>,
    ) -> PyResult<()> {
        if !Data::is_known(data) {
            let class = data.get_type().name()?.to_string();
            let text = format!("data: expecting a bytes-like instance, got {class}");
            return Err(PyTypeError::new_err(text));
        }
        let data = Data::of(py, data)?;
        if data.as_slice().is_empty() || !self.takes_writes(py)? {
            return Ok(());
        }
        let at_once =
            self.state.with(|state| state.phase == Phase::Wrapped && state.backlog.is_empty());
        if !at_once {
            let (piece, _) = data.into_piece(0);
            self.append(piece);
            return self.encrypt_if_wrapped(py, this);
        }
        let mut sent = 0;
        let result = self.encrypt(py, data.as_slice(), &mut sent).and_then(|()| {
            if sent < data.as_slice().len() {
                // The engine waits for the peer, in the middle of a new handshake.
                let rest = data.as_slice()[sent..].to_vec();
                self.append(Piece::Copied(rest));
            }
            self.send_encrypted(py, this)
        });
        self.or_fatal(py, this, result)
    }

    /// `transport.writelines(list_of_data)`.
    pub(super) fn write_lines(
        &self,
        py: Python<'_>,
        this: &Ref<Self>,
        list_of_data: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        if !self.takes_writes(py)? {
            return Ok(());
        }
        let mut pieces = Vec::new();
        for item in list_of_data.try_iter()? {
            let item = item?;
            let piece = if Data::is_known(item.as_borrowed()) {
                Data::of(py, item.as_borrowed())?.into_piece(0).0
            } else {
                Piece::Copied(View::readable(py, item.as_ptr())?.as_slice().to_vec())
            };
            pieces.push(piece);
        }
        for piece in pieces {
            if !piece.as_slice().is_empty() {
                self.append(piece);
            }
        }
        self.encrypt_if_wrapped(py, this)
    }

    /// Whether what is written now is still sent; counts what is not.
    fn takes_writes(&self, py: Python<'_>) -> PyResult<bool> {
        let lost = self.state.with(|state| {
            if matches!(state.phase, Phase::Handshake | Phase::Wrapped) {
                return None;
            }
            let lost = state.lost;
            state.lost = lost.saturating_add(1);
            Some(lost)
        });
        if lost.is_some_and(|times| times >= LOST_WRITES) {
            cold(py, "log_lost_tls_write", ())?;
        }
        Ok(lost.is_none())
    }

    /// Puts a piece behind what is not encrypted yet.
    pub(super) fn append(&self, piece: Piece) {
        self.state.with(|state| {
            state.backlog_size += piece.as_slice().len();
            state.backlog.push_back(piece);
        });
    }

    fn encrypt_if_wrapped(&self, py: Python<'_>, this: &Ref<Self>) -> PyResult<()> {
        if self.phase() != Phase::Wrapped {
            return Ok(());
        }
        let result = self.encrypt_backlog(py, this);
        self.or_fatal(py, this, result)
    }

    /// Encrypts what waits, and sends it. Small pieces share a record.
    pub(super) fn encrypt_backlog(&self, py: Python<'_>, this: &Ref<Self>) -> PyResult<()> {
        while let Some(piece) = self.next_piece() {
            let mut sent = 0;
            let result = self.encrypt(py, piece.as_slice(), &mut sent);
            let rest = piece.as_slice()[sent..].to_vec();
            let again = !rest.is_empty();
            if again {
                self.state.with(|state| {
                    state.backlog_size += rest.len();
                    state.backlog.push_front(Piece::Copied(rest));
                });
            }
            result?;
            if again {
                break;
            }
        }
        self.send_encrypted(py, this)
    }

    /// Takes the next piece out of the backlog, or as many as fit into one record together.
    fn next_piece(&self) -> Option<Piece> {
        let (first, others) = self.state.with(|state| {
            let first = state.backlog.pop_front()?;
            let mut size = first.as_slice().len();
            let mut others = Vec::new();
            while let Some(next) = state.backlog.front()
                && size + next.as_slice().len() <= RECORD
            {
                size += next.as_slice().len();
                others.extend(state.backlog.pop_front());
            }
            state.backlog_size -= size;
            Some((first, others))
        })?;
        if others.is_empty() {
            return Some(first);
        }
        let mut joined = first.as_slice().to_vec();
        for piece in &others {
            joined.extend_from_slice(piece.as_slice());
        }
        Some(Piece::Copied(joined))
    }

    /// Encrypts `data`, record by record; `sent` says how far it came.
    fn encrypt(&self, py: Python<'_>, data: &[u8], sent: &mut usize) -> PyResult<()> {
        while *sent < data.len() {
            match self.engine.write(py, &data[*sent..])? {
                Step::Done(count) => *sent += count.min(data.len() - *sent),
                Step::Again => break,
            }
        }
        Ok(())
    }

    /// Gives what is encrypted to the transport below, unless that is full.
    pub(super) fn send_encrypted(&self, py: Python<'_>, this: &Ref<Self>) -> PyResult<()> {
        let lower =
            self.state.with(|state| if state.lower_full { None } else { state.lower.clone() });
        if let Some(lower) = lower {
            let data = self.engine.drain(py)?;
            let bound = data.bind(py);
            if bound.len()? != 0 {
                lower.write(py, lower.bind(py), bound.as_borrowed())?;
            }
        }
        self.control_writing(py, this)
    }
}
