//! When a response takes too long: the whole of it, or the silence in it.

use pyo3::prelude::*;

use super::body::End;
use super::connection::HttpConnection;
use super::error::failure;
use super::exchange::Exchange;
use crate::ffi::Ref;

impl HttpConnection {
    /// The exchange that goes on is to end by `deadline`, in the loop's time.
    pub(super) fn set_deadline(
        &self,
        py: Python<'_>,
        this: &Ref<Self>,
        deadline: f64,
    ) -> PyResult<()> {
        let watched = self.state.with(|state| {
            state.deadline = Some(deadline);
            state.timer.as_ref().is_some_and(|(_, when)| *when <= deadline)
        });
        if watched { Ok(()) } else { self.watch_deadline(py, this, deadline) }
    }

    pub(super) fn watch_deadline(
        &self,
        py: Python<'_>,
        this: &Ref<Self>,
        when: f64,
    ) -> PyResult<()> {
        let method = this.bind(py).getattr("_look_at_deadline")?;
        let timer = self.event_loop.bind(py).call_method1("call_at", (when, method))?;
        let timer = Ref::from(timer);
        let old = self.state.with(|state| state.timer.replace((timer, when)));
        match old {
            Some((old, _)) => old.bind(py).call_method0("cancel").map(drop),
            None => Ok(()),
        }
    }
}

impl Exchange {
    pub(super) fn timed_out(&self, py: Python<'_>, name: &str) -> PyResult<()> {
        let connection = self.state.with(|state| state.connection.clone());
        let Some(connection) = connection else { return Ok(()) };
        let exception = failure(py, name, ())?;
        // Nothing of this response is to reach the next.
        let old = connection.state.with(|state| state.exchange.take());
        drop(old);
        self.fail(py, exception)?;
        connection.shut(py, None)
    }

    /// Something has come: silence begins anew.
    pub(super) fn heard(&self, py: Python<'_>) -> PyResult<()> {
        if self.state.with(|state| state.silence_after.is_some()) {
            let now = self.event_loop.bind(py).call_method0("time")?.extract::<f64>()?;
            self.state.with(|state| state.heard_at = now);
        }
        Ok(())
    }

    /// Looks again in so many seconds whether there is silence, unless the response has ended.
    fn watch_silence(this: &Bound<'_, Self>, seconds: f64) -> PyResult<()> {
        let py = this.py();
        let exchange = this.get();
        if !exchange.state.with(|state| matches!(state.body.end, End::Open)) {
            return Ok(());
        }
        let method = this.getattr("_silent")?;
        let timer = exchange.event_loop.bind(py).call_method1("call_later", (seconds, method))?;
        let timer = Ref::from(timer);
        let old = exchange.state.with(|state| state.silence.replace(timer));
        drop(old);
        Ok(())
    }
}

#[pymethods]
impl HttpConnection {
    fn _look_at_deadline(this: &Bound<'_, Self>) -> PyResult<()> {
        let py = this.py();
        let connection = this.get();
        let old = connection.state.with(|state| state.timer.take());
        drop(old);
        let now = connection.event_loop.bind(py).call_method0("time")?.extract::<f64>()?;
        let (exchange, deadline, limit) = connection.state.with(|state| {
            let deadline = state.exchange.as_ref().and(state.deadline);
            let limit = state.dial.as_ref().and_then(|dial| dial.limit());
            (state.exchange.clone(), deadline, limit)
        });
        match (exchange, deadline, limit) {
            (Some(exchange), Some(deadline), _) if deadline <= now => {
                exchange.timed_out(py, "total_timeout")
            }
            (_, _, Some(limit)) if limit <= now => connection.dial_over(py),
            (_, Some(when), None) | (_, None, Some(when)) => {
                connection.watch_deadline(py, &Ref::new(this), when)
            }
            (_, Some(deadline), Some(limit)) => {
                connection.watch_deadline(py, &Ref::new(this), deadline.min(limit))
            }
            (_, None, None) => Ok(()),
        }
    }
}

#[pymethods]
impl Exchange {
    /// Fail with TimeoutError when the response has not ended in so many seconds.
    fn set_timeout(&self, py: Python<'_>, seconds: f64) -> PyResult<()> {
        let connection = self.state.with(|state| state.connection.clone());
        let Some(connection) = connection else { return Ok(()) };
        let now = self.event_loop.bind(py).call_method0("time")?.extract::<f64>()?;
        connection.set_deadline(py, &connection, now + seconds)
    }

    /// Fail with SocketTimeoutError when nothing comes for so many seconds.
    fn set_read_timeout(this: &Bound<'_, Self>, seconds: f64) -> PyResult<()> {
        this.get().state.with(|state| state.silence_after = Some(seconds));
        this.get().heard(this.py())?;
        Self::watch_silence(this, seconds)
    }

    /// End the timers: the connection is another protocol's by now.
    fn stop_timers(&self, py: Python<'_>) -> PyResult<()> {
        let timers = self.state.with(|state| {
            state.silence_after = None;
            [state.silence.take()]
        });
        for timer in timers.into_iter().flatten() {
            timer.bind(py).call_method0("cancel")?;
        }
        Ok(())
    }

    fn _silent(this: &Bound<'_, Self>) -> PyResult<()> {
        let exchange = this.get();
        let py = this.py();
        let (heard_at, limit, full) = exchange.state.with(|state| {
            let full = state.paused || state.body.size > state.settings.high();
            (state.heard_at, state.silence_after, full)
        });
        let Some(seconds) = limit else { return Ok(()) };
        let paused =
            exchange.state.with(|state| state.connection.clone()).is_some_and(|connection| {
                connection.state.with(|state| state.reading_paused || state.dial.is_some())
            });
        // Nobody listens just now, so nothing can be heard.
        if full || paused {
            exchange.heard(py)?;
            return Self::watch_silence(this, seconds);
        }
        let now = exchange.event_loop.bind(py).call_method0("time")?.extract::<f64>()?;
        if now < heard_at + seconds {
            return Self::watch_silence(this, heard_at + seconds - now);
        }
        exchange.timed_out(this.py(), "read_timeout")
    }
}
