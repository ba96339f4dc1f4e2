//! How many requests in which time, and how many at a time.
//!
//! A request takes its turn: at once, if it may, or as a waiter, first come, first served.
//!
//! ```text
//!   acquire ──────────────► permit ──► release
//!      │ too early            ▲
//!      ▼      poll_woken      │ claim
//!   waiting ───────────────► woken
//!      ▲                       │
//!      └──── pause_until ──────┘      cancel_wait: gone, from either
//! ```
//!
//! A turn is charged when it is taken, by [`Limiter::acquire`] or [`Limiter::claim`], and not
//! when the waiter was woken: what counts for the server is when requests are made. Until then a
//! woken waiter holds its place, so that never more are woken than may go; if it is cancelled, its
//! place is free at once and nothing was used up.
//!
//! After each operation and at [`Limiter::next_at`], ask [`Limiter::poll_woken`] until it has
//! nothing more.

mod gcra;
mod window;

use std::num::NonZeroU32;
use std::time::Duration;

use thiserror::Error;

use crate::pool::{Arena, Key, Queue};
use gcra::Gcra;
use window::Window;

/// How many requests in which time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Requests in each interval.
    pub limit: NonZeroU32,
    /// The interval.
    pub interval: Duration,
    /// How many may be made at once after a time without any. 1 spaces them evenly, and then a
    /// turn that is taken late is lost; `limit` allows a whole interval's together.
    pub burst: NonZeroU32,
    /// No interval sees more than `limit`, wherever it begins. Without this, the one that begins
    /// with a burst sees up to `limit + burst - 1`. Costs 16 bytes of memory for each of `limit`.
    pub strict: bool,
}

/// What a limiter allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Requests in time; `None` for any number.
    pub rate: Option<Rate>,
    /// Requests at a time; 0 for any number.
    pub concurrency: usize,
    /// Requests that wait at a time; 0 for any number.
    pub max_waiters: usize,
}

/// A request that was let through and has not ended.
#[derive(Debug)]
#[must_use = "a permit that is not released counts as a request that never ends"]
pub struct Permit(());

/// Names one that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WaiterId(Key);

/// What a request gets.
#[derive(Debug)]
#[must_use]
pub enum Turn {
    /// It may be made now.
    Go(Permit),
    /// A place in the queue.
    Wait(WaiterId),
}

/// Why a request gets nothing.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum LimitError {
    /// [`Settings::max_waiters`] wait already.
    #[error("{limit} requests wait for their turn already")]
    TooManyWaiting {
        /// The setting.
        limit: usize,
    },
    /// The waiter has claimed or was cancelled before.
    #[error("this request does not wait any more")]
    NotWaiting,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// In the queue of those to be woken.
    Waiting,
    /// In the queue of those that were.
    Woken,
}

/// The state of a limiter. Pure: the time is an argument.
#[derive(Debug)]
pub struct Limiter {
    settings: Settings,
    gcra: Option<Gcra>,
    window: Option<Window>,
    /// Permits that have not come back.
    active: usize,
    /// First links: `waiting`; second links: `woken`.
    waiters: Arena<State>,
    waiting: Queue<0>,
    /// Those with a place, the one that waited longest first.
    woken: Queue<1>,
    /// Nobody goes before.
    paused_until: Duration,
}

