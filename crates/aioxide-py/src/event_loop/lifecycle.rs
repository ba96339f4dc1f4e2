//! From `__new__` to `close()`, and the attributes that asyncio's own code reads.

use std::sync::atomic::Ordering::Relaxed;

use std::os::fd::RawFd;
use std::sync::Arc;

use aioxide_core::scheduler::Ready;
use aioxide_core::sys::{Epoll, Wakeup};
use aioxide_core::{Nanos, Timeout};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use pyo3::{PyTraverseError, PyVisit};

use super::host::Running;
use super::queued::item_of;
use super::{Item, Loop, Source};
use crate::datagram::AddressBook;
use crate::ffi::Ref;
use crate::handle::HandleRef;
use crate::heap::keep_freed_pages;
use crate::tasks::Layout;
use crate::watch::{Settings, Watched};

#[pymethods]
impl Loop {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(
        py: Python<'_>,
        _args: &Bound<'_, PyTuple>,
        _kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        Layout::find(py)?;
        keep_freed_pages();
        Self::create()
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.traverse(&visit)
    }

    fn __clear__(&self) {
        self.drop_everything();
    }

    /// Run turns until stop(). The caller has set everything else up.
    ///
    /// blocking is how long work may take, in seconds, before it is reported, or None; json says how
    /// the report is written, and action is what is called instead.
    #[pyo3(signature = (thread, blocking=None, json=false, action=None))]
    fn _run(
        this: &Bound<'_, Self>,
        thread: u64,
        blocking: Option<f64>,
        json: bool,
        action: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let event_loop = this.get();
        let settings = blocking.map(|limit| Settings { limit, json, action: action.map(Ref::new) });
        let watched = settings.map(|settings| event_loop.be_watched(this.py(), thread, settings));
        let watched = watched.transpose()?;
        event_loop.watched.with(|slot| slot.clone_from(&watched));
        event_loop.thread.store(thread, Relaxed);
        let result = Running::new(this, watched).run_until_stopped();
        event_loop.thread.store(0, Relaxed);
        drop(event_loop.watched.with(Option::take));
        drop(event_loop.keywords.with(Option::take));
        event_loop.scheduler.with(|scheduler| scheduler.stopping = false);
        event_loop.track_queued();
        result
    }

    /// Run one turn.
    fn _run_once(this: &Bound<'_, Self>) -> PyResult<()> {
        let watched = this.get().watched.with(|watched| watched.clone());
        Running::new(this, watched).run_once()
    }

    /// Poll within a turn, for at most so many seconds (for ever: None). Returns the descriptors
    /// that are ready, each with what for (1 to read, 2 to write); the turn handles them. -1 stands
    /// for another thread's wake-up.
    fn _poll(this: &Bound<'_, Self>, timeout: Option<f64>) -> PyResult<Vec<(RawFd, u8)>> {
        let event_loop = this.get();
        let timeout = timeout.map_or(Timeout::Never, |seconds| match (seconds * 1e9).ceil() {
            nanos if nanos >= 1.0 => Timeout::After(nanos as Nanos),
            _ => Timeout::Zero,
        });
        let watched = event_loop.watched.with(|watched| watched.clone());
        // A poll begins by forgetting the last one's events; there may be several in a turn.
        let mut events =
            event_loop.scheduler.with(|scheduler| std::mem::take(&mut scheduler.events));
        let known = events.len();
        let polled = Running::new(this, watched).poll(timeout);
        let woken = event_loop.inbox.has_items();
        let mut ready = event_loop.scheduler.with(|scheduler| {
            events.append(&mut scheduler.events);
            scheduler.events = events;
            let new = scheduler.events[known..].iter();
            new.filter_map(|event| {
                let mask = u8::from(event.ready.readable) | u8::from(event.ready.writable) << 1;
                Some((scheduler.reactor.descriptor(event.token)?, mask))
            })
            .collect::<Vec<_>>()
        });
        polled?;
        ready.extend(woken.then_some((-1, 1)));
        Ok(ready)
    }

    /// Stop at the end of this turn, or after one turn if the loop is not running.
    fn stop(&self) {
        self.scheduler.with(|scheduler| scheduler.stopping = true);
    }

    /// Whether the loop is running, in any thread.
    #[pyo3(name = "is_running")]
    fn is_running_method(&self) -> bool {
        self.is_running()
    }

    /// Whether close() was called.
    #[pyo3(name = "is_closed")]
    fn is_closed_method(&self) -> bool {
        self.is_closed()
    }

    fn _check_closed(&self) -> PyResult<()> {
        self.ensure_open()
    }

    /// Release the descriptors of the loop and everything that is queued.
    fn _close(&self) -> PyResult<()> {
        if self.is_running() {
            return Err(PyRuntimeError::new_err("Cannot close a running event loop"));
        }
        self.closed.store(true, Relaxed);
        self.drop_everything();
        let poller = Arc::new(Epoll::closed());
        let poller =
            self.scheduler.with(|scheduler| std::mem::replace(&mut scheduler.poller, poller));
        let wakeup = self.wakeup.with(Option::take);
        drop((poller, wakeup));
        Ok(())
    }

    /// Queue a handle that asyncio's own code made, unless it was cancelled.
    fn _add_callback(&self, handle: &Bound<'_, PyAny>) -> PyResult<()> {
        let (item, cancelled) = item_of(handle)?;
        if !cancelled {
            self.schedule(item);
        }
        Ok(())
    }

    /// As _add_callback(), from any thread or from a signal handler.
    fn _add_callback_signalsafe(&self, handle: &Bound<'_, PyAny>) -> PyResult<()> {
        let (item, cancelled) = item_of(handle)?;
        if cancelled { Ok(()) } else { self.send(item) }
    }

