//! A host for tests: items are numbers, and a script says what each does when it runs.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::io;
use std::os::fd::RawFd;

use aioxide_core::inbox::Pushed;
use aioxide_core::sim::{SimClock, SimPoller};
use aioxide_core::{
    Counters, Event, Host, Inbox, Interest, Nanos, POLL_BUDGET, Scheduler, Timeout, TimerKey,
    Token, turn,
};

/// What runs.
pub(crate) type Id = u32;

/// The token and the made-up descriptor by which other threads wake the loop.
const WAKEUP: Token = Token(0);
const WAKEUP_FD: RawFd = 1000;

/// What an item does when it runs, or a test does from outside.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// `call_soon`.
    Soon(Id),
    /// `call_later`.
    Later(Nanos, Id),
    /// Cancels the timer of an item that was made last, if it is pending.
    Cancel(Id),
    /// `call_soon_threadsafe`.
    Send(Id),
    /// `add_reader`, which replaces what is there.
    Watch(RawFd, Id),
    /// `remove_reader`.
    Unwatch(RawFd),
    /// The descriptor becomes readable, or no longer is.
    Readable(RawFd, bool),
    /// The clock goes on.
    Elapse(Nanos),
    /// The tick counter goes on.
    Tick(u64),
    /// Another thread wants to know when this work has ended.
    Notice,
    /// The loop is to stop after this turn.
    Stop,
    /// The item ends the run with an error, after the rest of its script.
    Fail,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ran {
    Poll(Timeout),
    Item(Id),
    Event(Id),
    Flush,
}

/// What ended a turn early.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    Item(Id),
    Clock,
    /// The poller's error number.
    Poll(i32),
}

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) scheduler: RefCell<Scheduler<Id, Id, SimPoller>>,
    pub(crate) inbox: Inbox<Id>,
    pub(crate) counters: Counters,
    pub(crate) clock: SimClock,
    pub(crate) ticks: Cell<u64>,
    /// The poll budget in ticks.
    pub(crate) budget: Cell<Option<u64>>,
    pub(crate) clock_raises: Cell<bool>,
    /// What other threads send during the next poll that can block.
    pub(crate) arrivals: RefCell<VecDeque<Id>>,
    /// What [`Counters`] showed while the last item ran: its number, and the state.
    pub(crate) seen_running: Cell<Option<(usize, aioxide_core::State)>>,
    /// What ended while it was noticed: when, and whether it was a whole turn.
    pub(crate) freed: RefCell<Vec<(u64, bool)>>,
    scripts: RefCell<HashMap<Id, Vec<Action>>>,
    timers: RefCell<HashMap<Id, Vec<TimerKey>>>,
    trace: RefCell<Vec<Ran>>,
}

impl World {
    /// A loop with nothing to do, which polls at each turn.
    pub(crate) fn new() -> Self {
        let clock = SimClock::default();
        let scheduler = Scheduler::new(SimPoller::new(clock.clone()));
        aioxide_core::Poller::add(&*scheduler.poller, WAKEUP_FD, WAKEUP, Interest::READ)
            .expect("the first descriptor");
        let counters = Counters::new();
        counters.resume(aioxide_core::State::Running, 0);
        Self {
            scheduler: RefCell::new(scheduler),
            inbox: Inbox::new(),
            counters,
            clock,
            ticks: Cell::new(0),
            budget: Cell::new(None),
            clock_raises: Cell::new(false),
            arrivals: RefCell::default(),
            seen_running: Cell::new(None),
            freed: RefCell::default(),
            scripts: RefCell::default(),
            timers: RefCell::default(),
            trace: RefCell::default(),
        }
    }

    /// As [`World::new`], with a nanosecond a tick, and idle for long.
    pub(crate) fn with_budget() -> Self {
        let world = Self::new();
        world.budget.set(Some(POLL_BUDGET as u64));
        world.ticks.set(1 << 40);
        world
    }

    /// Sets what `id` does when it runs.
    pub(crate) fn script(&self, id: Id, actions: impl Into<Vec<Action>>) {
        self.scripts.borrow_mut().insert(id, actions.into());
    }

    /// Runs one turn and tells what happened.
    pub(crate) fn turn(&self) -> (Vec<Ran>, Result<(), Failure>) {
        let result = turn(self);
        (self.trace.take(), result)
    }

    /// Runs one turn that succeeds, and tells what ran in it.
    pub(crate) fn ran(&self) -> Vec<Ran> {
        let (trace, result) = self.turn();
        assert_eq!(result, Ok(()));
        trace.into_iter().filter(|ran| !matches!(ran, Ran::Poll(_) | Ran::Flush)).collect()
    }

    /// Runs one turn that succeeds, and tells how it polled, if it did.
    pub(crate) fn polled(&self) -> Option<Timeout> {
        let (trace, result) = self.turn();
        assert_eq!(result, Ok(()));
        trace.into_iter().find_map(|ran| match ran {
            Ran::Poll(timeout) => Some(timeout),
            _ => None,
        })
    }

    pub(crate) fn set_readable(&self, fd: RawFd, readable: bool) {
        let what = if readable { Interest::READ } else { Interest::NONE };
        self.scheduler.borrow().poller.set_ready(fd, what);
    }

