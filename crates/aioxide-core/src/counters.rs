//! What the loop is doing, for whoever wants to look: another thread, a report, a test.
//!
//! Written by the loop's thread only, with relaxed stores (plain moves), read by anybody. A reader
//! that needs several fields to fit together reads `epoch` before and after.

use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering::Relaxed};

/// How many buckets [`Counters::steps`] has: one for each power of two of ticks.
pub const BUCKETS: usize = 64;

/// What the loop's thread is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum State {
    /// Not running.
    Idle = 0,
    /// In the poller.
    Polling = 1,
    /// In a callback, or between two.
    Running = 2,
}

/// The counters of one loop, on cache lines of their own.
#[derive(Debug)]
#[repr(align(64))]
pub struct Counters {
    epoch: AtomicU64,
    current: AtomicUsize,
    step_started: AtomicU64,
    ready: AtomicUsize,
    state: AtomicU8,
    turns: AtomicU64,
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
            ready: AtomicUsize::new(0),
            state: AtomicU8::new(State::Idle as u8),
            turns: AtomicU64::new(0),
            polls: AtomicU64::new(0),
            poll_ticks: AtomicU64::new(0),
            busy_ticks: AtomicU64::new(0),
            steps: [const { AtomicU64::new(0) }; BUCKETS],
        }
    }

    /// A step begins at `ticks`; `current` identifies what runs (0: nothing that has a name).
    #[inline]
    pub fn step_begins(&self, current: usize, ticks: u64) {
        self.epoch.store(self.epoch.load(Relaxed).wrapping_add(1), Relaxed);
        self.current.store(current, Relaxed);
        self.step_started.store(ticks, Relaxed);
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

    /// A turn begins with `ready` items queued.
    #[inline]
    pub fn turn_begins(&self, ready: usize) {
        self.turns.store(self.turns.load(Relaxed) + 1, Relaxed);
        self.ready.store(ready, Relaxed);
    }

    /// A poll took `ticks`.
    #[inline]
    pub fn polled(&self, ticks: u64) {
        self.polls.store(self.polls.load(Relaxed) + 1, Relaxed);
        self.poll_ticks.store(self.poll_ticks.load(Relaxed).wrapping_add(ticks), Relaxed);
    }

    /// The loop's thread is at something else now.
    #[inline]
    pub fn enter(&self, state: State) {
        self.state.store(state as u8, Relaxed);
    }

    /// What the loop's thread is at.
    #[must_use]
    pub fn state(&self) -> State {
        match self.state.load(Relaxed) {
            1 => State::Polling,
            2 => State::Running,
            _ => State::Idle,
        }
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
