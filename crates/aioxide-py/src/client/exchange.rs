//! `Exchange`: one request on a connection, and its response.
//!
//! ```text
//!   begin() ──► head awaited ──► head ──► body ──► end: the connection is free
//!                    │ lost, refused, timed out, closed      ▲
//!                    └──► failed ─────────── on_end ─────────┘
//! ```

use std::collections::VecDeque;
use std::num::NonZeroUsize;

use aioxide_http::http1::response::Head;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyString;
use pyo3::{PyTraverseError, PyVisit};

use super::body::{Body, End, Piece, joined};
use super::connection::HttpConnection;
use super::deliver::{feed_sink, tell_end};
use super::error::raised;
use super::inflate::Inflater;
use super::settings::ResponseSettings;
use crate::cell::LoopCell;
use crate::event_loop::Loop;
use crate::ffi::Ref;

#[derive(Debug)]
pub(super) struct State {
    /// `None` when the exchange is over.
    pub(super) connection: Option<Ref<HttpConnection>>,
    pub(super) head: Option<Box<Head>>,
    pub(super) body: Body,
    /// Who awaits the head.
    pub(super) head_waiter: Option<Ref>,
    /// Who awaits `100 Continue`.
    pub(super) continue_waiter: Option<Ref>,
    pub(super) went_on: bool,
    pub(super) upgraded: bool,
    /// The timer of silence.
    pub(super) silence: Option<Ref>,
    pub(super) silence_after: Option<f64>,
    /// When something came last, in the loop's time; only kept where silence has a limit.
    pub(super) heard_at: f64,
    /// Called once, when the connection is free or lost.
    pub(super) on_end: Option<Ref>,
    pub(super) settings: Ref<ResponseSettings>,
    /// Bytes of the body that came over the wire.
    pub(super) raw_total: u64,
    pub(super) inflater: Option<Box<Inflater>>,
    /// There was one.
    pub(super) coded: bool,
    /// The message has ended, but not all of it is decompressed.
    pub(super) ended: bool,
    /// Who takes the body has enough for now.
    pub(super) paused: bool,
}

/// One request on a connection, and its response.
#[pyclass(frozen, weakref, module = "aioxide._aioxide")]
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(super) event_loop: Ref<Loop>,
    pub(super) state: LoopCell<State>,
}

impl Exchange {
    pub(super) fn create(
        py: Python<'_>,
        event_loop: &Ref<Loop>,
        connection: &Ref<HttpConnection>,
        settings: Ref<ResponseSettings>,
    ) -> PyResult<Ref<Self>> {
        let state = State {
            connection: Some(connection.clone()),
            head: None,
            body: Body::new(),
            head_waiter: None,
            continue_waiter: None,
            went_on: false,
            upgraded: false,
            silence: None,
            silence_after: None,
            heard_at: 0.0,
            on_end: None,
            settings,
            raw_total: 0,
            inflater: None,
            coded: false,
            ended: false,
            paused: false,
        };
        let this = Self { event_loop: event_loop.clone(), state: LoopCell::new(state) };
        Bound::new(py, this).map(Ref::from)
    }

    /// Whether so much waits that no more is to be read. Who awaits the whole body takes all.
    pub(super) fn is_full(&self) -> bool {
        self.state.with(|state| {
            let body = &state.body;
            body.sink.is_none() && body.waiter.is_none() && body.size > state.settings.high()
        })
    }
}

