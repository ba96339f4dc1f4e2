//! `Loop`, the native base of `aioxide.EventLoop`: a shell around one [`Scheduler`].
//!
//! What runs per callback, per packet or per accepted connection is here. What runs once per loop
//! or per outgoing connection is asyncio's own code, which `aioxide.EventLoop` inherits beside
//! this class; it calls the underscored methods (`_add_reader`, `_check_closed`, ...).

mod answers;
mod host;
mod lifecycle;
mod queued;
mod schedule;
mod spawn;
mod stats;
mod trust;
mod wait;
mod watch;
mod watcher;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};

use std::os::fd::{AsFd, AsRawFd, RawFd};

use aioxide_core::sys::{Epoll, Wakeup};
use aioxide_core::{Clock, Counters, Inbox, Interest, Poller, Scheduler, TimerKey, Token};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyType};
use pyo3::{PyTraverseError, PyVisit};

use crate::cell::LoopCell;
use crate::client::HttpConnection;
use crate::datagram::{AddressBook, Arenas, DatagramTransport};
use crate::error::os_error;
use crate::ffi::Ref;
use crate::handle::{FreeList, HandleRef};
use crate::pipe::WritePipeTransport;
use crate::socket;
use crate::tasks::Tasks;
use crate::transport::{Listener, Live, StreamTransport};
use crate::watch::{Watched, number_loop};

pub(crate) use watch::descriptor_number;

/// What can be queued.
#[derive(Debug)]
pub(crate) enum Item {
    /// A native handle.
    Handle(HandleRef),
    /// Another object with `_run()` and `_cancelled`: a handle that asyncio's own code made.
    Foreign(Ref),
    /// A transport that begins to read.
    Start(Ref<StreamTransport>),
    /// A datagram transport that begins to read, or goes on with what it has read.
    Datagrams(Ref<DatagramTransport>),
}

/// A transport with something to send.
#[derive(Debug)]
pub(crate) enum Sender {
    Stream(Ref<StreamTransport>),
    Datagram(Ref<DatagramTransport>),
    /// The handle is that of the pipe whose data is answered.
    Pipe(Ref<WritePipeTransport>, HandleRef),
}

impl Sender {
    /// At the end of a step.
    fn flush(&self, py: Python<'_>) -> PyResult<()> {
        match self {
            Self::Stream(transport) => transport.flush(py, transport),
            Self::Datagram(transport) => transport.flush(py, transport),
            Self::Pipe(transport, handle) => transport.send_answer(py, transport, handle),
        }
    }

    /// When the reads of a turn are done.
    fn send_answer(&self, py: Python<'_>) -> PyResult<()> {
        match self {
            Self::Stream(transport) => transport.send_answer(py, transport),
            Self::Datagram(transport) => transport.send_answer(py, transport),
            Self::Pipe(transport, handle) => transport.send_answer(py, transport, handle),
        }
    }
}

/// Who owns a descriptor.
#[derive(Debug)]
pub(crate) enum Source {
    /// `add_reader`, `add_writer` and `sock_recv` with the others.
    Watcher(watcher::Watcher),
    /// A transport, held as long as it wants to read or write.
    Stream(Ref<StreamTransport>),
    /// A datagram transport, likewise.
    Datagram(Ref<DatagramTransport>),
    /// A listening socket.
    Listener(Ref<Listener>),
    /// A connection of the HTTP client that is not connected yet.
    Dial(Ref<HttpConnection>),
}

pub(crate) type LoopScheduler = Scheduler<Item, Source, Epoll>;

/// The token of the descriptor that other threads wake the loop by. The reactor begins at 2^32.
const WAKEUP: Token = Token(0);

/// How much one read takes from a connection at most.
pub(crate) const READ_SIZE: usize = 256 * 1024;

