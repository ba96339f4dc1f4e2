//! The connections that a client keeps.
//!
//! A request takes a *slot*, and with it an idle connection or the right to open one. While no
//! slot is free it waits:
//!
//! ```text
//!           acquire                release, kept
//!   request ───────► leased ──────────────────────► idle ──► reused, expired, dead or evicted
//!      │               ▲ │ release, not kept; discard
//!      │ no slot       │ └──────────────────────────► gone
//!      ▼      a slot   │ claim
//!   waiting ────────► woken
//!      │                │
//!      └─ cancel_wait ──┴──► gone; the slot of a woken one passes on
//! ```
//!
//! A woken waiter has its slot already: nobody who comes later can take it, so a free slot and a
//! waiter that could use it never exist together, and whoever is cancelled between being woken and
//! its claim hands a slot on that somebody gets. A [`Lease`] is the slot in the caller's hands. It
//! cannot be copied and is consumed by [`Pool::release`] or [`Pool::discard`], so no slot is given
//! back twice. A lease that is only dropped is lost with its slot: the owner returns it in `Drop`.
//!
//! Within a key, first come is first served. Between keys with waiters the turn goes round, so ten
//! thousand requests to one host do not hold up a single one to another, and a key at its own limit
//! is left out until it is below. aiohttp draws the next key at random, to the same end; it also
//! lets a newcomer have an idle connection past waiters and past the limit, which is not so here.
//!
//! Idle connections of a key are used in the order in which they came back, as in aiohttp. They do
//! not count against the limits, as in aiohttp, but against [`Settings::max_descriptors`] they do:
//! to open a connection beyond that, the one that has been idle for longest is closed.
//!
//! Connections to be closed come out of [`Pool::poll_closing`], waiters to be told out of
//! [`Pool::poll_woken`]; ask both after each operation. Everything costs O(1), amortised, but for
//! [`Pool::close`], which sorts the waiters.

mod arena;
mod host;
mod idle;
mod slots;
mod stats;

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use thiserror::Error;

pub(crate) use arena::{Arena, Key, Queue};
use host::Host;
use idle::IdleConnections;
use stats::Counts;
pub use stats::{KeyStats, Stats};

/// What a pool allows. A zero limit is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Connections in use at a time.
    pub limit: usize,
    /// Connections in use at a time for one key.
    pub limit_per_host: usize,
    /// How long a connection may be idle; `None` for as long as it lives.
    pub keepalive_timeout: Option<Duration>,
    /// Nothing is kept.
    pub force_close: bool,
    /// Requests that wait at a time.
    pub max_waiters: usize,
    /// Connections that are open at a time, in use or idle. See [`Pool::set_max_descriptors`].
    pub max_descriptors: usize,
}

impl Default for Settings {
    /// aiohttp's.
    fn default() -> Self {
        Self {
            limit: 100,
            limit_per_host: 0,
            keepalive_timeout: Some(Duration::from_secs(15)),
            force_close: false,
            max_waiters: 0,
            max_descriptors: 0,
        }
    }
}

/// A slot in the caller's hands.
#[derive(Debug)]
#[must_use = "a lease that is not returned occupies a slot for ever"]
pub struct Lease {
    pool: u64,
    host: Key,
}

/// Names one that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WaiterId(Key);

/// Names a connection while it is idle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IdleId(Key);

/// What a request gets.
#[derive(Debug)]
#[must_use]
pub enum Acquired<C> {
    /// A connection that was kept.
    Idle(C, Lease),
    /// The right to open one.
    Connect(Lease),
    /// A place in the queue.
    Wait(WaiterId),
}

/// Why a request gets nothing.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum AcquireError {
    /// The pool is closed.
    #[error("the pool is closed")]
    Closed,
    /// [`Settings::max_waiters`] wait already.
    #[error("{limit} requests wait for a connection already")]
    TooManyWaiting {
        /// The setting.
        limit: usize,
    },
    /// The waiter has claimed or was cancelled before.
    #[error("this request does not wait any more")]
    NotWaiting,
}

/// What [`Pool::close`] leaves to the caller.
#[derive(Debug)]
pub struct Closed<C> {
    /// To be closed.
    pub idle: Vec<C>,
    /// To be told, the longest waiting first.
    pub waiters: Vec<WaiterId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// In its host's queue.
    Waiting,
    /// Has a slot, and is in the queue of those to be told.
    Woken,
    /// Has a slot and was told.
    Told,
}