#[pymethods]
impl Exchange {
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(self.event_loop.as_py())?;
        let visited = self.state.try_with(|state| {
            let failure = match &state.body.end {
                End::Failed(exception) => Some(exception),
                End::Open | End::Whole => None,
            };
            let objects = [
                state.connection.as_ref().map(Ref::as_any),
                Some(state.settings.as_any()),
                state.head_waiter.as_ref(),
                state.continue_waiter.as_ref(),
                state.silence.as_ref(),
                state.on_end.as_ref(),
                state.body.waiter.as_ref(),
                state.body.sink.as_ref(),
                failure,
            ];
            objects.into_iter().flatten().try_for_each(|object| visit.call(object.as_py()))
        });
        visited.unwrap_or(Ok(()))
    }

    fn __clear__(&self) {
        let taken = self.state.with(|state| {
            (
                (state.connection.take(), state.head_waiter.take(), state.continue_waiter.take()),
                (state.silence.take(), state.on_end.take()),
                (state.body.waiter.take(), state.body.sink.take(), state.body.take()),
                std::mem::replace(&mut state.body.end, End::Whole),
            )
        });
        drop(taken);
    }

    /// A future to wait for before the head is there, or None if it is.
    ///
    /// Raises what ended the exchange before it.
    fn head_waiter<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let (there, end) = self.state.with(|state| (state.head.is_some(), state.body.end.clone()));
        if there {
            return Ok(None);
        }
        if let End::Failed(exception) = end {
            return Err(raised(py, &exception));
        }
        let future = Loop::create_future(self.event_loop.bind(py))?;
        let waiter = Ref::new(&future);
        let old = self.state.with(|state| state.head_waiter.replace(waiter));
        drop(old);
        Ok(Some(future))
    }

    /// A future that is done when the peer wants the body, or has answered already; None if so.
    fn continue_waiter<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let (done, end) = self
            .state
            .with(|state| (state.went_on || state.head.is_some(), state.body.end.clone()));
        if let End::Failed(exception) = end {
            return Err(raised(py, &exception));
        }
        if done {
            return Ok(None);
        }
        let future = Loop::create_future(self.event_loop.bind(py))?;
        let waiter = Ref::new(&future);
        let old = self.state.with(|state| state.continue_waiter.replace(waiter));
        drop(old);
        Ok(Some(future))
    }

    /// The peer has sent 100 Continue.
    #[getter]
    fn went_on(&self) -> bool {
        self.state.with(|state| state.went_on)
    }

    /// The connection was handed over to another protocol.
    #[getter]
    fn upgraded(&self) -> bool {
        self.state.with(|state| state.upgraded)
    }

    /// The response has ended, or failed.
    #[getter]
    fn ended(&self) -> bool {
        self.state.with(|state| !matches!(state.body.end, End::Open))
    }

    /// The connection, None when the exchange is over.
    #[getter]
    fn connection<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.state
            .with(|state| state.connection.clone())
            .map(|connection| connection.into_bound(py))
    }

    /// The whole body, if it is there; else a future to wait for, after which to ask again.
    ///
    /// Raises what ended the body. Only for a response whose content nobody has asked for.
    fn read<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        enum Next {
            Whole(VecDeque<Piece>),
            Failed(Ref),
            Wait,
        }
        let next = self.state.with(|state| match &state.body.end {
            End::Whole => Next::Whole(state.body.take()),
            End::Failed(exception) => Next::Failed(exception.clone()),
            End::Open => Next::Wait,
        });
        match next {
            Next::Whole(pieces) => Ok(joined(py, &pieces)?.into_bound(py)),
            Next::Failed(exception) => Err(raised(py, &exception)),
            Next::Wait => {
                let future = Loop::create_future(self.event_loop.bind(py))?;
                let waiter = Ref::new(&future);
                let old = self.state.with(|state| state.body.waiter.replace(waiter));
                drop(old);
                self.go_on(py)?;
                Ok(future)
            }
        }
    }

    /// The whole body, if it is there and nobody has taken it, and stays there; else None.
    fn peek<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let pieces = self.state.with(|state| {
            let there = matches!(state.body.end, End::Whole) && state.body.sink.is_none();
            let untaken = state.body.size as u64 == state.body.total;
            (there && untaken).then(|| (state.body.size, state.body.take()))
        });
        let Some((size, pieces)) = pieces else { return Ok(None) };
        let whole = joined(py, &pieces);
        self.state.with(|state| {
            state.body.size = size;
            state.body.pieces = pieces;
        });
        Ok(Some(whole?.into_bound(py)))
    }

    /// From now on everything goes to a StreamReader, beginning with what has come.
    fn attach(&self, py: Python<'_>, reader: &Bound<'_, PyAny>) -> PyResult<()> {
        let sink = Ref::new(reader);
        let given = sink.clone();
        let (pieces, end, old, chunked) = self.state.with(|state| {
            let pieces = state.body.take();
            let chunked = state.head.as_ref().is_some_and(|head| head.is_chunked());
            (pieces, state.body.end.clone(), state.body.sink.replace(given), chunked)
        });
        if old.is_some() {
            return Err(PyRuntimeError::new_err("the response has a StreamReader already"));
        }
        if let Some(raw) = self.state.with(|state| state.coded.then_some(state.raw_total)) {
            reader.setattr("total_compressed_bytes", raw)?;
        }
        if chunked {
            reader.call_method0("begin_http_chunk_receiving")?;
        }
        feed_sink(py, &sink, pieces.iter())?;
        if matches!(end, End::Open) { Ok(()) } else { tell_end(py, &sink, &end) }
    }

    /// What comes from now on is read in pieces of `size` bytes: feed it so, which saves copying
    /// them out of larger ones. 0: feed it as it comes.
    fn cut(&self, size: usize) {
        self.state.with(|state| state.body.cut = NonZeroUsize::new(size));
    }

    /// Whether more of the body can come.
    #[getter]
    fn connected(&self) -> bool {
        self.state.with(|state| matches!(state.body.end, End::Open) && state.connection.is_some())
    }

    /// A StreamReader has enough for now.
    fn pause_reading(&self, py: Python<'_>) -> PyResult<()> {
        let connection = self.state.with(|state| {
            state.paused = true;
            state.connection.clone()
        });
        match connection {
            Some(connection) => connection.pause(py),
            None => Ok(()),
        }
    }

    /// A StreamReader wants more.
    #[pyo3(signature = (resume_parser=true))]
    fn resume_reading(&self, py: Python<'_>, resume_parser: bool) -> PyResult<()> {
        let _ = resume_parser;
        self.go_on(py)
    }

    /// Call `callback()` once, when the connection is free or lost; at once if it is.
    pub(super) fn on_end(&self, callback: &Bound<'_, PyAny>) -> PyResult<()> {
        let kept = Ref::new(callback);
        let over = self.state.with(|state| {
            if matches!(state.body.end, End::Open) {
                (false, state.on_end.replace(kept))
            } else {
                (true, Some(kept))
            }
        });
        let (over, dropped) = over;
        if over {
            callback.call0()?;
        }
        drop(dropped);
        Ok(())
    }

    /// Let the response fail with an exception, and close its connection.
    fn abandon(&self, py: Python<'_>, exception: &Bound<'_, PyAny>) -> PyResult<()> {
        let connection = self.state.with(|state| state.connection.clone());
        let Some(connection) = connection else { return Ok(()) };
        let old = connection.state.with(|state| state.exchange.take());
        drop(old);
        self.fail(py, Ref::new(exception))?;
        connection.shut(py, None)
    }

    /// How many bytes of the body may wait before the connection is told to stop.
    #[getter]
    fn high(&self) -> usize {
        self.state.with(|state| state.settings.high())
    }

    /// How many bytes of the body have come.
    #[getter]
    fn total_bytes(&self) -> u64 {
        self.state.with(|state| state.body.total)
    }

    fn __repr__<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        let status = self.status();
        let ended = if self.ended() { " ended" } else { "" };
        let text = match status {
            Some(status) => format!("<Exchange [{status}]{ended}>"),
            None => format!("<Exchange without a head{ended}>"),
        };
        PyString::new(py, &text)
    }
}
