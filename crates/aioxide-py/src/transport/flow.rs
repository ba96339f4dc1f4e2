//! Flow control: telling the protocol when to stop writing, and when to go on.

use pyo3::exceptions::{PyOverflowError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyFloat;

use super::stream::StreamTransport;
use crate::event_loop::Loop;
use crate::ffi::{Ref, call_method};
use crate::handle::ends_run;
use crate::names::{cold, interop};

impl StreamTransport {
    pub(super) fn pause_protocol_if_full(&self, py: Python<'_>, this: &Ref<Self>) -> PyResult<()> {
        let full = self.state.with(|state| {
            let full = !state.writing_paused && state.queue.size() > state.high;
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
            let drained = state.writing_paused && state.queue.size() <= state.low;
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

/// Tells the protocol to stop writing, or to go on.
///
/// # Errors
/// Only what is to end the run of the loop: another exception is for the exception handler.
pub(crate) fn tell(
    py: Python<'_>,
    event_loop: Option<Ref<Loop>>,
    transport: &Bound<'_, PyAny>,
    protocol: Option<Ref>,
    pause: bool,
) -> PyResult<()> {
    let Some(protocol) = protocol else { return Ok(()) };
    let names = &interop(py)?.names;
    let name = if pause { &names.pause_writing } else { &names.resume_writing };
    match call_method(py, name, [&protocol]) {
        Ok(_) => Ok(()),
        Err(error) if ends_run(py, &error) => Err(error),
        Err(error) => {
            let Some(event_loop) = event_loop else { return Ok(()) };
            let message = format!("protocol.{}() failed", name.bind(py));
            let value = error.into_value(py);
            let arguments = (event_loop.bind(py), message, value, transport, protocol.bind(py));
            cold(py, "transport_failed", arguments).map(drop)
        }
    }
}

/// The marks that `set_write_buffer_limits` and its like are asked for: (high, low). By default
/// `high` is 4 * `low`, or `kib`.
///
/// # Errors
/// `ValueError` unless high >= low >= 0, `TypeError` for what is no number.
pub(crate) fn marks(
    high: Option<&Bound<'_, PyAny>>,
    low: Option<&Bound<'_, PyAny>>,
    kib: i64,
) -> PyResult<(usize, usize)> {
    let (high, low) = (high.map(mark).transpose()?, low.map(mark).transpose()?);
    let high = high.unwrap_or_else(|| low.map_or(kib * 1024, |low| low.saturating_mul(4)));
    let low = low.unwrap_or_else(|| high.div_euclid(4));
    if !(high >= low && low >= 0) {
        return Err(PyValueError::new_err(format!(
            "high ({high}) must be >= low ({low}) must be >= 0"
        )));
    }
    Ok((high as usize, low as usize))
}

/// One of them. asyncio takes any number: "without a limit" may be said by infinity or by a number
/// that is larger than any buffer.
fn mark(value: &Bound<'_, PyAny>) -> PyResult<i64> {
    if let Ok(float) = value.cast::<PyFloat>() {
        if float.value().is_nan() {
            return Err(PyValueError::new_err("a mark of a buffer is a number of bytes, not nan"));
        }
        return Ok(float.value() as i64);
    }
    match value.extract::<i64>() {
        Err(error) if error.is_instance_of::<PyOverflowError>(value.py()) => {
            Ok(if value.lt(0)? { i64::MIN } else { i64::MAX })
        }
        number => number,
    }
}

#[pymethods]
impl StreamTransport {
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

    /// How many bytes the peer has not taken yet.
    fn get_write_buffer_size(this: &Bound<'_, Self>) -> PyResult<usize> {
        let transport = this.get();
        transport.flush(this.py(), &Ref::new(this))?;
        Ok(transport.state.with(|state| state.queue.size()))
    }
}
