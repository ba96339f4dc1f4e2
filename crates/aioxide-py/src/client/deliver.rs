//! From the connection to whoever reads the response.

use aioxide_http::http1::response::{Decoder, ResponseError};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::body::{End, Piece};
use super::error::failure;
use super::exchange::Exchange;
use super::inflate::Inflater;
use super::receive::Received;
use crate::ffi::{Ref, call_method, call0};
use crate::names::interop;

impl Exchange {
    /// Takes what one read held.
    ///
    /// # Errors
    /// What a `StreamReader` raised.
    pub(super) fn deliver(&self, py: Python<'_>, received: Received) -> PyResult<()> {
        let Received { go_on, head, pieces, ended, upgraded, failure: failed, .. } = received;
        let headed = head.is_some();
        let raw = pieces.iter().map(Piece::length).sum::<usize>() as u64;
        self.heard(py)?;
        let (head_waiter, continue_waiter, too_large) = self.state.with(|state| {
            state.went_on |= go_on;
            state.upgraded |= upgraded;
            state.raw_total += raw;
            if let Some(head) = head {
                if state.settings.decompresses() {
                    state.inflater = Inflater::of(&head, state.settings.coding_limits());
                    state.coded = state.inflater.is_some();
                }
                state.head = Some(head);
            }
            let continued = (go_on || headed).then(|| state.continue_waiter.take()).flatten();
            let limit = state.settings.body_limit();
            let too_large = limit.filter(|limit| state.raw_total > *limit);
            (headed.then(|| state.head_waiter.take()).flatten(), continued, too_large)
        });
        wake(py, continue_waiter)?;
        wake(py, head_waiter)?;
        if let Some(limit) = too_large {
            return self.refuse_body(py, "body_too_large", (limit,));
        }
        let inflater = self.state.with(|state| {
            state.ended |= ended || upgraded;
            state.inflater.take()
        });
        match inflater {
            None => self.give(py, pieces)?,
            Some(mut inflater) => {
                inflater.push(pieces);
                self.inflate(py, inflater)?;
            }
        }
        if let Some(error) = failed {
            return self.broken(py, &error);
        }
        self.end_if_drained(py)
    }

    /// Passes on what is to be read.
    fn give(&self, py: Python<'_>, pieces: Vec<Piece>) -> PyResult<()> {
        let sink = self.state.with(|state| state.body.sink.clone());
        let Some(sink) = sink else {
            self.state.with(|state| pieces.into_iter().for_each(|piece| state.body.push(piece)));
            return Ok(());
        };
        let bytes = pieces.iter().map(Piece::length).sum::<usize>() as u64;
        let coded = self.state.with(|state| {
            state.body.total += bytes;
            state.coded.then_some(state.raw_total)
        });
        if let Some(raw) = coded {
            sink.bind(py).setattr("total_compressed_bytes", raw)?;
        }
        feed_sink(py, &sink, pieces.iter())
    }

    /// Decompresses as much as whoever reads wants to have.
    fn inflate(&self, py: Python<'_>, mut inflater: Box<Inflater>) -> PyResult<()> {
        loop {
            let room = self.state.with(|state| match (&state.body.sink, &state.body.waiter) {
                (None, Some(_)) => Some(usize::MAX),
                (None, None) => state.settings.high().checked_sub(state.body.size),
                (Some(_), _) => (!state.paused).then_some(0),
            });
            let Some(room) = room else { break };
            let inflated = inflater.run(py, room);
            self.give(py, inflated.pieces)?;
            if let Some(error) = inflated.failure {
                return self.refuse_body(py, "bad_coding", (error.to_string(),));
            }
            if inflated.drained {
                break;
            }
        }
        let _dropped = self.state.with(|state| state.inflater.replace(inflater));
        Ok(())
    }

    /// Goes on with what was held back, and reads again.
    pub(super) fn go_on(&self, py: Python<'_>) -> PyResult<()> {
        self.heard(py)?;
        let inflater = self.state.with(|state| {
            state.paused = false;
            state.inflater.take()
        });
        if let Some(inflater) = inflater {
            self.inflate(py, inflater)?;
            self.end_if_drained(py)?;
        }
        let connection =
            self.state.with(|state| (!state.paused).then(|| state.connection.clone()).flatten());
        connection.map_or(Ok(()), |connection| connection.resume(py))
    }

    /// The message has ended: so has the body, when all of it is decompressed.
    fn end_if_drained(&self, py: Python<'_>) -> PyResult<()> {
        enum Next {
            Wait,
            Whole,
            Cut(String),
        }
        let next = self.state.with(|state| match &state.inflater {
            _ if !state.ended => Next::Wait,
            None => Next::Whole,
            Some(inflater) if !inflater.is_drained() => Next::Wait,
            Some(inflater) => match inflater.finish() {
                Ok(()) => Next::Whole,
                Err(error) => Next::Cut(error.to_string()),
            },
        });
        match next {
            // The connection is free all the same: its part is done.
            Next::Wait if self.state.with(|state| state.ended) => self.let_connection_go(py),
            Next::Wait => Ok(()),
            Next::Whole => self.end(py, End::Whole),
            Next::Cut(text) => self.refuse_body(py, "bad_coding", (text,)),
        }
    }

    /// The connection has carried the whole message.
    fn let_connection_go(&self, py: Python<'_>) -> PyResult<()> {
        let (connection, on_end) =
            self.state.with(|state| (state.connection.take(), state.on_end.take()));
        drop(connection);
        match on_end {
            Some(on_end) => call0(py, &on_end).map(drop),
            None => Ok(()),
        }
    }

