//! The ways in which a TLS connection ends.

use pyo3::exceptions::{PyException, PyTimeoutError};
use pyo3::prelude::*;

use super::engine::Step;
use super::protocol::{TlsProtocol, cancel, is_ssl_error};
use super::state::{Phase, Told};
use crate::ffi::{Ref, call_method};
use crate::handle::ends_run;
use crate::names::{self, cold};

impl TlsProtocol {
    /// `close()`, or the peer's `close_notify`.
    pub(super) fn start_shutdown(&self, py: Python<'_>, this: &Ref<Self>) -> PyResult<()> {
        let phase = self.phase();
        if !matches!(phase, Phase::Handshake | Phase::Wrapped) {
            return Ok(());
        }
        if let Some(upper) = self.upper() {
            upper.mark_closed();
        }
        if phase == Phase::Handshake {
            return self.abort(py, None);
        }
        self.state.with(|state| state.phase = Phase::Flushing);
        let timer = self.call_later(py, this, &self.shutdown_timeout, "_check_shutdown_timeout")?;
        self.state.with(|state| state.shutdown_timer = Some(timer));
        self.do_flush(py, this)
    }

    pub(super) fn shutdown_timed_out(&self, py: Python<'_>) -> PyResult<()> {
        if !matches!(self.phase(), Phase::Flushing | Phase::Shutdown) {
            return Ok(());
        }
        let Some(lower) = self.lower() else { return Ok(()) };
        lower.kill(py, &lower, Some(PyTimeoutError::new_err("SSL shutdown timed out")))
    }

    /// Reads what is there, writes what is left, and says `close_notify`.
    pub(super) fn do_flush(&self, py: Python<'_>, this: &Ref<Self>) -> PyResult<()> {
        self.do_read(py, this)?;
        // The protocol may have aborted while it was given data.
        if self.phase() != Phase::Flushing {
            return Ok(());
        }
        self.state.with(|state| state.phase = Phase::Shutdown);
        self.do_shutdown(py, this)
    }

    pub(super) fn do_shutdown(&self, py: Python<'_>, this: &Ref<Self>) -> PyResult<()> {
        let eof = self.state.with(|state| state.eof);
        let done = if eof { Ok(Step::Done(())) } else { self.engine.unwrap(py) };
        match done {
            Ok(Step::Again) => self.send_encrypted(py, this),
            Ok(Step::Done(())) => {
                self.send_encrypted(py, this)?;
                self.tell_eof(py, this)?;
                self.shutdown_done(py, this, None)
            }
            Err(error) if is_ssl_error(py, &error)? => self.shutdown_done(py, this, Some(&error)),
            Err(error) => Err(error),
        }
    }

    fn shutdown_done(
        &self,
        py: Python<'_>,
        this: &Ref<Self>,
        error: Option<&PyErr>,
    ) -> PyResult<()> {
        cancel(py, self.state.with(|state| state.shutdown_timer.take()))?;
        if let Some(error) = error {
            return self.fatal_error(py, this, error, "Fatal error on transport");
        }
        let Some(lower) = self.lower() else { return Ok(()) };
        self.call_soon(py, lower.bind(py).getattr("close")?, None)
    }

    /// Ends the connection at once.
    pub(super) fn abort(&self, py: Python<'_>, error: Option<PyErr>) -> PyResult<()> {
        self.state.with(|state| state.phase = Phase::Unwrapped);
        self.lower().map_or(Ok(()), |lower| lower.kill(py, &lower, error))
    }

    /// The peer has closed the connection below; returns whether that is to stay open.
    pub(super) fn eof(&self, py: Python<'_>, this: &Ref<Self>) -> PyResult<bool> {
        self.state.with(|state| state.eof = true);
        let result = self.eof_in_phase(py, this);
        if let Err(error) = &result
            && error.is_instance_of::<PyException>(py)
            && let Some(lower) = self.lower()
        {
            lower.close_now(py, &lower)?;
        }
        result
    }

    fn eof_in_phase(&self, py: Python<'_>, this: &Ref<Self>) -> PyResult<bool> {
        if self.event_loop.is_debug() {
            cold(py, "log_eof", (this.bind(py),))?;
        }
        match self.phase() {
            Phase::Unwrapped => {}
            Phase::Handshake => self.handshake_reset(py, this)?,
            Phase::Wrapped => {
                let paused = self.state.with(|state| {
                    state.phase = Phase::Flushing;
                    state.reading_paused
                });
                if paused {
                    // The rest is for the protocol, when it reads again.
                    return Ok(true);
                }
                self.do_flush(py, this)?;
            }
            Phase::Flushing => {
                self.encrypt_backlog(py, this)?;
                self.state.with(|state| state.phase = Phase::Shutdown);
                self.do_shutdown(py, this)?;
            }
            Phase::Shutdown => self.do_shutdown(py, this)?,
        }
        Ok(false)
    }

    /// Tells the protocol once that nothing more is to come.
    pub(super) fn tell_eof(&self, py: Python<'_>, this: &Ref<Self>) -> PyResult<()> {
        let protocol = self.state.with(|state| {
            if state.told != Told::Made {
                return None;
            }
            state.told = Told::Eof;
            state.protocol.clone()
        });
        let Some(protocol) = protocol else { return Ok(()) };
        let name = &names::interop(py)?.names.eof_received;
        let told = call_method(py, name, [&protocol]).and_then(|kept| kept.bind(py).is_truthy());
        match told {
            Ok(false) => Ok(()),
            Ok(true) => cold(py, "log_kept_open", ()).map(drop),
            Err(error) if ends_run(py, &error) => Err(error),
            Err(error) => self.fatal_error(py, this, &error, "Error calling eof_received()"),
        }
    }

    /// The transport below has lost its connection.
    pub(super) fn lost(&self, py: Python<'_>, error: &Bound<'_, PyAny>) -> PyResult<()> {
        let upper = self.upper();
        if let Some(upper) = &upper {
            upper.mark_closed();
        }
        let (told, timers, dropped, forgotten) = self.state.with(|state| {
            let connected = matches!(state.told, Told::Made | Told::Eof);
            let told = connected && state.phase != Phase::Handshake;
            if told {
                state.told = Told::Lost;
            }
            state.lost += 1;
            state.phase = Phase::Unwrapped;
            state.backlog_size = 0;
            let dropped =
                (state.lower.take(), state.upper.take(), std::mem::take(&mut state.backlog));
            let timers = [state.shutdown_timer.take(), state.handshake_timer.take()];
            let protocol = state.protocol.take();
            (protocol.filter(|_| told), timers, dropped, state.forgotten)
        });
        // What was encrypted, and could not be sent.
        drop(self.engine.drain(py)?);
        drop((dropped, upper));
        if let Some(protocol) = told {
            let method = protocol.bind(py).getattr("connection_lost")?;
            self.call_soon(py, method, Some(error))?;
        }
        let error = (!error.is_none()).then(|| PyErr::from_value(error.clone()));
        self.wake_waiter(py, error.as_ref())?;
        timers.into_iter().try_for_each(|timer| cancel(py, timer))?;
        self.engine.end(py)?;
        if forgotten { self.release(py) } else { Ok(()) }
    }
}