/// The native part of an event loop.
#[pyclass(subclass, frozen, module = "aioxide._aioxide")]
#[derive(Debug)]
pub(crate) struct Loop {
    pub(crate) scheduler: LoopCell<LoopScheduler>,
    pub(crate) inbox: Inbox<Item>,
    /// Apart from the object: CPython aligns objects to 16 bytes, and these are a cache line's.
    /// Shared with whoever watches.
    pub(crate) counters: Arc<Counters>,
    /// The run that goes on, if it is watched.
    watched: LoopCell<Option<Arc<Watched>>>,
    /// Which loop of the process it is.
    number: u64,
    pub(crate) clock: Clock,
    pub(crate) free_handles: LoopCell<FreeList>,
    /// A context without variables that nobody else has, for callbacks that were scheduled from
    /// one.
    pub(crate) spare_context: LoopCell<Option<Ref>>,
    /// What reads go to first. Taken out while a read uses it.
    pub(crate) scratch: LoopCell<Vec<u8>>,
    /// What datagrams are received into, likewise.
    pub(crate) arenas: LoopCell<Arenas>,
    /// Waits that the kernel was not asked about.
    trusting: LoopCell<trust::Trusting>,
    /// The addresses of datagrams.
    pub(crate) addresses: LoopCell<AddressBook>,
    /// Transports with something to send at the end of this step.
    pub(crate) unsent: LoopCell<Vec<Sender>>,
    /// The address of the transport whose protocol is being given data, 0 when none is: what
    /// it writes meanwhile is its answer.
    delivering: AtomicUsize,
    /// The handle of the pipe whose protocol is being given data, if any is.
    reading_pipe: LoopCell<Option<HandleRef>>,
    /// Transports with an answer to send when this turn's reads are done.
    answers: LoopCell<Vec<Sender>>,
    /// There are such; and since when, in ticks.
    answering: AtomicBool,
    answering_since: AtomicU64,
    /// Which descriptors belong to live transports.
    pub(crate) live: LoopCell<Live>,
    /// The tasks that are not done.
    pub(crate) tasks: Tasks,
    task_factory: LoopCell<Option<Ref>>,
    /// What tasks and futures are made with, while the loop runs.
    keywords: LoopCell<Option<Ref<PyDict>>>,
    current_handle: LoopCell<Option<Ref>>,
    /// `None` once the loop is closed. Shared, because a thread may be about to wake it.
    wakeup: LoopCell<Option<Arc<Wakeup>>>,
    debug: AtomicBool,
    closed: AtomicBool,
    /// The program has put another clock in the place of `loop.time`.
    other_clock: AtomicBool,
    /// The program polls: it has replaced the selector's method.
    other_select: AtomicBool,
    /// `threading.get_ident()` of the thread that runs the loop, 0 when none does.
    thread: AtomicU64,
    /// The poll budget in ticks, 0 while it is not known.
    budget: AtomicU64,
    /// The process that made the loop. A child that inherits it must leave the poller alone, which
    /// is the parent's, too.
    process: rustix::process::Pid,
}

/// Gives a class that inherits from `Loop`, or that itself, the methods that PyO3's argument parsing
/// would slow down.
///
/// # Errors
/// `TypeError` for another class.
pub(crate) fn add_fast_methods(class: &Bound<'_, PyType>) -> PyResult<()> {
    schedule::add_fast_methods(class)?;
    spawn::add_fast_methods(class)?;
    socket::add_fast_methods(class)
}

/// Give a subclass of Loop the methods that run per callback as its own, as it would inherit them.
///
/// The interpreter has short cuts for a method whose class is that of the object. Raises TypeError
/// for another class.
#[pyfunction]
#[pyo3(signature = (cls, /))]
pub(crate) fn _own_methods(cls: &Bound<'_, PyType>) -> PyResult<()> {
    add_fast_methods(cls)
}

