//! From the socket to the protocol.

use std::io;
use std::mem;
use std::ops::Range;

use aioxide_core::{Interest, Nanos, POLL_BUDGET};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

use super::address::{Family, RawAddress};
use super::arena::Arena;
use super::outbox::is_full;
use super::transport::DatagramTransport;
use crate::error::os_error;
use crate::event_loop::{Item, Loop, Sender};
use crate::ffi::{Ref, call_method, copy_context, in_context};
use crate::handle::ends_run;
use crate::names::{cold, interop};

/// For how long one batch is delivered before what else is ready has its turn.
const BATCH_TIME: Nanos = 100_000;

/// What a read needs, taken out of the state so that nothing is borrowed while Python runs.
struct Reader {
    event_loop: Ref<Loop>,
    context: Ref,
    family: Family,
}

/// What comes between two datagrams of a batch.
enum Next {
    Datagram,
    /// Something else has its turn first.
    Later,
    /// Nothing is to be delivered any more, or not now.
    Nothing,
}

/// How it was when a batch began.
struct Began {
    ready: usize,
    ticks: u64,
}

impl DatagramTransport {
    /// The descriptor is ready.
    ///
    /// # Errors
    /// Only what is to end the run of the loop.
    pub(crate) fn ready(&self, py: Python<'_>, this: &Ref<Self>, ready: Interest) -> PyResult<()> {
        // What is pending has its turn in the queue. What the socket has comes after it, and after
        // what the last of it has scheduled: with the next poll.
        if ready.readable && !self.has_delivered() {
            self.read_ready(py, this)?;
        }
        if ready.writable && self.state.with(|state| state.interest.writable) {
            self.write_ready(py, this)?;
        }
        Ok(())
    }

    /// Whether something is pending still, or was until this turn.
    fn has_delivered(&self) -> bool {
        let (queued, last, event_loop) = self
            .state
            .with(|state| (state.pending_queued, state.pending_ended, state.event_loop.clone()));
        let turn = event_loop.map(|event_loop| event_loop.scheduler.with(|it| it.turn));
        queued || (last.is_some() && last == turn)
    }

    /// Delivers what is pending, else what the socket has.
    ///
    /// # Errors
    /// Only what is to end the run of the loop.
    pub(super) fn read_ready(&self, py: Python<'_>, this: &Ref<Self>) -> PyResult<()> {
        let Some(reader) = self.state.with(|state| {
            if state.lost != 0 || !state.interest.readable {
                return None;
            }
            Some(Reader {
                event_loop: state.event_loop.clone()?,
                context: state.context.clone(),
                family: state.family,
            })
        }) else {
            return Ok(());
        };
        if reader.event_loop.is_debug() {
            return self.read_debug(py, this, &reader);
        }
        self.read_with(py, this, &reader)
    }

    fn read_with(&self, py: Python<'_>, this: &Ref<Self>, reader: &Reader) -> PyResult<()> {
        let result = in_context(py, &reader.context, || {
            let address = this.as_ptr() as usize;
            let delivered = reader.event_loop.deliver(address, || {
                if self.state.with(|state| state.pending.is_empty()) {
                    self.receive(py, this, reader)
                } else {
                    self.deliver_pending(py, this, reader)
                }
            });
            reader.event_loop.flush(py)?;
            delivered
        });
        // As with streams: the answers go out whatever came of the rest, and outside the context.
        let answered = if self.state.with(|state| state.unsent) {
            reader.event_loop.answer(py, Sender::Datagram(this.clone()))
        } else {
            Ok(())
        };
        match result.and(answered) {
            Err(error) if !ends_run(py, &error) => {
                // The context is entered already, by a program that polls from inside it.
                self.fatal_error(py, this, error, "Fatal error: the protocol was not called.")
            }
            result => result,
        }
    }

    /// Takes what the socket has, up to a batch, and delivers it.
    fn receive(&self, py: Python<'_>, this: &Ref<Self>, reader: &Reader) -> PyResult<()> {
        // A protocol may make a loop read again from inside: then that finds no arena and makes one.
        let mut arena = reader.event_loop.arenas.with(|arenas| arenas.take(reader.family));
        let received = self.state.with(|state| {
            let coalesced = state.coalesced;
            let received = state.fd()?.and_then(|fd| arena.receive(fd, coalesced));
            state.coalesced = arena.is_coalesced();
            Some(received)
        });
        let result = match received {
            Some(Ok(count)) => self.deliver(py, this, reader, &arena, count),
            Some(Err(error)) if !is_full(&error) => self.receive_failed(py, this, &error),
            Some(Err(_)) | None => Ok(()),
        };
        let old = reader.event_loop.arenas.with(|arenas| arenas.put_back(reader.family, arena));
        drop(old);
        result
    }

