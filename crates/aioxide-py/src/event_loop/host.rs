//! The loop as the host of its turns: where the scheduler meets Python.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use aioxide_core::sys::{Epoll, Wakeup};
use aioxide_core::{
    Counters, Event, Host, Inbox, Nanos, POLL_BUDGET, Poller, State, Timeout, turn,
};
use pyo3::prelude::*;

use super::schedule::as_seconds;
use super::wait::wake;
use super::watcher::Callback;
use super::{Item, Loop, LoopScheduler, Source, WAKEUP};
use crate::client::HttpConnection;
use crate::datagram::DatagramTransport;
use crate::error::os_error;
use crate::ffi::{Ref, attribute, call_method, check_signals};
use crate::handle::{self, FreeList, HandleRef};
use crate::names::{cold, interop};
use crate::pipe::PipeMethod;
use crate::transport::{Listener, StreamTransport};
use crate::watch::Watched;

/// A loop that is running on this thread.
pub(super) struct Running<'a, 'py> {
    pub(super) py: Python<'py>,
    /// The object, as Python code knows it.
    pub(super) this: &'a Bound<'py, Loop>,
    event_loop: &'a Loop,
    watched: Option<Arc<Watched>>,
}

impl<'a, 'py> Running<'a, 'py> {
    pub(super) fn new(this: &'a Bound<'py, Loop>, watched: Option<Arc<Watched>>) -> Self {
        Self { py: this.py(), this, event_loop: this.get(), watched }
    }

    /// Runs turns until the loop is told to stop.
    ///
    /// # Errors
    /// What ended the run.
    pub(super) fn run_until_stopped(&self) -> PyResult<()> {
        self.event_loop.scheduler.with(|scheduler| scheduler.poll_next_turns());
        let counters = &self.event_loop.counters;
        counters.resume(State::Running, self.ticks());
        if self.watched.is_some() {
            Watched::woken();
        }
        let result = loop {
            if let Err(error) = turn(self) {
                break Err(error);
            }
            if self.event_loop.scheduler.with(|scheduler| scheduler.stopping) {
                break Ok(());
            }
        };
        counters.enter(State::Idle);
        result
    }

    /// Runs one turn.
    ///
    /// # Errors
    /// What ended it.
    pub(super) fn run_once(&self) -> PyResult<()> {
        self.event_loop.scheduler.with(|scheduler| scheduler.poll_next_turn());
        self.event_loop.inside(|| turn(self))
    }

    /// Waits with the GIL released, parked, so that other threads wake it.
    fn wait_parked(&self, timeout: Timeout) -> io::Result<()> {
        let (poller, mut events) = self.event_loop.scheduler.with(|scheduler| {
            (Arc::clone(&scheduler.poller), std::mem::take(&mut scheduler.events))
        });
        self.event_loop.free_handles.with(FreeList::trim);
        let waited = if self.event_loop.inbox.park() {
            let event_loop = self.event_loop;
            let watched = self.watched.is_some();
            event_loop.counters.enter(State::Polling);
            let waited = self.py.detach(|| {
                let waited = poller.wait(&mut events, timeout);
                event_loop.counters.resume(State::Waking, event_loop.clock.ticks());
                if watched {
                    Watched::woken();
                }
                waited
            });
            event_loop.counters.resume(State::Running, event_loop.clock.ticks());
            event_loop.inbox.unpark();
            waited
        } else {
            poller.wait(&mut events, Timeout::Zero)
        };
        self.event_loop.scheduler.with(|scheduler| scheduler.events = events);
        waited
    }

    /// Waits, once the kernel was asked about each wait for a socket.
    fn wait_long(&self, timeout: Timeout) -> io::Result<()> {
        if self.event_loop.trusts_many() {
            self.wait_parked(Timeout::Zero)?;
            if self.with(|scheduler| !scheduler.events.is_empty()) {
                return Ok(());
            }
        }
        self.event_loop.ask_about_waits();
        self.wait_parked(timeout)
    }

