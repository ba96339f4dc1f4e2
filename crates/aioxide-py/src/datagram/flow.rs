//! Flow control: telling the protocol when to stop sending, and when to go on.

use pyo3::prelude::*;

use super::transport::DatagramTransport;
use crate::ffi::Ref;
use crate::transport::{marks, tell};

impl DatagramTransport {
    pub(super) fn pause_protocol_if_full(&self, py: Python<'_>, this: &Ref<Self>) -> PyResult<()> {
        let full = self.state.with(|state| {
            let full = !state.writing_paused && state.outbox.size() > state.high;
            state.writing_paused |= full;
            full
        });
        if full { self.tell(py, this, true) } else { Ok(()) }
    }

    pub(super) fn resume_protocol_if_drained(
        &self,
        py: Python<'_>,
        this: &Ref<Self>,
    ) -> PyResult<()> {
        let drained = self.state.with(|state| {
            let drained = state.writing_paused && state.outbox.size() <= state.low;
            state.writing_paused &= !drained;
            drained
        });
        if drained { self.tell(py, this, false) } else { Ok(()) }
    }

    fn tell(&self, py: Python<'_>, this: &Ref<Self>, pause: bool) -> PyResult<()> {
        let protocol = self.state.with(|state| state.protocol.clone());
        tell(py, self.event_loop(), this.as_any().bind(py), protocol, pause)
    }
}

#[pymethods]
impl DatagramTransport {
    /// Set the marks of flow control, in bytes: pause_writing() above high, resume_writing() at low.
    ///
    /// By default high is 64 KiB or 4 * low, low is high / 4. Raises ValueError unless
    /// high >= low >= 0.
    #[pyo3(signature = (high=None, low=None))]
    fn set_write_buffer_limits(
        this: &Bound<'_, Self>,
        high: Option<&Bound<'_, PyAny>>,
        low: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let py = this.py();
        let (high, low) = marks(high, low, 64)?;
        let transport = this.get();
        let this = Ref::new(this);
        transport.flush(py, &this)?;
        transport.state.with(|state| {
            state.high = high;
            state.low = low;
        });
        transport.pause_protocol_if_full(py, &this)
    }

    /// The marks of flow control: (low, high), in bytes.
    fn get_write_buffer_limits(&self) -> (usize, usize) {
        self.state.with(|state| (state.low, state.high))
    }

    /// How many bytes wait for room, from Python 3.13 on with 8 for each datagram.
    fn get_write_buffer_size(this: &Bound<'_, Self>) -> PyResult<usize> {
        let transport = this.get();
        transport.flush(this.py(), &Ref::new(this))?;
        Ok(transport.state.with(|state| state.outbox.size()))
    }
}