impl Limiter {
    /// A limiter that has let nothing through yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let rate = settings.rate;
        Self {
            settings,
            gcra: rate.map(|rate| Gcra::new(&rate)),
            // Requests that are spaced evenly never exceed the limit.
            window: rate
                .filter(|rate| rate.strict && rate.burst.get() > 1)
                .map(|rate| Window::new(&rate)),
            active: 0,
            waiters: Arena::new(),
            waiting: Queue::new(),
            woken: Queue::new(),
            paused_until: Duration::ZERO,
        }
    }

    /// Takes a turn, or a place in the queue.
    ///
    /// # Errors
    /// Too many wait.
    pub fn acquire(&mut self, now: Duration) -> Result<Turn, LimitError> {
        if self.waiting.is_empty() && self.opens_at().is_some_and(|at| at <= now) {
            return Ok(Turn::Go(self.charge(now)));
        }
        let limit = self.settings.max_waiters;
        if limit != 0 && self.waiters.len() >= limit {
            return Err(LimitError::TooManyWaiting { limit });
        }
        let waiter = self.waiters.insert(State::Waiting);
        self.waiting.push_back(&mut self.waiters, waiter);
        Ok(Turn::Wait(WaiterId(waiter)))
    }

    /// The next waiter whose turn it is, each once: it may [`Limiter::claim`].
    pub fn poll_woken(&mut self, now: Duration) -> Option<WaiterId> {
        let waiter = self.waiting.first(&self.waiters)?;
        if self.opens_at()? > now {
            return None;
        }
        self.waiting.unlink(&mut self.waiters, waiter);
        self.woken.push_back(&mut self.waiters, waiter);
        *self.waiters.get_mut(waiter)? = State::Woken;
        Some(WaiterId(waiter))
    }

    /// When the next waiter's turn comes. `None` while nobody waits, and while it depends on others:
    /// on those that were woken or on those that are under way.
    #[must_use]
    pub fn next_at(&self) -> Option<Duration> {
        if self.waiting.is_empty() { None } else { self.opens_at() }
    }

    /// A waiter takes its turn. One that was not woken, or was put back by a pause, goes on waiting
    /// in its place.
    ///
    /// # Errors
    /// The waiter is none.
    pub fn claim(&mut self, id: WaiterId, now: Duration) -> Result<Turn, LimitError> {
        match self.waiters.get(id.0) {
            None => return Err(LimitError::NotWaiting),
            Some(State::Waiting) => return Ok(Turn::Wait(id)),
            Some(State::Woken) => {}
        }
        self.woken.unlink(&mut self.waiters, id.0);
        self.waiters.remove(id.0);
        Ok(Turn::Go(self.charge(now)))
    }

    /// A waiter gives up; its place is free for the next. One that does not wait any more may say
    /// so again.
    pub fn cancel_wait(&mut self, id: WaiterId) {
        match self.waiters.get(id.0) {
            None => return,
            Some(State::Waiting) => self.waiting.unlink(&mut self.waiters, id.0),
            Some(State::Woken) => self.woken.unlink(&mut self.waiters, id.0),
        }
        self.waiters.remove(id.0);
    }

    /// A request has ended.
    pub fn release(&mut self, permit: Permit) {
        let Permit(()) = permit;
        self.active = self.active.saturating_sub(1);
    }

    /// Lets nobody go before `until`: a server has said when to come back. Those that were woken
    /// and did not claim wait again, in their places. A pause only grows.
    pub fn pause_until(&mut self, until: Duration) {
        self.paused_until = self.paused_until.max(until);
        while let Some(waiter) = self.woken.last(&self.waiters) {
            self.woken.unlink(&mut self.waiters, waiter);
            self.waiting.push_front(&mut self.waiters, waiter);
            if let Some(state) = self.waiters.get_mut(waiter) {
                *state = State::Waiting;
            }
        }
    }

    /// Ends a pause before its time.
    pub const fn resume(&mut self) {
        self.paused_until = Duration::ZERO;
    }

    /// Permits that have not come back.
    #[must_use]
    pub const fn active(&self) -> usize {
        self.active
    }

    /// Requests without a turn, woken or not.
    #[must_use]
    pub const fn waiting(&self) -> usize {
        self.waiters.len()
    }

    /// What the limiter allows.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// From when on one more than those that were woken may go. `None`: not before one of them
    /// claims or is cancelled, or a request ends.
    fn opens_at(&self) -> Option<Duration> {
        let Settings { concurrency, .. } = self.settings;
        let woken = self.woken.len();
        if concurrency != 0 && self.active.saturating_add(woken) >= concurrency {
            return None;
        }
        let mut at = self.paused_until;
        if let Some(gcra) = &self.gcra {
            at = at.max(gcra.opens_at(woken)?);
        }
        if let Some(window) = &self.window {
            at = at.max(window.opens_at(woken)?);
        }
        Some(at)
    }

    fn charge(&mut self, now: Duration) -> Permit {
        if let Some(gcra) = &mut self.gcra {
            gcra.charge(now);
        }
        if let Some(window) = &mut self.window {
            window.charge(now);
        }
        self.active = self.active.saturating_add(1);
        Permit(())
    }
}