    /// Polls, and sees to signals.
    pub(super) fn poll(&self, timeout: Timeout) -> PyResult<()> {
        if self.with(|scheduler| scheduler.has_strays()) {
            self.event_loop.renew_poller();
        }
        self.event_loop.ask_about_long_waits();
        let waited = if timeout == Timeout::Zero {
            self.with(|scheduler| {
                let mut events = std::mem::take(&mut scheduler.events);
                let waited = scheduler.poller.wait(&mut events, Timeout::Zero);
                scheduler.events = events;
                waited
            })
        } else {
            self.wait_long(timeout)
        };
        let woken = self.with(|scheduler| {
            let before = scheduler.events.len();
            scheduler.events.retain(|event| event.token != WAKEUP);
            scheduler.events.len() != before
        });
        if woken {
            self.event_loop.with_wakeup(Wakeup::clear);
        }
        check_signals(self.py)?;
        match waited {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(os_error(&error)),
            _ => Ok(()),
        }
    }

    /// Has the program poll, which has put something in the place of `loop._selector.select`. That
    /// calls the original, if it likes, which comes back to [`Running::poll`].
    #[cold]
    fn select(&self, timeout: Timeout) -> PyResult<()> {
        let seconds = match timeout {
            Timeout::Zero => Some(0.0),
            Timeout::After(nanos) => Some(as_seconds(nanos)),
            Timeout::Never => None,
        };
        cold(self.py, "select", (self.this, seconds)).map(drop)
    }

    #[inline]
    fn run_handle(&self, handle: &HandleRef) -> PyResult<()> {
        if self.event_loop.is_debug() && !handle.is_cancelled() {
            return cold(self.py, "run_debug", (self.this, handle.bind(self.py))).map(drop);
        }
        handle::run(self.py, handle)
    }

    #[inline]
    fn run_pipe(&self, handle: &HandleRef, method: &PipeMethod) -> PyResult<()> {
        if self.event_loop.is_debug() {
            return self.run_handle(handle);
        }
        handle::run_as(self.py, handle, || {
            let called = self.event_loop.read_pipe(handle, || method.call(self.py));
            let flushed = self.event_loop.flush(self.py);
            // One by one, as a result that holds no error is not to be moved.
            called?;
            flushed
        })?;
        self.event_loop.send_late_answers(self.py)
    }

    fn run_foreign(&self, object: &Ref) -> PyResult<()> {
        let names = &interop(self.py)?.names;
        if attribute(self.py, object, &names.cancelled_flag)?.bind(self.py).is_truthy()? {
            return Ok(());
        }
        if self.event_loop.is_debug() {
            return cold(self.py, "run_debug", (self.this, object.bind(self.py))).map(drop);
        }
        call_method(self.py, &names.run, [object]).map(drop)
    }
}

/// What an event is for, taken out of the reactor before any of it runs.
enum Target {
    Watcher,
    Stream(Ref<StreamTransport>),
    Datagram(Ref<DatagramTransport>),
    Listener(Ref<Listener>),
    Dial(Ref<HttpConnection>),
    Gone,
}

impl Host for Running<'_, '_> {
    type Item = Item;
    type Source = Source;
    type Poller = Epoll;
    type Error = PyErr;

    #[inline]
    fn with<R>(&self, f: impl FnOnce(&mut LoopScheduler) -> R) -> R {
        self.event_loop.scheduler.with(f)
    }

    #[inline]
    fn inbox(&self) -> &Inbox<Item> {
        &self.event_loop.inbox
    }

    #[inline]
    fn counters(&self) -> &Counters {
        &self.event_loop.counters
    }

    fn now(&self) -> PyResult<Nanos> {
        self.event_loop.time_nanos(self.py, self.this)
    }

    #[inline]
    fn ticks(&self) -> u64 {
        self.event_loop.clock.ticks()
    }