impl Loop {
    fn create() -> PyResult<Self> {
        let poller = Epoll::new().map_err(|error| os_error(&error))?;
        let wakeup = Wakeup::new().map_err(|error| os_error(&error))?;
        poller
            .add(wakeup.as_fd().as_raw_fd(), WAKEUP, Interest::READ)
            .map_err(|error| os_error(&error))?;
        Ok(Self {
            scheduler: LoopCell::new(Scheduler::new(poller)),
            inbox: Inbox::new(),
            counters: Arc::new(Counters::new()),
            watched: LoopCell::new(None),
            number: number_loop(),
            clock: Clock::new(),
            free_handles: LoopCell::new(FreeList::new()),
            spare_context: LoopCell::new(None),
            scratch: LoopCell::new(Vec::new()),
            arenas: LoopCell::new(Arenas::new()),
            trusting: LoopCell::new(trust::Trusting::new()),
            addresses: LoopCell::new(AddressBook::new()),
            unsent: LoopCell::new(Vec::new()),
            delivering: AtomicUsize::new(0),
            reading_pipe: LoopCell::new(None),
            answers: LoopCell::new(Vec::new()),
            answering: AtomicBool::new(false),
            answering_since: AtomicU64::new(0),
            live: LoopCell::new(Live::new()),
            tasks: Tasks::new(),
            task_factory: LoopCell::new(None),
            keywords: LoopCell::new(None),
            current_handle: LoopCell::new(None),
            wakeup: LoopCell::new(Some(Arc::new(wakeup))),
            debug: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            other_clock: AtomicBool::new(false),
            other_select: AtomicBool::new(false),
            thread: AtomicU64::new(0),
            budget: AtomicU64::new(0),
            process: rustix::process::getpid(),
        })
    }