#[derive(Debug)]
struct Waiter {
    host: Key,
    turn: Turn,
}

/// Tells a lease of another pool.
static NEXT_POOL: AtomicU64 = AtomicU64::new(0);

/// The state of a client's connections. Pure: the time is an argument.
#[derive(Debug)]
pub struct Pool<K, C> {
    id: u64,
    settings: Settings,
    closed: bool,
    by_key: HashMap<K, Key>,
    /// First links: `turns`.
    hosts: Arena<Host<K>>,
    /// Hosts that have waiters and are below their own limit, in the order of their turns.
    turns: Queue<0>,
    idle: IdleConnections<C>,
    /// First links: the host's `waiting`; second links: `woken`.
    waiters: Arena<Waiter>,
    /// Waiters that have a slot and were not told yet.
    woken: Queue<1>,
    closing: VecDeque<C>,
    /// Slots of leases.
    leased: usize,
    /// Slots of woken waiters.
    granted: usize,
    counts: Counts,
}

impl<K: Eq + Hash + Clone, C> Pool<K, C> {
    /// An empty pool.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            id: NEXT_POOL.fetch_add(1, Ordering::Relaxed),
            settings,
            closed: false,
            by_key: HashMap::new(),
            hosts: Arena::new(),
            turns: Queue::new(),
            idle: IdleConnections::new(),
            waiters: Arena::new(),
            woken: Queue::new(),
            closing: VecDeque::new(),
            leased: 0,
            granted: 0,
            counts: Counts::default(),
        }
    }

    /// Takes a slot for `key`, or a place in the queue. Each idle connection of the key is shown to
    /// `is_alive` until one is; the dead ones are to be closed.
    ///
    /// # Errors
    /// The pool is closed, or too many wait.
    pub fn acquire(
        &mut self,
        key: &K,
        now: Duration,
        is_alive: impl FnMut(&C) -> bool,
    ) -> Result<Acquired<C>, AcquireError> {
        if self.closed {
            return Err(AcquireError::Closed);
        }
        let known = self.by_key.get(key).copied();
        if self.has_room() && known.is_none_or(|host| self.is_below_own_limit(host)) {
            let connection = known.and_then(|host| self.find_alive(host, now, is_alive));
            let host = known.unwrap_or_else(|| self.add_host(key));
            return Ok(self.lease(host, connection));
        }
        let limit = self.settings.max_waiters;
        if limit != 0 && self.waiters.len() >= limit {
            return Err(AcquireError::TooManyWaiting { limit });
        }
        let host = known.unwrap_or_else(|| self.add_host(key));
        Ok(Acquired::Wait(WaiterId(self.enqueue(host))))
    }

    /// Takes a slot for `key` with an idle connection, where that needs neither waiting nor
    /// connecting. The dead connections that it comes upon are to be closed.
    pub fn acquire_idle(
        &mut self,
        key: &K,
        now: Duration,
        is_alive: impl FnMut(&C) -> bool,
    ) -> Option<(C, Lease)> {
        let host = self.by_key.get(key).copied()?;
        if self.closed || !self.has_room() || !self.is_below_own_limit(host) {
            return None;
        }
        let Some(connection) = self.find_alive(host, now, is_alive) else {
            self.settle(host);
            return None;
        };
        match self.lease(host, Some(connection)) {
            Acquired::Idle(connection, lease) => Some((connection, lease)),
            Acquired::Connect(_) | Acquired::Wait(_) => None,
        }
    }

    /// Takes a slot for `key` to open a connection with, where that needs no waiting. Whoever wants
    /// an idle one has asked for it before.
    pub fn acquire_new(&mut self, key: &K) -> Option<Lease> {
        let known = self.by_key.get(key).copied();
        let below = known.is_none_or(|host| self.is_below_own_limit(host));
        if self.closed || !self.has_room() || !below {
            return None;
        }
        let host = known.unwrap_or_else(|| self.add_host(key));
        match self.lease(host, None) {
            Acquired::Connect(lease) => Some(lease),
            Acquired::Idle(..) | Acquired::Wait(_) => None,
        }
    }

    /// A waiter comes for its slot. One that was not woken goes on waiting, in its place.
    ///
    /// # Errors
    /// The pool was closed meanwhile, or the waiter is none.
    pub fn claim(
        &mut self,
        id: WaiterId,
        now: Duration,
        is_alive: impl FnMut(&C) -> bool,
    ) -> Result<Acquired<C>, AcquireError> {
        if self.closed {
            return Err(AcquireError::Closed);
        }
        let &Waiter { host, turn } = self.waiters.get(id.0).ok_or(AcquireError::NotWaiting)?;
        if turn == Turn::Waiting {
            return Ok(Acquired::Wait(id));
        }
        let connection = self.find_alive(host, now, is_alive);
        self.revoke(id.0);
        Ok(self.lease(host, connection))
    }

    /// A waiter gives up. If it was woken, its slot goes to the next. One that does not wait any
    /// more may say so again.
    pub fn cancel_wait(&mut self, id: WaiterId) {
        if let Some(host) = self.revoke(id.0) {
            self.settle(host);
        }
    }

    /// The next waiter that has got a slot, each once: it may [`Pool::claim`].
    pub fn poll_woken(&mut self) -> Option<WaiterId> {
        let id = self.woken.first(&self.waiters)?;
        self.woken.unlink(&mut self.waiters, id);
        self.waiters.get_mut(id)?.turn = Turn::Told;
        Some(WaiterId(id))
    }

    /// Returns a slot with its connection, which is kept if it is `reusable` and the pool keeps
    /// any. The id is for [`Pool::remove_idle`].
    pub fn release(
        &mut self,
        lease: Lease,
        connection: C,
        reusable: bool,
        now: Duration,
    ) -> Option<IdleId> {
        let host = self.take_back(lease);
        let keeps = reusable && !self.settings.force_close && !self.closed;
        let found = host.and_then(|host| self.hosts.get_mut(host)).filter(|_| keeps);
        let kept = match (host, found) {
            (Some(host), Some(found)) => Some(self.idle.keep(host, found, connection, now)),
            _ => {
                self.closing.push_back(connection);
                None
            }
        };
        if let Some(host) = host {
            self.settle(host);
        }
        // More may be open than there should be, since the number was lowered.
        self.evict();
        kept.map(IdleId)
    }

    /// Returns a slot whose connection failed, was closed or never came to be.
    pub fn discard(&mut self, lease: Lease) {
        if let Some(host) = self.take_back(lease) {
            self.settle(host);
        }
    }

    /// The next connection that the pool does not keep: it is to be closed.
    pub fn poll_closing(&mut self) -> Option<C> {
        self.closing.pop_front()
    }

    /// When the connection that has been idle for longest expires.
    #[must_use]
    pub fn next_expiry(&self) -> Option<Duration> {
        self.idle.oldest_since()?.checked_add(self.settings.keepalive_timeout?)
    }

    /// Takes out the connections that have been idle for too long, to be closed.
    #[must_use]
    pub fn take_expired(&mut self, now: Duration) -> Vec<C> {
        let mut expired = Vec::new();
        while self.next_expiry().is_some_and(|at| at <= now) {
            expired.extend(self.take_oldest());
        }
        self.counts.expired += expired.len() as u64;
        expired
    }

    /// Takes out all connections that are idle, to be closed; the longest idle first.
    #[must_use]
    pub fn take_idle(&mut self) -> Vec<C> {
        std::iter::from_fn(|| self.take_oldest()).collect()
    }

    /// Takes out a connection that its peer closed while it was idle. `None` when it is not idle
    /// any more.
    pub fn remove_idle(&mut self, id: IdleId) -> Option<C> {
        let connection = self.take_out(id.0)?;
        self.counts.dead += 1;
        Some(connection)
    }

    /// Changes how many connections may be open, in use or idle; 0 for any number. What is idle
    /// beyond that is to be closed; what is in use beyond that stays, and requests wait.
    pub fn set_max_descriptors(&mut self, max_descriptors: usize) {
        self.settings.max_descriptors = max_descriptors;
        self.evict();
        self.wake();
    }

    /// Refuses requests from now on. Leases still come back; their connections are to be closed.
    pub fn close(&mut self) -> Closed<C> {
        self.closed = true;
        let idle = self.take_idle();
        let mut waiters: Vec<WaiterId> = self.waiters.keys().map(WaiterId).collect();
        waiters.sort_unstable_by_key(|id| id.0.serial());
        for id in &waiters {
            self.cancel_wait(*id);
        }
        Closed { idle, waiters }
    }

    /// [`Pool::close`] was called.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        self.closed
    }

    /// What the pool allows.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }
}