    #[inline]
    fn poll_budget(&self) -> Option<u64> {
        if self.event_loop.has_other_select() {
            // Each turn polls, as the program expects of what it has replaced.
            return None;
        }
        match self.event_loop.budget.load(Relaxed) {
            0 => {
                let budget = self.event_loop.clock.ticks_in(POLL_BUDGET)?;
                self.event_loop.budget.store(budget, Relaxed);
                Some(budget)
            }
            budget => Some(budget),
        }
    }

    fn wait(&self, timeout: Timeout) -> PyResult<()> {
        if self.event_loop.has_other_select() { self.select(timeout) } else { self.poll(timeout) }
    }

    fn identify(item: &Item) -> usize {
        match item {
            Item::Handle(handle) => handle.as_ptr() as usize,
            Item::Foreign(object) => object.as_ptr() as usize,
            Item::Start(transport) => transport.as_ptr() as usize,
            Item::Datagrams(transport) => transport.as_ptr() as usize,
        }
    }

    #[inline]
    fn run(&self, item: Item) -> PyResult<()> {
        // The reads of this turn are done.
        self.event_loop.flush_answers(self.py)?;
        match item {
            Item::Handle(handle) => self.run_handle(&handle),
            Item::Foreign(object) => self.run_foreign(&object),
            Item::Start(transport) => transport.start(self.py, &transport),
            Item::Datagrams(transport) => transport.proceed(self.py, &transport),
        }
    }

    fn dispatch(&self, event: Event) -> PyResult<()> {
        let (target, ready) = self.with(|scheduler| {
            let reactor = &scheduler.reactor;
            let Some(wanted) = reactor.interest(event.token) else {
                return (Target::Gone, event.ready);
            };
            let target = match reactor.source(event.token) {
                Some(Source::Watcher(_)) => Target::Watcher,
                Some(Source::Stream(transport)) => Target::Stream(transport.clone()),
                Some(Source::Datagram(transport)) => Target::Datagram(transport.clone()),
                Some(Source::Listener(listener)) => Target::Listener(listener.clone()),
                Some(Source::Dial(connection)) => Target::Dial(connection.clone()),
                None => Target::Gone,
            };
            // An error or a hang-up counts as both; only what is wanted is told.
            (target, event.ready.and(wanted))
        });
        match target {
            Target::Watcher => {
                for writing in [false, true] {
                    if !(if writing { ready.writable } else { ready.readable }) {
                        continue;
                    }
                    // The first callback may have removed or replaced the second.
                    let Some(callback) = self.event_loop.ready_callback(event.token, writing)
                    else {
                        continue;
                    };
                    if !callback.gives_data() {
                        self.event_loop.flush_answers(self.py)?;
                    }
                    match callback {
                        Callback::Handle(handle) => self.run_handle(&handle)?,
                        Callback::Pipe(handle, method) => self.run_pipe(&handle, &method)?,
                        Callback::Waiter(future) => wake(self.py, &future)?,
                    }
                }
                Ok(())
            }
            Target::Stream(transport) => transport.ready(self.py, &transport, ready),
            Target::Datagram(transport) => transport.ready(self.py, &transport, ready),
            Target::Listener(listener) => listener.accept(self.py, &listener),
            Target::Dial(connection) => {
                // It is told of what it does not want, too: only an error looks so.
                connection.dial_ready(self.py, &connection, event.token, event.ready)
            }
            Target::Gone => Ok(()),
        }
    }

    #[inline]
    fn flush(&self) -> PyResult<()> {
        match self.event_loop.flush_answers(self.py) {
            Ok(()) => self.event_loop.flush(self.py),
            Err(error) => self.event_loop.flush(self.py).and(Err(error)),
        }
    }

    #[cold]
    fn freed(&self, ticks: u64, turn: bool) -> PyResult<()> {
        match &self.watched {
            Some(watched) => Watched::tell_freed(watched, self.py, self.this, ticks, turn),
            None => {
                self.event_loop.counters.unnotice();
                Ok(())
            }
        }
    }
}