    #[cold]
    fn receive_failed(&self, py: Python<'_>, this: &Ref<Self>, error: &io::Error) -> PyResult<()> {
        let told = self.error_received(py, os_error(error));
        self.delivered(py, this, told, "error_received")
    }

    fn deliver(
        &self,
        py: Python<'_>,
        this: &Ref<Self>,
        reader: &Reader,
        arena: &Arena,
        count: usize,
    ) -> PyResult<()> {
        if self.state.with(|state| state.takes_batches) {
            let batch = contents(py, reader, arena, 0..count)?;
            return self.deliver_batch(py, this, batch);
        }
        let began = Began::now(&reader.event_loop);
        // Those of one place have one sender.
        let (mut known, mut address) = (None, interop(py)?.none.clone());
        for index in 0..count {
            let data = content(py, arena, index);
            if known != Some(arena.place(index)) {
                address = sender(py, reader, arena, index)?;
                known = Some(arena.place(index));
            }
            let told = self.deliver_one(py, this, &data, &address);
            let left = index + 1 < count;
            if !left {
                return told;
            }
            let next = if told.is_err() { Next::Later } else { self.next(reader, &began) };
            if let Next::Datagram = next {
                continue;
            }
            self.keep(this, reader, contents(py, reader, arena, index + 1..count)?);
            return told;
        }
        Ok(())
    }

    /// Goes on with what came earlier.
    fn deliver_pending(&self, py: Python<'_>, this: &Ref<Self>, reader: &Reader) -> PyResult<()> {
        if self.state.with(|state| state.takes_batches) {
            let pending = self.state.with(|state| mem::take(&mut state.pending));
            return self.deliver_batch(py, this, pending.into());
        }
        let turn = reader.event_loop.scheduler.with(|scheduler| scheduler.turn);
        self.state.with(|state| state.pending_ended = Some(turn));
        let began = Began::now(&reader.event_loop);
        while let Some((data, address)) = self.state.with(|state| state.pending.pop_front()) {
            let told = self.deliver_one(py, this, &data, &address);
            let next = if told.is_err() { Next::Later } else { self.next(reader, &began) };
            if !matches!(next, Next::Datagram) {
                self.keep(this, reader, Vec::new());
                return told;
            }
        }
        Ok(())
    }

    fn deliver_one(
        &self,
        py: Python<'_>,
        this: &Ref<Self>,
        data: &Ref,
        address: &Ref,
    ) -> PyResult<()> {
        let Some(protocol) = self.state.with(|state| state.protocol.clone()) else {
            return Ok(());
        };
        let name = &interop(py)?.names.datagram_received;
        let called = call_method(py, name, [&protocol, data, address]);
        self.delivered(py, this, called.map(drop), "datagram_received")
    }

    fn deliver_batch(
        &self,
        py: Python<'_>,
        this: &Ref<Self>,
        batch: Vec<(Ref, Ref)>,
    ) -> PyResult<()> {
        let Some(protocol) = self.state.with(|state| state.protocol.clone()) else {
            return Ok(());
        };
        let pairs =
            batch.into_iter().map(|(data, address)| (data.into_bound(py), address.into_bound(py)));
        let list = PyList::new(py, pairs)?;
        let name = &interop(py)?.names.datagrams_received;
        let called = call_method(py, name, [&protocol, &list.into_any().into()]);
        self.delivered(py, this, called.map(drop), "datagrams_received")
    }

    /// What the protocol made of it: an exception is for the exception handler, and the endpoint
    /// goes on.
    fn delivered(
        &self,
        py: Python<'_>,
        this: &Ref<Self>,
        result: PyResult<()>,
        method: &str,
    ) -> PyResult<()> {
        match result {
            Ok(()) => Ok(()),
            Err(error) if ends_run(py, &error) => Err(error),
            Err(error) => {
                let message = format!("Exception in callback protocol.{method}()");
                self.report(py, this, error, &message)
            }
        }
    }

    /// Whether the next datagram may be delivered in this step.
    fn next(&self, reader: &Reader, began: &Began) -> Next {
        if self.state.with(|state| state.closing || !state.interest.readable) {
            return Next::Nothing;
        }
        let event_loop = &reader.event_loop;
        let first = event_loop
            .scheduler
            .with(|scheduler| scheduler.ready.len() != began.ready || scheduler.stopping);
        if first || began.is_long_ago(event_loop) { Next::Later } else { Next::Datagram }
    }

    /// Keeps what is received but not delivered, and queues its turn unless reading is paused.
    fn keep(&self, this: &Ref<Self>, reader: &Reader, rest: Vec<(Ref, Ref)>) {
        let mut rest = Some(rest);
        let queue = self.state.with(|state| {
            if state.closing {
                return false;
            }
            state.pending.extend(rest.take().into_iter().flatten());
            let queue = !state.pending.is_empty() && !state.reading_paused && !state.pending_queued;
            state.pending_queued |= queue;
            queue
        });
        // Nobody reads what comes after close().
        drop(rest);
        if queue {
            reader.event_loop.schedule(Item::Datagrams(this.clone()));
        }
    }

