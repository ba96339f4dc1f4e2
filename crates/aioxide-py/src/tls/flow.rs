//! Flow control, in both directions.

use pyo3::prelude::*;

use super::protocol::TlsProtocol;
use super::state::Marks;
use crate::ffi::{Ref, call_method};
use crate::handle::ends_run;
use crate::names::{self, cold};
use crate::transport::{StreamTransport, marks};

impl Marks {
    /// asyncio's rule: `high` is 4 * `low` by default, or `kib`; `low` is a quarter of `high`.
    pub(super) fn given(
        high: Option<&Bound<'_, PyAny>>,
        low: Option<&Bound<'_, PyAny>>,
        kib: i64,
    ) -> PyResult<Self> {
        let (high, low) = marks(high, low, kib)?;
        Ok(Self { low, high })
    }
}

impl TlsProtocol {
    /// How many bytes were written and are not with the transport below.
    pub(super) fn unsent(&self, py: Python<'_>) -> PyResult<usize> {
        let (full, size) = self.state.with(|state| (state.lower_full, state.backlog_size));
        // Whatever is encrypted goes on at once, unless the transport below is full.
        Ok(size + if full { self.engine.undrained(py)? } else { 0 })
    }

    /// Tells the protocol to pause or to resume writing, if it is time.
    pub(super) fn control_writing(&self, py: Python<'_>, this: &Ref<Self>) -> PyResult<()> {
        let size = self.unsent(py)?;
        let pause = self.state.with(|state| {
            let pause = if size >= state.outgoing.high && !state.writing_paused {
                true
            } else if size <= state.outgoing.low && state.writing_paused {
                false
            } else {
                return None;
            };
            state.writing_paused = pause;
            Some(pause)
        });
        pause.map_or(Ok(()), |pause| self.tell(py, this, pause))
    }

    fn tell(&self, py: Python<'_>, this: &Ref<Self>, pause: bool) -> PyResult<()> {
        let Some(protocol) = self.state.with(|state| state.protocol.clone()) else {
            return Ok(());
        };
        let names = &names::interop(py)?.names;
        let name = if pause { &names.pause_writing } else { &names.resume_writing };
        match call_method(py, name, [&protocol]) {
            Ok(_) => Ok(()),
            Err(error) if ends_run(py, &error) => Err(error),
            Err(error) => {
                let message = format!("protocol.{}() failed", name.bind(py));
                let upper = self.upper().map(|upper| upper.into_bound(py));
                let value = error.into_value(py);
                let arguments = (self.event_loop.bind(py), message, value, upper, this.bind(py));
                cold(py, "transport_failed", arguments).map(drop)
            }
        }
    }

    /// Makes the transport below read no more, or again, by how much waits to be decrypted.
    pub(super) fn control_lower_reading(&self, py: Python<'_>) -> PyResult<()> {
        let size = self.engine.undecrypted(py)?;
        let change = self.state.with(|state| {
            let pause = if size >= state.incoming.high && !state.lower_paused {
                true
            } else if size <= state.incoming.low && state.lower_paused {
                false
            } else {
                return None;
            };
            state.lower_paused = pause;
            state.lower.clone().map(|lower| (lower, pause))
        });
        match change {
            Some((lower, true)) => StreamTransport::pause_reading(lower.bind(py)),
            Some((lower, false)) => StreamTransport::resume_reading(lower.bind(py)),
            None => Ok(()),
        }
    }
}
