//! The state of one loop: what is queued, what is due when, who owns which descriptor.
//!
//! Everything here finishes before it returns, and nothing here calls the host. What leaves a
//! queue is handed to the caller, who drops it after the borrow has ended.

use std::sync::Arc;

use crate::clock::Nanos;
use crate::poller::{Event, Poller, Timeout};
use crate::reactor::Reactor;
use crate::ready::ReadyQueue;
use crate::timers::Timers;
use crate::turn::{POLL_BUDGET, POLL_LEAST, POLLED_TURNS};

/// One entry of the ready queue.
#[derive(Debug)]
pub enum Ready<T> {
    /// Something that was scheduled.
    Item(T),
    /// A descriptor that is ready. Events queue up with the items, so that they run in the order
    /// that asyncio gives them: what was scheduled before the poll, then I/O, then timers.
    Event(Event),
}

/// What a turn does about its poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Work is ready and the last poll is recent: none.
    Skip,
    /// Work is ready and the last poll is not recent: look, and do not wait.
    Look,
    /// Nothing is ready: wait for the next timer, or for anything.
    Wait,
}

/// The scheduler of one loop: `T` is what runs, `S` what owns a descriptor, `P` the poller.
#[derive(Debug)]
pub struct Scheduler<T, S, P> {
    /// What runs next.
    pub ready: ReadyQueue<Ready<T>>,
    /// What runs later.
    pub timers: Timers<T>,
    /// Who owns which descriptor.
    pub reactor: Reactor<S>,
    /// Shared, so that a poll can go on while the scheduler is not borrowed.
    pub poller: Arc<P>,
    /// What the last poll found, between [`crate::Host::wait`] and its end.
    pub events: Vec<Event>,
    /// The loop is to end after this turn.
    pub stopping: bool,
    /// The number of the current turn.
    pub turn: u64,
    /// The latest time that anybody read: a timer due by then is due without another reading.
    pub seen: Nanos,
    /// The tick count at the end of the last step or poll.
    pub ticks: u64,
    /// The buffer that takes turns with the inbox's; empty but for its capacity.
    pub arrived: Vec<T>,
    last_poll: u64,
    /// The last poll that found an event.
    last_event: u64,
    /// For how many ticks after the last poll the next one may be put off.
    put_off: u64,
    /// For how long it may be put off at most, as far as that is known.
    budget: u64,
    /// So many more polls that find nothing put off no other.
    eager: u32,
    /// What events have woken is to run before the next poll.
    answers: bool,
    /// How many events named no registration since the poller was new.
    strays: usize,
}

/// So many stray events are not worth a new poller, whatever there is to register.
const STRAYS: usize = 16;

impl<T, S, P: Poller> Scheduler<T, S, P> {
    /// An empty scheduler over `poller`.
    #[must_use]
    pub fn new(poller: P) -> Self {
        Self {
            ready: ReadyQueue::new(),
            timers: Timers::new(),
            reactor: Reactor::new(),
            poller: Arc::new(poller),
            events: Vec::new(),
            stopping: false,
            turn: 0,
            seen: Nanos::MIN,
            ticks: 0,
            arrived: Vec::new(),
            last_poll: 0,
            last_event: 0,
            put_off: 0,
            budget: 0,
            eager: 0,
            answers: false,
            strays: 0,
        }
    }

    /// The next turn polls, however recent the last poll is.
    pub fn poll_next_turn(&mut self) {
        self.put_off = 0;
    }

    /// The loop begins to run, or to wait: the next turn polls, and so do [`POLLED_TURNS`] after it,
    /// as with asyncio. Of these, turns after an event that come sooner than [`POLL_LEAST`] do not.
    pub fn poll_next_turns(&mut self) {
        self.put_off = 0;
        self.eager = POLLED_TURNS;
    }

