//! What the loop is doing, for whoever wants to look: another thread, a report, a test.
//!
//! Written by the loop's thread only, with relaxed stores (plain moves), read by anybody. A reader
//! that needs several fields to fit together takes a [`Look`]. One field goes the other way: by
//! [`Counters::notice`] a reader asks to be told when the loop is free again.

use std::sync::atomic::{
    AtomicU8, AtomicU64, AtomicUsize,
    Ordering::{Acquire, Relaxed, Release},
    fence,
};

/// How many buckets [`Counters::steps`] has: one for each power of two of ticks.
pub const BUCKETS: usize = 64;

/// What the loop's thread is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum State {
    /// Not running.
    Idle = 0,
    /// Waiting in the poller.
    Polling = 1,
    /// In a callback, or between two.
    Running = 2,
    /// Back from the poller, and waiting for whatever lock the host has to take before it runs.
    Waking = 3,
}

impl State {
    /// The thread does not wait for work.
    #[must_use]
    pub const fn is_busy(self) -> bool {
        matches!(self, Self::Running | Self::Waking)
    }
}

/// What a loop was doing at one moment, as another thread saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// What the thread was at.
    pub state: State,
    /// How many steps had begun.
    pub epoch: u64,
    /// What ran, as it was given to [`Counters::step_begins`].
    pub current: usize,
    /// When it began, in ticks. Together with `epoch` it tells one stretch of work from the next.
    pub started: u64,
    /// The number of the turn.
    pub turn: u64,
    /// When its batch began, in ticks.
    pub turn_started: u64,
    /// How many steps had begun before.
    pub turn_epoch: u64,
    /// How many items the batch had.
    pub ready: usize,
    /// Where the batch lay when it began: the addresses and lengths of the two parts of the ring.
    pub queue: [(usize, usize); 2],
}

impl Look {
    /// Both were taken during the same stretch of work.
    #[must_use]
    pub const fn is_same_work(&self, other: &Self) -> bool {
        self.epoch == other.epoch && self.started == other.started
    }
}

/// The counters of one loop, on cache lines of their own.
#[derive(Debug)]
#[repr(align(64))]
pub struct Counters {
    epoch: AtomicU64,
    current: AtomicUsize,
    step_started: AtomicU64,
    state: AtomicU8,
    noticed: AtomicU8,
    turns: AtomicU64,
    turn_started: AtomicU64,
    turn_epoch: AtomicU64,
    ready: AtomicUsize,
    queue: [AtomicUsize; 4],
    polls: AtomicU64,
    poll_ticks: AtomicU64,
    busy_ticks: AtomicU64,
    steps: [AtomicU64; BUCKETS],
}

impl Counters {
    /// All zero, and idle.
    #[must_use]
    pub fn new() -> Self {
        Self {
            epoch: AtomicU64::new(0),
            current: AtomicUsize::new(0),
            step_started: AtomicU64::new(0),
            state: AtomicU8::new(State::Idle as u8),
            noticed: AtomicU8::new(0),
            turns: AtomicU64::new(0),
            turn_started: AtomicU64::new(0),
            turn_epoch: AtomicU64::new(0),
            ready: AtomicUsize::new(0),
            queue: [const { AtomicUsize::new(0) }; 4],
            polls: AtomicU64::new(0),
            poll_ticks: AtomicU64::new(0),
            busy_ticks: AtomicU64::new(0),
            steps: [const { AtomicU64::new(0) }; BUCKETS],
        }
    }

    /// A step begins at `ticks`; `current` identifies what runs (0: nothing that has a name).
    #[inline]
    pub fn step_begins(&self, current: usize, ticks: u64) {
        self.current.store(current, Relaxed);
        self.step_started.store(ticks, Relaxed);
        // The last, so that whoever sees it sees no older beginning.
        self.epoch.store(self.epoch.load(Relaxed).wrapping_add(1), Release);
    }

    /// The step that began last ends at `ticks`.
    #[inline]
    pub fn step_ends(&self, ticks: u64) {
        let length = ticks.wrapping_sub(self.step_started.load(Relaxed));
        let bucket = &self.steps[(length | 1).ilog2() as usize];
        bucket.store(bucket.load(Relaxed) + 1, Relaxed);
        self.busy_ticks.store(self.busy_ticks.load(Relaxed).wrapping_add(length), Relaxed);
        self.current.store(0, Relaxed);
    }