    #[inline]
    pub(crate) fn is_debug(&self) -> bool {
        self.debug.load(Relaxed)
    }

    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Relaxed)
    }

    #[inline]
    pub(crate) fn is_running(&self) -> bool {
        self.thread.load(Relaxed) != 0
    }

    /// `threading.get_ident()` of the thread that runs the loop, 0 when none does.
    #[inline]
    pub(crate) fn running_thread(&self) -> u64 {
        self.thread.load(Relaxed)
    }

    /// # Errors
    /// `RuntimeError` when the loop is closed.
    #[inline]
    pub(crate) fn ensure_open(&self) -> PyResult<()> {
        if self.is_closed() { Err(PyRuntimeError::new_err("Event loop is closed")) } else { Ok(()) }
    }

    /// Makes a new poller in the place of one that cannot be silenced: see
    /// [`Scheduler::has_strays`].
    #[cold]
    fn renew_poller(&self) {
        let wakeup = self.wakeup.with(|wakeup| wakeup.clone());
        let poller = Epoll::new().ok().filter(|poller| {
            wakeup.is_some_and(|wakeup| {
                poller.add(wakeup.as_fd().as_raw_fd(), WAKEUP, Interest::READ).is_ok()
            })
        });
        let old = self.scheduler.with(|scheduler| scheduler.move_to(poller));
        drop(old);
    }

    fn with_wakeup(&self, f: impl FnOnce(&Wakeup)) {
        let wakeup = self.wakeup.with(|wakeup| wakeup.clone());
        if let Some(wakeup) = wakeup {
            f(&wakeup);
        }
    }

    /// The poll budget in ticks, 0 while it is not known.
    #[inline]
    pub(crate) fn poll_budget_ticks(&self) -> u64 {
        self.budget.load(Relaxed)
    }

    /// Sends what was gathered since the last look. Called after each step, so that writes of one
    /// step go out together, and before the step's context is left.
    ///
    /// # Errors
    /// Only what is to end the run.
    #[inline]
    pub(crate) fn flush(&self, py: Python<'_>) -> PyResult<()> {
        if self.unsent.with(|unsent| unsent.is_empty()) { Ok(()) } else { self.flush_all(py) }
    }

    #[inline(never)]
    fn flush_all(&self, py: Python<'_>) -> PyResult<()> {
        send_each(&self.unsent, |sender| sender.flush(py))
    }

    /// Changes what is waited for on behalf of a transport: registers what `source` makes when there
    /// is no token, removes the registration when nothing is wanted. Returns the token.
    ///
    /// # Errors
    /// The poller's, when the descriptor cannot be watched.
    pub(crate) fn change_interest(
        &self,
        fd: RawFd,
        token: Option<Token>,
        new: Interest,
        source: impl FnOnce() -> Source,
    ) -> std::io::Result<Option<Token>> {
        let Some(token) = token else {
            let registered = self.register(fd, new, source());
            return registered.map(Some).map_err(|(_, error)| error);
        };
        if new.is_none() {
            // Dropped when nothing is borrowed any more.
            let removed = self
                .scheduler
                .with(|scheduler| scheduler.reactor.remove(&*scheduler.poller, token));
            drop(removed);
            return Ok(None);
        }
        self.scheduler
            .with(|scheduler| scheduler.reactor.set_interest(&*scheduler.poller, token, new))
            .map(|()| Some(token))
    }

    /// Queues `item` for the next turn, behind what other threads have sent so far.
    #[inline]
    pub(crate) fn schedule(&self, item: Item) {
        if self.inbox.has_items() {
            self.take_arrived();
        }
        self.scheduler.with(|scheduler| scheduler.schedule(item));
    }

    /// Takes a timer out of the queue. The caller drops it.
    #[inline]
    pub(crate) fn cancel_timer(&self, key: TimerKey) -> Option<Item> {
        self.scheduler.with(|scheduler| scheduler.timers.cancel(key))
    }

    fn traverse_item(item: &Item, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match item {
            Item::Handle(handle) => handle.traverse_from_loop(visit),
            Item::Foreign(object) => visit.call(object.as_py()),
            Item::Start(transport) => visit.call(transport.as_py()),
            Item::Datagrams(transport) => visit.call(transport.as_py()),
        }
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        let mut result = Ok(());
        let mut show = |item: &Item| {
            if result.is_ok() {
                result = Self::traverse_item(item, visit);
            }
        };
        self.scheduler.try_with(|scheduler| {
            for ready in scheduler.ready.iter() {
                if let aioxide_core::scheduler::Ready::Item(item) = ready {
                    show(item);
                }
            }
            scheduler.timers.iter().for_each(&mut show);
        });
        self.inbox.try_visit(&mut show);
        result?;
        let mut result = Ok(());
        self.scheduler.try_with(|scheduler| {
            for (_, source) in scheduler.reactor.iter() {
                if result.is_ok() {
                    result = match source {
                        Source::Watcher(watcher) => watcher.traverse(visit),
                        Source::Stream(transport) => visit.call(transport.as_py()),
                        Source::Datagram(transport) => visit.call(transport.as_py()),
                        Source::Listener(listener) => visit.call(listener.as_py()),
                        Source::Dial(connection) => visit.call(connection.as_py()),
                    };
                }
            }
        });
        result?;
        self.tasks.traverse(visit)?;
        self.keywords
            .try_with(|slot| slot.as_ref().map(|keywords| visit.call(keywords.as_py())))
            .flatten()
            .transpose()?;
        for slot in [&self.task_factory, &self.current_handle] {
            slot.try_with(|slot| slot.as_ref().map(|object| visit.call(object.as_py())))
                .flatten()
                .transpose()?;
        }
        Ok(())
    }
}

/// Takes out all that waits, and sends it. Of several errors the last counts.
#[inline]
fn send_each(
    waiting: &LoopCell<Vec<Sender>>,
    send: impl Fn(Sender) -> PyResult<()>,
) -> PyResult<()> {
    let mut senders = waiting.with(std::mem::take);
    let mut result = Ok(());
    for sender in senders.drain(..) {
        result = send(sender).and(result);
    }
    // The buffer goes back, unless somebody has written meanwhile.
    waiting.with(|slot| {
        if slot.capacity() == 0 {
            *slot = senders;
        }
    });
    result
}
