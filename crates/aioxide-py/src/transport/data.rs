//! What a program gives to `write`.

use pyo3::exceptions::{PyBufferError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyMemoryView};

use super::queue::Piece;
use crate::ffi::{Bytes, View};

/// What is to be sent, for the length of one call.
pub(crate) enum Data {
    Bytes(Bytes),
    View(View),
}

impl Data {
    /// Whether `data` is of a type that may be written.
    #[inline]
    pub(crate) fn is_known(data: Borrowed<'_, '_, PyAny>) -> bool {
        data.is_instance_of::<PyBytes>()
            || data.is_instance_of::<PyByteArray>()
            || data.is_instance_of::<PyMemoryView>()
    }

    /// # Errors
    /// `TypeError` for what is not bytes-like.
    pub(crate) fn of(py: Python<'_>, data: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        if let Some(bytes) = Bytes::of(data) {
            return Ok(Self::Bytes(bytes));
        }
        if !Self::is_known(data) {
            let class = data.get_type().name()?.to_string();
            return Err(PyTypeError::new_err(format!(
                "data argument must be a bytes-like object, not '{class}'"
            )));
        }
        match View::readable(py, data.as_ptr()) {
            Err(error) if error.is_instance_of::<PyBufferError>(py) => {
                // A view with gaps: its bytes are gathered by Python.
                let bytes = data.call_method0("tobytes")?;
                Self::of(py, bytes.as_borrowed())
            }
            view => view.map(Self::View),
        }
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes.as_slice(),
            Self::View(view) => view.as_slice(),
        }
    }

    /// What is left after `sent` bytes, for the queue: exact `bytes` are held, anything else is
    /// copied, because its owner may change it. Returns with it how much of the piece is sent.
    pub(crate) fn into_piece(self, sent: usize) -> (Piece, usize) {
        match self {
            Self::Bytes(bytes) => (Piece::Held(bytes), sent),
            Self::View(view) => (Piece::Copied(view.as_slice()[sent..].to_vec()), 0),
        }
    }
}