    /// End a wait of the loop, from any thread.
    fn _write_to_self(&self) {
        self.with_wakeup(Wakeup::wake);
    }

    #[getter(_debug)]
    fn debug_attribute(&self) -> bool {
        self.is_debug()
    }

    #[setter(_debug)]
    fn set_debug_attribute(&self, enabled: &Bound<'_, PyAny>) -> PyResult<()> {
        self.debug.store(enabled.is_truthy()?, Relaxed);
        Ok(())
    }

    #[getter(_closed)]
    fn closed_attribute(&self) -> bool {
        self.is_closed()
    }

    #[setter(_closed)]
    fn set_closed_attribute(&self, closed: bool) {
        self.closed.store(closed, Relaxed);
    }

    #[getter(_stopping)]
    fn stopping_attribute(&self) -> bool {
        self.scheduler.with(|scheduler| scheduler.stopping)
    }

    #[setter(_stopping)]
    fn set_stopping_attribute(&self, stopping: bool) {
        self.scheduler.with(|scheduler| scheduler.stopping = stopping);
    }

    #[getter(_thread_id)]
    fn thread_attribute(&self) -> Option<u64> {
        match self.thread.load(Relaxed) {
            0 => None,
            thread => Some(thread),
        }
    }

    #[setter(_thread_id)]
    fn set_thread_attribute(&self, thread: Option<u64>) {
        self.thread.store(thread.unwrap_or(0), Relaxed);
    }

    #[getter(_current_handle)]
    fn current_handle_attribute<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.current_handle.with(|slot| slot.clone()).map(|handle| handle.into_bound(py))
    }

    #[setter(_current_handle)]
    fn set_current_handle_attribute(&self, handle: &Bound<'_, PyAny>) {
        let new = (!handle.is_none()).then(|| Ref::new(handle));
        drop(self.current_handle.with(|slot| std::mem::replace(slot, new)));
    }

    /// Whether loop.time is not the native method: then timers ask it.
    #[getter(_other_clock)]
    fn other_clock_attribute(&self) -> bool {
        self.has_other_clock()
    }

    #[setter(_other_clock)]
    fn set_other_clock_attribute(&self, other: bool) {
        self.other_clock.store(other, Relaxed);
    }

    /// Whether loop._selector.select is not aioxide's: then a turn calls it where it would poll.
    #[getter(_other_select)]
    fn other_select_attribute(&self) -> bool {
        self.has_other_select()
    }

    #[setter(_other_select)]
    fn set_other_select_attribute(&self, other: bool) {
        self.other_select.store(other, Relaxed);
    }
}

impl Loop {
    /// Has the run that begins on this thread watched.
    fn be_watched(
        &self,
        py: Python<'_>,
        thread: u64,
        settings: Settings,
    ) -> PyResult<Arc<Watched>> {
        let item = size_of::<Ready<Item>>();
        let counters = Arc::clone(&self.counters);
        Watched::begin(py, counters, self.number, thread, item, settings).map(Arc::new)
    }

    pub(super) fn set_other_clock(&self) {
        self.other_clock.store(true, Relaxed);
    }

    #[inline]
    pub(super) fn has_other_select(&self) -> bool {
        self.other_select.load(Relaxed)
    }

    #[inline]
    pub(super) fn has_other_clock(&self) -> bool {
        self.other_clock.load(Relaxed)
    }

    /// Shows every queued handle to the garbage collector: a loop that is not running may be
    /// garbage, together with what it has queued.
    fn track_queued(&self) {
        let handles: Vec<HandleRef> = self.scheduler.with(|scheduler| {
            let ready = scheduler.ready.iter().filter_map(|ready| match ready {
                Ready::Item(Item::Handle(handle)) => Some(handle.clone()),
                _ => None,
            });
            ready.collect()
        });
        handles.iter().for_each(HandleRef::track);
    }

    /// Takes out everything that is queued or registered, then drops it. Transports and listeners
    /// are told; their descriptors are theirs to close.
    fn drop_everything(&self) {
        self.track_queued();
        let inherited = rustix::process::getpid() != self.process;
        let nothing = Epoll::closed();
        let (ready, timers, sources) = self.scheduler.with(|scheduler| {
            let poller = scheduler.poller.clone();
            let poller = if inherited { &nothing } else { &*poller };
            let tokens: Vec<_> = scheduler.reactor.iter().map(|(token, _)| token).collect();
            let sources: Vec<Source> = tokens
                .into_iter()
                .filter_map(|token| scheduler.reactor.remove(poller, token))
                .collect();
            (scheduler.ready.take(), scheduler.timers.take(), sources)
        });
        let arrived = self.inbox_taken();
        let factory = self.task_factory.with(Option::take);
        let keywords = self.keywords.with(Option::take);
        let current =
            (self.current_handle.with(Option::take), self.spare_context.with(Option::take));
        let unsent = (self.unsent.with(std::mem::take), self.answers.with(std::mem::take));
        let addresses = self.addresses.with(AddressBook::take);
        for source in &sources {
            match source {
                Source::Stream(transport) => transport.unregistered(),
                Source::Datagram(transport) => transport.unregistered(),
                Source::Listener(listener) => listener.unregistered(),
                Source::Dial(connection) => connection.undialled(),
                Source::Watcher(_) => {}
            }
        }
        drop((ready, timers, arrived, factory, keywords, current, unsent, addresses, sources));
        self.tasks.clear();
    }

    fn inbox_taken(&self) -> Vec<Item> {
        if self.is_closed() {
            return self.inbox.close();
        }
        let mut items = Vec::new();
        self.inbox.swap(&mut items);
        items
    }
}
