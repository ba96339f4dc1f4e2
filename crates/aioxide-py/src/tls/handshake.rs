//! The handshake.

use pyo3::exceptions::{PyConnectionAbortedError, PyConnectionResetError, PyException};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::engine::Step;
use super::interop::interop;
use super::protocol::{TlsProtocol, cancel, is_ssl_error};
use super::state::{Phase, Told};
use crate::ffi::Ref;
use crate::names::cold;

impl TlsProtocol {
    pub(super) fn start_handshake(&self, py: Python<'_>, this: &Ref<Self>) -> PyResult<()> {
        let mut began = None;
        if self.event_loop.is_debug() {
            cold(py, "log_handshake_start", (this.bind(py),))?;
            began = Some(self.event_loop.bind(py).call_method0("time")?.extract::<f64>()?);
        }
        self.state.with(|state| {
            state.began = began;
            state.phase = Phase::Handshake;
        });
        let timer =
            self.call_later(py, this, &self.handshake_timeout, "_check_handshake_timeout")?;
        self.state.with(|state| state.handshake_timer = Some(timer));
        self.do_handshake(py, this)
    }

    pub(super) fn do_handshake(&self, py: Python<'_>, this: &Ref<Self>) -> PyResult<()> {
        match self.engine.handshake(py) {
            Ok(Step::Again) => self.send_encrypted(py, this),
            Ok(Step::Done(())) => self.handshake_done(py, this),
            Err(error) if is_ssl_error(py, &error)? => self.handshake_failed(py, this, &error),
            Err(error) => Err(error),
        }
    }

    fn handshake_done(&self, py: Python<'_>, this: &Ref<Self>) -> PyResult<()> {
        let timer = self.state.with(|state| {
            state.phase = Phase::Wrapped;
            // What came behind the handshake may be decrypted already.
            state.unread = true;
            state.handshake_timer.take()
        });
        cancel(py, timer)?;
        let object = self.engine.object();
        let object = object.bind(py);
        let certificate = match object.call_method0("getpeercert") {
            Ok(certificate) => certificate,
            Err(error) if error.is_instance_of::<PyException>(py) => {
                return self.handshake_failed(py, this, &error);
            }
            Err(error) => return Err(error),
        };
        if let Some(began) = self.state.with(|state| state.began.take()) {
            cold(py, "log_handshake", (self.event_loop.bind(py), this.bind(py), began))?;
        }
        let extra = self.extra.bind(py).cast::<PyDict>()?;
        extra.set_item("peercert", certificate)?;
        extra.set_item("cipher", object.call_method0("cipher")?)?;
        extra.set_item("compression", object.call_method0("compression")?)?;
        extra.set_item("ssl_object", object)?;
        let made = self.state.with(|state| {
            if state.told != Told::Nothing {
                return None;
            }
            state.told = Told::Made;
            state.protocol.clone().zip(state.upper.clone())
        });
        if let Some((protocol, upper)) = made {
            protocol.bind(py).call_method1("connection_made", (upper.bind(py),))?;
        }
        self.wake_waiter(py, None)?;
        self.do_read(py, this)
    }

    fn handshake_failed(&self, py: Python<'_>, this: &Ref<Self>, error: &PyErr) -> PyResult<()> {
        let timer = self.state.with(|state| {
            state.phase = Phase::Unwrapped;
            state.handshake_timer.take()
        });
        cancel(py, timer)?;
        let message = if error.is_instance(py, interop(py)?.certificate_error.bind(py)) {
            "SSL handshake failed on verifying the certificate"
        } else {
            "SSL handshake failed"
        };
        self.fatal_error(py, this, error, message)?;
        self.wake_waiter(py, Some(error))
    }

    /// The peer closed the connection instead.
    pub(super) fn handshake_reset(&self, py: Python<'_>, this: &Ref<Self>) -> PyResult<()> {
        self.handshake_failed(py, this, &PyConnectionResetError::new_err(()))
    }

    pub(super) fn handshake_timed_out(&self, py: Python<'_>, this: &Ref<Self>) -> PyResult<()> {
        if self.phase() != Phase::Handshake {
            return Ok(());
        }
        let text = format!(
            "SSL handshake is taking longer than {} seconds: aborting the connection",
            self.handshake_timeout.bind(py).str()?
        );
        let error = PyConnectionAbortedError::new_err(text);
        self.fatal_error(py, this, &error, "Fatal error on transport")
    }
}