    /// The body is not accepted: the response fails, and its connection is closed.
    fn refuse_body<'py>(
        &self,
        py: Python<'py>,
        name: &str,
        arguments: impl IntoPyObject<'py, Target = PyTuple, Output = Bound<'py, PyTuple>>,
    ) -> PyResult<()> {
        let exception = failure(py, name, arguments)?;
        let connection = self.state.with(|state| state.connection.clone());
        if let Some(connection) = &connection {
            let old = connection.state.with(|state| state.exchange.take());
            drop(old);
            connection.shut(py, None)?;
        }
        self.fail(py, exception)
    }

    /// The response is not what a response may be.
    fn broken(&self, py: Python<'_>, error: &ResponseError) -> PyResult<()> {
        let in_body = self.state.with(|state| state.head.is_some());
        let name = if in_body { "bad_body" } else { "bad_head" };
        let exception = failure(py, name, (error.to_string(),))?;
        self.fail(py, exception)
    }

    /// The connection ended, and with it this exchange, unless that is how its body ends.
    pub(super) fn connection_lost(
        &self,
        py: Python<'_>,
        decoder: Option<Box<Decoder>>,
        exception: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let in_body = self.state.with(|state| state.head.is_some());
        if exception.is_none()
            && in_body
            && let Some(mut decoder) = decoder
        {
            return match decoder.handle_eof() {
                Ok(_) => {
                    self.state.with(|state| state.ended = true);
                    self.end_if_drained(py)
                }
                Err(error) => {
                    let chunked = self
                        .state
                        .with(|state| state.head.as_ref().is_some_and(|head| head.is_chunked()));
                    let exception = failure(py, "cut_short", (error.to_string(), chunked))?;
                    self.fail(py, exception)
                }
            };
        }
        let name = if in_body { "lost_in_body" } else { "lost_before_head" };
        let exception = failure(py, name, (exception,))?;
        self.fail(py, exception)
    }

    /// The program closed the connection in the middle.
    pub(super) fn closed_by_program(&self, py: Python<'_>) -> PyResult<()> {
        let exception = failure(py, "closed_by_program", ())?;
        self.fail(py, exception)
    }

    /// Everybody who waits is told `exception`.
    pub(super) fn fail(&self, py: Python<'_>, exception: Ref) -> PyResult<()> {
        let waiters =
            self.state.with(|state| [state.head_waiter.take(), state.continue_waiter.take()]);
        for waiter in waiters.into_iter().flatten() {
            refuse(py, &waiter, &exception)?;
        }
        self.end(py, End::Failed(exception))
    }

    /// The exchange is over.
    fn end(&self, py: Python<'_>, end: End) -> PyResult<()> {
        let Some((waiter, sink, on_end, timers, connection)) = self.state.with(|state| {
            if !matches!(state.body.end, End::Open) {
                return None;
            }
            state.body.end = end.clone();
            Some((
                state.body.waiter.take(),
                state.body.sink.clone(),
                state.on_end.take(),
                [state.silence.take()],
                state.connection.take(),
            ))
        }) else {
            return Ok(());
        };
        drop(connection);
        for timer in timers.into_iter().flatten() {
            timer.bind(py).call_method0("cancel")?;
        }
        // The connection is free before anybody knows: who is woken may want it.
        if let Some(on_end) = on_end {
            call0(py, &on_end)?;
        }
        if let Some(sink) = sink {
            tell_end(py, &sink, &end)?;
        }
        match (waiter, end) {
            (Some(waiter), End::Failed(exception)) => refuse(py, &waiter, &exception),
            (waiter, _) => wake(py, waiter),
        }
    }
}

fn wake(py: Python<'_>, waiter: Option<Ref>) -> PyResult<()> {
    let Some(waiter) = waiter else { return Ok(()) };
    let interop = interop(py)?;
    if let Err(error) = call_method(py, &interop.names.set_result, [&waiter, &interop.none])
        && !waiter.bind(py).call_method0("done")?.is_truthy()?
    {
        return Err(error);
    }
    Ok(())
}

pub(super) fn refuse(py: Python<'_>, waiter: &Ref, exception: &Ref) -> PyResult<()> {
    let waiter = waiter.bind(py);
    if waiter.call_method0("done")?.is_truthy()? {
        return Ok(());
    }
    waiter.call_method1("set_exception", (exception.bind(py),)).map(drop)
}

/// Gives pieces to a `StreamReader`.
pub(super) fn feed_sink<'a>(
    py: Python<'_>,
    sink: &Ref,
    pieces: impl Iterator<Item = &'a Piece>,
) -> PyResult<()> {
    let feed_data = &interop(py)?.names.feed_data;
    for piece in pieces {
        match piece {
            Piece::Data(data) => {
                call_method(py, feed_data, [sink, data.object()])?;
            }
            Piece::ChunkEnd => {
                sink.bind(py).call_method0("end_http_chunk_receiving")?;
            }
        }
    }
    Ok(())
}

pub(super) fn tell_end(py: Python<'_>, sink: &Ref, end: &End) -> PyResult<()> {
    let sink = sink.bind(py);
    match end {
        End::Failed(exception) => {
            sink.call_method1("set_exception", (exception.bind(py),)).map(drop)
        }
        _ => sink.call_method0("feed_eof").map(drop),
    }
}