    pub(crate) fn perform(&self, action: &Action) {
        match *action {
            Action::Soon(id) => self.scheduler.borrow_mut().schedule(id),
            Action::Later(delay, id) => {
                let when = self.clock.now() + delay;
                let key = self.scheduler.borrow_mut().timers.insert(when, id);
                let key = key.expect("few timers are pending");
                self.timers.borrow_mut().entry(id).or_default().push(key);
            }
            Action::Cancel(id) => {
                let key = self.timers.borrow_mut().get_mut(&id).and_then(Vec::pop);
                if let Some(key) = key {
                    self.scheduler.borrow_mut().timers.cancel(key);
                }
            }
            Action::Send(id) => {
                self.inbox.push(id).expect("the inbox is open");
            }
            Action::Watch(fd, id) => {
                self.perform(&Action::Unwatch(fd));
                let mut scheduler = self.scheduler.borrow_mut();
                let poller = scheduler.poller.clone();
                scheduler
                    .reactor
                    .insert(&*poller, fd, Interest::READ, id)
                    .expect("the descriptor was unwatched");
            }
            Action::Unwatch(fd) => {
                let mut scheduler = self.scheduler.borrow_mut();
                let poller = scheduler.poller.clone();
                if let Some(token) = scheduler.reactor.lookup(fd) {
                    scheduler.reactor.remove(&*poller, token);
                }
            }
            Action::Readable(fd, readable) => self.set_readable(fd, readable),
            Action::Elapse(length) => self.clock.advance(length),
            Action::Tick(ticks) => self.ticks.set(self.ticks.get() + ticks),
            Action::Notice => self.counters.notice(),
            Action::Stop => self.scheduler.borrow_mut().stopping = true,
            Action::Fail => {}
        }
    }

    fn perform_script(&self, id: Id) -> Result<(), Failure> {
        let script = self.scripts.borrow().get(&id).cloned().unwrap_or_default();
        for action in &script {
            self.perform(action);
        }
        let fails = script.iter().any(|action| matches!(action, Action::Fail));
        if fails { Err(Failure::Item(id)) } else { Ok(()) }
    }

    /// What other threads do while the loop is parked: they push, and the one that is told to wakes
    /// it.
    fn let_others_push(&self) {
        for id in self.arrivals.take() {
            if self.inbox.push(id) == Ok(Pushed::Wake) {
                self.set_readable(WAKEUP_FD, true);
            }
        }
    }
}

impl Host for World {
    type Item = Id;
    type Source = Id;
    type Poller = SimPoller;
    type Error = Failure;

    fn with<R>(&self, f: impl FnOnce(&mut Scheduler<Id, Id, SimPoller>) -> R) -> R {
        f(&mut self.scheduler.borrow_mut())
    }

    fn inbox(&self) -> &Inbox<Id> {
        &self.inbox
    }

    fn counters(&self) -> &Counters {
        &self.counters
    }

    fn now(&self) -> Result<Nanos, Failure> {
        if self.clock_raises.get() { Err(Failure::Clock) } else { Ok(self.clock.now()) }
    }

    fn ticks(&self) -> u64 {
        self.ticks.get()
    }

    fn poll_budget(&self) -> Option<u64> {
        self.budget.get()
    }

    fn wait(&self, timeout: Timeout) -> Result<(), Failure> {
        self.trace.borrow_mut().push(Ran::Poll(timeout));
        let (poller, mut events) = self
            .with(|scheduler| (scheduler.poller.clone(), std::mem::take(&mut scheduler.events)));
        let waited: io::Result<()> = if timeout == Timeout::Zero || !self.inbox.park() {
            aioxide_core::Poller::wait(&*poller, &mut events, Timeout::Zero)
        } else {
            self.counters.enter(aioxide_core::State::Polling);
            self.let_others_push();
            let waited = aioxide_core::Poller::wait(&*poller, &mut events, timeout);
            self.counters.resume(aioxide_core::State::Running, self.ticks.get());
            self.inbox.unpark();
            waited
        };
        if events.iter().any(|event| event.token == WAKEUP) {
            events.retain(|event| event.token != WAKEUP);
            self.set_readable(WAKEUP_FD, false);
        }
        self.with(|scheduler| scheduler.events = events);
        waited.map_err(|error| Failure::Poll(error.raw_os_error().unwrap_or(0)))
    }

    fn identify(item: &Id) -> usize {
        *item as usize
    }

    fn run(&self, item: Id) -> Result<(), Failure> {
        self.trace.borrow_mut().push(Ran::Item(item));
        self.seen_running.set(Some((self.counters.current(), self.counters.state())));
        self.perform_script(item)
    }

    fn dispatch(&self, event: Event) -> Result<(), Failure> {
        let source = self.with(|scheduler| scheduler.reactor.source(event.token).copied());
        let Some(source) = source else { return Ok(()) };
        self.trace.borrow_mut().push(Ran::Event(source));
        self.perform_script(source)
    }

    fn flush(&self) -> Result<(), Failure> {
        self.trace.borrow_mut().push(Ran::Flush);
        Ok(())
    }

    fn freed(&self, ticks: u64, turn: bool) -> Result<(), Failure> {
        self.freed.borrow_mut().push((ticks, turn));
        self.counters.unnotice();
        Ok(())
    }
}
