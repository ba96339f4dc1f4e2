//! What the loop calls when a pipe is ready.

use pyo3::prelude::*;
use pyo3::types::PyCFunction;

use super::{ReadPipeTransport, WritePipeTransport};
use crate::ffi::Ref;

/// A method of a transport, as the loop calls it: without the interpreter.
#[derive(Clone, Debug)]
pub(crate) enum PipeMethod {
    /// `_read_ready` of a reading end.
    Read(Ref<ReadPipeTransport>),
    /// `_write_ready` of a writing end.
    Write(Ref<WritePipeTransport>),
    /// `_read_ready` of a writing end: the reader is gone.
    Gone(Ref<WritePipeTransport>),
}

impl PipeMethod {
    /// # Errors
    /// Those of the method.
    #[inline]
    pub(crate) fn call(&self, py: Python<'_>) -> PyResult<()> {
        match self {
            Self::Read(transport) => ReadPipeTransport::read_ready(transport.bind(py)),
            Self::Write(transport) => WritePipeTransport::write_ready(transport.bind(py)),
            Self::Gone(transport) => WritePipeTransport::reader_gone(transport.bind(py)),
        }
    }

    pub(crate) fn transport(&self) -> &Ref {
        match self {
            Self::Read(transport) => transport.as_any(),
            Self::Write(transport) | Self::Gone(transport) => transport.as_any(),
        }
    }

    /// Whether it gives data to a protocol.
    #[inline]
    pub(crate) fn is_read(&self) -> bool {
        matches!(self, Self::Read(_))
    }

    /// Whether it waits for room to write, not for something to read.
    pub(crate) fn is_for_writing(&self) -> bool {
        matches!(self, Self::Write(_))
    }

    /// What the object has under the method's name.
    ///
    /// # Errors
    /// Whatever looking it up raises.
    pub(crate) fn as_object(&self, py: Python<'_>) -> PyResult<Ref> {
        let name = if self.is_for_writing() { "_write_ready" } else { "_read_ready" };
        Ok(self.transport().bind(py).getattr(name)?.into())
    }

    /// Whether `object`, found by [`PipeMethod::as_object`], is this method: a program may put
    /// another one in its place.
    ///
    /// # Errors
    /// What looking an attribute up raises.
    pub(crate) fn is(&self, py: Python<'_>, object: &Ref) -> PyResult<bool> {
        let object = object.bind(py);
        Ok(object.is_exact_instance_of::<PyCFunction>()
            && object.getattr("__self__")?.is(self.transport().bind(py)))
    }
}