    /// The batch of a turn begins at `ticks`: `ready` items, which lie in the `queue`.
    #[inline]
    pub fn turn_begins(&self, ready: usize, queue: [(usize, usize); 2], ticks: u64) {
        self.ready.store(ready, Relaxed);
        self.queue[0].store(queue[0].0, Relaxed);
        self.queue[1].store(queue[0].1, Relaxed);
        self.queue[2].store(queue[1].0, Relaxed);
        self.queue[3].store(queue[1].1, Relaxed);
        self.turn_epoch.store(self.epoch.load(Relaxed), Relaxed);
        self.turn_started.store(ticks, Relaxed);
        self.turns.store(self.turns.load(Relaxed) + 1, Release);
    }

    /// A poll lasted from `before` to `after`.
    #[inline]
    pub fn polled(&self, before: u64, after: u64) {
        let ticks = after.wrapping_sub(before);
        self.polls.store(self.polls.load(Relaxed) + 1, Relaxed);
        self.poll_ticks.store(self.poll_ticks.load(Relaxed).wrapping_add(ticks), Relaxed);
        self.step_started.store(after, Relaxed);
        self.turn_started.store(after, Relaxed);
    }

    /// From `ticks` on the thread is at `state`, which [`State::is_busy`].
    #[inline]
    pub fn resume(&self, state: State, ticks: u64) {
        self.step_started.store(ticks, Relaxed);
        self.turn_started.store(ticks, Relaxed);
        self.state.store(state as u8, Release);
    }

    /// The loop's thread is at something else now.
    #[inline]
    pub fn enter(&self, state: State) {
        self.state.store(state as u8, Relaxed);
    }

    /// What the loop's thread is at.
    #[must_use]
    pub fn state(&self) -> State {
        match self.state.load(Acquire) {
            1 => State::Polling,
            2 => State::Running,
            3 => State::Waking,
            _ => State::Idle,
        }
    }

    /// What the loop is doing, from any thread; `None` when it was never the same thing for as
    /// long as it took to look.
    ///
    /// `started` is never older than the step that `epoch` counts, and `turn_started` never older
    /// than `turn`: what changes while one looks makes the work seem younger than it is.
    #[must_use]
    pub fn look(&self) -> Option<Look> {
        const ATTEMPTS: usize = 8;
        (0..ATTEMPTS).find_map(|_| {
            let turn = self.turns.load(Acquire);
            let epoch = self.epoch.load(Acquire);
            let queue = [0, 1, 2, 3].map(|index: usize| self.queue[index].load(Relaxed));
            let look = Look {
                state: self.state(),
                epoch,
                current: self.current.load(Relaxed),
                started: self.step_started.load(Relaxed),
                turn,
                turn_started: self.turn_started.load(Relaxed),
                turn_epoch: self.turn_epoch.load(Relaxed),
                ready: self.ready.load(Relaxed),
                queue: [(queue[0], queue[1]), (queue[2], queue[3])],
            };
            fence(Acquire);
            let now = (self.turns.load(Relaxed), self.epoch.load(Relaxed));
            (now == (turn, epoch)).then_some(look)
        })
    }

    /// Another thread wants to be told when the work that goes on has ended.
    pub fn notice(&self) {
        self.noticed.store(1, Release);
    }

    /// Somebody wants to be told.
    #[inline]
    #[must_use]
    pub fn is_noticed(&self) -> bool {
        self.noticed.load(Relaxed) != 0
    }

    /// Nobody needs to be told any more.
    pub fn unnotice(&self) {
        self.noticed.store(0, Relaxed);
    }

    /// Grows with each step.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch.load(Relaxed)
    }

    /// What runs now, as it was given to [`Counters::step_begins`].
    #[must_use]
    pub fn current(&self) -> usize {
        self.current.load(Relaxed)
    }

    /// When the current step began, in ticks.
    #[must_use]
    pub fn step_started(&self) -> u64 {
        self.step_started.load(Relaxed)
    }

    /// How many items were queued when this turn began.
    #[must_use]
    pub fn ready(&self) -> usize {
        self.ready.load(Relaxed)
    }

    /// How many turns there were.
    #[must_use]
    pub fn turns(&self) -> u64 {
        self.turns.load(Relaxed)
    }

    /// How many polls there were.
    #[must_use]
    pub fn polls(&self) -> u64 {
        self.polls.load(Relaxed)
    }

    /// Ticks spent in polls.
    #[must_use]
    pub fn poll_ticks(&self) -> u64 {
        self.poll_ticks.load(Relaxed)
    }

    /// Ticks spent in steps.
    #[must_use]
    pub fn busy_ticks(&self) -> u64 {
        self.busy_ticks.load(Relaxed)
    }

    /// How many steps took from 2^i to 2^(i+1) ticks, for each i.
    #[must_use]
    pub fn steps(&self) -> [u64; BUCKETS] {
        std::array::from_fn(|bucket| self.steps[bucket].load(Relaxed))
    }
}

impl Default for Counters {
    fn default() -> Self {
        Self::new()
    }
}