    /// Reads, and tells of a protocol that takes long.
    #[cold]
    fn read_debug(&self, py: Python<'_>, this: &Ref<Self>, reader: &Reader) -> PyResult<()> {
        let began = reader.event_loop.clock.now();
        let result = self.read_with(py, this, reader);
        let seconds = (reader.event_loop.clock.now() - began) as f64 / 1e9;
        cold(py, "log_slow", (reader.event_loop.bind(py), this.bind(py), seconds))?;
        result
    }

    fn log(&self, py: Python<'_>, this: &Ref<Self>, function: &str) -> PyResult<()> {
        if self.event_loop().is_some_and(|event_loop| event_loop.is_debug()) {
            cold(py, function, (this.bind(py),))?;
        }
        Ok(())
    }
}

impl Began {
    fn now(event_loop: &Loop) -> Self {
        let ready = event_loop.scheduler.with(|scheduler| scheduler.ready.len());
        Self { ready, ticks: event_loop.clock.ticks() }
    }

    fn is_long_ago(&self, event_loop: &Loop) -> bool {
        let budget = event_loop.poll_budget_ticks() * (BATCH_TIME / POLL_BUDGET) as u64;
        event_loop.clock.ticks().wrapping_sub(self.ticks) > budget
    }
}

fn content(py: Python<'_>, arena: &Arena, index: usize) -> Ref {
    PyBytes::new(py, arena.data(index)).into_any().into()
}

/// Contents and addresses of datagrams of the batch.
fn contents(
    py: Python<'_>,
    reader: &Reader,
    arena: &Arena,
    indexes: Range<usize>,
) -> PyResult<Vec<(Ref, Ref)>> {
    let mut all: Vec<(Ref, Ref)> = Vec::with_capacity(indexes.len());
    let mut last = None;
    for index in indexes {
        let place = Some(arena.place(index));
        let address = match all.last() {
            Some((_, address)) if place == last => address.clone(),
            _ => sender(py, reader, arena, index)?,
        };
        last = place;
        all.push((content(py, arena, index), address));
    }
    Ok(all)
}

/// The address of a datagram of the batch.
fn sender(py: Python<'_>, reader: &Reader, arena: &Arena, index: usize) -> PyResult<Ref> {
    let name = arena.name(index);
    if name.is_empty() {
        return Ok(interop(py)?.none.clone());
    }
    let addresses = &reader.event_loop.addresses;
    if let Some(known) = addresses.with(|book| book.object(name)) {
        return Ok(known);
    }
    let raw = RawAddress::of_bytes(name);
    let object = raw.to_python(py)?;
    let evicted = addresses.with(|book| book.came(raw, &object, reader.family));
    drop(evicted);
    Ok(object)
}

#[pymethods]
impl DatagramTransport {
    /// Whether datagrams are being received: not paused, not closing.
    fn is_reading(&self) -> bool {
        self.state.with(|state| !state.closing && !state.reading_paused)
    }

    /// Deliver nothing until resume_reading(). Does nothing when paused or closing.
    fn pause_reading(this: &Bound<'_, Self>) -> PyResult<()> {
        let transport = this.get();
        if !transport.is_reading() {
            return Ok(());
        }
        transport.state.with(|state| state.reading_paused = true);
        let py = this.py();
        let this = Ref::new(this);
        transport.want(&this, |interest| interest.without(Interest::READ))?;
        transport.log(py, &this, "log_pause")
    }

    /// Deliver again. Does nothing when not paused, or closing.
    fn resume_reading(this: &Bound<'_, Self>) -> PyResult<()> {
        let transport = this.get();
        if transport.state.with(|state| state.closing || !state.reading_paused) {
            return Ok(());
        }
        // As with asyncio, the reader runs in a copy of the context of whoever makes it read.
        let context = copy_context(this.py())?;
        let old = transport.state.with(|state| {
            state.reading_paused = false;
            mem::replace(&mut state.context, context)
        });
        drop(old);
        let py = this.py();
        let this = Ref::new(this);
        transport.want(&this, |interest| interest.with(Interest::READ))?;
        let (queue, event_loop) = transport.state.with(|state| {
            let queue = !state.pending.is_empty() && !state.pending_queued;
            state.pending_queued |= queue;
            (queue, state.event_loop.clone())
        });
        if let Some(event_loop) = event_loop.filter(|_| queue) {
            event_loop.schedule(Item::Datagrams(this.clone()));
        }
        transport.log(py, &this, "log_resume")
    }
}