    /// An event has woken whoever goes on in the next turn, which does not poll in between, unless
    /// the last poll is longer ago than the budget: the events that one poll has found then have
    /// all of their work done together, and the next poll finds all that has come meanwhile.
    #[inline]
    pub fn answer_next_turn(&mut self) {
        self.answers = true;
    }

    /// Begins a turn.
    #[inline]
    pub fn begin_turn(&mut self) -> Plan {
        self.turn += 1;
        // A poll that was asked for is not put off.
        let answers = std::mem::take(&mut self.answers) && self.put_off != 0;
        let put_off = if answers { self.budget } else { self.put_off };
        if self.ready.is_empty() && !self.stopping {
            Plan::Wait
        } else if self.ticks.wrapping_sub(self.last_poll) < put_off {
            Plan::Skip
        } else {
            Plan::Look
        }
    }

    /// How long the poll may wait when nothing is ready at `now`.
    pub fn timeout(&mut self, now: Nanos) -> Timeout {
        match self.timers.next_deadline() {
            None => Timeout::Never,
            Some(when) if when <= now => Timeout::Zero,
            Some(when) => Timeout::After(when.saturating_sub(now)),
        }
    }

    /// Queues what the poll found, and decides for how long work that is ready may put off the
    /// next one: a sixteenth of the time since a poll last found an event, but at least
    /// [`POLL_LEAST`] and at most [`POLL_BUDGET`]. So a busy descriptor is looked at often, and
    /// quiet ones cost next to nothing. `budget` is the latter in ticks, `None` when that is not
    /// known yet: then each turn polls. A poll that finds nothing puts off no other while the turns
    /// of [`Scheduler::poll_next_turns`] last.
    pub fn end_poll(&mut self, ticks: u64, budget: Option<u64>) {
        let mut found = false;
        for event in self.events.drain(..) {
            if self.reactor.source(event.token).is_some() {
                found = true;
                self.last_event = ticks;
                self.ready.push(Ready::Event(event));
            } else {
                self.strays += 1;
            }
        }
        self.ticks = ticks;
        self.last_poll = ticks;
        self.budget = budget.unwrap_or(0);
        if !found && self.eager > 0 {
            self.eager -= 1;
            self.put_off = 0;
            return;
        }
        self.put_off = budget.map_or(0, |budget| {
            let least = budget / const { (POLL_BUDGET / POLL_LEAST) as u64 };
            (ticks.wrapping_sub(self.last_event) >> 4).clamp(least, budget)
        });
    }

    /// Whether the poller goes on telling of what nobody asks for: of descriptors that were closed
    /// before they were taken out, while a copy is open elsewhere. The loop would never wait again.
    /// True once such events have cost as much as moving everything to a new poller.
    #[must_use]
    pub fn has_strays(&self) -> bool {
        self.strays > STRAYS + self.reactor.len()
    }

    /// Registers everything with `poller`, which is the poller from now on, and returns the old
    /// one. Nothing happens without a new one, and strays are counted anew.
    pub fn move_to(&mut self, poller: Option<P>) -> Option<Arc<P>> {
        self.strays = 0;
        let poller = poller?;
        self.reactor.add_all(&poller);
        Some(std::mem::replace(&mut self.poller, Arc::new(poller)))
    }

    /// Queues the timers that are due by the time seen last, and fixes the batch: exactly what is
    /// queued now.
    #[inline]
    pub fn begin_batch(&mut self) -> usize {
        if !self.timers.is_empty() {
            while let Some(item) = self.timers.pop_due(self.seen) {
                self.ready.push(Ready::Item(item));
            }
        }
        self.ready.len()
    }

    /// Whether the next step is an event.
    #[inline]
    #[must_use]
    pub fn event_is_next(&self) -> bool {
        matches!(self.ready.first(), Some(Ready::Event(_)))
    }

    /// Queues `item`.
    #[inline]
    pub fn schedule(&mut self, item: T) {
        self.ready.push(Ready::Item(item));
    }
}
